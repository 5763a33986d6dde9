/* watch: a small process beside a container that answers its refused system calls, and counts them.
 *
 * The filter turns refusals into notifications (filter_watch()). The watcher runs the same call through the original
 * program and answers with its errno: it can only ever refuse. When it is gone, the kernel answers ENOSYS in its place.
 * It sees refused calls only, so a container that does nothing forbidden never meets
 * it. A container that hammers is slowed down: WATCH_RATE answers a second are free, further ones wait a millisecond.
 *
 * With `record` it lets every call through and counts: for `profile record`. */
#ifndef RUNTIME_WATCH_H
#define RUNTIME_WATCH_H

#include "runtime/call.h"
#include "runtime/denials.h"
#include "runtime/seccomp.h"

#define WATCH_RATE 5000	 /* denials a second that are answered at once */
#define WATCH_CALLS 1024 /* system call numbers that are recorded */

/* Refusals of `p` become notifications, and *original what they are answered from. False, with p as it was, when the
 * program cannot be watched: it has a listener of its own, or refuses what stage 2 needs to hand the listener over. */
bool watch_program(struct seccomp_program *p, struct buf *original) must_check;

/* Answers until nobody is left who could ask. Returns 0 then. */
int watch_serve(int listener, struct str original, struct denials *t) must_check;

/* The same in a process of its own, which lives as long as the container: closes the listener here. Its number goes to
 * *ret. */
int watch_start(int listener, struct str original, int state_fd, pid_t *ret, struct err *e) must_check;

/* Lets everything through; calls[nr] counts what came after the first execve. */
int watch_record(int listener, uint32_t calls[WATCH_CALLS]) must_check;

#endif
