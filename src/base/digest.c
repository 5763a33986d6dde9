/* digest: a SHA-256 value and its text form. See digest.h. */
#include "base/digest.h"

static const char prefix[] = "sha256:";
static const char hex_digits[] = "0123456789abcdef";

bool digest_parse_hex(struct str hex, struct digest *ret)
{
	struct digest d = { .set = true };

	if (hex.n != (size_t)2 * DIGEST_BYTES)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		const char *at = hex.p[i] ? strchr(hex_digits, hex.p[i]) : NULL;

		if (!at)
			return false;
		d.byte[i / 2] = (uint8_t)(d.byte[i / 2] << 4 | (at - hex_digits));
	}
	*ret = d;
	return true;
}

bool digest_parse(struct str text, struct digest *ret)
{
	return str_starts(text, str_c(prefix)) && digest_parse_hex(str_from(text, sizeof(prefix) - 1), ret);
}

char *digest_text(const struct digest *d, char text[DIGEST_TEXT_MAX])
{
	size_t n = sizeof(prefix) - 1;

	text[0] = 0;
	if (!d->set)
		return text;
	memcpy(text, prefix, n);
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		text[n++] = hex_digits[d->byte[i] >> 4];
		text[n++] = hex_digits[d->byte[i] & 15];
	}
	text[n] = 0;
	return text;
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return a->set && b->set && memcmp(a->byte, b->byte, DIGEST_BYTES) == 0;
}
