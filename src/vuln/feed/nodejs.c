/* nodejs: an advisory about an npm package in the format of nodejs/security-wg (vuln/npm, frozen in 2020).
 * https://github.com/nodejs/security-wg, docs/formats/feeds.md "nodejs". */
#include "base/json.h"
#include "vuln/feed/cvss.h"
#include "vuln/feed/feed.h"
#include "vuln/feed/reqs.h"

#define CVES_MAX 32

struct record {
	struct str number, module, vulnerable, title, published, vector;
	struct str cves[CVES_MAX];
	size_t cve_count;
	double score;
};

static void read_number(void *ctx, struct json *j)
{
	struct record *x = ctx;

	(void)json_scalar(j, &x->number);
}

static void read_score(void *ctx, struct json *j)
{
	struct record *x = ctx;

	(void)json_double(j, &x->score);
}

static void read_cve(void *ctx, struct json *j)
{
	struct record *x = ctx;

	if (x->cve_count < CVES_MAX && json_str(j, &x->cves[x->cve_count]))
		x->cve_count++;
}

static const struct json_reader readers[] = {
	{ "id", read_number, false },
	{ "cvss_score", read_score, false },
	{ "cves", read_cve, true },
};

static void read_record(struct record *x, struct json *j)
{
	const struct json_want want[] = { { "module_name", &x->module, false },
					  { "vulnerable_versions", &x->vulnerable, false },
					  { "title", &x->title, false },
					  { "publish_date", &x->published, false },
					  { "cvss_vector", &x->vector, false } };
	struct str key;

	json_object(j);
	while (json_key(j, &key))
		if (!json_take(j, key, want, ARRAY_LEN(want)))
			(void)json_read(j, key, readers, ARRAY_LEN(readers), x);
}

static void say_id(const struct feed_doc *d, const struct record *x, struct advisory *a, struct str id)
{
	struct vuln_info v = VULN_INFO_NONE;

	a->id = id;
	feed_say(d, a);
	v.id = id;
	v.title = feed_title(d->arena, x->title);
	v.published = x->published;
	v.cvss_vector = str_head(x->vector, CVSS_VECTOR_BYTES_MAX);
	v.cvss_score = x->score >= 0 && x->score <= 10 ? x->score : -1;
	(void)cvss_score(v.cvss_vector, &v.cvss_score);
	feed_info(d, &v);
}

static void say(const struct feed_doc *d, const struct record *x, const struct reqs *reqs)
{
	struct advisory a = { .ns = STR("npm"), .name = x->module, .name_kind = ADV_NAME_BINARY };
	size_t said = 0;

	a.range_count = reqs_ranges(reqs, d->arena, true, &a.ranges);
	for (size_t i = 0; i < x->cve_count; i++) {
		if (feed_is_cve(x->cves[i])) {
			say_id(d, x, &a, x->cves[i]);
			said++;
		}
	}
	if (!said)
		say_id(d, x, &a, arena_fmt(d->arena, "NSWG-ECO-" STR_FMT, STR_ARG(str_head(x->number, 20))));
}

int feed_nodejs(const struct feed_doc *d, struct err *e)
{
	struct record x = { .score = -1 };
	struct reqs *reqs;
	struct json j;
	int r;

	json_init(&j, d->bytes, d->arena);
	read_record(&x, &j);
	r = json_finish(&j, e);
	if (r < 0)
		return err_wrap(e, r, "npm advisory");
	if (!x.module.n || !x.number.n)
		return err_set(e, -EBADMSG, "npm advisory without a package or number");
	if (!x.vulnerable.n) {
		feed_skip(d, STR("an npm advisory without versions"));
		return 0;
	}
	reqs = xcalloc(1, sizeof(*reqs));
	reqs_add_alternatives(reqs, d->arena, x.vulnerable);
	if (reqs->bad || !reqs->n)
		r = err_set(e, -EBADMSG, "npm advisory: versions \"" STR_FMT "\" are not understood",
			    STR_ARG(str_head(x.vulnerable, 100)));
	else
		say(d, &x, reqs);
	free(reqs);
	return r;
}
