/* Fuzz target: a reference that parses is written out in full, and that form parses to the same parts. */
#include <assert.h>

#include "image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct reference ref, again;
	struct err e = { 0 };

	if (reference_parse(str_n(data, size), &a, &ref, &e) < 0) {
		assert(e.code < 0 && e.msg[0]);
		return 0;
	}
	assert(reference_parse(reference_text(&a, &ref), &a, &again, &e) == 0);
	assert(str_eq(ref.host, again.host) && str_eq(ref.repository, again.repository));
	assert(str_eq(ref.tag, again.tag) && ref.digest.set == again.digest.set);
	return 0;
}
