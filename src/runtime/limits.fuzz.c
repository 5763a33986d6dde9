/* Lines "annotation=value": resolved or refused; what an annotation brought is never looser than what was there. */
#include <assert.h>

#include "runtime/limits.h"

#define ANNOTATIONS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct key_value kv[ANNOTATIONS];
	auto_arena struct arena a = { 0 };
	struct oci_config c = { .annotations = kv,
				.resources.pids = { true, 100 },
				.resources.memory.limit = { true, 1 << 30 } };
	struct limit_policy policy[LIMITS] = { [LIMIT_DISK_SIZE].ceiling = { LIMIT_CEILING, 1 << 30 } };
	struct str rest = str_n(data, size), key, value;
	struct limits l;
	struct err e;

	if (!size || memchr(data, 0, size))
		return 0;
	for (struct str line; c.annotation_count < ANNOTATIONS && str_cut(&rest, '\n', &line);)
		if (str_split(line, '=', &key, &value))
			kv[c.annotation_count++] = (struct key_value){ arena_str(&a, key).p, arena_str(&a, value).p };
	if (limits_resolve(&c, policy, false, &l, &e) < 0)
		return 0;
	assert(l.v[LIMIT_PIDS].v <= 100);
	assert(l.v[LIMIT_MEMORY].v <= 1 << 30);
	assert(l.v[LIMIT_DISK_SIZE].v <= 1 << 30);
	for (int v2 = 0; v2 < 2; v2++)
		if (limits_to_config(&l, v2, &a, &c, &e) == 0)
			assert(c.resources.pids.v <= 100 && c.resources.memory.limit.v <= 1 << 30);
	return 0;
}
