/* oval-say: the tables of an OVAL document as statements. See oval-tables.h. */
#include "vuln/feed/oval-tables.h"

#include "vuln/feed/oval.h"

void oval_say_info(struct oval_tables *o, struct vuln_info *v)
{
	if (map_get(&o->once, v->id) || o->kept.used_bytes > OVAL_KEPT_BYTES_MAX)
		return;
	map_put(&o->once, arena_str(&o->kept, v->id), 0, NULL);
	feed_info(&o->d, v);
}

/* Without the epoch 0, which is how versions are written elsewhere. */
static struct str no_zero_epoch(struct str version)
{
	return str_starts(version, STR("0:")) ? str_from(version, 2) : version;
}

/* The module that has to be enabled for a criterion, of the nearest criteria around it that name one. */
static struct str module_of(const struct oval_tables *o, uint32_t group)
{
	for (; group; group = o->groups.v[group - 1].parent)
		if (o->groups.v[group - 1].module.n)
			return o->groups.v[group - 1].module;
	return STR_NONE;
}

/* Says one package and version for every id of the definition, or for the one that the criterion is about. */
static void say_package(struct oval_tables *o, const struct oval_definition *x, const struct oval_leaf *l,
			struct advisory *a, struct str version)
{
	struct adv_range fixed = { .fixed = no_zero_epoch(version) };
	struct oval_cve own = { x->bulletin, SEV_UNKNOWN };
	const struct oval_cve *list = x->cves ? o->cves.v + x->first_cve : &own;
	size_t n = x->cves ? x->cves : 1;

	a->ns = x->ns;
	a->bulletin = x->bulletin;
	if (version.n) {
		a->status = str_is(fixed.fixed, "0") ? ADV_NOT_AFFECTED : ADV_AFFECTED;
		a->ranges = a->status == ADV_AFFECTED ? &fixed : NULL;
		a->range_count = a->status == ADV_AFFECTED;
	}
	for (size_t i = 0; i < n; i++) {
		if (l->cve.n && !str_eq(l->cve, list[i].id))
			continue;
		a->id = list[i].id;
		a->severity = list[i].severity ? list[i].severity : x->severity;
		feed_say(&o->d, a);
		o->said++;
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

/* How closely a component is what the statement is about: 2 in its module ("nodejs:18/nodejs"), 1 by name, 0 not. */
static int closeness(struct str component, const struct advisory *a)
{
	ptrdiff_t slash = str_rfind(component, '/');

	if (!str_eq(str_from(component, (size_t)(slash + 1)), a->name))
		return 0;
	if (slash < 0)
		return 1;
	return str_eq(str_head(component, (size_t)slash), a->module) ? 2 : 0;
}

/* A package of Red Hat's vulnerability class: there is no fix, the resolution of its component says why. */
static void say_unfixed(struct oval_tables *o, const struct oval_definition *x, const struct oval_leaf *l,
			struct advisory *a)
{
	int best = 1;

	a->status = x->unaffected ? ADV_NOT_AFFECTED : ADV_AFFECTED;
	for (size_t i = 0; i < x->components && !x->unaffected; i++) {
		const struct oval_state_of *s = &o->components.v[x->first_component + i];
		int close = closeness(s->component, a);

		if (close < best)
			continue;
		best = close;
		a->status = ADV_AFFECTED;
		for (size_t r = 0; r < ARRAY_LEN(resolutions); r++)
			if (str_is(s->state, resolutions[r].state))
				a->status = resolutions[r].status;
		a->reason = s->state;
	}
	say_package(o, x, l, a, STR_NONE);
}

/* A pattern of one architecture means that one; a list of them is all that the vendor builds. */
static struct str one_arch(struct str pattern)
{
	return str_find(pattern, '|') < 0 && str_find(pattern, '*') < 0 ? pattern : STR_NONE;
}

/* The packages of an object: its variable's values, or its own name. */
static void say_object(struct oval_tables *o, const struct oval_definition *x, const struct oval_leaf *l,
		       struct advisory *a, const struct oval_node *object, struct str version)
{
	const struct oval_node *list = object->variable ? &o->nodes.v[object->variable - 1] : NULL;

	for (uint32_t i = 0; list && i < list->n; i++) {
		a->name = o->values.v[list->first + i];
		say_package(o, x, l, a, version);
	}
	if (object->text.n) {
		a->name = object->text;
		say_package(o, x, l, a, version);
	}
}

/* A criterion that names a test: the test's object is the package, its state the version that repairs it. */
static void say_test(struct oval_tables *o, const struct oval_definition *x, const struct oval_leaf *l)
{
	static const struct oval_node none = { 0 };
	struct advisory a = { .name_kind = ADV_NAME_BINARY, .channel = x->channel };
	const struct oval_node *test = &o->nodes.v[l->test - 1], *object, *state;

	if (!test->usable || !test->object)
		return;
	object = &o->nodes.v[test->object - 1];
	state = test->state ? &o->nodes.v[test->state - 1] : &none;
	a.module = module_of(o, l->group);
	if (l->esm || test->esm || object->esm || state->esm || oval_ubuntu_esm_version(state->text))
		a.channel = STR("esm");
	if (state->less_than && state->text.n) {
		a.arch = one_arch(state->arch);
		say_object(o, x, l, &a, object, state->text);
	} else if (l->is_unfixed && !state->text.n) {
		a.status = l->unfixed;
		say_object(o, x, l, &a, object, STR_NONE);
	} else if (l->installed && object->text.n) {
		a.name = object->text;
		say_unfixed(o, x, l, &a);
	}
}

/* A criterion that says it all itself. */
static void say_direct(struct oval_tables *o, const struct oval_definition *x, const struct oval_leaf *l)
{
	struct advisory a = { .name = l->name, .name_kind = ADV_NAME_SOURCE, .channel = x->channel };

	say_package(o, x, l, &a, l->version);
}

/* Rocky names each test twice. */
static bool said_before(const struct oval_tables *o, const struct oval_leaf *l)
{
	return l->test == l[-1].test && str_eq(l->cve, l[-1].cve) &&
	       str_eq(module_of(o, l->group), module_of(o, l[-1].group));
}

void oval_say_definition(struct oval_tables *o, const struct oval_definition *x)
{
	uint64_t before = o->said;

	for (uint32_t i = 0; i < x->leaves; i++) {
		const struct oval_leaf *l = &o->leaves.v[x->first_leaf + i];

		if (l->name.n)
			say_direct(o, x, l);
		else if (l->test && !(i && said_before(o, l)))
			say_test(o, x, l);
	}
	if (o->said == before)
		feed_skip(&o->d, STR("a definition of which no test is of a package's version"));
}
