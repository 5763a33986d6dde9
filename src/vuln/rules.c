/* rules: the matching rules of docs/matching.md. See rules.h. */
#include "vuln/rules.h"

#include "base/num.h"
#include "vuln/flavour.h"

#define KEYS_MAX (2 * (1 + RULES_FALLBACKS_MAX)) /* source and binary name in every namespace */
#define RULES_VALID_SPREAD 0x9e3779b97f4a7c15u
#define CHAIN_MAX 64 /* steps from fix to fix until one clears all ranges */

/* Which database of packages belongs to a namespace. All others are rpm. */
static const struct {
	struct str head;
	enum pkg_type type;
} families[] = {
	{ STR("debian:"), PKG_DEB }, { STR("ubuntu:"), PKG_DEB },    { STR("alpine:"), PKG_APK },
	{ STR("wolfi"), PKG_APK },   { STR("chainguard"), PKG_APK }, { STR("minimos"), PKG_APK },
	{ STR("arch"), PKG_ALPM },
};

static enum pkg_type family_of(struct str ns)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (str_starts(ns, families[i].head))
			return families[i].type;
	return PKG_RPM;
}

/* Distributions rebuilt from another one's sources: it discloses what they have not fixed yet. */
static const struct {
	struct str head, parent;
} rebuilds[] = {
	{ STR("almalinux:"), STR("rhel:") },
	{ STR("rocky:"), STR("rhel:") },
	{ STR("centos:"), STR("rhel:") },
	{ STR("centos-stream:"), STR("rhel:") }, /* not rebuilt but built before: the same sources */
};

/* "3.18" as 3018; "edge" above all numbers. */
static bool branch_number(struct str branch, uint32_t *ret)
{
	struct str major, minor;
	uint32_t a, b;

	if (str_is(branch, "edge")) {
		*ret = UINT32_MAX;
		return true;
	}
	if (!str_split(branch, '.', &major, &minor) || !num_u32(major, &a) || !num_u32(minor, &b) || a > 999 || b > 999)
		return false;
	*ret = a * 1000 + b;
	return true;
}

static void add_fallback(struct rules *r, struct str ns, uint32_t rank, uint32_t *ranks)
{
	size_t at = r->fallbacks;

	if (at == RULES_FALLBACKS_MAX)
		return;
	for (; at && ranks[at - 1] > rank; at--) {
		r->fallback[at] = r->fallback[at - 1];
		ranks[at] = ranks[at - 1];
	}
	r->fallback[at] = ns;
	ranks[at] = rank;
	r->fallbacks++;
}

/* Newer branches of an Alpine that is end of life; *ret_rank: the nearer the smaller. */
static bool is_newer_branch(const struct rules *r, struct str ns, uint32_t *ret_rank)
{
	struct str head = STR("alpine:");
	uint32_t own;

	return r->os_eol && str_starts(r->os_ns, head) && str_starts(ns, head) &&
	       branch_number(str_from(r->os_ns, head.n), &own) && branch_number(str_from(ns, head.n), ret_rank) &&
	       *ret_rank > own;
}

static bool is_parent(const struct rules *r, struct str ns)
{
	for (size_t i = 0; i < ARRAY_LEN(rebuilds); i++)
		if (str_starts(r->os_ns, rebuilds[i].head) && str_starts(ns, rebuilds[i].parent) &&
		    str_eq(str_from(r->os_ns, rebuilds[i].head.n), str_from(ns, rebuilds[i].parent.n)))
			return true;
	return false;
}

static void find_fallbacks(struct rules *r)
{
	uint32_t ranks[RULES_FALLBACKS_MAX];

	for (size_t i = 0; i < db_ns_count(r->db); i++) {
		uint32_t rank = 0, keys;
		struct str ns;

		if (db_ns(r->db, i, &ns, &keys) < 0)
			continue;
		if (is_newer_branch(r, ns, &rank))
			r->fallback_origin = RULES_NEWER;
		else if (is_parent(r, ns))
			r->fallback_origin = RULES_PARENT;
		else
			continue;
		add_fallback(r, ns, rank, ranks);
	}
}

/* One namespace and name that may have statements about the subject. */
struct rules_key {
	struct db_key key;
	uint16_t rank;
	bool source, binary;
};

struct versions {
	const struct version_scheme *scheme;
	enum pkg_type type;
	struct rules_valid *memo;
	struct str installed;
	bool valid;
	bool no_epoch; /* the installed one comes without an epoch that may be there: compare without */
};

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

static int compare(const struct versions *v, struct str a, struct str b)
{
	if (v->no_epoch)
		return v->scheme->compare(without_epoch(a), without_epoch(b));
	if (v->type == PKG_PYPI)
		return v->scheme->compare(without_local(a, b), b);
	return v->scheme->compare(a, b);
}

/* A SOURCERPM name has no epoch: do not take that for 0. */
static struct versions versions_of(const struct rules *r, const struct subject *s, bool by_source)
{
	struct str version = by_source ? package_source_version(s->p) : s->p->version;
	bool valid = by_source ? s->source_version_valid : s->version_valid;

	return (struct versions){ s->scheme, s->p->type, r->valid, version, valid, by_source && s->p->type == PKG_RPM };
}

static bool is_subscription(const struct advisory *a)
{
	return str_starts(a->channel, STR("esm"));
}

/* A channel that packages of this system come from. */
static bool is_own_stream(const struct rules *r, const struct advisory *a)
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
	if (a->channel.n && !is_subscription(a) && !is_own_stream(r, a))
		return "it is about another product";
	return NULL;
}

/* Texts of the database are kept once, so the same few thousand versions come again and again: remembers by place which
 * were valid. */
static bool valid(const struct versions *v, struct str s)
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
static enum rules_outcome eval_range(const struct versions *v, const struct adv_range *r, struct rules_eval *eval)
{
	struct str end = r->fixed.n ? r->fixed : r->last_affected;

	if ((r->introduced.n && !valid(v, r->introduced)) || (end.n && !valid(v, end))) {
		eval->why = "a version of the advisory is not valid";
		return RULES_UNDECIDED;
	}
	if (r->introduced.n && compare(v, v->installed, r->introduced) < 0) {
		eval->other = r->introduced;
		return RULES_OUTSIDE;
	}
	eval->other = end;
	if (adv_range_is_limited(r))
		return compare(v, v->installed, end) < 0 ? RULES_OPEN : RULES_OUTSIDE;
	if (r->fixed.n)
		return compare(v, v->installed, r->fixed) < 0 ? RULES_FIX : RULES_CLEARED;
	return end.n && compare(v, v->installed, end) > 0 ? RULES_OUTSIDE : RULES_OPEN;
}

/* Which of two ranges of one statement says more: the one the version is in, of two fixes the lower. */
static bool says_more(const struct versions *v, const struct rules_eval *now, const struct rules_eval *one)
{
	static const uint8_t weight[] = { [RULES_SKIP] = 0,    [RULES_OUTSIDE] = 1, [RULES_UNDECIDED] = 2,
					  [RULES_CLEARED] = 3, [RULES_OPEN] = 4,    [RULES_FIX] = 5 };

	if (now->outcome == RULES_FIX && one->outcome == RULES_FIX)
		return compare(v, one->fix, now->fix) < 0;
	return weight[one->outcome] > weight[now->outcome];
}

/* One range of a statement, whatever the others say. */
static void eval_one(const struct versions *v, const struct adv_range *r, struct rules_eval *eval)
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

static int eval_ranges(const struct db *db, const struct versions *v, const struct db_statement *st,
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
static bool is_listed(const struct versions *v, struct str one)
{
	if (str_eq(one, v->installed))
		return true;
	return (v->type == PKG_PYPI || v->type == PKG_COMPOSER) && v->valid && valid(v, one) &&
	       compare(v, v->installed, one) == 0;
}

static int eval_listed(const struct db *db, const struct versions *v, const struct db_statement *st,
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
static int eval_statement(const struct rules *r, const struct versions *v, const struct rules_ref *ref,
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

/* A statement, the versions it is about, and what it says of them. Large, and filled whole: not to be zeroed first. */
struct judged {
	struct db_statement st;
	struct versions v;
	struct rules_eval eval;
};

static int eval_ref(const struct rules *r, const struct subject *s, const struct rules_ref *ref, struct judged *ret)
{
	if (db_statement_brief(r->db, ref->statement, &ret->st) < 0)
		return -EBADMSG;
	ret->v = versions_of(r, s, ret->st.a.name_kind == ADV_NAME_SOURCE);
	return eval_statement(r, &ret->v, ref, s, &ret->st, &ret->eval);
}

/* What all statements of one namespace say of one (package, vulnerability). */
struct chosen {
	uint32_t statement;
	enum severity severity;
	bool unimportant;
};

struct tally {
	bool any, veto, cleared, undecided;
	const char *why;
	bool open, fix, esm, esm_cleared;
	struct chosen open_at, fix_at, esm_at, first_at;
	enum advisory_status open_status;
	struct str fixed, esm_fixed;
};

/* Of several words for "no fix", the one that says most. */
static int openness(enum advisory_status s)
{
	static const uint8_t weight[] = { [ADV_INVESTIGATING] = 1, [ADV_AFFECTED] = 2, [ADV_NOT_AFFECTED] = 0,
					  [ADV_DEFERRED] = 3,	   [ADV_WONT_FIX] = 4, [ADV_END_OF_LIFE] = 5 };

	return weight[s];
}

static void tally_subscription(struct tally *t, const struct versions *v, struct chosen at,
			       const struct rules_eval *eval)
{
	if (eval->outcome == RULES_CLEARED)
		t->esm_cleared = true;
	if (eval->outcome == RULES_FIX && (!t->esm || compare(v, eval->fix, t->esm_fixed) > 0)) {
		t->esm = true;
		t->esm_fixed = eval->fix;
		t->esm_at = at;
	}
}

static void tally_open(struct tally *t, struct chosen at, enum advisory_status status)
{
	if (t->open && openness(status) <= openness(t->open_status))
		return;
	t->open = true;
	t->open_at = at;
	t->open_status = status;
}

static void tally_add(struct tally *t, const struct rules_ref *ref, const struct judged *j)
{
	struct chosen at = { ref->statement, j->st.a.severity, j->st.a.unimportant };
	const struct rules_eval *eval = &j->eval;

	if (eval->outcome == RULES_SKIP)
		return;
	if (!t->any)
		t->first_at = at;
	t->any = true;
	t->veto |= eval->outcome == RULES_VETO;
	if (eval->outcome == RULES_UNDECIDED) {
		t->undecided = true;
		t->why = eval->why;
	}
	if (eval->subscription && (eval->outcome == RULES_CLEARED || eval->outcome == RULES_FIX)) {
		tally_subscription(t, &j->v, at, eval);
		return;
	}
	t->cleared |= eval->outcome == RULES_CLEARED;
	if (eval->outcome == RULES_OPEN)
		tally_open(t, at, j->st.a.status);
	if (eval->outcome == RULES_FIX && (!t->fix || compare(&j->v, eval->fix, t->fixed) > 0)) {
		t->fix = true;
		t->fixed = eval->fix;
		t->fix_at = at;
	}
}

static enum finding_status status_of(enum advisory_status s)
{
	switch (s) {
	case ADV_WONT_FIX:
		return FINDING_WONT_FIX;
	case ADV_DEFERRED:
		return FINDING_DEFERRED;
	case ADV_END_OF_LIFE:
		return FINDING_END_OF_LIFE;
	case ADV_INVESTIGATING:
		return FINDING_INVESTIGATING;
	case ADV_AFFECTED:
	case ADV_NOT_AFFECTED:
		break;
	}
	return FINDING_AFFECTED;
}

/* A package with the subscribers' fix in it is fixed, and one that is not built for subscribers only when the
 * public archive knows of no later fix. */
static bool cleared_by_subscription(const struct tally *t, const struct subject *s)
{
	return t->esm_cleared && !t->esm && (!t->fix || str_find_str(s->p->version, STR("esm")) >= 0);
}

static void set(struct rules_decision *d, enum finding_status status, struct chosen at, struct str fixed)
{
	d->affected = true;
	d->status = status;
	d->statement = at.statement;
	d->severity = at.severity;
	d->unimportant = at.unimportant;
	d->fixed = fixed;
}

/* Fills the decision from the statements of one namespace. */
static void decide(const struct rules *r, const struct subject *s, const struct tally *t, struct rules_decision *d)
{
	d->affected = false;
	d->statement = t->first_at.statement;
	if (t->veto || cleared_by_subscription(t, s))
		return;
	if (t->fix)
		set(d, FINDING_FIXED, t->fix_at, t->fixed);
	else if (s->os && t->cleared)
		return; /* a fix that is installed beats a word that there is none */
	else if (t->esm)
		set(d, r->pro_attached ? FINDING_FIXED : FINDING_SUBSCRIPTION, t->esm_at, t->esm_fixed);
	else if (t->open)
		set(d, status_of(t->open_status), t->open_at, STR_NONE);
}

/* What a decision of another namespace is worth in this one. */
static void infer(const struct subject *s, struct rules_decision *d)
{
	d->inferred = true;
	if (d->origin == RULES_NEWER && d->status == FINDING_FIXED)
		d->status = FINDING_END_OF_LIFE;
	if (d->origin != RULES_PARENT || d->status != FINDING_FIXED)
		return;
	/* Fixed there and not here yet. Builds of modules are counted apart: nothing can be compared. */
	d->status = FINDING_AFFECTED;
	d->fixed = STR_NONE;
	if (s->p->module.n)
		d->affected = false;
}

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
		not_zeroed struct judged j;

		if (eval_ref(r, &later, &ref[i], &j) < 0)
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
	struct versions v = versions_of(r, s, false);

	*ret = STR_NONE;
	for (size_t i = 0; i < n; i++) {
		not_zeroed struct db_statement st;

		if (db_statement_brief(r->db, ref[i].statement, &st) < 0)
			return -EBADMSG;
		for (size_t k = 0; k < st.a.range_count; k++) {
			not_zeroed struct adv_range range;

			if (db_range(r->db, &st, k, &range) < 0)
				return -EBADMSG;
			if (range.fixed.n && !adv_range_is_limited(&range) && valid(&v, range.fixed) &&
			    compare(&v, from, range.fixed) < 0 && (!ret->n || compare(&v, range.fixed, *ret) < 0))
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

static int repair(const struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n,
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

bool rules_hearsay(const struct rules *r, uint32_t feed)
{
	return feed < RULES_FEEDS_MAX && r->hearsay[feed];
}

static int any_hearsay(const struct rules *r, const struct rules_ref *ref, size_t n)
{
	for (size_t i = 0; i < n && ref[i].rank == ref[0].rank; i++) {
		struct db_statement st;

		if (db_statement_brief(r->db, ref[i].statement, &st) < 0)
			return -EBADMSG;
		if (rules_hearsay(r, st.feed))
			return 1;
	}
	return 0;
}

/* Says what repairs it, that this is installed, or that nothing has to be. */
static bool is_settled(enum rules_outcome o)
{
	return o == RULES_FIX || o == RULES_CLEARED || o == RULES_VETO;
}

/* What among the statements of one namespace counts for more than the others. */
struct weights {
	bool judged;   /* a feed that judges, not a changelog that mentions, settles it: until one does, the changelog's
			* word is better than "no fix known" */
	bool streamed; /* the extended support that the packages come from speaks: its versions count on by themselves
			*/
};

/* Evaluates only where something may count for more. */
static int weigh(struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n, struct weights *ret)
{
	int heard = r->any_hearsay ? any_hearsay(r, ref, n) : 0;

	*ret = (struct weights){ false, false };
	for (size_t i = 0; i < n && ref[i].rank == ref[0].rank; i++) {
		not_zeroed struct judged j;

		if (!r->streams.n && (heard <= 0 || ret->judged))
			break;
		if (eval_ref(r, s, &ref[i], &j) < 0)
			return -EBADMSG;
		ret->judged |= heard > 0 && !rules_hearsay(r, j.st.feed) && is_settled(j.eval.outcome);
		ret->streamed |=
			is_own_stream(r, &j.st.a) && (is_settled(j.eval.outcome) || j.eval.outcome == RULES_OPEN);
	}
	r->stream_spoke |= ret->streamed;
	return heard < 0 ? heard : 0;
}

/* Why a statement does not count beside the others, NULL when it does. */
static const char *outweighed(const struct rules *r, const struct weights *w, const struct db_statement *st)
{
	if (w->judged && rules_hearsay(r, st->feed))
		return "a changelog's mention, where a feed judges";
	if (w->streamed && !is_own_stream(r, &st->a))
		return "the release's own, where its extended support speaks";
	return NULL;
}

static int judge_rank(struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n, struct tally *t,
		      size_t *ret_n)
{
	struct weights w;
	size_t i;

	if (weigh(r, s, ref, n, &w) < 0)
		return -EBADMSG;
	*t = (struct tally){ 0 };
	for (i = 0; i < n && ref[i].rank == ref[0].rank; i++) {
		not_zeroed struct judged j;
		const char *why;

		if (eval_ref(r, s, &ref[i], &j) < 0)
			return -EBADMSG;
		why = j.eval.outcome == RULES_SKIP ? NULL : outweighed(r, &w, &j.st);
		if (why) {
			j.eval.outcome = RULES_SKIP;
			j.eval.why = why;
		}
		tally_add(t, &ref[i], &j);
		if (r->seen)
			r->seen(r->ctx, ref[i].rank ? r->fallback[ref[i].rank - 1] : s->ns, ref[i].statement, &j.eval);
	}
	*ret_n = i;
	return 0;
}

/* What the statements of one namespace come to. */
static int conclude(const struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n,
		    const struct tally *t, struct rules_decision *d)
{
	d->origin = ref->rank ? r->fallback_origin : RULES_OWN;
	d->ns = ref->rank ? r->fallback[ref->rank - 1] : s->ns;
	decide(r, s, t, d);
	if (d->affected && !s->os && repair(r, s, ref, n, d) < 0)
		return -EBADMSG;
	if (d->affected && !d->fixed.n && d->status == FINDING_FIXED)
		d->status = FINDING_AFFECTED;
	if (d->origin != RULES_OWN)
		infer(s, d);
	return 0;
}

static bool is_undecided(const struct rules *r, const struct tally *t, const struct rules_decision *d)
{
	return t->undecided && !d->affected && !t->veto && !(r->no_inferred && d->origin != RULES_OWN);
}

/* All statements about one (package, vulnerability), sorted by rank. The nearest namespace that says anything decides:
 * what a newer branch never had, because it began behind the fix, an older one may well have. */
static int judge_vuln(struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n,
		      const char **ret_undecided)
{
	struct rules_decision d = { .vuln = ref[0].vuln, .statement = ref[0].statement };
	bool any = false;
	not_zeroed struct tally t;
	int ret;

	for (size_t i = 0, count; i < n && !any; i += count) {
		ret = judge_rank(r, s, ref + i, n - i, &t, &count);
		if (ret < 0)
			return ret;
		any = t.any;
		if (!any)
			continue;
		if (conclude(r, s, ref + i, count, &t, &d) < 0)
			return -EBADMSG;
		if (is_undecided(r, &t, &d))
			*ret_undecided = t.why;
	}
	if (r->no_inferred && d.inferred)
		d.affected = false;
	if (d.affected || r->only)
		r->decided(r->ctx, &d);
	return 0;
}

static int add_key(const struct rules *r, struct str ns, uint16_t rank, const struct subject *s, bool source,
		   struct rules_key *keys, size_t *n)
{
	struct str name = source ? package_source(s->p) : s->p->name;
	bool both = str_eq(package_source(s->p), s->p->name);
	struct rules_key k = { .rank = rank, .source = source || both, .binary = !source || both };
	int ret = db_find(r->db, ns, name, &k.key);

	if (s->p->type == PKG_APK) /* secdb has origins and sometimes names */
		k.source = true;
	if (ret == 1)
		keys[(*n)++] = k;
	return ret;
}

static int add_keys(const struct rules *r, struct str ns, uint16_t rank, const struct subject *s,
		    struct rules_key *keys, size_t *n)
{
	int ret = add_key(r, ns, rank, s, true, keys, n);

	if (ret < 0 || str_eq(package_source(s->p), s->p->name))
		return ret;
	return add_key(r, ns, rank, s, false, keys, n);
}

static int compare_refs(const void *va, const void *vb)
{
	const struct rules_ref *a = va, *b = vb;

	if (a->vuln != b->vuln)
		return a->vuln < b->vuln ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return (a->statement > b->statement) - (a->statement < b->statement);
}

static int gather_key(struct rules *r, const struct rules_key *k)
{
	for (uint32_t i = 0; i < k->key.count; i++) {
		uint32_t at = k->key.first + i, vuln;

		if (db_statement_vuln(r->db, at, &vuln) < 0)
			return -EBADMSG;
		if (r->only && vuln != r->only_vuln)
			continue;
		r->refs.v = vec_grow(r->refs.v, r->refs.n, &r->refs.cap, sizeof(*r->refs.v));
		r->refs.v[r->refs.n++] = (struct rules_ref){ vuln, at, k->rank, k->source, k->binary };
	}
	return 0;
}

static int gather(struct rules *r, const struct rules_key *keys, size_t n)
{
	r->refs.n = 0;
	for (size_t i = 0; i < n; i++)
		if (gather_key(r, &keys[i]) < 0)
			return -EBADMSG;
	if (n > 1 && r->refs.n)
		qsort(r->refs.v, r->refs.n, sizeof(*r->refs.v), compare_refs);
	return 0;
}

/* Feeds made of changelogs (scan/feed-name.h calls them "mirror:SUITE"): they mention, they do not judge. */
static void find_hearsay(struct rules *r)
{
	for (size_t i = 0; i < db_feed_count(r->db) && i < RULES_FEEDS_MAX; i++) {
		struct feed_info f;

		r->hearsay[i] = db_feed(r->db, i, &f) == 0 && str_starts(f.name, STR("mirror:"));
		r->any_hearsay |= r->hearsay[i];
	}
}

void rules_init(struct rules *r, const struct db *db, struct str os_ns, bool os_eol)
{
	*r = (struct rules){ .db = db, .os_ns = os_ns, .os_eol = os_eol };
	str_split(os_ns, '+', &r->os_ns, &r->streams);
	r->valid = xcalloc(RULES_VALID_MAX, sizeof(*r->valid));
	find_fallbacks(r);
	find_hearsay(r);
}

bool rules_siblings(const struct inv_package *a, const struct inv_package *b)
{
	return a->p.type == PKG_RPM && b->p.type == PKG_RPM && a->p.source.n && !a->foreign && !b->foreign &&
	       str_eq(a->p.source, b->p.source) && str_eq(a->p.version, b->p.version) &&
	       str_eq(package_source_version(&a->p), package_source_version(&b->p)) && str_eq(a->p.module, b->p.module);
}

bool rules_ask(const struct rules *r, struct str ns)
{
	uint32_t rank;

	return str_eq(r->os_ns, ns) || is_newer_branch(r, ns, &rank) || is_parent(r, ns);
}

void rules_done(struct rules *r)
{
	vec_done(&r->refs);
	free(r->valid);
}

void rules_versions_valid(const struct package *p, bool *ret_version, bool *ret_source_version)
{
	const struct version_scheme *scheme = version_scheme_for(p->type);

	*ret_version = scheme && scheme->valid(p->version);
	*ret_source_version = p->source_version.n ? scheme && scheme->valid(p->source_version) : *ret_version;
}

bool rules_subject_known(const struct rules *r, const struct package *p, bool version_valid, bool source_version_valid,
			 struct subject *ret, const char **ret_why)
{
	const struct pkg_type_row *type = pkg_type_row(p->type);

	*ret = (struct subject){ p, type->is_os ? r->os_ns : str_c(type->ns), version_scheme_for(p->type),
				 type->is_os };
	*ret_why = NULL;
	if (!ret->scheme)
		*ret_why = "kind of package not known";
	else if (type->is_os && !r->os_ns.n)
		*ret_why = "operating system or release not recognised";
	else if (type->is_os && family_of(r->os_ns) != p->type)
		*ret_why = "package manager of another distribution";
	else if (!p->version.n || str_is(p->version, "(devel)"))
		*ret_why = "version unknown";
	if (*ret_why)
		return false;
	ret->version_valid = version_valid;
	ret->source_version_valid = source_version_valid;
	return true;
}

bool rules_subject(const struct rules *r, const struct package *p, struct subject *ret, const char **ret_why)
{
	bool version_valid, source_version_valid;

	rules_versions_valid(p, &version_valid, &source_version_valid);
	return rules_subject_known(r, p, version_valid, source_version_valid, ret, ret_why);
}

int rules_judge(struct rules *r, const struct subject *s, const char **ret_undecided)
{
	not_zeroed struct rules_key keys[KEYS_MAX];
	size_t n = 0;
	int ret = add_keys(r, s->ns, 0, s, keys, &n);

	for (size_t i = 0; ret >= 0 && s->os && i < r->fallbacks; i++)
		ret = add_keys(r, r->fallback[i], (uint16_t)(i + 1), s, keys, &n);
	if (ret < 0 || gather(r, keys, n) < 0)
		return -EBADMSG;
	for (size_t i = 0, count; i < r->refs.n; i += count) {
		for (count = 1; i + count < r->refs.n && r->refs.v[i + count].vuln == r->refs.v[i].vuln;)
			count++;
		ret = judge_vuln(r, s, &r->refs.v[i], count, ret_undecided);
		if (ret < 0)
			return ret;
	}
	return (int)r->refs.n;
}

int rules_speaks(const struct db *db, struct str ns, struct str name, uint32_t vuln)
{
	struct db_key k;
	int r = db_find(db, ns, name, &k);

	for (uint32_t i = 0; r == 1 && i < k.count; i++) {
		uint32_t v;

		if (db_statement_vuln(db, k.first + i, &v) < 0)
			return -EBADMSG;
		if (v == vuln)
			return 1;
	}
	return r < 0 ? r : 0;
}
