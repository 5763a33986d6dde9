/* release: which base images there are: the releases of Debian and Ubuntu that can be built, their suites and keys, the
 * variants; and their names on the command line, "debian:12" or "ubuntu:24.04:static". */
#ifndef NODE_IMAGE_RELEASE_H
#define NODE_IMAGE_RELEASE_H

#include "base/err.h"
#include "base/str.h"

enum image_variant { VARIANT_FULL, VARIANT_MINIMAL, VARIANT_STATIC, VARIANT_COUNT };
struct image_variant_row {
	const char *name;
	const char *what; /* one line */
};
extern const struct image_variant_row image_variants[VARIANT_COUNT];

struct image_release {
	const char *id, *version, *codename; /* "debian", "12", "bookworm" */
	const char *archive;		     /* the last part of its repositories' URIs: "debian" */
	const char *security_archive;	     /* of the security suite's */
	const char *keyring;
	bool merge; /* its packages still bring files below /bin, /sbin and /lib: links come first */
};
extern const struct image_release image_releases[]; /* ends with a row without an id */

#define RELEASE_SUITES 3 /* the release, its updates, its security suite */
/* "bookworm", "bookworm-updates", "bookworm-security" */
void image_suite_name(const struct image_release *r, size_t i, char *text, size_t size);

/* "ID:VERSION[:VARIANT]"; without a variant full. -EINVAL names what there is. */
int image_name_parse(struct str text, const struct image_release **ret, enum image_variant *ret_variant,
		     struct err *e) must_check;

#endif
