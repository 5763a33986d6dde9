/* rematch: distinct packages judged once. See rematch.h.
 *
 * A pass over 300,000 packages waits for memory more than it computes. So packages are copied, texts and all, into the
 * order of their key's hash, which is the order of the database: both are read from front to back. What lies anywhere
 * in the database is asked for some packages ahead, step by step (db_expect()). */
#include "vuln/rematch.h"

#include "vuln/db-format.h"
#include "vuln/name.h"
#include "vuln/rules.h"

#define AHEAD 2 /* packages between two steps of db_expect() */
#define HOLDERS_AHEAD 4
#define NEAR 12
#define FAR 16
#define CACHE_LINE_BYTES 64

struct name_row {
	uint32_t hash;	/* of the canonical name */
	uint32_t place; /* of the package in `order` */
};

/* A package as it is judged. */
struct ordered {
	uint64_t hash; /* of its key: namespace and source */
	uint32_t i;    /* its number */
	uint8_t valid; /* bits, see below */
	struct rematch_package p;
};

struct rematch_index {
	struct ordered *order;	/* by hash */
	struct arena texts;	/* of the packages in `order`, in that order */
	struct name_row *names; /* by hash: name and source of each package */
	size_t name_count;
	uint32_t *first_name; /* high bits of a hash -> its first row in names; one more at the end */
	unsigned int name_shift;
	uint32_t *first;   /* package -> its first in holders; one more at the end */
	uint32_t *holders; /* inventories */
};

#define VALID_VERSION 1u
#define VALID_SOURCE_VERSION 2u

struct rematching {
	const struct db *db;
	const struct rematch_set *set;
	struct rules *rules;	 /* one per os */
	struct rematch_sum *now; /* of the package being judged */
	bool damaged;
};

static void decided(void *ctx, const struct rules_decision *d)
{
	struct rematching *m = ctx;
	enum severity severity = d->severity;
	struct db_brief v;

	if (!d->affected)
		return;
	if (db_brief(m->db, d->vuln, &v) < 0) {
		m->damaged = true;
		return;
	}
	if (severity == SEV_UNKNOWN)
		severity = d->unimportant ? SEV_NEGLIGIBLE : v.severity;
	/* A sum: the order of the statements does not show. */
	m->now->hash += str_hash(d->fixed, (uint64_t)v.id_hash << 32 | (uint64_t)d->status << 8 |
						   (uint64_t)severity << 1 | d->inferred);
	if (m->now->findings[severity] < UINT16_MAX)
		m->now->findings[severity]++;
}

static int judge(struct rematching *m, const struct ordered *o, struct rematch_sum *ret)
{
	struct rules *rules = &m->rules[o->p.os];
	const char *why;
	struct subject s;

	*ret = (struct rematch_sum){ 0 };
	m->now = ret;
	if (!rules_subject_known(rules, &o->p.p, o->valid & VALID_VERSION, o->valid & VALID_SOURCE_VERSION, &s, &why))
		return 0;
	return rules_judge(rules, &s, &why) < 0 || m->damaged ? -EBADMSG : 0;
}

static void start(struct rematching *m, const struct db *db, const struct rematch_set *set,
		  const struct match_options *options)
{
	*m = (struct rematching){ .db = db, .set = set, .rules = xcalloc(set->os_count, sizeof(*m->rules)) };
	for (size_t i = 0; i < set->os_count; i++) {
		struct rules *r = &m->rules[i];

		rules_init(r, db, set->os[i].ns, set->os[i].eol);
		r->pro_attached = options->pro_attached;
		r->no_inferred = options->no_inferred;
		r->decided = decided;
		r->ctx = m;
	}
}

static int finish(struct rematching *m, int r, struct err *e)
{
	for (size_t i = 0; i < m->set->os_count; i++)
		rules_done(&m->rules[i]);
	free(m->rules);
	return r < 0 ? err_set(e, r, "database is damaged: build it again") : r;
}

static struct str ns_of(const struct rematch_set *set, const struct rematch_package *p)
{
	const struct pkg_type_row *type = pkg_type_row(p->p.type);

	return type->is_os ? set->os[p->os].ns : str_c(type->ns);
}

static uint32_t name_hash(struct str ns, struct str name)
{
	not_zeroed char room[NAME_BYTES_MAX];

	return (uint32_t)str_hash(name_canonical(ns, name, room), 0);
}

static int compare_name_rows(const void *va, const void *vb)
{
	const struct name_row *a = va, *b = vb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

/* One row for about every name: hashes are spread evenly, so that a name is found in one step or two. */
static void index_first_names(struct rematch_index *x)
{
	unsigned int bits = 1;
	size_t row = 0, rows;

	while (bits < 31 && (size_t)1 << bits < x->name_count)
		bits++;
	rows = (size_t)1 << bits;
	x->name_shift = 32 - bits;
	x->first_name = xcalloc(rows + 1, sizeof(*x->first_name));
	for (size_t i = 0; i < x->name_count; i++)
		while (row <= x->names[i].hash >> x->name_shift)
			x->first_name[row++] = (uint32_t)i;
	while (row <= rows)
		x->first_name[row++] = (uint32_t)x->name_count;
}

static void index_names(struct rematch_index *x, const struct rematch_set *set)
{
	x->names = xcalloc(2 * set->package_count, sizeof(*x->names));
	for (uint32_t i = 0; i < set->package_count; i++) {
		const struct rematch_package *p = &x->order[i].p;
		struct str ns = ns_of(set, p);

		x->names[x->name_count++] = (struct name_row){ name_hash(ns, p->p.name), i };
		if (p->p.source.n && !str_eq(p->p.source, p->p.name))
			x->names[x->name_count++] = (struct name_row){ name_hash(ns, p->p.source), i };
	}
	if (x->name_count)
		qsort(x->names, x->name_count, sizeof(*x->names), compare_name_rows);
	index_first_names(x);
}

struct row {
	uint64_t hash;
	uint32_t i;
};

static int compare_rows(const void *va, const void *vb)
{
	const struct row *a = va, *b = vb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->i > b->i) - (a->i < b->i);
}

static struct str keep(struct arena *a, struct str s)
{
	return s.n ? arena_str(a, s) : STR_NONE;
}

/* Only what rules look at. */
static struct package keep_package(struct arena *a, const struct package *p)
{
	return (struct package){ .type = p->type,
				 .name = keep(a, p->name),
				 .version = keep(a, p->version),
				 .arch = keep(a, p->arch),
				 .source = keep(a, p->source),
				 .source_version = keep(a, p->source_version),
				 .module = keep(a, p->module) };
}

static uint8_t versions_valid(const struct package *p)
{
	bool version, source;

	rules_versions_valid(p, &version, &source);
	return (uint8_t)((version ? VALID_VERSION : 0) | (source ? VALID_SOURCE_VERSION : 0));
}

static void index_order(struct rematch_index *x, const struct rematch_set *set)
{
	auto_free struct row *rows = xcalloc(set->package_count, sizeof(*rows));

	for (uint32_t i = 0; i < set->package_count; i++) {
		const struct rematch_package *p = &set->packages[i];
		not_zeroed char room[NAME_BYTES_MAX];
		struct str ns = ns_of(set, p);

		rows[i] = (struct row){ db_key_hash(ns, name_canonical(ns, package_source(&p->p), room)), i };
	}
	if (set->package_count)
		qsort(rows, set->package_count, sizeof(*rows), compare_rows);
	x->order = xcalloc(set->package_count, sizeof(*x->order));
	for (uint32_t k = 0; k < set->package_count; k++) {
		const struct rematch_package *p = &set->packages[rows[k].i];

		x->order[k] = (struct ordered){
			rows[k].hash, rows[k].i, versions_valid(&p->p), { keep_package(&x->texts, &p->p), p->os }
		};
	}
}

static void index_holders(struct rematch_index *x, const struct rematch_set *set)
{
	auto_free uint32_t *at = xcalloc(set->package_count + 1, sizeof(*at));

	x->first = xcalloc(set->package_count + 1, sizeof(*x->first));
	for (size_t i = 0; i < set->inventory_count; i++)
		for (size_t k = 0; k < set->inventories[i].count; k++)
			x->first[set->inventories[i].packages[k] + 1]++;
	for (size_t i = 0; i < set->package_count; i++) {
		x->first[i + 1] += x->first[i];
		at[i] = x->first[i];
	}
	x->holders = xcalloc(x->first[set->package_count], sizeof(*x->holders));
	for (uint32_t i = 0; i < set->inventory_count; i++)
		for (size_t k = 0; k < set->inventories[i].count; k++)
			x->holders[at[set->inventories[i].packages[k]]++] = i;
}

/* ---- adding up ----
 *
 * Nineteen million numbers for 10,000 inventories: what is added lies in eight bytes a package, all of which fit into
 * the cache, and eight sums go side by side. */

typedef uint8_t few_t __attribute__((vector_size(REMATCH_SEVERITIES)));
typedef uint16_t some_t __attribute__((vector_size(2 * REMATCH_SEVERITIES)));
#define FEW_AT_ONCE 257 /* of them fit into a sum of 16 bits: 257 * 255 = 65,535 */

/* The counts of all packages, or NULL when one has more than fit. */
static few_t *few_of(const struct rematch_sum *packages, size_t n)
{
	few_t *few = xcalloc(n, sizeof(*few));

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < REMATCH_SEVERITIES; k++) {
			if (packages[i].findings[k] > UINT8_MAX) {
				free(few);
				return NULL;
			}
			few[i][k] = (uint8_t)packages[i].findings[k];
		}
	}
	return few;
}

static void add_few(const struct rematch_inventory *inv, const few_t *few, struct rematch_total *ret)
{
	*ret = (struct rematch_total){ 0 };
	for (size_t k = 0; k < inv->count;) {
		size_t end = inv->count - k < FEW_AT_ONCE ? inv->count : k + FEW_AT_ONCE;
		some_t sum = { 0 };

		for (; k < end; k++)
			sum += __builtin_convertvector(few[inv->packages[k]], some_t);
		for (size_t i = 0; i < REMATCH_SEVERITIES; i++)
			ret->findings[i] += sum[i];
	}
}

static void add_many(const struct rematch_inventory *inv, const struct rematch_sum *packages, struct rematch_total *ret)
{
	*ret = (struct rematch_total){ 0 };
	for (size_t k = 0; k < inv->count; k++)
		for (size_t i = 0; i < REMATCH_SEVERITIES; i++)
			ret->findings[i] += packages[inv->packages[k]].findings[i];
}

static void add_up(const struct rematch_set *set, const struct rematch_sum *packages, struct rematch_total *inventories)
{
	auto_free few_t *few = few_of(packages, set->package_count);

	for (size_t i = 0; i < set->inventory_count; i++)
		if (few)
			add_few(&set->inventories[i], few, &inventories[i]);
		else
			add_many(&set->inventories[i], packages, &inventories[i]);
}

/* Whether statements of a namespace can be about the packages of an os. */
static bool concerns(const struct rematching *m, const struct rematch_package *p, struct str ns)
{
	if (pkg_type_row(p->p.type)->is_os)
		return rules_ask(&m->rules[p->os], ns);
	return str_eq(ns_of(m->set, p), ns);
}

static size_t first_name(const struct rematch_index *x, uint32_t hash)
{
	size_t i = x->first_name[hash >> x->name_shift];

	while (i < x->name_count && x->names[i].hash < hash)
		i++;
	return i;
}

typedef uint32_t total_t __attribute__((vector_size(sizeof(struct rematch_total)), aligned(4), may_alias));

/* A package's findings changed: its inventories are dirty and their totals differ. */
static int spread(const struct rematch_index *x, uint32_t package, const struct rematch_sum *old,
		  const struct rematch_sum *now, struct rematch_total *inventories, bool *dirty)
{
	total_t more = { 0 };
	int fresh = 0;

	for (size_t s = 0; s < REMATCH_SEVERITIES; s++)
		more[s] = (uint32_t)now->findings[s] - old->findings[s];
	for (uint32_t k = x->first[package]; k < x->first[package + 1]; k++) {
		uint32_t i = x->holders[k];

		fresh += !dirty[i];
		dirty[i] = true;
		*(total_t *)&inventories[i] += more;
	}
	return fresh;
}

/* A package that a change may be about. */
struct touch {
	uint32_t place; /* in the index's order */
	struct str ns;	/* of the change */
};

/* The packages to judge: these, or all of the index where touch is NULL. */
struct todo {
	const struct rematch_index *x;
	const struct touch *touch;
	size_t n;
};

static const struct ordered *nth(const struct todo *t, size_t i)
{
	return &t->x->order[t->touch ? t->touch[i].place : i];
}

static void fetch(const void *p, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += CACHE_LINE_BYTES)
		__builtin_prefetch((const char *)p + at);
}

/* Of the packages that come soon: themselves, their texts, and step by step their way into the database, the last one
 * for the nearest. */
static void expect(const struct rematching *m, const struct todo *t, size_t i)
{
	if (i + FAR < t->n)
		fetch(nth(t, i + FAR), sizeof(struct ordered));
	if (i + NEAR < t->n) {
		const struct ordered *o = nth(t, i + NEAR);

		fetch(o->p.p.name.p, 1);
		fetch(o->p.p.version.p, 1);
		fetch(&t->x->first[o->i], 1);
	}
	for (unsigned int step = 0; step < DB_EXPECT_STEPS; step++) {
		size_t k = i + (size_t)(DB_EXPECT_STEPS - step) * AHEAD;

		if (k < t->n)
			db_expect(m->db, nth(t, k)->hash, step);
	}
}

/* Where a package's result goes. */
static void expect_holders(const struct todo *t, const struct rematch_sum *packages, size_t i)
{
	const struct rematch_index *x = t->x;
	uint32_t p;

	if (i + HOLDERS_AHEAD >= t->n)
		return;
	p = nth(t, i + HOLDERS_AHEAD)->i;
	fetch(&packages[p], sizeof(*packages));
	fetch(&x->holders[x->first[p]], (x->first[p + 1] - x->first[p]) * sizeof(*x->holders));
}

struct rematch_index *rematch_index_new(const struct rematch_set *set)
{
	struct rematch_index *x = xcalloc(1, sizeof(*x));

	index_order(x, set);
	index_names(x, set);
	index_holders(x, set);
	return x;
}

struct rematch_index *rematch_index_free(struct rematch_index *x)
{
	if (!x)
		return NULL;
	free(x->order);
	free(x->names);
	arena_done(&x->texts);
	free(x->first_name);
	free(x->first);
	free(x->holders);
	free(x);
	return NULL;
}

int rematch_full(const struct db *db, const struct rematch_set *set, const struct rematch_index *x,
		 const struct match_options *options, struct rematch_sum *packages, struct rematch_total *inventories,
		 struct err *e)
{
	const struct todo todo = { x, NULL, set->package_count };
	struct rematching m;
	int r = 0;

	start(&m, db, set, options);
	for (size_t i = 0; i < todo.n && r == 0; i++) {
		expect(&m, &todo, i);
		r = judge(&m, &x->order[i], &packages[x->order[i].i]);
	}
	if (r == 0)
		add_up(set, packages, inventories);
	return finish(&m, r, e);
}

struct touched {
	VEC(struct touch) all;
};

/* A changed name. */
struct change {
	struct str ns;
	uint32_t hash;
};

/* All of them, before any is looked for: a name's bytes lie anywhere in the database. */
static int read_changes(const struct db *db, const struct rematch_index *x, struct change *ret)
{
	for (size_t i = 0; i < db_changed_count(db); i++) {
		struct str name;

		if (db_changed(db, i, &ret[i].ns, &name) < 0)
			return -EBADMSG;
		ret[i].hash = name_hash(ret[i].ns, name);
		fetch(&x->first_name[ret[i].hash >> x->name_shift], 1);
	}
	return 0;
}

/* The packages the changes may be about. A package stands there more than once when its source changed as well. */
static int gather_touched(const struct db *db, const struct rematch_index *x, struct touched *ret)
{
	size_t n = db_changed_count(db);
	auto_free struct change *changes = xcalloc(n, sizeof(*changes));

	if (read_changes(db, x, changes) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		const struct change *c = &changes[i];

		if (i + NEAR < n)
			fetch(&x->names[x->first_name[c[NEAR].hash >> x->name_shift]], sizeof(struct name_row));
		for (size_t k = first_name(x, c->hash); k < x->name_count && x->names[k].hash == c->hash; k++)
			vec_push(&ret->all, ((struct touch){ x->names[k].place, c->ns }));
	}
	return 0;
}

int rematch_delta(const struct db *db, const struct rematch_set *set, const struct rematch_index *x,
		  const struct match_options *options, struct rematch_sum *packages, struct rematch_total *inventories,
		  bool *dirty, struct err *e)
{
	struct touched touched = { 0 };
	struct rematching m;
	struct todo todo;
	int r, count = 0;

	start(&m, db, set, options);
	memset(dirty, 0, set->inventory_count * sizeof(*dirty));
	r = gather_touched(db, x, &touched);
	todo = (struct todo){ x, touched.all.v, touched.all.n };
	for (size_t i = 0; i < todo.n && r == 0; i++) {
		const struct ordered *o = nth(&todo, i);
		struct rematch_sum now;

		expect(&m, &todo, i);
		expect_holders(&todo, packages, i);
		if (!concerns(&m, &o->p, todo.touch[i].ns))
			continue;
		r = judge(&m, o, &now);
		if (r < 0 || now.hash == packages[o->i].hash)
			continue;
		count += spread(x, o->i, &packages[o->i], &now, inventories, dirty);
		packages[o->i] = now;
	}
	vec_done(&touched.all);
	r = finish(&m, r, e);
	return r < 0 ? r : count;
}
