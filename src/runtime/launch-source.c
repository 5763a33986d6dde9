/* launch-source: what the host's side opens for a plan. See launch-source.h. Every mount is a detached copy, held by a
 * descriptor only: it is gone with it, whatever happens. */
#include "runtime/launch-source.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/path.h"
#include "runtime/launch-child.h"
#include "runtime/launch-map.h"
#include "runtime/newfs.h"
#include "runtime/sys.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

#define LAYER_UPPER "upper"
#define LAYER_WORK "work"

void opened_done(struct opened *o)
{
	for (size_t i = 0; i < o->n; i++)
		fd_close(&o->fds[i]);
	free(o->fds);
	*o = (struct opened){ 0 };
}

static int open_tree_at(int dir_fd, const char *path, const struct launch_source *s, struct err *e)
{
	int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int r;

	flags |= s->recursive ? AT_RECURSIVE : 0;
	flags |= s->no_follow ? AT_SYMLINK_NOFOLLOW : 0;
	flags |= *path ? 0 : AT_EMPTY_PATH;
	r = (int)sys(__NR_open_tree, dir_fd, path, flags);
	return r < 0 ? err_errno(e, r, "%s: open_tree %s", s->about, *path ? path : s->path) : r;
}

static int open_source_tree(const struct source_context *c, const struct launch_source *s, struct err *e)
{
	auto_close int tree = open_tree_at(c->bundle_fd, s->path, s, e);
	auto_close int map = -1;
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP };
	int r;

	if (tree < 0 || !s->uids)
		return take_fd(&tree);
	map = launch_map_open(s->uids, s->gids, e);
	if (map < 0)
		return err_wrap(e, map, "%s: idmap", s->about);
	a.userns_fd = (uint64_t)map;
	r = (int)sys(__NR_mount_setattr, tree, "", AT_EMPTY_PATH | (s->map_recursive ? AT_RECURSIVE : 0), &a,
		     sizeof(a));
	if (r < 0)
		return err_errno(e, r, "%s: the file system of %s cannot be id-mapped", s->about, s->path);
	return take_fd(&tree);
}

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int layer_dir(int layer, const char *name)
{
	if (mkdirat(layer, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	return fd_open(layer, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

/* The merged root is whose the upper one is: as the root file system has it. */
static int own_as(int lower, int layer, int upper)
{
	struct stat st;

	return fstat(lower, &st) < 0 || fchownat(upper, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0 ||
			       fchmodat(layer, LAYER_UPPER, st.st_mode & 07777, 0) < 0
		       ? -errno
		       : 0;
}

/* The root file system stays as it is; what is written goes to the layer. */
static int open_overlay(int lower, int layer, struct err *e)
{
	auto_close int upper = layer_dir(layer, LAYER_UPPER);
	auto_close int work = layer_dir(layer, LAYER_WORK);
	auto_close int fs = -1;
	int r = upper < 0 ? upper : work < 0 ? work : own_as(lower, layer, upper);

	if (r < 0)
		return err_errno(e, r, "writable layer");
	fs = newfs_open("overlay");
	r = fs < 0 ? fs : newfs_set(fs, "source", "overlay");
	r = r < 0 ? r : newfs_set_fd(fs, "lowerdir", lower);
	r = r < 0 ? r : newfs_set_fd(fs, "upperdir", upper);
	r = r < 0 ? r : newfs_set_fd(fs, "workdir", work);
	r = r < 0 ? r : newfs_mount(fs, 0);
	return r < 0 ? err_errno(e, r, "writable layer: overlay") : r;
}

/* The same place as the present mount namespace has it. */
static int open_again(int fd)
{
	char link[32], path[PATH_BYTES_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || *path != '/')
		return n < 0 ? -errno : -ENOENT;
	path[n] = 0;
	return fd_open(AT_FDCWD, path, O_PATH | O_DIRECTORY);
}

static int overlay_in(int lower, int layer, struct err *e)
{
	auto_close int again = -1;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return err_errno(e, -errno, "writable layer: no mount namespace");
	again = open_again(lower);
	r = again < 0 ? again : (int)sys(__NR_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	/* onto the root, where nobody looks: all that counts is that the layer is in a namespace, which is ours */
	if (r >= 0)
		r = (int)sys(__NR_move_mount, layer, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? err_errno(e, r, "writable layer") : open_overlay(again, layer, e);
}

/* Before 6.15 overlayfs takes no layer that is in no mount namespace, nor one of another's: a namespace for the moment
 * of making it, which goes with all that is in it. */
static int overlay_apart(int lower, int layer, struct err *e)
{
	auto_close int own = fd_open(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY);
	auto_close int cwd = fd_open(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
	int r;

	if (own < 0 || cwd < 0)
		return err_errno(e, own < 0 ? own : cwd, "writable layer");
	r = overlay_in(lower, layer, e);
	/* Everything after this would act in the wrong namespace: there is no going on. */
	if (setns(own, CLONE_NEWNS) < 0 || fchdir(cwd) < 0)
		abort();
	return r;
}

static int open_root(const struct source_context *c, const struct launch_source *s, struct err *e)
{
	auto_close int tree = -1;
	int r;

	if (c->writable_layer >= 0) {
		auto_close int lower = fd_open(c->bundle_fd, s->path, O_PATH | O_DIRECTORY);

		if (lower < 0)
			return err_errno(e, lower, "%s: %s", s->about, s->path);
		r = open_overlay(lower, c->writable_layer, e);
		return r == -EINVAL ? overlay_apart(lower, c->writable_layer, e) : r;
	}
	tree = open_tree_at(c->bundle_fd, s->path, s, e);
	if (tree < 0)
		return tree;
	if (!is_directory(tree))
		return err_errno(e, -ENOTDIR, "%s: %s", s->about, s->path);
	return take_fd(&tree);
}

/* One of our own, in the state directory, and gone with that: the kernel mounts nothing that was unlinked. */
static int make_device(const struct source_context *c, const struct launch_source *s, struct err *e)
{
	const mode_t type = s->type == 'b' ? S_IFBLK : S_IFCHR;
	struct mount_attr a = { .attr_clr = MOUNT_ATTR_NODEV };
	auto_close int tree = -1;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "device-%zu", s->index);
	if (mknodat(c->state_fd, name, type, s->device) < 0)
		return err_errno(e, -errno, "%s: mknod", s->about);
	if (fchownat(c->state_fd, name, s->uid, s->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(c->state_fd, name, s->mode, 0) < 0)
		return err_errno(e, -errno, "%s: its owner and mode", s->about);
	tree = open_tree_at(c->state_fd, name, s, e);
	if (tree < 0)
		return tree;
	r = (int)sys(__NR_mount_setattr, tree, "", AT_EMPTY_PATH, &a, sizeof(a));
	return r < 0 ? err_errno(e, r, "%s: mount_setattr", s->about) : take_fd(&tree);
}

/* The node of that name must be that device: one of the host's may have been replaced, and a link never is one (R8). */
static int open_device(const struct source_context *c, const struct launch_source *s, struct err *e)
{
	auto_close int fd = fd_open(AT_FDCWD, s->path, O_PATH | O_NOFOLLOW);
	mode_t type = s->type == 'b' ? S_IFBLK : S_IFCHR;
	struct stat st;

	if (fd == -ENOENT && s->make)
		return make_device(c, s, e);
	if (fd < 0)
		return err_errno(e, fd, "%s: the host's %s", s->about, s->path);
	if (fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != type || st.st_rdev != s->device)
		return err_set(e, -ENODEV, "%s: the host's %s is another device, or none", s->about, s->path);
	return open_tree_at(fd, "", s, e);
}

static int open_namespace(const struct launch_source *s, struct err *e)
{
	auto_close int fd = fd_open(AT_FDCWD, s->path, O_RDONLY);
	int kind;

	if (fd < 0)
		return err_errno(e, fd, "%s: %s", s->about, s->path);
	kind = ioctl(fd, NS_GET_NSTYPE);
	if (kind < 0 || (size_t)kind != s->index)
		return err_set(e, -EINVAL, "%s: %s is no namespace of this kind", s->about, s->path);
	return take_fd(&fd);
}

/* Through the directory's descriptor: the path of a socket holds 108 bytes only. */
static int open_start(const struct source_context *c, struct err *e)
{
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d/" LAUNCH_START, c->state_fd);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(fd, 1) < 0)
		return err_errno(e, -errno, "state directory: %s", LAUNCH_START);
	return take_fd(&fd);
}

static int open_state(const struct source_context *c, const struct launch_source *s, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_close int fd = memfd_create("state", MFD_CLOEXEC);
	int r;

	buf_init(&text, STATE_BYTES_MAX);
	r = c->state_text(c->arg, c->pid, "created", &text, e);
	if (r < 0)
		return err_wrap(e, r, "%s", s->about);
	r = buf_finish(&text);
	if (r >= 0)
		r = fd < 0 ? -errno : fd_write(fd, text.p, text.n);
	return r < 0 ? err_errno(e, r, "%s: the state", s->about) : take_fd(&fd);
}

static int open_one(const struct source_context *c, const struct launch_source *s, struct err *e)
{
	int fd;

	switch (s->kind) {
	case SOURCE_TREE:
		return open_source_tree(c, s, e);
	case SOURCE_ROOT:
		return open_root(c, s, e);
	case SOURCE_CGROUP:
		return open_tree_at(c->cgroup->dirs[s->index], "", s, e);
	case SOURCE_DEVICE:
		return open_device(c, s, e);
	case SOURCE_NAMESPACE:
		return open_namespace(s, e);
	case SOURCE_FD:
		fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? err_errno(e, -errno, "%s", s->about) : fd;
	case SOURCE_START:
		return open_start(c, e);
	case SOURCE_STATE:
		return open_state(c, s, e);
	}
	return err_set(e, -EINVAL, "%s: no such source", s->about);
}

int launch_sources_open(const struct launch_steps *s, const struct source_context *c, struct opened *ret, struct err *e)
{
	auto_opened struct opened o = { xcalloc(s->sources.n + 1, sizeof(int)), 0 };

	for (size_t i = 0; i < s->sources.n; i++) {
		int fd = open_one(c, &s->sources.v[i], e);

		if (fd < 0)
			return fd;
		o.fds[o.n++] = fd;
	}
	*ret = o;
	o = (struct opened){ 0 };
	return 0;
}
