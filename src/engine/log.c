/* log: what a container prints. See log.h. */
#include "engine/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

#define HEAD_BYTES_MAX 64
#define MICROSECONDS 1000000u

static int open_new(struct box_log *l)
{
	struct stat st;

	l->fd = openat(l->dir_fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return -errno;
	l->bytes = (uint64_t)st.st_size;
	return 0;
}

int box_log_open(struct box_log *l, int dir_fd, uint64_t keep_bytes, struct err *e)
{
	int r;

	*l = (struct box_log){ .dir_fd = dir_fd, .fd = -1, .half = keep_bytes / 2 };
	r = open_new(l);
	return r < 0 ? err_errno(e, r, "log") : 0;
}

void box_log_close(struct box_log *l)
{
	if (l->fd >= 0)
		fd_close(&l->fd);
}

void box_log_add(struct box_log *l, uint64_t now_us, bool is_error, struct str piece)
{
	auto_buf struct buf b;

	buf_init(&b, LOG_PIECE_MAX + HEAD_BYTES_MAX);
	buf_fmt(&b, "%llu.%06llu %c %zu\n", (unsigned long long)(now_us / MICROSECONDS),
		(unsigned long long)(now_us % MICROSECONDS), is_error ? 'e' : 'o', piece.n);
	buf_str(&b, piece);
	buf_char(&b, '\n');
	if (l->bytes + b.n > l->half) {
		box_log_close(l);
		if (renameat(l->dir_fd, "log", l->dir_fd, "log.1") < 0 || open_new(l) < 0)
			return;
	}
	if (l->fd >= 0 && buf_finish(&b) == 0 && fd_write(l->fd, b.p, b.n) == 0)
		l->bytes += b.n;
}

bool box_log_next(struct str *text, uint64_t *ret_us, bool *ret_is_error, struct str *ret)
{
	struct str head, rest, seconds, micro, kind;
	uint64_t s, us, n;

	if (!str_split(str_head(*text, HEAD_BYTES_MAX), '\n', &head, &rest))
		return false;
	rest = str_from(*text, head.n + 1);
	if (!str_split(head, ' ', &seconds, &head) || !str_split(seconds, '.', &seconds, &micro) ||
	    !str_split(head, ' ', &kind, &head) || kind.n != 1 || !num_u64(seconds, 10, &s) || s > UINT32_MAX ||
	    !num_u64(micro, 10, &us) || us >= MICROSECONDS || !num_u64(head, 10, &n) || n > LOG_PIECE_MAX ||
	    n + 1 > rest.n || rest.p[n] != '\n')
		return false;
	*ret_us = s * MICROSECONDS + us;
	*ret_is_error = kind.p[0] == 'e';
	*ret = str_head(rest, (size_t)n);
	*text = str_from(rest, (size_t)n + 1);
	return true;
}

static uint64_t lines_of(struct str text, uint64_t after_us)
{
	struct str piece;
	uint64_t us, n = 0;
	bool is_error;

	while (box_log_next(&text, &us, &is_error, &piece))
		for (size_t i = 0; i < piece.n && us > after_us; i++)
			n += piece.p[i] == '\n';
	return n;
}

/* Without its first lines; *skip becomes what is left of them to skip. */
static struct str skip_lines(struct str piece, uint64_t *skip)
{
	while (*skip && piece.n) {
		ptrdiff_t end = str_find(piece, '\n');

		piece = end < 0 ? str_from(piece, piece.n) : str_from(piece, (size_t)end + 1);
		*skip -= end >= 0;
	}
	return piece;
}

static const char *const names[] = { "log.1", "log" };

static int read_all(int dir_fd, struct buf texts[ARRAY_LEN(names)], struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int r = file_read(dir_fd, names[i], LOG_BYTES_MAX, &texts[i], e);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int box_log_show(int dir_fd, uint64_t after_us, uint64_t tail, uint64_t *ret_last_us, struct out *out, struct out *err,
		 struct err *e)
{
	struct buf texts[ARRAY_LEN(names)] = { 0 };
	uint64_t lines = 0, skip, us;
	int r = read_all(dir_fd, texts, e);
	bool is_error;

	for (size_t i = 0; i < ARRAY_LEN(names) && tail != LOG_ALL; i++)
		lines += lines_of(buf_all(&texts[i]), after_us);
	skip = lines > tail ? lines - tail : 0;
	for (size_t i = 0; i < ARRAY_LEN(names) && r == 0; i++) {
		struct str text = buf_all(&texts[i]), piece;

		while (box_log_next(&text, &us, &is_error, &piece))
			if (us > after_us) {
				out_str(is_error ? err : out, skip_lines(piece, &skip));
				*ret_last_us = us;
			}
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		buf_done(&texts[i]);
	return r;
}
