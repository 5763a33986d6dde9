/* apk.fuzz: any bytes as the installed database and as repositories. */
#include "inventory/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader("apk-repositories", STR("etc/apk/repositories"), data, size);
	return fuzz_reader("apk", STR("lib/apk/db/installed"), data, size);
}
