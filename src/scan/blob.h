/* blob: the bytes of an image's layers, opened for a worker: a part of a file, or a download in a worker of its own. */
#ifndef SCAN_BLOB_H
#define SCAN_BLOB_H

#include "image/image.h"
#include "sandbox/worker.h"
#include "scan/layers.h"

#define BLOB_BYTES_MAX (1ull << 38) /* of one download, when the manifest does not say */

/* Downloads under way, one per layer that is being fetched. */
struct blobs {
	struct image *image;
	const struct image_options *options;
	const uint32_t *layer_of_task;
	struct worker *fetcher; /* per layer; pid 0: none */
};

void blobs_init(struct blobs *b, struct image *image, const struct image_options *options,
		const uint32_t *layer_of_task);
/* Ends what still runs. `failure` (may be NULL) gets what a failed download said of this layer: "" when none failed. */
void blobs_done(struct blobs *b);
/* Why the download of a layer failed: true and the text. */
bool blob_failure(struct blobs *b, size_t layer, struct err *ret);

/* An opener for layers_run(). */
struct layer_opener blobs_opener(struct blobs *b);

/* In the worker of role "fetch": the request comes with the first message, the bytes go to its descriptor. */
int blob_fetch_serve(int fd, struct err *e) must_check;

#endif
