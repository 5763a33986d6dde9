/* Any text as limits.json: read or refused; what was read is written and read again as the same text. */
#include <assert.h>

#include "runtime/enforce-record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_enforce_record struct enforce_record r = { 0 }, again = { 0 };
	auto_arena struct arena a = { 0 };
	auto_buf struct buf one = { 0 }, two = { 0 };
	struct err e;

	if (enforce_record_parse(str_n(data, size), &a, &r, &e) < 0)
		return 0;
	buf_init(&one, 64u << 20);
	buf_init(&two, 64u << 20);
	enforce_record_text(&r, &one);
	assert(enforce_record_parse(buf_all(&one), &a, &again, &e) == 0);
	enforce_record_text(&again, &two);
	assert(str_eq(buf_all(&one), buf_all(&two)));
	return 0;
}
