/* A job that reads must read again to the same bytes once written. */
#include "guest/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf once, twice;
	struct job j, again;

	buf_init(&once, 2 * PLAN_BYTES_MAX);
	buf_init(&twice, 2 * PLAN_BYTES_MAX);
	if (job_parse(str_n(data, size), &a, &j, NULL) < 0)
		return 0;
	job_write(&once, &j);
	if (buf_finish(&once) < 0 || job_parse(buf_all(&once), &a, &again, NULL) < 0)
		__builtin_trap();
	job_write(&twice, &again);
	if (!str_eq(buf_all(&once), buf_all(&twice)))
		__builtin_trap();
	return 0;
}
