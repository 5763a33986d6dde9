/* pacman.fuzz: any bytes as desc and as files. */
#include "inventory/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader("pacman", STR("var/lib/pacman/local/a-1-1/desc"), data, size);
	return fuzz_reader("pacman-files", STR("var/lib/pacman/local/a-1-1/files"), data, size);
}
