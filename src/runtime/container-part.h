/* container-part: what the files container*.c share with each other and with nobody else. */
#ifndef RUNTIME_CONTAINER_PART_H
#define RUNTIME_CONTAINER_PART_H

#include "runtime/container.h"
#include "runtime/tier/tier.h"

#define CONTAINER_CONFIG "config.json" /* in the state directory: the copy of the bundle's */
#define CONTAINER_CACHE ".seccomp"     /* in the root: compiled filters */
#define CONTAINER_FILTER "filter"      /* in the state directory: what a watcher answers from */

int runtime_host(struct runtime *rt, struct err *e) must_check;
int container_hooks(struct container *c, enum oci_hook_kind kind, enum status status, struct err *e) must_check;
/* Processes, cgroup, hooks of its end, state: from whatever the state says was to be made. */
int container_destroy(struct container *c, bool hooks, struct err *e) must_check;
/* launch.state_text; arg is the struct container. */
int container_state_text(void *arg, pid_t pid, const char *status, struct buf *ret, struct err *e);
int container_bad_id(const char *id, struct err *e); /* says what is wrong with it, -EINVAL */
/* Decimal, by rename; NULL: none is wanted. */
int container_pid_file(const char *path, pid_t pid, struct err *e) must_check;
/* --pidfd-socket, as runc: one message, `kind` is "standard" or "setns"; socket -1: none is wanted. */
int container_pass_pidfd(int socket, const char *kind, int pidfd, struct err *e) must_check;
/* The limits that configuration, annotations and the node's policy lead to; the second writes them into the
 * configuration too. */
int container_limits(struct container *c, struct limits *ret, struct err *e) must_check;
int container_limit(struct container *c, struct err *e) must_check;
/* What `update` asks for, under the same rules: *over is changed, *ret is what enforce_update() records. */
int container_limit_update(struct container *c, struct oci_resources *over, struct limits *ret,
			   struct err *e) must_check;
/* What strict mode, unless the container is compat, makes of its configuration, of a process that joins it. */
int container_strict(struct container *c, struct err *e) must_check;
void container_strict_process(struct container *c, struct oci_process *p);
/* Of a tier with a kernel of its own: the images are made, the configuration becomes the monitor's; *ret_job is for
 * launch.extra. */
int container_tier_prepare(struct container *c, int *ret_job, struct err *e) must_check;
/* The same for a process that joins: launch_exec.process, launch_exec.extra. */
int container_tier_exec(struct container *c, const struct seccomp_program *filter, struct oci_process *p, int *ret_plan,
			struct err *e) must_check;
/* Its ports: listening sockets in the network namespace of its configuration, which becomes c->netns. */
int container_ports(struct container *c, struct tier_ports *ret, struct err *e) must_check;
void container_ports_close(struct tier_ports *p);
/* Before SIGKILL: true when the machine has ended of itself, its volumes written. */
bool container_tier_end(struct container *c);
int container_tier_remove(struct container *c, struct err *e) must_check;
/* The compiled filter of its configuration. */
int container_seccomp(struct container *c, struct seccomp_program *ret, struct err *e) must_check;
/* Makes the program one that is watched, if it can be; *original is what the watcher answers from (its caller's).
 * `keep`: for container_start_process(), which may be called by another command. */
int container_watch_program(struct container *c, struct seccomp_program *p, struct buf *original, bool keep,
			    struct err *e) must_check;
struct container_watch {
	int state_fd;
	struct str original;
	struct watcher *own; /* NULL: a process of its own answers */
};
/* Who answers: `w`, which lives as long as what it returns; all is recorded instead when `record`. */
struct launch_watch container_watch_by(struct container_watch *w, struct recorder *record);
/* Its own program, from `created` to running, watched. The second: by the command that created it, over the connection
 * of launch.own_start; recorded when `record`. */
int container_start_process(struct container *c, struct err *e) must_check;
int container_start_over(int connection, int pidfd, struct container_watch *w, struct recorder *record,
			 struct err *e) must_check;

#endif
