/* config: an image's configuration (OCI image-spec config.md; Docker's has the same shape): platform, diff ids, and the
 * history that names the command behind each layer.
 *
 * Bounds: IMAGE_CONFIG_MAX bytes (the caller reads no more), IMAGE_LAYERS_MAX diff ids, CONFIG_HISTORY_MAX steps,
 * CONFIG_START_MAX texts of each list of how a container is started. A diff id that is no sha256 digest is -EBADMSG. */
#ifndef IMAGE_CONFIG_H
#define IMAGE_CONFIG_H

#include "base/err.h"
#include "image/manifest.h"
#include "model/image.h"

#define CONFIG_HISTORY_MAX 16384
#define CONFIG_START_MAX 4096 /* words of a command, variables of the environment */

struct config_step {
	struct str created_by;
	bool empty_layer;
};

struct config {
	struct str os, arch, variant, created;
	struct str base_name; /* label org.opencontainers.image.base.name */
	VEC(struct digest) diff_ids;
	VEC(struct config_step) history;
	struct image_start start;
};

/* Strs point into the text or into the arena. On failure there is nothing to free. */
int config_parse(struct str text, struct arena *a, struct config *ret, struct err *e) must_check;
void config_done(struct config *c);
#define auto_config cleanup_with(config_done)

/* Fills info from the config; info.layers holds what the manifest lists. The config's diff ids must be as many as the
 * layers (-EBADMSG). A history of another length is no error: then no layer gets a created_by and no base is guessed.
 *
 * The base image's layers cannot be known from one image alone. They are guessed from the history: of the steps below
 * the topmost layer, the last CMD or ENTRYPOINT without a layer ends the base. Layers below it are marked `base`
 * and `base_inferred`. */
int config_apply(const struct config *c, struct image_info *info, struct err *e) must_check;

/* Both, for an image of which `want` is asked: -ENOENT when it is for another platform. */
int config_take(struct str text, const struct platform *want, struct image_info *info, struct err *e) must_check;

#endif
