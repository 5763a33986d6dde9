/* bootstrap: the tree of a `full` or `minimal` image: mmdebstrap(1), run over a repository that holds the packages of
 * the lock and nothing else, without a network; what a machine or a moment left in the result is taken out again.
 *
 * Needs to be root, or a machine that lets users have namespaces of their own (mmdebstrap's unshare mode). */
#ifndef NODE_IMAGE_BOOTSTRAP_H
#define NODE_IMAGE_BOOTSTRAP_H

#include "node/image/lock.h"
#include "node/image/tree.h"

/* `scratch`: a directory that has room for the packages and the image. -ENOENT when a package is not in the store, -EIO
 * with mmdebstrap's last words when it failed or is not installed, -ENOTSUP for another architecture. */
int bootstrap_fill(struct tree *t, const struct lock *l, int store, const char *scratch, struct err *e) must_check;

#endif
