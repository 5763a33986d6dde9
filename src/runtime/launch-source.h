/* launch-source: what the host's side opens for a plan, in the order of its slots. */
#ifndef RUNTIME_LAUNCH_SOURCE_H
#define RUNTIME_LAUNCH_SOURCE_H

#include "runtime/launch-part.h"

#define STATE_BYTES_MAX (1u << 20) /* of the state as JSON */

struct source_context {
	int bundle_fd, state_fd;     /* -1: none */
	const struct cgroup *cgroup; /* NULL: none */
	int writable_layer;
	pid_t pid;
	int (*state_text)(void *arg, pid_t pid, const char *status, struct buf *ret, struct err *e);
	void *arg;
};

struct opened {
	int *fds;
	size_t n;
};
void opened_done(struct opened *o); /* closes all */
#define auto_opened cleanup_with(opened_done)

/* All or nothing. What is made (LAUNCH_START) is for the caller to remove. */
int launch_sources_open(const struct launch_steps *s, const struct source_context *c, struct opened *ret,
			struct err *e) must_check;

#endif
