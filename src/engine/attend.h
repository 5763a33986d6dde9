/* attend: a container made by the runtime and looked after until it has ended: what `yagura run` and a node's agent
 * have in common.
 *
 * The container's output comes through two pipes and goes to its log; its first process is ours by adoption
 * (sandbox/detach.h), so that its exit status is. */
#ifndef ENGINE_ATTEND_H
#define ENGINE_ATTEND_H

#include <sys/types.h>

#include "engine/log.h"
#include "engine/runtime.h"

struct attended {
	struct box_log log;
	int ends[2][2]; /* pipes of its standard output and error: read end, write end; -1: none */
	pid_t pid;	/* its first process; 0: not known yet */
	bool created;	/* the runtime knows it: it has to be deleted */
};
void attend_init(struct attended *a);
void attend_done(struct attended *a); /* closes */

struct attend_container {
	struct runtime_call call; /* how the runtime is to be called; `args` and `fds` are not looked at */
	const char *bundle, *id;
	int bundle_fd; /* of the same directory: the file `pid` is left there */
	int input;     /* its standard input; -1: nothing */
};
/* Created, not started. */
int attend_create(struct attended *a, const struct attend_container *c, struct err *e) must_check;
/* From the file `pid` that the runtime leaves; an error as long as it is not there. */
int attend_read_pid(struct attended *a, int bundle_fd, struct err *e) must_check;

/* Who wants to know what happens in the meantime. */
struct attend_watch {
	int signals; /* signalfd; -1: none */
	void (*signalled)(struct attend_watch *w, int number, int pidfd);
	uint64_t late_ms;		      /* clock_ms() when late() is to be called; 0: never */
	void (*late)(struct attend_watch *w); /* sets another time */
	bool show;			      /* what it prints goes to our own output as well */
	void *ctx;
};
/* Until its first process has ended and what it printed is read. */
void attend(struct attended *a, struct attend_watch *w);

#endif
