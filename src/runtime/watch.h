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

/* One that answers. The table is made in `state_dir` with the first refusal. */
struct watcher {
	int listener, state_dir; /* listener -1: none; both are owned where watcher_take() filled them */
	struct str original;
	struct denials table;
	struct {
		uint64_t second;
		unsigned int n;
	} pace;
};
#define WATCHER_NONE ((struct watcher){ .listener = -1, .state_dir = -1 })

/* Answers the call that waits (poll(2) on the listener): 1, 0 when nobody is left who could ask, or a negative errno.
 */
int watcher_turn(struct watcher *w) must_check;
void watcher_done(struct watcher *w);
/* The listener from now on is this process's own to serve, as long as it lives. */
int watcher_take(struct watcher *w, int listener, struct str original, int state_fd, struct err *e) must_check;
/* As watcher_done(), but whoever is left that could ask gets a process of its own that answers. */
int watcher_leave(struct watcher *w, struct err *e) must_check;

/* Answers until nobody is left who could ask. Returns 0 then. */
int watch_serve(int listener, struct str original, int state_dir) must_check;

/* The same in a process of its own, which lives as long as the container: closes the listener here. Its number goes to
 * *ret. */
int watch_start(int listener, struct str original, int state_fd, pid_t *ret, struct err *e) must_check;

/* Lets everything through; calls[nr] counts what came after the first execve. */
int watch_record(int listener, uint32_t calls[WATCH_CALLS]) must_check;

#endif
