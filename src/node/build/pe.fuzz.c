/* Any bytes as a PE image: sections are added or it is refused; what comes out takes sections again as often as there
 * is room. */
#include <assert.h>

#include "node/build/part.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pe_section sections[] = { { ".osrel", { "ID=x\n", 5 } }, { ".cmdline", { "quiet", 6 } } };
	auto_buf struct buf out = { 0 };
	struct err e = { 0 };

	if (pe_add_sections(str_n(data, size), sections, 2, &out, &e) < 0) {
		assert(*e.msg);
		return 0;
	}
	assert(out.n >= size && str_starts(buf_all(&out), STR("MZ")));
	return 0;
}
