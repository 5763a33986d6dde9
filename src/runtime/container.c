/* container: one that is there, its state, its groups, its hooks. See container.h; how it is made is in
 * container-create.c, what is done to it in container-life.c. */
#include "runtime/container.h"

#include <fcntl.h>

#include "base/json.h"
#include "runtime/container-part.h"
#include "runtime/enforce.h"
#include "runtime/hooks.h"

void runtime_done(struct runtime *rt)
{
	fd_close(&rt->root_fd);
	if (rt->has_host)
		cgroup_host_done(&rt->host);
	rt->has_host = false;
}

int runtime_host(struct runtime *rt, struct err *e)
{
	int r;

	if (rt->has_host)
		return 0;
	r = cgroup_host(&rt->host, e);
	rt->has_host = r >= 0;
	return r;
}

void container_init(struct container *c, struct runtime *rt)
{
	memset(c, 0, sizeof(*c));
	c->rt = rt;
	c->dir_fd = c->bundle_fd = -1;
}

void container_done(struct container *c)
{
	if (c->has_cgroup)
		cgroup_done(&c->cgroup);
	c->has_cgroup = false;
	fd_close(&c->dir_fd);
	fd_close(&c->bundle_fd);
	arena_done(&c->arena);
}

/* ---- its state ---- */

const char *container_owner(const struct state *s, char text[CONTAINER_OWNER_MAX])
{
	snprintf(text, CONTAINER_OWNER_MAX, "%u", s->owner);
	return s->owner ? text : "root";
}

/* What stands between the parts: for people, or all on one line. */
struct layout {
	const char *member, *inner, *inner_end, *end, *colon;
};
static const struct layout layouts[] = {
	{ "\n  ", "\n    ", "\n  ", "\n", ": " },
	{ "", "", "", "", ":" },
};

static void json_name(struct buf *b, const struct layout *l, const char *key)
{
	if (b->p[b->n - 1] != '{')
		buf_char(b, ',');
	buf_fmt(b, "%s\"%s\"%s", l->member, key, l->colon);
}

static void json_member(struct buf *b, const struct layout *l, const char *key, const char *value)
{
	json_name(b, l, key);
	json_quote(b, str_c(value));
}

static void json_annotations(struct buf *b, const struct layout *l, const struct state *s)
{
	json_name(b, l, "annotations");
	buf_char(b, '{');
	for (size_t i = 0; i < s->annotation_count; i++) {
		buf_fmt(b, "%s%s", i ? "," : "", l->inner);
		json_quote(b, str_c(s->annotations[i].key));
		buf_str(b, str_c(l->colon));
		json_quote(b, str_c(s->annotations[i].value));
	}
	buf_fmt(b, "%s}", l->inner_end);
}

void container_state_json(const struct state *s, enum status status, bool line, struct buf *b)
{
	const struct layout *l = &layouts[line];
	char owner[CONTAINER_OWNER_MAX];

	buf_char(b, '{');
	json_member(b, l, "ociVersion", s->version);
	json_member(b, l, "id", s->id);
	json_name(b, l, "pid");
	buf_fmt(b, "%d", status == STATUS_STOPPED ? 0 : s->pid);
	json_member(b, l, "status", status_name(status));
	json_member(b, l, "bundle", s->bundle);
	json_member(b, l, "rootfs", s->rootfs);
	json_member(b, l, "created", s->created);
	if (s->tier)
		json_member(b, l, "tier", s->tier);
	if (s->annotation_count)
		json_annotations(b, l, s);
	json_member(b, l, "owner", container_owner(s, owner));
	buf_fmt(b, "%s}\n", l->end);
}

int container_bad_id(const char *id, struct err *e)
{
	const char *what = *id ? "not allowed" : "container id cannot be empty";

	for (const char *p = id; *p; p++)
		if (!state_id_valid(str_n((const char[]){ 'x', *p }, 2)))
			what = "invalid character";
	return err_set(e, -EINVAL, "invalid container ID format: %s%s%s", what, *id ? ": " : "", id);
}

int container_open(struct runtime *rt, const char *id, bool lock, struct container *ret, struct err *e)
{
	int r;

	container_init(ret, rt);
	if (!state_id_valid(str_c(id)))
		return container_bad_id(id, e);
	if (rt->root_fd < 0)
		return err_set(e, -ENOENT, "container does not exist: \"%s\"", id);
	r = state_open(rt->root_fd, id, lock, &ret->dir_fd, e);
	if (r >= 0)
		r = state_read(ret->dir_fd, &ret->arena, &ret->state, e);
	if (r == -ENOENT)
		return err_set(e, r, "container does not exist: \"%s\"", id);
	if (r >= 0 && strcmp(ret->state.id, id) != 0)
		return err_set(e, -EBADMSG, "container \"%s\": its state is of \"%s\"", id, ret->state.id);
	return r < 0 ? err_wrap(e, r, "container \"%s\"", id) : 0;
}

int container_cgroup(struct container *c, struct err *e)
{
	const char *path;
	int r;

	if (c->has_cgroup || !c->state.cgroup)
		return 0;
	r = runtime_host(c->rt, e);
	if (r < 0)
		return r;
	path = arena_fmt(&c->arena, "/%s", c->state.cgroup).p;
	r = cgroup_init(&c->cgroup, &c->rt->host, path, c->state.id, false, c->state.rootless, e);
	if (r < 0)
		return r;
	c->cgroup.systemd = c->state.systemd;
	c->cgroup.io_apart = enforce_io_apart(c->dir_fd);
	c->has_cgroup = true;
	return cgroup_open(&c->cgroup, e);
}

enum status container_status(struct container *c)
{
	enum status s = state_status(&c->state, c->dir_fd);
	struct err e = { 0 };

	if (s == STATUS_RUNNING && container_cgroup(c, &e) >= 0 && c->has_cgroup && cgroup_frozen(&c->cgroup))
		return STATUS_PAUSED;
	return s;
}

/* ---- hooks ---- */

static const char *const hook_names[HOOK_KINDS] = { "prestart",	      "createRuntime", "createContainer",
						    "startContainer", "poststart",     "poststop" };

int container_hooks(struct container *c, enum oci_hook_kind kind, enum status status, struct err *e)
{
	auto_buf struct buf state = { 0 };

	if (!c->config.hooks[kind].n)
		return 0;
	if (c->bundle_fd < 0)
		c->bundle_fd = fd_open(AT_FDCWD, c->state.bundle, O_RDONLY | O_DIRECTORY);
	if (c->bundle_fd < 0)
		return err_errno(e, c->bundle_fd, "%s hook: %s", hook_names[kind], c->state.bundle);
	buf_init(&state, STATE_BYTES_MAX);
	container_state_json(&c->state, status, false, &state);
	return hooks_run(&c->config.hooks[kind],
			 &(struct hooks_how){ .kind = hook_names[kind],
					      .state = buf_all(&state),
					      .bundle_fd = c->bundle_fd,
					      .go_on = kind == HOOK_POSTSTOP,
					      .inherit = c->state.compat },
			 e);
}
