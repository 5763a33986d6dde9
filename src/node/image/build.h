/* build: a base image from its lock: an OCI layout whose layer and config are the same bytes for the same lock, on any
 * machine. docs/base-images.md. */
#ifndef NODE_IMAGE_BUILD_H
#define NODE_IMAGE_BUILD_H

#include "base/progress.h"
#include "codec/ecdsa.h"
#include "node/image/lock.h"

struct build_image_options {
	int store;		     /* borrowed */
	struct str place;	     /* the layout's directory */
	struct str identity;	     /* what a signature calls the image; "": its own name */
	const char *mirror;	     /* where packages are looked for when their own place does not have them; NULL */
	const char *scratch;	     /* directory for what is unpacked; NULL: $TMPDIR, /var/tmp */
	const struct ecdsa_key *key; /* signs the image and what is said about it; NULL: nothing is signed */
	const struct progress *progress;
};

struct build_image_report {
	struct digest manifest, diff_id;
	uint64_t packages, layer_bytes, plain_bytes, fetched_bytes;
};

/* Fetches what the store lacks, builds, writes the layout with the lock beside it as image.lock. */
int image_build(const struct lock *l, const struct build_image_options *o, struct build_image_report *ret,
		struct err *e) must_check;

#define IMAGE_LOCK_NAME "image.lock"

#endif
