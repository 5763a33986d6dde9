/* quantity: amounts as people write them. See quantity.h. */
#include "base/quantity.h"

#include "base/num.h"

#define DIGITS_MAX 18 /* significant ones, fraction included: what fits in 63 bits */
#define EXPONENT_MAX 18

static const struct {
	const char *suffix;
	int ten; /* power of 10 */
	int two; /* power of 2 */
} suffixes[] = {
	{ "Ki", 0, 10 }, { "Mi", 0, 20 }, { "Gi", 0, 30 }, { "Ti", 0, 40 }, { "Pi", 0, 50 }, { "Ei", 0, 60 },
	{ "n", -9, 0 },	 { "u", -6, 0 },  { "m", -3, 0 },  { "", 0, 0 },    { "k", 3, 0 },   { "M", 6, 0 },
	{ "G", 9, 0 },	 { "T", 12, 0 },  { "P", 15, 0 },  { "E", 18, 0 },
};

/* The digits at the head of *s into *v; how many, -1 for too many. */
static int take_digits(struct str *s, uint64_t *v, int before)
{
	int n = 0;

	for (; s->n && is_digit(s->p[0]); *s = str_from(*s, 1), n++) {
		if (before + n >= DIGITS_MAX)
			return -1;
		*v = *v * 10 + (uint64_t)(s->p[0] - '0');
	}
	return n;
}

/* "e3", "E-2" */
static bool exponent(struct str s, int *ret)
{
	int64_t n;

	if (s.n < 2 || to_lower(s.p[0]) != 'e')
		return false;
	s = str_from(s, s.p[1] == '+' ? 2 : 1);
	if (!num_i64(s, &n) || n < -EXPONENT_MAX || n > EXPONENT_MAX)
		return false;
	*ret = (int)n;
	return true;
}

static bool scale_of(struct str s, int *ret_ten, int *ret_two)
{
	*ret_two = 0;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (str_is(s, suffixes[i].suffix)) {
			*ret_ten = suffixes[i].ten;
			*ret_two = suffixes[i].two;
			return true;
		}
	return exponent(s, ret_ten);
}

/* v * per_unit * 2^two * 10^ten; 64 + 64 bits hold each step that is not refused. */
static bool scaled(uint64_t v, uint64_t per_unit, int ten, int two, uint64_t *ret)
{
	unsigned __int128 x = (unsigned __int128)v * per_unit;

	if (x >> (127 - two))
		return false;
	x <<= two;
	for (; ten > 0; ten--)
		if (!mul_ok(x, (unsigned __int128)10, &x))
			return false;
	for (; ten < 0 && x; ten++) {
		if (x % 10)
			return false;
		x /= 10;
	}
	if (x > INT64_MAX)
		return false;
	*ret = (uint64_t)x;
	return true;
}

bool quantity_parse(struct str s, uint64_t per_unit, uint64_t *ret)
{
	uint64_t v = 0;
	int whole = take_digits(&s, &v, 0), fraction = 0, ten, two;

	if (whole <= 0)
		return false;
	if (s.n && s.p[0] == '.') {
		s = str_from(s, 1);
		fraction = take_digits(&s, &v, whole);
		if (fraction <= 0)
			return false;
	}
	return scale_of(s, &ten, &two) && scaled(v, per_unit, ten - fraction, two, ret);
}

char *quantity_text(uint64_t v, uint64_t per_unit, char text[QUANTITY_TEXT_MAX])
{
	if (per_unit == 1000 && v % 1000) {
		snprintf(text, QUANTITY_TEXT_MAX, "%llum", (unsigned long long)v);
		return text;
	}
	v /= per_unit;
	for (size_t i = 6; i-- && v;) {
		unsigned int shift = (unsigned int)suffixes[i].two;

		if (!(v & ((1ull << shift) - 1))) {
			snprintf(text, QUANTITY_TEXT_MAX, "%llu%s", (unsigned long long)(v >> shift),
				 suffixes[i].suffix);
			return text;
		}
	}
	snprintf(text, QUANTITY_TEXT_MAX, "%llu", (unsigned long long)v);
	return text;
}
