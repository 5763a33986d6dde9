/* Any text as YAML: what comes out is JSON that our reader takes, within its limits. */
#include <assert.h>

#include "base/json.h"
#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf out = { 0 };
	struct json j;
	struct err e = { 0 };

	if (yaml_to_json(str_n(data, size), &out, &e) < 0) {
		assert(*e.msg);
		return 0;
	}
	json_init(&j, buf_all(&out), &a);
	json_skip(&j);
	assert(json_finish(&j, &e) == 0);
	return 0;
}
