/* Fuzz target: heads of requests. Whatever is taken lies inside the bytes, and is taken again from its own bytes alone.
 */
#include <assert.h>

#include "node/agent/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_n(data, size);
	struct http_head h, again;
	unsigned int status = 0;
	struct err e = { 0 };
	int n = http_head_parse(bytes, &h, &status, &e);

	if (n < 0) {
		assert(status >= 400 && status < 600 && e.msg[0]);
		return 0;
	}
	if (n == 0) {
		assert(size < HTTP_HEAD_MAX);
		return 0;
	}
	assert((size_t)n <= size && h.method.n && h.path.n && h.path.p[0] == '/');
	assert(h.path.p >= bytes.p && h.path.p + h.path.n <= bytes.p + n);
	assert(http_head_parse(str_head(bytes, (size_t)n), &again, &status, &e) == n && again.length == h.length);
	return 0;
}
