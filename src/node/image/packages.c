/* packages: a repository's binary packages, and which of them an image is made of. See packages.h. */
#include "node/image/packages.h"

#include <stdlib.h>
#include <string.h>

#include "base/deb822.h"
#include "base/num.h"
#include "base/path.h"
#include "vuln/version/version.h"

#define FIELD_MAX 100000u /* bytes of one field; the longest Depends of Debian has 10,000 */
#define NAME_MAX_BYTES 255u

void packages_done(struct packages *p)
{
	vec_done(&p->all);
	vec_done(&p->provided);
	map_done(&p->by_name);
}

/* -------- an index -------- */

/* deb-control(5): names are lower-case letters, digits and "+-."; they become parts of paths and of command lines. */
static bool name_usable(struct str s, const char *more)
{
	if (!s.n || s.n > NAME_MAX_BYTES || !(is_digit(s.p[0]) || (is_alpha(s.p[0]))))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && !is_alpha(s.p[i]) && !strchr(more, s.p[i]))
			return false;
	return true;
}

/* "Source: NAME" or "NAME (VERSION)" */
static void source_read(struct str value, struct deb_package *p)
{
	struct str name, version;

	p->source = value;
	if (!str_split(value, '(', &name, &version) || !str_ends(version, STR(")")))
		return;
	p->source = str_trim(name);
	p->source_version = str_trim(str_head(version, version.n - 1));
}

static bool package_usable(const struct deb_package *p)
{
	char room[PATH_BYTES_MAX];
	struct str normal;

	return name_usable(p->name, "+-.") && name_usable(p->version, "+-.~:") && name_usable(p->arch, "-") &&
	       (!p->source.n || name_usable(p->source, "+-.")) &&
	       (!p->source_version.n || name_usable(p->source_version, "+-.~:")) &&
	       path_normal(p->path, room, &normal) == 0 && str_eq(normal, p->path);
}

static bool paragraph_read(struct str paragraph, struct deb_package *p)
{
	struct str source = STR_NONE, size = STR_NONE, digest = STR_NONE, essential = STR_NONE, priority = STR_NONE;
	const struct deb822_want want[] = {
		{ "Package", &p->name },      { "Version", &p->version },  { "Architecture", &p->arch },
		{ "Source", &source },	      { "Filename", &p->path },	   { "Size", &size },
		{ "SHA256", &digest },	      { "Depends", &p->depends },  { "Pre-Depends", &p->pre_depends },
		{ "Provides", &p->provides }, { "Essential", &essential }, { "Priority", &priority }
	};

	deb822_take(paragraph, want, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		if (want[i].to->n > FIELD_MAX)
			return false;
	source_read(source, p);
	p->essential = str_is(essential, "yes");
	p->required = str_is(priority, "required");
	if (str_starts(p->path, STR("./"))) /* flat repositories */
		p->path = str_from(p->path, 2);
	return num_u64(size, 10, &p->size) && p->size && digest_parse_hex(digest, &p->digest) && package_usable(p);
}

int packages_parse(struct str text, struct str arch, uint32_t suite, struct packages *ret, struct err *e)
{
	for (struct str paragraph; deb822_paragraph(&text, &paragraph);) {
		struct deb_package p = { .suite = suite };

		if (!paragraph_read(paragraph, &p)) {
			ret->skipped++;
			continue;
		}
		if (!str_eq(p.arch, arch) && !str_is(p.arch, "all"))
			continue;
		if (ret->all.n >= PACKAGES_MAX)
			return err_set(e, -E2BIG, "more than %u packages", PACKAGES_MAX);
		vec_push(&ret->all, p);
	}
	return 0;
}

static int compare(struct str a, struct str b)
{
	return version_scheme_named(STR("dpkg"))->compare(a, b);
}

/* A relation's text up to its end: "name [:arch] [(op version)] [[archs]]". */
struct relation {
	struct str name, op, version;
};

static bool relation_read(struct str text, struct relation *ret)
{
	struct relation t = { 0 };
	size_t n = 0;

	text = str_trim(text);
	while (n < text.n && !is_space(text.p[n]) && !memchr(":([<", text.p[n], 4))
		n++;
	t.name = str_head(text, n);
	ptrdiff_t open = str_find(text, '('), close = str_find(text, ')');

	if (open >= 0 && close > open) {
		struct str inside = str_trim(str_n(text.p + open + 1, (size_t)(close - open - 1)));

		n = 0;
		while (n < inside.n && memchr("<>=", inside.p[n], 3))
			n++;
		t.op = str_head(inside, n);
		t.version = str_trim(str_from(inside, n));
	}
	*ret = t;
	return t.name.n > 0;
}

/* Debian policy 7.1: "<<", "<=", "=", ">=", ">>". */
static bool version_fits(struct str have, const struct relation *want)
{
	int c;

	if (!want->op.n)
		return true;
	c = compare(have, want->version);
	if (str_is(want->op, "<<"))
		return c < 0;
	if (str_is(want->op, "<="))
		return c <= 0;
	if (str_is(want->op, "="))
		return c == 0;
	if (str_is(want->op, ">="))
		return c >= 0;
	return str_is(want->op, ">>") && c > 0;
}

static int by_provided(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void packages_index(struct packages *p)
{
	for (size_t i = 0; i < p->all.n; i++) {
		struct deb_package *t = &p->all.v[i];
		bool added;
		uint32_t *at = map_put(&p->by_name, t->name, (uint32_t)i, &added);

		if (!added && compare(t->version, p->all.v[*at].version) > 0)
			*at = (uint32_t)i;
	}
	for (size_t i = 0; i < p->all.n; i++) {
		struct str rest = p->all.v[i].provides, one;
		struct relation relation;

		if (*map_get(&p->by_name, p->all.v[i].name) != i)
			continue;
		while (rest.n && str_cut(&rest, ',', &one))
			if (relation_read(one, &relation)) {
				vec_add(&p->provided)->name = relation.name;
				p->provided.v[p->provided.n - 1].p = (uint32_t)i;
			}
	}
	if (p->provided.n)
		qsort(p->provided.v, p->provided.n, sizeof(*p->provided.v), by_provided);
}

const struct deb_package *packages_named(const struct packages *p, struct str name)
{
	const uint32_t *at = map_get(&p->by_name, name);

	return at ? &p->all.v[*at] : NULL;
}

/* -------- which are chosen -------- */

struct choice {
	const struct packages *p;
	const struct packages_wish *wish;
	struct packages_chosen *ret;
	struct map chosen;   /* names */
	struct map provided; /* virtual names that a chosen one provides */
};

static bool listed(const char *const *list, struct str name)
{
	for (; list && *list; list++)
		if (str_is(name, *list))
			return true;
	return false;
}

static int take(struct choice *c, const struct deb_package *p, struct err *e)
{
	struct str rest = p->provides, one;
	struct relation relation;
	bool added;

	map_put(&c->chosen, p->name, 1, &added);
	if (!added)
		return 0;
	if (c->ret->all.n >= PACKAGES_CHOSEN_MAX)
		return err_set(e, -E2BIG, "more than %u packages in one image", PACKAGES_CHOSEN_MAX);
	vec_push(&c->ret->all, p);
	while (rest.n && str_cut(&rest, ',', &one))
		if (relation_read(one, &relation))
			map_put(&c->provided, relation.name, 1, NULL);
	return 0;
}

/* The first provider by name: the list is sorted by what is provided only. */
static const struct deb_package *provider_of(const struct packages *p, struct str name)
{
	const struct deb_package *best = NULL;
	size_t low = 0, high = p->provided.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (str_cmp(p->provided.v[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < p->provided.n && str_eq(p->provided.v[low].name, name); low++) {
		const struct deb_package *t = &p->all.v[p->provided.v[low].p];

		if (!best || str_cmp(t->name, best->name) < 0)
			best = t;
	}
	return best;
}

static bool there_already(const struct choice *c, const struct relation *want)
{
	const struct deb_package *p;

	if (listed(c->wish->without, want->name))
		return true;
	if (map_get(&c->chosen, want->name)) {
		p = packages_named(c->p, want->name);
		return p && version_fits(p->version, want);
	}
	return !want->op.n && map_get(&c->provided, want->name);
}

/* One group of alternatives, "a (>= 1) | b". */
static int group_take(struct choice *c, const struct deb_package *of, struct str group, struct err *e)
{
	struct str rest = group, one;
	struct relation want;

	while (rest.n && str_cut(&rest, '|', &one))
		if (relation_read(one, &want) && there_already(c, &want))
			return 0;
	rest = group;
	while (rest.n && str_cut(&rest, '|', &one)) {
		const struct deb_package *p;

		if (!relation_read(one, &want))
			continue;
		p = packages_named(c->p, want.name);
		if (p && !version_fits(p->version, &want))
			continue;
		if (!p && !want.op.n)
			p = provider_of(c->p, want.name);
		if (p)
			return take(c, p, e);
	}
	return err_set(e, -ENOENT, STR_FMT " needs \"" STR_FMT "\", which the repositories do not have",
		       STR_ARG(of->name), STR_ARG(str_trim(str_head(group, 100))));
}

static int depends_take(struct choice *c, const struct deb_package *of, struct str depends, struct err *e)
{
	struct str group;
	int r = 0;

	while (r == 0 && depends.n && str_cut(&depends, ',', &group))
		if (str_trim(group).n)
			r = group_take(c, of, group, e);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp((*(const struct deb_package *const *)a)->name, (*(const struct deb_package *const *)b)->name);
}

/* All that were asked for by name or mark, so that they win over alternatives. */
static int wish_take(struct choice *c, struct err *e)
{
	const struct packages_wish *w = c->wish;
	int r = 0;

	for (size_t i = 0; i < w->name_count && r == 0; i++) {
		const struct deb_package *p = packages_named(c->p, w->names[i]);

		r = p ? take(c, p, e)
		      : err_set(e, -ENOENT, "the repositories have no package " STR_FMT,
				STR_ARG(str_head(w->names[i], 100)));
	}
	for (size_t i = 0; i < c->p->all.n && r == 0; i++) {
		const struct deb_package *p = &c->p->all.v[i];

		if (packages_named(c->p, p->name) == p &&
		    ((w->essential && p->essential) || (w->required && p->required)))
			r = take(c, p, e);
	}
	if (c->ret->all.n)
		qsort(c->ret->all.v, c->ret->all.n, sizeof(*c->ret->all.v), by_name);
	return r;
}

int packages_choose(const struct packages *p, const struct packages_wish *wish, struct packages_chosen *ret,
		    struct err *e)
{
	struct choice c = { .p = p, .wish = wish, .ret = ret };
	int r;

	*ret = (struct packages_chosen){ 0 };
	r = wish_take(&c, e);
	for (size_t i = 0; r == 0 && i < ret->all.n; i++) {
		const struct deb_package *t = ret->all.v[i];

		if (listed(wish->alone, t->name))
			continue;
		r = depends_take(&c, t, t->pre_depends, e);
		if (r == 0)
			r = depends_take(&c, t, t->depends, e);
	}
	map_done(&c.chosen);
	map_done(&c.provided);
	if (r < 0)
		vec_done(&ret->all);
	else if (ret->all.n)
		qsort(ret->all.v, ret->all.n, sizeof(*ret->all.v), by_name);
	return r;
}
