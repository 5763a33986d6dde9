/* Fuzz target: answers of a node. A body lies inside what was given. */
#include <assert.h>

#include "fetch/plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	unsigned int status = 0;
	struct err e = { 0 };
	struct str body;

	if (plain_answer(str_n(p, size), &body, &status, &e) < 0) {
		assert(e.msg[0]);
		return 0;
	}
	assert(status >= 200 && status < 600 && body.p >= p && body.p + body.n == p + size);
	return 0;
}
