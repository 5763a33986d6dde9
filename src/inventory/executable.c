/* executable: what Go's and Rust's linkers left in a program. One row for both, so that the skeleton of a program is
 * asked for and read once. */
#include "inventory/go.h"
#include "inventory/readers.h"
#include "inventory/rust.h"

int executable_read(struct file *f, struct facts *ret, struct err *e)
{
	struct err rust_error = { 0 };
	struct elf elf;
	int r = elf_open(&elf, f, e);
	int sections, go, rust;

	if (r <= 0)
		return r;
	sections = elf_sections(&elf);
	go = go_read(&elf, ret, e);
	if (sections == -EAGAIN)
		return -EAGAIN;
	if (go > 0)
		return 0; /* nobody is both, and the section names may lie behind the stream */
	rust = rust_read(&elf, ret, &rust_error);
	if (go == -EAGAIN || rust == -EAGAIN)
		return -EAGAIN;
	if (go < 0)
		return go;
	return rust < 0 ? err_set(e, rust, "%s", rust_error.msg) : 0;
}
