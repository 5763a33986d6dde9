/* match: an inventory against the database. See match.h; the rules themselves are rules.c. */
#include "vuln/match.h"

#include "vuln/rules.h"

#define SAMPLED_MAX 1000 /* of one namespace: few feeds make one, and those behind findings are marked anyway */
#define TRIM_EVERY 16	 /* packages or findings: then the memory of the database is looked at */

/* Feeds about vulnerabilities whoever has them: by these, findings are rated. */
static const char *const rating_feeds[] = { "kev", "epss", "cve" };

/* One verdict, before it becomes a finding. */
struct hit {
	uint32_t package;
	struct rules_decision d;
};

struct matching {
	const struct db *db;
	struct inventory *inv;
	struct verdict *verdict;
	struct rules rules;
	VEC(struct hit) hits;
	uint32_t package; /* being judged */
	struct str sampled_ns;
	size_t sampled; /* packages and statements of that namespace looked at for the feeds behind them */
	/* Whether changelogs, and whether feeds that judge, know packages of the distribution. */
	bool os_mentioned, os_judged;
};

static void note(struct matching *m, const struct inv_package *p, const char *why)
{
	char what[256];

	snprintf(what, sizeof(what), "package " STR_FMT, STR_ARG(str_head(p->p.name, 200)));
	inventory_note(m->inv, str_c(what), p->path, p->layer, "%s", why);
}

static void note_unjudged(struct matching *m, const struct inv_package *p, const char *why)
{
	m->verdict->unjudged++;
	note(m, p, why);
}

static void decided(void *ctx, const struct rules_decision *d)
{
	struct matching *m = ctx;

	if (d->affected)
		vec_push(&m->hits, ((struct hit){ m->package, *d }));
}

/* The distribution answers for what its packages bring along, provided that it says anything here. */
static bool distro_answers(const struct matching *m)
{
	return m->rules.os_ns.n && db_has_ns(m->db, m->rules.os_ns);
}

static bool left_to_distro(const struct matching *m, const struct inv_package *p)
{
	return !pkg_type_row(p->p.type)->is_os && p->owner != NO_OWNER && !p->owner_foreign && distro_answers(m);
}

/* What could not be read of a file that the distribution answers for is no gap. */
static void drop_distro_notes(struct matching *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->inv->notes.n; i++)
		if (!m->inv->notes.v[i].distro_owned)
			m->inv->notes.v[n++] = m->inv->notes.v[i];
	m->inv->notes.n = n;
}

/* Marks the feeds that speak of this package. Packages of one namespace stand together. */
static int sample_feeds(struct matching *m, const struct subject *s)
{
	struct str name = s->os ? package_source(s->p) : s->p->name;
	struct db_key k;
	int r;

	if (!str_eq(m->sampled_ns, s->ns)) {
		m->sampled_ns = s->ns;
		m->sampled = 0;
	}
	if (m->sampled >= SAMPLED_MAX)
		return 0;
	m->sampled++;
	r = db_find(m->db, s->ns, name, &k);
	for (uint32_t i = 0; r > 0 && i < k.count && m->sampled < SAMPLED_MAX; i++, m->sampled++) {
		struct db_statement st;

		if (db_statement_brief(m->db, k.first + i, &st) < 0 || st.feed >= m->verdict->feeds.n)
			return -EBADMSG;
		m->verdict->feeds.v[st.feed].consulted = true;
		m->os_mentioned |= s->os && rules_hearsay(&m->rules, st.feed);
		m->os_judged |= s->os && !rules_hearsay(&m->rules, st.feed);
	}
	return r < 0 ? r : 0;
}

/* Judges one package; what cannot be judged becomes a note. */
static int judge_package(struct matching *m, uint32_t i)
{
	const struct inv_package *p = &m->inv->packages.v[i];
	const char *why = NULL, *undecided = NULL;
	struct subject s;
	int r;

	m->package = i;
	if (left_to_distro(m, p)) {
		m->verdict->distro_judged++;
		return 0;
	}
	if (!rules_subject(&m->rules, &p->p, &s, &why)) {
		note_unjudged(m, p, why);
		return 0;
	}
	if (p->foreign) {
		note_unjudged(m, p, "not built by the distribution: its advisories are not about this package");
		return 0;
	}
	if (!db_has_ns(m->db, s.ns)) {
		char text[160];

		snprintf(text, sizeof(text), "no advisories for " STR_FMT " in the database",
			 STR_ARG(str_head(s.ns, 100)));
		if (!s.os || !m->rules.fallbacks) {
			note_unjudged(m, p, text);
			return 0;
		}
		note(m, p, text); /* other namespaces may still know something */
	}
	r = sample_feeds(m, &s);
	if (r == 0)
		r = rules_judge(&m->rules, &s, &undecided);
	if (undecided)
		note(m, p, undecided);
	return r;
}

static int compare_siblings(const void *va, const void *vb, void *ctx)
{
	const struct inv_package *all = ctx;
	uint32_t i = *(const uint32_t *)va, j = *(const uint32_t *)vb;
	const struct inv_package *a = &all[i], *b = &all[j];
	int r = str_cmp(a->p.source, b->p.source);

	r = r ? r : str_cmp(a->p.version, b->p.version);
	r = r ? r : str_cmp(package_source_version(&a->p), package_source_version(&b->p));
	r = r ? r : str_cmp(a->p.module, b->p.module);
	return r ? r : (i > j) - (i < j);
}

static int compare_hits(const void *va, const void *vb)
{
	const struct hit *a = va, *b = vb;

	if (a->package != b->package)
		return a->package < b->package ? -1 : 1;
	return (a->d.vuln > b->d.vuln) - (a->d.vuln < b->d.vuln);
}

/* The hits of one package among the first n, which are sorted. */
static size_t first_hit(const struct matching *m, size_t n, uint32_t package)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->hits.v[middle].package < package)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Gives one package what its sibling has, where no statement names it. */
static int lend_hits(struct matching *m, size_t known, uint32_t from, uint32_t to)
{
	for (size_t i = first_hit(m, known, from); i < known && m->hits.v[i].package == from; i++) {
		struct hit h = m->hits.v[i];
		int r;

		if (h.d.origin != RULES_OWN)
			continue;
		r = rules_speaks(m->db, h.d.ns, m->inv->packages.v[to].p.name, h.d.vuln);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		h.package = to;
		h.d.inferred = true;
		vec_push(&m->hits, h);
	}
	return 0;
}

/* Which of two verdicts on one package stays: one that knows a fix, else the first statement's. */
static bool better_hit(const struct hit *a, const struct hit *b)
{
	bool a_fix = a->d.status == FINDING_FIXED, b_fix = b->d.status == FINDING_FIXED;

	return a_fix != b_fix ? a_fix : a->d.statement < b->d.statement;
}

/* Drops what several siblings lent. */
static void drop_doubles(struct matching *m)
{
	size_t n = 0;

	if (m->hits.n)
		qsort(m->hits.v, m->hits.n, sizeof(*m->hits.v), compare_hits);
	for (size_t i = 0; i < m->hits.n; i++) {
		if (n && compare_hits(&m->hits.v[n - 1], &m->hits.v[i]) == 0) {
			if (better_hit(&m->hits.v[i], &m->hits.v[n - 1]))
				m->hits.v[n - 1] = m->hits.v[i];
			continue;
		}
		m->hits.v[n++] = m->hits.v[i];
	}
	m->hits.n = n;
}

static int infer_siblings(struct matching *m)
{
	const struct inv_package *all = m->inv->packages.v;
	size_t n = m->inv->packages.n, known = m->hits.n;
	auto_free uint32_t *order = xcalloc(n, sizeof(*order));
	int r = 0;

	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	if (n)
		qsort_r(order, n, sizeof(*order), compare_siblings, m->inv->packages.v);
	for (size_t i = 0, count; i < n; i += count) {
		for (count = 1; i + count < n && rules_siblings(&all[order[i]], &all[order[i + count]]);)
			count++;
		for (size_t a = i; a < i + count && count > 1; a++)
			for (size_t b = i; b < i + count && r >= 0; b++)
				r = a == b ? 0 : lend_hits(m, known, order[a], order[b]);
	}
	drop_doubles(m);
	return r;
}

/* After the i-th package or finding. */
static void trim(const struct matching *m, size_t i)
{
	if (i % TRIM_EVERY == TRIM_EVERY - 1)
		db_trim(m->db);
}

static int judge_all(struct matching *m)
{
	for (uint32_t i = 0; i < m->inv->packages.n; i++) {
		int r = judge_package(m, i);

		if (r < 0)
			return r;
		trim(m, i);
	}
	return m->rules.no_inferred ? 0 : infer_siblings(m);
}

static int copy_aliases(struct matching *m, const struct db_vuln *v, struct finding *f)
{
	struct str *a = arena_array(&m->verdict->arena, struct str, v->info.alias_count);

	for (size_t i = 0; i < v->info.alias_count; i++)
		if (db_alias(m->db, v, i, &a[i]) < 0)
			return -EBADMSG;
	f->aliases = a;
	f->alias_count = v->info.alias_count;
	return 0;
}

/* The vendor's rating first, then the score, then what the record says without saying who. */
static void rate(struct finding *f, const struct vuln_info *v, const struct advisory *a)
{
	f->unimportant = a->unimportant;
	if (a->severity != SEV_UNKNOWN || a->unimportant) {
		f->severity = a->severity != SEV_UNKNOWN ? a->severity : SEV_NEGLIGIBLE;
		f->severity_source = f->feed;
	} else if (v->cvss_score >= 0) {
		f->severity = severity_of_cvss(v->cvss_score);
		f->severity_source = STR("cvss");
	} else if (v->severity != SEV_UNKNOWN) {
		f->severity = v->severity;
		f->severity_source = STR("advisory");
	}
}

static int add_finding(struct matching *m, const struct hit *h)
{
	struct finding *f = vec_add(&m->verdict->findings);
	struct db_statement st;
	struct feed_info feed;
	struct db_vuln v;

	if (db_vuln(m->db, h->d.vuln, &v) < 0 || db_statement(m->db, h->d.statement, &st) < 0 ||
	    db_feed(m->db, st.feed, &feed) < 0 || copy_aliases(m, &v, f) < 0)
		return -EBADMSG;
	f->package = h->package;
	f->id = v.info.id;
	f->status = h->d.status;
	f->fixed = h->d.fixed;
	f->cvss_vector = v.info.cvss_vector;
	f->cvss_score = v.info.cvss_score;
	f->epss = v.info.epss;
	f->epss_percentile = v.info.epss_percentile;
	f->kev = v.info.kev;
	f->title = v.info.title;
	f->bulletin = st.a.bulletin;
	f->ns = arena_str(&m->verdict->arena, h->d.ns);
	f->feed = feed.name;
	m->verdict->feeds.v[st.feed].consulted = true; /* its index was good for db_feed() */
	f->reason = st.a.reason;
	f->channel = st.a.channel;
	f->inferred = h->d.inferred;
	rate(f, &v.info, &st.a);
	return 0;
}

static int compare_findings(const void *va, const void *vb)
{
	const struct finding *a = va, *b = vb;

	if (a->package != b->package)
		return a->package < b->package ? -1 : 1;
	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	return str_cmp(a->id, b->id);
}

/* Feeds named like "kev" or "cve:...". */
static bool rates(struct str feed)
{
	struct str name = feed, rest;

	str_split(feed, ':', &name, &rest);
	for (size_t i = 0; i < ARRAY_LEN(rating_feeds); i++)
		if (str_is(name, rating_feeds[i]))
			return true;
	return false;
}

static int make_findings(struct matching *m)
{
	struct verdict *v = m->verdict;

	for (size_t i = 0; i < v->feeds.n && m->hits.n; i++)
		v->feeds.v[i].consulted |= rates(v->feeds.v[i].name);

	for (size_t i = 0; i < m->hits.n; i++) {
		if (add_finding(m, &m->hits.v[i]) < 0)
			return -EBADMSG;
		trim(m, i);
	}
	if (v->findings.n)
		qsort(v->findings.v, v->findings.n, sizeof(*v->findings.v), compare_findings);
	return 0;
}

static int copy_feeds(struct matching *m)
{
	for (size_t i = 0; i < db_feed_count(m->db); i++)
		if (db_feed(m->db, i, vec_add(&m->verdict->feeds)) < 0)
			return -EBADMSG;
	m->verdict->database = db_digest(m->db);
	m->verdict->database_built = db_built(m->db);
	return 0;
}

static bool any_os_package(const struct inventory *inv)
{
	for (size_t i = 0; i < inv->packages.n; i++)
		if (pkg_type_row(inv->packages.v[i].p.type)->is_os)
			return true;
	return false;
}

static void note_release(struct matching *m)
{
	if (m->inv->os_eol_known && m->inv->os_eol && any_os_package(m->inv))
		inventory_note(m->inv, STR("release"), STR_NONE, NO_LAYER,
			       STR_FMT " is end of life: what was found later is not in its advisories",
			       STR_ARG(m->inv->os_ns));
}

/* A changelog says what was repaired, never what is open. */
static void note_mentions(struct matching *m)
{
	if (m->os_mentioned && !m->os_judged)
		inventory_note(m->inv, STR("release"), STR_NONE, NO_LAYER,
			       STR_FMT " is known by changelogs alone: vulnerabilities without a fix are not in them",
			       STR_ARG(m->inv->os_ns));
}

/* The release's own fixes come with other versions. */
static void note_streams(struct matching *m)
{
	if (m->rules.streams.n && !m->rules.stream_spoke && any_os_package(m->inv))
		inventory_note(m->inv, STR("release"), STR_NONE, NO_LAYER,
			       "no advisory of extended support (" STR_FMT
			       ") is about these packages: they are compared "
			       "with the release's own fixes",
			       STR_ARG(m->rules.streams));
}

/* No package is not the same as no vulnerability: a program that was copied in says nothing of itself. */
static void note_nothing(struct matching *m)
{
	if (!m->inv->packages.n)
		inventory_note(m->inv, STR("target"), STR_NONE, NO_LAYER, "no packages were found in it");
}

static void note_no_database(struct matching *m)
{
	for (size_t i = 0; i < m->inv->packages.n; i++)
		note_unjudged(m, &m->inv->packages.v[i], "there is no vulnerability database");
}

int match_inventory(const struct db *db, struct inventory *inv, const struct match_options *options,
		    struct verdict *ret, struct err *e)
{
	struct matching m = { .db = db, .inv = inv, .verdict = ret };
	int r;

	ret->inventory = inv;
	note_release(&m);
	note_nothing(&m);
	if (!db) {
		note_no_database(&m);
		inventory_sort(inv);
		return 0;
	}
	inventory_sort(inv);
	rules_init(&m.rules, db, inv->os_ns, inv->os_eol_known && inv->os_eol);
	m.rules.pro_attached = options->pro_attached;
	m.rules.no_inferred = options->no_inferred;
	m.rules.decided = decided;
	m.rules.ctx = &m;
	if (distro_answers(&m))
		drop_distro_notes(&m);
	r = copy_feeds(&m);
	if (r == 0)
		r = judge_all(&m);
	if (r >= 0)
		r = make_findings(&m);
	note_mentions(&m);
	note_streams(&m);
	rules_done(&m.rules);
	vec_done(&m.hits);
	inventory_sort(inv);
	return r < 0 ? err_set(e, r, "database is damaged: build it again") : 0;
}
