/* limits: the five limits of one container - CPU, processes, memory, disk, network - as one table of numbers.
 *
 * Each comes from the OCI configuration, from an annotation, from the node's policy (runtime/policy.h) or is built in,
 * by these rules:
 *   - what the configuration says counts; else an annotation; else the policy's default; else what is built in;
 *   - an annotation may only tighten what the configuration, the policy or the built-in default says (R13); where OCI
 *     has no word for a limit (disk, network) it may ask for any value up to the policy's ceiling;
 *   - a policy's ceiling bounds everything: a looser configuration is brought down to it, a looser annotation is an
 *     error.
 * With compat nothing is added: the OCI configuration as it is, under the node's ceilings.
 *
 * Amounts are Kubernetes quantities (base/quantity.h). Documents: docs/limits-runtime.md, docs/formats/policy.md. */
#ifndef RUNTIME_LIMITS_H
#define RUNTIME_LIMITS_H

#include "runtime/config.h"

enum limit {
	LIMIT_CPU,	   /* thousandths of a CPU */
	LIMIT_PIDS,	   /* processes and threads */
	LIMIT_MEMORY,	   /* bytes, and so are those below */
	LIMIT_MEMORY_HIGH, /* where reclaim begins to slow the container down */
	LIMIT_SWAP,	   /* swap alone */
	LIMIT_OOM_GROUP,   /* 1: out of memory ends the whole container */
	LIMIT_SHM,	   /* /dev/shm */
	LIMIT_TMPFS,	   /* each other tmpfs */
	LIMIT_DISK_SIZE,   /* the writable layer */
	LIMIT_DISK_INODES,
	LIMIT_READ_BPS, /* bytes a second */
	LIMIT_WRITE_BPS,
	LIMIT_READ_IOPS, /* operations a second */
	LIMIT_WRITE_IOPS,
	LIMIT_NET_IN, /* bits a second */
	LIMIT_NET_OUT,
	LIMIT_LOG, /* bytes that are kept of what the container prints: by who reads it, never by us */
	LIMITS,
};
#define LIMIT_NONE UINT64_MAX /* asked for: no limit */

struct limit_row {
	const char *name;	/* in policies, and behind "yagura." as annotation */
	uint64_t per_unit;	/* of the quantity */
	uint64_t min, max;	/* that make sense */
	bool annotation;	/* there is one */
	bool annotation_only;	/* OCI has no word for it */
	const char *kubernetes; /* a further annotation, or NULL */
};
extern const struct limit_row limit_rows[LIMITS];

enum limit_source { LIMIT_UNSET, LIMIT_BUILT_IN, LIMIT_POLICY, LIMIT_CONFIG, LIMIT_ANNOTATION, LIMIT_CEILING };
const char *limit_source_name(enum limit_source s);

struct limit_value {
	enum limit_source from; /* LIMIT_UNSET: nobody asked */
	uint64_t v;		/* LIMIT_NONE: without limit */
};
struct limits {
	struct limit_value v[LIMITS];
};
/* There is a number to hold. */
static inline bool limit_is_set(const struct limits *l, enum limit which)
{
	return l->v[which].from != LIMIT_UNSET && l->v[which].v != LIMIT_NONE;
}

/* What the policy says to one limit of one container: LIMIT_UNSET or LIMIT_POLICY, LIMIT_CEILING. */
struct limit_policy {
	struct limit_value fallback, ceiling;
};

/* `policy` has LIMITS rows, NULL: none. -EBADMSG for an annotation that is no quantity or is not known under yagura.'s
 * names of limits, -EPERM for one that is looser than it may be; the message names it. */
int limits_resolve(const struct oci_config *c, const struct limit_policy *policy, bool compat, struct limits *ret,
		   struct err *e) must_check;

/* Where no control groups are used (--cgroup-manager=disabled) what is built in is left out; -ENOTSUP for what was
 * asked for. */
int limits_without_groups(struct limits *l, struct err *e) must_check;

/* What our caller keeps of the container's output is its own to bound: -ENOTSUP where a limit was asked for and `kept`
 * (0: it did not say) is more. */
int limits_of_log(const struct limits *l, uint64_t kept, struct err *e) must_check;

/* Writes what `resources` and tmpfs mounts can say into the configuration; disk and network are runtime/disk and
 * runtime/net. memory_v2: the memory controller is cgroup v2's (memory.high, oom.group and swap without a limit are
 * only there; -ENOTSUP when they were asked for on v1, left out when they are built in). New arrays lie in the arena.
 */
int limits_to_config(const struct limits *l, bool memory_v2, struct arena *a, struct oci_config *c,
		     struct err *e) must_check;

/* For `update`: what `over` asks for of the table above, brought down to the policy's ceilings and to what the
 * annotations of `c`, the container's own, asked for; memory.high follows the memory limit where it was built in. `now`
 * are the limits in force; quota and period of `over` are both there or neither. *ret: the new values, the rest unset.
 * Disk, network and tmpfs stay: OCI's resources have no words for them. */
int limits_update(const struct oci_config *c, const struct limit_policy *policy, const struct limits *now,
		  bool memory_v2, struct arena *a, struct oci_resources *over, struct limits *ret,
		  struct err *e) must_check;

#endif
