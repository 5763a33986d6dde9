/* blob: the bytes of an image's layers, opened for a worker: a part of a file, or a download in a worker of its own. */
#ifndef SCAN_BLOB_H
#define SCAN_BLOB_H

#include "image/image.h"
#include "sandbox/worker.h"
#include "scan/layers.h"

/* Downloads under way, one per layer that is being fetched. */
struct blobs {
	struct image *image;
	const uint32_t *layer_of_task;
	struct worker *fetcher; /* per layer; pid 0: none */
	uint64_t login_ms;	/* monotonic: when the registry's token was last new */
};

void blobs_init(struct blobs *b, struct image *image, const uint32_t *layer_of_task);
/* Ends what still runs. */
void blobs_done(struct blobs *b);

/* An opener for layers_run(). A download that fails ends the run with its reason. */
struct layer_opener blobs_opener(struct blobs *b);

/* In the worker of role "fetch": the request comes with the first message, the bytes go to its descriptor. Why it
 * failed is said before the descriptor is closed, so that who finds the bytes cut short can ask for the reason at once.
 */
int blob_fetch_serve(int fd, struct err *e) must_check;

#endif
