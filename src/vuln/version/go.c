/* go: module versions (go.dev/ref/mod#versions: semver with "v" in front, pseudo-versions, "+incompatible", "+dirty")
 * and versions of the toolchain and its standard library (go.dev/doc/toolchain#version: "go1.21.3", "go1.22rc1").
 *
 * Advisories of the standard library write the toolchain's as semver ("1.22.0-rc.1"), so both are one order: go1.22rc1
 * is 1.22.0-rc.1. "go1.20" is the release 1.20.0; "go1.21" is the language version, older than go1.21rc1, since from
 * 1.21 on the first release is called go1.21.0. A vendor's suffix ("go1.21.3-custom", "go1.20.6 X:boringcrypto") does
 * not count. "(devel)" is no version. */
#include "vuln/version/semver.h"

#define NUMBERS 3
/* From go1.21 on the first release has a patch number. */
#define FIRST_WITH_PATCH STR("21")

static bool is_toolchain(struct str v)
{
	return v.n > 2 && v.p[0] == 'g' && v.p[1] == 'o' && is_digit(v.p[2]);
}

static struct str minor_of(struct str core)
{
	ptrdiff_t dot = str_find(core, '.');

	return dot < 0 ? STR_NONE : str_from(core, (size_t)dot + 1);
}

/* What stands behind the numbers of a toolchain: "rc1", or nothing; suffixes are cut off. False when it is neither. */
static bool toolchain_pre(struct semver *v, struct str rest)
{
	size_t letters = alphas_span(rest), digits = digits_span(str_from(rest, letters));
	struct str end = str_from(rest, letters + digits);

	v->has_pre = letters > 0;
	v->glued = true;
	v->pre = str_head(rest, letters + digits);
	if (letters && (!digits || v->numbers != 2))
		return false;
	return !end.n || *end.p == '-' || *end.p == ' ' || *end.p == '+';
}

static struct semver go_parse(struct str text)
{
	struct str v = str_trim(text), bare = is_toolchain(v) ? str_from(v, 2) : v;
	struct semver r = semver_parse(bare, NUMBERS);
	struct str rest = str_from(bare, r.core.n);

	/* "1.22rc1" without the "go" is a toolchain, too: no semver goes on with a letter */
	if (bare.n == v.n && !(bare.n && is_digit(*bare.p) && r.numbers && is_alpha(byte_at(rest, 0))))
		return r;
	r.strict = toolchain_pre(&r, rest);
	if (bare.n != v.n && r.numbers == 2 && !r.has_pre && digits_compare(minor_of(r.core), FIRST_WITH_PATCH) >= 0)
		r.has_pre = true; /* with nothing in it: before rc1 */
	return r;
}

static int go_compare(struct str a, struct str b)
{
	struct semver x = go_parse(a), y = go_parse(b);

	return semver_order(&x, &y, false);
}

static bool go_valid(struct str v)
{
	return length_ok(v) && go_parse(v).strict;
}

const struct version_scheme version_go = { "go", go_valid, go_compare };
