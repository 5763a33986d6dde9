/* rules-eval: what one statement says of one version. See rules-part.h. */
#include "vuln/rules-part.h"

#include "vuln/flavour.h"

#define RULES_VALID_SPREAD 0x9e3779b97f4a7c15u

static struct str without_epoch(struct str v)
{
	ptrdiff_t colon = str_find(v, ':');

	return colon < 0 ? v : str_from(v, (size_t)colon + 1);
}

/* PEP 440, "Version specifiers": 2.7.1+cu118 is 2.7.1 to whoever names no local version. */
static struct str without_local(struct str v, struct str other)
{
	ptrdiff_t plus = str_find(v, '+');

	return plus < 0 || str_find(other, '+') >= 0 ? v : str_head(v, (size_t)plus);
}

int rules_compare(const struct rules_versions *v, struct str a, struct str b)
{
	if (v->no_epoch)
		return v->scheme->compare(without_epoch(a), without_epoch(b));
	if (v->type == PKG_PYPI)
		return v->scheme->compare(without_local(a, b), b);
	return v->scheme->compare(a, b);
}

/* A SOURCERPM name has no epoch: do not take that for 0. */
struct rules_versions rules_versions_of(const struct rules *r, const struct subject *s, bool by_source)
{
	struct str version = by_source ? package_source_version(s->p) : s->p->version;
	bool valid = by_source ? s->source_version_valid : s->version_valid;

	return (struct rules_versions){ s->scheme, s->p->type, r->valid,
					version,   valid,      by_source && s->p->type == PKG_RPM };
}

static bool is_subscription(const struct advisory *a)
{
	return str_starts(a->channel, STR("esm"));
}

/* A channel that packages of this system come from. */
bool rules_own_stream(const struct rules *r, const struct advisory *a)
{
	for (struct str rest = r->streams, one; a->channel.n && str_cut(&rest, '+', &one);)
		if (str_eq(one, a->channel))
			return true;
	return false;
}

/* Why a statement is about something else, NULL when it may be about this package. */
static const char *other_thing(const struct rules *r, const struct rules_ref *ref, const struct subject *s,
			       const struct advisory *a)
{
	if (a->name_kind == ADV_NAME_SOURCE ? !ref->source : !ref->binary)
		return "it names a package of another kind";
	if (a->arch.n && s->p->arch.n && !str_eq(a->arch, s->p->arch) && !str_is(s->p->arch, "noarch") &&
	    !str_is(s->p->arch, "all"))
		return "it is about another architecture";
	if (s->p->type == PKG_RPM && !(str_is(a->module, "*") ? s->p->module.n > 0 : str_eq(a->module, s->p->module)))
		return "it is about another module stream";
	if (a->channel.n && !is_subscription(a) && !rules_own_stream(r, a))
		return "it is about another product";
	return NULL;
}

/* Texts of the database are kept once, so the same few thousand versions come again and again: remembers by place which
 * were valid. */
bool rules_valid_for(const struct rules_versions *v, struct str s)
{
	struct rules_valid *known = &v->memo[((uintptr_t)s.p * RULES_VALID_SPREAD >> 32) % RULES_VALID_MAX];

	if (known->p == s.p && known->n == s.n && known->type == v->type)
		return true;
	if (!v->scheme->valid(s))
		return false;
	*known = (struct rules_valid){ s.p, (uint32_t)s.n, v->type };
	return true;
}

/* One range against the installed version; `end` is its upper end. */
static enum rules_outcome eval_range(const struct rules_versions *v, const struct adv_range *r, struct rules_eval *eval)
{
	struct str end = r->fixed.n ? r->fixed : r->last_affected;

	if ((r->introduced.n && !rules_valid_for(v, r->introduced)) || (end.n && !rules_valid_for(v, end))) {
		eval->why = "a version of the advisory is not valid";
		return RULES_UNDECIDED;
	}
	if (r->introduced.n && rules_compare(v, v->installed, r->introduced) < 0) {
		eval->other = r->introduced;
		return RULES_OUTSIDE;
	}
	eval->other = end;
	if (adv_range_is_limited(r))
		return rules_compare(v, v->installed, end) < 0 ? RULES_OPEN : RULES_OUTSIDE;
	if (r->fixed.n)
		return rules_compare(v, v->installed, r->fixed) < 0 ? RULES_FIX : RULES_CLEARED;
	return end.n && rules_compare(v, v->installed, end) > 0 ? RULES_OUTSIDE : RULES_OPEN;
}

/* Which of two ranges of one statement says more: the one the version is in, of two fixes the lower. */
static bool says_more(const struct rules_versions *v, const struct rules_eval *now, const struct rules_eval *one)
{
	static const uint8_t weight[] = { [RULES_SKIP] = 0,    [RULES_OUTSIDE] = 1, [RULES_UNDECIDED] = 2,
					  [RULES_CLEARED] = 3, [RULES_OPEN] = 4,    [RULES_FIX] = 5 };

	if (now->outcome == RULES_FIX && one->outcome == RULES_FIX)
		return rules_compare(v, one->fix, now->fix) < 0;
	return weight[one->outcome] > weight[now->outcome];
}

/* One range of a statement, whatever the others say. */
static void eval_one(const struct rules_versions *v, const struct adv_range *r, struct rules_eval *eval)
{
	if (v->type == PKG_RPM && r->fixed.n && !flavour_same(v->installed, r->fixed)) {
		eval->outcome = RULES_SKIP;
		eval->why = "it is about builds of another line";
	} else if (v->valid) {
		eval->outcome = eval_range(v, r, eval);
		eval->fix = eval->outcome == RULES_FIX ? r->fixed : STR_NONE;
	} else {
		eval->outcome = RULES_UNDECIDED;
		eval->why = "the installed version is not valid";
	}
}

static int eval_ranges(const struct db *db, const struct rules_versions *v, const struct db_statement *st,
		       struct rules_eval *eval)
{
	eval->outcome = RULES_OUTSIDE;
	for (size_t i = 0; i < st->a.range_count; i++) {
		not_zeroed struct adv_range r;

		if (db_range(db, st, i, &r) < 0)
			return -EBADMSG;
		if (str_is(r.fixed, "0")) { /* the distributions' word for "never was affected" */
			eval->outcome = RULES_VETO;
			eval->other = r.fixed;
			return 0;
		}
		if (i == 0) {
			eval_one(v, &r, eval);
		} else {
			struct rules_eval one = *eval;

			eval_one(v, &r, &one);
			if (says_more(v, eval, &one))
				*eval = one;
		}
	}
	return 0;
}

/* A listed version is meant as it is written; where one version can be written in several ways, in any of them. */
static bool is_listed(const struct rules_versions *v, struct str one)
{
	if (str_eq(one, v->installed))
		return true;
	return (v->type == PKG_PYPI || v->type == PKG_COMPOSER) && v->valid && rules_valid_for(v, one) &&
	       rules_compare(v, v->installed, one) == 0;
}

static int eval_listed(const struct db *db, const struct rules_versions *v, const struct db_statement *st,
		       struct rules_eval *eval)
{
	struct str one;

	for (size_t i = 0; i < st->a.version_count && eval->outcome != RULES_FIX && eval->outcome != RULES_OPEN; i++) {
		if (db_version(db, st, i, &one) < 0)
			return -EBADMSG;
		if (!is_listed(v, one))
			continue;
		eval->outcome = RULES_OPEN;
		eval->other = one;
	}
	return 0;
}

/* What one statement says of the subject. */
static int eval_statement(const struct rules *r, const struct rules_versions *v, const struct rules_ref *ref,
			  const struct subject *s, const struct db_statement *st, struct rules_eval *eval)
{
	const char *other = other_thing(r, ref, s, &st->a);

	*eval = (struct rules_eval){ .installed = v->installed, .subscription = is_subscription(&st->a) };
	if (other) {
		eval->outcome = RULES_SKIP;
		eval->why = other;
		return 0;
	}
	eval->outcome = RULES_OPEN;
	if (st->a.range_count || st->a.version_count)
		if (eval_ranges(r->db, v, st, eval) < 0 || eval_listed(r->db, v, st, eval) < 0)
			return -EBADMSG;
	if (st->a.status == ADV_NOT_AFFECTED)
		eval->outcome = eval->outcome == RULES_OPEN || eval->outcome == RULES_FIX ? RULES_VETO : RULES_SKIP;
	return 0;
}

int rules_eval_ref(const struct rules *r, const struct subject *s, const struct rules_ref *ref,
		   struct rules_judged *ret)
{
	if (db_statement_brief(r->db, ref->statement, &ret->st) < 0)
		return -EBADMSG;
	ret->v = rules_versions_of(r, s, ret->st.a.name_kind == ADV_NAME_SOURCE);
	return eval_statement(r, &ret->v, ref, s, &ret->st, &ret->eval);
}
