/* semver: see semver.h. */
#include "vuln/version/semver.h"

static inline bool is_identifier(char c)
{
	return is_digit(c) || is_alpha(c) || c == '-';
}

/* Identifiers between dots, none of them empty. */
static bool identifiers_ok(struct str s)
{
	bool empty = true;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? empty : !is_identifier(s.p[i]))
			return false;
		empty = s.p[i] == '.';
	}
	return !empty;
}

static void cut_core(struct semver *v, struct str *s, unsigned int numbers_max)
{
	const char *start = s->p;
	size_t n = 0;

	for (;;) {
		size_t digits = digits_span(str_from(*s, n));

		n += digits;
		v->numbers += digits > 0;
		if (!digits || v->numbers == numbers_max || byte_at(*s, n) != '.' || !is_digit(byte_at(*s, n + 1)))
			break;
		n++;
	}
	v->core = str_n(start, n);
	*s = str_from(*s, n);
}

struct semver semver_parse(struct str text, unsigned int numbers_max)
{
	struct semver v = { 0 };
	struct str s = str_trim(text);
	ptrdiff_t plus;
	size_t n = 0;

	while (byte_at(s, n) == '=' || byte_at(s, n) == ' ')
		n++;
	n += byte_at(s, n) == 'v' || byte_at(s, n) == 'V';
	s = str_from(s, n);
	cut_core(&v, &s, numbers_max);
	plus = str_find(s, '+');
	if (plus >= 0) {
		v.build = str_from(s, (size_t)plus + 1);
		s = str_head(s, (size_t)plus);
	}
	v.strict = v.numbers && (!s.n || *s.p == '-') && (plus < 0 || identifiers_ok(v.build));
	if (byte_at(s, 0) == '-' || is_alpha(byte_at(s, 0))) {
		v.has_pre = true;
		v.pre = str_from(s, *s.p == '-');
		v.strict = v.strict && identifiers_ok(v.pre);
	}
	return v;
}

static struct str cut_identifier(struct str *s, bool glued)
{
	size_t n = glued ? alphas_span(*s) : 0;
	struct str id;

	if (n && is_digit(byte_at(*s, n)))
		return cut_head(s, n);
	while (n < s->n && s->p[n] != '.')
		n++;
	id = cut_head(s, n);
	*s = str_from(*s, 1);
	return id;
}

static int identifier_compare(struct str a, struct str b, bool nocase)
{
	bool a_number = a.n && digits_span(a) == a.n, b_number = b.n && digits_span(b) == b.n;

	if (a_number && b_number)
		return digits_compare(a, b);
	if (a_number != b_number)
		return a_number ? -1 : 1;
	return nocase ? text_compare_nocase(a, b) : str_cmp(a, b);
}

int semver_identifiers(struct str a, bool a_glued, struct str b, bool b_glued, bool nocase)
{
	while (a.n && b.n) {
		struct str i = cut_identifier(&a, a_glued), j = cut_identifier(&b, b_glued);
		int r = identifier_compare(i, j, nocase);

		if (r)
			return r;
	}
	return (a.n > 0) - (b.n > 0);
}

int semver_order(const struct semver *a, const struct semver *b, bool nocase)
{
	int r = numbers_compare_filled(a->core, b->core);

	if (r || a->has_pre != b->has_pre)
		return r ? r : b->has_pre - a->has_pre;
	return semver_identifiers(a->pre, a->glued, b->pre, b->glued, nocase);
}
