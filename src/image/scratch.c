/* scratch: temporary files without a name. See scratch.h. */
#include "image/scratch.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define CHUNK_BYTES (1u << 20)

/* For file systems that know no O_TMPFILE (some network and overlay ones). */
static int open_and_unlink(int dir_fd)
{
	uint64_t number = 0;
	char name[40];
	int fd;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	snprintf(name, sizeof(name), ".yagura-%016llx", (unsigned long long)number);
	fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (unlinkat(dir_fd, name, 0) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int scratch_open(int dir_fd, struct err *e)
{
	int fd = openat(dir_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT ? open_and_unlink(dir_fd) : -errno;
	return fd < 0 ? err_errno(e, fd, "temporary file") : fd;
}

struct unpack {
	int from, to;
	struct inflate *z;
	uint64_t from_size, in_bytes, out_bytes;
	const struct progress *progress;
	char *in, *out; /* CHUNK_BYTES each */
};

static int check_bomb(const struct unpack *u, struct err *e)
{
	if (u->out_bytes > SCRATCH_BYTES_MAX)
		return err_set(e, -E2BIG, "the archive is larger than %llu bytes when unpacked", SCRATCH_BYTES_MAX);
	if (u->out_bytes > SCRATCH_RATIO_FREE_BYTES && u->out_bytes / SCRATCH_RATIO_MAX > u->in_bytes)
		return err_set(e, -E2BIG, "the archive unpacks to more than %d times its size: a bomb, not an image",
			       SCRATCH_RATIO_MAX);
	return 0;
}

/* Everything that can be got out of one chunk of input. */
static int unpack_chunk(struct unpack *u, struct str in, bool last, bool *ret_end, struct err *e)
{
	for (;;) {
		ssize_t n = inflate_step(u->z, &in, last, u->out, CHUNK_BYTES, ret_end, e);
		int r;

		if (n < 0)
			return (int)n;
		r = n ? fd_write(u->to, u->out, (size_t)n) : 0;
		if (r < 0)
			return err_errno(e, r, "temporary file");
		u->out_bytes += (uint64_t)n;
		r = check_bomb(u, e);
		if (r < 0)
			return r;
		if (!n || *ret_end)
			return 0;
	}
}

static int unpack_all(struct unpack *u, struct err *e)
{
	bool end = false, last = false;

	while (!end && !last) {
		ssize_t n = fd_pread(u->from, u->in, CHUNK_BYTES, u->in_bytes);
		int r;

		if (n < 0)
			return err_errno(e, (int)n, "reading the archive");
		last = n < (ssize_t)CHUNK_BYTES;
		u->in_bytes += (uint64_t)n;
		r = unpack_chunk(u, str_n(u->in, (size_t)n), last, &end, e);
		if (r < 0)
			return r;
		progress_at(u->progress, STR("unpacking the archive"), u->in_bytes, u->from_size);
	}
	return 0;
}

int scratch_inflate(int fd, enum codec codec, int dir_fd, const struct progress *progress, uint64_t *ret_size,
		    struct err *e)
{
	struct unpack u = { .from = fd, .progress = progress };
	auto_close int to = scratch_open(dir_fd, e);
	struct stat st;
	int r;

	if (to < 0)
		return to;
	if (fstat(fd, &st) == 0)
		u.from_size = (uint64_t)st.st_size;
	r = inflate_new(&u.z, codec, e);
	if (r < 0)
		return r;
	u.to = to;
	u.in = xmalloc(CHUNK_BYTES);
	u.out = xmalloc(CHUNK_BYTES);
	r = unpack_all(&u, e);
	inflate_free(u.z);
	free(u.in);
	free(u.out);
	if (r < 0)
		return err_wrap(e, r, "unpacking the archive");
	*ret_size = u.out_bytes;
	return take_fd(&to);
}
