/* Fuzz target: paragraphs and fields lie in order inside the text, and a field that is wanted is the last of its name.
 */
#include <assert.h>

#include "base/deb822.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str paragraph)
{
	const char *at = paragraph.p, *end = paragraph.p + paragraph.n;
	struct str name, value, last = STR_NONE, taken = STR_NONE;

	for (struct str rest = paragraph; deb822_field(&rest, &name, &value); at = value.p + value.n) {
		assert(!value.n || (value.p >= at && value.p + value.n <= end));
		assert(!name.n || (name.p >= paragraph.p && name.p + name.n < end));
		if (str_eq_nocase(name, STR("Package")))
			last = value;
	}
	deb822_take(paragraph, (const struct deb822_want[]){ { "Package", &taken } }, 1);
	assert(str_eq(last, taken));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size);
	const char *at = text.p;

	for (struct str paragraph; deb822_paragraph(&text, &paragraph); at = paragraph.p + paragraph.n) {
		assert(paragraph.n && paragraph.p >= at);
		check(paragraph);
	}
	return 0;
}
