/* check: answers about a host's configuration. See check.h. */
#include "model/check.h"

const char *check_result_name(enum check_result r)
{
	static const char *const names[] = { "pass", "fail", "not-assessed", "not-applicable" };

	return names[r];
}

void audit_done(struct audit *a)
{
	vec_done(&a->checks);
	arena_done(&a->arena);
}

enum severity check_severity(const struct check *c)
{
	return c->level > 1 ? SEV_LOW : SEV_MEDIUM;
}

struct check_counts check_count(const struct audit *a, const char *section, unsigned int level)
{
	struct check_counts n = { 0 };

	for (size_t i = 0; i < a->checks.n; i++) {
		const struct check *c = &a->checks.v[i];

		if (c->level > level || (section && strcmp(section, c->section) != 0))
			continue;
		if (c->ignored)
			n.ignored++;
		else
			n.result[c->result]++;
	}
	return n;
}
