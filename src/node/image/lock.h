/* lock: everything a base image is made of, by digest: the same lock gives the same image. docs/formats/image-lock.md.
 *
 * Bounds: LOCK_BYTES_MAX, LOCK_SUITES_MAX, PACKAGES_CHOSEN_MAX packages. Strs of a lock that was read live in its
 * arena. Unknown members, wrong types, names that are no names are -EBADMSG. */
#ifndef NODE_IMAGE_LOCK_H
#define NODE_IMAGE_LOCK_H

#include "base/digest.h"
#include "base/fd.h"
#include "base/mem.h"
#include "node/image/release.h"

#define LOCK_BYTES_MAX (16u << 20)
#define LOCK_SUITES_MAX 16u
#define LOCK_INCLUDES_MAX 1000u

struct lock_suite {
	struct str uri, suite, components; /* "main universe" */
	struct str origin, codename;	   /* as the signed text says */
	struct digest release;		   /* of the signed text */
	int64_t date;			   /* of it, seconds since 1970 */
};

struct lock_package {
	struct str name, version, arch;
	struct str source, source_version;
	struct str path; /* below its suite's URI */
	uint64_t size;
	struct digest digest;
	uint32_t suite;
	bool essential;
};

struct lock {
	struct arena arena;
	const struct image_release *release;
	enum image_variant variant;
	struct str arch; /* as dpkg calls it */
	int64_t date;	 /* of the newest suite: the image's own time */
	VEC(struct lock_suite) suites;
	VEC(struct str) includes;
	VEC(struct lock_package) packages; /* by name */
};
void lock_done(struct lock *l);

int lock_parse(struct str text, struct lock *ret, struct err *e) must_check;
void lock_write(const struct lock *l, struct out *out);
/* The text and its digest. The buf is made by the call. */
int lock_text(const struct lock *l, struct buf *ret, struct digest *ret_digest, struct err *e) must_check;

/* "debian:12:static" */
void lock_name(const struct lock *l, char *text, size_t size);
/* Whether both have the same packages. */
bool lock_same_packages(const struct lock *a, const struct lock *b);

#endif
