/* home.fuzz: any bytes as a user database. What is found lies inside it and is an absolute path. */
#include "runtime/home.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_n(data, size), home;

	for (uint32_t uid = 0; uid < 3; uid++)
		if (home_find(all, uid, &home))
			assert(home.n && home.p >= all.p && home.p + home.n <= all.p + all.n && home.p[0] == '/');
	return 0;
}
