/* rust: the list of crates cargo-auditable leaves in programs, in the section .dep-v0: JSON, compressed as zlib does.
 * https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md */
#ifndef INVENTORY_RUST_H
#define INVENTORY_RUST_H

#include "inventory/elf.h"
#include "model/facts.h"

/* 1 found, 0 not there, -EAGAIN, -EBADMSG, -E2BIG. Call elf_sections() before. */
int rust_read(struct elf *elf, struct facts *ret, struct err *e) must_check;

#endif
