/* Fuzz target: messages between the halves; the first byte is the kind. What is taken is written back the same. */
#include <assert.h>

#include "node/agent/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf b = { 0 };
	struct wire w, again;
	struct err e = { 0 };

	if (!size)
		return 0;
	if (wire_parse(data[0], str_n(data + 1, size - 1), &w, &e) < 0) {
		assert(e.msg[0]);
		return 0;
	}
	buf_init(&b, 1u << 20);
	wire_write(data[0], &w, &b);
	assert(buf_finish(&b) == 0 && wire_parse(data[0], buf_all(&b), &again, &e) == 0);
	assert(again.id == w.id && again.op == w.op && again.length == w.length && str_eq(again.name, w.name) &&
	       str_eq(again.bytes, w.bytes) && again.status == w.status);
	return 0;
}
