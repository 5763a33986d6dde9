/* origin: where an image and what is said about it are read from: a layout on disk or a repository of a registry. */
#ifndef NODE_IMAGE_ORIGIN_H
#define NODE_IMAGE_ORIGIN_H

#include "base/buf.h"
#include "image/registry.h"

struct origin {
	struct arena arena;
	int dir;		  /* a layout; -1: a registry */
	struct buf index;	  /* of the layout */
	struct registry registry; /* else */
};

/* "oci:DIR", a directory that is a layout (a name of an image behind it is passed over), else a reference. */
int origin_open(struct origin *o, struct str target, const struct image_options *options, struct err *e) must_check;
void origin_close(struct origin *o);

/* A manifest by its digest, held to it. -ENOENT. The buf is made by the call, in all of these. */
int origin_manifest(struct origin *o, const struct digest *d, struct buf *ret, struct err *e) must_check;
/* By its tag. */
int origin_tagged(struct origin *o, const char *tag, struct buf *ret, struct err *e) must_check;
/* A blob, at most max bytes, held to its digest. */
int origin_blob(struct origin *o, const struct digest *d, size_t max, struct buf *ret, struct err *e) must_check;
/* An index of what is said about a manifest: of a layout all it has. -ENOENT: nothing. */
int origin_referrers(struct origin *o, const struct digest *d, struct buf *ret, struct err *e) must_check;

#endif
