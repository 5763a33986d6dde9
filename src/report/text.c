/* text: see text.h. */
#include "report/text.h"

struct range {
	uint32_t first, last;
};

/* Unicode TR 11, classes W and F, and emoji; coarse: whole blocks. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },	  { 0xa960, 0xa97c }, { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff01, 0xff60 },	  { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f },
	{ 0x1f680, 0x1f6ff }, { 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
};
static const struct range narrow[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
	{ 0x064b, 0x065f }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200d },
	{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff },
};
/* Controls, surrogates, separators of lines and characters that turn the direction of writing. */
static const struct range unsafe[] = {
	{ 0x00, 0x1f },	    { 0x7f, 0x9f },	{ 0x061c, 0x061c }, { 0x200e, 0x200f },
	{ 0x2028, 0x202e }, { 0x2066, 0x2069 }, { 0xd800, 0xdfff }, { 0xe0000, 0xe0fff },
};

static bool in_ranges(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].first && c <= r[i].last)
			return true;
	return false;
}

/* One character off the head of s (not empty): its code point and length; 0xfffd and 1 when it is no UTF-8. */
static uint32_t decode(struct str s, size_t *ret_length)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t head = (uint8_t)s.p[0];
	size_t n = head < 0x80 ? 1 : head >= 0xf0 ? 4 : head >= 0xe0 ? 3 : head >= 0xc0 ? 2 : 0;
	uint32_t c = n == 1 ? head : head & (0x7fu >> n);

	*ret_length = 1;
	if (!n || n > s.n || head >= 0xf8)
		return 0xfffd;
	for (size_t i = 1; i < n; i++) {
		if (((uint8_t)s.p[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | ((uint8_t)s.p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff)
		return 0xfffd;
	*ret_length = n;
	return c;
}

struct glyph {
	struct str bytes;
	size_t columns;
};

static struct glyph next_glyph(struct str *s)
{
	size_t n;
	uint32_t c = decode(*s, &n);
	struct glyph g = { str_head(*s, n), 1 };

	*s = str_from(*s, n);
	if (c == 0xfffd || in_ranges(c, unsafe, ARRAY_LEN(unsafe)))
		return (struct glyph){ STR("?"), 1 };
	if (c >= 0x300)
		g.columns = in_ranges(c, narrow, ARRAY_LEN(narrow)) ? 0 : in_ranges(c, wide, ARRAY_LEN(wide)) ? 2 : 1;
	return g;
}

size_t text_width(struct str s)
{
	size_t columns = 0;

	while (s.n)
		columns += next_glyph(&s).columns;
	return columns;
}

size_t text_add(struct buf *b, struct str s, size_t columns)
{
	size_t used = 0;
	bool cut = text_width(s) > columns;

	if (cut && !columns)
		return 0;
	while (s.n) {
		struct glyph g = next_glyph(&s);

		if (used + g.columns > columns - cut)
			break;
		buf_str(b, g.bytes);
		used += g.columns;
	}
	if (cut)
		buf_str(b, STR("…"));
	return used + cut;
}

void text_pad(struct buf *b, struct str s, size_t columns)
{
	for (size_t used = text_add(b, s, columns); used < columns; used++)
		buf_char(b, ' ');
}

size_t text_fold(struct buf *b, struct str s, size_t used, size_t columns, size_t indent)
{
	if (!s.n)
		return used;
	for (size_t lines = 1; lines < TEXT_FOLD_LINES && used + text_width(s) > columns; lines++) {
		for (struct str next = s; next.n;) {
			struct glyph g = next_glyph(&next);

			if (used + g.columns > columns)
				break;
			buf_str(b, g.bytes);
			used += g.columns;
			s = next;
		}
		buf_fmt(b, "\n%*s", (int)indent, "");
		used = indent;
	}
	return used + text_add(b, s, columns - used);
}
