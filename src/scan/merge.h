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

#include "model/inventory.h"
#include "scan/names.h"

/* Layers laid over each other; damaged records give -EBADMSG. The records must live as long as it. */
struct merge;
int merge_open(struct merge **ret, const struct record *const *layers, size_t n, struct err *e) must_check;
struct merge *merge_free(struct merge *m); /* NULL is fine; returns NULL */

/* The names the merged links give; strs live in the arena. Only those which find a file that would else not be read. */
void merge_names(const struct merge *m, struct arena *a, struct names *ret);

/* What the merged image holds: packages with evidence and layer, the release decided, ownership resolved. `layered`
 * false: the target has no layers worth naming. Damaged facts give -EBADMSG. */
int merge_inventory(const struct merge *m, bool layered, struct inventory *ret, struct err *e) must_check;

#endif
