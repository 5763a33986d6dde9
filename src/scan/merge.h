/* merge: the layers of an image laid over each other, as a container would see them.
 *
 * Rules (OCI image-spec layer.md): a whiteout hides what lower layers have at its path, an opaque directory all that
 * lower layers have below it; anything that is not a directory replaces what was there, together with all below; a
 * directory replaces a file but joins a directory. Only evidence files and the links that lead to them are followed;
 * every other path of a layer is a hash, looked up among the paths that lead to evidence.
 *
 * A package belongs to the layer since which its database has held this version of it without a break. */
#ifndef SCAN_MERGE_H
#define SCAN_MERGE_H

#include "base/path.h"
#include "model/inventory.h"
#include "scan/record.h"

/* Other names for files: where the image's symbolic links lead the paths that analyzers look for. Files of a layer
 * whose real path is, or lies below, `real` are read as if they stood at `logical`. */
#define NAMES_MAX 256
struct name_pair {
	struct str real, logical; /* normal paths */
};
struct names {
	struct name_pair pair[NAMES_MAX];
	size_t n;
	uint64_t key; /* hash of all pairs; 0 when there are none */
};

/* Layers laid over each other; damaged records give -EBADMSG. The records must live as long as it. */
struct merge;
int merge_open(struct merge **ret, const struct record *const *layers, size_t n, struct err *e) must_check;
struct merge *merge_free(struct merge *m); /* NULL is fine; returns NULL */

/* The names the merged links give; strs live in the arena. Only those which find a file that would else not be read. */
void merge_names(const struct merge *m, struct arena *a, struct names *ret);

/* True when this layer holds something that `names` renames. */
bool names_concern(const struct names *names, const struct record *layer);

/* The logical path of a layer's file, or the path itself; in the buffer when it was renamed. */
struct str names_apply(const struct names *names, struct str path, char out[PATH_BYTES_MAX]);

/* What the merged image holds: packages with evidence and layer, the release decided, ownership resolved. `layered`
 * false: the target has no layers worth naming. Damaged facts give -EBADMSG. */
int merge_inventory(const struct merge *m, bool layered, struct inventory *ret, struct err *e) must_check;

#endif
