/* strict: what a container gets by default, whatever its configuration asks for (docs/strict.md).
 *
 * Everything is a table: system calls that are refused or narrowed, the profile a container gets that brings none, and
 * what is taken out of a configuration. `--compat` goes back to the OCI configuration and no further: then nothing here
 * is called. */
#ifndef RUNTIME_STRICT_H
#define RUNTIME_STRICT_H

#include "runtime/launch.h"

/* Refused to every strict container, in front of its own profile: the default is SCMP_ACT_ALLOW, each rule refuses. */
const struct oci_seccomp *strict_rules(void);
/* The allow-list for a container without a profile. */
const struct oci_seccomp *strict_default_profile(void);

/* What the node's policy lets a container keep. All zero: the strictest. */
struct strict_wish {
	bool writable_root;	/* asked for, or a size-limited layer takes what is written (launch.writable_layer) */
	uint64_t capabilities;	/* bit N: capability N may be kept by who asks for it */
	struct oci_mapping ids; /* size 0: none. The host's ids that root and the others become when the configuration
				 * has no user namespace of its own */
};

/* Changes the configuration: capabilities, no_new_privs, read-only root, namespaces, masked paths, options of mounts,
 * resource limits, ids. New arrays lie in the arena. -EPERM for what cannot be had under strict at all (the host's
 * procfs mounted inside), naming it. */
int strict_apply(struct oci_config *c, struct arena *a, const struct strict_wish *w, struct launch_strict *ret,
		 struct err *e) must_check;
/* The same for a process that joins: what `exec` is given. */
void strict_process(struct oci_process *p, struct arena *a, const struct strict_wish *w);

#endif
