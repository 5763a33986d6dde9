/* csaf: Red Hat's VEX documents, CSAF 2.0: for one CVE, which products are fixed, affected, not affected or still
 * looked at. https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html section 3.2, docs/formats/feeds.md "csaf".
 *
 * A status names products by id. An id is a component ("kernel-5.14-1.x86_64", with a purl) as part of a product (with
 * a CPE), through the tree's relationships; a component of a module has the module in between. */
#include "base/json.h"
#include "vuln/feed/cvss.h"
#include "vuln/feed/feed.h"
#include "vuln/feed/ns.h"
#include "vuln/feed/purl.h"

#define BRANCHES_MAX 16	     /* depth of the product tree */
#define PRODUCTS_MAX 500000u /* of one document: the kernel's have 100,000 */
#define RELATION_STEPS_MAX 4 /* component, module, product and one to spare */

/* What a vulnerability says of a product besides its status. */
struct told {
	uint32_t vulnerability; /* its number in the document, from 1 */
	struct str bulletin, reason;
	enum advisory_status unfixed;
	enum severity severity;
};

struct product {
	struct str id, cpe, purl;
	uint32_t component, parent; /* product + 1 */
	struct told told;
};

struct document {
	const struct feed_doc *d;
	struct map ids, said;
	VEC(struct product) products;
	unsigned int depth; /* of the branches being read */
	struct str status;  /* of the document */
	/* of the vulnerability at hand */
	uint32_t number;
	struct str cve, title, published, vector, cwe;
	double score;
	struct told all; /* said of every product that nothing is said of */
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
		vec_push(&x->products, ((struct product){ .id = id }));
	*ret_number = at + 1;
	return &x->products.v[at];
}

/* -------- the tree of products -------- */

/* {"product_id": ..., "product_identification_helper": {"cpe": ..., "purl": ...}} */
static struct str read_product(struct document *x, struct json *j)
{
	struct str id = STR_NONE, helper = STR_NONE, cpe = STR_NONE, purl = STR_NONE;
	const struct json_want want[] = { { "product_id", &id, false },
					  { "product_identification_helper", &helper, true } };
	const struct json_want helper_want[] = { { "cpe", &cpe, false }, { "purl", &purl, false } };
	struct product *p;
	uint32_t number;
	struct json h;

	(void)json_take_all(j, want, ARRAY_LEN(want));
	json_init(&h, helper, x->d->arena);
	if (helper.n)
		(void)json_take_all(&h, helper_want, ARRAY_LEN(helper_want));
	p = product(x, id, &number);
	if (p && cpe.n)
		p->cpe = cpe;
	if (p && purl.n)
		p->purl = purl;
	return id;
}

static void read_branch_product(void *ctx, struct json *j)
{
	(void)read_product(ctx, j);
}

static void read_branch(void *ctx, struct json *j)
{
	static const struct json_reader readers[] = { { "branches", read_branch, true },
						      { "product", read_branch_product, false } };
	struct document *x = ctx;

	if (x->depth >= BRANCHES_MAX)
		return;
	x->depth++;
	(void)json_read_all(j, readers, ARRAY_LEN(readers), x);
	x->depth--;
}

static void read_relationship(void *ctx, struct json *j)
{
	struct document *x = ctx;
	struct str whole = STR_NONE, component = STR_NONE, parent = STR_NONE;
	const struct json_want want[] = { { "full_product_name", &whole, true },
					  { "product_reference", &component, false },
					  { "relates_to_product_reference", &parent, false } };
	uint32_t c, p, number;
	struct product *made;
	struct json w;

	(void)json_take_all(j, want, ARRAY_LEN(want));
	if (!whole.n)
		return;
	json_init(&w, whole, x->d->arena);
	whole = read_product(x, &w);
	(void)product(x, component, &c);
	(void)product(x, parent, &p);
	made = product(x, whole, &number);
	if (made) {
		made->component = c;
		made->parent = p;
	}
}

static void read_tree(void *ctx, struct json *j)
{
	static const struct json_reader readers[] = { { "branches", read_branch, true },
						      { "relationships", read_relationship, true } };

	(void)json_read_all(j, readers, ARRAY_LEN(readers), ctx);
}

/* -------- what a vulnerability says of products -------- */

/* A remediation or a threat: both are said of a list of products. */
struct saying {
	struct str category, details, url, products, groups;
};

static const struct {
	const char *words; /* details, or the category when these are none of Red Hat's */
	enum advisory_status status;
} remedies[] = {
	{ "Will not fix", ADV_WONT_FIX },
	{ "Out of support scope", ADV_END_OF_LIFE },
	{ "Fix deferred", ADV_DEFERRED },
	{ "Affected", ADV_AFFECTED },
	{ "Under investigation", ADV_INVESTIGATING },
	{ "no_fix_planned", ADV_WONT_FIX },
};

static enum advisory_status status_of_remedy(const struct saying *m)
{
	for (size_t i = 0; i < ARRAY_LEN(remedies); i++)
		if (str_is(m->details, remedies[i].words) || str_is(m->category, remedies[i].words))
			return remedies[i].status;
	return ADV_AFFECTED;
}

static void tell_remedy(const struct saying *m, struct told *to)
{
	ptrdiff_t slash = str_rfind(m->url, '/');

	if (str_is(m->category, "workaround") || str_is(m->category, "mitigation"))
		return;
	if (str_is(m->category, "vendor_fix")) {
		if (slash >= 0) /* ".../errata/RHSA-2024:0001" */
			to->bulletin = str_from(m->url, (size_t)slash + 1);
		return;
	}
	to->reason = m->details;
	to->unfixed = status_of_remedy(m);
}

/* {"category": "impact", "details": "Important"}: Red Hat's own rating, which differs from product to product */
static void tell_threat(const struct saying *m, struct told *to)
{
	if (str_is(m->category, "impact"))
		(void)severity_parse(m->details, &to->severity);
}

static void tell_products(struct document *x, const struct saying *m,
			  void (*tell)(const struct saying *, struct told *))
{
	struct str id;
	struct json j;

	json_init(&j, m->products, x->d->arena);
	if (!json_array(&j))
		return;
	while (json_next(&j)) {
		uint32_t number;
		struct product *p = json_str(&j, &id) ? product(x, id, &number) : NULL;

		if (!p)
			continue;
		if (p->told.vulnerability != x->number)
			p->told = (struct told){ .vulnerability = x->number };
		tell(m, &p->told);
	}
}

static void read_saying(struct document *x, struct json *j, void (*tell)(const struct saying *, struct told *))
{
	struct saying m = { 0 };
	const struct json_want want[] = { { "category", &m.category, false },
					  { "details", &m.details, false },
					  { "url", &m.url, false },
					  { "product_ids", &m.products, true },
					  { "group_ids", &m.groups, true } };

	if (!json_take_all(j, want, ARRAY_LEN(want)))
		return;
	if (m.products.n)
		tell_products(x, &m, tell);
	else if (m.groups.n)
		feed_skip(x->d, STR("a remediation or threat of a group of products"));
	else
		tell(&m, &x->all);
}

static void read_remediation(void *ctx, struct json *j)
{
	read_saying(ctx, j, tell_remedy);
}

static void read_threat(void *ctx, struct json *j)
{
	read_saying(ctx, j, tell_threat);
}

/* -------- statements -------- */

/* What an id stands for, gathered on the way from the component up to the product. */
struct resolved {
	struct str cpe, purl, module_purl;
	struct str bare, bare_module; /* ids of a component, and of its module, that nothing else is told of */
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
		if (p->component) {
			const struct product *c = &x->products.v[p->component - 1];

			note_purl(&to, c->purl);
			if (!c->purl.n && !c->cpe.n)
				*(to.bare.n ? &to.bare_module : &to.bare) = c->id;
		}
		if (p->cpe.n)
			to.cpe = p->cpe;
		number = p->parent;
	}
	return to;
}

/* "nodejs:18:8060...:ad00..." or the purl of a module, "nodejs@18:8060...": name and stream. */
static struct str module_of(struct arena *a, const struct resolved *to, const struct feed_purl *package)
{
	struct str name, stream = package->module, rest;

	if (to->module_purl.n) {
		struct feed_purl m = feed_purl(a, to->module_purl);

		name = m.name;
		stream = m.version;
	} else if (!str_split(package->module, ':', &name, &stream)) {
		return package->module;
	}
	if (str_split(stream, ':', &rest, &stream))
		stream = rest;
	return stream.n ? ns_join(a, ns_join(a, name, STR(":")), stream) : ns_join(a, name, STR(":*"));
}

/* What a status is about. */
struct subject {
	struct str name, version, module;
	enum advisory_name kind;
};

static bool is_arch(struct str s)
{
	static const char *const arches[] = { "x86_64", "aarch64", "ppc64le", "s390x", "noarch", "src",	 "i686",
					      "i386",	"i586",	   "ppc64",   "ppc",   "s390",	 "ia64", "armv7hl" };

	for (size_t i = 0; i < ARRAY_LEN(arches); i++)
		if (str_is(s, arches[i]))
			return true;
	return false;
}

/* "telnet-server-1:0.17-65.el7_6.x86_64": advisories of 2023 and before have components without a purl, whose ids say
 * it all. */
static bool nevra_subject(struct str id, struct subject *ret)
{
	ptrdiff_t dot = str_rfind(id, '.');
	struct str rest = str_head(id, dot < 0 ? 0 : (size_t)dot), version;
	ptrdiff_t release = str_rfind(rest, '-');
	ptrdiff_t at = release > 0 ? str_rfind(str_head(rest, (size_t)release), '-') : -1;

	if (at <= 0 || !is_arch(str_from(id, (size_t)dot + 1)))
		return false;
	version = str_from(rest, (size_t)at + 1);
	*ret = (struct subject){
		.name = str_head(rest, (size_t)at),
		.version = str_starts(version, STR("0:")) ? str_from(version, 2) : version,
		.kind = str_ends(id, STR(".src")) ? ADV_NAME_SOURCE : ADV_NAME_BINARY,
	};
	return true;
}

/* Documents of 2023 have components without a purl: "vim", "nodejs:18/nodejs" are source packages; what else has a '/'
 * is an image. */
static bool bare_subject(struct str id, struct subject *ret)
{
	ptrdiff_t slash = str_rfind(id, '/');

	*ret = (struct subject){ .name = str_from(id, (size_t)(slash + 1)), .kind = ADV_NAME_SOURCE };
	if (slash >= 0)
		ret->module = str_head(id, (size_t)slash);
	return ret->name.n && (slash < 0 || str_find(ret->module, ':') > 0);
}

static bool subject_of(struct arena *a, const struct resolved *to, struct subject *ret)
{
	struct feed_purl u;

	if (!to->purl.n && nevra_subject(to->bare, ret)) {
		u = (struct feed_purl){ .module = to->bare_module };
		ret->module = module_of(a, to, &u);
		return true;
	}
	if (!to->purl.n)
		return bare_subject(to->bare, ret);
	u = feed_purl(a, to->purl);
	*ret = (struct subject){
		.name = u.name,
		.version = u.version,
		.module = module_of(a, to, &u),
		.kind = str_is(u.arch, "src") ? ADV_NAME_SOURCE : ADV_NAME_BINARY,
	};
	if (u.version.n && u.epoch.n && !str_is(u.epoch, "0"))
		ret->version = ns_join(a, ns_join(a, u.epoch, STR(":")), u.version);
	return true;
}

/* The same package comes once for every architecture. */
static bool first_time(struct document *x, const struct advisory *a, struct str fixed)
{
	struct str key = arena_fmt(x->d->arena, "%u|" STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|%d%d",
				   x->number, STR_ARG(str_head(a->name, FEED_NAME_BYTES_MAX)), STR_ARG(a->ns),
				   STR_ARG(a->channel), STR_ARG(str_head(a->module, FEED_NAME_BYTES_MAX)),
				   STR_ARG(str_head(fixed, FEED_NAME_BYTES_MAX)), (int)a->status, (int)a->name_kind);
	bool added;

	map_put(&x->said, key, 0, &added);
	return added;
}

static const struct {
	const char *key;
	enum advisory_status status; /* of what is affected: unless a remediation says more */
	bool fixed;
} statuses[] = {
	{ "fixed", ADV_AFFECTED, true },
	{ "first_fixed", ADV_AFFECTED, true },
	{ "recommended", ADV_AFFECTED, true }, /* SUSE's word for it */
	{ "known_affected", ADV_AFFECTED, false },
	{ "known_not_affected", ADV_NOT_AFFECTED, false },
	{ "under_investigation", ADV_INVESTIGATING, false },
};

static void say_product(struct document *x, uint32_t number, enum advisory_status status, bool fixed)
{
	const struct product *p = &x->products.v[number - 1];
	const struct told *told = p->told.vulnerability == x->number ? &p->told : &x->all;
	struct resolved to = resolve(x, number);
	struct advisory a = { .id = x->cve, .status = status };
	struct adv_range range;
	struct subject s;
	struct ns ns;

	if (!ns_of_redhat_cpe(x->d->arena, to.cpe, &ns)) {
		feed_skip(x->d, STR("a product that is not RHEL"));
		return;
	}
	if (!subject_of(x->d->arena, &to, &s)) {
		feed_skip(x->d, STR("a component that is no package"));
		return;
	}
	/* The binaries built from it are listed themselves; a source name says nothing about epochs. */
	if (fixed && s.kind == ADV_NAME_SOURCE && s.version.n)
		return;
	if (fixed && !s.version.n) {
		feed_skip(x->d, STR("a fix that does not say in which version"));
		return;
	}
	a.ns = ns.name;
	a.channel = ns.channel;
	a.name = s.name;
	a.name_kind = s.kind;
	a.module = s.module;
	a.severity = told->severity ? told->severity : x->all.severity;
	range = (struct adv_range){ .fixed = s.version };
	if (fixed) {
		a.bulletin = told->bulletin;
		a.ranges = &range;
		a.range_count = 1;
	} else {
		if (status == ADV_AFFECTED)
			a.status = told->unfixed;
		a.reason = feed_title(x->d->arena, told->reason);
	}
	if (first_time(x, &a, fixed ? s.version : STR_NONE))
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
					say_product(x, number, statuses[i].status, statuses[i].fixed);
			}
		}
	}
}

static void read_cvss(void *ctx, struct json *j)
{
	struct document *x = ctx;
	struct str key;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "vectorString"))
			(void)json_str(j, &x->vector);
		else if (str_is(key, "baseScore"))
			(void)json_double(j, &x->score);
	}
}

static void read_score(void *ctx, struct json *j)
{
	static const struct json_reader readers[] = { { "cvss_v3", read_cvss, false } };

	(void)json_read_all(j, readers, ARRAY_LEN(readers), ctx);
}

static void read_cwe(void *ctx, struct json *j)
{
	struct document *x = ctx;
	const struct json_want want[] = { { "id", &x->cwe, false } };

	(void)json_take_all(j, want, ARRAY_LEN(want));
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

static const struct json_reader vulnerability_readers[] = {
	{ "remediations", read_remediation, true },
	{ "scores", read_score, true },
	{ "threats", read_threat, true },
	{ "cwe", read_cwe, false },
};

static void read_vulnerability(void *ctx, struct json *j)
{
	struct document *x = ctx;
	struct str key, status = STR_NONE;
	const struct json_want want[] = { { "cve", &x->cve, false },
					  { "title", &x->title, false },
					  { "release_date", &x->published, false },
					  { "product_status", &status, true } }; /* said last: the rest is about it */

	x->number++;
	x->cve = x->title = x->published = x->vector = x->cwe = STR_NONE;
	x->score = -1;
	x->all = (struct told){ 0 };
	if (!json_object(j))
		return;
	while (json_key(j, &key))
		if (!json_take(j, key, want, ARRAY_LEN(want)))
			(void)json_read(j, key, vulnerability_readers, ARRAY_LEN(vulnerability_readers), x);
	if (!x->cve.n) {
		feed_skip(x->d, STR("a vulnerability without a CVE number"));
		return;
	}
	say_info(x);
	if (status.n)
		say_statuses(x, status);
}

static void read_tracking(void *ctx, struct json *j)
{
	struct document *x = ctx;
	const struct json_want want[] = { { "status", &x->status, false } };

	(void)json_take_all(j, want, ARRAY_LEN(want));
}

static void read_head(void *ctx, struct json *j)
{
	static const struct json_reader readers[] = { { "tracking", read_tracking, false } };

	(void)json_read_all(j, readers, ARRAY_LEN(readers), ctx);
}

int feed_csaf(const struct feed_doc *d, struct err *e)
{
	static const struct json_reader first[] = { { "document", read_head, false },
						    { "product_tree", read_tree, false } };
	static const struct json_reader second[] = { { "vulnerabilities", read_vulnerability, true } };
	struct document x = { .d = d };
	struct json j;
	int r;

	json_init(&j, d->bytes, d->arena);
	(void)json_read_all(&j, first, ARRAY_LEN(first), &x);
	r = json_finish(&j, e);
	if (r == 0 && !str_is(x.status, "deleted")) {
		json_init(&j, d->bytes, d->arena);
		(void)json_read_all(&j, second, ARRAY_LEN(second), &x);
		r = json_finish(&j, e);
	}
	map_done(&x.ids);
	map_done(&x.said);
	vec_done(&x.products);
	return r < 0 ? err_wrap(e, r, "CSAF document") : 0;
}
