/* image: what a target is, before its layers are read. Filled by image/, shown by report/. */
#ifndef MODEL_IMAGE_H
#define MODEL_IMAGE_H

#include "base/digest.h"
#include "base/mem.h"

enum image_kind {
	IMAGE_DOCKER_ARCHIVE,
	IMAGE_OCI_DIR,
	IMAGE_OCI_ARCHIVE,
	IMAGE_REGISTRY,
	IMAGE_PODMAN,
	IMAGE_DOCKER,
	IMAGE_ROOTFS, /* a directory */
	IMAGE_TAR,    /* a file system tarball: one layer, no config */
	IMAGE_HOST,
	IMAGE_KIND_COUNT,
};
const char *image_kind_name(enum image_kind kind); /* "docker-archive", "oci", ... as in KIND:TARGET */

struct layer_info {
	struct digest blob;    /* claimed by the manifest; not set when nothing claims it */
	struct digest diff_id; /* claimed by the config; not set when nothing claims it */
	uint64_t size_bytes;   /* claimed or known size of the blob, 0 unknown */
	struct str created_by; /* Dockerfile command, from the config's history */
	bool base;	       /* belongs to the base image */
	bool base_inferred;    /* ... by the history's shape only */
};

/* How a container of the image is started when nobody says otherwise (OCI image-spec config.md, "config"). */
struct texts {
	struct str *v;
	size_t n, cap;
};
struct image_start {
	struct texts entrypoint, command, env;
	struct str user, directory, stop_signal; /* "" when not said */
};

struct image_info {
	struct arena arena;
	enum image_kind kind;
	struct str target;	/* as the user named it, without KIND: */
	struct str reference;	/* full registry reference or tag, "" when none */
	struct digest manifest; /* as computed from the manifest's bytes */
	struct digest config;	/* as computed from the config's bytes: the image ID */
	struct str os, arch, variant;
	struct str created;	       /* RFC 3339 as the config has it */
	struct str base_name;	       /* org.opencontainers.image.base.name, "" unknown */
	VEC(struct layer_info) layers; /* lowest first; empty for rootfs and host */
	struct image_start start;
};

void image_info_done(struct image_info *info);

#endif
