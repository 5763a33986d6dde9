/* Any text as /etc/subuid: what is found is a range of ids that are none of the host's first, without overflow. */
#include <assert.h>

#include "engine/subids.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subids s;

	if (subids_find(str_n(data, size), STR("user"), 1000, &s))
		assert(s.first && s.n && s.first + s.n > s.first);
	return 0;
}
