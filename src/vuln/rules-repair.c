/* rules-repair: of a language package, which version repairs it. See rules-part.h. */
#include "vuln/rules-part.h"

#define CHAIN_MAX 64 /* steps from fix to fix until one clears all ranges */

/* Is `version` inside a range of any statement of the group? 1 and the fix that ends it (may be ""), 0. */
static int still_affected(const struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n,
			  struct str version, struct str *ret_fix)
{
	struct package p = *s->p;
	struct subject later = *s;

	p.version = version;
	p.source_version = STR_NONE;
	later.p = &p;
	later.version_valid = later.source_version_valid = s->scheme->valid(version);
	for (size_t i = 0; i < n; i++) {
		not_zeroed struct rules_judged j;

		if (rules_eval_ref(r, &later, &ref[i], &j) < 0)
			return -EBADMSG;
		if (j.eval.outcome != RULES_FIX && j.eval.outcome != RULES_OPEN)
			continue;
		*ret_fix = j.eval.fix;
		return 1;
	}
	return 0;
}

/* Languages: goes from fix to fix until one lies in no range of the vulnerability; "" when there is none. */
static int clear_all(const struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n,
		     struct str *fixed)
{
	for (size_t step = 0; fixed->n && step < CHAIN_MAX; step++) {
		struct str next = STR_NONE;
		int still = still_affected(r, s, ref, n, *fixed, &next);

		if (still <= 0)
			return still;
		*fixed = next;
	}
	return 0;
}

/* The lowest version above `from` that ends a range of any statement of the group; "" when there is none. */
static int next_end(const struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n,
		    struct str from, struct str *ret)
{
	struct rules_versions v = rules_versions_of(r, s, false);

	*ret = STR_NONE;
	for (size_t i = 0; i < n; i++) {
		not_zeroed struct db_statement st;

		if (db_statement_brief(r->db, ref[i].statement, &st) < 0)
			return -EBADMSG;
		for (size_t k = 0; k < st.a.range_count; k++) {
			not_zeroed struct adv_range range;

			if (db_range(r->db, &st, k, &range) < 0)
				return -EBADMSG;
			if (range.fixed.n && !adv_range_is_limited(&range) && rules_valid_for(&v, range.fixed) &&
			    rules_compare(&v, from, range.fixed) < 0 &&
			    (!ret->n || rules_compare(&v, range.fixed, *ret) < 0))
				*ret = range.fixed;
		}
	}
	return 0;
}

/* Languages, where the range that holds the version ends without a fix: a branch that was given up is left for the next
 * one that was repaired. */
static int leave_branch(const struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n,
			struct str *fixed)
{
	struct str from = s->p->version, next;

	if (!s->version_valid)
		return 0;
	for (size_t step = 0; step < CHAIN_MAX; step++) {
		struct str unused;
		int r2 = next_end(r, s, ref, n, from, &next);

		if (r2 < 0 || !next.n)
			return r2;
		r2 = still_affected(r, s, ref, n, next, &unused);
		if (r2 <= 0) {
			*fixed = next;
			return r2;
		}
		from = next;
	}
	return 0;
}

int rules_repair(const struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n,
		 struct rules_decision *d)
{
	if (d->status == FINDING_FIXED && clear_all(r, s, ref, n, &d->fixed) < 0)
		return -EBADMSG;
	if (!d->fixed.n && leave_branch(r, s, ref, n, &d->fixed) < 0)
		return -EBADMSG;
	if (d->status == FINDING_AFFECTED && d->fixed.n)
		d->status = FINDING_FIXED;
	return 0;
}
