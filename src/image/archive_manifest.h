/* archive_manifest: manifest.json of a docker-archive ("docker save"): which members make up which image.
 *
 * An array of { Config, RepoTags, Layers }, as github.com/moby/moby image/tarexport writes it; there is no
 * specification beyond docs/formats/docker-archive.md. Names of members are bytes as they stand there.
 * Bounds: IMAGE_MANIFEST_MAX bytes (the caller reads no more), IMAGE_INDEX_MAX images, ARCHIVE_TAGS_MAX tags and
 * IMAGE_LAYERS_MAX layers of one image. */
#ifndef IMAGE_ARCHIVE_MANIFEST_H
#define IMAGE_ARCHIVE_MANIFEST_H

#include "base/err.h"
#include "base/mem.h"

#define ARCHIVE_TAGS_MAX 1024

struct archive_names {
	struct str *v; /* as VEC */
	size_t n, cap;
};

struct archive_image {
	struct str config; /* name of a member */
	struct archive_names tags;
	struct archive_names layers; /* names of members, lowest first; the same may stand there twice */
};

struct archive_manifest {
	VEC(struct archive_image) images;
};

/* Strs point into the text or into the arena. On failure there is nothing to free. */
int archive_manifest_parse(struct str text, struct arena *a, struct archive_manifest *ret, struct err *e) must_check;
void archive_manifest_done(struct archive_manifest *m);
#define auto_archive_manifest cleanup_with(archive_manifest_done)

/* The image with a tag ("1.36", "busybox:1.36", "docker.io/library/busybox:1.36"), or with "@N" the N-th from 0; ""
 * asks for the only one. -ENOENT with the tags there are, also when "" does not say which of several. */
int archive_manifest_choose(const struct archive_manifest *m, struct str tag, const struct archive_image **ret,
			    struct err *e) must_check;

#endif
