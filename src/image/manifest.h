/* manifest: what an image is made of, as registries and layouts say it.
 *
 * Read are the OCI image manifest and image index (github.com/opencontainers/image-spec, manifest.md and
 * image-index.md) and Docker's manifest and manifest list, version 2 schema 2 (distribution project,
 * manifest-v2-2.md). They have the same shape, and the shape decides: media types are kept for messages only and never
 * believed, about compression least of all. A document with both layers and manifests is refused (CVE-2021-41190:
 * two readers would see two images). Docker's schema 1 is -ENOTSUP.
 *
 * Bounds: IMAGE_MANIFEST_MAX bytes (the caller reads no more), IMAGE_LAYERS_MAX layers, IMAGE_INDEX_MAX manifests. An
 * entry of an index that cannot be used (no or another kind of digest) is kept with digest unset and never chosen; a
 * layer like that fails the manifest. The same layer twice is legal. */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"

struct descriptor {
	struct digest digest;
	uint64_t size_bytes;
	struct str media_type;
	struct str os, arch, variant; /* "" when the index does not say */
	struct str ref_name;	      /* org.opencontainers.image.ref.name */
	bool attestation;	      /* no image but a statement about one */
};

struct manifest {
	bool index; /* entries are manifests, else layers */
	struct descriptor config;
	VEC(struct descriptor) entries;
	struct str base_name; /* org.opencontainers.image.base.name */
};

/* Strs point into the text or into the arena. On failure there is nothing to free. */
int manifest_parse(struct str text, struct arena *a, struct manifest *ret, struct err *e) must_check;
void manifest_done(struct manifest *m);
#define auto_manifest cleanup_with(manifest_done)

/* os/arch[/variant]; the common other names of architectures are put right (x86_64, aarch64, armhf). */
struct platform {
	struct str os, arch, variant;
	bool given; /* the user named it: then nothing else will do */
};
/* "" = linux on this machine's architecture. -EINVAL for anything that is not os/arch[/variant]. */
int platform_parse(struct str text, struct platform *ret, struct err *e) must_check;
/* An image says it is for os/arch/variant: will that do? Parts the image leaves out match. */
bool platform_fits(const struct platform *want, struct str os, struct str arch, struct str variant);

/* The one manifest of an index for a platform: the best variant, the first of equals. A lone entry is taken unless the
 * user named another platform. `ref_name` "" or the name an entry must carry ("1.36" also finds "busybox:1.36").
 * -ENOENT with the list of what there is. *ret points into index. */
int manifest_choose(const struct manifest *index, const struct platform *want, struct str ref_name,
		    const struct descriptor **ret, struct err *e) must_check;

#endif
