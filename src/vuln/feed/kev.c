/* kev: CISA's catalogue of known exploited vulnerabilities, as JSON and as CSV.
 * https://www.cisa.gov/known-exploited-vulnerabilities-catalog, docs/formats/feeds.md "kev". */
#include "base/json.h"
#include "vuln/feed/csv.h"
#include "vuln/feed/feed.h"

#define CWES_MAX 16

static void say(const struct feed_doc *d, struct str id, struct str date, struct str title, const struct str *cwes,
		size_t cwe_count)
{
	struct vuln_info v = VULN_INFO_NONE;

	if (!feed_is_cve(id)) {
		feed_skip(d, STR("a row without a CVE number"));
		return;
	}
	v.id = id;
	v.kev = true;
	v.kev_date = date;
	v.title = feed_title(d->arena, title);
	v.cwes = cwe_count ? cwes : NULL;
	v.cwe_count = cwe_count;
	feed_info(d, &v);
}

static void read_entry(const struct feed_doc *d, struct json *j)
{
	struct str key, id = STR_NONE, date = STR_NONE, title = STR_NONE, cwes[CWES_MAX];
	size_t cwe_count = 0;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "cveID"))
			(void)json_str(j, &id);
		else if (str_is(key, "dateAdded"))
			(void)json_str(j, &date);
		else if (str_is(key, "vulnerabilityName"))
			(void)json_str(j, &title);
		else if (str_is(key, "cwes") && json_array(j))
			while (json_next(j))
				if (cwe_count < CWES_MAX && json_str(j, &cwes[cwe_count]))
					cwe_count++;
	}
	if (!j->why)
		say(d, id, date, title, cwes, cwe_count);
}

int feed_kev(const struct feed_doc *d, struct err *e)
{
	struct str key;
	struct json j;
	int r;

	json_init(&j, d->bytes, d->arena);
	json_object(&j);
	while (json_key(&j, &key))
		if (str_is(key, "vulnerabilities") && json_array(&j))
			while (json_next(&j))
				read_entry(d, &j);
	r = json_finish(&j, e);
	return r < 0 ? err_wrap(e, r, "KEV catalogue") : 0;
}

enum { COL_ID, COL_DATE, COL_TITLE, COL_CWES, COL_COUNT };

int feed_kev_csv(const struct feed_doc *d, struct err *e)
{
	static const char *const names[COL_COUNT] = { "cveID", "dateAdded", "vulnerabilityName", "cwes" };
	struct str row[COL_COUNT], cwes[CWES_MAX];
	struct csv c;
	int r = csv_open(&c, d->bytes, names, COL_COUNT, d->arena, e);

	if (r < 0)
		return err_wrap(e, r, "KEV catalogue");
	while ((r = csv_next(&c, row, e)) > 0) {
		size_t n = 0;

		for (struct str rest = row[COL_CWES], cwe; n < CWES_MAX && str_cut(&rest, ',', &cwe);)
			if (str_trim(cwe).n)
				cwes[n++] = str_trim(cwe);
		say(d, row[COL_ID], row[COL_DATE], row[COL_TITLE], cwes, n);
	}
	return r < 0 ? err_wrap(e, r, "KEV catalogue") : 0;
}
