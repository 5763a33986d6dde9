/* maven: the version order of Maven's POM reference (maven.apache.org/pom.html#version-order-specification).
 *
 * Tokens are cut at '.', at '-' and between digits and letters (which counts as '-'); an empty one is 0. Tokens that
 * mean nothing (0, "", "ga", "final", "release") are dropped at the end and before a '-'. Then token by token:
 * qualifier <
 * "-number" < ".number", where qualifiers are alpha < beta < milestone < rc = cr < snapshot < nothing < sp < any other,
 * these in the order of their bytes, all blind to case, ".qualifier" before "-qualifier".
 *
 * That is no total order once a qualifier follows a '.': "2.9.0.RC1" < "2.9.0" < "2.9.0-1", yet "2.9.0-1" <
 * "2.9.0.RC1", because ".0" is newer than "-1". It is Maven's own, and the published vectors hold to it. Without such
 * qualifiers it is total. (To Maven ".sp" < "-alpha" as well; here what is newer than a release stays so.) */
#include "vuln/version/scheme.h"

enum rank {
	Q_ALPHA,
	Q_BETA,
	Q_MILESTONE,
	Q_RC,
	Q_SNAPSHOT, /* the last that is older than a release */
	Q_DASH_ALPHA,
	Q_DASH_SNAPSHOT = Q_DASH_ALPHA + Q_SNAPSHOT,
	Q_NOTHING,
	Q_SP,
	Q_OTHER,
	Q_DASH_SP,
	Q_DASH_OTHER,
	Q_DASH_NUMBER,
	Q_DOT_NUMBER,
};

static const struct {
	const char *text;
	enum rank rank;
} qualifiers[] = {
	{ "alpha", Q_ALPHA }, { "beta", Q_BETA },     { "milestone", Q_MILESTONE },
	{ "rc", Q_RC },	      { "cr", Q_RC },	      { "snapshot", Q_SNAPSHOT },
	{ "ga", Q_NOTHING },  { "final", Q_NOTHING }, { "release", Q_NOTHING },
	{ "sp", Q_SP },
};
/* only when a digit follows at once */
static const struct {
	char letter;
	enum rank rank;
} short_qualifiers[] = { { 'a', Q_ALPHA }, { 'b', Q_BETA }, { 'm', Q_MILESTONE } };

struct token {
	const char *p;
	uint16_t n;
	uint8_t rank;
	bool dash;    /* '-' stood before it, or a change between digits and letters */
	bool nothing; /* 0 or a qualifier that says "release" */
};

#define TOKENS_MAX (VERSION_BYTES_MAX + 1) /* n separators part n + 1 tokens; a change of kind takes a byte, too */

struct tokens {
	struct token v[TOKENS_MAX];
	size_t n;
};

static enum rank qualifier_rank(struct str word, bool digit_follows)
{
	for (size_t i = 0; digit_follows && word.n == 1 && i < ARRAY_LEN(short_qualifiers); i++)
		if (to_lower(*word.p) == short_qualifiers[i].letter)
			return short_qualifiers[i].rank;
	for (size_t i = 0; i < ARRAY_LEN(qualifiers); i++)
		if (str_eq_nocase(word, str_c(qualifiers[i].text)))
			return qualifiers[i].rank;
	return word.n ? Q_OTHER : Q_NOTHING;
}

static enum rank behind_dash(enum rank r)
{
	if (r <= Q_SNAPSHOT)
		return r + Q_DASH_ALPHA;
	return r == Q_NOTHING ? r : r + (Q_DASH_SP - Q_SP);
}

static enum rank token_rank(struct str text, bool dash, bool digit_follows)
{
	enum rank r;

	if (!text.n || is_digit(*text.p))
		return dash ? Q_DASH_NUMBER : Q_DOT_NUMBER;
	r = qualifier_rank(text, digit_follows);
	return dash ? behind_dash(r) : r;
}

static void token_add(struct tokens *t, struct str text, bool dash, bool digit_follows)
{
	struct token *k = &t->v[t->n++];
	bool number = !text.n || is_digit(*text.p);

	k->p = text.p;
	k->n = (uint16_t)text.n;
	k->dash = dash;
	k->rank = (uint8_t)token_rank(text, dash, digit_follows);
	k->nothing = number ? digits_zero(text) : k->rank == Q_NOTHING;
}

/* Drops what means nothing before each '-' and at the end. */
static void tokens_trim(struct tokens *t)
{
	size_t n = 0;

	for (size_t i = 0; i <= t->n; i++) {
		bool last = i == t->n;

		if (last || t->v[i].dash)
			while (n > 1 && t->v[n - 1].nothing)
				n--;
		if (!last)
			t->v[n++] = t->v[i];
	}
	t->n = n;
}

static void maven_parse(struct str v, struct tokens *t)
{
	bool dash = false;

	t->n = 0;
	for (v = str_head(v, VERSION_BYTES_MAX);;) {
		size_t n = digits_span(v);
		bool number = n > 0;
		char next;

		while (!number && n < v.n && v.p[n] != '.' && v.p[n] != '-' && !is_digit(v.p[n]))
			n++;
		next = byte_at(v, n);
		token_add(t, cut_head(&v, n), dash, is_digit(next));
		if (!v.n)
			break;
		dash = next != '.';
		if (next == '.' || next == '-')
			v = str_from(v, 1);
	}
	tokens_trim(t);
}

/* What a version that has ended shows at this place. */
static enum rank padding_compare_rank(const struct token *k)
{
	return k->nothing ? k->rank : Q_NOTHING;
}

static int token_compare(const struct token *a, const struct token *b)
{
	/* padding equals a token that means nothing, and is a release before everything else */
	enum rank x = a ? a->rank : padding_compare_rank(b), y = b ? b->rank : padding_compare_rank(a);

	if (x != y)
		return (int)x - (int)y;
	if (!a || !b)
		return 0;
	if (x == Q_OTHER || x == Q_DASH_OTHER)
		return text_compare_nocase(str_n(a->p, a->n), str_n(b->p, b->n));
	return x >= Q_DASH_NUMBER ? digits_compare(str_n(a->p, a->n), str_n(b->p, b->n)) : 0;
}

static int maven_compare(struct str a, struct str b)
{
	struct tokens x, y;

	maven_parse(a, &x);
	maven_parse(b, &y);
	for (size_t i = 0; i < x.n || i < y.n; i++) {
		int r = token_compare(i < x.n ? &x.v[i] : NULL, i < y.n ? &y.v[i] : NULL);

		if (r)
			return r;
	}
	return 0;
}

/* Maven orders every text; a version is taken to be one when it has a digit and nothing that a file name could not. */
static bool maven_valid(struct str v)
{
	bool has_digit = false;

	if (!length_ok(v))
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if ((unsigned char)v.p[i] <= ' ' || v.p[i] == 0x7f || strchr("[](),/\\$", v.p[i]))
			return false;
		has_digit |= is_digit(v.p[i]);
	}
	return has_digit;
}

const struct version_scheme version_maven = { "maven", maven_valid, maven_compare };
