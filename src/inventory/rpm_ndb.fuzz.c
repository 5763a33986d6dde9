/* rpm_ndb.fuzz: any bytes as a file, and what it holds as headers. */
#include "inventory/rpm_ndb.h"

#include "inventory/rpm_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return rpm_fuzz_container(rpm_ndb_read, data, size);
}
