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

/* confine.c: seccomp for the machine (in the child, before its exec) and for the monitor, once it has all it needs. */
int confine_machine(enum machine kind, struct err *e) must_check;
int confine_monitor(struct err *e) must_check;

/* serve.c: the job, to its end. Returns the exit status. */
int monitor_serve(const struct job *j);

/* client.c: exec. Returns the exit status. */
int monitor_exec(void);

/* control.c: messages between the two, one datagram each: a kind byte and a payload. EXEC comes with four descriptors:
 * standard input, output, error, and the plan. */
enum control_kind {
	CONTROL_EXEC = 1, /* nothing, or with a terminal its size as in WINDOW */
	CONTROL_SIGNAL,	  /* u8 */
	CONTROL_WINDOW,	  /* le16 rows, le16 columns */
	CONTROL_ENDED,	  /* u8 exit status */
	CONTROL_FAILED,	  /* u8 exit status, text */
};
#define CONTROL_BYTES_MAX 512
#define CONTROL_FDS 4
struct control {
	enum control_kind kind;
	struct str payload;   /* into bytes */
	int fds[CONTROL_FDS]; /* -1: not there; the receiver's to close */
	char bytes[CONTROL_BYTES_MAX];
};
int control_listen(struct err *e) must_check;
int control_connect(struct err *e) must_check; /* to the first process of the PID namespace and nobody else */
int control_send(int fd, enum control_kind kind, struct str payload, const int *fds) must_check; /* fds: NULL or four */
int control_receive(int fd, struct control *ret) must_check; /* 1, 0 at the end, -EAGAIN, negative errno */

/* terminal.c */
void terminal_raw(int fd); /* until the process ends */
void terminal_restore(void);
bool terminal_size(int fd, uint8_t ret[4]); /* as in a WINDOW frame */

#endif
