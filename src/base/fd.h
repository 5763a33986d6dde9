/* fd: files and descriptors. Everything is opened close-on-exec; descriptors start at -1. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

void fd_close(int *fd); /* closes and sets to -1; keeps errno */
#define auto_close cleanup_with(fd_close)

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* A caller may have closed 0, 1 or 2; what is opened next would then be taken for standard input, output or error:
 * /dev/null takes their places. For main(), first of all. */
int fd_fill_standard(void) must_check;

/* All n bytes or an error; interrupted calls are taken up again. The readers return what came before the end of the
 * file. */
ssize_t fd_read(int fd, void *p, size_t n) must_check;
ssize_t fd_pread(int fd, void *p, size_t n, uint64_t offset) must_check;
int fd_write(int fd, const void *p, size_t n) must_check;

/* Opens `name` below dir_fd (AT_FDCWD: the working directory), negative errno on failure. */
int fd_open(int dir_fd, const char *name, int flags) must_check;

/* Opens a foreign path inside the tree `root_fd`; links are followed as if the tree were the root and never lead out
 * of it (openat2 RESOLVE_IN_ROOT). Refuses anything that is not of type S_IFREG or S_IFDIR. */
int fd_open_inside(int root_fd, struct str path, int flags) must_check;

/* The whole of a file, at most max bytes: -E2BIG when it is longer. The buf is made by the call. */
int fd_read_all(int fd, size_t max_bytes, struct buf *ret, struct err *e) must_check;
int file_read(int dir_fd, const char *name, size_t max_bytes, struct buf *ret, struct err *e) must_check;

/* Writes a whole file so that a reader sees the old one or the new one and nothing between, also after a kill: a
 * temporary name beside it, rename. When `durable`, file and directory are synced: it is there after a power cut, too.
 * -EINVAL when something that is no file has the name: a device or a link must not be replaced. */
int file_write(int dir_fd, const char *name, struct str bytes, bool durable, struct err *e) must_check;

/* The same for bytes in several parts, written one after the other. */
int file_write_parts(int dir_fd, const char *name, const struct str *parts, size_t n, bool durable,
		     struct err *e) must_check;

/* A file that is not there after a power cut either. -ENOENT: it was not. */
int file_remove(int dir_fd, const char *name) must_check;

/* Removes what writes to this directory left there that were killed. Only where nobody writes meanwhile. */
int file_write_sweep(int dir_fd) must_check;

/* mkdir -p below dir_fd, mode 0700 for the directories made; `path` may be absolute. */
int dir_make(int dir_fd, const char *path) must_check;

/* A file mapped read-only. Files that may be mapped are only ever replaced by rename, so they do not shrink. */
struct mapping {
	const uint8_t *p;
	size_t n;
};
int mapping_open(int fd, struct mapping *ret, struct err *e) must_check;
void mapping_close(struct mapping *m);
#define auto_mapping cleanup_with(mapping_close)

/* out: a buffered writer to a descriptor which remembers the first failure; out_finish() flushes and returns it. */
#define OUT_FLUSH_BYTES (64u << 10)
struct out {
	int fd; /* borrowed; -1: nothing is written, all of it gathers in `b` */
	struct buf b;
	int failed; /* negative errno */
};
void out_init(struct out *o, int fd);
void out_flush(struct out *o);
/* For a writer that puts its bytes into `b` itself: to be called now and then. */
static inline void out_check(struct out *o)
{
	if (o->b.n >= OUT_FLUSH_BYTES)
		out_flush(o);
}
void out_str(struct out *o, struct str s);
void out_fmt(struct out *o, const char *fmt, ...) printf_like(2, 3);
int out_finish(struct out *o) must_check; /* also frees */

#endif
