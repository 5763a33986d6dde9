/* elf_make: writes small ELF programs for tests: a head, a data segment, section headers. */
#ifndef TESTS_ELF_MAKE_H
#define TESTS_ELF_MAKE_H

#include "base/buf.h"
#include "base/mem.h"

#define ELF_MAKE_BYTES_MAX (64u << 20)
#define ELF_MAKE_DATA_AT 0x1000u /* where the data segment lies in the file, at least */
#define ELF_MAKE_DATA_ADDRESS 0x401000u

struct elf_make {
	bool wide, big;
	bool go_note;	     /* with the note Go's linker leaves */
	bool no_sections;    /* a program that was stripped of them */
	const char *section; /* name of a section over the data from section_from on; NULL: none */
	size_t section_from;
	size_t gap; /* bytes between head and data */
};

static inline void elf_make_int(struct buf *b, const struct elf_make *m, uint64_t v, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		buf_char(b, (char)(v >> 8 * (m->big ? bytes - 1 - i : i) & 0xff));
}

static inline void elf_make_word(struct buf *b, const struct elf_make *m, uint64_t v)
{
	elf_make_int(b, m, v, m->wide ? 8 : 4);
}

static inline void elf_make_fill(struct buf *b, size_t n)
{
	while (b->n < n)
		buf_char(b, 0);
}

static inline void elf_make_segment(struct buf *b, const struct elf_make *m, uint32_t type, uint32_t flags, uint64_t at,
				    uint64_t address, uint64_t n)
{
	elf_make_int(b, m, type, 4);
	if (m->wide)
		elf_make_int(b, m, flags, 4);
	elf_make_word(b, m, at);
	elf_make_word(b, m, address);
	elf_make_word(b, m, address);
	elf_make_word(b, m, n);
	elf_make_word(b, m, n);
	if (!m->wide)
		elf_make_int(b, m, flags, 4);
	elf_make_word(b, m, 0x1000);
}

static inline void elf_make_section(struct buf *b, const struct elf_make *m, uint32_t name, uint64_t at, uint64_t n)
{
	elf_make_int(b, m, name, 4);
	elf_make_int(b, m, n ? 1 : 0, 4);
	elf_make_word(b, m, 0);
	elf_make_word(b, m, 0);
	elf_make_word(b, m, at);
	elf_make_word(b, m, n);
	elf_make_int(b, m, 0, 8);
	elf_make_word(b, m, 0);
	elf_make_word(b, m, 0);
}

/* The program, appended to *b, which is empty. */
static inline void elf_make(struct buf *b, const struct elf_make *m, struct str data)
{
	unsigned int segment_bytes = m->wide ? 56 : 32, section_bytes = m->wide ? 64 : 40;
	unsigned int head_bytes = m->wide ? 64 : 52;
	uint64_t data_at = ELF_MAKE_DATA_AT + m->gap;
	const char *section = m->section ? m->section : ".data";
	uint64_t names_at = data_at + data.n, names_n = 1 + strlen(section) + 1 + sizeof(".shstrtab");
	uint64_t sections_at = (names_at + names_n + 7) / 8 * 8;

	buf_str(b, STR("\177ELF"));
	buf_char(b, m->wide ? 2 : 1);
	buf_char(b, m->big ? 2 : 1);
	elf_make_fill(b, 16);
	elf_make_int(b, m, 2, 2);
	elf_make_int(b, m, 62, 2);
	elf_make_int(b, m, 1, 4);
	elf_make_word(b, m, 0x400000);
	elf_make_word(b, m, head_bytes);
	elf_make_word(b, m, m->no_sections ? 0 : sections_at);
	elf_make_int(b, m, 0, 4);
	elf_make_int(b, m, head_bytes, 2);
	elf_make_int(b, m, segment_bytes, 2);
	elf_make_int(b, m, 2, 2);
	elf_make_int(b, m, section_bytes, 2);
	elf_make_int(b, m, m->no_sections ? 0 : 3, 2);
	elf_make_int(b, m, m->no_sections ? 0 : 2, 2);
	elf_make_segment(b, m, 4, 4, 0xf00, 0x400f00, 16);
	elf_make_segment(b, m, 1, 6, data_at, ELF_MAKE_DATA_ADDRESS, data.n);
	elf_make_fill(b, 0xf00);
	elf_make_int(b, m, 4, 4);
	elf_make_int(b, m, 0, 4);
	elf_make_int(b, m, m->go_note ? 4 : 1, 4);
	buf_add(b, m->go_note ? "Go\0\0" : "GNU", 4);
	elf_make_fill(b, data_at);
	buf_str(b, data);
	if (m->no_sections)
		return;
	buf_char(b, 0);
	buf_add(b, section, strlen(section) + 1);
	buf_add(b, ".shstrtab", sizeof(".shstrtab"));
	elf_make_fill(b, sections_at);
	elf_make_section(b, m, 0, 0, 0);
	elf_make_section(b, m, 1, data_at + m->section_from, data.n - m->section_from);
	elf_make_section(b, m, (uint32_t)strlen(section) + 2, names_at, names_n);
}

/* Go's mark and flags: 16 bytes. */
static inline void elf_make_go_mark(struct buf *b, uint8_t pointer_bytes, uint8_t flags)
{
	buf_str(b, STR("\xff Go buildinf:"));
	buf_char(b, (char)pointer_bytes);
	buf_char(b, (char)flags);
}

static inline void elf_make_go_modules(struct buf *b, struct str modules)
{
	buf_str(b, STR("0123456789abcdef"));
	buf_str(b, modules);
	buf_str(b, STR("fedcba9876543210"));
}

/* Go 1.18 and later: the texts in line. */
static inline void elf_make_go_inline(struct buf *b, const char *toolchain, struct str modules)
{
	struct buf text;

	buf_init(&text, ELF_MAKE_BYTES_MAX);
	if (modules.n)
		elf_make_go_modules(&text, modules);
	elf_make_go_mark(b, 8, 2);
	elf_make_fill(b, b->n + 16);
	buf_var_str(b, str_c(toolchain));
	buf_var_str(b, buf_all(&text));
	buf_done(&text);
}

/* Before: pointers to string headers, then the texts, all in the data segment; `b` is its beginning. */
static inline void elf_make_go_pointers(struct buf *b, const struct elf_make *m, const char *toolchain,
					struct str modules)
{
	unsigned int word = m->wide ? 8 : 4;
	uint64_t at = ELF_MAKE_DATA_ADDRESS + b->n;
	uint64_t headers = at + 64, texts = headers + 4 * word;

	elf_make_go_mark(b, (uint8_t)word, m->big);
	elf_make_word(b, m, headers);
	elf_make_word(b, m, headers + 2 * word);
	elf_make_fill(b, (size_t)(headers - ELF_MAKE_DATA_ADDRESS));
	elf_make_word(b, m, texts);
	elf_make_word(b, m, strlen(toolchain));
	elf_make_word(b, m, texts + strlen(toolchain));
	elf_make_word(b, m, modules.n + 32);
	buf_str(b, str_c(toolchain));
	elf_make_go_modules(b, modules);
}

#endif
