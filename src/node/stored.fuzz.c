/* Fuzz target: records of images. What is taken is written and read back the same. */
#include <assert.h>

#include "node/stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct stored r, again;
	struct err e = { 0 };
	struct out out;

	if (stored_parse(str_n(data, size), &a, &r, &e) < 0) {
		assert(e.msg[0]);
		return 0;
	}
	assert(stored_name_ok(str_c(r.name)) && r.layer_count && r.layer_count <= STORED_LAYERS_MAX);
	out_init(&out, -1);
	stored_write(&r, &out);
	assert(stored_parse(buf_all(&out.b), &a, &again, &e) == 0);
	assert(strcmp(again.name, r.name) == 0 && again.layer_count == r.layer_count && again.env.n == r.env.n &&
	       digest_eq(&again.layers[0].root, &r.layers[0].root));
	(void)!out_finish(&out);
	return 0;
}
