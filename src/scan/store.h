/* store: layers kept as file systems that are mounted as they are, one file for each, named by the digest of what it
 * was made from.
 *
 *     DIR/layers/sha256-DIFFID.erofs
 *
 * DIR is `images` in the data directory (scan/data.h). Files appear whole, under their name, by link: two commands that
 * store the same layer at once both win. What is there was written by us from bytes whose digest we computed; only its
 * owner may change it. */
#ifndef SCAN_STORE_H
#define SCAN_STORE_H

#include "base/progress.h"
#include "image/image.h"
#include "scan/aged.h"

#define STORE_DIR_NAME "images"

/* The layers of an image that scan_inventory() has looked at, as open files, lowest first; what is missing is read and
 * written first. ret_fds has room for all layers; on success they are the caller's to close. */
int store_layers(const char *data_path, struct image *img, int *ret_fds, const struct progress *progress,
		 struct err *e) must_check;

/* Removes layers by the rule, but for those that containers use (whose file is locked shared: flock), and returns how
 * many, *ret_bytes in all. */
int store_prune(const char *data_path, const struct aged_rule *rule, uint64_t *ret_bytes, struct err *e) must_check;

#endif
