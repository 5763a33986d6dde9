/* redhat_content.fuzz: any bytes as such a file. */
#include "inventory/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_reader("redhat-content", STR("root/buildinfo/content_manifests/ubi9.json"), data, size);
}
