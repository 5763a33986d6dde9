/* Fuzz target: manifest.json of docker-archives. */
#include <assert.h>

#include "image/archive_manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	auto_archive_manifest struct archive_manifest m = { 0 };
	const struct archive_image *image;
	struct err e = { 0 };

	if (archive_manifest_parse(str_n(data, size), &a, &m, &e) < 0) {
		assert(e.code < 0 && e.msg[0] && !m.images.v);
		return 0;
	}
	assert(m.images.n > 0);
	assert(archive_manifest_choose(&m, STR("@0"), &image, &e) == 0 && image == &m.images.v[0]);
	if (archive_manifest_choose(&m, STR("latest"), &image, &e) == 0)
		assert(image >= m.images.v && image < m.images.v + m.images.n);
	return 0;
}
