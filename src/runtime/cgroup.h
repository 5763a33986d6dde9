/* cgroup: one container's control groups on cgroup v2, v1 and the hybrid of both, behind one interface.
 *
 * The host's layout is found once by cgroup_host(). A container has one path, below each hierarchy that exists. Each
 * controller belongs to exactly one hierarchy: v1's where it is mounted there, except the freezer, which is v2's
 * wherever a v2 hierarchy exists. Controllers that a limit needs and the host does not offer are an error of
 * cgroup_apply(), before anything runs (-ENOTSUP, naming the limit and why).
 *
 * What is asked of the kernel is a list of knobs (cgroup_plan()): applied in one place, read back from the same list by
 * runtime/verify.
 *
 * Documents: Linux Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/; OCI runtime-spec config-linux.md ("Control
 * groups"). */
#ifndef RUNTIME_CGROUP_H
#define RUNTIME_CGROUP_H

#include "base/fd.h"
#include "runtime/config.h"

#define CGROUP_PATH_MAX 1024	/* bytes of a container's path below a hierarchy */
#define CGROUP_HIERARCHIES 16	/* of one host */
#define CGROUP_VALUE_MAX 4096	/* bytes of one knob read back; longer ones are of files that hold lists */
#define CGROUP_PROCS_MAX 131072 /* processes read from one container */
#define CGROUP_WAIT_MS 10000	/* until everything is killed, frozen or removed */

struct cgroup_hierarchy {
	int fd; /* its mount, O_PATH-like directory descriptor */
	bool v2;
	uint32_t controllers; /* bits 1 << enum cgroup_controller that can be used here */
	char name[32];	      /* "unified", or the v1 controllers as mounted: "cpu,cpuacct", "name=systemd" */
	char mount[256];
};

enum cgroup_controller {
	CG_CPU,
	CG_CPUACCT,
	CG_CPUSET,
	CG_MEMORY,
	CG_PIDS,
	CG_IO,	    /* v1: blkio */
	CG_DEVICES, /* v2: a BPF program */
	CG_FREEZER, /* v2: cgroup.freeze */
	CG_HUGETLB,
	CG_RDMA,
	CG_MISC,
	CG_NET_CLS,
	CG_NET_PRIO,
	CG_PERF,
	CG_CONTROLLERS,
	CG_UNIFIED = CG_CONTROLLERS, /* for knobs: the v2 hierarchy itself, whatever controller the file is of */
};

enum cgroup_mode { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

struct cgroup_host {
	enum cgroup_mode mode;
	size_t n;
	struct cgroup_hierarchy h[CGROUP_HIERARCHIES];
};
/* From /proc/self/mountinfo; works where nothing is mounted (CGROUP_NONE). */
int cgroup_host(struct cgroup_host *ret, struct err *e) must_check;
void cgroup_host_done(struct cgroup_host *h);
#define auto_cgroup_host cleanup_with(cgroup_host_done)
/* The hierarchies named by the text of a mountinfo file, nothing opened (fd is -1, a v2 hierarchy has no controllers
 * yet). */
void cgroup_host_parse(struct str mountinfo, struct cgroup_host *ret);

struct cgroup {
	const struct cgroup_host *host; /* borrowed */
	char path[CGROUP_PATH_MAX];	/* normal, relative to each hierarchy's mount */
	bool systemd;			/* made through systemd's D-Bus interface (--systemd-cgroup) */
	bool rootless;			/* what the user may not write is left out, unless a limit asked for needs it */
	bool io_apart;	/* v1: its processes are in blkio's root group, whose rule holds for their device
			   (runtime/disk.h): no limit of blkio can be set for them */
	bool oom_group; /* systemd: to be told that the whole container ends when it is out of memory */
	pid_t holder; /* systemd: a process of ours that keeps the scope until the container's own is in it; 0: none */
	int dirs[CGROUP_HIERARCHIES]; /* one descriptor a hierarchy once made or opened, else -1 */
};

/* The path from config's cgroupsPath, below the mounts (absolute and relative alike; rootless: relative ones below the
 * nearest group above the caller's own that the user may write; NULL: one of its own from the id; "slice:prefix:name"
 * with systemd). Nothing is made yet. -EBADMSG for a path that leads upwards or is the root itself. */
int cgroup_init(struct cgroup *ret, const struct cgroup_host *h, const char *cgroups_path, const char *id, bool systemd,
		bool rootless, struct err *e) must_check;
void cgroup_done(struct cgroup *c); /* closes; the groups stay */
#define auto_cgroup cleanup_with(cgroup_done)

/* Whether the path is free, before anything says that it is ours: -EEXIST when a group of that name holds processes,
 * -EDEADLK when one is frozen. */
int cgroup_check_free(const struct cgroup *c, struct err *e) must_check;
/* Makes the groups in every hierarchy (delegating controllers down the path on v2). All or nothing; as above. */
int cgroup_make(struct cgroup *c, struct err *e) must_check;
/* Opens the groups of a container that exists. -ENOENT when none does. */
int cgroup_open(struct cgroup *c, struct err *e) must_check;

/* The v2 group's directory for clone3(CLONE_INTO_CGROUP), or -1 when there is no v2 hierarchy of use (then
 * cgroup_join()). */
int cgroup_clone_fd(const struct cgroup *c);
/* Puts a process into every hierarchy, but v2's when it was cloned into that. */
int cgroup_join(const struct cgroup *c, pid_t pid, bool cloned, struct err *e) must_check;
/* Whether the process is in every group of the container, by /proc/PID/cgroup (R14). -EBADMSG naming the hierarchy. */
int cgroup_check_member(const struct cgroup *c, pid_t pid, struct err *e) must_check;

/* One thing asked of the kernel. */
enum cgroup_compare {
	CG_NUMBER, /* a number, "max" or -1; `granule`: what the kernel rounds down to */
	CG_CPUS,   /* a list of numbers and ranges: compared as a set */
	CG_WORDS,  /* words in order; those not asked for may follow */
	CG_KEYED,  /* the line that begins with the same first word holds the others, in any order; a line that is not
		      there says "max", 0 of everything */
};
struct cgroup_knob {
	const char *limit; /* the member below linux.resources: "memory.limit" */
	enum cgroup_controller which;
	const char *file, *value;
	enum cgroup_compare compare;
	uint64_t granule;
};
struct cgroup_plan {
	VEC(struct cgroup_knob) knobs; /* strings in the arena given */
};
void cgroup_plan_done(struct cgroup_plan *p);
#define auto_cgroup_plan cleanup_with(cgroup_plan_done)

/* With systemd: tells it what it would otherwise write over, and lets it forget the scope. Without: nothing. */
void cgroup_scope_settle(struct cgroup *c); /* the container's own process is in it */
int cgroup_systemd_set(const struct cgroup *c, const struct cgroup_plan *p, struct err *e) must_check;
int cgroup_systemd_stop(const struct cgroup *c, struct err *e) must_check;

/* Everything of `resources` but devices as knobs of this host. -ENOTSUP naming the limit that cannot be had here and
 * why, -EBADMSG for a value that is wrong in itself. 0 for shares, quota, period, burst, limits of memory means "not
 * asked", as everywhere. Pure but for reading present values where a knob holds two. */
int cgroup_plan(const struct cgroup *c, const struct oci_resources *r, struct arena *a, struct cgroup_plan *ret,
		struct err *e) must_check;
/* Whether what was read back from the kernel is what was asked. */
bool cgroup_knob_holds(const struct cgroup_knob *k, struct str read_back);

/* For a new container: every knob of the plan, in an order that holds when limits shrink, and the device rules of
 * `resources`: default deny (R12) also when the list is empty. On failure says which knob, what was written and what
 * the kernel said. */
int cgroup_apply(const struct cgroup *c, const struct cgroup_plan *p, const struct oci_resources *r,
		 struct err *e) must_check;
/* For `update`: device rules when there are any. */
int cgroup_update(const struct cgroup *c, const struct cgroup_plan *p, const struct oci_resources *r,
		  struct err *e) must_check;

/* Whether the kernel has these rules: 0, or -EBADMSG saying what is different. `text` gets a short account of what is
 * in force, for verify. */
int cgroup_devices_verify(const struct cgroup *c, const struct oci_device_rule *rules, size_t n,
			  char text[CGROUP_VALUE_MAX], struct err *e) must_check;

int cgroup_freeze(const struct cgroup *c, bool frozen, struct err *e) must_check; /* waits until it is done, bounded */
/* Whether the group is frozen; false when it cannot be told. */
bool cgroup_frozen(const struct cgroup *c);
/* Every process below the group, in any hierarchy, ascending. */
int cgroup_procs(const struct cgroup *c, struct arena *a, pid_t **ret, size_t *ret_n, struct err *e) must_check;
/* SIGKILL: kills everything inside until nothing is left (cgroup.kill, else freeze, kill, thaw), bounded in time. Any
 * other signal is sent once to each process. */
int cgroup_kill(const struct cgroup *c, int signal, struct err *e) must_check;
/* Removes groups that hold nothing any more: the usual end, without looking into them. False when one does. */
bool cgroup_remove_empty(const struct cgroup *c) must_check;
/* Removes the groups and those below. 0 also when they are gone already. */
int cgroup_remove(struct cgroup *c, struct err *e) must_check;

/* One knob of the container's group, for verify, events and stats: v2 name on v2, v1 name on v1; -ENOENT when it is not
 * there. */
int cgroup_read(const struct cgroup *c, enum cgroup_controller which, const char *file,
		char ret[CGROUP_VALUE_MAX]) must_check;
int cgroup_write(const struct cgroup *c, enum cgroup_controller which, const char *file, const char *value,
		 struct err *e) must_check;
/* The controller's directory and whether it is of v2; -1 when it is not there. */
int cgroup_dir(const struct cgroup *c, enum cgroup_controller which, bool *ret_v2);
const char *cgroup_controller_name(enum cgroup_controller which);

/* Figures for `events --stats`, from whatever hierarchy has them; what is not there is not `set`. */
struct cgroup_stats {
	struct opt_u64 cpu_usage_ns, cpu_user_ns, cpu_system_ns, cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
	struct opt_u64 memory, memory_peak, memory_limit, memory_swap, memory_kernel, memory_cache, memory_rss;
	struct opt_u64 pids, pids_limit, oom_kills;
	struct opt_u64 read_bytes, write_bytes, read_ios, write_ios;
	struct cgroup_psi { /* pressure stall information: microseconds in all, hundredths of a percent over 10, 60, 300
			       s */
		bool set;
		uint64_t some_total, full_total;
		uint32_t some[3], full[3];
	} psi_cpu, psi_memory, psi_io;
};
int cgroup_stats(const struct cgroup *c, struct cgroup_stats *ret, struct err *e) must_check;

#endif
