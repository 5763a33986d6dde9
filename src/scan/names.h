/* names: other names for files: where an image's symbolic links lead the paths that analyzers look for (merge_names()).
 * Files of a layer whose real path is, or lies below, `real` are read as if they stood at `logical`.
 *
 * The scanner makes them and sends them to the worker that reads the layer; strs are borrowed from whoever made them.
 */
#ifndef SCAN_NAMES_H
#define SCAN_NAMES_H

#include "base/path.h"
#include "scan/record.h"

#define NAMES_MAX 256
struct name_pair {
	struct str real, logical; /* normal paths */
};
struct names {
	struct name_pair pair[NAMES_MAX];
	size_t n;
	uint64_t key; /* hash of all pairs; 0 when there are none */
};

/* True when this layer holds something that `names` renames. */
bool names_concern(const struct names *names, const struct record *layer);

/* The logical path of a layer's file, or the path itself; in the buffer when it was renamed. */
struct str names_apply(const struct names *names, struct str path, char out[PATH_BYTES_MAX]);

/* As a message to the worker: one after the other, appended to b; what is returned borrows from it. */
struct str names_bytes(const struct names *names, struct buf *b);
/* The reverse, into names that are zeroed; they borrow from the bytes. At most NAMES_MAX are taken; false: damaged. */
bool names_read(struct str bytes, struct names *ret) must_check;

#endif
