/* packagist: PHP's version_compare() (php.net) as Composer's advisories use it
 * (getcomposer.org/doc/articles/versions.md).
 *
 * Parts are runs of digits or of letters; '.', '-', '_' and '+' separate. Letters by their heads, and as PHP sees their
 * case: any other word < dev < a(lpha) < b(eta) < rc = RC < end < number < p(l). "stable" is nothing. Composer cuts off
 * build metadata; PHP does not, and so does this order. Branches ("dev-master", "1.x-dev") are compared, but are not
 * valid(): they name no version. */
#include "vuln/version/scheme.h"

enum weight { W_OTHER, W_DEV, W_ALPHA, W_BETA, W_RC, W_END, W_HASH, W_NUMBER, W_PATCH };

static const struct {
	const char *head;
	enum weight weight;
} words[] = {
	{ "dev", W_DEV }, { "a", W_ALPHA }, { "b", W_BETA }, { "rc", W_RC },
	{ "RC", W_RC },	  { "p", W_PATCH }, { "#", W_HASH },
};

struct part {
	enum weight weight;
	struct str digits;
};

static inline bool is_separator(char c)
{
	return !is_digit(c) && !is_alpha(c) && c != '#';
}

static enum weight word_weight(struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct str head = str_c(words[i].head);

		if (word.n >= head.n && str_eq(str_head(word, head.n), head))
			return words[i].weight;
	}
	return W_OTHER;
}

static struct part cut_part(struct str *s)
{
	size_t n = 0;
	struct str word;

	while (n < s->n && is_separator(s->p[n]))
		n++;
	*s = str_from(*s, n);
	n = digits_span(*s);
	if (n)
		return (struct part){ W_NUMBER, cut_head(s, n) };
	while (n < s->n && !is_separator(s->p[n]) && !is_digit(s->p[n]))
		n++;
	word = cut_head(s, n);
	if (!n)
		return (struct part){ W_END, STR_NONE };
	return str_eq_nocase(word, STR("stable")) ? cut_part(s) : (struct part){ word_weight(word), STR_NONE };
}

static struct str without_v(struct str v)
{
	v = str_trim(v);
	return to_lower(byte_at(v, 0)) == 'v' ? str_from(v, 1) : v;
}

/* '#' stands for any number, and for none: PHP's own placeholder. */
static bool same_as_hash(enum weight w)
{
	return w == W_HASH || w == W_NUMBER || w == W_END;
}

static int packagist_compare(struct str a, struct str b)
{
	a = without_v(a);
	b = without_v(b);
	for (;;) {
		struct part x = cut_part(&a), y = cut_part(&b);
		int r = (int)x.weight - (int)y.weight;

		if (r && (x.weight == W_HASH || y.weight == W_HASH) && same_as_hash(x.weight) && same_as_hash(y.weight))
			r = 0;
		else if (!r && x.weight == W_NUMBER)
			r = digits_compare(x.digits, y.digits);
		if (r)
			return r;
		if (x.weight == W_END && y.weight == W_END)
			return 0;
	}
}

static bool packagist_valid(struct str v)
{
	size_t numbers = 0;

	v = without_v(v);
	if (!length_ok(v) || !is_digit(*v.p) || is_separator(v.p[v.n - 1]))
		return false;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!is_digit(c) && !is_alpha(c) && !strchr(".-_+~@", c))
			return false;
		/* "1.x-dev": the branch, whatever it is at today */
		if ((c == 'x' || c == 'X') && i && v.p[i - 1] == '.')
			return false;
		numbers += is_digit(c);
	}
	return numbers > 0;
}

const struct version_scheme version_packagist = { "packagist", packagist_valid, packagist_compare };
