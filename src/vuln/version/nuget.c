/* nuget: Semantic Versioning with up to four numbers, labels blind to case, build metadata ignored ("Package
 * versioning", NuGet documentation). Missing numbers are 0. */
#include "vuln/version/semver.h"

#define NUMBERS 4

static int nuget_compare(struct str a, struct str b)
{
	struct semver x = semver_parse(a, NUMBERS), y = semver_parse(b, NUMBERS);

	return semver_order(&x, &y, true);
}

static bool nuget_valid(struct str v)
{
	return length_ok(v) && semver_parse(v, NUMBERS).strict;
}

const struct version_scheme version_nuget = { "nuget", nuget_valid, nuget_compare };
