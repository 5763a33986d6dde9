/* Fuzz target: a changelog, or an archive said to hold one. */
#include <assert.h>

#include "vuln/update/changelog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(struct str text)
{
	auto_arena struct arena a = { 0 };
	struct changelog_fixes fixes = { 0 };

	(void)!changelog_parse(text, STR("2:5.0-1"), str_cmp, &a, &fixes, NULL);
	for (size_t i = 0; i < fixes.all.n; i++) {
		assert(str_starts(fixes.all.v[i].cve, STR("CVE-")));
		assert(str_cmp(fixes.all.v[i].version, STR("2:5.0-1")) <= 0);
	}
	vec_done(&fixes.all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_n(data, size);
	auto_buf struct buf b = { 0 };

	parse(bytes);
	for (int packing = APT_TAR; packing <= APT_DIFF; packing++) {
		if (changelog_extract(bytes, (enum apt_packing)packing, &b, NULL) == 0) {
			parse(buf_all(&b));
			buf_done(&b);
		}
	}
	return 0;
}
