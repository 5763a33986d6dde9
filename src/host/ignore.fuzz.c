/* An ignore file: refused with a reason, or nothing that passed is marked. */
#include <assert.h>

#include "host/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audit a = { 0 };
	struct err e = { 0 };
	size_t expired;

	*vec_add(&a.checks) = (struct check){ .id = STR("a.b"), .section = "s", .level = 1, .result = CHECK_PASS };
	*vec_add(&a.checks) = (struct check){ .id = STR("a.c"), .section = "s", .level = 1, .result = CHECK_FAIL };
	if (ignore_apply(str_n(data, size), 1700000000, &a, &expired, &e) < 0)
		assert(e.msg[0]);
	assert(!a.checks.v[0].ignored && (!a.checks.v[1].ignored || a.checks.v[1].ignore_reason.n));
	audit_done(&a);
	return 0;
}
