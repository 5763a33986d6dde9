/* program: the note the linker leaves in the program. See program.h. */
#include "base/program.h"

#include <link.h>

#include "base/rd.h"

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* elf(5), "Notes": sizes of name and content, type, then both, padded to four bytes. */
static struct str build_id_in(struct str notes)
{
	struct rd in = rd_of(notes);

	while (rd_ok(&in) && rd_left(&in)) {
		uint32_t name_bytes = rd_le32(&in);
		uint32_t bytes = rd_le32(&in);
		uint32_t type = rd_le32(&in);
		struct str name = rd_str(&in, padded(name_bytes));
		struct str id = rd_str(&in, padded(bytes));

		if (rd_ok(&in) && type == NT_GNU_BUILD_ID && str_starts(name, STR("GNU\0")))
			return str_head(id, bytes);
	}
	return STR("");
}

/* The program itself comes first; the return value ends the walk there. */
static int look_at(struct dl_phdr_info *info, size_t size unused_arg, void *ctx)
{
	struct str *ret = ctx;

	for (size_t i = 0; i < info->dlpi_phnum && !ret->n; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];

		if (h->p_type == PT_NOTE)
			*ret = build_id_in(str_n((const char *)(info->dlpi_addr + h->p_vaddr), h->p_memsz));
	}
	return 1;
}

struct str program_build(void)
{
	struct str id = STR("");

	dl_iterate_phdr(look_at, &id);
	return id;
}
