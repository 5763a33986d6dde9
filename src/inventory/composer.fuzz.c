/* composer.fuzz: any bytes as such a file. */
#include "inventory/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_reader("composer", STR("vendor/composer/installed.json"), data, size);
}
