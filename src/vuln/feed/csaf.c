/* csaf: Red Hat's VEX documents, CSAF 2.0: for one CVE, which products are fixed, affected, not affected or still
 * looked at. https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html section 3.2, docs/formats/feeds.md "csaf".
 *
 * A status names products by id. An id is a component ("kernel-5.14-1.x86_64", with a purl) as part of a product (with
 * a CPE), through the tree's relationships; a component of a module has the module in between. */
#include "base/json.h"
#include "vuln/feed/cvss.h"
#include "vuln/feed/feed.h"
#include "vuln/feed/ns.h"

#define BRANCHES_MAX 16	     /* depth of the product tree */
#define PRODUCTS_MAX 500000u /* of one document: the kernel's have 100,000 */
#define RELATION_STEPS_MAX 4 /* component, module, product and one to spare */

struct product {
	struct str cpe, purl;
	uint32_t component, parent; /* product + 1 */
	struct str bulletin, reason;
	enum advisory_status unfixed; /* what a remediation says of it */
};

struct document {
	const struct feed_doc *d;
	struct map ids, said;
	VEC(struct product) products;
	struct str cve, title, published, vector, cwe;
	double score;
	enum severity severity;
};

static struct product *product(struct document *x, struct str id, uint32_t *ret_number)
{
	bool added;
	uint32_t at;

	*ret_number = 0;
	if (!id.n || x->products.n >= PRODUCTS_MAX)
		return NULL;
	at = *map_put(&x->ids, id, (uint32_t)x->products.n, &added);
	if (added)
		(void)vec_add(&x->products);
	*ret_number = at + 1;
	return &x->products.v[at];
}

/* {"product_id": ..., "product_identification_helper": {"cpe": ..., "purl": ...}} */
static void read_product(struct document *x, struct json *j, struct str *ret_id)
{
	struct str key, id = STR_NONE, cpe = STR_NONE, purl = STR_NONE;
	const struct json_want helper[] = { { "cpe", &cpe, false }, { "purl", &purl, false } };
	struct product *p;
	uint32_t number;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "product_id"))
			(void)json_str(j, &id);
		else if (str_is(key, "product_identification_helper"))
			(void)json_take_all(j, helper, ARRAY_LEN(helper));
	}
	p = product(x, id, &number);
	if (p && cpe.n)
		p->cpe = cpe;
	if (p && purl.n)
		p->purl = purl;
	*ret_id = id;
}

static void read_branches(struct document *x, struct json *j, unsigned int depth)
{
	struct str key, id;

	if (depth >= BRANCHES_MAX || !json_array(j))
		return;
	while (json_next(j)) {
		if (!json_object(j))
			continue;
		while (json_key(j, &key)) {
			if (str_is(key, "branches"))
				read_branches(x, j, depth + 1);
			else if (str_is(key, "product"))
				read_product(x, j, &id);
		}
	}
}

static void read_relationships(struct document *x, struct json *j)
{
	struct str key;

	if (!json_array(j))
		return;
	while (json_next(j)) {
		struct str whole = STR_NONE, component = STR_NONE, parent = STR_NONE;
		const struct json_want want[] = { { "product_reference", &component, false },
						  { "relates_to_product_reference", &parent, false } };
		uint32_t c, p, number;
		struct product *made;

		if (!json_object(j))
			continue;
		while (json_key(j, &key)) {
			if (!json_take(j, key, want, ARRAY_LEN(want)) && str_is(key, "full_product_name"))
				read_product(x, j, &whole);
		}
		(void)product(x, component, &c);
		(void)product(x, parent, &p);
		made = product(x, whole, &number);
		if (made) {
			made->component = c;
			made->parent = p;
		}
	}
}

static void read_tree(struct document *x, struct json *j)
{
	struct str key;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "branches"))
			read_branches(x, j, 0);
		else if (str_is(key, "relationships"))
			read_relationships(x, j);
	}
}

static const struct {
	const char *details;
	enum advisory_status status;
} remedies[] = {
	{ "Will not fix", ADV_WONT_FIX },
	{ "Out of support scope", ADV_END_OF_LIFE },
	{ "Fix deferred", ADV_DEFERRED },
	{ "Affected", ADV_AFFECTED },
};

struct remedy {
	struct str category, details, url, products;
};

static void apply_remedy(struct document *x, const struct remedy *m)
{
	struct str id, bulletin = STR_NONE;
	ptrdiff_t slash = str_rfind(m->url, '/');
	struct json j;

	if (str_is(m->category, "workaround") || str_is(m->category, "mitigation") || !m->products.n)
		return;
	if (str_is(m->category, "vendor_fix") && slash >= 0)
		bulletin = str_from(m->url, (size_t)slash + 1);
	json_init(&j, m->products, x->d->arena);
	if (!json_array(&j))
		return;
	while (json_next(&j)) {
		uint32_t number;
		struct product *p = json_str(&j, &id) ? product(x, id, &number) : NULL;

		if (!p)
			continue;
		if (bulletin.n) {
			p->bulletin = bulletin;
			continue;
		}
		p->reason = m->details;
		for (size_t i = 0; i < ARRAY_LEN(remedies); i++)
			if (str_is(m->details, remedies[i].details))
				p->unfixed = remedies[i].status;
	}
}

static void read_remediations(struct document *x, struct json *j)
{
	struct remedy m;
	const struct json_want want[] = { { "category", &m.category, false },
					  { "details", &m.details, false },
					  { "url", &m.url, false },
					  { "product_ids", &m.products, true } };

	if (!json_array(j))
		return;
	while (json_next(j)) {
		m = (struct remedy){ 0 };
		if (json_take_all(j, want, ARRAY_LEN(want)))
			apply_remedy(x, &m);
	}
}

/* What an id stands for, gathered on the way from the component up to the product. */
struct resolved {
	struct str cpe, purl, module_purl;
};

/* A component's own purl is of a package or, one level up, of its module. */
static void note_purl(struct resolved *to, struct str purl)
{
	if (str_starts(purl, STR("pkg:rpmmod/")))
		to->module_purl = purl;
	else if (str_starts(purl, STR("pkg:rpm/")) && !to->purl.n)
		to->purl = purl;
}

static struct resolved resolve(const struct document *x, uint32_t number)
{
	struct resolved to = { 0 };

	for (unsigned int step = 0; number && step < RELATION_STEPS_MAX; step++) {
		const struct product *p = &x->products.v[number - 1];

		note_purl(&to, p->purl);
		if (p->component)
			note_purl(&to, x->products.v[p->component - 1].purl);
		if (p->cpe.n)
			to.cpe = p->cpe;
		number = p->parent;
	}
	return to;
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = to_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* https://github.com/package-url/purl-spec: percent-encoding */
static struct str decoded(struct arena *a, struct str s)
{
	char *out;
	size_t n = 0;

	if (str_find(s, '%') < 0)
		return s;
	out = arena_alloc(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_value(s.p[i + 2]) : -1;

		out[n++] = low >= 0 ? (char)(high * 16 + low) : s.p[i];
		i += low >= 0 ? 2 : 0;
	}
	return str_n(out, n);
}

/* pkg:TYPE/NAMESPACE/NAME@VERSION?KEY=VALUE&... */
struct purl {
	struct str name, version, arch, epoch, module;
};

static struct purl purl_parse(struct arena *a, struct str text)
{
	struct purl u = { 0 };
	struct str rest = text, query = STR_NONE, part, key, value;
	ptrdiff_t slash;

	(void)str_split(rest, '?', &rest, &query);
	(void)str_split(rest, '@', &rest, &u.version);
	slash = str_rfind(rest, '/');
	u.name = decoded(a, str_from(rest, (size_t)(slash + 1)));
	u.version = decoded(a, u.version);
	while (str_cut(&query, '&', &part)) {
		if (!str_split(part, '=', &key, &value))
			continue;
		value = decoded(a, value);
		if (str_is(key, "arch"))
			u.arch = value;
		else if (str_is(key, "epoch"))
			u.epoch = value;
		else if (str_is(key, "rpmmod"))
			u.module = value;
	}
	return u;
}

/* "nodejs:18:8060...:ad00..." or the purl of a module, "nodejs@18:8060...": name and stream. */
static struct str module_of(struct arena *a, const struct resolved *to, const struct purl *package)
{
	struct str name, stream = package->module, rest;

	if (to->module_purl.n) {
		struct purl m = purl_parse(a, to->module_purl);

		name = m.name;
		stream = m.version;
	} else if (!str_split(package->module, ':', &name, &stream)) {
		return package->module;
	}
	if (str_split(stream, ':', &rest, &stream))
		stream = rest;
	return stream.n ? ns_join(a, ns_join(a, name, STR(":")), stream) : ns_join(a, name, STR(":*"));
}

/* The same package comes once for every architecture. */
static bool first_time(struct document *x, const struct advisory *a, struct str fixed)
{
	struct str key = arena_fmt(x->d->arena, STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|%d%d",
				   STR_ARG(str_head(a->name, FEED_NAME_BYTES_MAX)), STR_ARG(a->ns), STR_ARG(a->channel),
				   STR_ARG(str_head(a->module, FEED_NAME_BYTES_MAX)),
				   STR_ARG(str_head(fixed, FEED_NAME_BYTES_MAX)), (int)a->status, (int)a->name_kind);
	bool added;

	map_put(&x->said, key, 0, &added);
	return added;
}

enum product_status { IS_FIXED, IS_AFFECTED, IS_NOT_AFFECTED, IS_INVESTIGATED };

static const struct {
	const char *key;
	enum product_status status;
} statuses[] = {
	{ "fixed", IS_FIXED },
	{ "known_affected", IS_AFFECTED },
	{ "known_not_affected", IS_NOT_AFFECTED },
	{ "under_investigation", IS_INVESTIGATED },
};

static void say_product(struct document *x, uint32_t number, enum product_status status)
{
	const struct product *p = &x->products.v[number - 1];
	struct arena *arena = x->d->arena;
	struct resolved to = resolve(x, number);
	struct purl u = purl_parse(arena, to.purl);
	struct adv_range fixed = { .fixed = u.version };
	struct advisory a = { .id = x->cve, .name = u.name, .severity = x->severity };
	struct ns ns;

	if (!ns_of_redhat_cpe(arena, to.cpe, &ns)) {
		feed_skip(x->d, STR("a product that is not RHEL"));
		return;
	}
	if (!to.purl.n) {
		feed_skip(x->d, STR("a component that is no package"));
		return;
	}
	a.ns = ns.name;
	a.channel = ns.channel;
	a.module = module_of(arena, &to, &u);
	a.name_kind = str_is(u.arch, "src") ? ADV_NAME_SOURCE : ADV_NAME_BINARY;
	if (status == IS_FIXED) {
		/* The binaries built from it are listed themselves; a source name says nothing about epochs. */
		if (a.name_kind == ADV_NAME_SOURCE || !u.version.n)
			return;
		if (u.epoch.n && !str_is(u.epoch, "0"))
			fixed.fixed = ns_join(arena, ns_join(arena, u.epoch, STR(":")), u.version);
		a.bulletin = p->bulletin;
		a.ranges = &fixed;
		a.range_count = 1;
	} else {
		a.status = status == IS_AFFECTED       ? p->unfixed
			   : status == IS_NOT_AFFECTED ? ADV_NOT_AFFECTED
						       : ADV_INVESTIGATING;
		a.reason = feed_title(arena, p->reason);
	}
	if (first_time(x, &a, a.range_count ? fixed.fixed : STR_NONE))
		feed_say(x->d, &a);
}

static void say_statuses(struct document *x, struct str text)
{
	struct str key, id;
	struct json j;

	json_init(&j, text, x->d->arena);
	if (!json_object(&j))
		return;
	while (json_key(&j, &key)) {
		for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
			if (!str_is(key, statuses[i].key) || !json_array(&j))
				continue;
			while (json_next(&j)) {
				uint32_t number;

				if (json_str(&j, &id) && product(x, id, &number))
					say_product(x, number, statuses[i].status);
			}
		}
	}
}

static void read_scores(struct document *x, struct json *j)
{
	struct str key;

	if (!json_array(j))
		return;
	while (json_next(j)) {
		if (!json_object(j))
			continue;
		while (json_key(j, &key)) {
			if (!str_is(key, "cvss_v3") || !json_object(j))
				continue;
			while (json_key(j, &key)) {
				if (str_is(key, "vectorString"))
					(void)json_str(j, &x->vector);
				else if (str_is(key, "baseScore"))
					(void)json_double(j, &x->score);
			}
		}
	}
}

/* [{"category": "impact", "details": "Important"}]: Red Hat's own rating */
static void read_threats(struct document *x, struct json *j)
{
	struct str key, category, details;

	if (!json_array(j))
		return;
	while (json_next(j)) {
		category = details = STR_NONE;
		if (!json_object(j))
			continue;
		while (json_key(j, &key)) {
			if (str_is(key, "category"))
				(void)json_str(j, &category);
			else if (str_is(key, "details"))
				(void)json_str(j, &details);
		}
		if (str_is(category, "impact"))
			(void)severity_parse(details, &x->severity);
	}
}

static void say_info(struct document *x)
{
	struct vuln_info v = VULN_INFO_NONE;

	v.id = x->cve;
	v.title = feed_title(x->d->arena, x->title);
	v.published = x->published;
	v.cvss_vector = str_head(x->vector, CVSS_VECTOR_BYTES_MAX);
	v.cvss_score = x->score >= 0 && x->score <= 10 ? x->score : -1;
	(void)cvss_score(v.cvss_vector, &v.cvss_score);
	v.cwes = x->cwe.n ? &x->cwe : NULL;
	v.cwe_count = x->cwe.n > 0;
	feed_info(x->d, &v);
}

static void read_vulnerability(struct document *x, struct json *j)
{
	struct str key, status = STR_NONE;

	x->cve = x->title = x->published = x->vector = x->cwe = STR_NONE;
	x->score = -1;
	x->severity = SEV_UNKNOWN;
	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "cve"))
			(void)json_str(j, &x->cve);
		else if (str_is(key, "title"))
			(void)json_str(j, &x->title);
		else if (str_is(key, "release_date"))
			(void)json_str(j, &x->published);
		else if (str_is(key, "product_status"))
			status = json_raw(j); /* the remediations come after it */
		else if (str_is(key, "remediations"))
			read_remediations(x, j);
		else if (str_is(key, "scores"))
			read_scores(x, j);
		else if (str_is(key, "threats"))
			read_threats(x, j);
		else if (str_is(key, "cwe") && json_object(j))
			while (json_key(j, &key))
				if (str_is(key, "id"))
					(void)json_str(j, &x->cwe);
	}
	if (!x->cve.n) {
		feed_skip(x->d, STR("a vulnerability without a CVE number"));
		return;
	}
	say_info(x);
	if (status.n)
		say_statuses(x, status);
}

/* Calls `read` with the value of a key of the document. */
static int with_key(struct document *x, const char *name, void (*read)(struct document *, struct json *), struct err *e)
{
	struct str key;
	struct json j;

	json_init(&j, x->d->bytes, x->d->arena);
	json_object(&j);
	while (json_key(&j, &key))
		if (str_is(key, name))
			read(x, &j);
	return json_finish(&j, e);
}

static void read_vulnerabilities(struct document *x, struct json *j)
{
	if (!json_array(j))
		return;
	while (json_next(j))
		read_vulnerability(x, j);
}

int feed_csaf(const struct feed_doc *d, struct err *e)
{
	struct document x = { .d = d };
	int r = with_key(&x, "product_tree", read_tree, e);

	if (r >= 0)
		r = with_key(&x, "vulnerabilities", read_vulnerabilities, e);
	map_done(&x.ids);
	map_done(&x.said);
	vec_done(&x.products);
	return r < 0 ? err_wrap(e, r, "CSAF document") : 0;
}
