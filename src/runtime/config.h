/* config: an OCI runtime configuration (config.json) as plain structs.
 *
 * Source: OCI runtime-spec 1.3, config.md and config-linux.md. The Linux part is complete; what other platforms define
 * is passed over, as are unknown members (the specification says so). What is present but wrong (a type, an unknown
 * name where only listed ones are allowed, a number out of range, more than a limit) is an error, never ignored: a
 * limit that was asked for and not understood must not look set.
 *
 * Every string, array and struct lives in the arena given and is NUL-terminated where it is a `const char *`. NULL
 * means absent. Optional numbers are `struct opt_u64`/`opt_i64`: present or not. The bytes are hostile: see the limits.
 */
#ifndef RUNTIME_CONFIG_H
#define RUNTIME_CONFIG_H

#include <sys/types.h>

#include "base/decode.h"

#define CONFIG_BYTES_MAX (16u << 20)	 /* of config.json and of a process file; engines write some 100 KiB */
#define CONFIG_ARRAY_MAX 65536		 /* members of any list but those below */
#define CONFIG_MOUNTS_MAX 4096		 /* mounts */
#define CONFIG_MAP_MAX 4096		 /* annotations, sysctls; each new key is compared with all before */
#define CONFIG_MAPPINGS_MAX 340		 /* ranges of an id map: what the kernel takes (user_namespaces(7)) */
#define CONFIG_SYSCALL_RULES_MAX 4096	 /* rules of a seccomp profile */
#define CONFIG_SYSCALL_NAMES_MAX 1024	 /* names of one rule */
#define CONFIG_ARGS_BYTES_MAX (2u << 20) /* args and env together, as the kernel's default */
#define CONFIG_STRING_MAX 65536		 /* any other string */

struct oci_box {
	unsigned int height, width; /* of a terminal, in characters; 0: not given */
};

struct oci_rlimit {
	int type; /* RLIMIT_... */
	uint64_t soft, hard;
};

/* Bit N: capability number N (linux/capability.h). Unknown names of a known form (CAP_...) are dropped with a warning.
 */
struct oci_caps {
	bool set; /* `capabilities` was there; absent means none at all */
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct oci_scheduler {
	bool set;
	uint32_t policy; /* SCHED_... */
	int32_t nice, priority;
	uint64_t flags; /* SCHED_FLAG_... */
	uint64_t runtime, deadline, period;
};

struct oci_process {
	bool terminal;
	struct oci_box console;
	uint32_t uid, gid;
	struct opt_u64 umask;
	uint32_t *groups; /* additionalGids */
	size_t group_count;
	struct strings args, env;
	const char *cwd; /* absolute */
	struct oci_caps caps;
	struct oci_rlimit *rlimits;
	size_t rlimit_count;
	bool no_new_privileges;
	const char *apparmor, *selinux; /* profile, process label */
	struct opt_i64 oom_score_adj;
	struct oci_scheduler scheduler;
	struct {
		bool set;
		int class, priority; /* IOPRIO_CLASS_... as the kernel numbers them */
	} io_priority;
	const char *cpu_affinity_initial, *cpu_affinity_final; /* execCPUAffinity: lists of CPUs */
};

struct oci_mapping {
	uint32_t container_id, host_id, size;
};
struct oci_mappings {
	struct oci_mapping *v;
	size_t n;
};

struct oci_mount {
	const char *destination, *type, *source; /* type and source may be NULL */
	struct strings options;			 /* as given; runtime/mount.h understands them */
	struct oci_mappings uids, gids;
};

struct oci_hook {
	const char *path; /* absolute */
	struct strings args, env;
	struct opt_i64 timeout; /* seconds, above 0 */
};
enum oci_hook_kind {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	HOOK_KINDS,
};
struct oci_hooks {
	struct oci_hook *v;
	size_t n;
};

enum oci_namespace {
	NS_PID,
	NS_NETWORK,
	NS_MOUNT,
	NS_IPC,
	NS_UTS,
	NS_USER,
	NS_CGROUP,
	NS_TIME,
	NS_KINDS,
};
struct oci_namespace_want {
	bool set;	  /* listed: new, or the one at `path` */
	const char *path; /* NULL: a new one */
};

struct oci_device {
	const char *path; /* inside the container */
	char type;	  /* 'c', 'b', 'p'; 'u' is read as 'c' */
	int64_t major, minor;
	struct opt_u64 mode; /* permission bits */
	struct opt_u64 uid, gid;
};

/* resources.devices: in order, the later rule wins. */
struct oci_device_rule {
	bool allow;
	char type;	      /* 'a', 'c', 'b' */
	int64_t major, minor; /* -1: any */
	bool read, write, mknod;
};

struct oci_throttle {
	int64_t major, minor;
	uint64_t rate;
};
struct oci_throttles {
	struct oci_throttle *v;
	size_t n;
};
struct oci_io_weight {
	int64_t major, minor;
	struct opt_u64 weight, leaf_weight;
};

struct oci_resources {
	struct oci_device_rule *devices;
	size_t device_count;
	struct {
		struct opt_i64 limit, reservation, swap, kernel,
			kernel_tcp; /* bytes; -1: no limit; swap is memory + swap */
		struct opt_u64 swappiness;
		struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
	} memory;
	struct {
		struct opt_u64 shares, burst, period, rt_period; /* microseconds but for shares */
		struct opt_i64 quota, rt_runtime, idle;
		const char *cpus, *mems;
	} cpu;
	struct opt_i64 pids; /* -1: no limit; 0 is a real limit since 1.3 */
	struct {
		struct opt_u64 weight, leaf_weight;
		struct oci_io_weight *weights;
		size_t weight_count;
		struct oci_throttles read_bps, write_bps, read_iops, write_iops;
	} io;
	struct oci_hugepage {
		const char *page_size; /* "2MB" */
		uint64_t limit;
	} * hugepages;
	size_t hugepage_count;
	struct {
		struct opt_u64 class_id;
		struct key_value *priorities; /* interface, decimal priority */
		size_t priority_count;
	} network;
	struct oci_rdma {
		const char *device;
		struct opt_u64 handles, objects;
	} * rdma;
	size_t rdma_count;
	struct key_value *unified; /* cgroup v2 file, value; names checked: one path part, no '/' */
	size_t unified_count;
};

/* linux.seccomp, names as given: runtime/seccomp.h turns it into a filter. */
struct oci_seccomp_arg {
	uint32_t index; /* 0 to 5 */
	uint64_t value, value_two;
	const char *op; /* SCMP_CMP_... */
};
struct oci_seccomp_rule {
	struct strings names;
	const char *action; /* SCMP_ACT_... */
	struct opt_u64 errno_ret;
	struct oci_seccomp_arg *args;
	size_t arg_count;
};
struct oci_seccomp {
	bool set;
	const char *default_action;
	struct opt_u64 default_errno;
	struct strings architectures, flags;
	const char *listener_path, *listener_metadata;
	struct oci_seccomp_rule *rules;
	size_t rule_count;
};

struct oci_config {
	const char *version; /* ociVersion */
	struct oci_process process;
	bool has_process;
	const char *root_path; /* as given: absolute, or relative to the bundle */
	bool root_readonly;
	const char *hostname, *domainname;
	struct oci_mount *mounts;
	size_t mount_count;
	struct oci_hooks hooks[HOOK_KINDS];
	bool keep_groups;	       /* of the caller's further groups: --compat, as crun's annotation says */
	struct key_value *annotations; /* in the order of the text; a duplicate key is an error */
	size_t annotation_count;

	bool has_linux;
	struct oci_mappings uids, gids;
	struct key_value *sysctl;
	size_t sysctl_count;
	struct oci_resources resources;
	const char *cgroups_path;
	struct oci_namespace_want namespaces[NS_KINDS];
	struct oci_device *devices;
	size_t device_count;
	struct oci_net_device {
		const char *name, *new_name;
	} * net_devices;
	size_t net_device_count;
	struct oci_seccomp seccomp;
	const char *rootfs_propagation;
	struct strings masked_paths, readonly_paths;
	const char *mount_label;
	struct {
		bool set, monitoring;
		const char *clos_id, *l3_schema, *mb_schema;
		struct strings schemata;
	} rdt;
	struct {
		bool set;
		int mode; /* MPOL_... with flags ored in */
		const char *nodes;
	} memory_policy;
	struct {
		bool set;
		unsigned long domain; /* PER_... */
	} personality;
	struct {
		bool set;
		int64_t seconds;
		uint32_t nanoseconds;
	} monotonic, boottime; /* timeOffsets */
};

/* What was odd but harmless (a capability this kernel does not know), for the log: lines in the arena. */
struct oci_warnings {
	/* Given: --compat. Names are known in whatever case, as runc reads them; a word that is no capability and a
	 * letter that is no access are passed over; annotations that are crun's are heard. */
	bool compat;
	VEC(struct str) lines;
};

/* -EBADMSG, -E2BIG with the member's path ("linux.resources.pids.limit: ...") in the message. Arrays and strings as
 * said above. */
int oci_config_parse(struct str text, struct arena *a, struct oci_config *ret, struct oci_warnings *warnings,
		     struct err *e) must_check;
/* A process alone: what `exec --process FILE` takes. */
int oci_process_parse(struct str text, struct arena *a, struct oci_process *ret, struct oci_warnings *warnings,
		      struct err *e) must_check;
/* resources alone: what `update --resources FILE` takes. */
int oci_resources_parse(struct str text, struct arena *a, struct oci_resources *ret, struct oci_warnings *warnings,
			struct err *e) must_check;

/* As in linux.namespaces[].type. */
const char *oci_namespace_name(enum oci_namespace kind);

/* The value of an annotation, NULL when it is not there. */
const char *oci_annotation(const struct oci_config *c, const char *key);

#endif
