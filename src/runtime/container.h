/* container: the life of one, put together from the parts: configuration, cgroup, launch, state.
 *
 *     create   state "creating" with what is going to be made -> cgroup and limits -> process -> state "created"
 *     start    the process leaves its FIFO and becomes the container's program
 *     delete   state "deleting" -> processes, cgroup, state
 *
 * Every failure undoes what was made, in reverse order. What a kill -9 leaves is undone by container_sweep(), from the
 * intent in the state. */
#ifndef RUNTIME_CONTAINER_H
#define RUNTIME_CONTAINER_H

#include "runtime/cgroup.h"
#include "runtime/enforce-record.h"
#include "runtime/launch.h"
#include "runtime/limits.h"
#include "runtime/policy.h"
#include "runtime/state.h"

#define CONTAINER_KILL_WAIT_MS 10000 /* for processes that were killed to be gone */

enum cgroup_manager { MANAGER_CGROUPFS, MANAGER_SYSTEMD, MANAGER_DISABLED };

/* What the caller's global options say. */
struct runtime {
	int root_fd;	       /* of the state; -1: none yet */
	const char *name;      /* the program's own, for the policy: "yagura-run" */
	enum policy_tier tier; /* by that name; policy and annotation may ask for a stronger one */
	enum cgroup_manager manager;
	bool compat, rootless;
	uint64_t log_kept;	 /* bytes that the caller keeps of a container's output; 0: it does not say */
	const char *layers;	 /* directory of writable layers of a limited size; NULL: DISK_DIR */
	struct cgroup_host host; /* found when a container needs it */
	bool has_host;
	void (*warn)(const char *text); /* may be NULL */
};
/* By the name a program was called by: yagura-run-uml, yagura-run-vm. */
enum policy_tier runtime_tier(const char *argv0);
void runtime_done(struct runtime *rt);
#define auto_runtime cleanup_with(runtime_done)

struct container {
	struct runtime *rt; /* borrowed */
	struct arena arena;
	int dir_fd, bundle_fd;
	struct state state;
	struct oci_config config;
	bool has_config;
	struct launch_strict strict;
	struct limits limits;		     /* of one that is being made */
	struct enforce_granted granted;	     /* what strict mode leaves to it */
	const char *netns;		     /* of a tier: where its ports are; NULL: it has none */
	uint64_t inside_memory, inside_pids; /* of a tier that is being made: asked of the guest; 0: nothing */
	struct cgroup cgroup;
	bool has_cgroup;
};
void container_init(struct container *c, struct runtime *rt); /* nothing is open */
void container_done(struct container *c);		      /* closes: the container itself stays */
#define auto_container cleanup_with(container_done)

struct container_create {
	const char *id, *bundle; /* NULL: the working directory */
	const char *config;	 /* NULL: config.json of the bundle */
	const char *console_socket, *pid_file;
	const char *pidfd_socket;  /* NULL, or a socket that gets a pidfd of the first process */
	const char *notify_socket; /* NULL, or the service manager's, for sd_notify(3) from inside */
	int *own_console; /* NULL, or where our end of a socket goes that the terminal comes over, if there is one */
	unsigned int preserve_fds, listen_fds; /* listen_fds of them are of socket activation */
	bool start;			       /* at once: it is running when this returns */
	int start_fd;			       /* with `start`: when this descriptor is at its end; 0: none */
	bool no_pivot, no_new_keyring;
	struct watcher *own_watch; /* NULL, or where what waits for answers goes: this process then serves it */
	struct recorder *record; /* NULL, or who records its system calls (runtime/record.h): in place of its profile */
};
/* On success the container is `created`; *ret_init is its first process (a child of the caller), owned. The lock is
 * held until container_done(). */
int container_create(struct runtime *rt, const struct container_create *how, struct container *ret,
		     struct launched *ret_init, struct err *e) must_check;

/* An existing one; locked when `lock`. */
int container_open(struct runtime *rt, const char *id, bool lock, struct container *ret, struct err *e) must_check;
/* Its configuration as it was at create, with what strict mode made of it. */
int container_config(struct container *c, struct err *e) must_check;
/* The configuration that its first process on the host has: of a tier with a kernel of its own the monitor's, else its
 * own. Without the monitor's mounts. */
struct oci_config container_host_config(struct container *c);
/* Its control groups, opened; has_cgroup is false when it has none. */
int container_cgroup(struct container *c, struct err *e) must_check;
enum status container_status(struct container *c);
/* Lets other commands work on it. */
void container_unlock(struct container *c);
/* Takes the lock again: -ENOENT when it was deleted meanwhile. */
int container_lock(struct container *c, struct err *e) must_check;

int container_start(struct container *c, struct err *e) must_check;
int container_kill(struct container *c, int signal, bool all, struct err *e) must_check;
/* -EBUSY when it runs and not `force`. */
int container_delete(struct container *c, bool force, struct err *e) must_check;
/* One whose state cannot be read: its directory goes, nothing else is known. */
int container_discard(struct container *c, const char *id, struct err *e) must_check;
int container_freeze(struct container *c, bool frozen, struct err *e) must_check;
/* Its processes, in our PID namespace; without cgroups only the first one. */
int container_procs(struct container *c, pid_t **ret, size_t *ret_n, struct err *e) must_check;

/* Of a tier with a kernel of its own: a row for each limit inside the guest, which is asked; no answer is a difference.
 */
struct enforce_report;
void container_tier_verify(struct container *c, const struct enforce_record *rec, struct enforce_report *ret);

/* What is present takes effect; what is not stays. */
int container_update(struct container *c, const struct oci_resources *over, struct err *e) must_check;

struct container_exec {
	const struct oci_process *process;
	const char *console_socket, *pid_file;
	int *own_console; /* NULL, or where our end of a socket goes that the terminal comes over, if there is one */
	unsigned int preserve_fds, listen_fds;
	struct strings cgroups; /* "[CONTROLLER,...:]PATH" below the container's own group; none: that itself */
	const char *pidfd_socket;
	bool no_new_keyring, ignore_paused;
	struct watcher *own_watch; /* as in container_create() */
};
int container_exec(struct container *c, const struct container_exec *how, struct launched *ret,
		   struct err *e) must_check;

/* Removes what commands that were killed left. */
int container_sweep(struct runtime *rt, struct err *e) must_check;

/* Who made it: "root", or the uid in digits. */
#define CONTAINER_OWNER_MAX 16
const char *container_owner(const struct state *s, char text[CONTAINER_OWNER_MAX]);
/* The state as the specification has it ("State"), and hooks read; `line`: on one line. */
void container_state_json(const struct state *s, enum status status, bool line, struct buf *b);

#endif
