/* release: which operating system a target is, and what follows from that: the namespace of its advisories, whether the
 * release still gets any, and whether a package was built by the distribution. Tables and comparisons only.
 *
 * Namespaces: "debian:12" (major; "debian:sid"), "ubuntu:22.04", "alpine:3.18" ("alpine:edge"), "wolfi", "chainguard",
 * "rhel:9", "centos:7", "centos-stream:9", "rocky:9", "almalinux:9", "oracle:9", "amazon:1|2|2023", "fedora:40",
 * "sles:15.3", "sle-micro:5.5", "opensuse-leap:15.5", "opensuse-tumbleweed", "photon:5", "mariner:2", "azurelinux:3",
 * "arch". Where packages come from repositories of Red Hat's extended support: "rhel:9+eus:9.2". A release that is none
 * of these has the namespace "": it is told as not assessed, never guessed from ID_LIKE.
 */
#ifndef INVENTORY_RELEASE_H
#define INVENTORY_RELEASE_H

#include "base/mem.h"
#include "model/facts.h"

/* A FACT_RELEASE with the normal path of the file that said it. */
struct release_fact {
	struct release r;
	struct str path;
};

/* Decides. `properties` are all FACT_PROPERTY of the target (others than APK_REPOSITORY and REDHAT_STREAM are passed
 * over); `types` has bit (1u << PKG_APK) set when such packages were found.
 *
 * etc/os-release is believed first, then usr/lib/os-release, then the files of single distributions, at last
 * debian_version and lsb-release. What the chosen one leaves out is taken from others that name the same id.
 * Alpine's branch is that of the repositories, where they name one: packages come from there.
 *
 * *ret is all empty and *ret_ns "" when nothing says what it is (busybox, scratch). The strs live in the arena or where
 * the facts' do. */
void release_decide(struct arena *a, const struct release_fact *facts, size_t fact_count,
		    const struct fact_pair *properties, size_t property_count, uint32_t types, struct release *ret,
		    struct str *ret_ns);

/* Whether advisories still come for a namespace without paying. `today` is a date, "2026-08-01" or longer (RFC 3339).
 */
enum release_life {
	RELEASE_LIFE_UNKNOWN, /* not in the table, or `today` is no date */
	RELEASE_ALIVE,
	RELEASE_EOL,
};
enum release_life release_eol(struct str ns, struct str today);
/* The last day with free security support, "2026-08-31"; "" when not known or when it is a rolling release. */
struct str release_eol_date(struct str ns);

/* Whether the distribution of `ns` built a package, by its vendor (deb Maintainer, rpm Vendor, alpm Packager). Debian
 * maintainers are many: there only known third parties are foreign. An rpm without a vendor is foreign, since every
 * distribution sets one. An unknown namespace owns nothing. */
bool release_vendor_is_own(struct str ns, struct str vendor);
/* The same with what else the package says: versions of third-party archives ("~pgdg"). */
bool release_package_is_own(struct str ns, const struct package *p);

#endif
