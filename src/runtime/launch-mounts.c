/* launch-mounts: the file systems of a container, as steps.
 *
 * First everything that is going to be mounted is made, detached: copies of the host's mounts (by the host's side, or
 * by stage 2 where only it may), new file systems, the devices on a new /dev. Then the root is switched. Only then are
 * paths of the root file system looked up, below the new root, and what was made is attached there: at no moment can a
 * link in it lead to the host (R3, R9). Hooks that run in between (createContainer) need the root at its own place:
 * then the switch comes after the mounts. */

#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/num.h"
#include "base/path.h"
#include "runtime/launch-mounts.h"

#define DEVICE_MODE 0666

static const struct {
	const char *path;
	unsigned int major, minor;
} default_devices[] = {
	{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
	const char *path, *target;
} links[] = {
	{ "fd", "/proc/self/fd" },	 { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" },
};

static bool in_user_namespace(const struct mounts *m)
{
	return m->l->config->namespaces[NS_USER].set;
}

/* A mount namespace that is others' as well: nothing of theirs is changed, and no path of it is the host's. */
static bool mounts_joined(const struct mounts *m)
{
	return m->l->config->namespaces[NS_MOUNT].path;
}

static int normal(struct arena *a, const char *about, const char *path, const char **ret, struct err *e)
{
	char out[PATH_BYTES_MAX];
	struct str clean;

	if (!path || path_normal(str_c(path), out, &clean) < 0)
		return err_set(e, -EBADMSG, "%s: \"%s\" is no path inside the container", about, path ? path : "");
	*ret = arena_str(a, clean).p;
	return 0;
}

static const char *type_of(const struct oci_mount *m)
{
	return m->type ? m->type : "";
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

static bool is_dev(const struct wish *w)
{
	return strcmp(w->to, "dev") == 0;
}

/* An id of the container as the host has it; false: it has none. */
static bool host_id(const struct oci_mappings *m, uint64_t inside, uint32_t *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		if (inside < m->v[i].container_id || inside - m->v[i].container_id >= m->v[i].size)
			continue;
		*ret = (uint32_t)(m->v[i].host_id + (inside - m->v[i].container_id));
		return true;
	}
	return false;
}

/* "@0-1000-10": 1000 is the container's, else the host's. Numbers may have a sign, as strtol(3) of crun takes them. */
static bool parse_range(struct str range, const struct oci_mappings *container, struct oci_mapping *ret)
{
	bool relative = range.n && range.p[0] == '@';
	struct str inside, outside, size;

	range = str_from(range, relative);
	range = str_from(range, range.n && range.p[0] == '+');
	return str_split(range, '-', &inside, &outside) && str_split(outside, '-', &outside, &size) &&
	       num_u32(inside, &ret->container_id) && num_u32(outside, &ret->host_id) && num_u32(size, &ret->size) &&
	       (!relative || host_id(container, ret->host_id, &ret->host_id));
}

/* "uids=0-1000-10#10-2000-5;gids=...", crun's way: inside, on the file system, how many. */
static int parse_ranges(struct mounts *m, const char *about, struct str text, const struct oci_mappings *container,
			struct oci_mappings *ret, struct err *e)
{
	struct oci_mapping *v = arena_array(m->s->a, struct oci_mapping, text.n / 2 + 1);
	size_t n = 0;

	for (struct str range; str_cut(&text, '#', &range); n++)
		if (n >= CONFIG_MAPPINGS_MAX || !parse_range(range, container, &v[n]))
			return err_set(e, -EBADMSG, "%s: idmap: \"" STR_FMT "\" is no range", about, STR_ARG(range));
	*ret = (struct oci_mappings){ v, n };
	return 0;
}

static int parse_id_map(struct mounts *m, const struct wish *w, struct oci_mappings *uids, struct oci_mappings *gids,
			struct err *e)
{
	struct str kind, rest = str_c(w->o.idmap);
	int r = 0;

	str_split(rest, '=', &kind, &rest);
	for (struct str part, name, ranges; r >= 0 && str_cut(&rest, ';', &part);) {
		if (!str_split(part, '=', &name, &ranges) || !(str_is(name, "uids") || str_is(name, "gids")))
			return err_set(e, -EBADMSG, "%s: idmap: \"" STR_FMT "\"", w->about, STR_ARG(part));
		r = str_is(name, "uids") ? parse_ranges(m, w->about, ranges, &m->l->config->uids, uids, e)
					 : parse_ranges(m, w->about, ranges, &m->l->config->gids, gids, e);
	}
	return r;
}

/* The mount's own mappings, those in its option, or those of the container's user namespace. */
static int id_map(struct mounts *m, const struct wish *w, struct launch_source *source, struct err *e)
{
	struct oci_mappings *ids = arena_array(m->s->a, struct oci_mappings, 2);
	const struct oci_config *c = m->l->config;
	int r = 0;

	ids[0] = w->mount->uids;
	ids[1] = w->mount->gids;
	if (!w->o.idmap && !ids[0].n && !ids[1].n)
		return 0;
	if (w->o.idmap && strchr(w->o.idmap, '=')) {
		r = parse_id_map(m, w, &ids[0], &ids[1], e);
	} else if (!ids[0].n && !ids[1].n) {
		ids[0] = c->uids;
		ids[1] = c->gids;
	}
	if (r < 0)
		return r;
	if (!ids[0].n || !ids[1].n)
		return err_set(e, -EBADMSG, "%s: an id-mapped mount needs uidMappings and gidMappings", w->about);
	if (m->l->rootless)
		return err_set(e, -ENOTSUP, "%s: id-mapped mounts need privileges", w->about);
	source->uids = &ids[0];
	source->gids = &ids[1];
	source->map_recursive = w->o.idmap && w->o.idmap[0] == 'r';
	return 0;
}

static int make_bind(struct mounts *m, struct wish *w, struct err *e)
{
	const struct oci_mount *o = w->mount;
	struct launch_source source = { .kind = SOURCE_TREE,
					.about = w->about,
					.path = o->source,
					.recursive = w->o.recursive,
					.no_follow = w->o.source_no_follow };

	int r;

	if (!o->source || !*o->source)
		return err_set(e, -EBADMSG, "%s: a bind mount needs a source", w->about);
	r = id_map(m, w, &source, e);
	if (r < 0)
		return r;
	/* By stage 2 where it may: kernels since 6.8 list mounts in the order they came to be, and whoever reads
	 * /proc/self/mountinfo expects that of the configuration. A user namespace may not see the source. */
	if (m->l->rootless || (!in_user_namespace(m) && !source.uids && !mounts_joined(m))) {
		w->slot = plan_made(&m->s->plan);
		mounts_add_tree(m->s, w->slot, w->about, steps_host_path(m->s, o->source), w->o.recursive,
				w->o.source_no_follow);
	} else {
		w->slot = steps_source(m->s, source);
	}
	return 0;
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
		return make_bind(m, w, e);
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
	r = normal(a, w->about, o->destination, &w->to, e);
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

/* Without a /dev of the configuration there is one all the same: devices are made on a tmpfs of ours or not at all. */
static void make_dev(struct mounts *m)
{
	static const char *const texts[] = { "/dev", "tmpfs", "source", "tmpfs", "mode", "755", "size", "65536k" };

	if (m->dev >= 0 || m->dev_given)
		return;
	m->dev = plan_made(&m->s->plan);
	plan_add(&m->s->plan,
		 (struct plan_step){
			 .kind = PLAN_FS, .slot = m->dev, .arg = { MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME } },
		 texts, ARRAY_LEN(texts), STR_NONE);
}

static mode_t type_bits(char type)
{
	return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

/* By mknod on our own tmpfs, before anything of the container's is there. */
static void add_node(struct mounts *m, const char *about, const char *path, mode_t mode, dev_t device, uint64_t uid,
		     uint64_t gid)
{
	plan_text_step(&m->s->plan,
		       ((struct plan_step){ .kind = PLAN_NODE, .slot = m->dev, .arg = { mode, device, uid, gid } }),
		       about, path);
}

/* A device node of the host, which is that device and nothing else (R8). */
static int add_device_source(struct mounts *m, const struct launch_source *s)
{
	int slot;

	if (!m->l->rootless)
		return steps_source(m->s, *s);
	slot = plan_made(&m->s->plan);
	plan_text_step(&m->s->plan,
		       ((struct plan_step){ .kind = PLAN_TREE,
					    .slot = slot,
					    .arg = { 0, 1, type_bits(s->type),
						     (uint64_t)major(s->device) << 32 | minor(s->device) } }),
		       s->about, s->path);
	return slot;
}

/* In /dev; one that is wanted elsewhere is made there under a name of ours, and mounted where it is wanted later: no
 * node is made in the root file system itself. */
static int device_path(struct mounts *m, size_t i, const char **ret, const char **ret_about, struct err *e)
{
	const struct oci_device *d = &m->l->config->devices[i];
	const char *path;
	int r;

	*ret_about = arena_fmt(m->s->a, "linux.devices[%zu] (%s)", i, d->path).p;
	r = normal(m->s->a, *ret_about, d->path, &path, e);
	if (r < 0)
		return r;
	if (!*path)
		return err_set(e, -EBADMSG, "%s: the root itself", *ret_about);
	if (str_starts(str_c(path), STR("dev/"))) {
		*ret = path + strlen("dev/");
	} else {
		*ret = arena_fmt(m->s->a, ".elsewhere-%zu", i).p;
		vec_push(&m->elsewhere, ((struct device_elsewhere){ *ret_about, path, *ret }));
	}
	return 0;
}

static bool device_given(struct mounts *m, const char *path)
{
	for (size_t i = 0; i < m->l->config->device_count; i++) {
		const char *given = m->l->config->devices[i].path;

		if (str_starts(str_c(given), STR("/dev/")) && strcmp(given + strlen("/dev/"), path) == 0)
			return true;
	}
	return false;
}

/* In a user namespace there is no mknod: the host's node of that number is mounted, once /dev is in its place. */
static void add_bound(struct mounts *m, const char *path, const struct launch_source *s)
{
	vec_push(&m->bound, ((struct bound_device){ s->about, path, add_device_source(m, s) }));
}

static void add_bound_device(struct mounts *m, size_t i, const char *about, const char *path, mode_t mode)
{
	const struct oci_config *c = m->l->config;
	const struct oci_device *d = &c->devices[i];
	struct launch_source s = { .kind = SOURCE_DEVICE,
				   .about = about,
				   .path = d->path,
				   .index = i,
				   .type = d->type,
				   .device = makedev((unsigned int)d->major, (unsigned int)d->minor),
				   .mode = mode };

	s.make = host_id(&c->uids, d->uid.set ? d->uid.v : 0, &s.uid) &&
		 host_id(&c->gids, d->gid.set ? d->gid.v : 0, &s.gid);
	add_bound(m, path, &s);
}

static void add_default_devices(struct mounts *m)
{
	for (size_t i = 0; i < ARRAY_LEN(default_devices); i++) {
		const char *path = default_devices[i].path;
		const char *about = arena_fmt(m->s->a, "/dev/%s", path).p;
		dev_t device = makedev(default_devices[i].major, default_devices[i].minor);

		if (device_given(m, path))
			continue;
		if (in_user_namespace(m))
			add_bound(m, path,
				  &(struct launch_source){ .kind = SOURCE_DEVICE,
							   .about = about,
							   .path = about,
							   .type = 'c',
							   .device = device });
		else
			add_node(m, about, path, S_IFCHR | DEVICE_MODE, device, 0, 0);
	}
}

static int add_devices(struct mounts *m, struct err *e)
{
	const struct oci_config *c = m->l->config;

	if (m->dev < 0)
		return 0;
	add_default_devices(m);
	for (size_t i = 0; i < c->device_count; i++) {
		const struct oci_device *d = &c->devices[i];
		dev_t device = d->type == 'p' ? 0 : makedev((unsigned int)d->major, (unsigned int)d->minor);
		mode_t mode = d->mode.set ? (mode_t)(d->mode.v & 07777) : DEVICE_MODE;
		const char *path = NULL, *about = NULL;
		int r = device_path(m, i, &path, &about, e);

		if (r < 0)
			return r;
		if (in_user_namespace(m) && d->type != 'p')
			add_bound_device(m, i, about, path, mode);
		else
			add_node(m, about, path, type_bits(d->type) | mode, device, d->uid.set ? d->uid.v : 0,
				 d->gid.set ? d->gid.v : 0);
	}
	return 0;
}

static void show_elsewhere(struct mounts *m)
{
	for (size_t i = 0; i < m->elsewhere.n; i++) {
		const struct device_elsewhere *d = &m->elsewhere.v[i];

		plan_text_step(&m->s->plan, ((struct plan_step){ .kind = PLAN_NODE_SHOW, .slot = m->dev }), d->about,
			       d->name, d->path);
	}
}

static void bind_devices(struct mounts *m)
{
	for (size_t i = 0; i < m->bound.n; i++) {
		const struct bound_device *d = &m->bound.v[i];

		plan_text_step(
			&m->s->plan,
			((struct plan_step){ .kind = PLAN_NODE_BIND, .slot = m->dev, .arg = { (uint64_t)d->slot } }),
			d->about, d->path);
	}
}

static void add_links(struct mounts *m)
{
	if (m->dev < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		plan_text_step(&m->s->plan, ((struct plan_step){ .kind = PLAN_LINK, .slot = m->dev }), "/dev",
			       links[i].path, links[i].target);
}

/* Mounts of the host stay in touch with it (rslave) unless the configuration wants them shared. */
static uint64_t base_propagation(const struct launch *l)
{
	uint64_t want = l->config->rootfs_propagation ? mount_propagation(l->config->rootfs_propagation) : 0;

	return want & MS_SHARED ? 0 : MS_SLAVE | MS_REC;
}

void mounts_add_change(struct launch_steps *s, const char *about, const char *path, uint64_t set, uint64_t clear,
		       uint64_t propagation)
{
	plan_text_step(
		&s->plan,
		((struct plan_step){ .kind = PLAN_CHANGE, .slot = -1, .arg = { set, clear, 0, 0, propagation << 32 } }),
		about, path);
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

		r = normal(m->s->a, about, c->readonly_paths.v[i], &path, e);
		if (r < 0)
			return r;
		plan_text_step(&m->s->plan, ((struct plan_step){ .kind = PLAN_READ_ONLY, .slot = -1 }), about, path);
	}
	for (size_t i = 0; i < c->masked_paths.n; i++) {
		const char *about = arena_fmt(m->s->a, "linux.maskedPaths[%zu] (%s)", i, c->masked_paths.v[i]).p;

		r = normal(m->s->a, about, c->masked_paths.v[i], &path, e);
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
	make_dev(m);
	r = add_devices(m, e);
	if (r < 0)
		return r;
	add_links(m);
	if (c->masked_paths.n && (m->dev < 0 || in_user_namespace(m)))
		m->null = add_device_source(m, &(struct launch_source){ .kind = SOURCE_DEVICE,
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
	bind_devices(m);
	show_elsewhere(m);
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
