/* push: a layout's image with everything that is said about it, to a registry (OCI distribution-spec 1.1: "Pushing
 * blobs in chunks", "Pushing Manifests with Subject", "Referrers Tag Schema").
 *
 * Blobs that the registry has are not sent again; those that another repository of it has are mounted. A blob goes in
 * chunks of PUSH_CHUNK: after a failure the registry is asked how far it got. Tags come last, so that what a tag names
 * is complete. Registries that know no referrers get the list under a tag, kept with what others put there. */
#ifndef NODE_IMAGE_PUSH_H
#define NODE_IMAGE_PUSH_H

#include "image/image.h"

#define PUSH_CHUNK (8u << 20) /* bytes of a blob in one request */
#define PUSH_TRIES 5	      /* failures in a row without progress */

struct push_options {
	struct image_options image; /* login, TLS */
	const char *mount;	    /* a repository that may have the blobs; NULL */
};

struct push_report {
	struct digest manifest;
	uint64_t blobs_sent, blobs_there, blobs_mounted, bytes_sent, manifests;
};

/* `target` is HOST/NAME[:TAG]; without a tag "latest". */
int image_push(const char *layout, struct str target, const struct push_options *options, struct push_report *ret,
	       struct err *e) must_check;

#endif
