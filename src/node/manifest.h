/* manifest: what vouches for a node's image: manifest.json, signed with Ed25519 (manifest.sig, 64 bytes over the file's
 * bytes). Document: docs/formats/node-manifest.md. */
#ifndef NODE_MANIFEST_H
#define NODE_MANIFEST_H

#include "base/decode.h"
#include "base/digest.h"

#define MANIFEST_VERSION 1
#define MANIFEST_BYTES_MAX (64u << 10)
#define MANIFEST_LINE_MAX 4096 /* the kernel takes 2,048 bytes of a command line, the sealed one carries its own */
#define MANIFEST_JSON "manifest.json"
#define MANIFEST_SIGNATURE "manifest.sig"

struct node_manifest {
	const char *name, *release;
	uint64_t epoch;
	struct {
		struct digest digest;
		uint64_t size_bytes;
		bool sealed; /* it carries its command line itself and takes no other */
	} kernel;
	const char *command_line;
	struct {
		struct digest hash;  /* of the verity tree; its first 128 bits are the partition's UUID */
		struct digest image; /* of root.img, tree included */
		uint64_t size_bytes; /* of root.img */
	} root;
};

/* The bytes of manifest.json, after their signature was checked. Unknown members are errors. */
int node_manifest_parse(struct str json, struct arena *a, struct node_manifest *ret, struct err *e) must_check;
void node_manifest_write(const struct node_manifest *m, struct out *out);

#endif
