/* python.fuzz: any bytes as such a file. */
#include "inventory/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_reader("python", STR("usr/lib/python3/dist-packages/x-1.dist-info/METADATA"), data, size);
}
