/* layout: an OCI image layout being written (image-spec 1.1: image-layout.md, manifest.md, descriptor.md).
 *
 * It is written into a directory of a temporary name beside its place and takes that place whole, by rename, when
 * everything of it is on the disk. */
#ifndef NODE_IMAGE_LAYOUT_H
#define NODE_IMAGE_LAYOUT_H

#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

#define OCI_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG_TYPE "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define OCI_EMPTY_TYPE "application/vnd.oci.empty.v1+json"
#define OCI_INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define LAYOUT_REF_NAME "org.opencontainers.image.ref.name"

struct oci_pair {
	struct str key, value;
};

/* A descriptor, and what the index says about a manifest. */
struct oci_blob {
	struct digest digest;
	uint64_t size;
	struct str media_type, artifact_type; /* "" none */
	struct str arch, variant;	      /* "" no platform */
	const struct oci_pair *annotations;
	size_t annotation_count;
};
void oci_blob_write(struct json_out *w, const struct oci_blob *b);
/* An index (image-spec 1.1 image-index.md): descriptors go between the two. */
void oci_index_begin(struct json_out *w);
void oci_index_end(struct json_out *w);

struct layout {
	int dir; /* of the temporary name */
	struct str place;
	char *temporary; /* owned */
	struct arena arena;
	VEC(struct oci_blob) manifests; /* of index.json */
};

/* -EEXIST when something that is no layout has the name. */
int layout_begin(struct layout *l, struct str place, struct err *e) must_check;
/* The layout takes its place, or leaves no trace. */
int layout_commit(struct layout *l, struct err *e) must_check;
void layout_done(struct layout *l);

/* A file beside the blobs: of ours, or one that the image-spec names. */
int layout_file(struct layout *l, const char *name, struct str bytes, struct err *e) must_check;
/* A blob of bytes; *ret has digest, size and the type. */
int layout_put(struct layout *l, struct str bytes, const char *media_type, struct oci_blob *ret,
	       struct err *e) must_check;
/* A blob that is written piece by piece: a descriptor of a file without a place, then its digest. */
int layout_blob_open(struct layout *l, struct err *e) must_check;
int layout_blob_close(struct layout *l, int fd, const struct digest *d, struct err *e) must_check;
/* A manifest, in the index too; `about` (annotations, artifact type, platform) is copied, digest and size filled in. */
int layout_manifest(struct layout *l, struct str bytes, const struct oci_blob *about, struct oci_blob *ret,
		    struct err *e) must_check;

#endif
