/* zip.fuzz: any bytes as an archive. Every name and every view lies inside what it came from; a member that reads has
 * the size it claims. */
#include "codec/zip.h"

#include <assert.h>

#include "base/mem.h"

#define MEMBER_BYTES_MAX (1u << 20)
#define MEMBERS_READ_MAX 64 /* reading is the slow part: enough for a fuzzer */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_member(const struct zip *z, const struct zip_member *m)
{
	auto_buf struct buf b = { 0 };
	struct str view;

	if (zip_read(z, m, MEMBER_BYTES_MAX, &b, &view, NULL) < 0)
		return;
	assert(view.n == m->plain_bytes);
	assert(!view.n || b.p || (view.p >= z->all.p && view.p + view.n <= z->all.p + z->all.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zip z;
	struct zip_member m;
	uint64_t n = 0;

	if (zip_open(&z, str_n(data, size), NULL) < 0)
		return 0;
	while (zip_next(&z, &m, NULL) == 1) {
		assert(!m.name.n || (m.name.p >= z.all.p && m.name.p + m.name.n <= z.all.p + z.all.n));
		if (n++ < MEMBERS_READ_MAX)
			read_member(&z, &m);
	}
	assert(n <= size / 46);
	return 0;
}
