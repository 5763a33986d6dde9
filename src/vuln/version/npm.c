/* npm: Semantic Versioning 2.0.0 as npm, Cargo and their advisories write it (semver.org, node-semver).
 *
 * Build metadata does not count. Missing numbers are 0: "1.2" is no version of a package, but advisories say it. */
#include "vuln/version/semver.h"

#define NUMBERS 3

static int npm_compare(struct str a, struct str b)
{
	struct semver x = semver_parse(a, NUMBERS), y = semver_parse(b, NUMBERS);

	return semver_order(&x, &y, false);
}

static bool npm_valid(struct str v)
{
	return length_ok(v) && semver_parse(v, NUMBERS).strict;
}

const struct version_scheme version_npm = { "npm", npm_valid, npm_compare };
