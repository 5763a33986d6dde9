/* pub: Dart's versions (pub_semver): Semantic Versioning 2.0.0, but build metadata counts: any is newer than none, and
 * their identifiers are ordered as those of pre-releases. */
#include "vuln/version/semver.h"

#define NUMBERS 3

static int pub_compare(struct str a, struct str b)
{
	struct semver x = semver_parse(a, NUMBERS), y = semver_parse(b, NUMBERS);
	int r = semver_order(&x, &y, false);

	return r ? r : semver_identifiers(x.build, false, y.build, false, false);
}

static bool pub_valid(struct str v)
{
	return length_ok(v) && semver_parse(v, NUMBERS).strict;
}

const struct version_scheme version_pub = { "pub", pub_valid, pub_compare };
