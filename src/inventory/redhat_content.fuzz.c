/* redhat_content.fuzz: any bytes as one file and as the other. */
#include "inventory/fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader("redhat-repo", STR("etc/yum.repos.d/redhat.repo"), data, size);
	return fuzz_reader("redhat-content", STR("root/buildinfo/content_manifests/ubi9.json"), data, size);
}
