/* friendsofphp: an advisory of FriendsOfPHP/security-advisories: a range of affected versions for each branch.
 * https://github.com/FriendsOfPHP/security-advisories, docs/formats/feeds.md "friendsofphp". */
#include "base/path.h"
#include "vuln/feed/feed.h"
#include "vuln/feed/ns.h"
#include "vuln/feed/reqs.h"
#include "vuln/feed/yamlwalk.h"

struct record {
	const struct feed_doc *d;
	struct str reference, cve, title;
	struct str branch, versions; /* of the branch being read, comparators joined by commas */
	struct reqs affected;
};

static void end_branch(struct record *x)
{
	if (x->versions.n)
		reqs_add(&x->affected, x->d->arena, x->versions, true);
	x->versions = STR_NONE;
}

static void take(void *ctx, const struct yaml_place *at, struct str value)
{
	struct record *x = ctx;

	if (yaml_at(at, "reference")) {
		x->reference = value;
	} else if (yaml_at(at, "cve")) {
		x->cve = value;
	} else if (yaml_at(at, "title")) {
		x->title = value;
	} else if (at->depth == 4 && str_is(at->key[0], "branches") && str_is(at->key[2], "versions")) {
		if (!str_eq(x->branch, at->key[1]))
			end_branch(x);
		x->branch = at->key[1];
		x->versions = arena_fmt(x->d->arena, STR_FMT "," STR_FMT, STR_ARG(x->versions),
					STR_ARG(str_head(value, FEED_NAME_BYTES_MAX)));
	}
}

/* Without a CVE the advisory is known by the name of its file, "twig/twig/2015-08-12-1". */
static struct str own_id(const struct feed_doc *d, struct str package)
{
	struct str name = path_base(d->path);
	ptrdiff_t dot = str_rfind(name, '.');

	return arena_fmt(d->arena, "FOP-" STR_FMT "/" STR_FMT, STR_ARG(str_head(package, 80)),
			 STR_ARG(str_head(dot > 0 ? str_head(name, (size_t)dot) : name, 40)));
}

static void say(struct record *x, struct str package)
{
	struct advisory a = { .ns = STR("composer"), .name_kind = ADV_NAME_BINARY };
	struct vuln_info v = VULN_INFO_NONE;

	a.name = ns_package_name(x->d->arena, a.ns, package);
	a.id = feed_is_cve(x->cve) ? x->cve : own_id(x->d, a.name);
	a.range_count = reqs_ranges(&x->affected, x->d->arena, false, &a.ranges);
	feed_say(x->d, &a);
	v.id = a.id;
	v.title = feed_title(x->d->arena, x->title);
	feed_info(x->d, &v);
}

int feed_friendsofphp(const struct feed_doc *d, struct err *e)
{
	struct record *x = xcalloc(1, sizeof(*x));
	int r;

	x->d = d;
	r = yaml_walk(d->bytes, d->arena, take, x, e);
	end_branch(x);
	if (r < 0)
		err_wrap(e, r, "PHP advisory");
	else if (!str_starts(x->reference, STR("composer://")))
		r = err_set(e, -EBADMSG, "PHP advisory without a composer:// reference");
	else if (x->affected.bad || !x->affected.n)
		r = err_set(e, -EBADMSG, "PHP advisory: no version requirement, or one that is not understood");
	else
		say(x, str_from(x->reference, strlen("composer://")));
	free(x);
	return r;
}
