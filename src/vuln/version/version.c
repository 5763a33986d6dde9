/* version: the table of schemes. See version.h. */
#include "vuln/version/version.h"

#include "vuln/version/scheme.h"

static const struct version_scheme *const by_type[PKG_TYPE_COUNT] = {
	[PKG_DEB] = &version_dpkg,
	[PKG_RPM] = &version_rpm,
	[PKG_APK] = &version_apk,
	[PKG_ALPM] = &version_alpm,
	[PKG_PYPI] = &version_pep440,
	[PKG_NPM] = &version_npm,
	[PKG_GOLANG] = &version_go,
	[PKG_CARGO] = &version_npm,
	[PKG_MAVEN] = &version_maven,
	[PKG_GEM] = &version_gem,
	[PKG_COMPOSER] = &version_packagist,
	[PKG_NUGET] = &version_nuget,
};

/* Of ecosystems that nothing here reads the packages of. */
static const struct version_scheme *const others[] = { &version_cran, &version_hackage, &version_pub };

const struct version_scheme *version_scheme_for(enum pkg_type type)
{
	return (size_t)type < PKG_TYPE_COUNT ? by_type[type] : NULL;
}

const struct version_scheme *version_scheme_named(struct str name)
{
	for (size_t i = 0; i < PKG_TYPE_COUNT; i++)
		if (by_type[i] && str_is(name, by_type[i]->name))
			return by_type[i];
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (str_is(name, others[i]->name))
			return others[i];
	return NULL;
}

int version_compare(enum pkg_type type, struct str a, struct str b)
{
	const struct version_scheme *s = version_scheme_for(type);

	return s ? s->compare(a, b) : str_cmp(a, b);
}
