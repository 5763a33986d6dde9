/* Fuzz target: a lock; what was read is written, read again, and the same text comes out. */
#include <assert.h>

#include "node/image/lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf once = { 0 }, twice = { 0 };
	struct lock a, b;
	struct digest d;
	struct err e = { 0 };

	if (lock_parse(str_n(data, size), &a, &e) < 0) {
		assert(e.code < 0 && e.msg[0]);
		return 0;
	}
	assert(a.release && a.packages.n && a.suites.n && a.suites.n <= LOCK_SUITES_MAX);
	for (size_t i = 0; i < a.packages.n; i++)
		assert(a.packages.v[i].suite < a.suites.n && a.packages.v[i].digest.set);
	assert(lock_text(&a, &once, &d, &e) == 0);
	assert(lock_parse(buf_all(&once), &b, &e) == 0);
	assert(lock_same_packages(&a, &b));
	assert(lock_text(&b, &twice, &d, &e) == 0);
	assert(str_eq(buf_all(&once), buf_all(&twice)));
	lock_done(&a);
	lock_done(&b);
	return 0;
}
