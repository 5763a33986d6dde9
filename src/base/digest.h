/* digest: a SHA-256 value and its text form. Computing one is codec/sha256.h. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/str.h"

#define DIGEST_BYTES 32	   /* SHA-256, the only algorithm accepted for content */
#define DIGEST_TEXT_MAX 72 /* "sha256:" + 64 + NUL */

struct digest {
	uint8_t byte[DIGEST_BYTES];
	bool set;
};

/* "sha256:<64 lower-case hex digits>" only; false for anything else. */
bool digest_parse(struct str text, struct digest *ret) must_check;
bool digest_parse_hex(struct str hex, struct digest *ret) must_check;  /* the 64 digits alone */
char *digest_text(const struct digest *d, char text[DIGEST_TEXT_MAX]); /* "" when not set; returns text */
bool digest_eq(const struct digest *a, const struct digest *b);	       /* false when either is not set */

#endif
