/* Foreign names on their way to a terminal and into a package URL: the first byte gives the width and the type. */
#include <assert.h>

#include "report/purl.h"
#include "report/text.h"

#define OUT_BYTES_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s, size_t columns)
{
	auto_buf struct buf cut = { 0 }, padded = { 0 };
	size_t used;

	buf_init(&cut, OUT_BYTES_MAX);
	buf_init(&padded, OUT_BYTES_MAX);
	used = text_add(&cut, s, columns);
	text_pad(&padded, s, columns);
	if (buf_finish(&cut) < 0 || buf_finish(&padded) < 0)
		return;
	assert(used <= columns);
	assert(text_width(buf_all(&cut)) == used);
	assert(text_width(buf_all(&padded)) == columns);
	for (size_t i = 0; i < cut.n; i++)
		assert((uint8_t)cut.p[i] >= ' ' && cut.p[i] != 0x7f);
}

static void check_fold(struct str s, size_t columns)
{
	auto_buf struct buf folded = { 0 };
	size_t used, lines = 0;

	buf_init(&folded, OUT_BYTES_MAX);
	used = text_fold(&folded, s, columns / 2, columns, columns / 3);
	if (buf_finish(&folded) < 0)
		return;
	assert(used <= columns);
	for (struct str rest = buf_all(&folded), line; str_cut(&rest, '\n', &line); lines++)
		assert(text_width(line) + (lines ? 0 : columns / 2) <= columns);
	assert(lines <= TEXT_FOLD_LINES);
}

static void check_purl(struct str s, enum pkg_type type)
{
	struct release os = { .id = str_head(s, 8), .version_id = STR("1") };
	struct package p = { .type = type, .name = s, .version = str_from(s, s.n / 2), .arch = str_head(s, 3) };
	auto_buf struct buf b = { 0 };

	buf_init(&b, OUT_BYTES_MAX);
	purl_write(&b, &p, &os);
	for (size_t i = 0; i < b.n; i++)
		assert(is_alpha(b.p[i]) || is_digit(b.p[i]) || strchr("-._~:/@?&=%", b.p[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s;

	if (!size)
		return 0;
	s = str_n(data + 1, size - 1);
	check_text(s, data[0] % 100);
	check_fold(s, data[0] % 100);
	check_purl(s, (enum pkg_type)(data[0] % PKG_TYPE_COUNT));
	return 0;
}
