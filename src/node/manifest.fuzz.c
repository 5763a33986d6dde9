/* A manifest that is read is written and read again to the same bytes. */
#include "node/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct node_manifest m, again;
	struct out once, twice;

	if (node_manifest_parse(str_n(data, size), &a, &m, NULL) < 0)
		return 0;
	out_init(&once, -1);
	out_init(&twice, -1);
	node_manifest_write(&m, &once);
	if (node_manifest_parse(buf_all(&once.b), &a, &again, NULL) < 0)
		__builtin_trap();
	node_manifest_write(&again, &twice);
	if (!str_eq(buf_all(&once.b), buf_all(&twice.b)))
		__builtin_trap();
	if (out_finish(&once) < 0 || out_finish(&twice) < 0)
		__builtin_trap();
	return 0;
}
