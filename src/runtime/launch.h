/* launch: from a checked configuration to a process inside its namespaces that waits to be started.
 *
 * The host's side prepares everything that needs foreign names or rights (descriptors of mount sources, id maps,
 * network, cgroups) and writes a flat plan (runtime/plan.h). The first process of the container is cloned straight into
 * its namespaces and its v2 group and executes a tiny static program, stage 2, from a sealed memory file: this
 * program's own binary never enters the container (CVE-2019-5736). Stage 2 parses nothing but the plan: mounts by
 * descriptor, pivots, drops what must be dropped, and then waits until `start` connects.
 *
 * Rules R1 to R12 of docs/escapes.md are kept here and in runtime/stage2. Errors of stage 2 come back as one line with
 * the errno. */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include "runtime/cgroup.h"
#include "runtime/config.h"
#include "runtime/seccomp.h"

#define LAUNCH_PRESERVE_FDS_MAX 1024

/* In the state directory: the socket on which a container that was created waits for `start`. It is there as long as
 * the container is `created`. (A FIFO would need the container's root to be able to open a file of ours, and could not
 * bring back why the program did not start.) */
#define LAUNCH_START "start"

/* What strict mode adds to the configuration and OCI has no word for. All zero: --compat. */
struct launch_strict {
	bool landlock;	   /* a ruleset as the LSM that is always there */
	bool private_proc; /* procfs with hidepid and subset where possible; never host procfs */
	bool no_keyring;   /* a new session keyring that holds nothing (also without strict, unless --no-new-keyring) */
	bool core_off;	   /* RLIMIT_CORE 0 */
};

/* Who answers the refused calls of a watched program (runtime/watch.h). `taken` gets the listener, and owns it, as soon
 * as the filter is loaded and before anything else happens under it. */
struct launch_watch {
	int (*taken)(void *arg, int listener, struct err *e);
	void (*answer)(void *arg, int until); /* NULL, or answers until that descriptor has something to be read */
	void *arg;
};

struct launch {
	const struct oci_config *config; /* after strict and policy were applied */
	const char *id;
	int bundle_fd;			       /* directory */
	const char *bundle;		       /* its path; NULL: not known */
	int state_fd;			       /* the container's state directory; LAUNCH_START is made there */
	const struct cgroup *cgroup;	       /* made, limits applied */
	const struct seccomp_program *seccomp; /* NULL or empty: none */
	struct launch_strict strict;
	struct launch_watch watch; /* for seccomp->watched, of a container that starts at once */
	int console_socket;	   /* connected; the terminal's master goes there; -1: none */
	int stdio[3];		   /* descriptors for 0, 1, 2 when there is no terminal */
	int extra;		   /* becomes descriptor 3, alone: preserve_fds and listen_fds are 0; 0: none */
	unsigned int preserve_fds; /* descriptors 3.. that stay open, those of listen_fds among them */
	unsigned int listen_fds;   /* so many of them are from socket activation: LISTEN_FDS and LISTEN_PID are set */
	int *own_start;		   /* NULL, or where the connection goes that the container waits on in place of
				    * LAUNCH_START: for launch_go(), by the same process */
	bool start_at_once;	   /* `run`: the program is started, there is no LAUNCH_START; launch_create() ends
				    * when it runs */
	bool no_pivot, no_new_keyring;
	struct strings kernel_mounts; /* with no_pivot: see launch_kernel_mounts() */
	bool rootless;
	bool detach_netns;  /* reserved for a pool of network namespaces */
	int writable_layer; /* a mounted, size-limited file system for upper and work (runtime/disk.h), -1: none */

	/* Called between the steps, where hooks and limits have to act; any may be NULL; a negative return ends the
	 * launch with *e. */
	int (*namespaces_ready)(void *arg, pid_t pid,
				struct err *e); /* prestart, createRuntime; tc on the network namespace */
	/* The state as JSON, for hooks inside the container and the seccomp agent (`status`: "creating"). Needed when
	 * the configuration has either. */
	int (*state_text)(void *arg, pid_t pid, const char *status, struct buf *ret, struct err *e);
	void *arg;
};

struct launched {
	pid_t pid; /* in our PID namespace */
	int pidfd; /* owned by the caller */
};

/* Ends with the container `created`: everything set up, waiting on LAUNCH_START. On failure everything made is undone
 * and no process is left. createContainer and startContainer hooks run inside as the specification says. */
int launch_create(const struct launch *l, struct launched *ret, struct err *e) must_check;
/* Connects to LAUNCH_START and removes it: the container's own program runs; pidfd is its process, `watch` for a
 * program that is watched, else NULL. -ENOENT when it was started already, -ECONNREFUSED when its process is gone.
 * Errors of its execve come back here: "exec /bin/x: exec format error". (That it is there and may be run was found out
 * by launch_create() already: "exec: \"NAME\": executable file not found in $PATH" and the like, docs/runtime-cli.md.)
 */
int launch_start(int state_fd, int pidfd, const struct launch_watch *watch, struct err *e) must_check;
/* The same over the connection of own_start. */
int launch_go(int connection, int pidfd, const struct launch_watch *watch, struct err *e) must_check;

/* A further process in a running container: `config` is the container's (what the namespaces and mappings are),
 * `process` the new one's. */
struct launch_exec {
	const struct oci_config *config;
	const struct oci_process *process;
	pid_t init;
	int init_pidfd; /* borrowed: of the container's first process, whose namespaces are joined */
	const struct cgroup *cgroup;
	const struct seccomp_program *seccomp;
	struct launch_strict strict;
	struct launch_watch watch;
	int console_socket;
	int stdio[3];
	int extra; /* as above */
	unsigned int preserve_fds;
	unsigned int listen_fds;
	bool no_new_keyring;
	bool rootless;
	int (*state_text)(void *arg, pid_t pid, const char *status, struct buf *ret, struct err *e); /* as above */
	void *arg;
};
/* Ends when the process runs its own program. */
int launch_exec(const struct launch_exec *x, struct launched *ret, struct err *e) must_check;

#endif
