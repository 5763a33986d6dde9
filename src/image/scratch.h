/* scratch: temporary files without a name: nothing is left behind, whatever happens to the process.
 *
 * Bounds: SCRATCH_BYTES_MAX of one file; when more than SCRATCH_RATIO_FREE_BYTES came out of a compressed archive, they
 * may be at most SCRATCH_RATIO_MAX times what went in: above that it is a bomb, and -E2BIG. */
#ifndef IMAGE_SCRATCH_H
#define IMAGE_SCRATCH_H

#include "base/err.h"
#include "base/progress.h"
#include "codec/inflate.h"

#define SCRATCH_BYTES_MAX (128ull << 30)
#define SCRATCH_RATIO_FREE_BYTES (1ull << 30)
#define SCRATCH_RATIO_MAX 250

/* Returns a new descriptor, open for reading and writing, in the directory dir_fd. */
int scratch_open(int dir_fd, struct err *e) must_check;

/* The plain bytes of a compressed file, as a new descriptor. */
int scratch_inflate(int fd, enum codec codec, int dir_fd, const struct progress *progress, uint64_t *ret_size,
		    struct err *e) must_check;

#endif
