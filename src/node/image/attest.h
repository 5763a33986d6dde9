/* attest: what is said about an image beside it: its SBOM (SPDX), how it was made (in-toto Statement v1 with SLSA
 * provenance v1), and signatures in cosign's format. Each is a manifest of its own with the image as its subject
 * (image-spec 1.1 manifest.md, "artifactType" and "subject"), so that registries list it as a referrer; a signature
 * also has cosign's tag "sha256-HEX.sig" (sigstore/cosign specs/SIGNATURE_SPEC.md).
 *
 * All but signatures are the same bytes for the same lock. */
#ifndef NODE_IMAGE_ATTEST_H
#define NODE_IMAGE_ATTEST_H

#include "codec/ecdsa.h"
#include "node/image/layout.h"
#include "node/image/lock.h"

#define ATTEST_SPDX_TYPE "application/spdx+json"
#define ATTEST_STATEMENT_TYPE "application/vnd.in-toto+json"
#define ATTEST_PAYLOAD_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define ATTEST_SIGNATURE_TYPE "application/vnd.dev.cosign.artifact.sig.v1+json"
#define ATTEST_SIGNATURE_KEY "dev.cosignproject.cosign/signature"
#define ATTEST_PAYLOAD_MAX (64u << 10)
#define ATTEST_STATEMENTS_MAX 8u /* that a signature names */

/* Adds SBOM and provenance of the image to its layout. */
int attest_add(struct layout *l, const struct lock *lock, const struct digest *lock_digest,
	       const struct oci_blob *image, struct err *e) must_check;

/* The text that is signed (containers/image docs/containers-signature.5.md). Of an image it names the manifests of what
 * is said about it, so that none of them can be taken away unseen; cosign keeps such additions under "optional". */
struct attest_text {
	struct digest manifest;
	struct str name; /* what the image is called; it proves nothing and is not read */
	struct digest statements[ATTEST_STATEMENTS_MAX];
	size_t statement_count;
};
int attest_payload(const struct attest_text *t, struct buf *ret, struct err *e) must_check;
/* -EBADMSG when it is no such payload. */
int attest_payload_read(struct str text, struct attest_text *ret, struct err *e) must_check;

/* Signs a manifest of the layout, which t->manifest names. */
int attest_sign(struct layout *l, const struct oci_blob *subject, const struct attest_text *t,
		const struct ecdsa_key *key, struct err *e) must_check;

/* "sha256-HEX.sig", or without a tail the tag under which registries that know no referrers keep them. */
void attest_tag(const struct digest *d, const char *tail, char *text, size_t size);

#endif
