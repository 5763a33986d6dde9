#include "vuln/feed/fuzz.h"
#include "vuln/feed/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_in w;
	struct err e = { 0 };
	size_t half = size / 2;

	wire_in_init(&w, &fuzz_sink);
	if (wire_in_add(&w, str_n(data, half), &e) >= 0 && wire_in_add(&w, str_n(data + half, size - half), &e) >= 0)
		(void)!wire_in_end(&w, &e);
	wire_in_done(&w);
	return 0;
}
