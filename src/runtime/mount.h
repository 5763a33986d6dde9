/* mount: the options of an OCI mount, understood.
 *
 * Every option that runc and crun know is a row of one table; what is not in it is the file system's own ("size=64m")
 * and handed on to it. Attributes are MOUNT_ATTR_... of mount_setattr(2). Document: OCI runtime-spec config.md ("Linux
 * mount options"). */
#ifndef RUNTIME_MOUNT_H
#define RUNTIME_MOUNT_H

#include "runtime/config.h"

struct mount_options {
	uint64_t set, clear;		 /* of the mount itself, the later option wins */
	uint64_t below_set, below_clear; /* of it and all below: "rro" */
	uint64_t propagation;		 /* MS_..., with MS_REC; 0: not asked for */
	bool bind, recursive, remount;
	bool read_only; /* "ro": also of a new file system itself */
	bool copy_up;	/* tmpcopyup */
	bool copy_link; /* copy-symlink: a link as source is copied, not followed */
	bool source_no_follow;
	const char *idmap;	/* "idmap" or "ridmap" with or without "=...", NULL: not asked for */
	struct key_value *data; /* the file system's own; a flag has the key "" */
	size_t data_count;
};

/* -EBADMSG names the option. */
int mount_options_parse(const struct oci_mount *m, struct arena *a, struct mount_options *ret,
			struct err *e) must_check;

/* Names of all rows, for `features`. */
const char *mount_option_name(size_t i); /* NULL after the last */

/* MS_... with MS_REC of a name such as "rslave", 0 when it is none. */
uint64_t mount_propagation(const char *name);

#endif
