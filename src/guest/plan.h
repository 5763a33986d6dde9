/* plan: a process to be run in a guest, and for the container's own the surroundings it runs in, as flat bytes.
 *
 * The host writes it from an OCI configuration that it has checked, the agent in the guest (node/init) reads it. Both
 * treat the bytes as foreign: every count and length is compared with a limit and with what is left. Numbers are
 * LEB128, texts are a length and bytes and hold no NUL.
 *
 * The format has no versions: host and agent come from one build, and HELLO (guest/frame.h) compares them. */
#ifndef GUEST_PLAN_H
#define GUEST_PLAN_H

#include "base/buf.h"
#include "base/mem.h"

#define PLAN_BYTES_MAX (4u << 20)      /* of one plan: arguments, environment and copied files */
#define PLAN_LIST_MAX 16384	       /* members of any list: arguments, environment, paths */
#define PLAN_FILTER_MAX 4096	       /* instructions of a seccomp filter: the kernel's BPF_MAXINSNS */
#define PLAN_FILE_BYTES_MAX (1u << 20) /* of all files copied into the guest */
#define PLAN_DISK_MAX 25	       /* devices have one letter */

struct plan_list {
	const char **v; /* NUL-terminated texts, v[n] is NULL */
	size_t n;
};

struct plan_rlimit {
	uint32_t resource; /* RLIMIT_... */
	uint64_t soft, hard;
};

struct plan_mount {
	const char *target, *type, *data;
	uint64_t flags; /* MS_... */
};

struct plan_device {
	const char *path;
	uint32_t type; /* S_IFCHR, S_IFBLK, S_IFIFO */
	uint32_t major, minor, mode, uid, gid;
};

/* A small file of the host's (resolv.conf, hosts): its content now, laid over the path, read-only unless `writable`. */
struct plan_file {
	const char *path;
	struct str content;
	uint32_t mode;
	bool writable;
};

/* A file system on a block device of the machine's own. */
struct plan_volume {
	const char *path, *type, *data;
	uint64_t flags; /* MS_... */
	uint32_t disk;	/* the device's place: 0 is the first */
	bool bare;	/* stands for an empty directory: without lost+found */
};

struct plan_pair {
	const char *key, *value;
};

struct guest_plan {
	/* the process */
	bool terminal, no_new_privs, core_off;
	uint32_t rows, columns;
	uint32_t uid, gid, umask;
	uint32_t *groups;
	size_t group_count;
	uint64_t bounding, effective, inheritable, permitted, ambient;
	struct plan_rlimit *rlimits;
	size_t rlimit_count;
	int32_t oom_score_adj;
	const char *cwd;
	struct plan_list args, env;
	struct str filter; /* struct sock_filter[], native; empty: none */

	/* the container; of no meaning for exec */
	bool readonly;
	const char *hostname, *domainname;
	uint64_t pids_max, memory_max; /* 0: no limit of the guest's own */
	struct plan_mount *mounts;
	size_t mount_count;
	struct plan_device *devices;
	size_t device_count;
	struct plan_file *files;
	size_t file_count;
	struct plan_volume *volumes;
	size_t volume_count;
	struct plan_pair *sysctls;
	size_t sysctl_count;
	struct plan_list masked, readonly_paths;
};

/* Appends. What does not fit shows in buf_finish(). NULL texts are written as empty ones. */
void plan_write(struct buf *out, const struct guest_plan *p);
/* Everything points into the arena. -EBADMSG, -E2BIG. Absolute paths where paths are meant; at least one argument. */
int plan_parse(struct str bytes, struct arena *a, struct guest_plan *ret, struct err *e) must_check;

#endif
