/* verify: an image held to its signature, byte for byte: cosign's signature of the manifest by the given key, the
 * manifest to the digest that was signed, config and layers to the manifest, and what is said about the image (SBOM,
 * provenance) to signatures of their own. */
#ifndef NODE_IMAGE_VERIFY_H
#define NODE_IMAGE_VERIFY_H

#include "codec/ecdsa.h"
#include "image/image.h"

struct image_verified {
	struct digest manifest;
	uint64_t layers, bytes; /* read and hashed */
	uint64_t statements;	/* SBOM, provenance: signed by the same key */
};

/* -ENOENT: it is not signed at all; -EBADMSG: not by this key, or something is not what was signed. */
int image_verify(struct str target, const struct ecdsa_key *key, const struct image_options *options,
		 struct image_verified *ret, struct err *e) must_check;

#endif
