/* cve5: one record in CVE JSON 5: scores, weaknesses, title and state of a CVE. What it says of affected products is in
 * no package manager's words and is not used. https://cveproject.github.io/cve-schema/, docs/formats/feeds.md "cve". */
#include "base/json.h"
#include "vuln/feed/cvss.h"
#include "vuln/feed/feed.h"

#define CWES_MAX 16 /* of one record; real ones have up to 6 */

struct score {
	int rank; /* which of several speaks: a newer standard, and whoever assigned the number before those who enrich
		   */
	struct str vector;
	double score;
	enum severity severity;
};

struct record {
	struct str id, state, published, title, description;
	struct score best;
	struct str cwes[CWES_MAX];
	size_t cwe_count;
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
	struct str key, text;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "vectorString"))
			(void)json_str(j, &ret->vector);
		else if (str_is(key, "baseScore"))
			(void)json_double(j, &ret->score);
		else if (str_is(key, "baseSeverity") && json_str(j, &text))
			(void)severity_parse(text, &ret->severity);
	}
}

static void read_metrics(struct record *x, struct json *j, bool cna)
{
	struct str key;

	if (!json_array(j))
		return;
	while (json_next(j)) {
		if (!json_object(j))
			continue;
		while (json_key(j, &key)) {
			for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
				struct score s = { .rank = metrics[i].rank + cna, .score = -1 };

				if (!str_is(key, metrics[i].key))
					continue;
				read_cvss(j, &s);
				if (s.rank > x->best.rank && (s.vector.n || s.score >= 0))
					x->best = s;
			}
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

static void read_problem(struct record *x, struct json *j)
{
	struct str key, cwe;

	if (!json_array(j))
		return;
	while (json_next(j)) {
		if (!json_object(j))
			continue;
		while (json_key(j, &key))
			if (str_is(key, "cweId") && json_str(j, &cwe))
				add_cwe(x, cwe);
	}
}

static void read_problems(struct record *x, struct json *j)
{
	struct str key;

	if (!json_array(j))
		return;
	while (json_next(j)) {
		if (!json_object(j))
			continue;
		while (json_key(j, &key))
			if (str_is(key, "descriptions"))
				read_problem(x, j);
	}
}

/* The first English text. */
static void read_descriptions(struct record *x, struct json *j)
{
	struct str lang, text;
	const struct json_want want[] = { { "lang", &lang, false }, { "value", &text, false } };

	if (!json_array(j))
		return;
	while (json_next(j)) {
		lang = text = STR_NONE;
		(void)json_take_all(j, want, ARRAY_LEN(want));
		if (!x->description.n && str_starts(lang, STR("en")))
			x->description = text;
	}
}

static void read_container(struct record *x, struct json *j, bool cna)
{
	struct str key;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "metrics"))
			read_metrics(x, j, cna);
		else if (str_is(key, "problemTypes"))
			read_problems(x, j);
		else if (cna && str_is(key, "title"))
			(void)json_str(j, &x->title);
		else if (cna && str_is(key, "descriptions"))
			read_descriptions(x, j);
	}
}

static void read_containers(struct record *x, struct json *j)
{
	struct str key;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "cna")) {
			read_container(x, j, true);
		} else if (str_is(key, "adp") && json_array(j)) {
			while (json_next(j))
				read_container(x, j, false);
		}
	}
}

static void read_metadata(struct record *x, struct json *j)
{
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
	struct record x = { 0 };
	struct str key;
	struct json j;
	int r;

	json_init(&j, d->bytes, d->arena);
	json_object(&j);
	while (json_key(&j, &key)) {
		if (str_is(key, "cveMetadata"))
			read_metadata(&x, &j);
		else if (str_is(key, "containers"))
			read_containers(&x, &j);
	}
	r = json_finish(&j, e);
	if (r < 0)
		return err_wrap(e, r, "CVE record");
	if (!feed_is_cve(x.id))
		return err_set(e, -EBADMSG, "CVE record without a CVE number");
	say_record(d, &x);
	return 0;
}
