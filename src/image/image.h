/* image: a target opened: what it is, and how to get at the bytes of its layers.
 *
 * Manifests and configs are read here, bounded, with digests verified. Layer bytes are not read: each layer says where
 * they are, and scan/ hands the descriptor to a confined worker. */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "base/err.h"
#include "base/progress.h"
#include "fetch/http.h"
#include "model/image.h"

#define IMAGE_LAYERS_MAX 1024
#define IMAGE_MANIFEST_MAX (4u << 20) /* bytes; registries accept 4 MiB */
#define IMAGE_CONFIG_MAX (16u << 20)  /* bytes; large build histories exist */
#define IMAGE_INDEX_MAX 4096	      /* manifests of one index */

struct image_options {
	struct str platform; /* "linux/amd64[/variant]"; "" = linux and this machine's */
	bool plain_http;     /* registry without TLS; loopback addresses are tried so by themselves */
	bool insecure_tls;
	const char *ca_file;	   /* NULL: the system's */
	const char *auth_file;	   /* NULL: REGISTRY_AUTH_FILE, podman's, docker's, in that order */
	struct str user, password; /* "" = from the auth file */
	int scratch_dir;	   /* directory for unlinked temporary files (compressed archives) */
	const struct progress *progress;
};

/* Where a layer's bytes are. */
enum blob_place { BLOB_FILE, BLOB_URL };
struct blob_source {
	enum blob_place place;
	/* BLOB_FILE: size bytes at offset of fd (owned by the image). `file_identity` tells whether it is the user's
	 * file: only then its device, inode, size and times may be remembered for the next scan. */
	int fd;
	uint64_t offset, size;
	bool file_identity;
	/* BLOB_URL: what to GET; strs end with NUL and live in the image's arena. `token_header` is "" or an
	 * Authorization line. */
	struct str url, token_header;
};

struct image {
	struct image_info info;
	VEC(struct blob_source) blobs; /* beside info.layers */
	int root_fd;		       /* rootfs and host: the directory; else -1 */
	VEC(int) fds;		       /* what blobs refer to, closed with the image */
	struct image_registry
		*registry; /* where BLOB_URL blobs come from, NULL for other sources; lives in info.arena */
};

/* Opens "[KIND:]TARGET"; "docker://TARGET" is "registry:TARGET". The kind is found by looking when it is not given:
 * "host", an existing directory with oci-layout, another directory, a file by its content, else a registry reference;
 * what looks like a path (begins with '/' or '.', or with an existing file up to a ':') and is not there is -ENOENT.
 * Archives and layouts take PATH:TAG, and PATH@sha256:DIGEST where they are OCI ones.
 *
 * On failure there is nothing to close. -EACCES: the registry wants (other) credentials; -ENOENT: no such file, image
 * or platform; -EBADMSG: not what it claims to be; -E2BIG: past a limit; others as the kernel and fetch/ give them. */
int image_open(struct image *ret, struct str target, const struct image_options *options, struct err *e) must_check;
void image_close(struct image *img);

/* The request for a BLOB_URL layer, as http_many() wants it: limits, retries, TLS options and the Authorization header
 * are set; resume_from may be added. Borrows from the image, until the next image_blob_refresh(). The answer may be 401
 * when the scan lasted longer than the token: call image_blob_refresh() and ask again. */
void image_blob_request(const struct image *img, size_t layer, struct http_request *ret);
int image_blob_refresh(struct image *img, struct err *e) must_check;

/* The same to its end: the blob of one layer into a sink, with one refresh of the token. -EBADMSG when it is not as
 * long as the manifest says; the digest is the layer pass's to verify. */
int image_blob_get(struct image *img, size_t layer, const struct http_sink *sink, struct err *e) must_check;

#endif
