/* fd: files and descriptors. See fd.h. */
#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_STEP_BYTES (64u << 10)
#define OUT_MAX_BYTES (64u << 20) /* one out_fmt() or out_str() call never comes near it */
#define NAME_TRIES 100
#define TEMPORARY ".tmp-"

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_fill_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -EBADF;
	return 0;
}

/* From where the descriptor stands, or from an offset. */
static ssize_t read_whole(int fd, void *p, size_t n, const uint64_t *offset)
{
	size_t got = 0;

	while (got < n) {
		char *to = (char *)p + got;
		ssize_t r = offset ? pread(fd, to, n - got, (off_t)(*offset + got)) : read(fd, to, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

ssize_t fd_read(int fd, void *p, size_t n)
{
	return read_whole(fd, p, n, NULL);
}

ssize_t fd_pread(int fd, void *p, size_t n, uint64_t offset)
{
	return read_whole(fd, p, n, &offset);
}

int fd_write(int fd, const void *p, size_t n)
{
	while (n) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		p = (const char *)p + r;
		n -= (size_t)r;
	}
	return 0;
}

int fd_open(int dir_fd, const char *name, int flags)
{
	int fd = openat(dir_fd, name, flags | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

int fd_open_inside(int root_fd, struct str path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char name[PATH_MAX];
	struct stat st;
	int fd;

	if (path.n >= sizeof(name) || str_find(path, 0) >= 0)
		return -ENAMETOOLONG;
	memcpy(name, path.n ? path.p : ".", path.n ? path.n : 1);
	name[path.n ? path.n : 1] = 0;
	fd = (int)syscall(SYS_openat2, root_fd, name, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	/* O_NONBLOCK kept a FIFO from stopping us; now it is refused. */
	if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
		close(fd);
		return -ENXIO;
	}
	return fd;
}

int fd_read_all(int fd, size_t max_bytes, struct buf *ret, struct err *e)
{
	struct buf b;

	buf_init(&b, max_bytes + 1);
	for (;;) {
		size_t want = max_bytes + 1 - b.n < READ_STEP_BYTES ? max_bytes + 1 - b.n : READ_STEP_BYTES;
		char *to = buf_room(&b, want);
		ssize_t r = to ? fd_read(fd, to, want) : -E2BIG;

		if (r < 0) {
			buf_done(&b);
			return err_errno(e, (int)r, "cannot read");
		}
		b.n -= want - (size_t)r;
		if (b.n > max_bytes) {
			buf_done(&b);
			return err_set(e, -E2BIG, "larger than %zu bytes", max_bytes);
		}
		if ((size_t)r < want)
			break;
	}
	*ret = b;
	return 0;
}

int file_read(int dir_fd, const char *name, size_t max_bytes, struct buf *ret, struct err *e)
{
	auto_close int fd = fd_open(dir_fd, name, O_RDONLY);
	int r;

	if (fd < 0)
		return err_errno(e, fd, "%s", name);
	r = fd_read_all(fd, max_bytes, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", name) : 0;
}

/* A name beside `name` that nobody has: process id, and a counter for the process's own files. */
static int open_temporary(int dir_fd, const char *name, char *tmp, size_t tmp_size)
{
	static unsigned int counter;

	for (int i = 0; i < NAME_TRIES; i++) {
		int fd;
		int n = snprintf(tmp, tmp_size, "%s" TEMPORARY "%d-%u", name, (int)getpid(), counter++);

		if (n < 0 || (size_t)n >= tmp_size)
			return -ENAMETOOLONG;
		fd = fd_open(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL);
		if (fd != -EEXIST)
			return fd;
	}
	return -EEXIST;
}

/* A new name is on the disk when its directory is. */
static int sync_directory_of(int dir_fd, const char *name)
{
	const char *slash = strrchr(name, '/');
	char dir[PATH_MAX];
	auto_close int fd = -1;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - name) + 1 : 1, slash ? name : ".");
	fd = fd_open(dir_fd, dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	/* EINVAL: a file system that cannot. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

int file_write_parts(int dir_fd, const char *name, const struct str *parts, size_t n, bool durable, struct err *e)
{
	char tmp[PATH_MAX];
	auto_close int fd = -1;
	struct stat st;
	int r = 0;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "cannot write %s: there is something that is not a file", name);
	fd = open_temporary(dir_fd, name, tmp, sizeof(tmp));
	if (fd < 0)
		return err_errno(e, fd, "cannot create %s", name);
	for (size_t i = 0; i < n && r == 0; i++)
		r = fd_write(fd, parts[i].p, parts[i].n);
	if (r == 0 && durable && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir_fd, tmp, dir_fd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir_fd, tmp, 0);
	else if (durable)
		r = sync_directory_of(dir_fd, name);
	return r < 0 ? err_errno(e, r, "cannot write %s", name) : 0;
}

int file_write(int dir_fd, const char *name, struct str bytes, bool durable, struct err *e)
{
	return file_write_parts(dir_fd, name, &bytes, 1, durable, e);
}

int file_remove(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0) < 0 ? -errno : sync_directory_of(dir_fd, name);
}

/* As open_temporary() makes them. */
static bool is_temporary(const char *name)
{
	const char *p = strstr(name, TEMPORARY);
	size_t pid = p ? strspn(p + strlen(TEMPORARY), "0123456789") : 0;

	if (!pid)
		return false;
	p += strlen(TEMPORARY) + pid;
	return *p == '-' && p[1] && p[1 + strspn(p + 1, "0123456789")] == 0;
}

int file_write_sweep(int dir_fd)
{
	int fd = fd_open(dir_fd, ".", O_RDONLY | O_DIRECTORY), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return fd < 0 ? fd : -ENOMEM;
	while ((entry = readdir(dir)))
		if (is_temporary(entry->d_name) && unlinkat(fd, entry->d_name, 0) < 0)
			r = -errno;
	closedir(dir);
	return r;
}

int dir_make(int dir_fd, const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= n; i++) {
		if (i < n && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdirat(dir_fd, part, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int mapping_open(int fd, struct mapping *ret, struct err *e)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return err_errno(e, -errno, "cannot stat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EBADMSG, "not a regular file");
	if (st.st_size == 0) {
		*ret = (struct mapping){ 0 };
		return 0;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_errno(e, -errno, "cannot map");
	*ret = (struct mapping){ p, (size_t)st.st_size };
	return 0;
}

void mapping_close(struct mapping *m)
{
	if (m->p)
		munmap((void *)(uintptr_t)m->p, m->n);
	*m = (struct mapping){ 0 };
}

void out_init(struct out *o, int fd)
{
	o->fd = fd;
	o->failed = 0;
	buf_init(&o->b, OUT_MAX_BYTES);
}

void out_flush(struct out *o)
{
	if (o->fd < 0)
		return;
	if (!o->failed)
		o->failed = o->b.full ? -E2BIG : fd_write(o->fd, o->b.p, o->b.n);
	buf_clear(&o->b);
}

void out_str(struct out *o, struct str s)
{
	buf_str(&o->b, s);
	out_check(o);
}

void out_fmt(struct out *o, const char *fmt, ...)
{
	char text[1024];
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n >= (int)sizeof(text)) {
		auto_free char *all = xmalloc((size_t)n + 1);

		vsnprintf(all, (size_t)n + 1, fmt, again);
		out_str(o, str_n(all, (size_t)n));
	} else if (n > 0) {
		out_str(o, str_n(text, (size_t)n));
	}
	va_end(again);
	va_end(ap);
}

int out_finish(struct out *o)
{
	out_flush(o);
	buf_done(&o->b);
	return o->failed;
}
