/* stage 2: mounts, by descriptor only. What is mounted exists, detached, before the root is switched; where it goes is
 * looked up below the root and held while it is attached (R3). */
#include "runtime/stage2/stage2.h"

#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define UMOUNT_DETACH 2
#define LOG_BYTES 256

/* The kernel's own words about a mount option, when it has any. */
static void note_log(long fs)
{
	char text[LOG_BYTES];
	long n = sys(__NR_read, fs, text, sizeof(text) - 1);

	if (n > 0) {
		if (text[n - 1] == '\n')
			n--;
		text[n] = 0;
		note(text);
	}
}

static long configure(long fs, const struct plan_step *s)
{
	const char *key = plan_after(plan_text(s, 1));
	long r = 0;

	for (uint32_t i = 2; i + 1 < s->strings && r >= 0; i += 2) {
		const char *value = plan_after(key);

		if (*key)
			r = sys(__NR_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0);
		else
			r = sys(__NR_fsconfig, fs, FSCONFIG_SET_FLAG, value, NULL, 0);
		if (r < 0) {
			fail(r, *key ? key : value);
			note_log(fs);
		}
		key = plan_after(value);
	}
	return r;
}

long step_fs(const struct plan_step *s)
{
	long fs = sys(__NR_fsopen, plan_text(s, 1), FSOPEN_CLOEXEC), r;

	if (fs < 0)
		return fail(fs, "fsopen");
	r = configure(fs, s);
	if (r >= 0) {
		r = fail(sys(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "create");
		if (r < 0)
			note_log(fs);
	}
	if (r >= 0)
		r = fail(sys(__NR_fsmount, fs, FSMOUNT_CLOEXEC, s->arg[0]), "fsmount");
	sys(__NR_close, fs);
	if (r < 0)
		return r;
	slots[s->slot] = (int)r;
	return 0;
}

/* device: major << 32 | minor */
static bool is_device(long fd, uint64_t type, uint64_t device)
{
	struct statx about;

	return fd_stat(fd, &about) == 0 && (about.stx_mode & S_IFMT) == type &&
	       device == ((uint64_t)about.stx_rdev_major << 32 | about.stx_rdev_minor);
}

long step_tree(const struct plan_step *s)
{
	long r = sys(__NR_open_tree, AT_FDCWD, plan_text(s, 1),
		     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (s->arg[0] ? AT_RECURSIVE : 0) |
			     (s->arg[1] ? AT_SYMLINK_NOFOLLOW : 0));

	if (r < 0) {
		note(plan_text(s, 1));
		return fail(r, "open_tree");
	}
	if (s->arg[2] && !is_device(r, s->arg[2], s->arg[3]))
		return fail(-ENODEV, "this is another device of the host, or none");
	slots[s->slot] = (int)r;
	return 0;
}

static long set_attributes(long fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive)
{
	struct mount_attr a = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

	/* Access times are one field: whoever sets one clears the others. */
	if (set & MOUNT_ATTR__ATIME || clear & MOUNT_ATTR__ATIME)
		a.attr_clr |= MOUNT_ATTR__ATIME;
	if (!a.attr_set && !a.attr_clr && !propagation)
		return 0;
	return fail(sys(__NR_mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)),
		    "mount_setattr");
}

static long propagate(long fd, uint64_t flags)
{
	return flags ? set_attributes(fd, 0, 0, flags & ~(uint64_t)MS_REC, flags & MS_REC) : 0;
}

/* arg: set, cleared; the same for all below; two propagations, one after the other, in the halves of arg[4]. The first
 * goes with the attributes where both are of this mount alone: one call in place of two. */
static long change(long fd, const struct plan_step *s)
{
	uint64_t first = (uint32_t)s->arg[4] & ~PLAN_ATTACH_PLAIN;
	long r = first & MS_REC ? propagate(fd, first) : 0;

	if (r >= 0)
		r = set_attributes(fd, s->arg[0], s->arg[1], first & MS_REC ? 0 : first, false);
	if (r >= 0)
		r = set_attributes(fd, s->arg[2], s->arg[3], 0, true);
	if (r >= 0)
		r = propagate(fd, s->arg[4] >> 32);
	return r;
}

static long move(long fd, long target)
{
	return fail(sys(__NR_move_mount, fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
		    "move_mount");
}

static bool is_directory(long fd)
{
	struct statx about;

	return fd_stat(fd, &about) == 0 && (about.stx_mode & S_IFMT) == S_IFDIR;
}

long step_attach(const struct plan_step *s)
{
	long fd = slots[s->slot], target, r = change(fd, s);

	if (r < 0)
		return r;
	target = s->arg[4] & PLAN_ATTACH_PLAIN ? inside_plain(plan_text(s, 1)) : inside_open(plan_text(s, 1), O_PATH);
	if (target == -ELOOP && s->arg[4] & PLAN_ATTACH_PLAIN)
		return fail(target, "must be mounted on ordinary directory");
	if (target == -ENOENT)
		target = inside_make_missing(plan_text(s, 1), is_directory(fd));
	if (target < 0)
		return fail(target, "where it is to be mounted");
	r = move(fd, target);
	sys(__NR_close, target);
	return r;
}

long step_change(const struct plan_step *s)
{
	long fd = *plan_text(s, 1) ? inside_open(plan_text(s, 1), O_PATH) : root_fd, r;

	if (fd < 0)
		return fail(fd, "open");
	r = change(fd, s);
	if (fd != root_fd)
		sys(__NR_close, fd);
	return r;
}

long step_propagate(const struct plan_step *s)
{
	struct mount_attr a = { .propagation = s->arg[0] };

	return fail(sys(__NR_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &a, sizeof(a)), "mount_setattr");
}

/* Over the root of all there is by default: then no path of the host is needed, and none is left after the switch. */
long step_root(const struct plan_step *s)
{
	const char *where = *plan_text(s, 1) ? plan_text(s, 1) : "/";
	long fd = slots[s->slot], r = propagate(fd, s->arg[0]);

	if (r < 0)
		return r;
	r = sys(__NR_move_mount, fd, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return fail(r, "move_mount");
	root_fd = (int)fd;
	return 0;
}

/* The old root ends up over the new one and is taken off at once: nothing of the host is left to be reached. */
static long switch_root(void)
{
	long r = sys(__NR_pivot_root, ".", ".");

	if (r < 0)
		return fail(r, "pivot_root");
	return fail(sys(__NR_umount2, ".", UMOUNT_DETACH), "umount of the old root");
}

static long switch_by_move(void)
{
	long r = sys(__NR_move_mount, root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);

	/* It lies over "/" already, unless hooks wanted it at its own place. */
	if (r < 0 && r != -EINVAL && r != -ELOOP)
		return fail(r, "move_mount");
	return fail(sys(__NR_chroot, "."), "chroot");
}

long step_pivot(const struct plan_step *s)
{
	long r = sys(__NR_fchdir, root_fd);

	if (r < 0)
		return fail(r, "fchdir");
	r = s->arg[0] ? switch_by_move() : switch_root();
	return r < 0 ? r : fail(sys(__NR_chdir, "/"), "chdir");
}

/* A copy of a mount that is attached in this namespace already. */
static long copy_of(long fd)
{
	return fail(sys(__NR_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH), "open_tree");
}

/* Mounts what `*source` holds over target; it moves itself the first time, copies of it go from then on. */
static long cover(long source, bool *moved, long target)
{
	long copy, r;

	if (!*moved) {
		*moved = true;
		return move(source, target);
	}
	copy = copy_of(source);
	if (copy < 0)
		return copy;
	r = move(copy, target);
	sys(__NR_close, copy);
	return r;
}

/* One empty file system that nobody can write to for all directories that are hidden. */
static long empty_fs(void)
{
	long fs = sys(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC), r;

	if (fs < 0)
		return fail(fs, "fsopen");
	r = sys(__NR_fsconfig, fs, FSCONFIG_SET_STRING, "nr_inodes", "1", 0);
	if (r >= 0)
		r = sys(__NR_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0555", 0);
	if (r >= 0)
		r = sys(__NR_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
	if (r >= 0)
		r = sys(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		r = sys(__NR_fsmount, fs, FSMOUNT_CLOEXEC,
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	sys(__NR_close, fs);
	return fail(r, "an empty tmpfs");
}

static bool is_kernel_mount(long fd)
{
	long about[STATFS_WORDS] = { 0 };

	return sys(__NR_fstatfs, fd, about) >= 0 && (about[0] == PROC_SUPER_MAGIC || about[0] == SYSFS_MAGIC);
}

/* In a user namespace the host's mounts cannot be taken off: then something lies over them that cannot either. */
static long take_off(const char *path, long fd)
{
	long r = sys(__NR_umount2, path, UMOUNT_DETACH), empty;

	if (r != -EINVAL)
		return fail(r, "umount of the host's");
	empty = empty_fs();
	if (empty < 0)
		return empty;
	r = move(empty, fd);
	sys(__NR_close, empty);
	return r;
}

long step_detach(const struct plan_step *s)
{
	const char *path = plan_text(s, 1);
	long fd = sys(__NR_openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC), r;

	note(path);
	if (fd < 0) /* it went with one above */
		return fd == -ENOENT ? 0 : fail(fd, "open");
	r = is_kernel_mount(fd) ? take_off(path, fd) : 0;
	sys(__NR_close, fd);
	return r;
}

/* The node that step_node() made on our own tmpfs, still what it was made as (R8). */
static long null_node(long dev)
{
	struct statx about;
	long fd = sys(__NR_openat, dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return fail(fd, "/dev/null of our own");
	if (fd_stat(fd, &about) < 0 || (about.stx_mode & S_IFMT) != S_IFCHR || about.stx_rdev_major != 1 ||
	    about.stx_rdev_minor != 3)
		return fail(-EINVAL, "/dev/null of our own is none");
	return fd;
}

static long mask_file(const struct plan_step *s, long target)
{
	static long node = -1;
	static bool moved;
	long copy, r;

	if (s->slot >= 0)
		return cover(slots[s->slot], &moved, target);
	if (node < 0)
		node = null_node(slots[s->arg[0]]);
	if (node < 0)
		return node;
	copy = copy_of(node);
	if (copy < 0)
		return copy;
	r = move(copy, target);
	sys(__NR_close, copy);
	return r;
}

static long mask_directory(long target)
{
	static long empty = -1;
	static bool moved;

	if (empty < 0)
		empty = empty_fs();
	return empty < 0 ? empty : cover(empty, &moved, target);
}

/* What is not there needs no hiding. */
static bool is_absent(long r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

long step_mask(const struct plan_step *s)
{
	long target = inside_open(plan_text(s, 1), O_PATH), r;

	if (target < 0)
		return is_absent(target) ? 0 : fail(target, "open");
	r = is_directory(target) ? mask_directory(target) : mask_file(s, target);
	sys(__NR_close, target);
	return r;
}

long step_read_only(const struct plan_step *s)
{
	long target = inside_open(plan_text(s, 1), O_PATH), tree, r;

	if (target < 0)
		return is_absent(target) ? 0 : fail(target, "open");
	tree = fail(sys(__NR_open_tree, target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE),
		    "open_tree");
	r = tree < 0 ? tree : set_attributes(tree, MOUNT_ATTR_RDONLY, 0, 0, true);
	if (r >= 0)
		r = move(tree, target);
	if (tree >= 0)
		sys(__NR_close, tree);
	sys(__NR_close, target);
	return r;
}
