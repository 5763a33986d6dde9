/* launch-mounts: the file systems of a container, as steps.
 *
 * First everything that is going to be mounted is made, detached: copies of the host's mounts (by the host's side, or
 * by stage 2 where only it may), new file systems, the devices on a new /dev. Then the root is switched. Only then are
 * paths of the root file system looked up, below the new root, and what was made is attached there: at no moment can a
 * link in it lead to the host (R3, R9). Hooks that run in between (createContainer) need the root at its own place:
 * then the switch comes after the mounts. */

#include <linux/mount.h>
#include <sys/sysmacros.h>

#include "runtime/launch-mounts.h"

static const char *type_of(const struct oci_mount *m)
{
	return m->type ? m->type : "";
}

static bool is_dev(const struct wish *w)
{
	return strcmp(w->to, "dev") == 0;
}

/* linux.mountLabel: SELinux' context of what has no labels of its own. */
static void add_label(struct mounts *m, struct wish *w)
{
	static const char *const types[] = { "tmpfs", "mqueue", "devpts", "overlay" };
	const char *label = m->l->config->mount_label;
	struct key_value *data = arena_array(m->s->a, struct key_value, w->o.data_count + 1);

	if (!label || !*label)
		return;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i], type_of(w->mount)) != 0)
			continue;
		memcpy(data, w->o.data, w->o.data_count * sizeof(*data));
		data[w->o.data_count++] = (struct key_value){ "context", label };
		w->o.data = data;
	}
}

static bool has_mode(const struct mount_options *o)
{
	for (size_t i = 0; i < o->data_count; i++)
		if (strcmp(o->data[i].key, "mode") == 0)
			return true;
	return false;
}

static int make_fs(struct mounts *m, struct wish *w, struct err *e)
{
	uint64_t attributes = w->o.set | w->o.below_set;

	if (w->o.idmap || w->mount->uids.n || w->mount->gids.n)
		return err_set(e, -EBADMSG, "%s: only a bind mount can be id-mapped", w->about);
	w->take_mode = strcmp(type_of(w->mount), "tmpfs") == 0 && !is_dev(w) && !w->o.copy_up && !has_mode(&w->o);
	/* Filled first, closed then. */
	w->late_read_only = w->o.read_only && (is_dev(w) || w->o.copy_up || w->take_mode);
	if (w->late_read_only)
		attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	add_label(m, w);
	mounts_add_fs(m->s, w, type_of(w->mount), w->mount->source, attributes);
	return 0;
}

static int make_one(struct mounts *m, struct wish *w, struct err *e)
{
	if (w->o.copy_link)
		return err_set(e, -ENOTSUP, "%s: copy-symlink: known, not done", w->about);
	if (w->o.remount && w->o.data_count)
		return err_set(e, -ENOTSUP, "%s: a remount changes attributes, not \"%s\"", w->about,
			       w->o.data[0].value);
	if (w->o.remount)
		return 0;
	if (wish_is_cgroup(w))
		return cgroup_wish_make(m, w, e);
	if (w->o.bind)
		return bind_wish_make(m, w, e);
	if (!*type_of(w->mount))
		return err_set(e, -EBADMSG, "%s: neither a type nor a bind mount", w->about);
	return make_fs(m, w, e);
}

static int understand(struct mounts *m, size_t i, struct err *e)
{
	struct arena *a = m->s->a;
	const struct oci_mount *o = &m->l->config->mounts[i];
	struct wish *w = &m->wishes[i];
	int r;

	w->mount = o;
	w->slot = -1;
	w->about = arena_fmt(a, "mounts[%zu] (%s)", i, o->destination).p;
	r = mounts_path(a, w->about, o->destination, &w->to, e);
	if (r < 0)
		return r;
	if (!*w->to)
		return err_set(e, -EBADMSG, "%s: the root itself", w->about);
	r = mount_options_parse(o, a, &w->o, e);
	return r < 0 ? err_wrap(e, r, "%s", w->about) : 0;
}

static int make_all(struct mounts *m, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->n && r >= 0; i++) {
		struct wish *w = &m->wishes[i];

		r = understand(m, i, e);
		if (r >= 0)
			r = make_one(m, w, e);
		if (r < 0)
			break;
		if (is_dev(w) && !w->o.remount) {
			m->dev_given = w->o.bind || strcmp(type_of(w->mount), "tmpfs") != 0;
			m->dev = m->dev_given ? -1 : w->slot;
		}
		if (strcmp(w->to, "dev/pts") == 0 && w->fs)
			m->devpts = w->slot;
	}
	return r;
}

/* Mounts of the host stay in touch with it (rslave) unless the configuration wants them shared. */
static uint64_t base_propagation(const struct launch *l)
{
	uint64_t want = l->config->rootfs_propagation ? mount_propagation(l->config->rootfs_propagation) : 0;

	return want & MS_SHARED ? 0 : MS_SLAVE | MS_REC;
}

static void attach(struct mounts *m, const struct wish *w)
{
	struct plan_step step = { .kind = PLAN_ATTACH, .slot = w->slot };
	uint64_t base = w->o.bind ? base_propagation(m->l) : 0;

	if (!w->o.recursive)
		base &= ~(uint64_t)MS_REC;
	if (wish_is_cgroup(w)) {
		cgroup_wish_attach(m, w);
		return;
	}
	if (w->o.remount) {
		mounts_add_change(m->s, w->about, w->to, w->o.set, w->o.clear, w->o.propagation);
		return;
	}
	if (w->o.copy_up)
		plan_text_step(&m->s->plan, ((struct plan_step){ .kind = PLAN_COPY_UP, .slot = w->slot }), w->about,
			       w->to);
	if (w->take_mode) /* as runc and crun */
		plan_text_step(&m->s->plan, ((struct plan_step){ .kind = PLAN_TAKE_MODE, .slot = w->slot }), w->about,
			       w->to);
	if (!w->fs) {
		step.arg[0] = w->o.set;
		step.arg[1] = w->o.clear;
		step.arg[2] = w->o.below_set;
		step.arg[3] = w->o.below_clear;
	}
	step.arg[4] = base | w->o.propagation << 32;
	/* Where these are is part of what other rules are about (CVE-2023-28642). */
	if (w->fs && (is_dev(w) || strcmp(type_of(w->mount), "proc") == 0 || strcmp(type_of(w->mount), "sysfs") == 0))
		step.arg[4] |= PLAN_ATTACH_PLAIN;
	plan_text_step(&m->s->plan, step, w->about, w->to);
}

static void attach_all(struct mounts *m)
{
	bool dev_done = m->dev_given;

	for (size_t i = 0; i < m->n; i++)
		dev_done = dev_done || (is_dev(&m->wishes[i]) && !m->wishes[i].o.remount);
	if (!dev_done)
		plan_text_step(&m->s->plan, ((struct plan_step){ .kind = PLAN_ATTACH, .slot = m->dev }), "/dev", "dev");
	for (size_t i = 0; i < m->n; i++)
		attach(m, &m->wishes[i]);
}

static void close_late(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->wishes[i].late_read_only)
			mounts_add_change(m->s, m->wishes[i].about, m->wishes[i].to, MOUNT_ATTR_RDONLY, 0, 0);
}

static int add_hidden(struct mounts *m, struct err *e)
{
	const struct oci_config *c = m->l->config;
	const char *path;
	int r;

	for (size_t i = 0; i < c->readonly_paths.n; i++) {
		const char *about = arena_fmt(m->s->a, "linux.readonlyPaths[%zu] (%s)", i, c->readonly_paths.v[i]).p;

		r = mounts_path(m->s->a, about, c->readonly_paths.v[i], &path, e);
		if (r < 0)
			return r;
		plan_text_step(&m->s->plan, ((struct plan_step){ .kind = PLAN_READ_ONLY, .slot = -1 }), about, path);
	}
	for (size_t i = 0; i < c->masked_paths.n; i++) {
		const char *about = arena_fmt(m->s->a, "linux.maskedPaths[%zu] (%s)", i, c->masked_paths.v[i]).p;

		r = mounts_path(m->s->a, about, c->masked_paths.v[i], &path, e);
		if (r < 0)
			return r;
		plan_text_step(&m->s->plan,
			       ((struct plan_step){ .kind = PLAN_MASK,
						    .slot = m->null,
						    .arg = { m->null < 0 ? (uint64_t)m->dev : 0 } }),
			       about, path);
	}
	return 0;
}

static void add_root(struct mounts *m)
{
	const struct launch *l = m->l;

	if (!l->rootless) {
		m->root = steps_source(m->s, (struct launch_source){ .kind = SOURCE_ROOT,
								     .about = "root.path",
								     .path = l->config->root_path,
								     .recursive = true });
		return;
	}
	m->root = plan_made(&m->s->plan);
	mounts_add_tree(m->s, m->root, "root.path", steps_host_path(m->s, l->config->root_path), true, false);
}

/* The switch comes after the mounts only where hooks want to see them at the root's own place. */
static int switch_root(struct mounts *m, bool late, struct err *e)
{
	const struct launch *l = m->l;
	const struct oci_hooks *hooks = &l->config->hooks[HOOK_CREATE_CONTAINER];
	const struct plan_step pivot = { .kind = PLAN_PIVOT, .slot = -1, .arg = { l->no_pivot || mounts_joined(m) } };

	if (late != (hooks->n > 0))
		return 0;
	if (late) {
		int r;

		/* as runc and crun do; where hooks look for the root file system */
		steps_directory(m->s, "hooks.createContainer", "/", true);
		r = steps_hooks(m->s, hooks, "hooks.createContainer", l->state_text, e);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; l->no_pivot && i < l->kernel_mounts.n; i++)
		plan_text_step(&m->s->plan, ((struct plan_step){ .kind = PLAN_DETACH, .slot = -1 }), "--no-pivot",
			       l->kernel_mounts.v[i]);
	plan_text_step(&m->s->plan, pivot, "root.path");
	return 0;
}

static int finish_root(struct mounts *m, struct err *e)
{
	const struct oci_config *c = m->l->config;
	uint64_t spread = 0;

	if (c->rootfs_propagation) {
		spread = mount_propagation(c->rootfs_propagation);
		if (!spread)
			return err_set(e, -EBADMSG, "linux.rootfsPropagation: \"%s\" is none", c->rootfs_propagation);
	}
	if (c->root_readonly && c->has_process) /* made now, when it can be */
		steps_directory(m->s, "process.cwd", c->process.cwd, true);
	if (c->root_readonly || spread)
		mounts_add_change(m->s, "root", "", c->root_readonly ? MOUNT_ATTR_RDONLY : 0, 0, spread);
	return 0;
}

/* What is to be mounted, and then the root with nothing in it that could be followed. */
static int make_before_root(struct mounts *m, struct err *e)
{
	const struct oci_config *c = m->l->config;
	int r = make_all(m, e);

	if (r < 0)
		return r;
	r = dev_make(m, e);
	if (r < 0)
		return r;
	if (c->masked_paths.n && (m->dev < 0 || mounts_in_user_namespace(m)))
		m->null = dev_source(m, &(struct launch_source){ .kind = SOURCE_DEVICE,
								 .about = "/dev/null",
								 .path = "/dev/null",
								 .type = 'c',
								 .device = makedev(1, 3) });
	add_root(m);
	return 0;
}

static int add_all(struct mounts *m, struct err *e)
{
	const struct oci_config *c = m->l->config;
	const char *where = c->hooks[HOOK_CREATE_CONTAINER].n ? steps_host_path(m->s, c->root_path) : "";
	int r = make_before_root(m, e);

	if (r < 0)
		return r;
	if (!mounts_joined(m))
		plan_text_step(&m->s->plan,
			       ((struct plan_step){ .kind = PLAN_PROPAGATE, .slot = -1, .arg = { MS_SLAVE } }),
			       "mount namespace");
	plan_text_step(&m->s->plan,
		       ((struct plan_step){ .kind = PLAN_ROOT, .slot = m->root, .arg = { MS_SLAVE | MS_REC } }),
		       "root.path", where);
	r = switch_root(m, false, e);
	if (r < 0)
		return r;
	attach_all(m);
	dev_attach(m);
	r = switch_root(m, true, e);
	if (r < 0)
		return r;
	if (c->process.terminal)
		steps_console(m->s, &c->process, m->devpts, m->dev);
	close_late(m);
	/* Made when it is missing: before nothing can be made any more. */
	if (c->root_readonly)
		steps_directory(m->s, "process.cwd", c->process.cwd, true);
	r = finish_root(m, e);
	return r < 0 ? r : add_hidden(m, e);
}

int steps_mounts(struct launch_steps *s, const struct launch *l, struct err *e)
{
	struct mounts m = { .s = s,
			    .l = l,
			    .wishes = arena_array(s->a, struct wish, l->config->mount_count),
			    .n = l->config->mount_count,
			    .dev = -1,
			    .devpts = -1,
			    .null = -1 };
	int r = add_all(&m, e);

	vec_done(&m.bound);
	vec_done(&m.elsewhere);
	return r;
}
