/* tree: the layers of an image unpacked into one directory, for users without rights: the kernel mounts no EROFS for
 * them. Unpacked once, found again by the digest of the layers.
 *
 *     DIR/sha256-DIGEST    the tree; appears whole, by rename
 *
 * DIR is `trees` in the store of images. Files belong to the ids the user has been granted (subids.h): root inside is
 * the user, the ids above are the range. Without a range everything belongs to the user. Of the layers (EROFS images of
 * ours) devices are left out: the runtime makes those a container gets. */
#ifndef ENGINE_TREE_H
#define ENGINE_TREE_H

#include "engine/subids.h"
#include "runtime/config.h"

#define TREE_DEPTH_MAX 512 /* directories below each other */

/* Who the container's ids are on the host: one row, or two with a range. */
struct tree_ids {
	struct oci_mapping uids[2], gids[2];
	size_t n;
};
/* Of the calling user. A range of one sort without the other counts as none. */
void tree_ids_of_user(struct tree_ids *ret);

/* The tree of these layers (lowest first) below store_fd, a directory; made when it is missing. *ret_name: its name;
 * *ret_lock: a descriptor, while which is open it is not pruned. */
#define TREE_NAME_BYTES 80
int tree_get(int store_fd, const int *layers, size_t n, const struct tree_ids *ids, struct str digest,
	     char ret_name[TREE_NAME_BYTES], int *ret_lock, struct err *e) must_check;

/* Removes what no container uses, and what killed commands left; the number of trees, *ret_bytes in all. */
int trees_prune(int store_fd, const struct tree_ids *ids, uint64_t *ret_bytes, struct err *e) must_check;

#endif
