/* launch-part: what the files launch-*.c share that write steps. Pure: nothing is opened here; what the host's side has
 * to open and send along is listed as sources, in the order of their slots. */
#ifndef RUNTIME_LAUNCH_PART_H
#define RUNTIME_LAUNCH_PART_H

#include "runtime/launch.h"
#include "runtime/plan-write.h"

enum source_kind {
	SOURCE_TREE,	  /* a copy of the mount at `path` of the host */
	SOURCE_ROOT,	  /* the same of the root file system, or the overlay over it */
	SOURCE_CGROUP,	  /* of the container's group in hierarchy `index` */
	SOURCE_DEVICE,	  /* of a device node of the host, which must be of `type` and number `device` */
	SOURCE_NAMESPACE, /* the namespace at `path`, which must be of kind `index` (CLONE_NEW...) */
	SOURCE_FD,	  /* `fd` as it is */
	SOURCE_START,	  /* the socket LAUNCH_START, made and listening */
	SOURCE_STATE,	  /* the state as JSON in a file */
};

struct launch_source {
	enum source_kind kind;
	const char *about; /* for the error: "mounts[2] (/data)" */
	const char *path;
	bool recursive, no_follow;
	size_t index;
	char type;
	uint64_t device;
	bool make; /* SOURCE_DEVICE: where the host has nothing at `path`, with these (numbers of the host) */
	mode_t mode;
	uint32_t uid, gid;
	int fd;					/* borrowed */
	const struct oci_mappings *uids, *gids; /* SOURCE_TREE: to be mapped so; NULL: not */
	bool map_recursive;
};

/* Where the host's side acts in between (PLAN_SYNC, arg[0]). */
enum sync_point {
	SYNC_NAMESPACES, /* they are there, with those that were joined */
	SYNC_LATE,	 /* the process is one of its own: what must not touch its parent */
};

struct launch_steps {
	struct plan plan;
	struct arena *a;
	const char *bundle; /* its absolute path */
	const char *home;   /* "HOME=...", NULL: the environment has one */
	int state_slot;	    /* of SOURCE_STATE, -1: none yet */
	VEC(struct launch_source) sources;
	uint64_t clone_flags; /* CLONE_NEW... for clone3() */
	bool forks;	      /* the process changes once more, at PLAN_FORK: that is SYNC_NAMESPACES too */
	bool maps;	      /* a user namespace is made: its id maps are to be written */
	bool syncs;	      /* there is a PLAN_SYNC; without, namespaces are as clone3() made them */
};
void launch_steps_init(struct launch_steps *s, struct arena *a, const char *bundle);
void launch_steps_done(struct launch_steps *s);

/* Of the parts, for each other. */
int steps_source(struct launch_steps *s, struct launch_source source); /* returns its slot */
/* A path of the host: a relative one starts at the bundle. */
const char *steps_host_path(struct launch_steps *s, const char *path);
int steps_hooks(struct launch_steps *s, const struct oci_hooks *hooks, const char *about, bool has_state,
		struct err *e) must_check;
void steps_console(struct launch_steps *s, const struct oci_process *p, int devpts, int dev);
int steps_mounts(struct launch_steps *s, const struct launch *l, struct err *e) must_check;

/* The current directory from now on. make: when it is not there; else that is an error. */
void steps_directory(struct launch_steps *s, const char *about, const char *path, bool make);

struct process_steps {
	const struct oci_process *process;
	const struct oci_config *config; /* of the container */
	const struct seccomp_program *seccomp;
	struct launch_strict strict;
	bool creates; /* a container; else a further process in one */
	bool waits;   /* for `start` */
	bool own_start;
	bool groups; /* setgroups(2) is allowed */
	bool has_state;
	unsigned int listen_fds;
};
int steps_process(struct launch_steps *s, const struct process_steps *p, struct err *e) must_check;

#endif
