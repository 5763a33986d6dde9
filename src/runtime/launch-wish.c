/* launch-wish: what every kind of mount needs, and the steps that are common to them. See launch-mounts.h. */
#include "base/path.h"
#include "runtime/launch-mounts.h"

bool mounts_in_user_namespace(const struct mounts *m)
{
	return m->l->config->namespaces[NS_USER].set;
}

bool mounts_joined(const struct mounts *m)
{
	return m->l->config->namespaces[NS_MOUNT].path;
}

int mounts_path(struct arena *a, const char *about, const char *path, const char **ret, struct err *e)
{
	char out[PATH_BYTES_MAX];
	struct str clean;

	if (!path || path_normal(str_c(path), out, &clean) < 0)
		return err_set(e, -EBADMSG, "%s: \"%s\" is no path inside the container", about, path ? path : "");
	*ret = arena_str(a, clean).p;
	return 0;
}

bool mounts_host_id(const struct oci_mappings *m, uint64_t inside, uint32_t *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		if (inside < m->v[i].container_id || inside - m->v[i].container_id >= m->v[i].size)
			continue;
		*ret = (uint32_t)(m->v[i].host_id + (inside - m->v[i].container_id));
		return true;
	}
	return false;
}

/* The mount's own data as keys and values by turns, behind what it is about, its type and its source. */
void mounts_add_fs(struct launch_steps *s, struct wish *w, const char *type, const char *source, uint64_t attributes)
{
	size_t n = 0;
	const char **texts = arena_array(s->a, const char *, 6 + 2 * w->o.data_count);

	texts[n++] = w->about;
	texts[n++] = type;
	if (source && *source) {
		texts[n++] = "source";
		texts[n++] = source;
	}
	for (size_t i = 0; i < w->o.data_count; i++) {
		texts[n++] = w->o.data[i].key;
		texts[n++] = w->o.data[i].value;
	}
	w->slot = plan_made(&s->plan);
	w->fs = true;
	plan_add(&s->plan, (struct plan_step){ .kind = PLAN_FS, .slot = w->slot, .arg = { attributes } }, texts, n,
		 STR_NONE);
}

void mounts_add_tree(struct launch_steps *s, int slot, const char *about, const char *path, bool recursive,
		     bool no_follow)
{
	plan_text_step(&s->plan,
		       ((struct plan_step){ .kind = PLAN_TREE, .slot = slot, .arg = { recursive, no_follow } }), about,
		       path);
}

void mounts_add_change(struct launch_steps *s, const char *about, const char *path, uint64_t set, uint64_t clear,
		       uint64_t propagation)
{
	plan_text_step(
		&s->plan,
		((struct plan_step){ .kind = PLAN_CHANGE, .slot = -1, .arg = { set, clear, 0, 0, propagation << 32 } }),
		about, path);
}
