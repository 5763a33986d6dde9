/* ns: where a statement belongs: namespaces and the canonical spelling of package names in them.
 *
 * "debian:12", "debian:sid", "ubuntu:22.04", "alpine:3.18", "alpine:edge", "wolfi", "chainguard", "minimos", "rhel:9",
 * "rocky:9", "almalinux:9", "sles:15.3", "opensuse-leap:15.5", "opensuse-tumbleweed", "mageia:9", "photon:5",
 * "azurelinux:3", "openeuler:24.03"; languages "pypi", "npm", "golang", "cargo", "maven", "gem", "composer", "nuget",
 * "bitnami". docs/formats/db.md. */
#ifndef VULN_FEED_NS_H
#define VULN_FEED_NS_H

#include "base/mem.h"
#include "model/advisory.h"

struct version_scheme;

enum ns_kind {
	NS_LANGUAGE,  /* one id and its aliases are one vulnerability */
	NS_OS_SOURCE, /* advisories name source packages */
	NS_OS_BINARY, /* advisories name installed packages */
};

struct ns {
	struct str name;
	struct str channel; /* "" everybody */
	enum ns_kind kind;
	const struct version_scheme *scheme; /* of an OSV ecosystem's versions; NULL: not known here */
};

/* The namespace of an OSV ecosystem ("Ubuntu:Pro:16.04:LTS"); false when it is none that is matched here. */
bool ns_of_osv(struct arena *a, struct str ecosystem, struct ns *ret);
/* Of a CPE 2.2 or 2.3 name of a Red Hat product: "cpe:/o:redhat:enterprise_linux:9::baseos" -> rhel:9; extended
 * update support and its kin become channels ("eus:9.2"). */
bool ns_of_redhat_cpe(struct arena *a, struct str cpe, struct ns *ret);
/* Of a platform as OVAL names it, "Red Hat Enterprise Linux 9" -> rhel:9; empty when unknown. */
struct str ns_of_platform(struct arena *a, struct str platform);
/* "bookworm" -> "12", "sid" -> "sid"; empty when unknown. */
struct str ns_debian_release(struct str codename);
/* "jammy" -> "22.04"; empty when unknown. */
struct str ns_ubuntu_release(struct str codename);

/* The canonical spelling: PEP 503 for pypi, lower case for composer and nuget, "stdlib" for Go's own packages. */
struct str ns_package_name(struct arena *a, struct str ns, struct str name);

/* `head` followed by `tail`. */
struct str ns_join(struct arena *a, struct str head, struct str tail);

#endif
