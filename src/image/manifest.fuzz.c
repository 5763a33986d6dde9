/* Fuzz target: manifests and indexes; what is chosen is an entry with a digest, and no limit is passed. */
#include <assert.h>

#include "image/image.h"
#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	auto_manifest struct manifest m = { 0 };
	const struct descriptor *d;
	struct platform want;
	struct err e = { 0 };

	if (manifest_parse(str_n(data, size), &a, &m, &e) < 0) {
		assert(e.code < 0 && e.msg[0] && !m.entries.v);
		return 0;
	}
	assert(m.entries.n <= (size_t)(m.index ? IMAGE_INDEX_MAX : IMAGE_LAYERS_MAX));
	for (size_t i = 0; !m.index && i < m.entries.n; i++)
		assert(m.entries.v[i].digest.set);
	assert(m.index || m.config.digest.set);
	assert(platform_parse(STR("linux/arm/v7"), &want, NULL) == 0);
	if (m.index && manifest_choose(&m, &want, STR_NONE, &d, &e) == 0)
		assert(d >= m.entries.v && d < m.entries.v + m.entries.n && d->digest.set && !d->attestation);
	return 0;
}
