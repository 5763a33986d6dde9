/* store: files kept by their digest, so that a locked image can be built again when the archive has moved on.
 *
 *     CACHE/store/XX/REST     XXREST: hex of the SHA-256
 *
 * Nothing there is believed: each file is hashed when it is taken, and one that is not what its name says is removed
 * and counts as absent. It may be deleted at any time. */
#ifndef NODE_IMAGE_STORE_H
#define NODE_IMAGE_STORE_H

#include "base/digest.h"
#include "base/err.h"
#include "base/progress.h"
#include "base/str.h"

#define STORE_PARALLEL 8
#define STORE_FILE_MAX (2ull << 30)

/* The directory's descriptor below the cache's; negative errno. */
int store_open(int cache_dir, struct err *e) must_check;

/* A descriptor of the file, at its beginning; -ENOENT when it is not there whole. */
int store_take(int store, const struct digest *d, uint64_t size) must_check;
int store_put(int store, struct str bytes, const struct digest *d, struct err *e) must_check;

struct store_want {
	struct digest digest;
	uint64_t size;
	struct str name;   /* for messages */
	struct str url[2]; /* where to look, in this order; NUL behind each; the second may be "" */
};
/* Fetches what is not there. An error names the first that cannot be had. */
int store_fetch(int store, const struct store_want *wants, size_t n, const struct progress *progress,
		uint64_t *ret_bytes, struct err *e) must_check;

#endif
