/* reference: the name of an image in a registry: [HOST[:PORT]/]REPOSITORY[:TAG][@sha256:DIGEST].
 *
 * The grammar is that of the distribution project (github.com/distribution/reference, its grammar comment), with the
 * usual defaults of Docker: no host means docker.io, a docker.io repository of one part lies below library/, neither
 * tag nor digest means the tag "latest". The first part is a host when it has a '.' or ':' or is "localhost".
 * Limits: REFERENCE_* below. Upper case in a repository, empty parts, and digests other than sha256 are refused:
 * -EBADMSG, for a known other digest algorithm -ENOTSUP. */
#ifndef IMAGE_REFERENCE_H
#define IMAGE_REFERENCE_H

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"

#define REFERENCE_BYTES_MAX 1024
#define REFERENCE_REPOSITORY_MAX 255 /* with the host, as the distribution project counts it */
#define REFERENCE_TAG_MAX 128

struct reference {
	struct str host;       /* "docker.io", "localhost:5000", "[::1]:5000" */
	struct str repository; /* "library/busybox" */
	struct str tag;	       /* "" when only a digest was given */
	struct digest digest;  /* not set when none was given; wins over the tag */
};

/* Strs point into `text` or into the arena. */
int reference_parse(struct str text, struct arena *a, struct reference *ret, struct err *e) must_check;

/* The full form with every default written out. */
struct str reference_text(struct arena *a, const struct reference *ref);

/* Where the registry's API is: "docker.io" answers at another name. */
struct str reference_api_host(const struct reference *ref);

/* The host is this machine: localhost, 127.0.0.0/8, [::1]; with or without a port. */
bool reference_is_loopback(const struct reference *ref);

/* Does a name written in an archive or layout answer to a wanted one? "docker.io/library/busybox:1.36" does to itself,
 * to "busybox:1.36" and to "1.36"; nothing does to "". */
bool reference_name_fits(struct str have, struct str want);

bool reference_tag_ok(struct str tag); /* [A-Za-z0-9_][A-Za-z0-9_.-]{0,127} */

#endif
