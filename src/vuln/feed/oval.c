/* oval: see oval.h. Here the XML becomes tables (oval-tables.h). */
#include "vuln/feed/oval.h"

#include <expat.h>
#include <inttypes.h>

#include "base/buf.h"
#include "vuln/feed/cvss.h"
#include "vuln/feed/ns.h"
#include "vuln/feed/oval-tables.h"

#define DEPTH_MAX 64	      /* elements inside each other; real ones have 12 */
#define TEXT_BYTES_MAX 4096   /* of one element whose text is wanted; descriptions are cut there */
#define LEAVES_MAX 200000     /* criterions of one definition */
#define NODES_MAX 4000000u    /* tests, objects, states and variables */
#define STEP_BYTES (1u << 20) /* given to the XML parser at a time */

struct element;

struct oval {
	XML_Parser xml;
	struct map ids;
	struct str failure;
	int code;
	unsigned int depth;
	const struct element *path[DEPTH_MAX]; /* NULL: one that means nothing */
	struct buf text;
	bool in_text, in_definition;
	bool at_once; /* Debian: each definition is told when it ends, nothing is kept */
	struct oval_definition now;
	struct str description;
	struct str platform;  /* as the definition says, "" as long as it does not */
	struct str installed; /* the release that has to be there, which some definitions say nowhere else */
	bool any_cpe;
	uint32_t group, node; /* being filled; node + 1 */
	struct str resolution, cve_vector, cve_cwe, cve_public;
	enum severity cve_severity;
	struct oval_tables t;
};

static void stop(struct oval *o, int code, const char *why)
{
	if (!o->code) {
		o->code = code;
		o->failure = str_c(why);
		XML_StopParser(o->xml, XML_FALSE);
	}
}

static struct str keep(struct oval *o, struct str s)
{
	if (!s.n)
		return STR_NONE;
	if (o->at_once)
		return arena_str(&o->t.scratch, s);
	if (o->t.kept.used_bytes > OVAL_KEPT_BYTES_MAX) {
		stop(o, -E2BIG, "more definitions than fit");
		return STR_NONE;
	}
	return arena_str(&o->t.kept, s);
}

/* The number of an id, from 1; ids are given numbers where they are first named. */
static uint32_t node_of(struct oval *o, struct str id)
{
	uint32_t *at = map_get(&o->ids, id);

	if (at)
		return *at;
	if (o->t.nodes.n >= NODES_MAX) {
		stop(o, -E2BIG, "more tests than fit");
		return 0;
	}
	if (!id.n || o->t.kept.used_bytes > OVAL_KEPT_BYTES_MAX) {
		if (id.n)
			stop(o, -E2BIG, "more tests than fit");
		return 0;
	}
	id = arena_str(&o->t.kept, id);
	(void)vec_add(&o->t.nodes);
	*map_put(&o->ids, id, 0, NULL) = (uint32_t)o->t.nodes.n;
	return (uint32_t)o->t.nodes.n;
}

static struct str attribute(const char *const *list, const char *name)
{
	for (size_t i = 0; list[i]; i += 2)
		if (str_is(str_c(list[i]), name))
			return str_c(list[i + 1]);
	return STR_NONE;
}

/* -------- a definition -------- */

static void begin_definition(struct oval *o, const char *const *list)
{
	struct str id = attribute(list, "id");

	o->in_definition = true;
	o->at_once = str_starts(id, STR("oval:org.debian:"));
	o->now = (struct oval_definition){
		.unpatched =
			str_is(attribute(list, "class"), "vulnerability") && str_starts(id, STR("oval:com.redhat.")),
		.unaffected = str_find_str(id, STR(".unaffected:")) >= 0,
		.first_cve = (uint32_t)o->t.cves.n,
		.first_leaf = (uint32_t)o->t.leaves.n,
		.first_component = (uint32_t)o->t.components.n,
		.first_group = (uint32_t)o->t.groups.n,
	};
	o->group = 0;
	o->description = o->platform = o->installed = STR_NONE;
	o->any_cpe = false;
	/* "oval:com.ubuntu.noble:def:1234": some files name the platform nowhere else */
	o->now.ns = oval_ubuntu_release(&o->t.kept, id);
}

static void add_cve(struct oval *o, struct str id, enum severity severity)
{
	if (!feed_is_cve(id) || o->t.cves.n - o->now.first_cve >= FEED_IDS_MAX)
		return;
	for (size_t i = o->now.first_cve; i < o->t.cves.n; i++) {
		if (str_eq(o->t.cves.v[i].id, id)) {
			if (severity)
				o->t.cves.v[i].severity = severity;
			return;
		}
	}
	vec_push(&o->t.cves, ((struct oval_cve){ keep(o, id), severity }));
}

static void begin_reference(struct oval *o, const char *const *list)
{
	struct str id = attribute(list, "ref_id");
	struct str cve = feed_cve_behind(id); /* Photon: "CVE:00001:CVE-2016-8637", openSUSE: "Mitre CVE-2010-2322" */

	if (cve.n)
		add_cve(o, cve, SEV_UNKNOWN);
	else if (!o->now.bulletin.n && !str_is(attribute(list, "source"), "Package"))
		o->now.bulletin = keep(o, str_head(id, FEED_ID_BYTES_MAX));
}

/* "9.3/CVSS:3.1/AV:N/..." */
static struct str redhat_vector(struct str s)
{
	ptrdiff_t at = str_find_str(s, STR("CVSS:"));

	return at >= 0 ? str_from(s, (size_t)at) : STR_NONE;
}

static void begin_cve(struct oval *o, const char *const *list)
{
	struct str vector = attribute(list, "cvss_vector");
	struct str rating = attribute(list, "priority");

	if (!vector.n)
		vector = redhat_vector(attribute(list, "cvss3"));
	if (!rating.n)
		rating = attribute(list, "impact");
	o->cve_severity = SEV_UNKNOWN;
	(void)severity_parse(rating, &o->cve_severity);
	o->cve_vector = arena_str(&o->t.scratch, str_head(vector, CVSS_VECTOR_BYTES_MAX));
	o->cve_cwe = arena_str(&o->t.scratch, str_head(attribute(list, "cwe"), FEED_NAME_BYTES_MAX));
	o->cve_public = arena_str(&o->t.scratch, str_head(attribute(list, "public"), 32));
}

/* Rocky names the release nowhere else. */
static void begin_advisory(struct oval *o, const char *const *list)
{
	struct str from = attribute(list, "from");

	if (str_starts(from, STR("cpe:/o:")))
		o->platform = arena_str(&o->t.scratch, str_head(from, FEED_NAME_BYTES_MAX));
}

static void begin_resolution(struct oval *o, const char *const *list)
{
	o->resolution = keep(o, str_head(attribute(list, "state"), FEED_ID_BYTES_MAX));
}

static void begin_criteria(struct oval *o, unused_arg const char *const *list)
{
	if (o->t.groups.n - o->now.first_group >= LEAVES_MAX) {
		stop(o, -E2BIG, "a definition with too many criteria");
		return;
	}
	vec_push(&o->t.groups, ((struct oval_group){ .parent = o->group }));
	o->group = (uint32_t)o->t.groups.n;
}

static struct oval_leaf *leaf_new(struct oval *o)
{
	if (o->t.leaves.n - o->now.first_leaf >= LEAVES_MAX) {
		stop(o, -E2BIG, "a definition with too many criterions");
		return NULL;
	}
	return vec_add(&o->t.leaves);
}

/* "glibc DPKG is earlier than 2.2-1", "linux and user-mode-linux DPKG is earlier than 3.2" */
static bool debian_criterion(struct oval *o, struct str comment)
{
	ptrdiff_t at = str_find_str(comment, STR(" DPKG is earlier than "));
	struct str names, name, version;

	if (at <= 0)
		return false;
	names = str_head(comment, (size_t)at);
	version = keep(o, str_trim(str_from(comment, (size_t)at + strlen(" DPKG is earlier than "))));
	while (str_cut(&names, ' ', &name)) {
		struct oval_leaf *l;

		while (str_ends(name, STR(",")))
			name.n--;
		if (!name.n || str_is(name, "and") || (l = leaf_new(o)) == NULL)
			continue;
		*l = (struct oval_leaf){ .group = o->group, .name = keep(o, name), .version = version };
	}
	return true;
}

/* "Module nodejs:18 is enabled" */
static bool module_criterion(struct oval *o, struct str comment)
{
	const struct str head = STR("Module "), tail = STR(" is enabled");
	struct str module;

	if (!str_starts(comment, head) || !str_ends(comment, tail) || comment.n < head.n + tail.n)
		return false;
	module = str_from(str_head(comment, comment.n - tail.n), head.n);
	if (o->group)
		o->t.groups.v[o->group - 1].module = keep(o, str_head(module, FEED_NAME_BYTES_MAX));
	return true;
}

static void begin_criterion(struct oval *o, const char *const *list)
{
	struct str comment = attribute(list, "comment"), test = attribute(list, "test_ref");
	bool installed = str_ends(comment, STR(" is installed"));
	struct oval_leaf *l;

	if (debian_criterion(o, comment) || module_criterion(o, comment))
		return;
	if (installed && !o->installed.n && str_starts(comment, STR("Red Hat Enterprise Linux ")))
		o->installed = arena_str(&o->t.scratch, str_head(comment, FEED_NAME_BYTES_MAX));
	if (!test.n || (l = leaf_new(o)) == NULL)
		return;
	*l = (struct oval_leaf){ .group = o->group };
	l->esm = oval_ubuntu_for_subscribers(comment);
	l->installed = o->now.unpatched && installed;
	l->is_unfixed = oval_ubuntu_unfixed(comment, &l->unfixed);
	l->cve = keep(o, oval_ubuntu_cve(comment));
	l->test = node_of(o, test);
}

/* "20220512" -> "2022-05-12" */
static struct str plain_date(struct arena *a, struct str s)
{
	for (size_t i = 0; i < 8; i++)
		if (s.n < 8 || !is_digit(s.p[i]))
			return STR_NONE;
	return arena_fmt(a, "%.4s-%.2s-%.2s", s.p, s.p + 4, s.p + 6);
}

/* "CWE-20->CWE-400", "(CWE-1|CWE-2)", "CWE-1 CWE-2"; returns how many. */
static size_t cwes_of(struct str text, struct str *ret, size_t max)
{
	size_t count = 0;

	while (count < max) {
		ptrdiff_t at = str_find_str(text, STR("CWE-"));
		size_t n = 4;

		if (at < 0)
			break;
		text = str_from(text, (size_t)at);
		while (n < text.n && is_digit(text.p[n]))
			n++;
		if (n > 4)
			ret[count++] = str_head(text, n);
		text = str_from(text, n);
	}
	return count;
}

static void end_cve(struct oval *o, struct str id)
{
	struct vuln_info v = VULN_INFO_NONE;
	struct str cwe[8];

	if (!feed_is_cve(id))
		return;
	add_cve(o, id, o->cve_severity);
	v.id = keep(o, id);
	v.cvss_vector = o->cve_vector;
	(void)cvss_score(o->cve_vector, &v.cvss_score);
	v.published = plain_date(&o->t.scratch, o->cve_public);
	v.cwe_count = cwes_of(o->cve_cwe, cwe, ARRAY_LEN(cwe));
	v.cwes = v.cwe_count ? cwe : NULL;
	if (v.id.n && (v.cvss_score >= 0 || v.cwe_count || v.published.n))
		oval_say_info(&o->t, &v);
}

/* Rocky names the CVEs in its text only. */
static void cves_of_text(struct oval *o, struct str text)
{
	for (;;) {
		ptrdiff_t at = str_find_str(text, STR("CVE-"));
		size_t n = 4;

		if (at < 0)
			return;
		text = str_from(text, (size_t)at);
		while (n < text.n && (is_digit(text.p[n]) || text.p[n] == '-'))
			n++;
		add_cve(o, str_head(text, n), SEV_UNKNOWN);
		text = str_from(text, n);
	}
}

static struct str release_of(struct oval *o)
{
	struct arena *a = o->at_once ? &o->t.scratch : &o->t.kept;

	if (o->now.ns.n)
		return o->now.ns;
	/* Red Hat's vulnerability class had neither a platform nor CPEs for some years. */
	return ns_of_platform(a, o->platform.n || o->any_cpe ? o->platform : o->installed);
}

/* Debian's comments say it all; the tests beside them are of the release and the architecture. */
static bool is_direct(const struct oval *o)
{
	for (uint32_t i = 0; i < o->now.leaves; i++)
		if (o->t.leaves.v[o->now.first_leaf + i].name.n)
			return true;
	return false;
}

static void say_direct(struct oval *o)
{
	const struct oval_definition *x = &o->now;
	struct vuln_info v = VULN_INFO_NONE;

	v.title = feed_title(&o->t.scratch, o->description);
	if (x->cves == 1 && v.title.n) {
		v.id = o->t.cves.v[x->first_cve].id;
		oval_say_info(&o->t, &v);
	}
	oval_say_definition(&o->t, x);
}

/* LSN: live patches of a running kernel, which no package version tells of. */
static bool says_something(struct oval *o)
{
	const struct oval_definition *x = &o->now;

	if (!x->leaves || (!x->cves && !x->bulletin.n))
		return false;
	if (!x->ns.n)
		feed_skip(&o->t.d, STR("a definition of an unknown platform"));
	return x->ns.n && !str_starts(x->bulletin, STR("LSN-"));
}

static void end_definition(struct oval *o, unused_arg struct str text)
{
	struct oval_definition *x = &o->now;

	if (!o->in_definition)
		return;
	o->in_definition = false;
	x->ns = release_of(o);
	if (o->t.cves.n == x->first_cve)
		cves_of_text(o, o->description);
	x->cves = (uint32_t)o->t.cves.n - x->first_cve;
	x->leaves = (uint32_t)o->t.leaves.n - x->first_leaf;
	x->components = (uint32_t)o->t.components.n - x->first_component;
	if (str_starts(x->bulletin, STR("OVMSA-"))) /* Oracle VM, built on Oracle Linux */
		x->channel = STR("ovm");
	if (says_something(o)) {
		if (!is_direct(o)) {
			vec_push(&o->t.definitions, *x);
			goto out;
		}
		say_direct(o);
	}
	o->t.cves.n = x->first_cve;
	o->t.leaves.n = x->first_leaf;
	o->t.components.n = x->first_component;
	o->t.groups.n = x->first_group;
out:
	arena_reset(&o->t.scratch);
}

static void end_criteria(struct oval *o, unused_arg struct str text)
{
	if (o->group)
		o->group = o->t.groups.v[o->group - 1].parent;
}

static void end_platform(struct oval *o, struct str text)
{
	o->platform = arena_str(&o->t.scratch, text);
	o->now.channel = oval_ubuntu_channel(&o->t.kept, text);
}

static void end_description(struct oval *o, struct str text)
{
	o->description = arena_str(&o->t.scratch, text);
}

static void end_dsa(struct oval *o, struct str text)
{
	o->now.bulletin = keep(o, str_head(text, FEED_ID_BYTES_MAX));
}

static void end_severity(struct oval *o, struct str text)
{
	(void)severity_parse(text, &o->now.severity);
}

static void end_component(struct oval *o, struct str text)
{
	vec_push(&o->t.components, ((struct oval_state_of){ keep(o, text), o->resolution }));
}

static void end_cpe(struct oval *o, struct str cpe)
{
	struct ns ns;

	o->any_cpe = true;
	if (o->now.ns.n && !o->now.channel.n)
		return;
	if (ns_of_redhat_cpe(&o->t.kept, cpe, &ns)) {
		o->now.ns = keep(o, ns.name);
		o->now.channel = keep(o, ns.channel);
	} else if (!o->platform.n && str_starts(cpe, STR("cpe:/a:almalinux:"))) {
		o->platform = arena_str(&o->t.scratch, cpe);
	}
}

/* -------- tests, objects, states, variables -------- */

static void begin_test(struct oval *o, const char *const *list)
{
	o->node = node_of(o, attribute(list, "id"));
	if (!o->node)
		return;
	o->t.nodes.v[o->node - 1].esm = oval_ubuntu_for_subscribers(attribute(list, "comment"));
	o->t.nodes.v[o->node - 1].usable = !str_is(attribute(list, "check"), "none satisfy") &&
					   !str_is(attribute(list, "check_existence"), "none_exist");
}

static void begin_node(struct oval *o, const char *const *list)
{
	o->node = node_of(o, attribute(list, "id"));
	if (!o->node)
		return;
	o->t.nodes.v[o->node - 1].esm = oval_ubuntu_for_subscribers(attribute(list, "comment"));
	o->t.nodes.v[o->node - 1].first = (uint32_t)o->t.values.n;
}

static void end_node(struct oval *o, unused_arg struct str text)
{
	o->node = 0;
}

/* The node that `name` refers to becomes what the node at hand has in `member`. */
static uint32_t referred(struct oval *o, const char *const *list, const char *name)
{
	struct str id = attribute(list, name);

	return o->node && id.n ? node_of(o, id) : 0;
}

static void begin_object_ref(struct oval *o, const char *const *list)
{
	uint32_t other = referred(o, list, "object_ref");

	if (other)
		o->t.nodes.v[o->node - 1].object = other;
}

static void begin_state_ref(struct oval *o, const char *const *list)
{
	uint32_t other = referred(o, list, "state_ref");

	if (other)
		o->t.nodes.v[o->node - 1].state = other;
}

static void begin_name(struct oval *o, const char *const *list)
{
	uint32_t other = referred(o, list, "var_ref");

	if (other)
		o->t.nodes.v[o->node - 1].variable = other;
}

static void begin_evr(struct oval *o, const char *const *list)
{
	if (o->node)
		o->t.nodes.v[o->node - 1].less_than = str_is(attribute(list, "operation"), "less than");
}

/* A package's name, or a version. */
static void end_node_text(struct oval *o, struct str text)
{
	if (o->node && text.n)
		o->t.nodes.v[o->node - 1].text = keep(o, text);
}

static void end_arch(struct oval *o, struct str text)
{
	if (o->node)
		o->t.nodes.v[o->node - 1].arch = keep(o, text);
}

static void end_value(struct oval *o, struct str text)
{
	if (!o->node)
		return;
	text = oval_ubuntu_package(&o->t.scratch, text);
	if (!text.n) {
		feed_skip(&o->t.d, STR("a pattern that is no package's name"));
		return;
	}
	vec_push(&o->t.values, keep(o, text));
	o->t.nodes.v[o->node - 1].n = (uint32_t)o->t.values.n - o->t.nodes.v[o->node - 1].first;
}

/* -------- the elements -------- */

/* All was told already: the rest is only read for being well-formed. */
static void end_definitions(struct oval *o, unused_arg struct str text)
{
	if (!o->t.definitions.n)
		XML_SetElementHandler(o->xml, NULL, NULL);
}

/* Those that mean something; the prefix before ':' differs from vendor to vendor. */
static const struct element {
	const char *name;
	bool text;   /* its text is wanted; `end` comes only with it */
	bool inside; /* means something in a definition only */
	void (*begin)(struct oval *o, const char *const *list);
	void (*end)(struct oval *o, struct str text);
} elements[] = {
	{ "criteria", false, true, begin_criteria, end_criteria },
	{ "criterion", false, true, begin_criterion, NULL },
	{ "reference", false, true, begin_reference, NULL },
	{ "description", true, false, NULL, end_description },
	{ "definition", false, false, begin_definition, end_definition },
	{ "platform", true, false, NULL, end_platform },
	{ "dsa", true, false, NULL, end_dsa },
	{ "object", false, false, begin_object_ref, NULL },
	{ "state", false, false, begin_state_ref, NULL },
	{ "name", true, false, begin_name, end_node_text },
	{ "evr", true, false, begin_evr, end_node_text },
	{ "arch", true, false, NULL, end_arch },
	{ "value", true, false, NULL, end_value },
	{ "rpminfo_test", false, false, begin_test, end_node },
	{ "dpkginfo_test", false, false, begin_test, end_node },
	{ "rpminfo_object", false, false, begin_node, end_node },
	{ "dpkginfo_object", false, false, begin_node, end_node },
	{ "rpminfo_state", false, false, begin_node, end_node },
	{ "dpkginfo_state", false, false, begin_node, end_node },
	{ "textfilecontent54_test", false, false, begin_test, end_node },
	{ "textfilecontent54_object", false, false, begin_node, end_node },
	{ "textfilecontent54_state", false, false, begin_node, end_node },
	{ "pattern", false, false, begin_name, NULL },
	{ "subexpression", true, false, begin_evr, end_node_text },
	{ "constant_variable", false, false, begin_node, end_node },
	{ "advisory", false, true, begin_advisory, NULL },
	{ "severity", true, false, NULL, end_severity },
	{ "cve", true, false, begin_cve, end_cve },
	{ "cpe", true, false, NULL, end_cpe },
	{ "resolution", false, false, begin_resolution, NULL },
	{ "component", true, false, NULL, end_component },
	{ "definitions", false, false, NULL, end_definitions },
};

static const struct element *element_of(const char *name)
{
	const char *colon = strchr(name, ':');
	struct str local = str_c(colon ? colon + 1 : name);

	for (size_t i = 0; i < ARRAY_LEN(elements); i++)
		if (str_is(local, elements[i].name))
			return &elements[i];
	return NULL;
}

static bool applies(const struct oval *o, const struct element *el)
{
	return el && (!el->inside || o->in_definition);
}

static void XMLCALL on_start(void *ctx, const char *name, const char **list)
{
	struct oval *o = ctx;
	const struct element *el;

	if (o->code)
		return;
	if (o->depth >= DEPTH_MAX) {
		stop(o, -EBADMSG, "nested too deeply");
		return;
	}
	el = o->path[o->depth++] = element_of(name);
	if (el && el->text) {
		o->in_text = true;
		buf_clear(&o->text);
	}
	if (applies(o, el) && el->begin)
		el->begin(o, (const char *const *)list);
}

static void XMLCALL on_text(void *ctx, const char *p, int n)
{
	struct oval *o = ctx;

	if (o->in_text && !o->code && n > 0)
		buf_str(&o->text, str_head(str_n(p, (size_t)n), TEXT_BYTES_MAX - o->text.n));
}

static void XMLCALL on_end(void *ctx, unused_arg const char *name)
{
	struct oval *o = ctx;
	const struct element *el;
	bool in_text = o->in_text;

	if (o->code || !o->depth)
		return;
	el = o->path[--o->depth];
	o->in_text = false;
	if (applies(o, el) && el->end && (in_text || !el->text))
		el->end(o, in_text ? str_trim(buf_all(&o->text)) : STR_NONE);
}

/* No feed has a document type; entities that expand to gigabytes live in one. */
static void XMLCALL on_doctype(void *ctx, unused_arg const char *name, unused_arg const char *system,
			       unused_arg const char *public, unused_arg int internal)
{
	stop(ctx, -EBADMSG, "has a document type declaration");
}

struct oval *oval_new(const struct feed_sink *sink, struct feed_skips *skips)
{
	struct oval *o = xcalloc(1, sizeof(*o));

	o->xml = XML_ParserCreate(NULL);
	if (!o->xml)
		abort(); /* out of memory, as xmalloc */
	o->t.d = (struct feed_doc){ .arena = &o->t.scratch, .sink = sink, .skips = skips };
	buf_init(&o->text, TEXT_BYTES_MAX);
	XML_SetUserData(o->xml, o);
	XML_SetElementHandler(o->xml, on_start, on_end);
	XML_SetCharacterDataHandler(o->xml, on_text);
	XML_SetStartDoctypeDeclHandler(o->xml, on_doctype);
	return o;
}

struct oval *oval_free(struct oval *o)
{
	if (!o)
		return NULL;
	XML_ParserFree(o->xml);
	arena_done(&o->t.kept);
	arena_done(&o->t.scratch);
	map_done(&o->ids);
	map_done(&o->t.once);
	buf_done(&o->text);
	vec_done(&o->t.nodes);
	vec_done(&o->t.values);
	vec_done(&o->t.definitions);
	vec_done(&o->t.cves);
	vec_done(&o->t.leaves);
	vec_done(&o->t.groups);
	vec_done(&o->t.components);
	free(o);
	return NULL;
}

/* expat 2.9 deprecates the call that older ones have only. */
static uint64_t line_number(struct oval *o)
{
#if XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 9)
	return XML_GetCurrentLineNumber64(o->xml);
#else
	return XML_GetCurrentLineNumber(o->xml);
#endif
}

int oval_add(struct oval *o, struct str bytes, bool last, struct err *e)
{
	do {
		struct str step = str_head(bytes, STEP_BYTES);

		bytes = str_from(bytes, step.n);
		if (o->code || XML_Parse(o->xml, step.p, (int)step.n, last && !bytes.n) != XML_STATUS_OK) {
			if (o->code)
				return err_set(e, o->code, "OVAL: " STR_FMT, STR_ARG(o->failure));
			return err_set(e, -EBADMSG, "OVAL: %s at line %" PRIu64,
				       XML_ErrorString(XML_GetErrorCode(o->xml)), line_number(o));
		}
	} while (bytes.n);
	if (o->code)
		return err_set(e, o->code, "OVAL: " STR_FMT, STR_ARG(o->failure));
	if (last)
		for (size_t i = 0; i < o->t.definitions.n; i++)
			oval_say_definition(&o->t, &o->t.definitions.v[i]);
	return 0;
}

int feed_oval(const struct feed_doc *d, struct err *e)
{
	struct oval *o = oval_new(d->sink, d->skips);
	int r = oval_add(o, d->bytes, true, e);

	oval_free(o);
	return r;
}
