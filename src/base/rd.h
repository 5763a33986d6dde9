/* rd: a bounded reader over bytes in memory.
 *
 * The first read past the end sets `bad`; later reads then give 0 or an empty str. Read a record through,
 * then ask rd_ok() once. One rd_ call per statement: C does not order the parts of an expression. */
#ifndef BASE_RD_H
#define BASE_RD_H

#include "base/str.h"

struct rd {
	const uint8_t *at, *end;
	bool bad;
};

static inline struct rd rd_of(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return (struct rd){ p, p ? p + s.n : p, false };
}

static inline bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

static inline size_t rd_left(const struct rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->at);
}

/* The next n bytes, or NULL when there are fewer. */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
	const uint8_t *p = r->at;

	if (r->bad || (size_t)(r->end - r->at) < n) {
		r->bad = true;
		return NULL;
	}
	if (n)
		r->at += n;
	return p;
}

static inline struct str rd_str(struct rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);

	return p ? str_n(p, n) : STR_NONE;
}

static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_take(r, 1);

	return p ? *p : 0;
}

static inline uint16_t rd_le16(struct rd *r)
{
	const uint8_t *p = rd_take(r, 2);

	return p ? (uint16_t)(p[0] | p[1] << 8) : 0;
}

static inline uint16_t rd_be16(struct rd *r)
{
	const uint8_t *p = rd_take(r, 2);

	return p ? (uint16_t)(p[1] | p[0] << 8) : 0;
}

static inline uint32_t rd_le32(struct rd *r)
{
	const uint8_t *p = rd_take(r, 4);

	return p ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24 : 0;
}

static inline uint32_t rd_be32(struct rd *r)
{
	const uint8_t *p = rd_take(r, 4);

	return p ? (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24 : 0;
}

static inline uint64_t rd_le64(struct rd *r)
{
	uint64_t low = rd_le32(r);
	uint64_t high = rd_le32(r);

	return low | high << 32;
}

static inline uint64_t rd_be64(struct rd *r)
{
	uint64_t high = rd_be32(r);
	uint64_t low = rd_be32(r);

	return low | high << 32;
}

/* LEB128 as written by buf_varint(): at most 10 bytes, no more than 64 bits. */
static inline uint64_t rd_varint(struct rd *r)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		uint8_t b = rd_u8(r);

		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return r->bad ? 0 : v;
	}
	r->bad = true;
	return 0;
}

static inline struct str rd_var_str(struct rd *r)
{
	uint64_t n = rd_varint(r);

	if (n > rd_left(r)) {
		r->bad = true;
		return STR_NONE;
	}
	return rd_str(r, (size_t)n);
}

#endif
