/* retire: retire.js's repository of vulnerable JavaScript libraries; those with an npm name are of use here.
 * https://github.com/RetireJS/retire.js, docs/formats/feeds.md "retire". */
#include "base/json.h"
#include "vuln/feed/feed.h"

#define CVES_MAX 32
#define CWES_MAX 16

struct entry {
	struct str below, at_or_above, summary, github, own;
	struct str cves[CVES_MAX], cwes[CWES_MAX];
	size_t cve_count, cwe_count;
	enum severity severity;
};

static void read_list(struct json *j, struct str *list, size_t max, size_t *n)
{
	if (json_array(j))
		while (json_next(j))
			if (*n < max && json_str(j, &list[*n]))
				(*n)++;
}

static void read_identifiers(struct entry *x, struct json *j)
{
	struct str key;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "CVE"))
			read_list(j, x->cves, CVES_MAX, &x->cve_count);
		else if (str_is(key, "githubID"))
			(void)json_str(j, &x->github);
		else if (str_is(key, "retid"))
			(void)json_scalar(j, &x->own);
		else if (str_is(key, "summary"))
			(void)json_str(j, &x->summary);
	}
}

static void read_entry(struct entry *x, struct json *j)
{
	struct str key, text;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "below"))
			(void)json_scalar(j, &x->below);
		else if (str_is(key, "atOrAbove"))
			(void)json_scalar(j, &x->at_or_above);
		else if (str_is(key, "severity") && json_str(j, &text))
			(void)severity_parse(text, &x->severity);
		else if (str_is(key, "cwe"))
			read_list(j, x->cwes, CWES_MAX, &x->cwe_count);
		else if (str_is(key, "identifiers"))
			read_identifiers(x, j);
	}
}

static void say_id(const struct feed_doc *d, const struct entry *x, struct str package, struct str id, struct str alias)
{
	struct adv_range range = { .introduced = x->at_or_above, .fixed = x->below };
	struct advisory a = { .id = id, .ns = STR("npm"), .name = package, .name_kind = ADV_NAME_BINARY };
	struct vuln_info v = VULN_INFO_NONE;

	a.severity = x->severity;
	a.ranges = &range;
	a.range_count = 1;
	feed_say(d, &a);
	v.id = id;
	v.title = feed_title(d->arena, x->summary);
	v.severity = x->severity;
	v.aliases = alias.n ? &alias : NULL;
	v.alias_count = alias.n > 0;
	v.cwes = x->cwe_count ? x->cwes : NULL;
	v.cwe_count = x->cwe_count;
	feed_info(d, &v);
}

static void say_entry(const struct feed_doc *d, const struct entry *x, struct str package)
{
	size_t said = 0;

	if (!x->below.n) {
		feed_skip(d, STR("an entry without an upper end"));
		return;
	}
	for (size_t i = 0; i < x->cve_count; i++) {
		if (!feed_is_cve(x->cves[i]))
			continue;
		/* one GHSA for several CVEs is the name of none of them */
		say_id(d, x, package, x->cves[i], x->cve_count == 1 ? x->github : STR_NONE);
		said++;
	}
	if (!said && x->github.n)
		say_id(d, x, package, x->github, STR_NONE);
	else if (!said && x->own.n)
		say_id(d, x, package,
		       arena_fmt(d->arena, "RETIRE-" STR_FMT "-" STR_FMT, STR_ARG(str_head(package, 60)),
				 STR_ARG(str_head(x->own, 30))),
		       STR_NONE);
	else if (!said)
		feed_skip(d, STR("an entry without an id"));
}

static void read_library(const struct feed_doc *d, struct json *j)
{
	struct str key, package = STR_NONE, list = STR_NONE;
	struct json f;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "npmname"))
			(void)json_str(j, &package);
		else if (str_is(key, "vulnerabilities"))
			list = json_raw(j); /* the name may come after it */
	}
	if (!list.n)
		return;
	if (!package.n) {
		feed_skip(d, STR("a library without an npm name"));
		return;
	}
	json_init(&f, list, d->arena);
	if (!json_array(&f))
		return;
	while (json_next(&f)) {
		struct entry x = { 0 };

		read_entry(&x, &f);
		say_entry(d, &x, package);
	}
}

int feed_retire(const struct feed_doc *d, struct err *e)
{
	struct str key;
	struct json j;
	int r;

	json_init(&j, d->bytes, d->arena);
	json_object(&j);
	while (json_key(&j, &key))
		if (!str_is(key, "retire-example"))
			read_library(d, &j);
	r = json_finish(&j, e);
	return r < 0 ? err_wrap(e, r, "retire.js repository") : 0;
}
