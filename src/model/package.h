/* package: one installed package, as its database or its own files tell it. Plain values; every str is borrowed from
 * an arena, the mapped cache or the file that was read. */
#ifndef MODEL_PACKAGE_H
#define MODEL_PACKAGE_H

#include "base/str.h"

/* The kinds of package. The order is part of the cache format: add at the end. */
enum pkg_type {
	PKG_UNKNOWN,
	PKG_DEB,
	PKG_RPM,
	PKG_APK,
	PKG_ALPM,
	PKG_PYPI,
	PKG_NPM,
	PKG_GOLANG,
	PKG_CARGO,
	PKG_MAVEN,
	PKG_GEM,
	PKG_COMPOSER,
	PKG_NUGET,
	PKG_TYPE_COUNT,
};

struct pkg_type_row {
	const char *name;     /* purl type, also the name in reports: "deb", "pypi" */
	bool is_os;	      /* belongs to a distribution; matched in the release's namespace */
	const char *language; /* for people: "Python"; NULL for OS packages */
	const char *ns;	      /* namespace of its advisories ("pypi"); NULL for OS packages */
};

const struct pkg_type_row *pkg_type_row(enum pkg_type type); /* never NULL */

struct package {
	enum pkg_type type;
	struct str name; /* npm with its scope, Maven "group:artifact", Go the module path ("stdlib": the toolchain) */
	struct str version; /* complete, as the type's own tools print it: deb and rpm with an epoch that is not 0 */
	struct str arch;    /* "" when the type has none */
	struct str source;  /* source package (deb Source, apk origin, rpm SOURCERPM); "" = name */
	struct str source_version; /* "" = version */
	struct str module;	   /* rpm module "name:stream", "" when not modular */
	struct str vendor;	   /* rpm Vendor, deb Maintainer, alpm Packager: who built it; "" unknown */
	struct str license;	   /* as declared, "" unknown */
	struct str inner; /* where inside the evidence file, "BOOT-INF/lib/x.jar"; "" when it is the file itself */
};

static inline struct str package_source(const struct package *p)
{
	return p->source.n ? p->source : p->name;
}

static inline struct str package_source_version(const struct package *p)
{
	return p->source_version.n ? p->source_version : p->version;
}

#endif
