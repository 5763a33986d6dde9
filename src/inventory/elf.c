/* elf: the skeleton of an ELF file. See elf.h. Names in comments are those of the gABI. */
#include "inventory/elf.h"

#define SEGMENTS_MAX 512u	    /* programs have about a dozen */
#define SECTIONS_MAX 8192u	    /* programs have about forty */
#define NAMES_BYTES_MAX (1u << 20)  /* section names, together */
#define BEFORE_SECTIONS_BYTES 8192u /* asked with the section headers: the names stand there */
#define HEADER_BYTES_32 52u	    /* sizeof(Elf32_Ehdr) and so on */
#define HEADER_BYTES_64 64u
#define SEGMENT_BYTES_32 32u
#define SEGMENT_BYTES_64 56u
#define SECTION_BYTES_32 40u
#define SECTION_BYTES_64 64u
#define TYPE_EXECUTABLE 2 /* ET_EXEC, ET_DYN */
#define TYPE_DYNAMIC 3
#define SECTION_NOBITS 8

static uint16_t half(const struct elf *elf, struct rd *r)
{
	return elf->big ? rd_be16(r) : rd_le16(r);
}

static uint32_t word32(const struct elf *elf, struct rd *r)
{
	return elf->big ? rd_be32(r) : rd_le32(r);
}

uint64_t elf_word(const struct elf *elf, struct rd *r)
{
	if (!elf->wide)
		return word32(elf, r);
	return elf->big ? rd_be64(r) : rd_le64(r);
}

/* e_ident: magic, class, data encoding. */
static bool identify(struct elf *elf)
{
	const uint8_t *p = (const uint8_t *)elf->head.p;

	if (elf->head.n < 16 || memcmp(p, "\177ELF", 4) != 0)
		return false;
	elf->wide = p[4] == 2;
	elf->big = p[5] == 2;
	return (p[4] == 1 || p[4] == 2) && (p[5] == 1 || p[5] == 2);
}

static int segments_read(struct elf *elf, uint64_t at, struct err *e)
{
	uint64_t bytes = (uint64_t)elf->segment_count * elf->segment_bytes;

	if (!elf->segment_count)
		return 1;
	if (elf->segment_count > SEGMENTS_MAX)
		return err_set(e, -E2BIG, "ELF: %u segments", elf->segment_count);
	if (elf->segment_bytes < (elf->wide ? SEGMENT_BYTES_64 : SEGMENT_BYTES_32))
		return err_set(e, -EBADMSG, "ELF: segment headers of %u bytes", elf->segment_bytes);
	if (at > elf->f->size || bytes > elf->f->size - at)
		return err_set(e, -EBADMSG, "ELF: cut short");
	elf->segments = file_at(elf->f, at, bytes);
	return elf->segments ? 1 : -EAGAIN;
}

int elf_open(struct elf *ret, struct file *f, struct err *e)
{
	uint64_t n = f->size < ELF_HEAD_BYTES ? f->size : ELF_HEAD_BYTES;
	struct elf elf = { .f = f };
	uint64_t segments_at;
	uint16_t type;
	struct rd r;
	int got;

	elf.head = str_n(file_at(f, 0, n), n);
	if (!elf.head.p)
		return -EAGAIN;
	if (!identify(&elf))
		return 0;
	if (elf.head.n < (elf.wide ? HEADER_BYTES_64 : HEADER_BYTES_32))
		return err_set(e, -EBADMSG, "ELF: cut short");
	r = rd_of(str_from(elf.head, 16));
	type = half(&elf, &r);
	if (type != TYPE_EXECUTABLE && type != TYPE_DYNAMIC)
		return 0;
	rd_take(&r, 6); /* e_machine, e_version */
	elf_word(&elf, &r);
	segments_at = elf_word(&elf, &r);
	elf.sections_at = elf_word(&elf, &r);
	rd_take(&r, 6); /* e_flags, e_ehsize */
	elf.segment_bytes = half(&elf, &r);
	elf.segment_count = half(&elf, &r);
	elf.section_bytes = half(&elf, &r);
	elf.section_count = half(&elf, &r);
	elf.names_index = half(&elf, &r);
	got = segments_read(&elf, segments_at, e);
	if (got > 0)
		*ret = elf;
	return got;
}

int elf_sections(struct elf *elf)
{
	uint64_t bytes = (uint64_t)elf->section_count * elf->section_bytes;
	uint64_t at = elf->sections_at;
	uint64_t before;
	const uint8_t *p;

	if (!bytes || elf->section_count > SECTIONS_MAX || elf->names_index >= elf->section_count ||
	    elf->section_bytes < (elf->wide ? SECTION_BYTES_64 : SECTION_BYTES_32) || at > elf->f->size ||
	    bytes > elf->f->size - at)
		return 0;
	/* Go puts them into the first page. */
	before = at + bytes <= elf->head.n ? 0 : at < BEFORE_SECTIONS_BYTES ? at : BEFORE_SECTIONS_BYTES;
	p = file_at(elf->f, at - before, before + bytes);
	if (!p)
		return -EAGAIN;
	elf->sections = p + before;
	return 0;
}

static bool section_at(const struct elf *elf, uint32_t i, struct elf_section *ret)
{
	struct rd r = rd_of(str_n(elf->sections + (size_t)i * elf->section_bytes, elf->section_bytes));

	ret->name = word32(elf, &r);
	ret->type = word32(elf, &r);
	elf_word(elf, &r);
	elf_word(elf, &r);
	ret->offset = elf_word(elf, &r);
	ret->size = elf_word(elf, &r);
	return ret->type != SECTION_NOBITS && ret->offset <= elf->f->size && ret->size <= elf->f->size - ret->offset;
}

static int names_read(struct elf *elf)
{
	struct elf_section names;
	const uint8_t *p;

	if (elf->names.p)
		return 1;
	if (!section_at(elf, elf->names_index, &names) || names.size > NAMES_BYTES_MAX)
		return 0;
	p = file_at(elf->f, names.offset, names.size);
	if (!p)
		return -EAGAIN;
	elf->names = str_n(p, names.size);
	return 1;
}

int elf_find(struct elf *elf, struct str name, struct elf_section *ret)
{
	int r = elf->sections ? names_read(elf) : 0;

	if (r <= 0)
		return r;
	for (uint32_t i = 1; i < elf->section_count; i++) {
		struct elf_section s;
		struct str own;

		if (!section_at(elf, i, &s) || s.name >= elf->names.n)
			continue;
		own = str_from(elf->names, s.name);
		if (own.n <= name.n || !str_starts(own, name) || own.p[name.n])
			continue;
		*ret = s;
		return 1;
	}
	return 0;
}

bool elf_segment(const struct elf *elf, uint32_t i, struct elf_segment *ret)
{
	struct rd r;

	if (i >= elf->segment_count)
		return false;
	r = rd_of(str_n(elf->segments + (size_t)i * elf->segment_bytes, elf->segment_bytes));
	ret->type = word32(elf, &r);
	if (elf->wide)
		ret->flags = word32(elf, &r);
	ret->offset = elf_word(elf, &r);
	ret->address = elf_word(elf, &r);
	elf_word(elf, &r);
	ret->size = elf_word(elf, &r);
	elf_word(elf, &r);
	if (!elf->wide)
		ret->flags = word32(elf, &r);
	if (ret->offset > elf->f->size)
		ret->offset = elf->f->size;
	if (ret->size > elf->f->size - ret->offset)
		ret->size = elf->f->size - ret->offset;
	return true;
}

bool elf_offset(const struct elf *elf, uint64_t address, uint64_t n, uint64_t *ret)
{
	struct elf_segment s;

	for (uint32_t i = 0; elf_segment(elf, i, &s); i++) {
		if (s.type != ELF_LOAD || address < s.address || address - s.address > s.size ||
		    n > s.size - (address - s.address))
			continue;
		*ret = s.offset + (address - s.address);
		return true;
	}
	return false;
}
