/* why: what was refused to a container, from all that knows: its watcher (runtime/denials.h), the kernel's counters of
 * its control groups, the file systems it may write to. Nothing is asked of the container itself. */
#ifndef RUNTIME_WHY_H
#define RUNTIME_WHY_H

#include "runtime/container.h"
#include "runtime/denials.h"

/* A limit that was met. */
struct why_limit {
	const char *what;    /* "processes" */
	const char *meaning; /* "fork refused" */
	const char *knob;    /* where the kernel says so: "pids.events max" */
	uint64_t count;
};
/* A place that is full now. */
struct why_full {
	const char *path; /* inside the container */
	bool bytes, inodes;
};
struct why {
	bool watched; /* system calls are counted: not with --compat, nor with an agent of the profile's own */
	struct denial *calls;
	size_t call_count;
	struct why_limit *limits;
	size_t limit_count;
	struct why_full *full; /* of a running container */
	size_t full_count;
};

/* Everything lies in the container's arena. */
int why_collect(struct container *c, struct why *ret, struct err *e) must_check;

#endif
