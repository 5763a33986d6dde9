/* num: numbers into text and out of it, the latter strictly: the whole text, no sign, no white space, no overflow. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/str.h"

/* True and *ret written only when all of s is one number in the given base (2 to 36). */
bool num_u64(struct str s, unsigned int base, uint64_t *ret) must_check;
bool num_u32(struct str s, uint32_t *ret) must_check; /* decimal */
bool num_i64(struct str s, int64_t *ret) must_check;  /* decimal, may have a '-' */

/* The decimal digits of v, at the end of `room`: for what is written so often that printf would be seen. */
#define NUM_DIGITS_MAX 20 /* of 2^64 - 1 */
struct str num_digits(uint64_t v, char room[NUM_DIGITS_MAX]);

/* "0-3,8": a list of numbers and ranges, as the kernel takes one for processors and memory nodes; blanks around its
 * parts and empty parts are nothing. bits[i / 64] has i as its bit i % 64; words: as many as the highest needs, at
 * least one. */
#define NUM_SET_MAX 8192 /* numbers: the processors of the kernel's largest configuration */
struct num_set {
	uint64_t bits[NUM_SET_MAX / 64];
	size_t words;
};
/* False when it is no list of numbers below NUM_SET_MAX; *ret is then half written. */
bool num_set(struct str list, struct num_set *ret) must_check;

/* Decimal fraction such as "0.00043" or "9.8" or "1e-4"; true when all of s was one. Independent of locale. */
bool num_double(struct str s, double *ret) must_check;

/* "12.3 MB": bytes for people, decimal units, into a buffer the caller gives; returns it. */
#define NUM_BYTES_TEXT_MAX 16
char *num_bytes_text(uint64_t bytes, char text[NUM_BYTES_TEXT_MAX]);

/* The word that fits the number: num_plural(n, "layer", "layers"). */
static inline const char *num_plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

#endif
