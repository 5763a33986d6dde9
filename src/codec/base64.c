/* base64: RFC 4648 section 4. See base64.h. */
#include "base/rd.h"
#include "codec/base64.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a character, or -1. */
static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* How many '=' end the text: 0, 1 or 2. */
static size_t padding_of(struct str text)
{
	size_t n = 0;

	while (n < 2 && n < text.n && text.p[text.n - 1 - n] == '=')
		n++;
	return n;
}

/* The 24 bits of a group whose last `padding` characters are '='; -1 when one is foreign. */
static int32_t group_of(const char *p, size_t padding)
{
	int32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int v = i < 4 - padding ? value_of(p[i]) : 0;

		if (v < 0)
			return -1;
		bits = bits << 6 | v;
	}
	return bits;
}

int base64_decode(struct str text, struct buf *ret, struct err *e)
{
	if (text.n % 4)
		return err_set(e, -EBADMSG, "base64: %zu characters are no multiple of four", text.n);
	for (size_t at = 0; at < text.n; at += 4) {
		size_t padding = at + 4 == text.n ? padding_of(text) : 0;
		int32_t bits = group_of(text.p + at, padding);
		char bytes[3] = { (char)(bits >> 16), (char)(bits >> 8), (char)bits };

		if (bits < 0)
			return err_set(e, -EBADMSG, "base64: a foreign character near %zu", at);
		if (padding && (bits & (padding == 2 ? 0xffff : 0xff)))
			return err_set(e, -EBADMSG, "base64: bits are set behind the end");
		buf_add(ret, bytes, 3 - padding);
	}
	return buf_finish(ret) < 0 ? err_set(e, -E2BIG, "base64: more than %zu bytes", ret->max) : 0;
}

void base64_encode(struct str bytes, struct buf *ret)
{
	struct rd r = rd_of(bytes);

	for (size_t left; (left = rd_left(&r)) > 0;) {
		uint32_t bits = (uint32_t)rd_u8(&r) << 16;

		if (left > 1)
			bits |= (uint32_t)rd_u8(&r) << 8;
		if (left > 2)
			bits |= rd_u8(&r);
		buf_char(ret, alphabet[bits >> 18]);
		buf_char(ret, alphabet[bits >> 12 & 63]);
		buf_char(ret, left > 1 ? alphabet[bits >> 6 & 63] : '=');
		buf_char(ret, left > 2 ? alphabet[bits & 63] : '=');
	}
}
