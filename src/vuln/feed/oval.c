/* oval: see oval.h. */
#include "vuln/feed/oval.h"

#include <expat.h>
#include <inttypes.h>

#include "base/buf.h"
#include "vuln/feed/cvss.h"
#include "vuln/feed/ns.h"

#define DEPTH_MAX 64	      /* elements inside each other; real ones have 12 */
#define TEXT_BYTES_MAX 4096   /* of one element whose text is wanted; descriptions are cut there */
#define LEAVES_MAX 200000     /* criterions of one definition */
#define NODES_MAX 4000000u    /* tests, objects, states and variables */
#define STEP_BYTES (1u << 20) /* given to the XML parser at a time */

/* The elements that mean something; the prefix before ':' differs from vendor to vendor. */
enum element {
	E_OTHER,
	E_DEFINITION,
	E_PLATFORM,
	E_REFERENCE,
	E_DESCRIPTION,
	E_DSA,
	E_ADVISORY,
	E_SEVERITY,
	E_CVE,
	E_CPE,
	E_RESOLUTION,
	E_COMPONENT,
	E_CRITERIA,
	E_CRITERION,
	E_DEFINITIONS,
	E_TEST,
	E_OBJECT_REF,
	E_STATE_REF,
	E_OBJECT,
	E_NAME,
	E_STATE,
	E_EVR,
	E_ARCH,
	E_VARIABLE,
	E_VALUE,
};

static const struct {
	const char *name;
	enum element element;
	bool text; /* its text is wanted */
} elements[] = {
	{ "criteria", E_CRITERIA, false },
	{ "criterion", E_CRITERION, false },
	{ "reference", E_REFERENCE, false },
	{ "description", E_DESCRIPTION, true },
	{ "definition", E_DEFINITION, false },
	{ "platform", E_PLATFORM, true },
	{ "dsa", E_DSA, true },
	{ "object", E_OBJECT_REF, false },
	{ "state", E_STATE_REF, false },
	{ "name", E_NAME, true },
	{ "evr", E_EVR, true },
	{ "arch", E_ARCH, true },
	{ "value", E_VALUE, true },
	{ "rpminfo_test", E_TEST, false },
	{ "dpkginfo_test", E_TEST, false },
	{ "rpminfo_object", E_OBJECT, false },
	{ "dpkginfo_object", E_OBJECT, false },
	{ "rpminfo_state", E_STATE, false },
	{ "dpkginfo_state", E_STATE, false },
	{ "constant_variable", E_VARIABLE, false },
	{ "advisory", E_ADVISORY, false },
	{ "severity", E_SEVERITY, true },
	{ "cve", E_CVE, true },
	{ "cpe", E_CPE, true },
	{ "resolution", E_RESOLUTION, false },
	{ "component", E_COMPONENT, true },
	{ "definitions", E_DEFINITIONS, false },
};

/* A test, object, state or variable, by the number its id was given. */
struct node {
	struct str text;	/* object: package name; state: version */
	struct str arch;	/* state */
	uint32_t object, state; /* test: node + 1 */
	uint32_t variable;	/* object: node + 1 */
	uint32_t first, n;	/* variable: its values */
	bool less_than;		/* state: version says "less than" */
	bool usable;		/* test: true for a package that is there */
	bool esm;		/* Ubuntu: for subscribers only */
};

struct cve {
	struct str id;
	enum severity severity;
};

/* What stands in a criterion, and in which criteria it stands. */
struct leaf {
	uint32_t test; /* node + 1, 0 = name and version are here */
	uint32_t group;
	struct str name, version;
	bool esm, installed;
};

struct group {
	uint32_t parent;
	struct str module;
};

struct state_of {
	struct str component, state;
};

struct definition {
	struct str ns, channel, bulletin;
	enum severity severity;
	bool vulnerability, unaffected;
	uint32_t first_cve, cves, first_leaf, leaves, first_component, components;
	uint32_t first_group;
};

struct oval {
	XML_Parser xml;
	struct feed_doc d;
	struct arena kept, scratch;
	struct map ids;
	struct str failure;
	int code;
	unsigned int depth;
	enum element path[DEPTH_MAX];
	struct buf text;
	bool in_text, in_definition;
	bool at_once; /* Debian: each definition is told when it ends, nothing is kept */
	struct definition now;
	struct str description, platform;
	uint32_t group, node; /* being filled; node + 1 */
	struct str resolution, cve_vector, cve_cwe, cve_public;
	enum severity cve_severity;
	VEC(struct node) nodes;
	VEC(struct str) values;
	VEC(struct definition) definitions;
	VEC(struct cve) cves;
	VEC(struct leaf) leaves;
	VEC(struct group) groups;
	VEC(struct state_of) components;
	struct map once; /* ids whose vuln_info was told */
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
		return arena_str(&o->scratch, s);
	if (o->kept.used_bytes > OVAL_KEPT_BYTES_MAX) {
		stop(o, -E2BIG, "more definitions than fit");
		return STR_NONE;
	}
	return arena_str(&o->kept, s);
}

/* The number of an id, from 1; ids are given numbers where they are first named. */
static uint32_t node_of(struct oval *o, struct str id)
{
	uint32_t *at = map_get(&o->ids, id);

	if (at)
		return *at;
	if (o->nodes.n >= NODES_MAX) {
		stop(o, -E2BIG, "more tests than fit");
		return 0;
	}
	if (!id.n || o->kept.used_bytes > OVAL_KEPT_BYTES_MAX) {
		if (id.n)
			stop(o, -E2BIG, "more tests than fit");
		return 0;
	}
	id = arena_str(&o->kept, id);
	(void)vec_add(&o->nodes);
	*map_put(&o->ids, id, 0, NULL) = (uint32_t)o->nodes.n;
	return (uint32_t)o->nodes.n;
}

static struct str attribute(const char *const *list, const char *name)
{
	for (size_t i = 0; list[i]; i += 2)
		if (str_is(str_c(list[i]), name))
			return str_c(list[i + 1]);
	return STR_NONE;
}

static enum element element_of(const char *name, bool *ret_text)
{
	const char *colon = strchr(name, ':');
	struct str local = str_c(colon ? colon + 1 : name);

	for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
		if (str_is(local, elements[i].name)) {
			*ret_text = elements[i].text;
			return elements[i].element;
		}
	}
	*ret_text = false;
	return E_OTHER;
}

/* Without the epoch 0, which is how versions are written elsewhere. */
static struct str no_zero_epoch(struct str version)
{
	return str_starts(version, STR("0:")) ? str_from(version, 2) : version;
}

static void begin_definition(struct oval *o, const char *const *list)
{
	struct str id = attribute(list, "id");

	o->in_definition = true;
	o->at_once = str_starts(id, STR("oval:org.debian:"));
	o->now = (struct definition){
		.vulnerability = str_is(attribute(list, "class"), "vulnerability"),
		.unaffected = str_find_str(id, STR(".unaffected:")) >= 0,
		.first_cve = (uint32_t)o->cves.n,
		.first_leaf = (uint32_t)o->leaves.n,
		.first_component = (uint32_t)o->components.n,
		.first_group = (uint32_t)o->groups.n,
	};
	o->group = 0;
	o->description = o->platform = STR_NONE;
	/* "oval:com.ubuntu.noble:def:1234": some files name the platform nowhere else */
	if (str_starts(id, STR("oval:com.ubuntu."))) {
		struct str codename = str_from(id, strlen("oval:com.ubuntu."));

		(void)str_split(codename, ':', &codename, &id);
		codename = ns_ubuntu_release(codename);
		if (codename.n)
			o->now.ns = ns_join(&o->kept, STR("ubuntu:"), codename);
	}
}

static bool for_subscribers(struct str comment)
{
	return str_starts(comment, STR("Available with Ubuntu"));
}

static void add_cve(struct oval *o, struct str id, enum severity severity)
{
	if (!feed_is_cve(id) || o->cves.n - o->now.first_cve >= FEED_IDS_MAX)
		return;
	for (size_t i = o->now.first_cve; i < o->cves.n; i++) {
		if (str_eq(o->cves.v[i].id, id)) {
			if (severity)
				o->cves.v[i].severity = severity;
			return;
		}
	}
	vec_push(&o->cves, ((struct cve){ keep(o, id), severity }));
}

static void begin_reference(struct oval *o, const char *const *list)
{
	struct str id = attribute(list, "ref_id");

	if (feed_is_cve(id))
		add_cve(o, id, SEV_UNKNOWN);
	else if (!o->now.bulletin.n)
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
	o->cve_vector = arena_str(&o->scratch, str_head(vector, CVSS_VECTOR_BYTES_MAX));
	o->cve_cwe = arena_str(&o->scratch, str_head(attribute(list, "cwe"), FEED_NAME_BYTES_MAX));
	o->cve_public = arena_str(&o->scratch, str_head(attribute(list, "public"), 32));
}

static void begin_criteria(struct oval *o)
{
	if (o->groups.n - o->now.first_group >= LEAVES_MAX) {
		stop(o, -E2BIG, "a definition with too many criteria");
		return;
	}
	vec_push(&o->groups, ((struct group){ .parent = o->group }));
	o->group = (uint32_t)o->groups.n;
}

static struct leaf *leaf_new(struct oval *o)
{
	if (o->leaves.n - o->now.first_leaf >= LEAVES_MAX) {
		stop(o, -E2BIG, "a definition with too many criterions");
		return NULL;
	}
	return vec_add(&o->leaves);
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
		struct leaf *l;

		while (str_ends(name, STR(",")))
			name.n--;
		if (!name.n || str_is(name, "and") || (l = leaf_new(o)) == NULL)
			continue;
		*l = (struct leaf){ .group = o->group, .name = keep(o, name), .version = version };
	}
	return true;
}

static void begin_criterion(struct oval *o, const char *const *list)
{
	struct str comment = attribute(list, "comment"), test = attribute(list, "test_ref");
	struct leaf *l;

	if (debian_criterion(o, comment))
		return;
	if (str_starts(comment, STR("Module ")) && str_ends(comment, STR(" is enabled"))) {
		struct str module = str_head(str_from(comment, 7), comment.n - 7 - strlen(" is enabled"));

		if (o->group)
			o->groups.v[o->group - 1].module = keep(o, str_head(module, FEED_NAME_BYTES_MAX));
		return;
	}
	if (!test.n || (l = leaf_new(o)) == NULL)
		return;
	*l = (struct leaf){ .group = o->group };
	l->esm = for_subscribers(comment);
	l->installed = o->now.vulnerability && str_ends(comment, STR(" is installed"));
	l->test = node_of(o, test);
}

static void begin_test(struct oval *o, const char *const *list)
{
	o->node = node_of(o, attribute(list, "id"));
	if (!o->node)
		return;
	o->nodes.v[o->node - 1].esm = for_subscribers(attribute(list, "comment"));
	o->nodes.v[o->node - 1].usable = !str_is(attribute(list, "check"), "none satisfy") &&
					 !str_is(attribute(list, "check_existence"), "none_exist");
}

static void begin_node(struct oval *o, enum element el, const char *const *list)
{
	o->node = node_of(o, attribute(list, "id"));
	if (!o->node)
		return;
	o->nodes.v[o->node - 1].esm = for_subscribers(attribute(list, "comment"));
	if (el == E_VARIABLE)
		o->nodes.v[o->node - 1].first = (uint32_t)o->values.n;
}

static void begin_inside(struct oval *o, enum element el, const char *const *list)
{
	uint32_t other;

	if (!o->node)
		return;
	switch ((unsigned int)el) {
	case E_OBJECT_REF:
		other = node_of(o, attribute(list, "object_ref"));
		o->nodes.v[o->node - 1].object = other;
		break;
	case E_STATE_REF:
		other = node_of(o, attribute(list, "state_ref"));
		o->nodes.v[o->node - 1].state = other;
		break;
	case E_NAME:
		if (attribute(list, "var_ref").n) {
			other = node_of(o, attribute(list, "var_ref"));
			o->nodes.v[o->node - 1].variable = other;
		}
		break;
	case E_EVR:
		o->nodes.v[o->node - 1].less_than = str_is(attribute(list, "operation"), "less than");
		break;
	default:
		break;
	}
}

static void begin_element(struct oval *o, enum element el, const char *const *list)
{
	switch ((unsigned int)el) {
	case E_DEFINITION:
		begin_definition(o, list);
		break;
	case E_REFERENCE:
		if (o->in_definition)
			begin_reference(o, list);
		break;
	case E_ADVISORY: /* Rocky names the release nowhere else */
		if (o->in_definition && str_starts(attribute(list, "from"), STR("cpe:/o:")))
			o->platform = arena_str(&o->scratch, str_head(attribute(list, "from"), FEED_NAME_BYTES_MAX));
		break;
	case E_CVE:
		begin_cve(o, list);
		break;
	case E_RESOLUTION:
		o->resolution = keep(o, str_head(attribute(list, "state"), FEED_ID_BYTES_MAX));
		break;
	case E_CRITERIA:
		if (o->in_definition)
			begin_criteria(o);
		break;
	case E_CRITERION:
		if (o->in_definition)
			begin_criterion(o, list);
		break;
	case E_TEST:
		begin_test(o, list);
		break;
	case E_OBJECT:
	case E_STATE:
	case E_VARIABLE:
		begin_node(o, el, list);
		break;
	default:
		begin_inside(o, el, list);
	}
}

static void XMLCALL on_start(void *ctx, const char *name, const char **list)
{
	struct oval *o = ctx;
	bool text;
	enum element el;

	if (o->code)
		return;
	if (o->depth >= DEPTH_MAX) {
		stop(o, -EBADMSG, "nested too deeply");
		return;
	}
	el = element_of(name, &text);
	o->path[o->depth++] = el;
	if (text) {
		o->in_text = true;
		buf_clear(&o->text);
	}
	if (el != E_OTHER)
		begin_element(o, el, (const char *const *)list);
}

static void XMLCALL on_text(void *ctx, const char *p, int n)
{
	struct oval *o = ctx;

	if (o->in_text && !o->code && n > 0)
		buf_str(&o->text, str_head(str_n(p, (size_t)n), TEXT_BYTES_MAX - o->text.n));
}

static const struct {
	const char *head, *ns;
	bool major_only;
} platforms[] = {
	{ "Debian GNU/Linux ", "debian:", false },
	{ "Ubuntu ", "ubuntu:", false },
	{ "Red Hat Enterprise Linux ", "rhel:", true },
	{ "Rocky Linux ", "rocky:", true },
	{ "cpe:/o:rocky:rocky:", "rocky:", true },
	{ "cpe:/o:rocky:rocky_linux:", "rocky:", true },
	{ "Oracle Linux ", "oracle:", true },
	{ "AlmaLinux ", "almalinux:", true },
	{ "cpe:/o:almalinux:almalinux:", "almalinux:", true },
};

static struct str platform_ns(struct oval *o, struct str platform)
{
	for (size_t i = 0; i < ARRAY_LEN(platforms); i++) {
		struct str rest;
		size_t n = 0;

		if (!str_starts(platform, str_c(platforms[i].head)))
			continue;
		rest = str_from(platform, strlen(platforms[i].head));
		while (n < rest.n && (is_digit(rest.p[n]) || (rest.p[n] == '.' && !platforms[i].major_only)))
			n++;
		if (n)
			return ns_join(o->at_once ? &o->scratch : &o->kept, str_c(platforms[i].ns), str_head(rest, n));
	}
	return STR_NONE;
}

/* Titles and scores: told once for each id. */
static void tell_info(struct oval *o, struct vuln_info *v)
{
	if (map_get(&o->once, v->id) || o->kept.used_bytes > OVAL_KEPT_BYTES_MAX)
		return;
	map_put(&o->once, arena_str(&o->kept, v->id), 0, NULL);
	feed_info(&o->d, v);
}

/* "20220512" -> "2022-05-12" */
static struct str plain_date(struct arena *a, struct str s)
{
	for (size_t i = 0; i < 8; i++)
		if (s.n < 8 || !is_digit(s.p[i]))
			return STR_NONE;
	return arena_fmt(a, "%.4s-%.2s-%.2s", s.p, s.p + 4, s.p + 6);
}

static void end_cve(struct oval *o, struct str id)
{
	struct vuln_info v = VULN_INFO_NONE;
	struct str cwe[8];
	size_t cwes = 0;
	double score;

	if (!feed_is_cve(id))
		return;
	add_cve(o, id, o->cve_severity);
	/* "CWE-20->CWE-400", "(CWE-1|CWE-2)" */
	for (struct str rest = o->cve_cwe; cwes < ARRAY_LEN(cwe);) {
		ptrdiff_t at = str_find_str(rest, STR("CWE-"));
		size_t n = 4;

		if (at < 0)
			break;
		rest = str_from(rest, (size_t)at);
		while (n < rest.n && is_digit(rest.p[n]))
			n++;
		if (n > 4)
			cwe[cwes++] = str_head(rest, n);
		rest = str_from(rest, n);
	}
	v.id = keep(o, id);
	v.cvss_vector = o->cve_vector;
	if (cvss_score(o->cve_vector, &score))
		v.cvss_score = score;
	v.published = plain_date(&o->scratch, o->cve_public);
	v.cwes = cwes ? cwe : NULL;
	v.cwe_count = cwes;
	if (v.id.n && (v.cvss_score >= 0 || cwes || v.published.n))
		tell_info(o, &v);
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

static struct str module_of(const struct oval *o, uint32_t group)
{
	for (; group; group = o->groups.v[group - 1].parent)
		if (o->groups.v[group - 1].module.n)
			return o->groups.v[group - 1].module;
	return STR_NONE;
}

/* Says one package and version for every id of the definition. */
static void say_package(struct oval *o, const struct definition *x, struct advisory *a, struct str version)
{
	struct adv_range fixed = { .fixed = no_zero_epoch(version) };
	struct cve own = { x->bulletin, SEV_UNKNOWN };
	const struct cve *list = x->cves ? o->cves.v + x->first_cve : &own;
	size_t n = x->cves ? x->cves : 1;

	a->ns = x->ns;
	a->bulletin = x->bulletin;
	if (version.n) {
		a->status = str_is(fixed.fixed, "0") ? ADV_NOT_AFFECTED : ADV_AFFECTED;
		a->ranges = a->status == ADV_AFFECTED ? &fixed : NULL;
		a->range_count = a->status == ADV_AFFECTED;
	}
	for (size_t i = 0; i < n; i++) {
		a->id = list[i].id;
		a->severity = list[i].severity ? list[i].severity : x->severity;
		feed_say(&o->d, a);
	}
}

static const struct {
	const char *state;
	enum advisory_status status;
} resolutions[] = {
	{ "Affected", ADV_AFFECTED },	  { "Not affected", ADV_NOT_AFFECTED },
	{ "Will not fix", ADV_WONT_FIX }, { "Out of support scope", ADV_END_OF_LIFE },
	{ "Fix deferred", ADV_DEFERRED }, { "Under investigation", ADV_INVESTIGATING },
};

/* A package of Red Hat's vulnerability class: there is no fix, the resolution of its component says why. */
static void say_unfixed(struct oval *o, const struct definition *x, struct advisory *a)
{
	a->status = x->unaffected ? ADV_NOT_AFFECTED : ADV_AFFECTED;
	for (size_t i = 0; i < x->components; i++) {
		const struct state_of *s = &o->components.v[x->first_component + i];
		ptrdiff_t slash = str_rfind(s->component, '/'); /* "nodejs:18/nodejs" */
		struct str component = slash >= 0 ? str_from(s->component, (size_t)slash + 1) : s->component;
		struct str module = slash >= 0 ? str_head(s->component, (size_t)slash) : STR_NONE;

		if (!str_eq(component, a->name) || (module.n && a->module.n && !str_eq(module, a->module)))
			continue;
		for (size_t r = 0; r < ARRAY_LEN(resolutions); r++)
			if (str_is(s->state, resolutions[r].state))
				a->status = resolutions[r].status;
		a->reason = s->state;
	}
	say_package(o, x, a, STR_NONE);
}

/* A pattern of one architecture means that one; a list of them is all that the vendor builds. */
static struct str one_arch(struct str pattern)
{
	return str_find(pattern, '|') < 0 && str_find(pattern, '*') < 0 ? pattern : STR_NONE;
}

static void say_leaf(struct oval *o, const struct definition *x, const struct leaf *l)
{
	struct advisory a = { .name_kind = ADV_NAME_BINARY, .channel = x->channel };
	const struct node *test, *object, *state;

	if (l->name.n) {
		a.name = l->name;
		a.name_kind = ADV_NAME_SOURCE;
		say_package(o, x, &a, l->version);
		return;
	}
	test = l->test ? &o->nodes.v[l->test - 1] : NULL;
	if (!test || !test->usable || !test->object)
		return;
	object = &o->nodes.v[test->object - 1];
	state = test->state ? &o->nodes.v[test->state - 1] : NULL;
	a.module = module_of(o, l->group);
	if (l->esm || test->esm || object->esm || (state && state->esm))
		a.channel = STR("esm");
	if (state && state->less_than && state->text.n) {
		a.arch = one_arch(state->arch);
		for (uint32_t i = 0; object->variable && i < o->nodes.v[object->variable - 1].n; i++) {
			a.name = o->values.v[o->nodes.v[object->variable - 1].first + i];
			say_package(o, x, &a, state->text);
		}
		if (object->text.n) {
			a.name = object->text;
			say_package(o, x, &a, state->text);
		}
	} else if (l->installed && object->text.n) {
		a.name = object->text;
		say_unfixed(o, x, &a);
	}
}

static void say_definition(struct oval *o, const struct definition *x)
{
	for (uint32_t i = 0; i < x->leaves; i++) {
		const struct leaf *l = &o->leaves.v[x->first_leaf + i];

		/* Rocky names each test twice */
		if (i && l->test && l->test == l[-1].test)
			continue;
		say_leaf(o, x, l);
	}
}

static void end_definition(struct oval *o)
{
	struct definition *x = &o->now;
	bool direct = false;

	o->in_definition = false;
	if (!x->ns.n)
		x->ns = platform_ns(o, o->platform);
	if (o->cves.n == x->first_cve)
		cves_of_text(o, o->description);
	x->cves = (uint32_t)o->cves.n - x->first_cve;
	x->leaves = (uint32_t)o->leaves.n - x->first_leaf;
	x->components = (uint32_t)o->components.n - x->first_component;
	if (x->leaves && (x->cves || x->bulletin.n) && !x->ns.n)
		feed_skip(&o->d, STR("a definition of an unknown platform"));
	/* Debian's comments say it all; the tests beside them are of the release and the architecture. */
	for (uint32_t i = 0; i < x->leaves; i++)
		direct |= o->leaves.v[x->first_leaf + i].name.n > 0;
	/* LSN: live patches of a running kernel, which no package version tells of. */
	if (!x->ns.n || !x->leaves || (!x->cves && !x->bulletin.n) || str_starts(x->bulletin, STR("LSN-")))
		goto forget;
	if (direct && x->cves == 1) {
		struct vuln_info v = VULN_INFO_NONE;

		v.id = o->cves.v[x->first_cve].id;
		v.title = feed_title(&o->scratch, o->description);
		if (v.title.n)
			tell_info(o, &v);
	}
	if (!direct) {
		vec_push(&o->definitions, *x);
		return;
	}
	say_definition(o, x);
forget:
	o->cves.n = x->first_cve;
	o->leaves.n = x->first_leaf;
	o->components.n = x->first_component;
	o->groups.n = x->first_group;
}

static void end_cpe(struct oval *o, struct str cpe)
{
	struct ns ns;

	if (o->now.ns.n && !o->now.channel.n)
		return;
	if (ns_of_redhat_cpe(&o->kept, cpe, &ns)) {
		o->now.ns = keep(o, ns.name);
		o->now.channel = keep(o, ns.channel);
	}
}

static void end_value(struct oval *o, struct str text)
{
	if (!o->node)
		return;
	vec_push(&o->values, keep(o, text));
	o->nodes.v[o->node - 1].n = (uint32_t)o->values.n - o->nodes.v[o->node - 1].first;
}

static void end_text(struct oval *o, enum element el, struct str text)
{
	struct node *node = o->node ? &o->nodes.v[o->node - 1] : NULL;

	switch ((unsigned int)el) {
	case E_PLATFORM:
		o->platform = arena_str(&o->scratch, text);
		if (str_ends(text, STR(" ESM")))
			o->now.channel = STR("esm");
		break;
	case E_DESCRIPTION:
		o->description = arena_str(&o->scratch, text);
		break;
	case E_DSA:
		o->now.bulletin = keep(o, str_head(text, FEED_ID_BYTES_MAX));
		break;
	case E_SEVERITY:
		(void)severity_parse(text, &o->now.severity);
		break;
	case E_CVE:
		end_cve(o, text);
		break;
	case E_CPE:
		end_cpe(o, text);
		break;
	case E_COMPONENT:
		vec_push(&o->components, ((struct state_of){ keep(o, text), o->resolution }));
		break;
	case E_VALUE:
		end_value(o, text);
		break;
	case E_NAME:
	case E_EVR:
		if (node && text.n)
			node->text = keep(o, text);
		break;
	case E_ARCH:
		if (node)
			node->arch = keep(o, text);
		break;
	default:
		break;
	}
}

static void XMLCALL on_end(void *ctx, unused_arg const char *name)
{
	struct oval *o = ctx;
	enum element el;

	if (o->code || !o->depth)
		return;
	el = o->path[--o->depth];
	if (o->in_text) {
		o->in_text = false;
		end_text(o, el, str_trim(buf_all(&o->text)));
	}
	switch ((unsigned int)el) {
	case E_CRITERIA:
		if (o->in_definition && o->group)
			o->group = o->groups.v[o->group - 1].parent;
		break;
	case E_DEFINITION:
		if (o->in_definition)
			end_definition(o);
		arena_reset(&o->scratch);
		break;
	case E_DEFINITIONS:
		/* All was told already: the rest is only read for being well-formed. */
		if (!o->definitions.n)
			XML_SetElementHandler(o->xml, NULL, NULL);
		break;
	case E_TEST:
	case E_OBJECT:
	case E_STATE:
	case E_VARIABLE:
		o->node = 0;
		break;
	default:
		break;
	}
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
	o->d = (struct feed_doc){ .arena = &o->scratch, .sink = sink, .skips = skips };
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
	arena_done(&o->kept);
	arena_done(&o->scratch);
	map_done(&o->ids);
	map_done(&o->once);
	buf_done(&o->text);
	vec_done(&o->nodes);
	vec_done(&o->values);
	vec_done(&o->definitions);
	vec_done(&o->cves);
	vec_done(&o->leaves);
	vec_done(&o->groups);
	vec_done(&o->components);
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
		for (size_t i = 0; i < o->definitions.n; i++)
			say_definition(o, &o->definitions.v[i]);
	return 0;
}

int feed_oval(const struct feed_doc *d, struct err *e)
{
	struct oval *o = oval_new(d->sink, d->skips);
	int r = oval_add(o, d->bytes, true, e);

	oval_free(o);
	return r;
}
