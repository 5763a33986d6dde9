/* log: what a container prints, kept in its directory, bounded.
 *
 * `log` takes half of the bytes that may be kept; then it becomes `log.1`, replacing the one before, and a new one
 * begins: what is kept is the newest, and between half and all of that. Each piece as it was read:
 * "SECONDS.MICROSECONDS o|e LENGTH\n", the bytes, "\n". */
#ifndef ENGINE_LOG_H
#define ENGINE_LOG_H

#include "base/fd.h"

#define LOG_BYTES_DEFAULT (16u << 20)
#define LOG_BYTES_MIN (128u << 10)
#define LOG_BYTES_MAX (256u << 20) /* `logs` reads a half at once */
#define LOG_PIECE_MAX 65536u	   /* bytes of one piece */

struct box_log {
	int dir_fd; /* borrowed */
	int fd;
	uint64_t bytes, half;
};

/* keep_bytes: of both files together, LOG_BYTES_MIN to LOG_BYTES_MAX. */
int box_log_open(struct box_log *l, int dir_fd, uint64_t keep_bytes, struct err *e) must_check;
void box_log_close(struct box_log *l);
/* A piece that cannot be written (a full disk) is lost: the container goes on. */
void box_log_add(struct box_log *l, uint64_t now_us, bool is_error, struct str piece);

/* The pieces of the kept text in order, to out or, those of standard error, to err. A damaged piece ends the file it is
 * in. `after_us`: only what is newer; `tail`: no more lines than so many, of both kinds together, or LOG_ALL;
 * *ret_last_us: of the newest shown. */
#define LOG_ALL UINT64_MAX
int box_log_show(int dir_fd, uint64_t after_us, uint64_t tail, uint64_t *ret_last_us, struct out *out, struct out *err,
		 struct err *e) must_check;
/* One piece of a text, cut off its head; false at its end or damage. */
bool box_log_next(struct str *text, uint64_t *ret_us, bool *ret_is_error, struct str *ret);

#endif
