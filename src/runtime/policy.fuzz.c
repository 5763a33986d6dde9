/* Any text as a policy: it is read or refused, and each rule's value is in range and reads back as it is written. */
#include <assert.h>

#include "runtime/policy.h"
#include "base/quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_policy struct policy p = { 0 };
	auto_arena struct arena a = { 0 };
	struct policy_selector all = { 0 };
	struct limit_policy limits[LIMITS];
	struct err e;

	if (policy_parse(str_n(data, size), "fuzz", &a, &p, &e) < 0)
		return 0;
	policy_limits(&p, &all, limits);
	(void)policy_tier(&p, &all);
	for (size_t i = 0; i < p.rules.n; i++) {
		const struct policy_rule *r = &p.rules.v[i];
		char text[QUANTITY_TEXT_MAX];
		uint64_t again = 0;

		if (r->limit == LIMITS || r->v == LIMIT_NONE)
			continue;
		assert(r->v >= limit_rows[r->limit].min && r->v <= limit_rows[r->limit].max);
		quantity_text(r->v, limit_rows[r->limit].per_unit, text);
		assert(quantity_parse(str_c(text), limit_rows[r->limit].per_unit, &again) && again == r->v);
	}
	return 0;
}
