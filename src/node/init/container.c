/* container: the surroundings of a container's first process, built from inside. See init.h.
 *
 * Everything that comes from outside (devpts, the terminal, /dev/null, copied files) is taken as a detached mount
 * before the new namespaces begin; everything else happens after the root was switched, so that a link in the image
 * leads nowhere but into the image. */
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/init/init.h"

#define DEV_TMPFS "mode=0755,size=65536k"
#define EMPTY_TMPFS "size=0,nr_inodes=2,mode=0555"

static int take_mount(const char *path, bool recursive)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));

	return fd < 0 ? -errno : fd;
}

static int put_mount(int fd, const char *path)
{
	return syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int make_readonly(int fd, bool recursive)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)) <
			       0
		       ? -errno
		       : 0;
}

static int make_file(const struct plan_file *f, size_t i)
{
	char name[64];
	int r;

	snprintf(name, sizeof(name), "/files/%zu", i);
	r = file_write(AT_FDCWD, name, f->content, false, NULL);
	if (r == 0 && chmod(name, f->mode & 0777) < 0)
		r = -errno;
	return r < 0 ? r : take_mount(name, false);
}

static int take_volumes(const struct guest_plan *p, struct container_sources *s, struct err *e)
{
	for (size_t i = 0; i < p->volume_count; i++) {
		char path[64];
		int r = boot_volume(&p->volumes[i], i, e);

		if (r < 0)
			return r;
		snprintf(path, sizeof(path), VOLUMES "/%zu", i);
		s->volumes[i] = take_mount(path, false);
		if (s->volumes[i] < 0)
			return err_errno(e, s->volumes[i], "volume %s", p->volumes[i].path);
	}
	return 0;
}

static int take_files(const struct guest_plan *p, struct container_sources *s)
{
	int r = mkdir("/files", 0700) < 0 && errno != EEXIST ? -errno : 0;

	for (size_t i = 0; i < p->file_count && r == 0; i++) {
		r = s->files[i] = make_file(&p->files[i], i);
		if (r >= 0)
			r = p->files[i].writable ? 0 : make_readonly(s->files[i], false);
	}
	return r;
}

static int take_console(int terminal, struct container_sources *s)
{
	char path[64];
	int number;

	if (ioctl(terminal, (unsigned long)TIOCGPTN, &number) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/dev/pts/%d", number);
	s->console = take_mount(path, false);
	return s->console < 0 ? s->console : 0;
}

/* Of descriptors that are not there yet. */
static int *none_of(size_t n)
{
	int *fds = xmalloc((n + 1) * sizeof(*fds));

	memset(fds, -1, (n + 1) * sizeof(*fds));
	return fds;
}

int container_sources(const struct guest_plan *p, int terminal, struct container_sources *ret, struct err *e)
{
	struct container_sources s = { take_mount("/dev/pts", false), -1, take_mount("/dev/null", false),
				       none_of(p->file_count), none_of(p->volume_count) };
	int r = s.pts < 0 ? s.pts : s.null < 0 ? s.null : 0;

	r = r < 0 ? r : take_files(p, &s);
	if (r == 0 && terminal >= 0)
		r = take_console(terminal, &s);
	if (r < 0)
		err_errno(e, r, "what the host gave to the container");
	r = r < 0 ? r : take_volumes(p, &s, e);
	if (r < 0) {
		container_sources_close(&s, p);
		return r;
	}
	*ret = s;
	return 0;
}

void container_sources_close(struct container_sources *s, const struct guest_plan *p)
{
	for (size_t i = 0; i < p->file_count; i++)
		fd_close(&s->files[i]);
	for (size_t i = 0; i < p->volume_count; i++)
		fd_close(&s->volumes[i]);
	free(s->files);
	free(s->volumes);
	fd_close(&s->pts);
	fd_close(&s->console);
	fd_close(&s->null);
}

/* A file or directory to mount upon. In a read-only root it has to be there. */
static int make_target(const char *path, bool directory)
{
	char dir[PATH_BYTES_MAX];
	struct stat st;
	struct str up = path_dir(str_c(path));
	int fd, r;

	if (stat(path, &st) == 0)
		return 0;
	if (directory)
		return dir_make(AT_FDCWD, path);
	snprintf(dir, sizeof(dir), STR_FMT, STR_ARG(up));
	r = up.n ? dir_make(AT_FDCWD, dir) : 0;
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int mount_row(const struct plan_mount *m, const struct container_sources *s, struct err *e)
{
	bool pts = str_is(str_c(m->type), "devpts"), cgroup = str_is(str_c(m->type), "cgroup");
	int r = make_target(m->target, true);

	if (r < 0)
		return err_errno(e, r, "mount point %s", m->target);
	/* One instance for the container and what is started beside it, so that each terminal has a name. */
	if (pts)
		r = put_mount(s->pts, m->target);
	else if (mount(m->type, m->target, cgroup ? "cgroup2" : m->type, m->flags, m->data[0] ? m->data : NULL) < 0)
		r = -errno;
	return r < 0 ? err_errno(e, r, "mount %s (%s)", m->target, m->type) : 0;
}

static int switch_root(struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir(CONTAINER_ROOT) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_errno(e, -errno, "switch to the container's root");
	return 0;
}

static int make_device(const struct plan_device *d)
{
	int r = make_target("/dev", true);

	if (r < 0)
		return r;
	(void)unlink(d->path);
	if (mknod(d->path, d->type | (d->mode & 0777), makedev(d->major, d->minor)) < 0)
		return -errno;
	return chmod(d->path, d->mode & 0777) < 0 || lchown(d->path, d->uid, d->gid) < 0 ? -errno : 0;
}

static int make_devices(const struct guest_plan *p, const struct container_sources *s, struct err *e)
{
	static const struct {
		const char *target, *name;
	} links[] = {
		{ "/proc/self/fd", "/dev/fd" },	      { "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" }, { "/proc/self/fd/2", "/dev/stderr" },
		{ "pts/ptmx", "/dev/ptmx" },
	};
	int r = 0;

	for (size_t i = 0; i < p->device_count; i++) {
		r = make_device(&p->devices[i]);
		if (r < 0)
			return err_errno(e, r, "device %s", p->devices[i].path);
	}
	for (size_t i = 0; p->device_count && i < ARRAY_LEN(links); i++)
		if (symlink(links[i].target, links[i].name) < 0 && errno != EEXIST && errno != EROFS)
			return err_errno(e, -errno, "%s", links[i].name);
	if (s->console >= 0) {
		r = make_target("/dev/console", false);
		r = r < 0 ? r : put_mount(s->console, "/dev/console");
	}
	return r < 0 ? err_errno(e, r, "/dev/console") : 0;
}

static int lay(int source, const char *path, bool directory, const char *what, struct err *e)
{
	int r = make_target(path, directory);

	r = r < 0 ? r : put_mount(source, path);
	return r < 0 ? err_errno(e, r, "%s %s", what, path) : 0;
}

static int lay_all(const struct guest_plan *p, const struct container_sources *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < p->volume_count && r == 0; i++)
		r = lay(s->volumes[i], p->volumes[i].path, true, "volume", e);
	for (size_t i = 0; i < p->file_count && r == 0; i++)
		r = lay(s->files[i], p->files[i].path, false, "file", e);
	return r;
}

static int set_sysctls(const struct guest_plan *p, struct err *e)
{
	for (size_t i = 0; i < p->sysctl_count; i++) {
		char path[PATH_BYTES_MAX];
		int r;

		snprintf(path, sizeof(path), "/proc/sys/%s", p->sysctls[i].key);
		for (char *c = path; *c; c++)
			*c = *c == '.' ? '/' : *c;
		r = knob_write(path, p->sysctls[i].value, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The first file hidden takes the /dev/null that was brought along; others take a copy of what lies there now, for only
 * a mount with a place can be copied. */
static int hide(const char *path, const struct container_sources *s, const char **hidden)
{
	struct stat st;
	auto_close int copy = -1;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, EMPTY_TMPFS) < 0
			       ? -errno
			       : 0;
	if (!*hidden) {
		*hidden = path;
		return put_mount(s->null, path);
	}
	copy = take_mount(*hidden, false);
	return copy < 0 ? copy : put_mount(copy, path);
}

static int protect(const char *path)
{
	auto_close int tree = take_mount(path, true);
	int r;

	if (tree < 0)
		return tree == -ENOENT || tree == -ENOTDIR ? 0 : tree;
	r = make_readonly(tree, true);
	return r < 0 ? r : put_mount(tree, path);
}

static int mask_paths(const struct guest_plan *p, const struct container_sources *s, struct err *e)
{
	const char *hidden = NULL;

	for (size_t i = 0; i < p->masked.n; i++) {
		int r = hide(p->masked.v[i], s, &hidden);

		if (r < 0)
			return err_errno(e, r, "mask %s", p->masked.v[i]);
	}
	for (size_t i = 0; i < p->readonly_paths.n; i++) {
		int r = protect(p->readonly_paths.v[i]);

		if (r < 0)
			return err_errno(e, r, "read-only %s", p->readonly_paths.v[i]);
	}
	return 0;
}

static int set_names(const struct guest_plan *p, struct err *e)
{
	if ((p->hostname[0] && sethostname(p->hostname, strlen(p->hostname)) < 0) ||
	    (p->domainname[0] && setdomainname(p->domainname, strlen(p->domainname)) < 0))
		return err_errno(e, -errno, "host name");
	return 0;
}

int container_enter(const struct guest_plan *p, const struct container_sources *s, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int r = switch_root(e);

	for (size_t i = 0; i < p->mount_count && r == 0; i++)
		r = mount_row(&p->mounts[i], s, e);
	r = r < 0 ? r : make_devices(p, s, e);
	r = r < 0 ? r : lay_all(p, s, e);
	r = r < 0 ? r : set_names(p, e);
	r = r < 0 ? r : set_sysctls(p, e);
	if (r == 0 && p->readonly && syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attr, sizeof(attr)) < 0)
		r = err_errno(e, -errno, "read-only root");
	return r < 0 ? r : mask_paths(p, s, e);
}
