/* plan.fuzz: any bytes as a plan. What plan_check() lets through can be walked: every string and block of every step
 * lies inside the bytes given. */
#include "runtime/plan.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct plan_step *s, const char *end)
{
	const char *at = plan_texts(s);

	for (uint32_t i = 0; i < s->strings; i++) {
		assert(at < end && memchr(at, 0, (size_t)(end - at)));
		at = plan_after(at);
	}
	assert(at == plan_texts(s) + s->text);
	assert((const char *)plan_block(s) + s->bytes <= (const char *)s + s->size);
	assert((const char *)s + s->size <= end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The plan is received into aligned memory. */
	auto_free uint64_t *copy = xmalloc(size + 8);
	const struct plan_head *h = (const void *)copy;
	const struct plan_step *s;

	if (size)
		memcpy(copy, data, size);
	if (!plan_check(copy, size))
		return 0;
	s = plan_first(h);
	for (uint32_t i = 0; i < h->steps; i++, s = plan_next(s))
		walk(s, (const char *)copy + size);
	assert((const char *)s == (const char *)copy + size);
	return 0;
}
