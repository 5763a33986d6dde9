/* layers: layers read by confined workers (collect.h), the largest first, as many at a time as there are processors.
 *
 * The parent opens, the workers read. What comes back is foreign: it is checked, and gathered into a record a layer. A
 * layer that left wishes behind its stream is given again, to the same worker, for a further pass. */
#ifndef SCAN_LAYERS_H
#define SCAN_LAYERS_H

#include "base/progress.h"
#include "scan/proto.h"
#include "scan/record.h"

/* One layer to read. */
struct layer_task {
	uint64_t size_bytes; /* of the blob, for the order and for progress; 0 unknown */
	uint64_t analyzers;
	struct str names; /* names_bytes(), borrowed; "" none */
	uint32_t number;  /* of the layer in its image, as everywhere, from 0: for messages */
	/* The result. */
	struct record record; /* sealed when the layer was read */
	struct layer_end end; /* message lives in end_message */
	char end_message[ERR_MSG_MAX];
	/* Inside. */
	size_t worker;
	bool given, done, anew;
	uint64_t read_bytes;
};

/* Opens the bytes of a layer, again for each pass: a descriptor, and where in it. The descriptor is closed here.
 * `ended` (may be NULL) is called when a pass is over, however it went. 0: that is all; 1: the bytes could not be had
 * then but can be now: the layer is read anew, once; negative: there is no use in going on. The errors of both name the
 * layer. */
struct layer_opener {
	void *ctx;
	int (*open)(void *ctx, size_t task, bool *ret_positioned, uint64_t *ret_offset, uint64_t *ret_size,
		    struct err *e);
	int (*ended)(void *ctx, size_t task, struct err *e);
};

/* Reads all of them. 0 also when single layers failed: their end.status says so. A negative return means that workers
 * could not do their work, or that `ended` put a stop to it; tasks that are `done` have their results all the same.
 * Records are initialised here and belong to the caller in any case (record_done). */
int layers_run(struct layer_task *tasks, size_t n, const struct layer_opener *opener, const struct progress *progress,
	       struct err *e) must_check;

#endif
