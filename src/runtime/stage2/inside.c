/* stage 2: paths below the root. A rootfs is hostile: any part of a path may be a link, and may become one at any
 * moment (CVE-2021-30465, CVE-2024-45310). The kernel resolves, with the root as the end of every way up; what is
 * missing is made part by part with the parent held, and no part made is ever followed. */
#include "runtime/stage2/stage2.h"

#include <linux/openat2.h>
#include <linux/stat.h>

#define RACE_TRIES 128 /* openat2() gives up when the tree is renamed under it: EAGAIN */
#define LINKS_MAX 40   /* as the kernel's limit of links in one path */

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

static long open_how(int fd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	long r = -EAGAIN;

	for (int i = 0; i < RACE_TRIES && r == -EAGAIN; i++)
		r = sys(__NR_openat2, fd, path, &how, sizeof(how));
	return r;
}

long inside_open(const char *path, uint64_t flags)
{
	while (*path == '/')
		path++;
	return open_how(root_fd, *path ? path : ".", flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

long inside_plain(const char *path)
{
	return open_how(root_fd, path, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

long fd_stat(long fd, struct statx *ret)
{
	return sys(__NR_statx, fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, ret);
}

static long open_part(long fd, const char *name)
{
	/* Not O_NOFOLLOW: with it a link would be opened itself, and mounted upon. */
	return open_how((int)fd, name, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static bool is_dots(const char *name)
{
	return text_eq(name, ".") || text_eq(name, "..");
}

/* One missing part below fd: made, then opened without following it. */
static long make_part(long fd, const char *name, bool directory)
{
	long r;

	if (is_dots(name))
		return fail(-EINVAL, "the path leads through a directory that is not there and back");
	if (directory) {
		r = sys(__NR_mkdirat, fd, name, 0755);
	} else {
		r = sys(__NR_openat, fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (r >= 0)
			sys(__NR_close, r);
	}
	if (r < 0 && r != -EEXIST)
		return fail(r, directory ? "mkdir" : "create");
	return open_part(fd, name);
}

/* The end of path without the last part of its first `end` bytes. */
static size_t part_before(const char *path, size_t end)
{
	while (end && path[end - 1] == '/')
		end--;
	while (end && path[end - 1] != '/')
		end--;
	while (end && path[end - 1] == '/')
		end--;
	return end;
}

/* The longest beginning of path that is there, opened; *ret_end is its length. missing: not all of it is. */
static long open_beginning(char *path, bool missing, size_t *ret_end)
{
	size_t end = text_length(path);

	if (missing)
		end = part_before(path, end);
	for (;;) {
		char cut = path[end];
		long fd;

		path[end] = 0;
		fd = inside_open(path, O_PATH);
		path[end] = cut;
		if (fd != -ENOENT || !end) {
			*ret_end = end;
			return fd;
		}
		end = part_before(path, end);
	}
}

/* The part at `at` is a link that leads to something missing: path becomes where it leads, then the rest. */
static long follow(char path[PATH_BYTES], size_t at, size_t end, const char *target)
{
	char next[PATH_BYTES];
	size_t n = 0;

	next[0] = 0;
	if (*target != '/') {
		char cut = path[at];

		path[at] = 0;
		n = text_add(next, sizeof(next), n, path);
		path[at] = cut;
		n = text_add(next, sizeof(next), n, "/");
	}
	n = text_add(next, sizeof(next), n, target);
	n = text_add(next, sizeof(next), n, path + end);
	if (n >= sizeof(next))
		return -ENAMETOOLONG;
	for (size_t i = 0; i <= n; i++)
		path[i] = next[i];
	return 0;
}

/* The text of a link that leads to something missing. The text of the kernel's own links (/proc/PID/fd/N) is not where
 * they lead: -ELOOP. */
static long read_link(long fd, const char *name, char target[PATH_BYTES])
{
	long r = open_how((int)fd, name, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	if (r >= 0)
		sys(__NR_close, r);
	if (r == -ELOOP)
		return r;
	r = sys(__NR_readlinkat, fd, name, target, PATH_BYTES - 1);
	if (r >= 0)
		target[r] = 0;
	return r;
}

/* Makes what is missing of path. 1: a dangling link was in the way and path was changed, try again. */
static long make_rest(char path[PATH_BYTES], bool directory, bool missing, long *ret)
{
	size_t at, end;
	long fd = open_beginning(path, missing, &at);

	while (fd >= 0) {
		char name[256], target[PATH_BYTES];
		size_t n = 0;
		long next, r;

		end = at;
		while (path[end] == '/')
			end++;
		if (!path[end])
			break;
		while (path[end] && path[end] != '/' && n < sizeof(name) - 1)
			name[n++] = path[end++];
		name[n] = 0;
		if (path[end] && path[end] != '/')
			next = -ENAMETOOLONG;
		else
			next = make_part(fd, name, directory || path[end]);
		if (next == -ELOOP) {
			r = read_link(fd, name, target);
			sys(__NR_close, fd);
			if (r >= 0)
				r = follow(path, at, end, target);
			return r < 0 ? r : 1;
		}
		sys(__NR_close, fd);
		fd = next;
		at = end;
	}
	*ret = fd;
	return fd < 0 ? fd : 0;
}

static long make(const char *wanted, bool directory, bool missing)
{
	char path[PATH_BYTES];
	long fd = -1, r = 1;

	if (text_add(path, sizeof(path), 0, wanted) >= sizeof(path))
		return -ENAMETOOLONG;
	for (int i = 0; i < LINKS_MAX && r == 1; i++)
		r = make_rest(path, directory, missing && i == 0, &fd);
	return r == 1 ? -ELOOP : r < 0 ? r : fd;
}

long inside_make(const char *path, bool directory)
{
	return make(path, directory, false);
}

long inside_make_missing(const char *path, bool directory)
{
	return make(path, directory, true);
}
