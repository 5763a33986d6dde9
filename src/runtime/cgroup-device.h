/* cgroup-device: OCI's device rules for the kernel, default deny (R12).
 *
 * The rules are a list of which the later wins, after "deny everything" and before the devices that every container
 * has (config-linux.md, "Default Devices"). cgroup v2 runs a BPF program that says exactly that. v1 keeps a default and
 * a set of exceptions, and a rule can only take back what an earlier one gave in the same words: the list is boiled
 * down to such a set first, and what cannot be said so is an error, because the kernel would pass over it in silence.
 */
#ifndef RUNTIME_CGROUP_DEVICE_H
#define RUNTIME_CGROUP_DEVICE_H

#include <linux/bpf.h>

#include "runtime/cgroup.h"

#define DEVICE_RULES_MAX 1024 /* of one container, with the defaults */
#define DEVICE_INSNS_MAX (DEVICE_RULES_MAX * 10 + 16)

/* What v1 is told: the default, then exceptions from it. */
struct device_set {
	bool allow; /* the default */
	struct oci_device_rule exception[DEVICE_RULES_MAX];
	size_t n;
};
/* -ENOTSUP naming the rule that v1 cannot express, -E2BIG. */
int device_set(const struct oci_device_rule *rules, size_t n, struct device_set *ret, struct err *e) must_check;
/* "c 1:3 rwm" */
#define DEVICE_TEXT_MAX 64
const char *device_text(const struct oci_device_rule *r, char text[DEVICE_TEXT_MAX]);

/* The v2 program for BPF_PROG_TYPE_CGROUP_DEVICE; returns the number of instructions, -E2BIG. */
int device_program(const struct oci_device_rule *rules, size_t n, struct bpf_insn ret[DEVICE_INSNS_MAX],
		   struct err *e) must_check;

#endif
