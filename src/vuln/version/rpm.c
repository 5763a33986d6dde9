/* rpm: [epoch:]version[-release], rpm-version(7) and rpm's own test suite.
 *
 * A text is cut into runs of digits and runs of letters; everything else only separates. Digits are newer than letters,
 * '~' is older than the end, '^' is newer than the end and older than anything else. A missing epoch is 0. A missing
 * release is older than any release, which is what makes the order total; a feed that names no release wants the
 * installed version cut before the comparison. */
#include "vuln/version/scheme.h"

static inline void skip_separators(struct str *s)
{
	size_t n = 0;

	while (n < s->n && !is_digit(s->p[n]) && !is_alpha(s->p[n]) && s->p[n] != '~' && s->p[n] != '^')
		n++;
	*s = str_from(*s, n);
}

/* '~' and '^' at the heads: decided (*ret), passed on both sides (true), or not there (false, *ret 0). */
static inline bool mark_compare(struct str *a, struct str *b, int *ret)
{
	char x = byte_at(*a, 0), y = byte_at(*b, 0);

	*ret = 0;
	if (x == '~' || y == '~')
		*ret = x == y ? 0 : x == '~' ? -1 : 1;
	else if (x == '^' || y == '^')
		*ret = x == y ? 0 : (!a->n || (x == '^' && b->n)) ? -1 : 1;
	else
		return false;
	*a = str_from(*a, 1);
	*b = str_from(*b, 1);
	return true;
}

static int part_compare(struct str a, struct str b)
{
	for (;;) {
		int r;

		skip_separators(&a);
		skip_separators(&b);
		if (mark_compare(&a, &b, &r)) {
			if (r)
				return r;
			continue;
		}
		if (!a.n || !b.n)
			return (a.n > 0) - (b.n > 0);
		r = run_compare(&a, &b);
		if (r)
			return r;
	}
}

static int rpm_compare(struct str a, struct str b)
{
	struct evr x = evr_parse(a), y = evr_parse(b);
	int r = digits_compare(x.epoch, y.epoch);

	r = r ? r : part_compare(x.version, y.version);
	if (r)
		return r;
	if (!x.has_release || !y.has_release)
		return x.has_release - y.has_release;
	return part_compare(x.release, y.release);
}

/* rpm orders whatever it is given; a version is taken to be one when it has something to order. */
static bool rpm_valid(struct str v)
{
	struct str version = evr_parse(v).version;
	bool has_run = false;

	if (!length_ok(v))
		return false;
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] <= ' ' || v.p[i] == 0x7f || v.p[i] == '/')
			return false;
	for (size_t i = 0; i < version.n && !has_run; i++)
		has_run = is_digit(version.p[i]) || is_alpha(version.p[i]);
	return has_run;
}

const struct version_scheme version_rpm = { "rpm", rpm_valid, rpm_compare };
