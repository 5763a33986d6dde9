/* unpack: layers of an image as file systems (layer/erofs.h), written by confined workers into files that the parent
 * opened. A layer's bytes are foreign, and what is written of them is bounded by erofs.h. */
#ifndef SCAN_UNPACK_H
#define SCAN_UNPACK_H

#include "base/progress.h"
#include "image/image.h"

/* One layer to write. */
struct unpack_task {
	uint32_t layer; /* of the image */
	int fd;		/* borrowed: an empty file open for writing */
};

/* Writes all of them, largest first, as many at a time as there are processors. The image's layers must have their
 * digests (scan_inventory() computes them): bytes that have changed since are -EBADMSG. After a failure the files hold
 * anything. */
int unpack_layers(struct image *img, const struct unpack_task *tasks, size_t n, const struct progress *progress,
		  struct err *e) must_check;

/* In the worker of role "unpack". */
int unpack_serve(int fd, struct err *e) must_check;

#endif
