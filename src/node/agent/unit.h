/* unit: one container of a pod: whether it runs, what its keeper (keeper.h) said of it, and when it is started again.
 */
#ifndef NODE_AGENT_UNIT_H
#define NODE_AGENT_UNIT_H

#include "base/json.h"
#include "node/agent/keeper.h"

#define UNIT_RESTART_FIRST_MS 1000u /* the pause before the first restart; then twice as long each time */
#define UNIT_RESTART_MAX_MS 300000u
#define UNIT_CALM_MS 600000u /* a container that ran so long begins with the first pause again */

enum unit_state { UNIT_WAITING, UNIT_RUNNING, UNIT_ENDED };

struct unit {
	const struct pod_container *c;
	bool init; /* one of those that run before the others */
	enum unit_state state;
	pid_t keeper;
	int words;   /* from its keeper; to be polled while it runs */
	int32_t pid; /* of its first process, 0: not started yet */
	bool stopping;
	uint64_t next_ms, started_ms;
	unsigned int pause_ms, restarts;
	bool has_status;
	int32_t status;
	char why[ERR_MSG_MAX]; /* it could not be started */
};

/* One for each container, to be freed; a pod's containers stay where they are. */
struct unit *units_new(const struct pod_container *c, size_t n, bool init);

void unit_start(struct unit *u, const struct keeper_job *j);
void unit_stop(struct unit *u); /* asks it to end */
/* Takes the words of its keeper, if it has some. */
void unit_hear(struct unit *u);
/* What has ended and is to run again, as the pod's policy says, waits for its time. */
void unit_settle(struct unit *u, enum pod_restart policy);
/* The next pause, the first one after 0. */
unsigned int unit_longer(unsigned int pause_ms);

void unit_write(struct json_out *w, const struct unit *u);

#endif
