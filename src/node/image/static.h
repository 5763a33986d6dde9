/* static: the tree of a `static` image: packages unpacked by this program, without their maintainer scripts, and what
 * these would have made that a program without a shell needs: users, certificates in one file, directories.
 *
 * Each package leaves var/lib/dpkg/status.d/NAME and NAME.md5sums, as distroless images have them, so that scanners see
 * what is in the image. Documentation but copyright files is left out. */
#ifndef NODE_IMAGE_STATIC_H
#define NODE_IMAGE_STATIC_H

#include "node/image/lock.h"
#include "node/image/tree.h"

#define STATIC_USER 65532u /* "nonroot", as in distroless images */

/* The packages are taken from the store; -ENOENT when one is not there. */
int static_fill(struct tree *t, const struct lock *l, int store, struct err *e) must_check;

#endif
