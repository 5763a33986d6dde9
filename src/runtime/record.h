/* record: what system calls a container really makes, as the smallest profile that lets it make them.
 *
 * Every call that the strict rules leave is a notification; a process of ours counts it and lets it go
 * on. What comes before the program's own execve is stage 2's and does not count. Arguments are not recorded: what is
 * narrow about them is in the strict rules. */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include "base/json.h"
#include "runtime/watch.h"

struct recorder {
	uint32_t *calls; /* WATCH_CALLS, shared with the process */
	pid_t pid;	 /* 0: none yet */
};
int recorder_init(struct recorder *r, struct err *e) must_check;
void recorder_done(struct recorder *r);

/* The program that records: to be loaded in place of a profile's, its listener to recorder_taken() (launch_watch). */
int recorder_program(bool strict, struct seccomp_program *ret, struct err *e) must_check;
int recorder_taken(void *arg, int listener, struct err *e);
/* Waits until the last process it listened to has ended. -ENODATA when nothing was recorded. */
int recorder_finish(struct recorder *r, struct err *e) must_check;

/* linux.seccomp as JSON: names in order, with what stage 2 needs. */
void recorder_profile(const uint32_t calls[WATCH_CALLS], struct json_out *j);

#endif
