/* cran: R's package versions (R's package_version): numbers between '.' and '-', which are the same. */
#include "vuln/version/scheme.h"

static int cran_compare(struct str a, struct str b)
{
	return numbers_compare(a, b);
}

static bool cran_valid(struct str v)
{
	return length_ok(v) && numbers_only(v, ".-");
}

const struct version_scheme version_cran = { "cran", cran_valid, cran_compare };
