/* alpm: [epoch:]pkgver-pkgrel, vercmp(8) and PKGBUILD(5).
 *
 * Like rpm's older order (no '~', no '^') with one rule more: where the runs so far are equal, the longer separator
 * is newer. A text that ends where the other goes on with a letter is newer ("1.0" > "1.0rc"), else older. Without a
 * pkgrel on one side only the versions count: that is no total order, so such a text is not valid(); nor is one that
 * ends in a separator, for the same reason. */
#include "vuln/version/scheme.h"

static inline bool is_run(char c)
{
	return is_digit(c) || is_alpha(c);
}

static inline size_t separators(struct str s)
{
	size_t n = 0;

	while (n < s.n && !is_run(s.p[n]))
		n++;
	return n;
}

static int part_compare(struct str a, struct str b)
{
	while (a.n && b.n) {
		size_t x = separators(a), y = separators(b);
		int r;

		a = str_from(a, x);
		b = str_from(b, y);
		if (!a.n || !b.n)
			break;
		if (x != y)
			return x < y ? -1 : 1;
		r = run_compare(&a, &b);
		if (r)
			return r;
	}
	if (!a.n && !b.n)
		return 0;
	return (!a.n && !is_alpha(byte_at(b, 0))) || is_alpha(byte_at(a, 0)) ? -1 : 1;
}

static int alpm_compare(struct str a, struct str b)
{
	struct evr x = evr_parse(a), y = evr_parse(b);
	int r = digits_compare(x.epoch, y.epoch);

	r = r ? r : part_compare(x.version, y.version);
	return r || !x.release.n || !y.release.n ? r : part_compare(x.release, y.release);
}

static bool alpm_valid(struct str v)
{
	struct evr r = evr_parse(v);

	if (!length_ok(v) || !r.version.n || !r.release.n)
		return false;
	if (!is_run(r.version.p[r.version.n - 1]) || !is_run(r.release.p[r.release.n - 1]))
		return false;
	/* PKGBUILD(5): pkgver has no colon, slash, hyphen or white space */
	for (size_t i = 0; i < r.version.n; i++)
		if (r.version.p[i] <= ' ' || r.version.p[i] >= 0x7f || strchr(":/-", r.version.p[i]))
			return false;
	for (size_t i = 0; i < r.release.n; i++)
		if (!is_digit(r.release.p[i]) && r.release.p[i] != '.')
			return false;
	return true;
}

const struct version_scheme version_alpm = { "alpm", alpm_valid, alpm_compare };
