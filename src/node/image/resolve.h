/* resolve: from the name of a base image to its lock: the repositories of the machine (or a mirror) asked, InRelease
 * verified, the newest packages chosen. Nothing is fetched but indexes; what was fetched is kept in the store. */
#ifndef NODE_IMAGE_RESOLVE_H
#define NODE_IMAGE_RESOLVE_H

#include "node/image/lock.h"
#include "vuln/update/machine.h"

struct resolve_options {
	const struct image_release *release;
	enum image_variant variant;
	const char *arch;	    /* as dpkg calls it; NULL: this machine's */
	const struct str *includes; /* packages besides those of the variant */
	size_t include_count;
	const char *mirror;	     /* the archive; NULL: where the machine has it */
	const char *security_mirror; /* NULL: beside the mirror, or where the machine has it */
	int64_t now;		     /* seconds since 1970 */
	int store;		     /* store.h; borrowed */
};

#define RESOLVE_NOTE_MAX 200
struct resolve_report {
	char note[RESOLVE_NOTE_MAX]; /* "the mirror's data expired 3 days ago"; "" */
	uint64_t bytes;		     /* fetched */
};

/* `machine` says where apt's files and keys are; machine_read() is called here. -ENOENT: no repository or no key for
 * that release, said with what to do; -EBADMSG: not signed, or not what is signed. */
int lock_resolve(struct machine *machine, const struct resolve_options *o, struct lock *ret,
		 struct resolve_report *ret_report, struct err *e) must_check;

/* This machine's architecture as dpkg calls it, and what OCI calls an architecture of dpkg's; "" unknown. */
const char *machine_arch(void);
struct str arch_oci(struct str arch, struct str *ret_variant);

/* What a variant is made of: shared with those who build it. */
extern const char *const static_base[];	   /* NULL at the end */
extern const char *const static_without[]; /* what only maintainer scripts need */

#endif
