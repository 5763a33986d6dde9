/* runtime: yagura-run, asked as any engine would. Only engine/ includes this. */
#ifndef ENGINE_RUNTIME_H
#define ENGINE_RUNTIME_H

#include <sys/types.h>

#include "base/buf.h"

#define RUNTIME_ARGS_MAX 16
#define RUNTIME_OUTPUT_MAX (1u << 20)
#define RUNTIME_TIMEOUT_MS 60000

struct runtime_call {
	const char *tier; /* "ns", "uml", "vm": by which name it is called; NULL: "ns" */
	bool compat;
	uint64_t log_kept;  /* of a container that is made: bytes of its output that we keep; 0: none are read */
	const char *root;   /* where the runtime keeps its state; NULL: what people's containers have */
	const char *layers; /* where its writable layers lie; NULL: where the runtime has them */
	const char *args[RUNTIME_ARGS_MAX]; /* the command and what follows; NULL ends them */
	const int *fds;			    /* 0, 1, 2 of the program; NULL: nothing, *ret_output, its error text */
	int gate;			    /* its descriptor 3, for --start-fd; 0: none */
	struct buf *output;		    /* standard output, initialised; NULL: none wanted */
	bool forever;			    /* no time limit: it lasts as long as the container */
};
/* 0 when it ended with 0; otherwise its last line of error as message and -EIO, or *ret_status (may be NULL) with its
 * exit status. */
int runtime_call(const struct runtime_call *c, int *ret_status, struct err *e) must_check;
/* The same, with fds, but it is not waited for: see sandbox/run.h. */
int runtime_start(const struct runtime_call *c, pid_t *ret_pid, struct err *e) must_check;

#endif
