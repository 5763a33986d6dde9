/* run-front: this program between a process of a container and its own caller: signals go on to the process, a terminal
 * is relayed, refused calls are answered, the exit status comes back. */
#ifndef CMD_RUN_FRONT_H
#define CMD_RUN_FRONT_H

#include "runtime/console.h"
#include "runtime/launch.h"
#include "runtime/watch.h"

struct front {
	int socket;   /* the terminal comes over it; -1: there is none */
	int terminal; /* the process's, our end */
	int signals;  /* signalfd */
	struct console_mode mode;
	struct watcher watch; /* of the process's refused calls, as long as this program is there to answer */
};
#define FRONT_NONE ((struct front){ -1, -1, -1, { 0 }, WATCHER_NONE })

/* Signals are held back from here on, so that none is lost. */
int front_begin(struct front *f, struct err *e) must_check;
/* The terminal that came over f->socket is taken over, if there is one. */
int front_console(struct front *f, struct err *e) must_check;
/* Until the process has ended: its exit status, or 128 + the signal that ended it. */
int front_wait(struct front *f, const struct launched *process, struct err *e) must_check;
void front_end(struct front *f);

/* --preserve-fds and $LISTEN_FDS together. */
int run_preserved(uint64_t asked, bool compat, unsigned int *ret, unsigned int *ret_listen, struct err *e) must_check;

#endif
