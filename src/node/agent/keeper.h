/* keeper: one container of a pod from its image to its exit status.
 *
 * A process for each: the mounts of the container's root are its own and end with it. It tells what becomes of the
 * container over a pipe, keeps its log, and on SIGTERM asks it to end, kills it when its time is over. What it makes of
 * it is what `yagura run` makes: the same bundle, the same runtime, the same log. */
#ifndef NODE_AGENT_KEEPER_H
#define NODE_AGENT_KEEPER_H

#include "node/agent/depot.h"
#include "node/pod.h"

#define KEEPER_NAME_MAX (2 * POD_NAME_MAX + 2) /* POD_CONTAINER: '_' is in neither */

#define KEEPER_LOG_BYTES (8ull << 20) /* of a container's output that are kept: the newest */

struct keeper_job {
	const struct pod *pod;
	const struct pod_container *container;
	const struct depot *depot;
	const char *run_path;	/* directory of the pod: bundles and volumes lie below it */
	const char *log_path;	/* directory of the logs of all containers */
	const char *state_path; /* of the runtime */
	const char *layer_path; /* directory of writable layers */
	int netns;		/* -1: the host's */
	const char *address;	/* of the pod, NULL: none of its own */
	const char *profile;	/* of AppArmor; NULL: none */
	bool verify_once; /* layers are checked as a whole when they are mounted; otherwise each block as it is read */
};

enum keeper_kind { KEEPER_STARTED = 1, KEEPER_ENDED, KEEPER_FAILED };
struct keeper_word {
	int32_t kind, value;	/* the container's first process; its exit status, 128 + signal; an errno */
	char text[ERR_MSG_MAX]; /* KEEPER_FAILED: why */
};

void keeper_name(const struct pod *p, const struct pod_container *c, char name[KEEPER_NAME_MAX]);

/* Starts one; *ret_fd is where its words come from, one struct each. */
int keeper_start(const struct keeper_job *j, pid_t *ret_pid, int *ret_fd, struct err *e) must_check;

/* What processes that were killed have left of the runtime's containers. */
void keeper_sweep(const char *state_path);

#endif
