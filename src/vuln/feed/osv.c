/* osv: one record of the Open Source Vulnerability format. https://ossf.github.io/osv-schema/
 *
 * A record of a language ecosystem is one vulnerability: its statements carry its own id and its aliases say what else
 * it is called. A record of a distribution is a bulletin: its statements carry the CVEs it names (aliases, upstream or
 * related: vendors differ in where they put them), one statement each. docs/formats/feeds.md "osv". */
#include "base/json.h"
#include "base/num.h"
#include "vuln/feed/cvss.h"
#include "vuln/feed/feed.h"
#include "vuln/feed/ns.h"
#include "vuln/version/version.h"

#define OSV_AFFECTED_MAX 20000	 /* packages of one record; kernel bulletins of a whole product line have 1,000 */
#define OSV_EVENTS_MAX 200000	 /* of one record, all its ranges together */
#define OSV_VERSIONS_MAX 1000000 /* of one record, all its packages together */
#define OSV_BINARIES_MAX 20000	 /* of one package */

/* A package that is affected; `first` and `n` are its part of the record's lists. */
struct part {
	struct str ecosystem, name, purl;
	size_t first_stretch, stretches, first_version, versions, first_binary, binaries;
	size_t first_range, ranges; /* what its stretches come to */
	enum severity severity;
	enum advisory_status status;
	bool unimportant;
	bool git_only; /* it had ranges, and all of them were of commits */
};

struct binary {
	struct str name, version;
};

/* One entry of "ranges" and its events. */
struct event {
	enum { EV_INTRODUCED, EV_FIXED, EV_LAST_AFFECTED, EV_LIMIT } kind;
	struct str version;
};

struct stretch {
	size_t first, n;
};

struct strs {
	struct str *v;
	size_t n, cap;
};

struct record {
	struct str id, summary, details, published, withdrawn;
	struct str vector; /* the best CVSS vector: 3.x before 4.0 before 2.0, since not every version is scored here */
	enum severity severity;
	struct strs aliases, related, cwes, versions;
	VEC(struct part) parts;
	VEC(struct event) events;
	VEC(struct stretch) stretches;
	VEC(struct adv_range) ranges;
	VEC(struct binary) binaries;
	const struct feed_doc *d;
	struct part part; /* the package being read */
};

static void record_done(struct record *x)
{
	vec_done(&x->aliases);
	vec_done(&x->related);
	vec_done(&x->cwes);
	vec_done(&x->versions);
	vec_done(&x->parts);
	vec_done(&x->events);
	vec_done(&x->stretches);
	vec_done(&x->ranges);
	vec_done(&x->binaries);
}

static void read_strings(const struct record *x, struct json *j, struct strs *to, size_t max)
{
	struct str s;

	if (!json_array(j))
		return;
	while (json_next(j)) {
		if (!json_str(j, &s) || !s.n)
			continue;
		if (to->n < max)
			vec_push(to, s);
		else
			feed_skip(x->d, STR("a list that is too long"));
	}
}

/* Rank of a vector: which one speaks for the record. */
static int vector_rank(struct str vector)
{
	if (str_starts(vector, STR("CVSS:3.1/")))
		return 4;
	if (str_starts(vector, STR("CVSS:3.0/")))
		return 3;
	if (str_starts(vector, STR("CVSS:4.0/")))
		return 2;
	return vector.n ? 1 : 0;
}

static void note_vector(struct record *x, struct str vector)
{
	if (vector_rank(vector) > vector_rank(x->vector))
		x->vector = vector;
}

/* {"type": "CVSS_V3", "score": "CVSS:3.1/..."}, {"type": "Ubuntu", "score": "medium"} */
static void read_severity(void *ctx, struct json *j)
{
	struct record *x = ctx;
	struct str type = STR_NONE, score = STR_NONE;
	const struct json_want want[] = { { "type", &type, false }, { "score", &score, false } };
	enum severity s;

	(void)json_take_all(j, want, ARRAY_LEN(want));
	if (str_starts(type, STR("CVSS_")))
		note_vector(x, score);
	else if (severity_parse(score, &s) && s > x->severity)
		x->severity = s;
}

static void read_database_specific(struct record *x, struct json *j, enum severity *severity)
{
	struct str key, word = STR_NONE, vector = STR_NONE;
	const struct json_want want[] = { { "severity", &word, false },
					  { "cvss", &vector, false } }; /* RustSec repeats it here */

	if (!json_object(j))
		return;
	while (json_key(j, &key))
		if (!json_take(j, key, want, ARRAY_LEN(want)) && str_is(key, "cwe_ids"))
			read_strings(x, j, &x->cwes, FEED_IDS_MAX);
	(void)severity_parse(word, severity);
	note_vector(x, vector);
}

static void read_package(void *ctx, struct json *j)
{
	struct part *p = &((struct record *)ctx)->part;
	const struct json_want want[] = { { "ecosystem", &p->ecosystem, false },
					  { "name", &p->name, false },
					  { "purl", &p->purl, false } };

	(void)json_take_all(j, want, ARRAY_LEN(want));
}

static const struct {
	const char *key;
	int kind;
} event_kinds[] = {
	{ "introduced", EV_INTRODUCED },
	{ "fixed", EV_FIXED },
	{ "last_affected", EV_LAST_AFFECTED },
	{ "limit", EV_LIMIT },
};

static void read_event(struct record *x, struct str key, struct str version)
{
	for (size_t i = 0; i < ARRAY_LEN(event_kinds); i++) {
		if (!str_is(key, event_kinds[i].key) || str_is(version, "*"))
			continue; /* "limit": "*" is no limit */
		if (x->events.n >= OSV_EVENTS_MAX)
			feed_skip(x->d, STR("a list that is too long"));
		else
			vec_push(&x->events, ((struct event){ event_kinds[i].kind, version }));
	}
}

static void read_events(struct record *x, struct json *j)
{
	struct stretch s = { .first = x->events.n };
	struct str key, version;

	if (!json_array(j))
		return;
	while (json_next(j)) {
		if (!json_object(j))
			continue;
		while (json_key(j, &key))
			if (json_str(j, &version))
				read_event(x, key, version);
	}
	s.n = x->events.n - s.first;
	if (s.n)
		vec_push(&x->stretches, s);
}

static void read_range(void *ctx, struct json *j)
{
	struct record *x = ctx;
	struct str type = STR_NONE, events = STR_NONE;
	const struct json_want want[] = { { "type", &type, false }, { "events", &events, true } }; /* in any order */
	struct json f;

	(void)json_take_all(j, want, ARRAY_LEN(want));
	if (str_is(type, "GIT")) { /* commits cannot be compared with a version */
		x->part.git_only = true;
	} else if (events.n) {
		json_init(&f, events, x->d->arena);
		read_events(x, &f);
	}
}

/* Ubuntu: {"binary_name": N, "binary_version": V}; SUSE: {N: V, ...}. */
static void read_binary(void *ctx, struct json *j)
{
	struct record *x = ctx;
	struct str key, text;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_starts(key, STR("binary_")) || !json_str(j, &text))
			continue;
		if (x->binaries.n - x->part.first_binary >= OSV_BINARIES_MAX)
			feed_skip(x->d, STR("a list that is too long"));
		else
			vec_push(&x->binaries, ((struct binary){ key, text }));
	}
}

static void read_part_severity(void *ctx, struct json *j)
{
	struct record *x = ctx;
	struct str word = STR_NONE;

	(void)json_str(j, &word);
	(void)severity_parse(word, &x->part.severity);
}

/* Debian's, as in its tracker: "low", "unimportant", "end-of-life", "not yet assigned". */
static void read_urgency(void *ctx, struct json *j)
{
	struct part *p = &((struct record *)ctx)->part;
	struct str word = STR_NONE;

	(void)json_str(j, &word);
	(void)severity_parse(word, &p->severity);
	p->unimportant = str_is(word, "unimportant");
	if (p->unimportant)
		p->severity = SEV_NEGLIGIBLE;
	if (str_is(word, "end-of-life"))
		p->status = ADV_END_OF_LIFE;
}

static void read_ecosystem_specific(void *ctx, struct json *j)
{
	static const struct json_reader readers[] = { { "binaries", read_binary, true },
						      { "severity", read_part_severity, false },
						      { "ubuntu_priority", read_part_severity, false },
						      { "urgency", read_urgency, false } };

	(void)json_read_all(j, readers, ARRAY_LEN(readers), ctx);
}

static void read_versions(void *ctx, struct json *j)
{
	struct record *x = ctx;

	read_strings(x, j, &x->versions, OSV_VERSIONS_MAX);
}

static void read_part_specific(void *ctx, struct json *j)
{
	struct record *x = ctx;

	read_database_specific(x, j, &x->part.severity);
}

static const struct json_reader part_readers[] = {
	{ "package", read_package, false },
	{ "ranges", read_range, true },
	{ "versions", read_versions, false },
	{ "severity", read_severity, true },
	{ "database_specific", read_part_specific, false },
	{ "ecosystem_specific", read_ecosystem_specific, false },
};

static void read_part(void *ctx, struct json *j)
{
	struct record *x = ctx;
	struct part *p = &x->part;

	*p = (struct part){ .first_stretch = x->stretches.n,
			    .first_version = x->versions.n,
			    .first_binary = x->binaries.n };
	if (!json_read_all(j, part_readers, ARRAY_LEN(part_readers), x))
		return;
	p->stretches = x->stretches.n - p->first_stretch;
	p->versions = x->versions.n - p->first_version;
	p->binaries = x->binaries.n - p->first_binary;
	p->git_only &= !p->stretches;
	if (x->parts.n < OSV_AFFECTED_MAX)
		vec_push(&x->parts, *p);
	else
		feed_skip(x->d, STR("a list that is too long"));
}

static void read_aliases(void *ctx, struct json *j)
{
	struct record *x = ctx;

	read_strings(x, j, &x->aliases, FEED_IDS_MAX);
}

static void read_related(void *ctx, struct json *j)
{
	struct record *x = ctx;

	read_strings(x, j, &x->related, FEED_IDS_MAX);
}

static void read_record_specific(void *ctx, struct json *j)
{
	struct record *x = ctx;

	read_database_specific(x, j, &x->severity);
}

static const struct json_reader record_readers[] = {
	{ "aliases", read_aliases, false },  { "related", read_related, false },
	{ "upstream", read_related, false }, { "severity", read_severity, true },
	{ "affected", read_part, true },     { "database_specific", read_record_specific, false },
};

static void read_record(struct record *x, struct json *j)
{
	const struct json_want want[] = { { "id", &x->id, false },
					  { "summary", &x->summary, false },
					  { "details", &x->details, false },
					  { "published", &x->published, false },
					  { "withdrawn", &x->withdrawn, false } };
	struct str key;

	json_object(j);
	while (json_key(j, &key))
		if (!json_take(j, key, want, ARRAY_LEN(want)))
			(void)json_read(j, key, record_readers, ARRAY_LEN(record_readers), x);
}

/* An introduced of "0" stands before all versions. */
static bool before(const struct version_scheme *scheme, const struct event *a, const struct event *b)
{
	bool a_first = a->kind == EV_INTRODUCED && str_is(a->version, "0");
	bool b_first = b->kind == EV_INTRODUCED && str_is(b->version, "0");

	return a_first || b_first ? a_first && !b_first : scheme->compare(a->version, b->version) < 0;
}

/* Two sorted halves become one; of equals those of the first come first. */
static void merge_events(const struct version_scheme *scheme, struct event *v, size_t half, size_t n,
			 struct event *room)
{
	size_t i = 0, k = half;

	for (size_t at = 0; at < n; at++)
		room[at] = k < n && (i == half || before(scheme, &v[k], &v[i])) ? v[k++] : v[i++];
	memcpy(v, room, n * sizeof(*v));
}

/* Beginning, end, beginning, end: each pair is meant as a range, also where PyPI's overlap or touch out of order. */
static bool in_pairs(const struct event *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((v[i].kind == EV_INTRODUCED) != (i % 2 == 0) || v[i].kind == EV_LIMIT)
			return false;
	return n % 2 == 0;
}

/* The schema leaves the order to the reader. Nearly all records come in the order of versions already. */
static void sort_events(const struct version_scheme *scheme, struct event *v, size_t n, struct arena *a)
{
	struct event *room;
	bool sorted = true;

	if (in_pairs(v, n))
		return;
	for (size_t i = 0; i < n; i++) {
		if (!str_is(v[i].version, "0") && !scheme->valid(v[i].version))
			return; /* cannot be ordered: as it was written */
		sorted &= !i || !before(scheme, &v[i], &v[i - 1]);
	}
	if (sorted)
		return;
	room = arena_array(a, struct event, n);
	for (size_t width = 1; width < n; width *= 2)
		for (size_t at = 0; at + width < n; at += 2 * width)
			merge_events(scheme, v + at, width, n - at < 2 * width ? n - at : 2 * width, room);
}

/* Nothing from the highest limit on is affected, whatever else is said of it ("BeforeLimits" of the schema). */
static size_t before_limit(const struct event *v, size_t n)
{
	for (size_t i = n; i > 0; i--)
		if (v[i - 1].kind == EV_LIMIT)
			return i;
	return n;
}

static void end_range(struct adv_range *r, const struct event *end)
{
	if (end->kind != EV_LAST_AFFECTED)
		r->fixed = end->version;
	if (end->kind != EV_FIXED)
		r->last_affected = end->version;
}

/* Walks from event to event. A second beginning inside an affected stretch changes nothing, nor does a second end
 * behind one. */
static void walk_events(struct record *x, const struct event *v, size_t all)
{
	struct adv_range open = { 0 };
	bool is_open = false, any = false;
	size_t n = before_limit(v, all);

	for (size_t i = 0; i < n; i++) {
		if (v[i].kind == EV_LIMIT && i + 1 < n)
			continue;
		if (v[i].kind == EV_INTRODUCED) {
			if (!is_open)
				open = (struct adv_range){ .introduced = v[i].version };
			is_open = any = true;
		} else if (is_open) {
			end_range(&open, &v[i]);
			vec_push(&x->ranges, open);
			is_open = false;
		} else if (!any) {
			feed_skip(x->d, STR("an OSV event before any \"introduced\""));
		}
	}
	if (is_open)
		vec_push(&x->ranges, open);
}

static void find_ranges(struct record *x, struct part *p, const struct version_scheme *scheme)
{
	p->first_range = x->ranges.n;
	for (size_t i = 0; i < p->stretches; i++) {
		const struct stretch *s = &x->stretches.v[p->first_stretch + i];

		if (scheme)
			sort_events(scheme, x->events.v + s->first, s->n, x->d->arena);
		walk_events(x, x->events.v + s->first, s->n);
	}
	p->ranges = x->ranges.n - p->first_range;
}

/* "Important: kernel security update" as AlmaLinux writes it */
static enum severity summary_severity(struct str summary)
{
	enum severity s = SEV_UNKNOWN;
	struct str word, rest;

	if (str_split(summary, ':', &word, &rest))
		(void)severity_parse(word, &s);
	return s;
}

/* The modules a bulletin speaks of stand in its summary, "virt:rhel and virt-devel:rhel security update". */
static void summary_modules(const struct record *x, struct strs *ret)
{
	struct str text = x->summary, word, head, tail;

	if (summary_severity(text) != SEV_UNKNOWN)
		(void)str_split(text, ':', &head, &text);
	while (str_cut(&text, ' ', &word)) {
		while (str_ends(word, STR(",")))
			word.n--;
		if (str_split(word, ':', &head, &tail) && head.n && tail.n && ret->n < FEED_KINDS_MAX)
			vec_push(ret, word);
	}
}

static bool modular(const struct record *x, const struct part *p)
{
	for (size_t i = 0; i < p->ranges; i++) {
		struct str fixed = x->ranges.v[p->first_range + i].fixed;

		if (str_find_str(fixed, STR(".module_el")) >= 0 || str_find_str(fixed, STR(".module+el")) >= 0)
			return true;
	}
	return false;
}

struct saying {
	const struct feed_doc *d;
	const struct strs *ids;
	struct advisory a;
};

static void say_ids(struct saying *s)
{
	for (size_t i = 0; i < s->ids->n; i++) {
		s->a.id = s->ids->v[i];
		feed_say(s->d, &s->a);
	}
}

/* A package of modules is said once for each module the bulletin names: only the right one will ever hold it. */
static void say_modules(const struct record *x, struct saying *s)
{
	struct strs modules = { 0 };

	summary_modules(x, &modules);
	if (!modules.n)
		vec_push(&modules, STR("*"));
	for (size_t i = 0; i < modules.n; i++) {
		s->a.module = modules.v[i];
		say_ids(s);
	}
	vec_done(&modules);
}

/* SUSE names the source package and lists the packages built from it. */
static void say_binaries(const struct record *x, const struct part *p, struct saying *s)
{
	for (size_t i = 0; i < p->binaries; i++) {
		const struct binary *b = &x->binaries.v[p->first_binary + i];
		struct adv_range fixed = { .fixed = b->version };

		s->a.name = b->name;
		s->a.name_kind = ADV_NAME_BINARY;
		s->a.ranges = &fixed;
		s->a.range_count = 1;
		say_ids(s);
	}
}

/* Rocky's groups rebuild packages of the distribution for repositories of their own, RXSA-2023:0101's
 * 4.18.0-425.10.1.el8_7.cloud. */
static struct str channel_of(const struct record *x, const struct ns *ns)
{
	return str_starts(x->id, STR("RXSA-")) ? STR("sig") : ns->channel;
}

static void say_part(const struct record *x, const struct part *p, const struct ns *ns, const struct strs *ids)
{
	struct arena *a = x->d->arena;
	bool source = ns->kind == NS_OS_SOURCE || str_find_str(p->purl, STR("arch=src")) >= 0 ||
		      str_find_str(p->purl, STR("arch=source")) >= 0;
	struct saying s = { .d = x->d, .ids = ids };

	s.a = (struct advisory){
		.bulletin = ns->kind == NS_LANGUAGE || feed_cve_behind(x->id).n ? STR_NONE : x->id,
		.ns = ns->name,
		.name = ns_package_name(a, ns->name, p->name),
		.name_kind = ns->kind != NS_LANGUAGE && source ? ADV_NAME_SOURCE : ADV_NAME_BINARY,
		.channel = channel_of(x, ns),
		.severity = p->severity ? p->severity : x->severity,
		.status = p->status,
		.unimportant = p->unimportant,
		.ranges = p->ranges ? x->ranges.v + p->first_range : NULL,
		.range_count = p->ranges,
		.versions = p->versions ? x->versions.v + p->first_version : NULL,
		.version_count = p->versions,
	};
	if (!p->ranges && !p->versions && p->git_only) {
		feed_skip(x->d, STR("a package with ranges of commits only"));
		return;
	}
	if (p->stretches && !p->ranges && !p->versions)
		return; /* told already: nothing in it begins */
	if (p->binaries)
		say_binaries(x, p, &s);
	else if (modular(x, p))
		say_modules(x, &s);
	else
		say_ids(&s);
}

static bool listed(const struct strs *s, struct str id)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i], id))
			return true;
	return false;
}

/* The ids a distribution's record speaks of. */
static void bulletin_ids(const struct record *x, struct map *seen, struct strs *ret)
{
	const struct strs *const lists[] = { &x->aliases, &x->related };
	struct str own = feed_cve_behind(x->id);

	if (own.n) {
		vec_push(ret, own);
		return;
	}
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		for (size_t i = 0; i < lists[l]->n; i++) {
			struct str id = feed_cve_behind(lists[l]->v[i]);
			bool added;

			if (!id.n || ret->n >= FEED_IDS_MAX)
				continue;
			map_put(seen, id, 0, &added);
			if (added)
				vec_push(ret, id);
		}
	}
}

/* Errata that fix no vulnerability: AlmaLinux ALBA and ALEA, Red Hat RHBA and RHEA, SUSE-RU, -OU and -FU. */
static bool not_security(struct str id)
{
	static const char *const heads[] = { "ALBA-", "ALEA-",	  "RHBA-",    "RHEA-",	  "RLBA-",
					     "RLEA-", "SUSE-RU-", "SUSE-OU-", "SUSE-FU-", "openSUSE-RU-" };

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (str_starts(id, str_c(heads[i])))
			return true;
	return false;
}

static void say_info(const struct record *x, struct str id, bool own)
{
	struct vuln_info v = VULN_INFO_NONE;
	struct strs aliases = { 0 };
	double score;

	v.id = id;
	v.cvss_vector = str_head(x->vector, CVSS_VECTOR_BYTES_MAX);
	if (cvss_score(v.cvss_vector, &score))
		v.cvss_score = score;
	v.published = str_starts(x->published, STR("0001-")) ? STR_NONE : x->published;
	v.withdrawn = x->withdrawn.n > 0;
	if (own) {
		v.title = feed_title(x->d->arena, x->summary.n ? x->summary : x->details);
		v.severity = x->severity;
		for (size_t i = 0; i < x->aliases.n; i++)
			if (!str_eq(x->aliases.v[i], id) && !listed(&aliases, x->aliases.v[i]))
				vec_push(&aliases, x->aliases.v[i]);
	}
	v.aliases = aliases.v;
	v.alias_count = aliases.n;
	v.cwes = x->cwes.v;
	v.cwe_count = x->cwes.n;
	feed_info(x->d, &v);
	vec_done(&aliases);
}

/* Returns how many packages were of a language ecosystem, and of a distribution. */
static void say_parts(struct record *x, const struct strs *own, const struct strs *cves, bool *ret_language)
{
	struct ns ns = { 0 };
	struct str known = STR_NONE; /* consecutive packages are of one ecosystem */

	for (size_t i = 0; i < x->parts.n; i++) {
		struct part *p = &x->parts.v[i];

		if (!known.p || !str_eq(known, p->ecosystem)) {
			known = STR_NONE;
			if (!ns_of_osv(x->d->arena, p->ecosystem, &ns)) {
				feed_skip(x->d, arena_fmt(x->d->arena, "packages of ecosystem \"" STR_FMT "\"",
							  STR_ARG(str_head(p->ecosystem, 60))));
				continue;
			}
			known = p->ecosystem;
		}
		*ret_language |= ns.kind == NS_LANGUAGE;
		if (x->withdrawn.n)
			continue;
		find_ranges(x, p, ns.scheme);
		if (ns.kind == NS_LANGUAGE)
			say_part(x, p, &ns, own);
		else if (cves->n || !not_security(x->id))
			say_part(x, p, &ns, cves->n ? cves : own);
	}
}

static void say_record(struct record *x)
{
	struct strs own = { 0 }, cves = { 0 };
	struct map seen = { 0 };
	bool language = false;

	vec_push(&own, x->id);
	bulletin_ids(x, &seen, &cves);
	if (!x->severity)
		x->severity = summary_severity(x->summary);
	say_parts(x, &own, &cves, &language);
	/* A bulletin's summary and score are no CVE's own, unless it is about one only. */
	if (language || (!cves.n && !not_security(x->id)) || x->withdrawn.n)
		say_info(x, x->id, true);
	else if (cves.n == 1)
		say_info(x, cves.v[0], false);
	vec_done(&own);
	vec_done(&cves);
	map_done(&seen);
}

int feed_osv(const struct feed_doc *d, struct err *e)
{
	struct record x = { .d = d };
	struct json j;
	int r;

	json_init(&j, d->bytes, d->arena);
	read_record(&x, &j);
	r = json_finish(&j, e);
	if (r < 0)
		err_wrap(e, r, "OSV record");
	else if (!x.id.n || x.id.n > FEED_ID_BYTES_MAX)
		r = err_set(e, -EBADMSG, "OSV record without a usable id");
	else
		say_record(&x);
	record_done(&x);
	return r;
}
