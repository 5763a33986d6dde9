/* stored: an image in a node's store: what its layers are, and how a container of it is started.
 *
 * The client writes it, the builder writes it for the images of the specification, the node reads it as foreign bytes.
 * A layer is named by the root hash of its verity tree (node/verity.h, salt of zeros): the file has the EROFS image,
 * `bytes` long, and the tree behind it. Document: docs/formats/node-store.md. */
#ifndef NODE_STORED_H
#define NODE_STORED_H

#include "base/decode.h"
#include "base/digest.h"

#define STORED_VERSION 1
#define STORED_BYTES_MAX (256u << 10)
#define STORED_LAYERS_MAX 128u
#define STORED_NAME_MAX 255u /* bytes of an image's name */
#define STORED_LAYER_BYTES_MAX (16ull << 30)

struct stored_layer {
	struct digest root;
	uint64_t bytes; /* of the image, without the tree: a multiple of 4096 */
	const char *diff_id;
};

struct stored {
	const char *name;	     /* what pods call it */
	const char *image;	     /* digest of the configuration it was made from, as text; "" unknown */
	struct stored_layer *layers; /* lowest first */
	size_t layer_count;
	struct strings entrypoint, command, env;
	const char *user, *directory; /* "" when not said */
};

/* -EBADMSG with the member's path. */
int stored_parse(struct str json, struct arena *a, struct stored *ret, struct err *e) must_check;
void stored_write(const struct stored *r, struct out *out);

/* [a-zA-Z0-9][a-zA-Z0-9._/:@-]*, no "//", no ".." */
bool stored_name_ok(struct str name) must_check;

/* Files below a store: "layers/HEX", "records/HEX.json" of the name's SHA-256. */
#define STORED_PATH_MAX 96
void stored_layer_path(const struct digest *root, char path[STORED_PATH_MAX]);
void stored_path(struct str name, char path[STORED_PATH_MAX]);
/* The salt of every layer's tree. */
extern const struct digest stored_salt;

#endif
