/* source: what the sources of images have in common. Only image/ includes this. */
#ifndef IMAGE_SOURCE_H
#define IMAGE_SOURCE_H

#include "image/image.h"
#include "image/manifest.h"

/* One opener each; img is zeroed but for root_fd and info.target. On failure the caller closes img. `target` is a
 * NUL-terminated text without its KIND:. */
int from_layout(struct image *img, struct str target, const struct image_options *o, struct err *e) must_check;
int from_archive(struct image *img, struct str target, const struct image_options *o, struct err *e) must_check;
int from_registry(struct image *img, struct str target, const struct image_options *o, struct err *e) must_check;
int from_daemon(struct image *img, struct str target, const struct image_options *o, struct err *e) must_check;
int from_rootfs(struct image *img, struct str target, const struct image_options *o, struct err *e) must_check;
int from_tar(struct image *img, struct str target, const struct image_options *o, struct err *e) must_check;
int from_host(struct image *img, struct str target, const struct image_options *o, struct err *e) must_check;

/* An open docker-archive or oci-archive; takes fd. `own`: it is the user's file, not a temporary one. */
int archive_open_fd(struct image *img, int fd, bool own, struct str tag, const struct image_options *o,
		    struct err *e) must_check;

/* A file of which nobody said what it is: info.kind is set to IMAGE_DOCKER_ARCHIVE, IMAGE_OCI_ARCHIVE or IMAGE_TAR. */
int from_file(struct image *img, struct str target, const struct image_options *o, struct err *e) must_check;

/* Splits "PATH[:TAG]" or "PATH@DIGEST" at the first ':' or '@' behind a name that exists; the whole when that exists.
 * *ret_path lives in the arena and ends with NUL. -ENOENT when nothing exists. */
int target_split(struct str target, struct arena *a, struct str *ret_path, struct str *ret_suffix) must_check;

/* Gives fd to the image; it is closed with it. */
int image_keep_fd(struct image *img, int fd);
/* A layer at the end, with the source of its bytes. */
void image_add_layer(struct image *img, const struct digest *blob, const struct blob_source *source);

/* How blobs are got, by whoever keeps them. */
enum blob_role { ROLE_MANIFEST, ROLE_CONFIG };
struct blob_reader {
	void *ctx;
	/* The whole blob, at most max bytes; the digest is checked by the caller. */
	int (*read)(void *ctx, const struct descriptor *d, enum blob_role role, size_t max, struct buf *ret,
		    struct err *e);
	int (*layer)(void *ctx, const struct descriptor *d, struct blob_source *ret, struct err *e);
};

/* From the text of an index or manifest to the opened image: chooses by name and platform (nested indexes too), reads
 * manifest and config with their digests verified, and locates the layers. */
int oci_assemble(struct image *img, const struct blob_reader *reader, struct str top, struct str ref_name,
		 const struct image_options *o, struct err *e) must_check;
/* One blob, its digest verified. */
int oci_read(const struct blob_reader *reader, const struct descriptor *d, enum blob_role role, struct buf *ret,
	     struct err *e) must_check;

#endif
