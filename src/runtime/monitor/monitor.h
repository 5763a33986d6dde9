/* monitor: the host's end of a second kernel, as the first process of a confined container of its own.
 *
 *     yagura-monitor            starts the machine of the job (guest/job.h, descriptor 3), has it run the container's
 *                               process, joins its streams to 0, 1, 2, passes on signals, and ends as that process did
 *     yagura-monitor exec       runs the process of the plan (guest/plan.h, descriptor 3) beside it, through the first
 * one
 *
 * Its PID is the container's: it lives in the container's groups, and when it is killed the kernel kills the machine
 * with it, for it is the first process of its PID namespace. Nothing that the guest sends is believed: see
 * guest/frame.h.
 *
 * Exit status: the process's own, 128 + the signal that ended it; 127, 126 when it could not be found or executed;
 * MONITOR_PANIC when the guest's kernel panicked; MONITOR_FAILED for everything else. All but the first two come with
 * one line on standard error. */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <sys/types.h>

#include "guest/control.h"
#include "guest/frame.h"
#include "guest/job.h"

#define MONITOR_FAILED 125
#define MONITOR_PANIC 134 /* as SIGABRT */

/* machine.c */
struct machine_process {
	pid_t pid;
	int from, to; /* frames; non-blocking */
	int console;  /* what its kernel says; non-blocking */
};
int machine_start(const struct job *j, struct machine_process *ret, struct err *e) must_check;

/* console.c: the guest kernel's messages, the last CONSOLE_BYTES of them. */
#define CONSOLE_BYTES 16384
struct console {
	int fd; /* -1: it is at its end */
	char text[CONSOLE_BYTES];
	size_t n;
};
void console_read(struct console *c);
struct str console_line(const struct console *c, const char *key); /* the first that holds `key`, from behind it on */
struct str console_last(const struct console *c);

/* confine.c: seccomp for the machine (in the child, before its exec) and for the monitor, once it has all it needs. */
int confine_machine(enum machine kind, struct err *e) must_check;
int confine_monitor(struct err *e) must_check;

/* serve.c: the job, to its end. `listeners`: as many sockets as it has ports. Returns the exit status. */
int monitor_serve(const struct job *j, const int *listeners);

/* datagrams.c: UDP. `sockets` are borrowed, as many as the job has ports; `sent` is how many bytes of all that was ever
 * queued for the guest have gone, without what is still in the queue. */
struct datagrams;
struct datagrams *datagrams_new(const struct job *j, const int *sockets);
bool datagrams_room(const struct datagrams *d); /* for another one */
void datagrams_take(struct datagrams *d, size_t port, int64_t now_ms, uint64_t sent, struct buf *queue);
void datagrams_sent(struct datagrams *d, uint64_t sent);
/* From the guest. -EPROTO: the guest breaks the rules. */
int datagrams_give(struct datagrams *d, const struct frame *f, int64_t now_ms) must_check;

/* client.c: exec. Returns the exit status. */
int monitor_exec(void);

/* terminal.c */
void terminal_raw(int fd); /* until the process ends */
void terminal_restore(void);
bool terminal_size(int fd, uint8_t ret[4]); /* as in a WINDOW frame */

#endif
