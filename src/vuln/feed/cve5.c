/* cve5: one record in CVE JSON 5: scores, weaknesses, title and state of a CVE. What it says of affected products is in
 * no package manager's words and is not used. https://cveproject.github.io/cve-schema/, docs/formats/feeds.md "cve". */
#include "base/json.h"
#include "vuln/feed/cvss.h"
#include "vuln/feed/feed.h"

#define CWES_MAX 16 /* of one record; real ones have up to 6 */

struct score {
	int rank; /* which of several speaks: a newer standard, and who assigned the number before those who enrich */
	struct str vector;
	double score;
	enum severity severity;
};

struct record {
	struct str id, state, published, title, description;
	struct score best;
	struct str cwes[CWES_MAX];
	size_t cwe_count;
	bool cna; /* the container being read is of whoever assigned the number */
};

static const struct {
	const char *key;
	int rank;
} metrics[] = {
	{ "cvssV3_1", 8 },
	{ "cvssV3_0", 6 },
	{ "cvssV4_0", 4 },
	{ "cvssV2_0", 2 },
};

static void read_cvss(struct json *j, struct score *ret)
{
	struct str key, text = STR_NONE;
	const struct json_want want[] = { { "vectorString", &ret->vector, false }, { "baseSeverity", &text, false } };

	if (!json_object(j))
		return;
	while (json_key(j, &key))
		if (!json_take(j, key, want, ARRAY_LEN(want)) && str_is(key, "baseScore"))
			(void)json_double(j, &ret->score);
	(void)severity_parse(text, &ret->severity);
}

static void read_metric(void *ctx, struct json *j)
{
	struct record *x = ctx;
	struct str key;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
			struct score s = { .rank = metrics[i].rank + x->cna, .score = -1 };

			if (!str_is(key, metrics[i].key))
				continue;
			read_cvss(j, &s);
			if (s.rank > x->best.rank && (s.vector.n || s.score >= 0))
				x->best = s;
		}
	}
}

static void add_cwe(struct record *x, struct str cwe)
{
	if (!str_starts(cwe, STR("CWE-")) || cwe.n > 12 || x->cwe_count >= CWES_MAX)
		return;
	for (size_t i = 0; i < x->cwe_count; i++)
		if (str_eq(x->cwes[i], cwe))
			return;
	x->cwes[x->cwe_count++] = cwe;
}

static void read_problem(void *ctx, struct json *j)
{
	struct str cwe = STR_NONE;
	const struct json_want want[] = { { "cweId", &cwe, false } };

	(void)json_take_all(j, want, ARRAY_LEN(want));
	add_cwe(ctx, cwe);
}

static void read_problem_type(void *ctx, struct json *j)
{
	static const struct json_reader readers[] = { { "descriptions", read_problem, true } };

	(void)json_read_all(j, readers, ARRAY_LEN(readers), ctx);
}

/* The first English text counts. */
static void read_description(void *ctx, struct json *j)
{
	struct record *x = ctx;
	struct str lang = STR_NONE, text = STR_NONE;
	const struct json_want want[] = { { "lang", &lang, false }, { "value", &text, false } };

	(void)json_take_all(j, want, ARRAY_LEN(want));
	if (x->cna && !x->description.n && str_starts(lang, STR("en")))
		x->description = text;
}

static void read_title(void *ctx, struct json *j)
{
	struct record *x = ctx;

	if (x->cna)
		(void)json_str(j, &x->title);
}

static const struct json_reader container_readers[] = {
	{ "metrics", read_metric, true },
	{ "problemTypes", read_problem_type, true },
	{ "title", read_title, false },
	{ "descriptions", read_description, true },
};

static void read_container(void *ctx, struct json *j)
{
	(void)json_read_all(j, container_readers, ARRAY_LEN(container_readers), ctx);
}

static void read_cna(void *ctx, struct json *j)
{
	struct record *x = ctx;

	x->cna = true;
	read_container(x, j);
	x->cna = false;
}

static void read_containers(void *ctx, struct json *j)
{
	static const struct json_reader readers[] = { { "cna", read_cna, false }, { "adp", read_container, true } };

	(void)json_read_all(j, readers, ARRAY_LEN(readers), ctx);
}

static void read_metadata(void *ctx, struct json *j)
{
	struct record *x = ctx;
	const struct json_want want[] = { { "cveId", &x->id, false },
					  { "state", &x->state, false },
					  { "datePublished", &x->published, false } };

	(void)json_take_all(j, want, ARRAY_LEN(want));
}

static void say_record(const struct feed_doc *d, const struct record *x)
{
	struct vuln_info v = VULN_INFO_NONE;

	v.id = x->id;
	v.title = feed_title(d->arena, x->title.n ? x->title : x->description);
	v.published = x->published;
	v.withdrawn = str_is(x->state, "REJECTED");
	v.cwes = x->cwe_count ? x->cwes : NULL;
	v.cwe_count = x->cwe_count;
	if (x->best.rank) {
		v.cvss_vector = str_head(x->best.vector, CVSS_VECTOR_BYTES_MAX);
		/* Records lie about scores; vectors do not. A version not scored here keeps the record's own. */
		v.cvss_score = x->best.score <= 10 ? x->best.score : -1;
		(void)cvss_score(x->best.vector, &v.cvss_score);
		v.severity = v.cvss_score >= 0 ? severity_of_cvss(v.cvss_score) : x->best.severity;
	}
	feed_info(d, &v);
}

int feed_cve5(const struct feed_doc *d, struct err *e)
{
	static const struct json_reader readers[] = { { "cveMetadata", read_metadata, false },
						      { "containers", read_containers, false } };
	struct record x = { 0 };
	struct json j;
	int r;

	json_init(&j, d->bytes, d->arena);
	(void)json_read_all(&j, readers, ARRAY_LEN(readers), &x);
	r = json_finish(&j, e);
	if (r < 0)
		return err_wrap(e, r, "CVE record");
	if (!feed_is_cve(x.id))
		return err_set(e, -EBADMSG, "CVE record without a CVE number");
	say_record(d, &x);
	return 0;
}
