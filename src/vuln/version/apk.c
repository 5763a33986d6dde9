/* apk: digits{.digits}[letter]{_suffix[digits]}[~hash][-rdigits], apk-package(5), as apk-tools 3 orders it.
 *
 * Two versions are cut into tokens side by side. The first token that differs in value decides. Where the kinds of
 * token differ, a pre-release suffix is older than everything, and else the kind earlier in `enum token` is newer: a
 * version that goes on is newer than one that ends. Numbers behind the first, when one of them starts with 0, are
 * compared as text (1.05 < 1.1, as a decimal fraction).
 *
 * apk-tools 2 and 3 differ only on texts that are no versions; these are ordered as version 3 does ("1 > 1-ruff"),
 * remainders that start with anything but '-' by their bytes. They are not valid(). */
#include "vuln/version/scheme.h"

/* The order is the rule: see above. */
enum token {
	TOKEN_FIRST,
	TOKEN_DIGIT,
	TOKEN_LETTER,
	TOKEN_SUFFIX,
	TOKEN_SUFFIX_NO,
	TOKEN_HASH,
	TOKEN_REVISION,
	TOKEN_END,
	TOKEN_INVALID
};

/* From old to new; "" stands for a version without a suffix. */
static const char *const suffixes[] = { "alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p" };
#define SUFFIX_NONE 4

struct scan {
	enum token token;
	struct str value; /* TOKEN_INVALID: all that is left */
	int suffix;	  /* index of `suffixes` */
	struct str rest;
	bool sloppy; /* a number without digits was passed: no version */
};

static void scan_invalid(struct scan *s)
{
	s->token = TOKEN_INVALID;
	s->value = s->rest;
}

static void scan_digits(struct scan *s, enum token token)
{
	s->token = token;
	s->value = cut_head(&s->rest, digits_span(s->rest));
	s->sloppy |= !s->value.n;
}

static void scan_start(struct scan *s, struct str v)
{
	*s = (struct scan){ .rest = v };
	scan_digits(s, TOKEN_FIRST);
}

static void scan_suffix(struct scan *s)
{
	struct str name = str_from(s->rest, 1);

	name = str_head(name, alphas_span(name));
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (!name.n || !str_is(name, suffixes[i]))
			continue;
		s->token = TOKEN_SUFFIX;
		s->suffix = (int)i;
		s->rest = str_from(s->rest, 1 + name.n);
		return;
	}
	scan_invalid(s);
}

static void scan_hash(struct scan *s)
{
	size_t n = 1;

	while (is_digit(byte_at(s->rest, n)) || (byte_at(s->rest, n) >= 'a' && byte_at(s->rest, n) <= 'f'))
		n++;
	if (n == 1) {
		scan_invalid(s);
		return;
	}
	s->token = TOKEN_HASH;
	s->value = str_from(cut_head(&s->rest, n), 1);
}

static void scan_revision(struct scan *s)
{
	size_t digits = digits_span(str_from(s->rest, 2));
	char after = byte_at(s->rest, 2 + digits);

	/* "-r" alone is taken for "-r0", "-ruff" is not taken for anything */
	if (byte_at(s->rest, 1) != 'r' || (!digits && after && after != '-')) {
		scan_invalid(s);
		return;
	}
	s->rest = str_from(s->rest, 2);
	scan_digits(s, TOKEN_REVISION);
}

static void scan_next(struct scan *s)
{
	char c = byte_at(s->rest, 0);

	if (!s->rest.n) {
		s->token = TOKEN_END;
	} else if (c >= 'a' && c <= 'z' && s->token <= TOKEN_DIGIT) {
		s->token = TOKEN_LETTER;
		s->value = cut_head(&s->rest, 1);
	} else if (c == '.' && s->token <= TOKEN_DIGIT && is_digit(byte_at(s->rest, 1))) {
		s->rest = str_from(s->rest, 1);
		scan_digits(s, TOKEN_DIGIT);
	} else if (is_digit(c) && s->token == TOKEN_SUFFIX) {
		scan_digits(s, TOKEN_SUFFIX_NO);
	} else if (c == '_' && s->token <= TOKEN_SUFFIX_NO) {
		scan_suffix(s);
	} else if (c == '~' && s->token < TOKEN_HASH) {
		scan_hash(s);
	} else if (c == '-' && s->token < TOKEN_REVISION) {
		scan_revision(s);
	} else {
		scan_invalid(s);
	}
}

/* Two tokens of the same kind. */
static int token_compare(const struct scan *a, const struct scan *b)
{
	if (a->token == TOKEN_SUFFIX)
		return a->suffix - b->suffix;
	if (a->token == TOKEN_LETTER || a->token == TOKEN_HASH)
		return str_cmp(a->value, b->value);
	if (a->token == TOKEN_DIGIT && (byte_at(a->value, 0) == '0' || byte_at(b->value, 0) == '0'))
		return str_cmp(a->value, b->value);
	return digits_compare(a->value, b->value);
}

static int apk_compare(struct str a, struct str b)
{
	struct scan x, y;

	scan_start(&x, a);
	scan_start(&y, b);
	while (x.token == y.token && x.token < TOKEN_END) {
		int r = token_compare(&x, &y);

		if (r)
			return r;
		scan_next(&x);
		scan_next(&y);
	}
	if (x.token == TOKEN_INVALID && y.token == TOKEN_INVALID)
		return byte_at(x.value, 0) == '-' || byte_at(y.value, 0) == '-' ? 0 : str_cmp(x.value, y.value);
	if (x.token == y.token)
		return 0;
	if (x.token == TOKEN_SUFFIX && x.suffix < SUFFIX_NONE)
		return -1;
	if (y.token == TOKEN_SUFFIX && y.suffix < SUFFIX_NONE)
		return 1;
	return x.token > y.token ? -1 : 1;
}

static bool apk_valid(struct str v)
{
	struct scan s;

	if (!length_ok(v))
		return false;
	for (scan_start(&s, v); s.token < TOKEN_END && !s.sloppy;)
		scan_next(&s);
	return s.token == TOKEN_END && !s.sloppy;
}

const struct version_scheme version_apk = { "apk", apk_valid, apk_compare };
