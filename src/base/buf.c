/* buf: bytes that grow up to a maximum. See buf.h. */
#include "base/buf.h"

#include <stdarg.h>

#include "base/mem.h"

#define BUF_FIRST_BYTES 256

void buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){ .max = max_bytes };
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void *buf_grow(struct buf *b, size_t n)
{
	void *p;

	if (b->full || n > b->max - b->n) {
		b->full = true;
		return NULL;
	}
	if (n > b->cap - b->n) {
		size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;

		while (cap - b->n < n)
			cap = cap > b->max / 2 ? b->max : cap * 2;
		b->p = xrealloc(b->p, cap);
		b->cap = cap;
	}
	p = b->p + b->n;
	b->n += n;
	return p;
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	size_t room = b->full ? 0 : b->cap - b->n;
	n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap);
	/* vsnprintf wants a byte for its NUL: take it and give it back. */
	char *to = n >= 0 ? buf_room(b, (size_t)n + 1) : NULL;
	if (to) {
		if ((size_t)n >= room)
			vsnprintf(to, (size_t)n + 1, fmt, again);
		b->n--;
	}
	va_end(again);
	va_end(ap);
}

void buf_le32(struct buf *b, uint32_t v)
{
	uint8_t bytes[4];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	buf_add(b, bytes, sizeof(bytes));
}

void buf_le64(struct buf *b, uint64_t v)
{
	buf_le32(b, (uint32_t)v);
	buf_le32(b, (uint32_t)(v >> 32));
}

void buf_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_char(b, (char)(v | 0x80));
	buf_char(b, (char)v);
}

void buf_var_str(struct buf *b, struct str s)
{
	buf_varint(b, s.n);
	buf_str(b, s);
}

void buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->full = false;
}

int buf_finish(const struct buf *b)
{
	return b->full ? -E2BIG : 0;
}
