/* launch-dev: /dev of a container and the devices in it: made on a tmpfs of ours, or, where there is no mknod, the
 * host's nodes of that number. See launch-mounts.h. */
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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

int dev_source(struct mounts *m, const struct launch_source *s)
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
	r = mounts_path(m->s->a, *ret_about, d->path, &path, e);
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
	vec_push(&m->bound, ((struct bound_device){ s->about, path, dev_source(m, s) }));
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

	s.make = mounts_host_id(&c->uids, d->uid.set ? d->uid.v : 0, &s.uid) &&
		 mounts_host_id(&c->gids, d->gid.set ? d->gid.v : 0, &s.gid);
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
		if (mounts_in_user_namespace(m))
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
		if (mounts_in_user_namespace(m) && d->type != 'p')
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

int dev_make(struct mounts *m, struct err *e)
{
	int r;

	make_dev(m);
	r = add_devices(m, e);
	if (r >= 0)
		add_links(m);
	return r;
}

void dev_attach(struct mounts *m)
{
	bind_devices(m);
	show_elsewhere(m);
}
