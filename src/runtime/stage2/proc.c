/* stage 2: the procfs that is ours. Made by this process, never reached by a path of the container's, so that nothing
 * can stand in its place (CVE-2019-16884, CVE-2025-52881); no part of a path in it may lead out of it. */
#include "runtime/stage2/stage2.h"

#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/time_types.h>

static int proc_fd = -1;

long proc_use(int fd)
{
	long about[STATFS_WORDS] = { 0 };
	long r = sys(__NR_fstatfs, fd, about);

	if (r < 0)
		return fail(r, "fstatfs");
	if (about[0] != PROC_SUPER_MAGIC)
		return fail(-EINVAL, "this is no procfs");
	proc_fd = fd;
	return 0;
}

long step_proc(const struct plan_step *s)
{
	long fs, r;

	if (s->slot >= 0)
		return proc_use(slots[s->slot]);
	fs = sys(__NR_fsopen, "proc", FSOPEN_CLOEXEC);
	if (fs < 0)
		return fail(fs, "fsopen");
	r = sys(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		r = sys(__NR_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV);
	sys(__NR_close, fs);
	return r < 0 ? fail(r, "a procfs of our own") : proc_use((int)r);
}

static long open_inside(const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };

	return proc_fd < 0 ? -ENOENT : sys(__NR_openat2, proc_fd, path, &how, sizeof(how));
}

long proc_write(const char *path, const char *text)
{
	long n = (long)text_length(text), r;
	long fd = open_inside(path, O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);

	if (fd < 0)
		return fail(fd, "open");
	r = sys(__NR_write, fd, text, n);
	sys(__NR_close, fd);
	return r < 0 ? fail(r, "write") : r != n ? fail(-EIO, "write") : 0;
}

static size_t self_path(char *to, size_t n, const char *name)
{
	size_t at = text_number(to, n, 0, (uint64_t)sys(__NR_getpid));

	at = text_add(to, n, at, "/");
	return text_add(to, n, at, name);
}

long proc_self_write(const char *name, const char *text)
{
	char path[128];

	return self_path(path, sizeof(path), name) < sizeof(path) ? proc_write(path, text) : -ENAMETOOLONG;
}

long proc_self_open(const char *name)
{
	char path[128];

	return self_path(path, sizeof(path), name) < sizeof(path) ? open_inside(path, O_RDONLY, 0) : -ENAMETOOLONG;
}

long step_sysctl(const struct plan_step *s)
{
	char path[PATH_BYTES];
	size_t at = text_add(path, sizeof(path), 0, "sys/");

	if (text_add(path, sizeof(path), at, plan_text(s, 1)) >= sizeof(path))
		return -ENAMETOOLONG;
	return proc_write(path, plan_text(s, 2));
}

long step_label(const struct plan_step *s)
{
	char path[128];
	size_t at = text_add(path, sizeof(path), 0, "attr/");

	if (text_add(path, sizeof(path), at, plan_text(s, 1)) >= sizeof(path))
		return -ENAMETOOLONG;
	return proc_self_write(path, plan_text(s, 2));
}

long step_time(const struct plan_step *s)
{
	char line[96];
	int64_t seconds = (int64_t)s->arg[1];
	size_t at = text_number(line, sizeof(line), 0, s->arg[0]);

	at = text_add(line, sizeof(line), at, seconds < 0 ? " -" : " ");
	at = text_number(line, sizeof(line), at, seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds);
	at = text_add(line, sizeof(line), at, " ");
	text_number(line, sizeof(line), at, s->arg[2]);
	return proc_self_write("timens_offsets", line);
}

long step_time_enter(const struct plan_step *s unused_arg)
{
	long fd = proc_self_open("ns/time_for_children"), r;

	if (fd < 0)
		return fail(fd, "open");
	r = sys(__NR_setns, fd, 0x80 /* CLONE_NEWTIME */);
	sys(__NR_close, fd);
	return fail(r, "setns");
}
