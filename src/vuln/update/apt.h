/* apt: what a distribution's package repository says of itself: the machine's list of repositories, a repository's
 * Release file, its index of source packages. Bytes in, values out; nothing is opened here.
 *
 * Documents: sources.list(5) (both styles), "DebianRepository/Format" of the Debian wiki (Release, Sources, by-hash),
 * deb822(5). Strs point into the text or the arena. A bad line or paragraph is left out with a note; notes end at
 * APT_NOTES_MAX, so that a bad file cannot flood the report. */
#ifndef VULN_UPDATE_APT_H
#define VULN_UPDATE_APT_H

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"

#define APT_ENTRIES_MAX 1000  /* repositories times suites of one machine */
#define APT_COMPONENTS_MAX 64 /* of one repository */
#define APT_NOTES_MAX 50
#define APT_PACKAGES_MAX 500000 /* source packages of one index; Debian has 40,000 */

/* One suite of one repository. */
struct apt_entry {
	struct str uri;	  /* http or https, without a '/' at the end */
	struct str suite; /* "bookworm-security" */
	struct str component[APT_COMPONENTS_MAX];
	size_t component_count;
	struct str signed_by; /* key files and fingerprints as written, "" = the machine's trusted keys */
	struct str key;	      /* a key that stands in the file itself (ASCII armour), "" none */
};

struct apt_entries {
	VEC(struct apt_entry) all;
	VEC(struct str) notes;
};
void apt_entries_done(struct apt_entries *l);

/* Both add to *ret. `name` is for notes. Entries for binary and for source packages count alike: the indexes of
 * source packages lie beside those of binary ones whether or not apt was told to use them. */
void apt_list_parse(struct str text, struct str name, struct arena *a, struct apt_entries *ret);
void apt_deb822_parse(struct str text, struct str name, struct arena *a, struct apt_entries *ret);

enum apt_suite_kind {
	APT_SUITE_OTHER,    /* backports, proposed, a third party's */
	APT_SUITE_RELEASE,  /* "bookworm" */
	APT_SUITE_UPDATES,  /* "bookworm-updates" */
	APT_SUITE_SECURITY, /* "bookworm-security", "buster/updates" */
};
/* By the name alone. *ret_release is the release it belongs to ("bookworm"). */
enum apt_suite_kind apt_suite_kind(struct str suite, struct str *ret_release);

/* An index of packages that a Release file vouches for. */
struct apt_index {
	struct str path; /* "main/source/Sources.xz", "main/binary-amd64/Packages.xz" */
	struct digest digest;
	uint64_t size;
};

struct apt_release {
	struct str origin, suite, codename, version;
	int64_t date, valid_until; /* seconds since 1970, 0 = not said */
	bool by_hash;
	VEC(struct apt_index) indexes;
};
void apt_release_done(struct apt_release *r);
int apt_release_parse(struct str text, struct arena *a, struct apt_release *ret, struct err *e) must_check;

/* The namespace of its advisories: "debian:12", "ubuntu:24.04"; "" for another origin or none that is numbered. */
struct str apt_release_namespace(const struct apt_release *r, struct arena *a);

/* The index of a component's source packages, the smallest form that can be read; NULL when there is none. */
const struct apt_index *apt_release_sources(const struct apt_release *r, struct str component);
/* The same for its binary packages for an architecture as dpkg calls it. */
const struct apt_index *apt_release_binaries(const struct apt_release *r, struct str component, struct str arch);

enum apt_packing { APT_TAR, APT_DIFF }; /* how debian/changelog lies in the file */

/* One source package in one version and the file of it that has the changelog. */
struct apt_package {
	struct str name, version;
	struct str path; /* below the repository's URI: "pool/main/b/bash/bash_5.2-2.debian.tar.xz" */
	uint64_t size;
	struct digest digest;
	enum apt_packing packing;
};

struct apt_packages {
	VEC(struct apt_package) all;
	uint64_t skipped; /* paragraphs without what is needed */
};
void apt_packages_done(struct apt_packages *p);
int apt_packages_parse(struct str text, struct arena *a, struct apt_packages *ret, struct err *e) must_check;

/* Names of the source packages a machine has installed, from /var/lib/dpkg/status. */
struct apt_installed {
	VEC(struct str) names; /* may repeat */
};
void apt_installed_parse(struct str text, struct apt_installed *ret);

/* "Fri, 20 Nov 2026 00:12:41 UTC" -> seconds since 1970; false for anything else. */
bool apt_date_parse(struct str text, int64_t *ret) must_check;

#endif
