/* rpm_header.fuzz: any bytes as one header. */
#include "inventory/rpm_header.h"

#include "inventory/rpm_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpm_fuzz z = { 0 };

	rpm_fuzz_header(&z, str_n(data, size));
	return 0;
}
