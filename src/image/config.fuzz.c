/* Fuzz target: image configs, applied to an image with as many layers as they list. */
#include <assert.h>

#include "image/config.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_info info = { 0 };
	auto_config struct config c = { 0 };
	struct err e = { 0 };
	size_t base = 0;

	if (config_parse(str_n(data, size), &info.arena, &c, &e) >= 0) {
		assert(c.diff_ids.n <= IMAGE_LAYERS_MAX && c.history.n <= CONFIG_HISTORY_MAX);
		for (size_t i = 0; i < c.diff_ids.n; i++)
			(void)vec_add(&info.layers);
		assert(config_apply(&c, &info, &e) == 0);
		/* The base is a run of layers from the bottom, and never all of them. */
		while (base < info.layers.n && info.layers.v[base].base)
			base++;
		assert(!base || base < info.layers.n);
		for (size_t i = base; i < info.layers.n; i++)
			assert(!info.layers.v[i].base && info.layers.v[i].diff_id.set);
	} else {
		assert(e.code < 0 && e.msg[0]);
	}
	image_info_done(&info);
	return 0;
}
