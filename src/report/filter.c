/* filter: which findings are shown and counted. See report.h. */
#include "report/report.h"

bool report_wants(const struct report_filter *f, const struct finding *found)
{
	if (found->severity != SEV_UNKNOWN && found->severity < f->least)
		return false;
	if (f->statuses && !(f->statuses & 1u << found->status))
		return false;
	if (f->no_unimportant && found->unimportant)
		return false;
	return !f->fixed_only || found->status == FINDING_FIXED;
}

bool report_wants_check(const struct report_filter *f, const struct check *c)
{
	return c->level <= f->checks && check_severity(c) >= f->least;
}

struct report_counts report_count(const struct verdict *v, const struct report_filter *f)
{
	struct report_counts c = { 0 };
	uint32_t last = UINT32_MAX;

	for (size_t i = 0; i < v->findings.n; i++) {
		const struct finding *found = &v->findings.v[i];

		if (!report_wants(f, found)) {
			c.hidden++;
			continue;
		}
		c.findings++;
		c.severity[found->severity]++;
		c.fixed += found->status == FINDING_FIXED;
		c.subscription += found->status == FINDING_SUBSCRIPTION;
		c.kev += found->kev;
		c.inferred += found->inferred;
		c.packages += found->package != last;
		last = found->package;
		if (found->severity > c.worst)
			c.worst = found->severity;
	}
	return c;
}

bool report_reaches(const struct verdict *v, const struct report_filter *f, enum severity threshold)
{
	for (size_t i = 0; i < v->findings.n; i++)
		if (v->findings.v[i].severity >= threshold && report_wants(f, &v->findings.v[i]))
			return true;
	for (size_t i = 0; v->audit && i < v->audit->checks.n; i++) {
		const struct check *c = &v->audit->checks.v[i];

		if (c->result == CHECK_FAIL && !c->ignored && check_severity(c) >= threshold &&
		    report_wants_check(f, c))
			return true;
	}
	return false;
}
