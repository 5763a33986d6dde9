/* dpkg: [epoch:]upstream[-revision], Debian Policy 5.6.12 and deb-version(7).
 *
 * A missing epoch is 0, a missing revision equals "0". Both texts are runs of non-digits and of digits in turn. Among
 * non-digits '~' sorts before the end, the end before letters, letters before everything else. */
#include "vuln/version/scheme.h"

/* deb-version(7): the epoch fits an int. */
#define EPOCH_DIGITS_MAX 10

/* Weight of a byte in a non-digit run; digits and the end weigh 0. */
static inline int weight(char c)
{
	if (is_digit(c))
		return 0;
	if (is_alpha(c))
		return c;
	return c == '~' ? -1 : (unsigned char)c + 256;
}

static inline int weight_at(const char *p, const char *end)
{
	return p < end ? weight(*p) : 0;
}

static inline bool digit_at(const char *p, const char *end)
{
	return p < end && is_digit(*p);
}

static inline bool other_at(const char *p, const char *end)
{
	return p < end && !is_digit(*p);
}

/* Two runs of digits by value; both are left behind. */
static inline int number_compare(const char **ret_a, const char *a_end, const char **ret_b, const char *b_end)
{
	const char *a = *ret_a, *b = *ret_b;
	int first_diff = 0;

	while (a < a_end && *a == '0')
		a++;
	while (b < b_end && *b == '0')
		b++;
	for (; digit_at(a, a_end) && digit_at(b, b_end); a++, b++)
		if (!first_diff)
			first_diff = *a - *b;
	*ret_a = a;
	*ret_b = b;
	if (digit_at(a, a_end))
		return 1;
	return digit_at(b, b_end) ? -1 : first_diff;
}

static int part_compare(const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end || b < b_end) {
		int r;

		while (other_at(a, a_end) || other_at(b, b_end)) {
			int x = weight_at(a, a_end), y = weight_at(b, b_end);

			if (x != y)
				return x < y ? -1 : 1;
			a++;
			b++;
		}
		r = number_compare(&a, a_end, &b, b_end);
		if (r)
			return r;
	}
	return 0;
}

/* Cuts "digits:" off the head of *v; what is no number is no epoch and stays. */
static inline struct str cut_epoch(struct str *v)
{
	size_t n = digits_span(*v);
	struct str epoch = STR_NONE;

	if (n && n < v->n && v->p[n] == ':') {
		epoch = str_head(*v, n);
		*v = str_from(*v, n + 1);
	}
	return epoch;
}

static inline const char *revision_dash(const char *p, const char *end)
{
	return p < end ? memrchr(p, '-', (size_t)(end - p)) : NULL;
}

static int dpkg_compare(struct str a, struct str b)
{
	struct str a_epoch = cut_epoch(&a), b_epoch = cut_epoch(&b);
	const char *p = a.p, *p_end = a.p + a.n, *q = b.p, *q_end = b.p + b.n, *p_dash, *q_dash;
	int r;

	if ((a_epoch.n || b_epoch.n) && (r = digits_compare(a_epoch, b_epoch)) != 0)
		return r;
	/* Most are told apart by their first number, which is upstream's wherever the revision may begin. */
	if (digit_at(p, p_end) && digit_at(q, q_end) && (r = number_compare(&p, p_end, &q, q_end)) != 0)
		return r;
	p_dash = revision_dash(p, p_end);
	q_dash = revision_dash(q, q_end);
	r = part_compare(p, p_dash ? p_dash : p_end, q, q_dash ? q_dash : q_end);
	if (r)
		return r;
	return part_compare(p_dash ? p_dash + 1 : p_end, p_end, q_dash ? q_dash + 1 : q_end, q_end);
}

/* Policy 5.6.12. */
static const bool char_ok[UINT8_MAX + 1] = {
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['.'] = true,
	['+'] = true,	      ['~'] = true,	    ['-'] = true,
};

static bool dpkg_valid(struct str v)
{
	struct str epoch = cut_epoch(&v);
	const char *dash = revision_dash(v.p, v.p + v.n);
	size_t upstream = dash ? (size_t)(dash - v.p) : v.n;

	if (!length_ok(v) || epoch.n > EPOCH_DIGITS_MAX || !upstream || (dash && upstream + 1 == v.n))
		return false;
	/* dpkg only warns of a version that does not start with a digit, so such packages are installed */
	if (!is_digit(*v.p) && !is_alpha(*v.p))
		return false;
	for (size_t i = 0; i < v.n; i++)
		/* ':' only where there is an epoch, and in the upstream part only. */
		if (!char_ok[(unsigned char)v.p[i]] && !(v.p[i] == ':' && epoch.n && i < upstream))
			return false;
	return true;
}

const struct version_scheme version_dpkg = { "dpkg", dpkg_valid, dpkg_compare };
