/* tier: a container whose processes run under a kernel of its own: User-Mode Linux or a virtual machine.
 *
 * A tier is a change of configuration. tier_prepare() makes block images from the container's root file system and
 * writes what the guest is to run; what it returns is the configuration of another container, of the default tier: its
 * process is yagura-monitor (runtime/monitor), which starts the machine as its child, in new namespaces, with no
 * capability, over a root that holds the machine's program, its libraries and the images and nothing else. Created,
 * started, killed, paused and deleted it is like any other; exec runs `yagura-monitor exec` in it.
 *
 * No directory of the host is ever shared with a guest. Regular files that are mounted in (resolv.conf, hosts) are
 * copied when the container is created, a directory that is mounted read-only is copied into an image; a writable one
 * is an error (-ENOTSUP), or, where the annotation yagura.volume.size says so and it is empty, the place of an image.
 * What outlives the container is written to a volume: a file system in a file or on a block
 * device (a mount of type ext4 or erofs), which is the guest's disk, and one guest's only (-EBUSY). The writable layer
 * is a sparse ext4 image of limited size that dies with the container. The guest has no network but its own loopback:
 * connections and datagrams to its ports come over the monitor's channel, and nothing else does, in or out.
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

/* The annotation that says how large an image in the place of an empty directory is made. */
#define TIER_VOLUME_SIZE "yagura.volume.size"
#define TIER_VOLUMES_MAX 4 /* of one container: QEMU's microvm has eight places for devices */

/* What leads into the guest: a socket that listens for each, in whichever network namespace. One of UDP says to which
 * address a datagram came (IPV6_RECVPKTINFO or IP_PKTINFO). */
#define TIER_PORTS_MAX 64
struct tier_ports {
	uint16_t port[TIER_PORTS_MAX]; /* of the container */
	bool udp[TIER_PORTS_MAX];
	int listener[TIER_PORTS_MAX]; /* the caller's to close */
	size_t n;
};

struct tier_request {
	enum policy_tier tier;		 /* UML or VM */
	const struct oci_config *config; /* the container's, after strict and policy */
	struct str filter;		 /* its compiled seccomp program, applied in the guest; empty: none */
	const char *rootfs;		 /* absolute path of its root file system */
	const char *dir;		 /* absolute path of a directory of its own, where images are made */
	uint64_t disk_bytes;		 /* of the writable layer; 0: the default */
	uint32_t host_uid, host_gid;	 /* whom the machine runs as on the host */
	const struct tier_ports *ports;	 /* NULL: none */
	const char *kernel; /* VM: a directory with vmlinuz and modules/ or NULL: searched, see vm_kernel() */
};

/* What is limited inside, in the guest's control group. 0: not, or, of what is asked for, as it is. */
struct tier_inside {
	uint64_t memory_bytes, pids;
	uint64_t memory_most; /* of an answer: bytes that its kernel and init leave to the container, at most */
};

struct tier {
	struct tier_inside inside; /* as it is asked for */
	struct oci_config config;  /* of the container in which monitor and machine run; in the arena */
	int job;		   /* to be descriptor JOB_FD (guest/job.h) of the first process */
};

/* -ENOTSUP for what this tier cannot do, -ENOENT for a program or kernel that is not there: named. Nothing is left in
 * `dir` on failure. */
int tier_prepare(const struct tier_request *r, struct arena *a, struct tier *ret, struct err *e) must_check;
/* Removes what was made in the directory; what is not there is no error. */
int tier_remove(const char *dir, struct err *e) must_check;

/* Of the configuration of the monitor's container, from the container's own: what exec joins, and which devices the
 * machine may open. */
struct oci_config tier_view(const struct oci_config *c, enum policy_tier tier, struct arena *a);

/* exec: the process to be started in the monitor's container, and the plan it takes as descriptor JOB_FD. */
int tier_exec(const struct oci_process *p, struct str filter, struct arena *a, struct oci_process *ret, int *ret_plan,
	      struct err *e) must_check;

/* `update` of one that runs: memory (bytes of the container, as in its configuration) and processes are set inside,
 * where they are asked for, and *over becomes what is the host's to set. pid: the monitor's. limit_bytes: of the
 * container when it was made, 0: it had none; a machine never grows (-ERANGE), and what it has touched of its memory
 * it never gives back, so the host's limit on memory stays what it is. *ret: what was asked of the guest. */
int tier_update(enum policy_tier tier, pid_t pid, uint64_t limit_bytes, struct oci_resources *over,
		struct tier_inside *ret, struct err *e) must_check;

/* What the guest's kernel says to that, of one that runs. pid: the monitor's. -ETIMEDOUT: nothing. */
int tier_ask(pid_t pid, struct tier_inside *ret, struct err *e) must_check;

/* A machine that is killed loses what its guest has not written yet, as in a power failure. Where there are volumes,
 * this has the guest kill the container's process and write; true when that ended the machine. pid: the monitor's. */
bool tier_end(pid_t pid, const struct oci_config *c);

#endif
