/* pe: sections added to a PE image, as a unified kernel image has them (PE/COFF specification revision 11; UAPI group,
 * "Unified Kernel Image"). See part.h. */
#include "base/rd.h"
#include "node/build/part.h"

#define PE_AT 0x3c     /* offset of the PE header's offset, in the DOS header */
#define COFF_BYTES 24u /* signature and COFF header */
#define SECTION_BYTES 40u
#define OPTIONAL_MAGIC 0x20b /* PE32+ */
#define ALIGN_MAX (1u << 20)
#define IMAGE_MAX (512u << 20)
#define READ_ONLY_DATA 0x40000040u /* initialised data, readable */

/* What of the headers is needed; offsets are in the file. */
struct image {
	size_t coff, optional, sections_at;
	uint32_t sections, section_alignment, file_alignment, headers;
	uint32_t end; /* of the last section, in memory */
};

static uint32_t get(const char *p, size_t n)
{
	uint32_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint32_t)(uint8_t)p[i] << 8 * i;
	return v;
}

static void put(char *p, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(uint8_t)(v >> 8 * i);
}

static uint32_t align(uint32_t v, uint32_t to)
{
	return (v + to - 1) / to * to;
}

static bool is_alignment(uint32_t v)
{
	return v && v <= ALIGN_MAX && !(v & (v - 1));
}

static int bad(struct err *e, const char *why)
{
	return err_set(e, -EBADMSG, "no PE image to add to: %s", why);
}

static int read_sections(struct str s, struct image *ret, struct err *e)
{
	for (uint32_t i = 0; i < ret->sections; i++) {
		const char *h = s.p + ret->sections_at + (size_t)i * SECTION_BYTES;
		uint32_t bytes = get(h + 8, 4), at = get(h + 12, 4), end;

		if (!add_ok(at, bytes, &end) || end > IMAGE_MAX)
			return bad(e, "a section lies outside");
		ret->end = end > ret->end ? end : ret->end;
	}
	return 0;
}

static int read_image(struct str s, struct image *ret, struct err *e)
{
	struct image m = { 0 };
	uint32_t optional_bytes;

	if (s.n < PE_AT + 4 || s.n > IMAGE_MAX || !str_starts(s, STR("MZ")))
		return bad(e, "no MZ header");
	m.coff = get(s.p + PE_AT, 4);
	if (m.coff > s.n || s.n - m.coff < COFF_BYTES + 112 || memcmp(s.p + m.coff, "PE\0\0", 4) != 0)
		return bad(e, "no PE header");
	m.optional = m.coff + COFF_BYTES;
	m.sections = get(s.p + m.coff + 6, 2);
	optional_bytes = get(s.p + m.coff + 20, 2);
	m.sections_at = m.optional + optional_bytes;
	if (get(s.p + m.optional, 2) != OPTIONAL_MAGIC || optional_bytes < 112)
		return bad(e, "not PE32+");
	m.section_alignment = get(s.p + m.optional + 32, 4);
	m.file_alignment = get(s.p + m.optional + 36, 4);
	m.headers = get(s.p + m.optional + 60, 4);
	if (!is_alignment(m.section_alignment) || !is_alignment(m.file_alignment) || m.headers > s.n ||
	    m.sections_at + (size_t)m.sections * SECTION_BYTES > m.headers)
		return bad(e, "headers that contradict each other");
	*ret = m;
	return read_sections(s, ret, e);
}

/* One section at the end of file and memory. */
static void add_section(struct buf *out, struct image *m, const struct pe_section *s, uint32_t number)
{
	uint32_t at = align(m->end, m->section_alignment < 4096 ? 4096 : m->section_alignment);
	uint32_t raw = align((uint32_t)s->bytes.n, m->file_alignment), file_at = (uint32_t)out->n;
	char header[SECTION_BYTES] = { 0 };

	memcpy(header, s->name, strlen(s->name));
	put(header + 8, (uint32_t)s->bytes.n, 4);
	put(header + 12, at, 4);
	put(header + 16, raw, 4);
	put(header + 20, file_at, 4);
	put(header + 36, READ_ONLY_DATA, 4);
	memcpy(out->p + m->sections_at + (size_t)number * SECTION_BYTES, header, sizeof(header));
	buf_str(out, s->bytes);
	while (out->n % m->file_alignment)
		buf_char(out, 0);
	m->end = at + (uint32_t)s->bytes.n;
}

int pe_add_sections(struct str stub, const struct pe_section *sections, size_t n, struct buf *ret, struct err *e)
{
	auto_buf struct buf out;
	uint64_t total = stub.n;
	struct image m = { 0 };
	int r = read_image(stub, &m, e);

	buf_init(&out, IMAGE_MAX);
	for (size_t i = 0; i < n; i++)
		total += sections[i].bytes.n + ALIGN_MAX;
	if (r == 0 && (total > IMAGE_MAX || m.end + (total - stub.n) > IMAGE_MAX))
		r = err_set(e, -E2BIG, "a UKI of more than %u bytes", IMAGE_MAX);
	if (r == 0 && m.sections_at + ((size_t)m.sections + n) * SECTION_BYTES > m.headers)
		r = bad(e, "no room for more sections");
	if (r < 0)
		return r;
	buf_str(&out, stub);
	while (out.n % m.file_alignment)
		buf_char(&out, 0);
	for (size_t i = 0; i < n; i++)
		add_section(&out, &m, &sections[i], m.sections + (uint32_t)i);
	put(out.p + m.coff + 6, m.sections + (uint32_t)n, 2);
	put(out.p + m.optional + 56, align(m.end, m.section_alignment), 4);
	put(out.p + m.optional + 64, 0, 4); /* the checksum: nobody asks for it but drivers */
	*ret = out;
	out = (struct buf){ 0 };
	return 0;
}
