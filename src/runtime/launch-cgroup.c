/* launch-cgroup: control groups as a container sees them: copies of the mounts of its own groups, so that on v1 as on
 * v2 there is nothing above them to be seen, with a cgroup namespace or without. Read-only unless the configuration
 * wants otherwise (strict mode never lets it); without privileges a cgroup namespace is needed for that too, since what
 * is shown then are groups that the user's other processes are in (CVE-2023-25809, R6). */
#include <linux/mount.h>

#include "runtime/launch-mounts.h"

#define NAME_HEAD "name="
#define HOST_CGROUPS "/sys/fs/cgroup"

bool wish_is_cgroup(const struct wish *w)
{
	return w->mount->type && (strcmp(w->mount->type, "cgroup") == 0 || strcmp(w->mount->type, "cgroup2") == 0);
}

/* A user without rights may have been given no group at all in a hierarchy. */
static bool has_group(const struct mounts *m, size_t i)
{
	return m->l->cgroup->dirs[i] >= 0;
}

/* NULL: the container has no groups, and is shown the host's. */
static const struct cgroup_host *host_of(const struct mounts *m)
{
	const struct cgroup_host *h = m->l->cgroup ? m->l->cgroup->host : NULL;

	return h && h->mode == CGROUP_V2 && !has_group(m, 0) ? NULL : h;
}

static uint64_t attributes(const struct mounts *m, const struct wish *w)
{
	bool may_write = m->l->cgroup && (m->l->config->namespaces[NS_CGROUP].set || !m->l->rootless);

	return w->o.set | w->o.below_set | (may_write ? 0 : MOUNT_ATTR_RDONLY);
}

/* A copy of the container's group in one hierarchy; where only stage 2 may make it, by the host's path. */
static int group_source(struct mounts *m, const struct wish *w, size_t i)
{
	const struct cgroup_hierarchy *h = &host_of(m)->h[i];
	int slot;

	if (!m->l->rootless)
		return steps_source(m->s,
				    (struct launch_source){ .kind = SOURCE_CGROUP, .about = w->about, .index = i });
	slot = plan_made(&m->s->plan);
	mounts_add_tree(m->s, slot, w->about, arena_fmt(m->s->a, "%s/%s", h->mount, m->l->cgroup->path).p, false,
			false);
	return slot;
}

/* Index of the only hierarchy, when that is v2. */
static int only_v2(const struct cgroup_host *h)
{
	for (size_t i = 0; h->mode == CGROUP_V2 && i < h->n; i++)
		if (h->h[i].v2)
			return (int)i;
	return -1;
}

int cgroup_wish_make(struct mounts *m, struct wish *w, struct err *e)
{
	const struct cgroup_host *h = host_of(m);

	if (w->o.remount)
		return err_set(e, -ENOTSUP, "%s: a remount of control groups", w->about);
	if (h && h->mode == CGROUP_NONE)
		return err_set(e, -ENOTSUP, "%s: this host has no control groups", w->about);
	if (!h) {
		/* Without a group of its own, what the host has, and nothing in it can be written. */
		w->slot = plan_made(&m->s->plan);
		mounts_add_tree(m->s, w->slot, w->about, HOST_CGROUPS, true, false);
	} else if (only_v2(h) >= 0) {
		w->slot = group_source(m, w, (size_t)only_v2(h));
	} else {
		w->o.data_count = 0; /* of the hierarchies, not of the directory that holds them */
		w->o.data = arena_array(m->s->a, struct key_value, 1);
		w->o.data[w->o.data_count++] = (struct key_value){ "mode", "755" };
		mounts_add_fs(m->s, w, "tmpfs", "cgroup", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
		w->groups = arena_array(m->s->a, int, h->n);
		for (size_t i = 0; i < h->n; i++)
			w->groups[i] = has_group(m, i) ? group_source(m, w, i) : -1;
	}
	return 0;
}

static void attach(struct mounts *m, const struct wish *w, int slot, const char *to, uint64_t set, uint64_t set_below)
{
	plan_text_step(
		&m->s->plan,
		((struct plan_step){ .kind = PLAN_ATTACH, .slot = slot, .arg = { set, 0, set_below, 0, MS_PRIVATE } }),
		w->about, to);
}

/* "cpu" -> "cpu,cpuacct" */
static void add_links(struct mounts *m, const struct wish *w, const char *name)
{
	if (!strchr(name, ','))
		return;
	for (struct str rest = str_c(name), part; str_cut(&rest, ',', &part);)
		plan_text_step(&m->s->plan, ((struct plan_step){ .kind = PLAN_LINK, .slot = w->slot }), w->about,
			       arena_str(m->s->a, part).p, name);
}

void cgroup_wish_attach(struct mounts *m, const struct wish *w)
{
	const struct cgroup_host *h = host_of(m);
	uint64_t set = attributes(m, w);

	if (!w->groups) {
		attach(m, w, w->slot, w->to, h ? set : 0, h ? 0 : set | MOUNT_ATTR_RDONLY);
		return;
	}
	attach(m, w, w->slot, w->to, 0, 0);
	for (size_t i = 0; i < h->n; i++) {
		const char *name = h->h[i].name;

		if (w->groups[i] < 0)
			continue;
		if (strncmp(name, NAME_HEAD, strlen(NAME_HEAD)) == 0)
			name += strlen(NAME_HEAD);
		attach(m, w, w->groups[i], arena_fmt(m->s->a, "%s/%s", w->to, name).p, set, 0);
		add_links(m, w, name);
	}
	mounts_add_change(m->s, w->about, w->to, MOUNT_ATTR_RDONLY, 0, 0);
}
