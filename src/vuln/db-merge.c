/* db-merge: which ids are one vulnerability. See db-build.h.
 *
 * Ids are nodes, aliases are edges; a withdrawn id has none. Every CVE is a vulnerability of its own and never joined
 * with another. A different id belongs to the CVEs it has a direct edge to: one as a rule, each of them when its record
 * covers several. Ids without such an edge are joined among themselves; such a set belongs to the CVE its neighbours
 * belong to when that is one, and is a vulnerability of its own otherwise. So no chain of aliases joins two CVEs. */
#include "vuln/db-build.h"

#define NO_NODE UINT32_MAX

struct node {
	uint32_t id;	       /* text */
	uint32_t parent;       /* union of the ids without a direct CVE */
	uint32_t first, count; /* its CVEs in `direct` */
	uint32_t primary;      /* without direct CVEs: the node whose id stands for it */
	uint32_t merged;       /* of a primary: number of the vulnerability, NO_NODE while nobody speaks of it */
	bool cve, withdrawn;
};

struct pair {
	uint32_t a, b;
};

struct merge {
	struct db_build *b;
	uint32_t *node_of; /* text -> node + 1 */
	VEC(struct node) nodes;
	VEC(struct pair) direct; /* (node, CVE node), sorted */
	VEC(struct pair) near;	 /* (root of a union, CVE node of a neighbour), sorted */
	VEC(struct pair) names;	 /* (merged vulnerability, text of an alias), sorted */
};

static uint32_t node(struct merge *m, uint32_t id)
{
	uint32_t i = (uint32_t)m->nodes.n;
	struct node *x;

	if (m->node_of[id])
		return m->node_of[id] - 1;
	x = vec_add(&m->nodes);
	*x = (struct node){ .id = id, .parent = i, .primary = NO_NODE, .merged = NO_NODE };
	x->cve = str_starts(intern_str(&m->b->texts, id), STR("CVE-"));
	m->node_of[id] = i + 1;
	return i;
}

static uint32_t root(struct merge *m, uint32_t i)
{
	while (m->nodes.v[i].parent != i) {
		m->nodes.v[i].parent = m->nodes.v[m->nodes.v[i].parent].parent;
		i = m->nodes.v[i].parent;
	}
	return i;
}

static int compare_pairs(const void *va, const void *vb)
{
	const struct pair *a = va, *b = vb;

	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return (a->b > b->b) - (a->b < b->b);
}

/* Sorts and drops doubles; returns how many are left. */
static size_t sort_pairs(struct pair *p, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(p, n, sizeof(*p), compare_pairs);
	for (size_t i = 0; i < n; i++)
		if (!kept || compare_pairs(&p[kept - 1], &p[i]) != 0)
			p[kept++] = p[i];
	return kept;
}

static uint32_t list_word(struct str list, size_t i)
{
	uint32_t w;

	memcpy(&w, list.p + i * sizeof(w), sizeof(w));
	return w;
}

static void add_nodes(struct merge *m)
{
	struct db_build *b = m->b;

	for (size_t i = 0; i < b->statements.n; i++)
		node(m, b->statements.v[i].id);
	for (size_t i = 0; i < b->vulns.n; i++) {
		const struct built_vuln *v = &b->vulns.v[i];
		struct str list = intern_str(&b->lists, v->aliases);
		uint32_t x = node(m, v->id);

		if (v->rating & DB_RATING_WITHDRAWN)
			m->nodes.v[x].withdrawn = true;
		for (size_t k = 0; k < list.n / sizeof(uint32_t); k++)
			node(m, list_word(list, k));
	}
}

typedef void edge_fn(struct merge *m, uint32_t a, uint32_t b);

/* Both directions of every alias between ids that were not taken back. */
static void for_each_edge(struct merge *m, edge_fn *fn)
{
	for (size_t i = 0; i < m->b->vulns.n; i++) {
		const struct built_vuln *v = &m->b->vulns.v[i];
		struct str list = intern_str(&m->b->lists, v->aliases);
		uint32_t a = m->node_of[v->id] - 1;

		for (size_t k = 0; k < list.n / sizeof(uint32_t); k++) {
			uint32_t b = m->node_of[list_word(list, k)] - 1;

			if (a == b || m->nodes.v[a].withdrawn || m->nodes.v[b].withdrawn)
				continue;
			fn(m, a, b);
			fn(m, b, a);
		}
	}
}

static bool lone(const struct node *x)
{
	return !x->cve && !x->count;
}

static void direct_edge(struct merge *m, uint32_t a, uint32_t b)
{
	if (!m->nodes.v[a].cve && m->nodes.v[b].cve)
		vec_push(&m->direct, ((struct pair){ a, b }));
}

static void join_edge(struct merge *m, uint32_t a, uint32_t b)
{
	if (lone(&m->nodes.v[a]) && lone(&m->nodes.v[b]))
		m->nodes.v[root(m, a)].parent = root(m, b);
}

static void near_edge(struct merge *m, uint32_t a, uint32_t b)
{
	const struct node *x = &m->nodes.v[b];

	if (!lone(&m->nodes.v[a]))
		return;
	for (uint32_t i = 0; i < x->count; i++)
		vec_push(&m->near, ((struct pair){ root(m, a), m->direct.v[x->first + i].b }));
}

static void find_direct(struct merge *m)
{
	for_each_edge(m, direct_edge);
	m->direct.n = sort_pairs(m->direct.v, m->direct.n);
	for (uint32_t i = 0; i < m->direct.n; i++) {
		struct node *x = &m->nodes.v[m->direct.v[i].a];

		if (!x->count++)
			x->first = i;
	}
}

/* Which id stands for a vulnerability without a CVE: the earlier row, then the smaller text. */
static unsigned int id_rank(struct str id)
{
	static const struct str order[] = { STR("GHSA-"), STR("PYSEC-"), STR("GO-"), STR("RUSTSEC-") };
	unsigned int i = 0;

	while (i < ARRAY_LEN(order) && !str_starts(id, order[i]))
		i++;
	return i;
}

static bool better_id(const struct merge *m, uint32_t a, uint32_t b)
{
	struct str x = intern_str(&m->b->texts, m->nodes.v[a].id), y = intern_str(&m->b->texts, m->nodes.v[b].id);
	unsigned int i = id_rank(x), j = id_rank(y);

	return i != j ? i < j : str_cmp(x, y) < 0;
}

static void find_primaries(struct merge *m)
{
	for_each_edge(m, join_edge);
	for_each_edge(m, near_edge);
	m->near.n = sort_pairs(m->near.v, m->near.n);
	for (uint32_t i = 0; i < m->nodes.n; i++) {
		struct node *x = &m->nodes.v[i];
		struct node *r = &m->nodes.v[root(m, i)];

		if (x->cve)
			x->primary = i;
		else if (lone(x) && (r->primary == NO_NODE || better_id(m, i, r->primary)))
			r->primary = i;
	}
	for (size_t i = 0, n; i < m->near.n; i += n) {
		for (n = 1; i + n < m->near.n && m->near.v[i + n].a == m->near.v[i].a;)
			n++;
		if (n == 1)
			m->nodes.v[m->near.v[i].a].primary = m->near.v[i].b;
	}
	for (uint32_t i = 0; i < m->nodes.n; i++)
		m->nodes.v[i].primary = m->nodes.v[root(m, i)].primary;
}

/* The primary nodes of a node. */
static size_t primary_count(const struct node *x)
{
	return x->count ? x->count : 1;
}

static uint32_t primary_at(const struct merge *m, const struct node *x, size_t i)
{
	return x->count ? m->direct.v[x->first + i].b : x->primary;
}

/* The number of the vulnerability a primary id stands for, made at the first call. */
static uint32_t merged(struct merge *m, uint32_t primary)
{
	struct node *x = &m->nodes.v[primary];
	struct db_build *b = m->b;

	if (x->merged == NO_NODE) {
		x->merged = (uint32_t)b->merged.n;
		vec_push(&b->merged, ((struct built_vuln){
					     .id = x->id,
					     .epss = DB_EPSS_UNKNOWN,
					     .percentile = DB_EPSS_UNKNOWN,
					     .rating = DB_RATING_SCORE | (x->withdrawn ? DB_RATING_WITHDRAWN : 0),
				     }));
	}
	return x->merged;
}

/* The body with the feed's own id in it, where that is not the vulnerability's. */
static uint32_t body_said(struct db_build *b, uint32_t body, uint32_t said)
{
	uint32_t words[BODY_WORDS];

	memcpy(words, b->bodies.all.v[body].p, sizeof(words));
	words[BODY_SAID] = said;
	return intern_put(&b->bodies, words, sizeof(words));
}

static void resolve_statements(struct merge *m)
{
	struct db_build *b = m->b;

	for (size_t i = 0; i < b->statements.n; i++) {
		struct built_statement s = b->statements.v[i];
		const struct node *x = &m->nodes.v[m->node_of[s.id] - 1];

		if (x->withdrawn) {
			merged(m, x->primary); /* so that explain can tell */
			continue;
		}
		for (size_t k = 0; k < primary_count(x); k++) {
			uint32_t primary = primary_at(m, x, k);
			bool own = m->nodes.v[primary].id == s.id;

			vec_push(&b->resolved, ((struct built_statement){
						       .key = s.key,
						       .body = own || s.body == 0 ? s.body : body_said(b, s.body, s.id),
						       .id = merged(m, primary),
					       }));
		}
	}
}

/* Values that several records give: the record of the primary id decides, then the smaller id, then the larger value.
 */
enum { CHOICE_TITLE, CHOICE_CVSS, CHOICE_SEVERITY, CHOICE_COUNT };

struct choices {
	uint32_t by[CHOICE_COUNT]; /* record + 1 */
};

static bool has_value(const struct built_vuln *v, int field)
{
	if (field == CHOICE_TITLE)
		return v->title;
	if (field == CHOICE_CVSS)
		return (v->rating & DB_RATING_SCORE) != DB_RATING_SCORE;
	return v->rating & DB_RATING_SEVERITY;
}

static int compare_masked(uint32_t a, uint32_t b, uint32_t mask)
{
	return ((a & mask) > (b & mask)) - ((a & mask) < (b & mask));
}

static int compare_value(const struct db_build *b, int field, const struct built_vuln *x, const struct built_vuln *y)
{
	int r;

	if (field == CHOICE_TITLE)
		return str_cmp(intern_str(&b->texts, x->title), intern_str(&b->texts, y->title));
	if (field == CHOICE_SEVERITY)
		return compare_masked(x->rating, y->rating, DB_RATING_SEVERITY);
	r = compare_masked(x->rating, y->rating, DB_RATING_SCORE);
	return r ? r : str_cmp(intern_str(&b->texts, x->vector), intern_str(&b->texts, y->vector));
}

static bool better_record(const struct db_build *b, int field, uint32_t primary, const struct built_vuln *x,
			  const struct built_vuln *y)
{
	if (x->id == y->id)
		return compare_value(b, field, x, y) > 0;
	if (x->id == primary || y->id == primary)
		return x->id == primary;
	return str_cmp(intern_str(&b->texts, x->id), intern_str(&b->texts, y->id)) < 0;
}

static uint32_t smaller_text(const struct db_build *b, uint32_t x, uint32_t y)
{
	if (!x || !y)
		return x ? x : y;
	return str_cmp(intern_str(&b->texts, x), intern_str(&b->texts, y)) < 0 ? x : y;
}

/* The larger of two shares, the unknown being the least. */
static uint32_t larger_share(uint32_t x, uint32_t y)
{
	return x + 1 > y + 1 ? x : y;
}

static void merge_record(struct merge *m, uint32_t record, uint32_t into, struct choices *c)
{
	struct db_build *b = m->b;
	const struct built_vuln *v = &b->vulns.v[record];
	struct built_vuln *to = &b->merged.v[into];
	struct str cwes = intern_str(&b->lists, v->cwes);

	for (int f = 0; f < CHOICE_COUNT; f++) {
		uint32_t now = c->by[f];

		if (has_value(v, f) && (!now || better_record(b, f, to->id, v, &b->vulns.v[now - 1])))
			c->by[f] = record + 1;
	}
	to->published = smaller_text(b, to->published, v->published);
	to->kev_date = smaller_text(b, to->kev_date, v->kev_date);
	to->epss = larger_share(to->epss, v->epss);
	to->percentile = larger_share(to->percentile, v->percentile);
	to->rating |= v->rating & DB_RATING_KEV;
	for (size_t k = 0; k < cwes.n / sizeof(uint32_t); k++)
		vec_push(&m->names, ((struct pair){ into, list_word(cwes, k) }));
}

static void apply_choices(struct db_build *b, struct built_vuln *to, const struct choices *c)
{
	if (c->by[CHOICE_TITLE])
		to->title = b->vulns.v[c->by[CHOICE_TITLE] - 1].title;
	if (c->by[CHOICE_CVSS]) {
		const struct built_vuln *v = &b->vulns.v[c->by[CHOICE_CVSS] - 1];

		to->vector = v->vector;
		to->rating = (to->rating & ~DB_RATING_SCORE) | (v->rating & DB_RATING_SCORE);
	}
	if (c->by[CHOICE_SEVERITY])
		to->rating |= b->vulns.v[c->by[CHOICE_SEVERITY] - 1].rating & DB_RATING_SEVERITY;
}

static int compare_texts(const void *va, const void *vb, void *ctx)
{
	const struct db_build *b = ctx;

	return str_cmp(intern_str(&b->texts, *(const uint32_t *)va), intern_str(&b->texts, *(const uint32_t *)vb));
}

/* Turns m->names into one sorted list per vulnerability. */
static void make_lists(struct merge *m, size_t member)
{
	struct db_build *b = m->b;

	m->names.n = sort_pairs(m->names.v, m->names.n);
	for (size_t i = 0, n; i < m->names.n; i += n) {
		uint32_t list;

		b->words.n = 0;
		for (n = 0; i + n < m->names.n && m->names.v[i + n].a == m->names.v[i].a; n++)
			vec_push(&b->words, m->names.v[i + n].b);
		qsort_r(b->words.v, n, sizeof(*b->words.v), compare_texts, b);
		list = intern_put(&b->lists, b->words.v, n * sizeof(*b->words.v));
		memcpy((char *)&b->merged.v[m->names.v[i].a] + member, &list, sizeof(list));
	}
	m->names.n = 0;
}

static void merge_records(struct merge *m)
{
	struct db_build *b = m->b;
	auto_free struct choices *choices = xcalloc(b->merged.n, sizeof(*choices));

	for (uint32_t i = 0; i < b->vulns.n; i++) {
		const struct node *x = &m->nodes.v[m->node_of[b->vulns.v[i].id] - 1];

		for (size_t k = 0; k < primary_count(x); k++) {
			uint32_t into = m->nodes.v[primary_at(m, x, k)].merged;

			if (into != NO_NODE)
				merge_record(m, i, into, &choices[into]);
		}
	}
	for (size_t i = 0; i < b->merged.n; i++)
		apply_choices(b, &b->merged.v[i], &choices[i]);
	make_lists(m, offsetof(struct built_vuln, cwes));
}

static void merge_aliases(struct merge *m)
{
	for (size_t i = 0; i < m->nodes.n; i++) {
		const struct node *x = &m->nodes.v[i];

		for (size_t k = 0; k < primary_count(x); k++) {
			const struct node *to = &m->nodes.v[primary_at(m, x, k)];

			if (to != x && to->merged != NO_NODE)
				vec_push(&m->names, ((struct pair){ to->merged, x->id }));
		}
	}
	make_lists(m, offsetof(struct built_vuln, aliases));
}

void db_merge(struct db_build *b)
{
	struct merge m = { .b = b, .node_of = xcalloc(b->texts.all.n, sizeof(uint32_t)) };

	add_nodes(&m);
	find_direct(&m);
	find_primaries(&m);
	resolve_statements(&m);
	merge_records(&m);
	merge_aliases(&m);
	free(m.node_of);
	vec_done(&m.nodes);
	vec_done(&m.direct);
	vec_done(&m.near);
	vec_done(&m.names);
}
