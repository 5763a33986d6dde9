/* plan: an OCI configuration as the plan of a guest. What a guest cannot have is an error here, before anything runs.
 * See tier.h. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/quantity.h"
#include "runtime/tier/parts.h"

#define SHM_DATA "mode=1777,size=65536k"
#define UMASK_DEFAULT 0022

static const struct {
	const char *name;
	uint64_t set, clear;
} mount_flags[] = {
	{ "ro", MS_RDONLY, 0 },
	{ "rro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "nosuid", MS_NOSUID, 0 },
	{ "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 },
	{ "dev", 0, MS_NODEV },
	{ "noexec", MS_NOEXEC, 0 },
	{ "exec", 0, MS_NOEXEC },
	{ "noatime", MS_NOATIME, 0 },
	{ "relatime", MS_RELATIME, 0 },
	{ "strictatime", MS_STRICTATIME, 0 },
	{ "nodiratime", MS_NODIRATIME, 0 },
	{ "sync", MS_SYNCHRONOUS, 0 },
	/* About the host's mounts, and of no meaning where nothing is shared. */
	{ "bind", 0, 0 },
	{ "rbind", 0, 0 },
	{ "private", 0, 0 },
	{ "rprivate", 0, 0 },
	{ "slave", 0, 0 },
	{ "rslave", 0, 0 },
	{ "shared", 0, 0 },
	{ "rshared", 0, 0 },
	{ "defaults", 0, 0 },
	{ "tmpcopyup", 0, 0 },
};

static bool apply_flag(const char *option, uint64_t *flags)
{
	for (size_t i = 0; i < ARRAY_LEN(mount_flags); i++)
		if (str_is(str_c(option), mount_flags[i].name)) {
			*flags = (*flags & ~mount_flags[i].clear) | mount_flags[i].set;
			return true;
		}
	return false;
}

static void add_mount(const struct oci_mount *m, const char *type, struct arena *a, struct plan_mount *ret)
{
	struct str data = STR_NONE;

	*ret = (struct plan_mount){ .target = m->destination, .type = type };
	for (size_t i = 0; i < m->options.n; i++)
		if (!apply_flag(m->options.v[i], &ret->flags))
			data = arena_fmt(a, STR_FMT "%s%s", STR_ARG(data), data.n ? "," : "", m->options.v[i]);
	ret->data = data.n ? data.p : "";
}

static bool has_option(const struct oci_mount *m, const char *name)
{
	for (size_t i = 0; i < m->options.n; i++)
		if (str_is(str_c(m->options.v[i]), name))
			return true;
	return false;
}

static bool is_bind(const struct oci_mount *m)
{
	return has_option(m, "bind") || has_option(m, "rbind") || (m->type && str_is(str_c(m->type), "bind"));
}

static bool is_readonly(const struct oci_mount *m)
{
	return has_option(m, "ro") || has_option(m, "rro");
}

const char *volume_type(const struct oci_mount *m)
{
	static const char *const types[] = { "ext4", "erofs" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (m->type && str_is(str_c(m->type), types[i]))
			return types[i];
	return NULL;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Of the image that is made in an empty directory which is mounted to be written; 0: none is. */
static int volume_make_bytes(const struct oci_config *c, uint64_t *ret, struct err *e)
{
	const char *word = oci_annotation(c, TIER_VOLUME_SIZE);

	*ret = 0;
	if (word && (!quantity_parse(str_c(word), 1, ret) || !*ret))
		return err_set(e, -EINVAL, "annotation " TIER_VOLUME_SIZE ": \"%s\" is no number of bytes", word);
	return 0;
}

bool volumes_are_written(const struct oci_config *c)
{
	for (size_t i = 0; i < c->mount_count; i++)
		if (volume_type(&c->mounts[i]) || (oci_annotation(c, TIER_VOLUME_SIZE) && is_bind(&c->mounts[i]) &&
						   !is_readonly(&c->mounts[i]) && is_directory(c->mounts[i].source)))
			return true;
	return false;
}

/* A directory is copied into an image, or, where it is to be written, gets one; images and block devices are used as
 * they are. */
static int add_volume(const struct oci_mount *m, struct arena *a, struct guest_plan *p, struct volumes *all,
		      struct err *e)
{
	const char *type = volume_type(m);
	bool made = !type && !is_readonly(m);
	struct plan_mount mount;

	if (!m->source || m->source[0] != '/')
		return err_set(e, -EINVAL, "mount %s: its source is no absolute path", m->destination);
	if (made && !all->make_bytes)
		return err_set(e, -ENOTSUP,
			       "mount %s: a second kernel shares no directory of the host: read-only it is copied; to "
			       "be written, give a file system in a file or on a block device (type ext4; yagura run "
			       "-v FILE:%s:ext4), or for an empty directory the annotation " TIER_VOLUME_SIZE,
			       m->destination, m->destination);
	if (all->n == TIER_VOLUMES_MAX)
		return err_set(e, -E2BIG, "mount %s: more than %d volumes and directories", m->destination,
			       TIER_VOLUMES_MAX);
	add_mount(m, type ? type : made ? "ext4" : "erofs", a, &mount);
	if (str_is(str_c(mount.type), "erofs"))
		mount.flags |= MS_RDONLY;
	if (!type) /* words for a bind mount (podman's "nocopy") mean nothing to a file system */
		mount.data = "";
	all->v[all->n++] = (struct volume){ m->source, !type, !(mount.flags & MS_RDONLY) };
	p->volumes[p->volume_count++] = (struct plan_volume){
		mount.target, mount.type, mount.data, mount.flags | MS_NODEV | MS_NOSUID, 0, made
	};
	return 0;
}

/* A regular file is copied as it is now. The guest may change its copy where the mount is not read-only. */
static int copy_file(const struct oci_mount *m, struct arena *a, struct plan_file *ret, struct err *e)
{
	auto_close int fd = m->source ? fd_open(AT_FDCWD, m->source, O_RDONLY | O_NONBLOCK | O_NOCTTY) : -EINVAL;
	auto_buf struct buf content = { 0 };
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "mount %s from %s", m->destination,
				 m->source ? m->source : "nowhere");
	if (!S_ISREG(st.st_mode))
		return err_set(e, -ENOTSUP,
			       "mount %s: a second kernel shares no device of the host (only regular files are copied)",
			       m->destination);
	r = fd_read_all(fd, TIER_FILE_BYTES_MAX, &content, e);
	if (r < 0)
		return err_wrap(e, r, "mount %s: copying %s", m->destination, m->source);
	*ret = (struct plan_file){ m->destination, arena_str(a, buf_all(&content)), st.st_mode & 0777,
				   !has_option(m, "ro") };
	return 0;
}

static int plan_bind(const struct oci_mount *m, struct arena *a, struct guest_plan *p, struct volumes *volumes,
		     struct err *e)
{
	if (str_is(str_c(m->destination), "/dev/shm")) {
		p->mounts[p->mount_count++] =
			(struct plan_mount){ m->destination, "tmpfs", SHM_DATA, MS_NOSUID | MS_NODEV | MS_NOEXEC };
		return 0;
	}
	if (is_directory(m->source))
		return add_volume(m, a, p, volumes, e);
	return copy_file(m, a, &p->files[p->file_count++], e);
}

static int plan_mount(const struct oci_mount *m, struct arena *a, struct guest_plan *p, struct volumes *volumes,
		      struct err *e)
{
	static const char *const types[] = { "proc", "sysfs", "tmpfs", "mqueue", "devpts" };
	struct str type = str_c(m->type ? m->type : "");

	if (is_bind(m))
		return plan_bind(m, a, p, volumes, e);
	if (volume_type(m))
		return add_volume(m, a, p, volumes, e);
	if (str_starts(type, STR("cgroup"))) {
		p->mounts[p->mount_count++] = (struct plan_mount){ m->destination, "cgroup", "",
								   MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY };
		return 0;
	}
	for (size_t k = 0; k < ARRAY_LEN(types); k++)
		if (str_is(type, types[k])) {
			add_mount(m, types[k], a, &p->mounts[p->mount_count++]);
			return 0;
		}
	return err_set(e, -ENOTSUP, "mount %s: a guest has no file system of type " STR_FMT, m->destination,
		       STR_ARG(type));
}

static int plan_mounts(const struct oci_config *c, struct arena *a, struct guest_plan *p, struct volumes *volumes,
		       struct err *e)
{
	int r = volume_make_bytes(c, &volumes->make_bytes, e);

	p->mounts = arena_array(a, struct plan_mount, c->mount_count + 1);
	p->files = arena_array(a, struct plan_file, c->mount_count + 1);
	p->volumes = arena_array(a, struct plan_volume, TIER_VOLUMES_MAX);
	for (size_t i = 0; i < c->mount_count && r == 0; i++)
		r = plan_mount(&c->mounts[i], a, p, volumes, e);
	return r;
}

/* The devices that are the kernel's own and not some hardware's: those every container has. */
static int plan_devices(const struct oci_config *c, struct arena *a, struct guest_plan *p, struct err *e)
{
	static const struct plan_device own[] = {
		{ "/dev/null", S_IFCHR, 1, 3, 0666, 0, 0 },    { "/dev/zero", S_IFCHR, 1, 5, 0666, 0, 0 },
		{ "/dev/full", S_IFCHR, 1, 7, 0666, 0, 0 },    { "/dev/random", S_IFCHR, 1, 8, 0666, 0, 0 },
		{ "/dev/urandom", S_IFCHR, 1, 9, 0666, 0, 0 }, { "/dev/tty", S_IFCHR, 5, 0, 0666, 0, 0 },
	};

	p->devices = arena_array(a, struct plan_device, c->device_count + ARRAY_LEN(own));
	memcpy(p->devices, own, sizeof(own));
	p->device_count = ARRAY_LEN(own);
	for (size_t i = 0; i < c->device_count; i++) {
		const struct oci_device *d = &c->devices[i];

		if (d->type != 'p' && (d->type != 'c' || (d->major != 1 && d->major != 5)))
			return err_set(e, -ENOTSUP, "device %s: a guest has no device %c %lld:%lld of the host's",
				       d->path, d->type, (long long)d->major, (long long)d->minor);
		p->devices[p->device_count++] = (struct plan_device){
			d->path,
			d->type == 'p' ? S_IFIFO : S_IFCHR,
			(uint32_t)d->major,
			(uint32_t)d->minor,
			d->mode.set ? (uint32_t)d->mode.v : 0666,
			(uint32_t)d->uid.v,
			(uint32_t)d->gid.v,
		};
	}
	return 0;
}

static struct plan_list list_of(struct strings s)
{
	return (struct plan_list){ s.v, s.n };
}

int plan_of_process(const struct oci_process *p, struct str filter, struct arena *a, struct guest_plan *ret,
		    struct err *e)
{
	struct guest_plan g = {
		.terminal = p->terminal,
		.no_new_privs = p->no_new_privileges,
		.core_off = true,
		.rows = p->console.height,
		.columns = p->console.width,
		.uid = p->uid,
		.gid = p->gid,
		.umask = p->umask.set ? (uint32_t)p->umask.v : UMASK_DEFAULT,
		.groups = p->groups,
		.group_count = p->group_count,
		.bounding = p->caps.bounding,
		.effective = p->caps.effective,
		.inheritable = p->caps.inheritable,
		.permitted = p->caps.permitted,
		.ambient = p->caps.ambient,
		.rlimit_count = p->rlimit_count,
		.oom_score_adj = p->oom_score_adj.set ? (int32_t)p->oom_score_adj.v : 0,
		.cwd = p->cwd,
		.args = list_of(p->args),
		.env = list_of(p->env),
		.filter = filter,
	};

	if (!p->args.n)
		return err_set(e, -EINVAL, "process.args is empty");
	g.rlimits = arena_array(a, struct plan_rlimit, p->rlimit_count + 1);
	for (size_t i = 0; i < p->rlimit_count; i++)
		g.rlimits[i] =
			(struct plan_rlimit){ (uint32_t)p->rlimits[i].type, p->rlimits[i].soft, p->rlimits[i].hard };
	*ret = g;
	return 0;
}

static int plan_bounds(const struct guest_plan *p, struct err *e)
{
	size_t files = 0;

	for (size_t i = 0; i < p->file_count; i++)
		files += p->files[i].content.n;
	if (files > PLAN_FILE_BYTES_MAX)
		return err_set(e, -E2BIG, "files mounted in: more than %u bytes in all", PLAN_FILE_BYTES_MAX);
	return 0;
}

/* The image has the owners that the files have here. A root file system that an engine has shifted to a user
 * namespace's ids would belong to nobody in the guest. */
static int check_owners(const struct tier_request *q, struct err *e)
{
	const struct oci_mappings *ids = &q->config->uids;
	struct stat st;

	if (stat(q->rootfs, &st) < 0)
		return err_errno(e, -errno, "%s", q->rootfs);
	for (size_t i = 0; i < ids->n; i++)
		if (ids->v[i].container_id == 0 && ids->v[i].host_id != 0 && st.st_uid == ids->v[i].host_id)
			return err_set(e, -ENOTSUP, "the root file system is shifted to the ids of a user namespace");
	return 0;
}

int plan_of_container(const struct tier_request *q, struct arena *a, struct guest_plan *ret,
		      struct volumes *ret_volumes, struct err *e)
{
	const struct oci_config *c = q->config;
	struct guest_plan p = { 0 };
	int r = plan_of_process(&c->process, q->filter, a, &p, e);

	r = r < 0 ? r : check_owners(q, e);
	r = r < 0 ? r : plan_mounts(c, a, &p, ret_volumes, e);
	r = r < 0 ? r : plan_devices(c, a, &p, e);
	r = r < 0 ? r : plan_bounds(&p, e);
	if (r < 0)
		return r;
	p.readonly = c->root_readonly;
	p.hostname = c->hostname;
	p.domainname = c->domainname;
	p.pids_max = c->resources.pids.set && c->resources.pids.v > 0 ? (uint64_t)c->resources.pids.v : 0;
	p.sysctls = arena_array(a, struct plan_pair, c->sysctl_count + 1);
	p.sysctl_count = c->sysctl_count;
	for (size_t i = 0; i < c->sysctl_count; i++)
		p.sysctls[i] = (struct plan_pair){ c->sysctl[i].key, c->sysctl[i].value };
	p.masked = list_of(c->masked_paths);
	p.readonly_paths = list_of(c->readonly_paths);
	*ret = p;
	return 0;
}
