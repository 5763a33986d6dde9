/* rules: the matching rules of docs/matching.md. See rules.h. */
#include "vuln/rules-part.h"

#include "base/num.h"

#define KEYS_MAX (2 * (1 + RULES_FALLBACKS_MAX)) /* source and binary name in every namespace */

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

static void tally_subscription(struct tally *t, const struct rules_versions *v, struct chosen at,
			       const struct rules_eval *eval)
{
	if (eval->outcome == RULES_CLEARED)
		t->esm_cleared = true;
	if (eval->outcome == RULES_FIX && (!t->esm || rules_compare(v, eval->fix, t->esm_fixed) > 0)) {
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

static void tally_add(struct tally *t, const struct rules_ref *ref, const struct rules_judged *j)
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
	if (eval->outcome == RULES_FIX && (!t->fix || rules_compare(&j->v, eval->fix, t->fixed) > 0)) {
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
		not_zeroed struct rules_judged j;

		if (!r->streams.n && (heard <= 0 || ret->judged))
			break;
		if (rules_eval_ref(r, s, &ref[i], &j) < 0)
			return -EBADMSG;
		ret->judged |= heard > 0 && !rules_hearsay(r, j.st.feed) && is_settled(j.eval.outcome);
		ret->streamed |=
			rules_own_stream(r, &j.st.a) && (is_settled(j.eval.outcome) || j.eval.outcome == RULES_OPEN);
	}
	r->stream_spoke |= ret->streamed;
	return heard < 0 ? heard : 0;
}

/* Why a statement does not count beside the others, NULL when it does. */
static const char *outweighed(const struct rules *r, const struct weights *w, const struct db_statement *st)
{
	if (w->judged && rules_hearsay(r, st->feed))
		return "a changelog's mention, where a feed judges";
	if (w->streamed && !rules_own_stream(r, &st->a))
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
		not_zeroed struct rules_judged j;
		const char *why;

		if (rules_eval_ref(r, s, &ref[i], &j) < 0)
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
	if (d->affected && !s->os && rules_repair(r, s, ref, n, d) < 0)
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

/* One namespace and name that may have statements about the subject. */
struct asked_key {
	struct db_key key;
	uint16_t rank;
	bool source, binary;
};

static int add_key(const struct rules *r, struct str ns, uint16_t rank, const struct subject *s, bool source,
		   struct asked_key *keys, size_t *n)
{
	struct str name = source ? package_source(s->p) : s->p->name;
	bool both = str_eq(package_source(s->p), s->p->name);
	struct asked_key k = { .rank = rank, .source = source || both, .binary = !source || both };
	int ret = db_find(r->db, ns, name, &k.key);

	if (s->p->type == PKG_APK) /* secdb has origins and sometimes names */
		k.source = true;
	if (ret == 1)
		keys[(*n)++] = k;
	return ret;
}

static int add_keys(const struct rules *r, struct str ns, uint16_t rank, const struct subject *s,
		    struct asked_key *keys, size_t *n)
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

static int gather_key(struct rules *r, const struct asked_key *k)
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

static int gather(struct rules *r, const struct asked_key *keys, size_t n)
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
	not_zeroed struct asked_key keys[KEYS_MAX];
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
