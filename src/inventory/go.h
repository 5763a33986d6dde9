/* go: the build information the Go linker leaves in programs (Go's debug/buildinfo): toolchain, main module, modules.
 *
 * Since Go 1.18 the texts stand in the section .go.buildinfo itself, at the head of the data segment; before that it
 * holds pointers to them. */
#ifndef INVENTORY_GO_H
#define INVENTORY_GO_H

#include "inventory/elf.h"
#include "model/facts.h"

/* True when the file's first bytes have the note Go's linker leaves there (Go build ID). */
bool go_noted(const struct elf *elf);

/* Looks for build information and adds its packages to *ret: 1 found, 0 not there, -EAGAIN, -EBADMSG, -E2BIG. Call
 * elf_sections() before, and this even when that wants more: both then are served in the same pass. */
int go_read(struct elf *elf, struct facts *ret, struct err *e) must_check;

/* The packages of build information: the toolchain's version ("go1.21.5") and the text of the modules. */
void go_packages(struct str toolchain, struct str modules, struct facts *ret);

#endif
