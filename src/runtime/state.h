/* state: what the runtime remembers of its containers.
 *
 * One directory a root (--root), mode 0700, owned by the user; in it one directory a container, named by its id:
 *     state.json     this struct; written under a temporary name and renamed
 *     config.json    the configuration as it was at create: later changes of the bundle do not count
 *     exec.fifo      there until the container's program was started (runtime/launch.h)
 * and ".busy", in which a name stands for every container that is being made, and one with a '~' behind it for one that
 * is being removed. Whoever makes or removes one holds its directory's lock (flock). A name in .busy whose lock can be
 * had is what a killed command left: state_sweep() finds it, and the container's remains are removed from what its
 * state.json says was to be made.
 *
 * A process is known by its pid and its start time: a pid that was used again is never taken for it.
 * All files are read as hostile: bounded, every value checked. docs/formats/run-state.md */
#ifndef RUNTIME_STATE_H
#define RUNTIME_STATE_H

#include "base/fd.h"
#include "runtime/config.h"

#define STATE_ID_MAX 240	   /* bytes of an id: it is a file's name, with room for what is put around it */
#define STATE_BYTES_MAX (4u << 20) /* of a state.json: annotations are the most of it */
#define STATE_CONTAINERS_MAX 65536 /* listed of one root */
#define STATE_LOCK_WAIT_MS 10000   /* for another command on the same container to end */
#define STATE_CREATED_MAX 48	   /* "2026-11-30T12:00:00.123456789Z" */

enum state_phase { STATE_CREATING, STATE_CREATED };
enum status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };
const char *status_name(enum status s);

struct state {
	const char *id;
	enum state_phase phase;
	pid_t pid;		     /* of the container's first process, in our PID namespace; 0: none yet */
	uint64_t start_time;	     /* its start time, ticks since boot: field 22 of /proc/PID/stat */
	const char *created;	     /* RFC 3339 with nanoseconds, UTC */
	const char *bundle, *rootfs; /* absolute */
	const char *version;	     /* ociVersion of the configuration */
	const char *cgroup;	     /* path below each hierarchy; NULL: none were made */
	const char *tier;	     /* of isolation: NULL for namespaces */
	uint32_t owner;		     /* uid that made it */
	bool systemd, rootless, compat;
	bool watched;		  /* refused system calls are counted (runtime/watch.h) */
	bool poststart, poststop; /* the configuration has such hooks */
	struct key_value *annotations;
	size_t annotation_count;
};

/* 1 to STATE_ID_MAX of letters, digits, "_+-.@"; not beginning with '.'. */
bool state_id_valid(struct str id);

/* The root's directory, made when it is not there and `make`; -EPERM when it is not ours alone. path NULL: the default.
 * -ENOENT when it is not there. */
int state_root_open(const char *path, bool make, int *ret, struct err *e) must_check;

/* A new container's directory, locked, its name in .busy. -EEXIST: "container with given ID already exists". -EBUSY:
 * another command has it for too long. The remains of one that was never finished are not in the way when swept before.
 */
int state_make(int root_fd, const char *id, int *ret_dir, struct err *e) must_check;
/* An existing container's directory; locked when `lock`. -ENOENT: "container does not exist". */
int state_open(int root_fd, const char *id, bool lock, int *ret_dir, struct err *e) must_check;
/* Locks one that was opened before: -ENOENT when it was removed meanwhile. */
int state_lock(int root_fd, const char *id, int dir_fd, struct err *e) must_check;
/* It is whole (or gone): the name in .busy goes. */
void state_settle(int root_fd, const char *id);
/* Says that it is about to be removed, so that a kill from here on is found. */
int state_unsettle(int root_fd, const char *id, struct err *e) must_check;
/* The directory with everything in it. The lock goes with the descriptor. */
int state_remove(int root_fd, const char *id, int dir_fd, struct err *e) must_check;

/* Calls found() for every container in .busy that nobody works on any more, its lock held. `removing`: it was being
 * removed; else it was being made. */
struct state_found {
	const char *id;
	int dir_fd; /* borrowed */
	bool removing;
};
int state_sweep(int root_fd, void (*found)(void *arg, const struct state_found *f), void *arg,
		struct err *e) must_check;

/* Ids in order, in the arena. */
int state_list(int root_fd, struct arena *a, const char ***ret, size_t *ret_n, struct err *e) must_check;

/* -EBADMSG, -E2BIG: no state of ours. */
int state_parse(struct str text, struct arena *a, struct state *ret, struct err *e) must_check;
int state_read(int dir_fd, struct arena *a, struct state *ret, struct err *e) must_check;
int state_write(int dir_fd, const struct state *s, struct err *e) must_check;
/* The first one, of a container in .busy: written as it is. A kill leaves none or half of one, and nothing else. */
int state_write_first(int dir_fd, const struct state *s, struct err *e) must_check;

/* A further file of a new container's directory. */
int state_file_new(int dir_fd, const char *name, struct str bytes, struct err *e) must_check;

/* Start time of a process and whether it is still running (not a zombie); -ESRCH when there is none. */
struct process_stat {
	uint64_t start_time;
	char state; /* R, S, D, Z, ... */
	pid_t parent;
};
int process_stat(pid_t pid, struct process_stat *ret) must_check;
/* Contents of /proc/PID/stat, for the fuzz target: false when it is none. */
bool process_stat_parse(struct str text, struct process_stat *ret) must_check;

/* A descriptor of the container's first process: -ESRCH when it has ended (or another has its pid). */
int state_pidfd(const struct state *s) must_check;

/* created, running or stopped; that it is paused only its cgroup knows. */
enum status state_status(const struct state *s, int dir_fd);

#endif
