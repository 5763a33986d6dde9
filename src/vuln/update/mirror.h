/* mirror: the distribution's own package mirror as a feed.
 *
 * From the machine's apt configuration: the security and updates suites of Debian and Ubuntu, and of a Debian release
 * itself the packages that a point release changed ("+deb12u1"). InRelease is verified by gpgv against the keys that
 * apt would use, the index of source packages by the hash in InRelease, each source package's file by the hash in the
 * index; nothing unverified is unpacked. From the newest version of each source package debian/changelog is read
 * (changelog.h). What was read is kept in one text file a suite, docs/formats/mirror.md, and never fetched again: a
 * source package in one version does not change.
 *
 * Which packages: those installed on this machine first, then the smallest, until `bytes_max` have been fetched; the
 * next update goes on from there. What is missing is counted in the file and in the result.
 *
 * Dates: InRelease may never be older than what was seen before. One past its Valid-Until is a note (a mirror may be a
 * frozen snapshot, and its age is shown), or an error with `strict_dates`. */
#ifndef VULN_UPDATE_MIRROR_H
#define VULN_UPDATE_MIRROR_H

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"

#define MIRROR_BYTES_DEFAULT (256ull << 20) /* fetched in one update, all suites together */
#define MIRROR_FILE_MAX (64ull << 20)	    /* bytes of one source package's file; larger ones are never read */
#define MIRROR_PARALLEL 8
#define MIRROR_SUITES_MAX 64

enum mirror_mode { MIRROR_BUDGET, MIRROR_ALL, MIRROR_INSTALLED, MIRROR_OFF };
bool mirror_mode_parse(struct str s, enum mirror_mode *ret); /* "budget", "all", "installed", "off" */

struct mirror_options {
	enum mirror_mode mode;
	const char *root;	  /* whose /etc/apt, /usr/share/keyrings and /var/lib/dpkg are read; NULL = "/" */
	const char *sources_file; /* read this list of repositories instead of /etc/apt's; NULL */
	const char *keyring;	  /* trust this key file where an entry names none; NULL */
	int64_t now;		  /* seconds since 1970 */
	bool strict_dates;
	uint64_t bytes_max;	 /* 0 = MIRROR_BYTES_DEFAULT; of no effect with MIRROR_ALL */
	unsigned int connect_ms; /* 0 = the HTTP client's */
};

/* What became of one suite. */
struct mirror_result {
	char suite[128];
	char note[200]; /* "expired 3 days ago", "7 packages could not be read: ..."; "" */
	int status;	/* 0, or why the suite could not be brought up to date; the previous file then stays */
	struct err err;
	bool unchanged;	   /* nothing new since the last update */
	int64_t date;	   /* of InRelease */
	uint64_t packages; /* source packages of the suite */
	uint64_t fetched, reused, missing, unreadable;
	uint64_t bytes; /* fetched */
};

struct mirror_results {
	struct mirror_result *suite; /* owned */
	size_t count;
	VEC(struct str) notes; /* about the configuration; in the arena */
	struct arena arena;
};
void mirror_results_done(struct mirror_results *r);

/* Brings mirror/SUITE.tsv below dir_fd up to date. 0 also when suites failed (see the results); -ENOENT when the
 * machine has no repository of that kind. */
int mirror_update(int dir_fd, const struct mirror_options *options, const struct progress *progress,
		  struct mirror_results *ret, struct err *e) must_check;

#endif
