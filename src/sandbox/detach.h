/* detach: a process that goes on in the background and looks after others. */
#ifndef SANDBOX_DETACH_H
#define SANDBOX_DETACH_H

#include <sys/types.h>

#include "base/err.h"

/* Goes on in a new process in a session of its own, without a terminal. Returns 1 in the old one and 0 in the new one;
 * each has its end of a socket, over which the new one says how its start went (detach_say, detach_hear). No thread may
 * run. */
int detach(int *ret_fd, struct err *e) must_check;
/* In the new process, once: 0 and "", or why it cannot go on. Standard descriptors are then /dev/null. */
void detach_say(int fd, int result, const char *message);
/* In the old process: what the new one said; an error also when it ended without a word. */
int detach_hear(int fd, struct err *e) must_check;

/* Processes whose parent ends become children of this one. */
int adopt_orphans(struct err *e) must_check;
/* The exit status of a child that has ended, 128 + the signal that ended it; waits for it. */
int child_status(pid_t pid) must_check;

#endif
