/* dpkg.fuzz: any bytes as status, as md5sums and as a list. */
#include "inventory/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader("dpkg", STR("var/lib/dpkg/status"), data, size);
	fuzz_reader("dpkg", STR("var/lib/dpkg/status.d/a.md5sums"), data, size);
	return fuzz_reader("dpkg-files", STR("var/lib/dpkg/info/a:amd64.list"), data, size);
}
