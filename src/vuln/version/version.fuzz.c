/* Any scheme over three texts: the first byte picks the scheme, newlines part the texts. */
#include <assert.h>

#include "vuln/version/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sign(int r)
{
	return (r > 0) - (r < 0);
}

/* Maven's order is none once a qualifier follows a dot (maven.c). */
static bool may_be_ordered(const struct version_scheme *s, struct str v)
{
	for (size_t i = 0; i + 1 < v.n && str_is(str_c(s->name), "maven"); i++)
		if (v.p[i] == '.' && !is_digit(v.p[i + 1]) && v.p[i + 1] != '.' && v.p[i + 1] != '-')
			return false;
	return s->valid(v);
}

static const char *const others[] = { "cran", "hackage", "pub" };

static const struct version_scheme *scheme_at(size_t i)
{
	return i < PKG_TYPE_COUNT - 1 ? version_scheme_for((enum pkg_type)(1 + i))
				      : version_scheme_named(str_c(others[i - (PKG_TYPE_COUNT - 1)]));
}

static void check(const struct version_scheme *s, const struct str v[3], const bool valid[3])
{
	int ab = sign(s->compare(v[0], v[1])), bc = sign(s->compare(v[1], v[2])), ac = sign(s->compare(v[0], v[2]));

	assert(ab == -sign(s->compare(v[1], v[0])));
	assert(bc == -sign(s->compare(v[2], v[1])));
	assert(ac == -sign(s->compare(v[2], v[0])));
	if (!valid[0] || !valid[1] || !valid[2])
		return;
	if (ab <= 0 && bc <= 0)
		assert(ac == (ab && bc ? -1 : ab + bc));
	if (ab >= 0 && bc >= 0)
		assert(ac == (ab && bc ? 1 : ab + bc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct version_scheme *s;
	struct str v[3] = { STR_NONE, STR_NONE, STR_NONE };
	bool valid[3];
	struct str rest;

	if (!size)
		return 0;
	s = scheme_at(data[0] % (PKG_TYPE_COUNT - 1 + ARRAY_LEN(others)));
	rest = str_n(data + 1, size - 1);
	for (size_t i = 0; i < 3 && str_cut(&rest, '\n', &v[i]); i++)
		;
	for (size_t i = 0; i < 3; i++) {
		assert(s->compare(v[i], v[i]) == 0);
		valid[i] = may_be_ordered(s, v[i]);
		assert(!valid[i] || (v[i].n && v[i].n <= VERSION_BYTES_MAX));
	}
	check(s, v, valid);
	return 0;
}
