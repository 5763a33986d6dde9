/* semver: what the orders of npm, Go and NuGet have in common. Only for vuln/version.
 *
 * numbers[-pre.release][+build], Semantic Versioning 2.0.0 sections 9 to 11. Taken in more generously than it is
 * written there (missing numbers are 0, leading zeros, "v" or "=" in front), since advisories are not as strict as
 * registries. */
#ifndef VULN_VERSION_SEMVER_H
#define VULN_VERSION_SEMVER_H

#include "vuln/version/scheme.h"

struct semver {
	struct str core;      /* "1.2.3" */
	unsigned int numbers; /* how many */
	struct str pre;	      /* without its '-' */
	struct str build;     /* without its '+' */
	bool has_pre;
	bool glued;  /* pre is letters and digits without dots: "rc1" stands for "rc.1" */
	bool strict; /* nothing was left over that is no version */
};

/* At most numbers_max numbers are read; what stands behind the last of them is build metadata. */
struct semver semver_parse(struct str v, unsigned int numbers_max);
/* Build metadata does not count. */
int semver_order(const struct semver *a, const struct semver *b, bool nocase);
/* Dotted identifiers as section 11 orders them; none is older than some. */
int semver_identifiers(struct str a, bool a_glued, struct str b, bool b_glued, bool nocase);

#endif
