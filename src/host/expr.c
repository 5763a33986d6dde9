/* expr: conditions over named values. See expr.h. */
#include "host/expr.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/num.h"

struct parser {
	struct str rest;
	const struct expr_values *v;
	unsigned int depth;
	const char *why;
};

static enum truth truth_not(enum truth a)
{
	return a == TRUTH_UNKNOWN ? a : a == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
}

static enum truth truth_and(enum truth a, enum truth b)
{
	return a == TRUTH_NO || b == TRUTH_NO		  ? TRUTH_NO
	       : a == TRUTH_UNKNOWN || b == TRUTH_UNKNOWN ? TRUTH_UNKNOWN
							  : TRUTH_YES;
}

static void skip_blanks(struct parser *p)
{
	while (p->rest.n && p->rest.p[0] == ' ')
		p->rest = str_from(p->rest, 1);
}

static bool take(struct parser *p, char c)
{
	skip_blanks(p);
	if (!p->rest.n || p->rest.p[0] != c)
		return false;
	p->rest = str_from(p->rest, 1);
	return true;
}

/* A word ends at a blank or a closing parenthesis. */
static struct str take_word(struct parser *p)
{
	size_t n = 0;

	skip_blanks(p);
	while (n < p->rest.n && p->rest.p[n] != ' ' && p->rest.p[n] != ')')
		n++;
	p->rest = str_from(p->rest, n);
	return str_n(p->rest.p - n, n);
}

static enum truth newer(struct parser *p, struct str want)
{
	const unsigned int *have = p->v->version;
	uint32_t number;

	if (!have[0])
		return TRUTH_UNKNOWN;
	for (size_t i = 0; i < 3; i++) {
		struct str part = STR("0");

		if (want.n)
			(void)!str_cut(&want, '.', &part);
		if (!num_u32(part, &number)) {
			p->why = "a version that is none";
			return TRUTH_NO;
		}
		if (have[i] != number)
			return have[i] > number ? TRUTH_YES : TRUTH_NO;
	}
	return TRUTH_YES;
}

struct look {
	struct str value;
	bool there, unknown;
};

static struct look look_up(const struct parser *p, struct str name)
{
	struct look l = { .value = STR("") };

	l.there = p->v->get(p->v->ctx, name, &l.value, &l.unknown);
	return l;
}

/* A comma-separated list, perhaps in quotes. */
static bool in_list(struct str list, struct str want)
{
	if (list.n >= 2 && list.p[0] == '"' && list.p[list.n - 1] == '"')
		list = str_n(list.p + 1, list.n - 2);
	for (struct str part; str_cut(&list, ',', &part);)
		if (str_eq(part, want))
			return true;
	return false;
}

static enum truth equals(const struct parser *p, struct look l, struct str want)
{
	if (str_starts(want, STR("CONFIG_"))) {
		struct look other = look_up(p, want);

		if (other.unknown)
			return TRUTH_UNKNOWN;
		want = other.there ? other.value : STR("");
	}
	if (want.n > 2 && want.p[0] == '*' && want.p[want.n - 1] == '*')
		return in_list(l.value, str_n(want.p + 1, want.n - 2)) ? TRUTH_YES : TRUTH_NO;
	return str_eq(l.value, want) ? TRUTH_YES : TRUTH_NO;
}

static enum truth atom(struct parser *p)
{
	struct str word = take_word(p), name, want;
	bool negated = str_starts(word, STR("!")), not_off;
	struct look l;

	if (str_starts(word, STR(">=")))
		return newer(p, str_from(word, 2));
	name = negated ? str_from(word, 1) : word;
	want = STR_NONE;
	(void)!str_split(name, '=', &name, &want);
	if (!name.n || (negated && want.p)) {
		p->why = "a name is missing";
		return TRUTH_NO;
	}
	not_off = str_ends(name, STR("!")); /* NAME!=off was cut behind the '!' */
	if (not_off)
		name = str_head(name, name.n - 1);
	l = look_up(p, name);
	if (l.unknown)
		return TRUTH_UNKNOWN;
	if (negated)
		return !l.there || str_is(l.value, "is not set") ? TRUTH_YES : TRUTH_NO;
	if (!l.there)
		return TRUTH_NO;
	if (not_off)
		return in_list(l.value, STR("off")) || str_is(l.value, "0") ? TRUTH_NO : TRUTH_YES;
	return want.p ? equals(p, l, want) : TRUTH_YES;
}

static enum truth either(struct parser *p);

static enum truth factor(struct parser *p)
{
	enum truth t;

	if (!take(p, '('))
		return atom(p);
	if (++p->depth > EXPR_DEPTH_MAX) {
		p->why = "too many parentheses";
		p->rest = STR("");
		return TRUTH_NO;
	}
	t = either(p);
	p->depth--;
	if (!take(p, ')'))
		p->why = "a parenthesis is not closed";
	return t;
}

static enum truth both(struct parser *p)
{
	enum truth t = factor(p);

	while (!p->why && take(p, '&'))
		t = truth_and(t, factor(p));
	return t;
}

static enum truth either(struct parser *p)
{
	enum truth t = both(p);

	while (!p->why && take(p, '|'))
		t = truth_not(truth_and(truth_not(t), truth_not(both(p))));
	return t;
}

int expr_judge(struct str text, const struct expr_values *v, enum truth *ret, struct err *e)
{
	struct parser p = { .rest = text, .v = v };
	enum truth t = either(&p);

	skip_blanks(&p);
	if (!p.why && p.rest.n)
		p.why = "something stands behind it";
	if (p.why)
		return err_set(e, -EBADMSG, "\"" STR_FMT "\": %s", STR_ARG(text), p.why);
	*ret = t;
	return 0;
}

/* A parameter's mark is for the machine. */
static struct str plain_name(struct str name)
{
	return str_starts(name, STR("@")) ? str_from(name, 1) : name;
}

static void atom_words(struct str word, struct buf *b)
{
	struct str name = word, value = STR_NONE;

	if (str_starts(word, STR(">="))) {
		buf_fmt(b, "the kernel is " STR_FMT " or newer", STR_ARG(str_from(word, 2)));
		return;
	}
	if (str_starts(word, STR("!"))) {
		buf_fmt(b, STR_FMT " is not set", STR_ARG(plain_name(str_from(word, 1))));
		return;
	}
	(void)!str_split(word, '=', &name, &value);
	if (!value.p)
		buf_fmt(b, STR_FMT " is set", STR_ARG(plain_name(name)));
	else if (str_ends(name, STR("!")))
		buf_fmt(b, STR_FMT " is not off", STR_ARG(plain_name(str_head(name, name.n - 1))));
	else if (value.n > 2 && value.p[0] == '*')
		buf_fmt(b, STR_FMT " has " STR_FMT, STR_ARG(plain_name(name)),
			STR_ARG(str_n(value.p + 1, value.n - 2)));
	else
		buf_fmt(b, STR_FMT "=" STR_FMT, STR_ARG(plain_name(name)), STR_ARG(value));
}

void expr_words(struct str text, struct buf *b)
{
	struct parser p = { .rest = text };

	while (p.rest.n) {
		char c = p.rest.p[0];

		if (strchr(" ()&|", c)) {
			buf_str(b, c == '&' ? STR("and") : c == '|' ? STR("or") : str_head(p.rest, 1));
			p.rest = str_from(p.rest, 1);
		} else {
			atom_words(take_word(&p), b);
		}
	}
}

void expr_evidence(struct str text, const struct expr_values *v, struct buf *b)
{
	struct parser p = { .rest = text, .v = v };
	auto_map struct map seen = { 0 };

	while (p.rest.n) {
		struct str word, name;
		struct look l;
		bool added;

		while (p.rest.n && strchr(" &|()!", p.rest.p[0]))
			p.rest = str_from(p.rest, 1);
		word = take_word(&p);
		name = str_head(word, strcspn(word.p, "=! )"));
		if (!word.n || str_starts(word, STR(">=")) || (map_put(&seen, name, 0, &added), !added))
			continue;
		l = look_up(&p, name);
		buf_fmt(b, "%s" STR_FMT, b->n ? ", " : "", STR_ARG(plain_name(name)));
		if (l.unknown)
			buf_str(b, STR(" unknown"));
		else if (!l.there)
			buf_str(b, STR(" absent"));
		else if (str_is(l.value, "is not set"))
			buf_str(b, STR(" is not set"));
		else if (l.value.n)
			buf_fmt(b, "=" STR_FMT, STR_ARG(l.value));
	}
}
