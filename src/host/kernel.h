/* kernel: a kernel's build options, command line and sysctls against the tables of rules (kernel-rules.c).
 *
 * What the Kernel Self Protection Project recommends, what cuts the kernel's reachable code down, and what the
 * distributions' defaults give anyway: 363 conditions for x86-64. Works on this host and on files: the node's build
 * holds its kernel to the same tables. */
#ifndef HOST_KERNEL_H
#define HOST_KERNEL_H

#include "base/err.h"
#include "model/check.h"

#define KERNEL_CONFIG_MAX (4u << 20) /* bytes of a kernel's .config */
#define KERNEL_CMDLINE_MAX (64u << 10)
#define KERNEL_SYSCTL_MAX (4u << 20) /* bytes of what `sysctl -a` prints */

/* Texts, or nothing (p is NULL): then what they would tell is not assessed. */
struct kernel_input {
	struct str config;  /* .config */
	struct str cmdline; /* as /proc/cmdline */
	struct str sysctl;  /* lines NAME = VALUE */
	int proc_sys;	    /* directory to read sysctls from instead; -1: none */
	struct str release; /* "6.12.117-1"; "" = the one that config names */
};

/* -EBADMSG: a text that is not what it should be; -E2BIG. Checks are added to the audit. */
int kernel_audit(const struct kernel_input *in, struct audit *a, struct err *e) must_check;

/* What this host's files say: the texts live in the arena. What cannot be read is left out. */
void kernel_read_host(struct arena *a, struct kernel_input *ret);
/* A .config that may be compressed (/proc/config.gz). */
int kernel_read_config(int fd, struct arena *a, struct str *ret, struct err *e) must_check;

#endif
