/* version: the version orders of the package worlds, one scheme a file.
 *
 * A scheme compares two version texts without allocating. A text that is no version of the scheme is `false` from
 * valid(): it is "not assessed", never silently taken as older or newer. */
#ifndef VULN_VERSION_H
#define VULN_VERSION_H

#include "base/str.h"
#include "model/package.h"

#define VERSION_BYTES_MAX 512 /* longer texts are not versions */

struct version_scheme {
	const char
		*name; /* "dpkg", "rpm", "apk", "alpm", "pep440", "npm", "go", "maven", "gem", "nuget", "packagist" */
	bool (*valid)(struct str v);
	/* <0, 0, >0; defined for every text, antisymmetric, and a total order on valid ones (Maven's own is none:
	 * maven.c). */
	int (*compare)(struct str a, struct str b);
};

const struct version_scheme *version_scheme_for(enum pkg_type type); /* NULL for PKG_UNKNOWN */
const struct version_scheme *version_scheme_named(struct str name);  /* NULL when there is none */

/* The type's own order; PKG_UNKNOWN and others without one by their bytes. */
int version_compare(enum pkg_type type, struct str a, struct str b);

#endif
