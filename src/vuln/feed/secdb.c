/* secdb: Alpine's security database, and Wolfi's and Chainguard's in the same format: which version of an origin
 * package fixed which ids. It knows fixes only. https://secdb.alpinelinux.org, docs/formats/feeds.md "secdb". */
#include "base/json.h"
#include "vuln/feed/feed.h"
#include "vuln/feed/ns.h"

/* Several ids stand in one text: the CVEs among them are what is fixed, another name is where it was announced. */
struct ids {
	struct str cve[8]; /* more are in no text seen */
	size_t cves;
	struct str ghsa, other;
};

static struct str repair_id(struct arena *a, struct str id)
{
	/* "CVE_2019-2426" is in the data */
	if (!str_starts(id, STR("CVE_")))
		return id;
	return ns_join(a, STR("CVE-"), str_from(id, 4));
}

static void split_ids(const struct feed_doc *d, struct str text, struct ids *ret)
{
	*ret = (struct ids){ 0 };
	for (struct str rest = text, id; str_cut(&rest, ' ', &id);) {
		bool known = false;

		id = repair_id(d->arena, str_trim(id));
		for (size_t i = 0; i < ret->cves; i++)
			known |= str_eq(ret->cve[i], id);
		if (!id.n || known)
			continue;
		if (str_starts(id, STR("CVE-"))) {
			if (ret->cves < ARRAY_LEN(ret->cve))
				ret->cve[ret->cves++] = id;
			else
				feed_skip(d, STR("an id behind too many others in one text"));
		} else if (str_starts(id, STR("GHSA-")) && !ret->ghsa.n) {
			ret->ghsa = id;
		} else if (!ret->other.n) {
			ret->other = id;
		}
	}
}

static void say_fix(const struct feed_doc *d, struct advisory *a, struct str version, struct str text)
{
	struct adv_range fixed = { .fixed = version };
	struct ids ids;

	split_ids(d, text, &ids);
	a->bulletin = ids.other;
	if (!ids.cves) {
		ids.cve[ids.cves++] = ids.ghsa.n ? ids.ghsa : ids.other;
		a->bulletin = ids.ghsa.n ? ids.other : STR_NONE;
		ids.ghsa = STR_NONE;
	}
	/* "0": the package never had it, whatever others say */
	a->status = str_is(version, "0") ? ADV_NOT_AFFECTED : ADV_AFFECTED;
	a->ranges = a->status == ADV_AFFECTED ? &fixed : NULL;
	a->range_count = a->status == ADV_AFFECTED;
	for (size_t i = 0; i < ids.cves; i++) {
		a->id = ids.cve[i];
		feed_say(d, a);
	}
	if (ids.cves == 1 && ids.ghsa.n) {
		struct vuln_info v = VULN_INFO_NONE;

		v.id = ids.cve[0];
		v.aliases = &ids.ghsa;
		v.alias_count = 1;
		feed_info(d, &v);
	}
}

static void read_package(const struct feed_doc *d, struct json *j, struct str ns)
{
	struct advisory a = { .ns = ns, .name_kind = ADV_NAME_SOURCE };
	struct str version, text, fixes = STR_NONE;
	/* The name may come after the fixes. */
	const struct json_want want[] = { { "name", &a.name, false }, { "secfixes", &fixes, true } };
	struct json f;

	if (!json_take_all(j, want, ARRAY_LEN(want)) || !fixes.n)
		return;
	json_init(&f, fixes, d->arena);
	if (!json_object(&f))
		return;
	while (json_key(&f, &version)) {
		if (!json_array(&f))
			continue;
		while (json_next(&f))
			if (json_str(&f, &text))
				say_fix(d, &a, version, text);
	}
}

static void read_packages(const struct feed_doc *d, struct json *j, struct str ns)
{
	struct str key;

	if (!json_array(j))
		return;
	while (json_next(j)) {
		if (!json_object(j))
			continue;
		while (json_key(j, &key))
			if (str_is(key, "pkg"))
				read_package(d, j, ns);
	}
}

/* "alpine:3.18" out of a branch name, which is "v3.18" or "edge". */
static struct str alpine_ns(struct arena *a, struct str branch)
{
	if (str_is(branch, "edge"))
		return STR("alpine:edge");
	if (branch.n < 2 || branch.p[0] != 'v' || !is_digit(branch.p[1]))
		return STR_NONE;
	return ns_join(a, STR("alpine:"), str_from(branch, 1));
}

static struct str ns_of(const struct feed_doc *d, struct str branch, struct str prefix)
{
	struct str ns = alpine_ns(d->arena, branch);

	if (ns.n)
		return ns;
	if (str_find_str(prefix, STR("wolfi")) >= 0)
		return STR("wolfi");
	if (str_find_str(prefix, STR("cgr.dev")) >= 0 || str_find_str(prefix, STR("chainguard")) >= 0)
		return STR("chainguard");
	if (str_find_str(prefix, STR("mini.dev")) >= 0)
		return STR("minimos");
	/* A file without a distroversion says where it belongs by where it lies. */
	for (struct str rest = d->path, part; str_cut(&rest, '/', &part);) {
		ns = alpine_ns(d->arena, part);
		if (ns.n)
			return ns;
		if (str_is(part, "wolfi") || str_is(part, "chainguard"))
			return part;
	}
	return STR_NONE;
}

int feed_secdb(const struct feed_doc *d, struct err *e)
{
	struct str key, branch = STR_NONE, prefix = STR_NONE, ns;
	struct json j;
	int r;

	json_init(&j, d->bytes, d->arena);
	json_object(&j);
	while (json_key(&j, &key)) {
		if (str_is(key, "distroversion"))
			(void)json_str(&j, &branch);
		else if (str_is(key, "urlprefix"))
			(void)json_str(&j, &prefix);
	}
	r = json_finish(&j, e);
	if (r < 0)
		return err_wrap(e, r, "secdb");
	ns = ns_of(d, branch, prefix);
	if (!ns.n)
		return err_set(e, -EBADMSG, "secdb: of no known distribution (distroversion \"" STR_FMT "\")",
			       STR_ARG(str_head(branch, 40)));
	json_init(&j, d->bytes, d->arena);
	json_object(&j);
	while (json_key(&j, &key))
		if (str_is(key, "packages"))
			read_packages(d, &j, ns);
	return json_finish(&j, e);
}
