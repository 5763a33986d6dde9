/* hackage: Haskell's Package Versioning Policy (pvp.haskell.org): numbers between dots. */
#include "vuln/version/scheme.h"

static int hackage_compare(struct str a, struct str b)
{
	return numbers_compare(a, b);
}

static bool hackage_valid(struct str v)
{
	return length_ok(v) && numbers_only(v, ".");
}

const struct version_scheme version_hackage = { "hackage", hackage_valid, hackage_compare };
