/* rpm_sqlite.fuzz: any bytes as a file, and what it holds as headers. */
#include "inventory/rpm_sqlite.h"

#include "inventory/rpm_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return rpm_fuzz_container(rpm_sqlite_read, data, size);
}
