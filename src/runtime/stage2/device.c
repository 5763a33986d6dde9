/* stage 2: devices, on a tmpfs that we made and reach by descriptor: no link of the rootfs is ever followed (R9). */
#include "runtime/stage2/stage2.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#define MODE_BITS 07777
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST 143

static void leave_parent(long at, long fs)
{
	if (at != fs)
		sys(__NR_close, at);
}

/* The directory of path in a tmpfs of ours, made when missing, and the last part's name. To be closed by
 * leave_parent(). */
static long open_parent(long fs, const char *path, char part[256], const char **ret_name)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	long at = fs;

	for (;;) {
		size_t n = 0;
		long next;

		while (path[n] && path[n] != '/')
			n++;
		if (at < 0 || !path[n])
			break;
		if (n >= 256)
			return -ENAMETOOLONG;
		for (size_t i = 0; i < n; i++)
			part[i] = path[i];
		part[n] = 0;
		next = sys(__NR_mkdirat, at, part, 0755);
		if (next >= 0 || next == -EEXIST)
			next = sys(__NR_openat2, at, part, &how, sizeof(how));
		leave_parent(at, fs);
		at = next;
		path += n + 1;
	}
	*ret_name = path;
	return at;
}

long step_node(const struct plan_step *s)
{
	char part[256];
	const char *name;
	long at = open_parent(slots[s->slot], plan_text(s, 1), part, &name), r;

	if (at < 0)
		return fail(at, "its directory");
	r = fail(sys(__NR_mknodat, at, name, s->arg[0], s->arg[1]), "mknod");
	if (r >= 0 && (s->arg[2] || s->arg[3]))
		r = fail(sys(__NR_fchownat, at, name, s->arg[2], s->arg[3], AT_SYMLINK_NOFOLLOW), "chown");
	leave_parent(at, slots[s->slot]);
	return r;
}

/* A file to be mounted on, opened without following anything. */
static long node_file(long at, const char *name)
{
	long fd = sys(__NR_openat, at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fd;
	sys(__NR_close, fd);
	return sys(__NR_openat, at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

long step_node_bind(const struct plan_step *s)
{
	char part[256];
	const char *name;
	long at = open_parent(slots[s->slot], plan_text(s, 1), part, &name), target, r;

	if (at < 0)
		return fail(at, "its directory");
	target = node_file(at, name);
	leave_parent(at, slots[s->slot]);
	if (target < 0)
		return fail(target, "create");
	r = sys(__NR_move_mount, slots[s->arg[0]], "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	sys(__NR_close, target);
	return fail(r, "move_mount");
}

/* A node of ours seen at a place outside of /dev: a mount of it over a file, so that none is left in the root. */
long step_node_show(const struct plan_step *s)
{
	const char *name = plan_text(s, 1);
	long node = sys(__NR_openat, slots[s->slot], name, O_PATH | O_NOFOLLOW | O_CLOEXEC), tree, target, r;

	if (node < 0)
		return fail(node, "open");
	tree = sys(__NR_open_tree, node, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	target = tree < 0 ? tree : inside_make(plan_text(s, 2), false);
	r = target;
	if (target >= 0)
		r = sys(__NR_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (r >= 0)
		r = sys(__NR_unlinkat, slots[s->slot], name, 0);
	if (target >= 0)
		sys(__NR_close, target);
	if (tree >= 0)
		sys(__NR_close, tree);
	sys(__NR_close, node);
	return fail(r, "its place");
}

long step_link(const struct plan_step *s)
{
	long r = sys(__NR_symlinkat, plan_text(s, 2), slots[s->slot], plan_text(s, 1));

	/* The configuration may have put something there itself. */
	return r == -EEXIST ? 0 : fail(r, "symlink");
}

/* Really a terminal of a devpts, whatever the name led to (CVE-2025-52565). */
static long check_terminal(long fd)
{
	long about[STATFS_WORDS] = { 0 };
	struct statx st;

	if (sys(__NR_fstatfs, fd, about) < 0 || about[0] != DEVPTS_SUPER_MAGIC)
		return fail(-EINVAL, "the terminal is not on a devpts");
	if (fd_stat(fd, &st) < 0 || (st.stx_mode & S_IFMT) != S_IFCHR || st.stx_rdev_major < PTS_MAJOR_FIRST ||
	    st.stx_rdev_major > PTS_MAJOR_LAST)
		return fail(-EINVAL, "the terminal is none");
	return 0;
}

static long open_master(const struct plan_step *s)
{
	long about[STATFS_WORDS] = { 0 };
	long fd;

	if (s->slot >= 0)
		return sys(__NR_openat, slots[s->slot], "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	fd = inside_open("dev/pts/ptmx", O_RDWR | O_NOCTTY);
	if (fd >= 0 && (sys(__NR_fstatfs, fd, about) < 0 || about[0] != DEVPTS_SUPER_MAGIC))
		return -ENOTTY;
	return fd;
}

/* /dev/console is the terminal: mounted over a file that was made on our own tmpfs. */
static long bind_console(long dev, long slave)
{
	long target = node_file(dev, "console"), tree, r;

	if (target < 0)
		return fail(target, "/dev/console");
	tree = sys(__NR_open_tree, slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	r = tree < 0 ? tree
		     : sys(__NR_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (tree >= 0)
		sys(__NR_close, tree);
	sys(__NR_close, target);
	return fail(r, "/dev/console");
}

static long become_terminal(long slave)
{
	long r = sys(__NR_ioctl, slave, TIOCSCTTY, 0);

	for (int i = 0; i < 3 && r >= 0; i++)
		r = sys(__NR_dup3, slave, i, 0);
	return fail(r, "the terminal");
}

long step_console(const struct plan_step *s)
{
	long master = open_master(s), slave, r;
	int fd, unlocked = 0;

	if (master < 0)
		return fail(master, "/dev/pts/ptmx");
	r = sys(__NR_ioctl, master, TIOCSPTLCK, &unlocked);
	slave = r < 0 ? r : sys(__NR_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return fail(slave, "TIOCGPTPEER");
	r = check_terminal(slave);
	if (r >= 0 && s->arg[1] | s->arg[2]) {
		struct winsize size = { .ws_row = (unsigned short)s->arg[1], .ws_col = (unsigned short)s->arg[2] };

		r = fail(sys(__NR_ioctl, slave, TIOCSWINSZ, &size), "TIOCSWINSZ");
	}
	if (r >= 0 && (int32_t)s->arg[0] >= 0)
		r = bind_console(slots[s->arg[0]], slave);
	fd = (int)master;
	if (r >= 0)
		r = fail(say(PLAN_SAY_CONSOLE, 0, &fd), "console");
	if (r >= 0)
		r = become_terminal(slave);
	sys(__NR_close, master);
	return r;
}

long step_stdio_owner(const struct plan_step *s)
{
	for (int i = 0; i < 3; i++) {
		struct statx about;
		long r = fd_stat(i, &about);

		if (r < 0 || about.stx_uid == s->arg[0] || (about.stx_rdev_major == 1 && about.stx_rdev_minor == 3))
			continue;
		r = sys(__NR_fchown, i, s->arg[0], -1);
		/* Not ours to give away (another user namespace's, a read-only file system's): it stays as it is, as
		 * runc leaves it. */
		if (r < 0 && r != -EPERM && r != -EINVAL && r != -EROFS && r != -ENOSYS)
			return fail(r, "chown of standard input and output");
	}
	return 0;
}
