/* seccomp: from a profile (linux.seccomp, and the strict rules of ours) to the filter program the kernel loads.
 *
 * Compiling costs milliseconds, loading a tenth of one: compiled programs are kept in the runtime's state directory by
 * everything they depend on (profile, strictness, architecture, version of this compiler and of its library), and
 * checked when they are read. Programs are binary trees over system call numbers.
 *
 * Document: OCI runtime-spec config-linux.md ("Seccomp"), Linux Documentation/userspace-api/seccomp_filter.rst. */
#ifndef RUNTIME_SECCOMP_H
#define RUNTIME_SECCOMP_H

#include "base/fd.h"
#include "runtime/config.h"
#include "runtime/filter.h"

#define SECCOMP_INSNS_MAX FILTER_INSNS_MAX

struct seccomp_program {
	struct buf bytes;   /* struct sock_filter[n], native */
	unsigned int flags; /* SECCOMP_FILTER_FLAG_... for seccomp(2); NEW_LISTENER is among them when `notify` */
	bool notify;	    /* uses SCMP_ACT_NOTIFY: the listener goes to listener_path */
	bool watched;	    /* the listener goes to who watches (runtime/watch.h) */
};
void seccomp_program_done(struct seccomp_program *p);

enum seccomp_strictness {
	SECCOMP_AS_GIVEN, /* --compat: exactly the profile; no profile, no filter */
	SECCOMP_STRICT,	  /* the profile, or our default where there is none, and never more than the strict rules
			   * (runtime/strict.h) leave */
};

/* cache_fd: directory for compiled programs, -1: none. ret->bytes is empty when there is no filter. Names the kernel or
 * library does not know are passed over, as runc does; unknown actions, operators, architectures and flags are errors
 * (-EBADMSG). Calls newer than every call the profile names give ENOSYS, so that libraries fall back. */
int seccomp_compile(const struct oci_seccomp *profile, enum seccomp_strictness how, int cache_fd,
		    struct seccomp_program *ret, struct err *e) must_check;

/* The name of a call of this machine, or its number; returns ret. */
#define SECCOMP_CALL_NAME_MAX 64
char *seccomp_call_name(int nr, char ret[SECCOMP_CALL_NAME_MAX]);

#endif
