/* tier: a container whose processes run under a kernel of its own: User-Mode Linux or a virtual machine.
 *
 * A tier is a change of configuration. tier_prepare() makes block images from the container's root file system and
 * writes what the guest is to run; what it returns is the configuration of another container, of the default tier: its
 * process is yagura-monitor (runtime/monitor), which starts the machine as its child, in new namespaces, with no
 * capability, over a root that holds the machine's program, its libraries and the images and nothing else. Created,
 * started, killed, paused and deleted it is like any other; exec runs `yagura-monitor exec` in it.
 *
 * No directory of the host is ever shared with a guest: regular files that are mounted in (resolv.conf, hosts) are
 * copied when the container is created; another mount of a host's directory is an error (-ENOTSUP). The writable layer
 * is a sparse ext4 image of limited size that dies with the container. The guest has no network but its own loopback.
 *
 * docs/tiers.md says what each tier is good for. */
#ifndef TIER_TIER_H
#define TIER_TIER_H

#include "guest/plan.h"
#include "runtime/config.h"
#include "runtime/policy.h"

#define TIER_DISK_DEFAULT (10ull << 30)	   /* bytes of the writable layer when nobody says; sparse */
#define TIER_MEMORY_DEFAULT (512ull << 20) /* bytes of a container without a limit: a machine has to have a size */
#define TIER_FILE_BYTES_MAX (256u << 10)   /* one file of the host's copied into the guest */

/* "ns", "uml", "vm": of an annotation or a policy. False for any other word. */
bool tier_of_name(struct str name, enum policy_tier *ret) must_check;
const char *tier_name(enum policy_tier tier);
/* By the name a program was called by: yagura-run-uml, yagura-run-vm; TIER_NS for any other. */
enum policy_tier tier_of_program(const char *argv0);

struct tier_request {
	enum policy_tier tier;		 /* UML or VM */
	const struct oci_config *config; /* the container's, after strict and policy */
	struct str filter;		 /* its compiled seccomp program, applied in the guest; empty: none */
	const char *rootfs;		 /* absolute path of its root file system */
	const char *dir;		 /* absolute path of a directory of its own, where images are made */
	uint64_t disk_bytes;		 /* of the writable layer; 0: the default */
	uint32_t host_uid, host_gid;	 /* whom the machine runs as on the host */
	const char *kernel; /* VM: a directory with vmlinuz and modules/ or NULL: searched, see vm_kernel() */
};

struct tier {
	struct oci_config config; /* of the container in which monitor and machine run; in the arena */
	int job;		  /* a sealed memory file, to be descriptor JOB_FD (guest/job.h) of the first process */
};

/* -ENOTSUP for what this tier cannot do, -ENOENT for a program or kernel that is not there: named. Nothing is left in
 * `dir` on failure. */
int tier_prepare(const struct tier_request *r, struct arena *a, struct tier *ret, struct err *e) must_check;
/* Removes what was made in the directory; what is not there is no error. */
int tier_remove(const char *dir, struct err *e) must_check;

/* Of the configuration of the monitor's container, from the container's own: what exec joins. */
struct oci_config tier_view(const struct oci_config *c);

/* exec: the process to be started in the monitor's container, and the plan it takes as descriptor JOB_FD. */
int tier_exec(const struct oci_process *p, struct str filter, struct arena *a, struct oci_process *ret, int *ret_plan,
	      struct err *e) must_check;

#endif
