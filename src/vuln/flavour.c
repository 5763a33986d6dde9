/* flavour: see flavour.h. */
#include "vuln/flavour.h"

/* "ksplice1" of "2.28-189.1.0.1.ksplice1.el8", "" of others. */
static struct str ksplice(struct str version)
{
	ptrdiff_t at = str_find_str(version, STR(".ksplice")), end;

	if (at < 0)
		return STR_NONE;
	version = str_from(version, (size_t)at + 1);
	end = str_find(version, '.');
	return end < 0 ? version : str_head(version, (size_t)end);
}

static bool fips(struct str version)
{
	return str_find_str(version, STR("_fips")) >= 0;
}

bool flavour_same(struct str a, struct str b)
{
	return fips(a) == fips(b) && str_eq(ksplice(a), ksplice(b));
}
