/* tarmake: tar headers made by hand for tests. */
#ifndef TESTS_UNIT_TARMAKE_H
#define TESTS_UNIT_TARMAKE_H

#include "base/buf.h"

struct tarmake {
	const char *name, *link, *prefix, *magic; /* magic: 8 bytes; NULL is "ustar\0" "00" */
	char type;				  /* 0 is '0'; '-' is V7's NUL */
	uint64_t size;
	const char *size_text; /* instead of the number */
	uint32_t mode;
	bool signed_sum, wrong_sum;
	struct str body; /* appended, with padding */
};

static inline void tarmake_field(char *to, const char *text, size_t room)
{
	size_t n = text ? strlen(text) : 0;

	if (n)
		memcpy(to, text, n < room ? n : room);
}

static inline void tarmake_sum(char *block, bool as_signed, bool wrong)
{
	int sum = wrong;
	char text[16];

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += as_signed ? (int)(signed char)block[i] : (int)(unsigned char)block[i];
	snprintf(text, sizeof(text), "%06o", (unsigned int)sum);
	memcpy(block + 148, text, 7);
}

static inline void tarmake_pad(struct buf *b)
{
	while (b->n % 512)
		buf_char(b, 0);
}

static inline void tarmake_add(struct buf *b, const struct tarmake *m)
{
	char block[512] = { 0 }, number[32];

	tarmake_field(block, m->name, 100);
	snprintf(number, sizeof(number), "%07o", m->mode ? m->mode : 0644);
	tarmake_field(block + 100, number, 8);
	tarmake_field(block + 108, "0001750", 8);
	tarmake_field(block + 116, "0000144", 8);
	snprintf(number, sizeof(number), "%011llo", (unsigned long long)(m->size ? m->size : m->body.n));
	tarmake_field(block + 124, m->size_text ? m->size_text : number, 12);
	if (m->size_text && m->size_text[0] == '\x80') /* base-256: twelve bytes, some of them zero */
		memcpy(block + 124, m->size_text, 12);
	tarmake_field(block + 136, "14524770400", 12);
	block[156] = m->type == '-' ? 0 : m->type ? m->type : '0';
	tarmake_field(block + 157, m->link, 100);
	memcpy(block + 257, m->magic ? m->magic : "ustar\00000", 8);
	tarmake_field(block + 345, m->prefix, 155);
	tarmake_sum(block, m->signed_sum, m->wrong_sum);
	buf_add(b, block, sizeof(block));
	buf_str(b, m->body);
	tarmake_pad(b);
}

static inline void tarmake_end(struct buf *b)
{
	static const char zero[1024];

	buf_add(b, zero, sizeof(zero));
}

#endif
