/* egg.fuzz: any bytes as such a file. */
#include "inventory/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_reader("egg", STR("usr/lib/python3/site-packages/x-1-py3.egg"), data, size);
}
