#include "vuln/feed/compile.h"
#include "vuln/feed/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct compile_result x;
	struct err e = { 0 };

	if (compile_file(STR("v3.18/main.json"), str_n(data, size), &fuzz_sink, &x, &e) < 0 && !e.msg[0])
		abort();
	return 0;
}
