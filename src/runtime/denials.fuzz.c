/* Any bytes as a table of denials: strings end, counts are sorted, and what was counted can be said. */
#include <assert.h>

#include "runtime/call.h"
#include "runtime/denials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_BYTES_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct denial *d;
	size_t n;

	if (denials_parse(str_n(data, size), &a, &d, &n, NULL) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf b;

		buf_init(&b, TEXT_BYTES_MAX);
		assert(i == 0 || d[i - 1].count >= d[i].count);
		assert(strnlen(d[i].program, sizeof(d[i].program)) < sizeof(d[i].program));
		assert(strnlen(d[i].path, sizeof(d[i].path)) < sizeof(d[i].path));
		call_text(d[i].nr, d[i].detail, &b);
		assert(buf_finish(&b) == 0);
	}
	return 0;
}
