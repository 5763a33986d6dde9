/* launch-child: the first process of a container, from clone3() to the execution of stage 2. */
#ifndef RUNTIME_LAUNCH_CHILD_H
#define RUNTIME_LAUNCH_CHILD_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct child {
	pid_t pid; /* 0: none */
	int pidfd, socket;
	void *memory; /* what it uses of ours until it executes stage 2 */
};
#define CHILD_NONE ((struct child){ 0, -1, -1, NULL })

struct child_want {
	uint64_t flags;	       /* CLONE_NEW... */
	int cgroup_fd;	       /* -1: none */
	const int *stdio;      /* three; -1: stays what it is */
	int extra;	       /* becomes descriptor 3, with keep_fds 1; 0: none */
	unsigned int keep_fds; /* 3.. that stay open */
	bool root_ids;	       /* becomes user and group 0: of a new user namespace */
	bool groups;	       /* and may give up its further groups */
};

/* The child waits for child_go() before it does anything, in its namespaces already. */
int child_clone(const struct child_want *w, struct child *ret, struct err *e) must_check;
int child_go(const struct child *c, struct err *e) must_check;
/* One message with at most PLAN_CHUNK_FDS descriptors, on any Unix socket. */
int launch_send(int fd, struct str part, const int *fds, size_t n) must_check;
/* Kills it if it still runs and reaps it. */
void child_end(struct child *c);
/* Lets it go: it has executed stage 2. */
void child_part(struct child *c);

#endif
