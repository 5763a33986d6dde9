/* A superblock that is taken for sound has the right checksum, and one bit more or less in it makes it damaged. */
#include "fs/ext4.h"

#define SUPER 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t changed[SUPER];
	uint64_t bytes = 0;

	if (ext4_judge(str_n(data, size), &bytes) == EXT4_DAMAGED)
		return 0;
	memcpy(changed, data, SUPER);
	for (size_t i = 0; i < SUPER; i++) {
		changed[i] ^= 1;
		if (ext4_judge(str_n(changed, SUPER), &bytes) != EXT4_DAMAGED)
			__builtin_trap();
		changed[i] ^= 1;
	}
	return 0;
}
