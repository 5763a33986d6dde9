/* run: another program, run to its end: no shell, exactly the descriptors it is given, a time limit.
 *
 * The program is looked for in RUN_PATH, never in the caller's PATH; a name with a '/' is taken as it is. It gets an
 * environment of its own (RUN_PATH and LC_ALL=C), dies with its parent and is killed when its time is over. */
#ifndef SANDBOX_RUN_H
#define SANDBOX_RUN_H

#include <sys/types.h>

#include "base/err.h"

#define RUN_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define RUN_FDS_MAX 48
#define RUN_TICK_MS 500

struct run {
	const char *const *argv; /* NULL-terminated */
	const int *fds;		 /* borrowed; the program's descriptor i is fds[i], -1 stands for /dev/null */
	size_t fd_count;	 /* at least 3 are made: those left out are /dev/null; at most RUN_FDS_MAX */
	unsigned int timeout_ms; /* 0 = none */
	void (*tick)(void *arg); /* every RUN_TICK_MS while run_program() waits; NULL: nobody asks */
	void *arg;		 /* of tick */
};

/* 0 when the program ran to its end: *ret_status is its exit status, or 128 + the signal that ended it. -ENOENT when
 * there is no such program, -ETIMEDOUT when it was killed. */
int run_program(const struct run *r, int *ret_status, struct err *e) must_check;

/* The same without waiting for its end (timeout_ms counts for nothing): *ret_pid is a child of ours, to be ended by
 * run_stop(). */
int run_start(const struct run *r, pid_t *ret_pid, struct err *e) must_check;
/* Whether it has ended by itself: then it is reaped, and *ret_status says how. */
bool run_ended(pid_t pid, int *ret_status) must_check;
int run_wait(pid_t pid, int *ret_status) must_check; /* until it has; as run_program() says it */
void run_stop(pid_t pid);

#endif
