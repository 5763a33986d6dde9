/* An answer that is taken gives a time of this century and the next. */
#include "node/init/sntp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t ns;

	if (sntp_read(str_n(data, size), 0x0102030405060708ull, 1000000, &ns) == 0 &&
	    ns > 0x100000000ull * 2 * 1000000000ull)
		__builtin_trap();
	return 0;
}
