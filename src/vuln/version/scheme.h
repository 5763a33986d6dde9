/* scheme: the rows of the scheme table, one a file, and what the files share. Only for vuln/version.
 *
 * Numbers in versions have no upper bound ("20191002222144", or thirty nines in a test), so they are compared as runs
 * of digits and never converted. */
#ifndef VULN_VERSION_SCHEME_H
#define VULN_VERSION_SCHEME_H

#include "vuln/version/version.h"

extern const struct version_scheme version_dpkg, version_rpm, version_apk, version_alpm, version_pep440, version_npm,
	version_go, version_maven, version_gem, version_nuget, version_packagist, version_cran, version_hackage,
	version_pub;

/* Two runs of digits by value; an empty run is 0. */
static inline int digits_compare(struct str a, struct str b)
{
	while (a.n && *a.p == '0')
		a = str_from(a, 1);
	while (b.n && *b.p == '0')
		b = str_from(b, 1);
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return a.n ? memcmp(a.p, b.p, a.n) : 0;
}

static inline bool digits_zero(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '0')
			return false;
	return true;
}

/* How many digits, or letters, stand at the head of s. */
static inline size_t digits_span(struct str s)
{
	size_t n = 0;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	return n;
}

static inline size_t alphas_span(struct str s)
{
	size_t n = 0;

	while (n < s.n && is_alpha(s.p[n]))
		n++;
	return n;
}

/* Cuts n bytes off the head of *s and returns them. */
static inline struct str cut_head(struct str *s, size_t n)
{
	struct str head = str_head(*s, n);

	*s = str_from(*s, n);
	return head;
}

/* The byte at i, 0 behind the end. */
static inline char byte_at(struct str s, size_t i)
{
	return i < s.n ? s.p[i] : 0;
}

/* Numbers with one byte between them, one by one; of two that agree so far the longer is newer. */
static inline int numbers_compare(struct str a, struct str b)
{
	while (a.n && b.n) {
		int r = digits_compare(cut_head(&a, digits_span(a)), cut_head(&b, digits_span(b)));

		if (r)
			return r;
		a = str_from(a, 1);
		b = str_from(b, 1);
	}
	return (a.n > 0) - (b.n > 0);
}

/* The same, where a number that is missing is 0. */
static inline int numbers_compare_filled(struct str a, struct str b)
{
	while (a.n || b.n) {
		int r = digits_compare(cut_head(&a, digits_span(a)), cut_head(&b, digits_span(b)));

		if (r)
			return r;
		a = str_from(a, 1);
		b = str_from(b, 1);
	}
	return 0;
}

static inline bool numbers_only(struct str v, const char *separators)
{
	for (;;) {
		size_t n = digits_span(v);

		if (!n || n == v.n)
			return n;
		if (!strchr(separators, v.p[n]))
			return false;
		v = str_from(v, n + 1);
	}
}

static inline int text_compare_nocase(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		unsigned char x = (unsigned char)to_lower(a.p[i]), y = (unsigned char)to_lower(b.p[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a.n > b.n) - (a.n < b.n);
}

static inline bool length_ok(struct str v)
{
	return v.n > 0 && v.n <= VERSION_BYTES_MAX;
}

/* EPOCH:VERSION-RELEASE, as rpm and pacman cut it: the release stands behind the last dash. */
struct evr {
	struct str epoch, version, release;
	bool has_release;
};

static inline struct evr evr_parse(struct str v)
{
	struct evr r = { 0 };
	size_t n = digits_span(v);
	ptrdiff_t dash;

	if (byte_at(v, n) == ':') {
		r.epoch = str_head(v, n);
		v = str_from(v, n + 1);
	}
	dash = str_rfind(v, '-');
	r.has_release = dash >= 0;
	r.version = r.has_release ? str_head(v, (size_t)dash) : v;
	r.release = r.has_release ? str_from(v, (size_t)dash + 1) : STR_NONE;
	return r;
}

/* The runs of digits or of letters at the heads of a and b, which are cut off: digits beat letters, numbers compare as
 * numbers. Both must begin with a run. As rpm and pacman have it. */
static inline int run_compare(struct str *a, struct str *b)
{
	bool a_number = is_digit(*a->p), b_number = is_digit(*b->p);

	if (a_number != b_number)
		return a_number ? 1 : -1;
	if (a_number)
		return digits_compare(cut_head(a, digits_span(*a)), cut_head(b, digits_span(*b)));
	return str_cmp(cut_head(a, alphas_span(*a)), cut_head(b, alphas_span(*b)));
}

#endif
