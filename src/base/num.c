/* num: numbers out of text. See num.h. */
#include "base/num.h"

#include <math.h>

static unsigned int digit_value(char c)
{
	if (is_digit(c))
		return (unsigned int)(c - '0');
	if (is_alpha(c))
		return (unsigned int)(to_lower(c) - 'a') + 10;
	return 99;
}

bool num_u64(struct str s, unsigned int base, uint64_t *ret)
{
	uint64_t v = 0;

	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned int d = digit_value(s.p[i]);

		if (d >= base || !mul_ok(v, (uint64_t)base, &v) || !add_ok(v, (uint64_t)d, &v))
			return false;
	}
	*ret = v;
	return true;
}

bool num_u32(struct str s, uint32_t *ret)
{
	uint64_t v;

	if (!num_u64(s, 10, &v) || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool num_i64(struct str s, int64_t *ret)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t v;

	if (!num_u64(minus ? str_from(s, 1) : s, 10, &v) || v > INT64_MAX)
		return false;
	*ret = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

struct str num_digits(uint64_t v, char room[NUM_DIGITS_MAX])
{
	size_t at = NUM_DIGITS_MAX;

	do
		room[--at] = (char)('0' + v % 10);
	while (v /= 10);
	return str_n(room + at, NUM_DIGITS_MAX - at);
}

static bool num_range(struct str s, uint32_t *first, uint32_t *last)
{
	struct str from = s, to = s;

	(void)str_split(s, '-', &from, &to);
	return num_u32(str_trim(from), first) && num_u32(str_trim(to), last) && *first <= *last;
}

bool num_set(struct str list, struct num_set *ret)
{
	uint32_t first, last;

	*ret = (struct num_set){ .words = 1 };
	for (struct str part; str_cut(&list, ',', &part);) {
		part = str_trim(part);
		if (!part.n)
			continue;
		if (!num_range(part, &first, &last) || last >= NUM_SET_MAX)
			return false;
		for (uint32_t i = first; i <= last; i++)
			ret->bits[i / 64] |= 1ull << i % 64;
		if (last / 64 >= ret->words)
			ret->words = last / 64 + 1;
	}
	return true;
}

/* Digits into *v, scaled by 10 for each; returns how many there were. Precision past 2^64 is not needed by any
 * feed (scores and probabilities), so further digits only count. */
static size_t digits_into(struct str s, double *v)
{
	size_t n = 0;

	for (; n < s.n && is_digit(s.p[n]); n++)
		*v = *v * 10 + (s.p[n] - '0');
	return n;
}

bool num_double(struct str s, double *ret)
{
	bool minus = s.n && s.p[0] == '-';
	double v = 0;
	int64_t exponent = 0;
	size_t whole, fraction = 0;

	if (minus)
		s = str_from(s, 1);
	whole = digits_into(s, &v);
	s = str_from(s, whole);
	if (s.n && s.p[0] == '.') {
		s = str_from(s, 1);
		fraction = digits_into(s, &v);
		s = str_from(s, fraction);
	}
	if (whole + fraction == 0)
		return false;
	if (s.n && to_lower(s.p[0]) == 'e') {
		s = str_from(s, 1);
		if (s.n && s.p[0] == '+')
			s = str_from(s, 1);
		if (!num_i64(s, &exponent) || exponent > 400 || exponent < -400)
			return false;
		s = STR_NONE;
	}
	if (s.n)
		return false;
	/* Dividing by an exact power of ten rounds once, as strtod does for these lengths. */
	exponent -= (int64_t)fraction;
	v = exponent < 0 ? v / pow(10, (double)-exponent) : v * pow(10, (double)exponent);
	*ret = minus ? -v : v;
	return true;
}

char *num_bytes_text(uint64_t bytes, char text[NUM_BYTES_TEXT_MAX])
{
	static const char *const unit[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 999.5 && u + 1 < ARRAY_LEN(unit)) {
		v /= 1000;
		u++;
	}
	snprintf(text, NUM_BYTES_TEXT_MAX, v < 9.95 && u ? "%.1f %s" : "%.0f %s", v, unit[u]);
	return text;
}
