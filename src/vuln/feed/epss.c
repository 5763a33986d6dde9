/* epss: the Exploit Prediction Scoring System's daily table: how likely a CVE is exploited within 30 days.
 * https://www.first.org/epss/data_stats, docs/formats/feeds.md "epss". */
#include "base/num.h"
#include "vuln/feed/csv.h"
#include "vuln/feed/feed.h"

enum { COL_ID, COL_SCORE, COL_PERCENTILE, COL_COUNT };

int feed_epss(const struct feed_doc *d, struct err *e)
{
	static const char *const names[COL_COUNT] = { "cve", "epss", "percentile" };
	struct str row[COL_COUNT];
	struct csv c;
	int r = csv_open(&c, d->bytes, names, COL_COUNT, d->arena, e);

	if (r < 0)
		return err_wrap(e, r, "EPSS table");
	while ((r = csv_next(&c, row, e)) > 0) {
		struct vuln_info v = VULN_INFO_NONE;

		v.id = row[COL_ID];
		if (!feed_is_cve(v.id) || !num_double(row[COL_SCORE], &v.epss) ||
		    !num_double(row[COL_PERCENTILE], &v.epss_percentile) || v.epss < 0 || v.epss > 1 ||
		    v.epss_percentile < 0 || v.epss_percentile > 1)
			feed_skip(d, STR("a row that is no CVE with two probabilities"));
		else
			feed_info(d, &v);
	}
	return r < 0 ? err_wrap(e, r, "EPSS table") : 0;
}
