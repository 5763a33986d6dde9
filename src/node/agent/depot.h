/* depot: the node's images: records and layers on the data partition, and those of the specification on the verified
 * root, which are read only (docs/formats/node-store.md).
 *
 * A layer that comes in is a file without a name until it is whole: its verity tree is computed and written behind it,
 * the root hash compared with the name it was promised under, the file synced, and only then linked. A power cut at any
 * moment leaves the layer or nothing. */
#ifndef NODE_AGENT_DEPOT_H
#define NODE_AGENT_DEPOT_H

#include "base/fd.h"
#include "node/stored.h"

#define DEPOT_RECORDS_MAX 1024u
#define DEPOT_UPLOAD_MAX_S 3600 /* from an image's first layer to its record */

struct depot {
	int data;  /* DIR/images */
	int fixed; /* of the root; -1: there are none */
};

/* The directories are made. `fixed` may be missing. */
int depot_open(const char *data_path, const char *fixed_path, struct depot *ret, struct err *e) must_check;
void depot_close(struct depot *d);

/* A layer that comes in. */
struct intake {
	int fd;
	struct digest root;
	uint64_t want, have;
};
/* 1 when the layer is there already (nothing was begun). -ENOSPC. */
int depot_begin(struct depot *d, struct str root_hex, uint64_t bytes, struct intake *ret, struct err *e) must_check;
int depot_add(struct intake *in, struct str piece, struct err *e) must_check;
/* -EBADMSG: not what its name says. Ends the intake in any case. */
int depot_finish(struct depot *d, struct intake *in, struct err *e) must_check;
void depot_drop(struct intake *in);

/* An open layer; *ret_fixed: it lies on the verified root. -ENOENT. */
int depot_layer(const struct depot *d, const struct digest *root, bool *ret_fixed) must_check;

/* Text of a record, checked to be the name's own. -ENOENT. */
int depot_record(const struct depot *d, struct str name, struct arena *a, struct stored *ret, struct err *e) must_check;
/* -ENOENT: a layer is missing; -EEXIST: the root has an image of this name. */
int depot_put(struct depot *d, struct str name, struct str json, struct err *e) must_check;
/* And its layers, where no other record names them; others without a record when they are older than
 * DEPOT_UPLOAD_MAX_S, as an image that comes in has its layers before its record. -EPERM: it is the root's. */
int depot_delete(struct depot *d, struct str name, struct err *e) must_check;
/* Layers that no record names: of an upload that never got its record. */
int depot_sweep(struct depot *d, struct err *e) must_check;
/* `each` for every record there is, by file name. */
int depot_each(const struct depot *d, void (*each)(void *arg, const struct stored *r, bool fixed), void *arg,
	       struct err *e) must_check;

#endif
