/* elf: the skeleton of an ELF program or library (System V gABI chapter 4 and 5), read through the ranges of a struct
 * file: 32 and 64 bits, both byte orders.
 *
 * Nearly every executable of an image is asked, and nearly none has what is looked for. So the first question takes the
 * first ELF_HEAD_BYTES, the second the section headers with the few KiB in front of them, where linkers put the names;
 * both lie ahead of a stream. Anything else costs a second pass and is only asked where it is known to be. */
#ifndef INVENTORY_ELF_H
#define INVENTORY_ELF_H

#include "base/err.h"
#include "base/rd.h"
#include "inventory/file.h"

#define ELF_HEAD_BYTES 4096u

#define ELF_LOAD 1u /* segment types: PT_LOAD, PT_NOTE */
#define ELF_NOTE 4u
#define ELF_WRITABLE 2u /* segment flag PF_W */

struct elf {
	struct file *f;
	struct str head; /* the first bytes, up to ELF_HEAD_BYTES */
	bool wide;	 /* 64 bits */
	bool big;	 /* big endian */
	uint64_t sections_at;
	uint32_t segment_count, segment_bytes;
	uint32_t section_count, section_bytes, names_index;
	const uint8_t *segments, *sections; /* NULL: not asked for, or none */
	struct str names;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, address, size; /* bytes in the file */
};

struct elf_section {
	uint32_t name; /* offset into the names */
	uint32_t type;
	uint64_t offset, size;
};

/* 1: a program or library. 0: no ELF file, or one that is not run (object, core). -EAGAIN. -EBADMSG, -E2BIG. */
int elf_open(struct elf *ret, struct file *f, struct err *e) must_check;

/* Asks for the section headers and their surroundings. 0, also when there are none that can be read (elf->sections
 * then is NULL: programs run without them); -EAGAIN. */
int elf_sections(struct elf *elf) must_check;

/* The section of that name with bytes in the file: 1, 0 when there is none, -EAGAIN when the names are not at hand. */
int elf_find(struct elf *elf, struct str name, struct elf_section *ret) must_check;

/* False past the last one. Offset and size are cut down to what lies inside the file. */
bool elf_segment(const struct elf *elf, uint32_t i, struct elf_segment *ret);

/* Where `n` bytes of that address lie in the file; false when no segment brings them. */
bool elf_offset(const struct elf *elf, uint64_t address, uint64_t n, uint64_t *ret);

/* An address or size of the file's own width and byte order. */
uint64_t elf_word(const struct elf *elf, struct rd *r);

#endif
