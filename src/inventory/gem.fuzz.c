/* gem.fuzz: any bytes as such a file. */
#include "inventory/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_reader("gem", STR("usr/lib/ruby/gems/3.1.0/specifications/x-1.gemspec"), data, size);
}
