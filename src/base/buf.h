/* buf: bytes that grow, up to a maximum given at the start.
 *
 * Writers call the buf_ functions in a row and ask once at the end: the first failure (the maximum would be
 * passed) is remembered, later calls then do nothing, and buf_finish() returns -E2BIG. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
	char *p; /* owned; not NUL-terminated */
	size_t n, cap, max;
	bool full; /* the maximum would have been passed */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);
#define auto_buf cleanup_with(buf_done)

void *buf_grow(struct buf *b, size_t n); /* what buf_room() does when there is none */

/* Called for every few bytes of a report: here, so that they become a comparison and a copy. */

/* Room for n more bytes, counted as used; NULL when that would pass the maximum. */
static inline void *buf_room(struct buf *b, size_t n)
{
	if (b->full || n > b->cap - b->n || n > b->max - b->n)
		return buf_grow(b, n);
	b->n += n;
	return b->p + b->n - n;
}

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
	void *to = n ? buf_room(b, n) : NULL;

	if (to)
		memcpy(to, p, n);
}

static inline void buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

static inline void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_fmt(struct buf *b, const char *fmt, ...) printf_like(2, 3);
void buf_le32(struct buf *b, uint32_t v);
void buf_le64(struct buf *b, uint64_t v);
void buf_varint(struct buf *b, uint64_t v);    /* LEB128, 1 to 10 bytes */
void buf_var_str(struct buf *b, struct str s); /* varint length, then the bytes */

void buf_drop(struct buf *b, size_t n); /* removes the first n bytes (at most all) */
void buf_clear(struct buf *b);		/* empties it, keeps the memory and forgets a failure */

/* 0, or -E2BIG when anything did not fit. */
int buf_finish(const struct buf *b) must_check;

static inline struct str buf_all(const struct buf *b)
{
	return str_n(b->p, b->n);
}

#endif
