/* A plan that reads must read again to the same bytes once written. */
#include "guest/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf once, twice;
	struct guest_plan p, q;

	buf_init(&once, 2 * PLAN_BYTES_MAX);
	buf_init(&twice, 2 * PLAN_BYTES_MAX);
	if (plan_parse(str_n(data, size), &a, &p, NULL) < 0)
		return 0;
	plan_write(&once, &p);
	if (buf_finish(&once) < 0 || plan_parse(buf_all(&once), &a, &q, NULL) < 0)
		__builtin_trap();
	plan_write(&twice, &q);
	if (!str_eq(buf_all(&once), buf_all(&twice)))
		__builtin_trap();
	return 0;
}
