/* meta.json of a container: an error with a reason, or an id that is one. */
#include <assert.h>

#include "engine/box.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct box_meta m;
	struct err e = { 0 };

	if (box_meta_parse(str_n(data, size), &a, &m, &e) < 0)
		assert(e.msg[0]);
	else
		assert(strspn(m.id, "0123456789abcdef") == BOX_ID_BYTES);
	return 0;
}
