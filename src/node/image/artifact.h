/* artifact: a manifest that is about another (image-spec 1.1 manifest.md: "artifactType", "subject"), as attest.h
 * writes them and others may. Foreign bytes in, values out. Bounds: IMAGE_MANIFEST_MAX bytes (the caller reads no
 * more), ARTIFACT_LAYERS_MAX layers. */
#ifndef NODE_IMAGE_ARTIFACT_H
#define NODE_IMAGE_ARTIFACT_H

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"

#define ARTIFACT_LAYERS_MAX 64u

struct artifact_layer {
	struct digest digest;
	uint64_t size;
	struct str media_type;
	struct str signature; /* annotation of cosign's, base64; "" none */
};

struct artifact_manifest {
	struct str type; /* artifactType, else the config's media type */
	struct str media_type;
	struct digest subject; /* not set: it is about nothing */
	struct artifact_layer config;
	VEC(struct artifact_layer) layers;
};

/* Strs point into the text or into the arena. On failure there is nothing to free. */
int artifact_parse(struct str text, struct arena *a, struct artifact_manifest *ret, struct err *e) must_check;
void artifact_done(struct artifact_manifest *m);
#define auto_artifact cleanup_with(artifact_done)

#endif
