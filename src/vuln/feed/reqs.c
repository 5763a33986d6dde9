/* reqs: see reqs.h. */
#include "vuln/feed/reqs.h"

#include "base/num.h"
#include "vuln/feed/ns.h"

static const char *const operators[] = { ">=", "<=", "~>", "==", "=>", ">", "<", "=", "~", "^" };

/* The version with everything behind its first `keep` numbers dropped and the last of them one higher; empty when one
 * of them is no number. */
static struct str bump(struct arena *a, struct str version, size_t keep)
{
	struct str out = STR_NONE, part;
	size_t i = 0;

	for (struct str rest = version; i < keep && str_cut(&rest, '.', &part); i++) {
		uint32_t n;

		if (!num_u32(part, &n) || n == UINT32_MAX)
			return STR_NONE;
		out = arena_fmt(a, STR_FMT "%s%u", STR_ARG(out), i ? "." : "", i + 1 == keep ? n + 1 : n);
	}
	return i == keep ? out : STR_NONE;
}

static size_t parts_of(struct str version)
{
	size_t n = 0;

	for (struct str rest = version, part; str_cut(&rest, '.', &part);)
		n += part.n > 0 && is_digit(part.p[0]);
	return n;
}

/* ~> 5.2.4: below 5.3 and all its prereleases, which "5.3.a" is the first of. */
static bool pessimistic(struct req *q, struct arena *a, struct str version)
{
	size_t n = parts_of(version);
	struct str high = bump(a, version, n > 1 ? n - 1 : 1);

	q->low = version;
	q->high = high.n ? ns_join(a, high, STR(".a")) : STR_NONE;
	return high.n > 0;
}

/* npm: ~1.2.3 below 1.3.0, ^1.2.3 below 2.0.0 (^0.2.3: 0.3.0), in both without the prereleases of the end. */
static bool npm_caret(struct req *q, struct arena *a, struct str version, bool caret)
{
	size_t n = parts_of(version), keep = n > 1 ? 2 : 1;
	struct str high;

	if (caret)
		keep = str_starts(version, STR("0.")) && n > 1 ? 2 : 1;
	high = bump(a, version, keep);
	q->low = version;
	q->high = ns_join(a, high, keep == 2 ? STR(".0-0") : STR(".0.0-0"));
	return high.n > 0;
}

/* "1.x", "2.*", "3": any version that begins so. */
static bool npm_wild(struct req *q, struct arena *a, struct str version)
{
	size_t n = parts_of(version);
	struct str head = version, high;

	if (n == 0)
		return true; /* "*" */
	if (n > 2)
		return false;
	while (head.n && !is_digit(head.p[head.n - 1]))
		head.n--;
	high = bump(a, head, n);
	q->low = ns_join(a, head, n == 1 ? STR(".0.0") : STR(".0"));
	q->high = ns_join(a, high, n == 1 ? STR(".0.0-0") : STR(".0-0"));
	return high.n > 0;
}

/* One comparator narrows the interval; of two lower ends the later one written counts, as in "~> 5.2.4, >= 5.2.4.3". */
static bool narrow(struct req *q, struct arena *a, const char *op, struct str v, bool gem)
{
	bool wild =
		!gem && (str_find(v, '*') >= 0 || str_is(v, "x") || str_find_str(v, STR(".x")) >= 0 || parts_of(v) < 3);

	if (str_is(str_c(op), ">=") || str_is(str_c(op), "=>") || str_is(str_c(op), ">")) {
		q->low = v;
		q->low_excluded = op[1] == 0;
		return true;
	}
	if (op[0] == '<') {
		q->high = v;
		q->high_included = op[1] == '=';
		return true;
	}
	if (str_is(str_c(op), "~>"))
		return pessimistic(q, a, v);
	if (op[0] == '~' || op[0] == '^')
		return npm_caret(q, a, v, op[0] == '^');
	if (wild)
		return npm_wild(q, a, v);
	q->low = q->high = v;
	q->high_included = true;
	return true;
}

static bool separator(char c)
{
	return is_space(c) || c == ',';
}

/* The next operator and version; false at the end. "" is the operator of a bare version. */
static bool next_comparator(struct str *text, const char **ret_op, struct str *ret_version)
{
	struct str s = *text;
	size_t n = 0;

	while (s.n && separator(s.p[0]))
		s = str_from(s, 1);
	if (!s.n)
		return false;
	*ret_op = "";
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		if (str_starts(s, str_c(operators[i]))) {
			*ret_op = operators[i];
			s = str_from(s, strlen(operators[i]));
			break;
		}
	}
	while (s.n && is_space(s.p[0]))
		s = str_from(s, 1);
	while (n < s.n && !separator(s.p[n]) && s.p[n] != '<' && s.p[n] != '>' && s.p[n] != '=')
		n++;
	*ret_version = str_head(s, n);
	*text = str_from(s, n);
	return true;
}

void reqs_add(struct reqs *r, struct arena *a, struct str text, bool gem)
{
	struct req q = { 0 };
	struct str version;
	const char *op;
	bool any = false;

	if (r->n >= REQS_MAX) {
		r->bad = true;
		return;
	}
	while (next_comparator(&text, &op, &version)) {
		if (str_starts(version, STR("v")) && version.n > 1 && is_digit(version.p[1]))
			version = str_from(version, 1);
		any = true;
		if (!version.n || (op[0] && !is_digit(version.p[0])) || !narrow(&q, a, op, version, gem))
			r->bad = true;
	}
	if (any)
		r->v[r->n++] = q;
}

void reqs_add_alternatives(struct reqs *r, struct arena *a, struct str text)
{
	for (ptrdiff_t at; (at = str_find_str(text, STR("||"))) >= 0; text = str_from(text, (size_t)at + 2))
		reqs_add(r, a, str_head(text, (size_t)at), false);
	reqs_add(r, a, text, false);
}

/* The first version above one that is itself excluded: in semver the first prerelease of the next patch, elsewhere one
 * that nobody releases, 1.2.0.0.0.1. */
static struct str after(struct arena *a, struct str version, bool semver)
{
	struct str next = semver ? bump(a, version, 3) : STR_NONE;

	if (!version.n)
		return version;
	if (next.n)
		return ns_join(a, next, STR("-0"));
	return semver ? version : ns_join(a, version, STR(".0.0.0.1"));
}

static struct adv_range range_of(struct arena *a, struct str low, bool low_excluded, struct str high,
				 bool high_included, bool semver)
{
	struct adv_range x = { .introduced = low_excluded ? after(a, low, semver) : low };

	if (high_included)
		x.last_affected = high;
	else
		x.fixed = high;
	return x;
}

size_t reqs_ranges(const struct reqs *r, struct arena *a, bool semver, const struct adv_range **ret)
{
	struct adv_range *list = arena_array(a, struct adv_range, r->n + 1);

	for (size_t i = 0; i < r->n; i++)
		list[i] = range_of(a, r->v[i].low, r->v[i].low_excluded, r->v[i].high, r->v[i].high_included, semver);
	*ret = r->n ? list : NULL;
	return r->n;
}

/* An open lower end comes first. */
static bool lower(const struct req *x, const struct req *y, int (*compare)(struct str, struct str))
{
	if (!x->low.n || !y->low.n)
		return !x->low.n && y->low.n;
	return compare(x->low, y->low) < 0;
}

/* Insertion sort: there are a handful. */
static void sort_by_low(struct reqs *r, int (*compare)(struct str, struct str))
{
	for (size_t i = 1; i < r->n; i++) {
		for (size_t k = i; k && lower(&r->v[k], &r->v[k - 1], compare); k--) {
			struct req swap = r->v[k];

			r->v[k] = r->v[k - 1];
			r->v[k - 1] = swap;
		}
	}
}

/* Whether something lies between; "< 1.2" and "> 1.2" leave 1.2 itself. */
static bool gap(struct str from, bool past, const struct req *next, int (*compare)(struct str, struct str))
{
	int c = compare(from, next->low);

	return c < 0 || (c == 0 && !past && next->low_excluded);
}

size_t reqs_complement(struct reqs *r, struct arena *a, int (*compare)(struct str, struct str),
		       const struct adv_range **ret)
{
	struct adv_range *list = arena_array(a, struct adv_range, r->n + 1);
	struct str from = STR_NONE; /* all below it is known to be in an interval; it itself too when `past` */
	bool past = false;
	size_t n = 0;

	sort_by_low(r, compare);
	for (size_t i = 0; i < r->n; i++) {
		const struct req *q = &r->v[i];

		if (q->low.n && (!from.n || gap(from, past, q, compare)))
			list[n++] = range_of(a, from, past, q->low, q->low_excluded, false);
		if (!q->high.n)
			goto out; /* safe from here on */
		if (!from.n || compare(from, q->high) < 0) {
			from = q->high;
			past = q->high_included;
		}
	}
	list[n++] = range_of(a, from, past, STR_NONE, false, false);
out:
	*ret = n ? list : NULL;
	return n;
}
