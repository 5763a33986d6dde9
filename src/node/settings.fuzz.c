/* Fuzz target: settings. What is taken is written and read back the same. */
#include <assert.h>

#include "node/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct settings s, again;
	struct err e = { 0 };
	struct out out;

	if (settings_parse(str_n(data, size), &a, &s, &e) < 0) {
		assert(e.msg[0]);
		return 0;
	}
	out_init(&out, -1);
	settings_write(&s, &out);
	assert(settings_parse(buf_all(&out.b), &a, &again, &e) == 0);
	assert(again.dns_count == s.dns_count && again.host_count == s.host_count && again.time_count == s.time_count);
	(void)!out_finish(&out);
	return 0;
}
