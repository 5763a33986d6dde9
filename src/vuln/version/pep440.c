/* pep440: Python's versions, PEP 440 (packaging.python.org, "Version specifiers", appendix B has the grammar).
 *
 * [epoch!]release[pre][post][dev][+local] with all the spellings its normalisation allows. A text that does not follow
 * the grammar is not valid(); such texts are ordered before all versions, among themselves as setuptools did before
 * PEP 440. */
#include "vuln/version/scheme.h"

enum pre { PRE_DEV_ONLY, PRE_A, PRE_B, PRE_RC, PRE_NONE }; /* from old to new */

struct pep440 {
	bool ok;
	struct str epoch, release;
	enum pre pre;
	bool has_post, has_dev;
	struct str pre_number, post_number, dev_number;
	struct str local; /* "" when there is none */
};

struct word {
	const char *text;
	enum pre pre;
};

/* Longer spellings first. */
static const struct word pre_words[] = {
	{ "alpha", PRE_A }, { "beta", PRE_B }, { "preview", PRE_RC }, { "pre", PRE_RC },
	{ "rc", PRE_RC },   { "a", PRE_A },    { "b", PRE_B },	      { "c", PRE_RC },
};
static const struct word post_words[] = { { "post", 0 }, { "rev", 0 }, { "r", 0 } };
static const struct word dev_words[] = { { "dev", 0 } };

static inline bool is_separator(char c)
{
	return c == '.' || c == '-' || c == '_';
}

static inline size_t one_separator(struct str s)
{
	return is_separator(byte_at(s, 0)) ? 1 : 0;
}

/* [-_.]? word [-_.]? digits? at the head of *s */
static const struct word *cut_word(struct str *s, const struct word *words, size_t count, struct str *ret_number)
{
	struct str rest = str_from(*s, one_separator(*s));

	for (size_t i = 0; i < count; i++) {
		struct str word = str_c(words[i].text);

		if (rest.n < word.n || !str_eq_nocase(str_head(rest, word.n), word))
			continue;
		rest = str_from(rest, word.n);
		rest = str_from(rest, one_separator(rest));
		*ret_number = cut_head(&rest, digits_span(rest));
		*s = rest;
		return &words[i];
	}
	return NULL;
}

/* "-1" is a post release, too */
static bool cut_bare_post(struct str *s, struct str *ret_number)
{
	if (byte_at(*s, 0) != '-' || !is_digit(byte_at(*s, 1)))
		return false;
	*s = str_from(*s, 1);
	*ret_number = cut_head(s, digits_span(*s));
	return true;
}

static struct str cut_release(struct str *s)
{
	size_t n = digits_span(*s);

	while (n && byte_at(*s, n) == '.' && is_digit(byte_at(*s, n + 1)))
		n += 1 + digits_span(str_from(*s, n + 1));
	return cut_head(s, n);
}

static bool local_ok(struct str s)
{
	bool was_separator = true;

	for (size_t i = 0; i < s.n; i++) {
		bool separator = is_separator(s.p[i]);

		if ((separator && was_separator) || (!separator && !is_digit(s.p[i]) && !is_alpha(s.p[i])))
			return false;
		was_separator = separator;
	}
	return !was_separator;
}

static struct pep440 pep440_parse(struct str v)
{
	struct pep440 r = { .pre = PRE_NONE };
	struct str s = str_trim(v);
	const struct word *pre;
	size_t n;

	if (to_lower(byte_at(s, 0)) == 'v')
		s = str_from(s, 1);
	n = digits_span(s);
	if (n && byte_at(s, n) == '!') {
		r.epoch = str_head(s, n);
		s = str_from(s, n + 1);
	}
	r.release = cut_release(&s);
	if (!r.release.n)
		return r;
	pre = cut_word(&s, pre_words, ARRAY_LEN(pre_words), &r.pre_number);
	r.has_post =
		cut_bare_post(&s, &r.post_number) || cut_word(&s, post_words, ARRAY_LEN(post_words), &r.post_number);
	r.has_dev = cut_word(&s, dev_words, ARRAY_LEN(dev_words), &r.dev_number);
	if (pre)
		r.pre = pre->pre;
	else if (r.has_dev && !r.has_post)
		r.pre = PRE_DEV_ONLY;
	if (byte_at(s, 0) == '+') {
		r.local = str_from(s, 1);
		r.ok = local_ok(r.local);
	} else {
		r.ok = !s.n;
	}
	return r;
}

static struct str cut_local(struct str *s)
{
	size_t n = 0;

	while (n < s->n && !is_separator(s->p[n]))
		n++;
	return cut_head(s, n);
}

static int local_compare(struct str a, struct str b)
{
	while (a.n && b.n) {
		struct str x = cut_local(&a), y = cut_local(&b);
		bool x_number = digits_span(x) == x.n, y_number = digits_span(y) == y.n;
		int r;

		if (x_number != y_number)
			return x_number ? 1 : -1;
		r = x_number ? digits_compare(x, y) : text_compare_nocase(x, y);
		if (r)
			return r;
		a = str_from(a, 1);
		b = str_from(b, 1);
	}
	return (a.n > 0) - (b.n > 0);
}

static int pep440_order(const struct pep440 *a, const struct pep440 *b)
{
	int r = digits_compare(a->epoch, b->epoch);

	r = r ? r : numbers_compare_filled(a->release, b->release);
	r = r ? r : (int)a->pre - (int)b->pre;
	r = r ? r : digits_compare(a->pre_number, b->pre_number);
	r = r ? r : a->has_post - b->has_post;
	r = r ? r : digits_compare(a->post_number, b->post_number);
	r = r ? r : b->has_dev - a->has_dev;
	r = r ? r : digits_compare(a->dev_number, b->dev_number);
	return r ? r : local_compare(a->local, b->local);
}

/* What setuptools made of other texts: parts of digits or of letters; "pre", "preview", "rc" are "c", "dev" is older
 * than every word, '-' is "final-" unless a pre-release word follows, and so is the end "final". Zeros before a word do
 * not count. */
struct part {
	const char *p;
	uint16_t n;
	bool number;
};

#define PARTS_MAX (VERSION_BYTES_MAX + 1) /* every part has a byte of its own, and the end is one */

static inline struct str part_text(const struct part *p)
{
	return str_n(p->p, p->n);
}

static struct str old_word(struct str text)
{
	static const char *const replaced[][2] = {
		{ "pre", "c" }, { "preview", "c" }, { "rc", "c" }, { "dev", "@" }, { "-", "final-" },
	};

	for (size_t i = 0; i < ARRAY_LEN(replaced); i++)
		if (str_eq_nocase(text, str_c(replaced[i][0])))
			return str_c(replaced[i][1]);
	return text;
}

static size_t old_add(struct part *parts, size_t n, struct str text)
{
	bool number = is_digit(*text.p);

	if (!number) {
		text = old_word(text);
		if (text_compare_nocase(text, STR("final")) < 0)
			while (n && str_is(part_text(&parts[n - 1]), "final-"))
				n--;
		while (n && parts[n - 1].number && digits_zero(part_text(&parts[n - 1])))
			n--;
	}
	parts[n] = (struct part){ text.p, (uint16_t)text.n, number };
	return n + 1;
}

static size_t old_parse(struct str s, struct part parts[PARTS_MAX])
{
	size_t n = 0;

	for (s = str_head(s, VERSION_BYTES_MAX); s.n;) {
		size_t run = digits_span(s);

		run = run ? run : alphas_span(s);
		if (*s.p == '.')
			s = str_from(s, 1);
		else
			n = old_add(parts, n, cut_head(&s, run ? run : 1));
	}
	return old_add(parts, n, STR("final"));
}

static int old_compare(struct str a, struct str b)
{
	struct part x[PARTS_MAX], y[PARTS_MAX];
	size_t x_n = old_parse(a, x), y_n = old_parse(b, y);

	for (size_t i = 0; i < x_n && i < y_n; i++) {
		int r;

		if (x[i].number != y[i].number)
			return x[i].number ? 1 : -1; /* '*' before digits */
		r = x[i].number ? digits_compare(part_text(&x[i]), part_text(&y[i]))
				: text_compare_nocase(part_text(&x[i]), part_text(&y[i]));
		if (r)
			return r;
	}
	return (x_n > y_n) - (x_n < y_n);
}

static int pep440_compare(struct str a, struct str b)
{
	struct pep440 x = pep440_parse(a), y = pep440_parse(b);

	if (x.ok && y.ok)
		return pep440_order(&x, &y);
	if (x.ok != y.ok)
		return x.ok ? 1 : -1;
	return old_compare(a, b);
}

static bool pep440_valid(struct str v)
{
	return length_ok(v) && pep440_parse(v).ok;
}

const struct version_scheme version_pep440 = { "pep440", pep440_valid, pep440_compare };
