/* Fuzz target: a list of feeds. Every file lies below feeds/ and no two are one. */
#include <assert.h>

#include "vuln/update/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct update_config c = { 0 };

	if (size <= 4096 && update_config_parse(str_n(data, size), &c, NULL) == 0) {
		assert(c.feeds.n <= UPDATE_FEEDS_MAX);
		for (size_t i = 0; i < c.feeds.n; i++) {
			assert(str_starts(c.feeds.v[i].file, STR("feeds/")));
			assert(str_find_str(c.feeds.v[i].file, STR("/..")) < 0);
			assert(str_find_str(c.feeds.v[i].file, STR("/.")) < 0);
		}
	}
	update_config_done(&c);
	return 0;
}
