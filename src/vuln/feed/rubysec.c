/* rubysec: an advisory of the ruby-advisory-db. It says which versions are safe; all others are affected.
 * https://github.com/rubysec/ruby-advisory-db, docs/formats/feeds.md "rubysec". */
#include "base/num.h"
#include "vuln/feed/feed.h"
#include "vuln/feed/ns.h"
#include "vuln/feed/reqs.h"
#include "vuln/feed/yamlwalk.h"
#include "vuln/version/version.h"

struct record {
	const struct feed_doc *d;
	struct str gem, engine, cve, ghsa, osvdb, title, date;
	struct reqs safe;
};

static void take(void *ctx, const struct yaml_place *at, struct str value)
{
	struct record *x = ctx;
	const struct {
		const char *key;
		struct str *to;
	} fields[] = { { "gem", &x->gem },     { "engine", &x->engine }, { "cve", &x->cve },  { "ghsa", &x->ghsa },
		       { "osvdb", &x->osvdb }, { "title", &x->title },	 { "date", &x->date } };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (yaml_at(at, fields[i].key))
			*fields[i].to = value;
	if (yaml_in(at, "patched_versions") || yaml_in(at, "unaffected_versions"))
		reqs_add(&x->safe, x->d->arena, value, true);
}

static void say(struct record *x)
{
	struct arena *arena = x->d->arena;
	struct str ids[3], aliases[2];
	struct advisory a = { .ns = STR("gem"), .name = x->gem, .name_kind = ADV_NAME_BINARY };
	struct vuln_info v = VULN_INFO_NONE;
	size_t n = 0;

	if (x->cve.n)
		ids[n++] = ns_join(arena, STR("CVE-"), x->cve);
	if (x->ghsa.n)
		ids[n++] = ns_join(arena, STR("GHSA-"), x->ghsa);
	if (x->osvdb.n)
		ids[n++] = ns_join(arena, STR("OSVDB-"), x->osvdb);
	for (size_t i = 1; i < n; i++)
		aliases[i - 1] = ids[i];
	a.id = n ? ids[0] : STR_NONE;
	if (x->safe.n)
		a.range_count = reqs_complement(&x->safe, arena, version_scheme_named(STR("gem"))->compare, &a.ranges);
	if (x->safe.n && !a.range_count) {
		feed_skip(x->d, STR("an advisory by which no version is affected"));
		return;
	}
	feed_say(x->d, &a);
	v.id = a.id;
	v.aliases = n > 1 ? aliases : NULL;
	v.alias_count = n > 1 ? n - 1 : 0;
	v.title = feed_title(arena, x->title);
	v.published = x->date;
	feed_info(x->d, &v);
}

int feed_rubysec(const struct feed_doc *d, struct err *e)
{
	struct record *x = xcalloc(1, sizeof(*x));
	int r;

	x->d = d;
	r = yaml_walk(d->bytes, d->arena, take, x, e);
	if (r < 0)
		err_wrap(e, r, "Ruby advisory");
	else if (x->safe.bad)
		r = err_set(e, -EBADMSG, "Ruby advisory: a version requirement that is not understood");
	else if (!x->gem.n && x->engine.n)
		feed_skip(d, STR("an advisory about Ruby itself, which is no gem"));
	else if (!x->gem.n)
		r = err_set(e, -EBADMSG, "Ruby advisory without a gem");
	else
		say(x);
	free(x);
	return r;
}
