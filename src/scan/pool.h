/* pool: the confined workers of one scan, all of one role, and their answers.
 *
 * Workers ask for work (PROTO_NEXT) and are given it by pool_send(); their answers are put together from pieces, and
 * each is bounded by PROTO_ANSWER_MAX. A worker is bounded in memory and processor time, confined by pool_confine(). */
#ifndef SCAN_POOL_H
#define SCAN_POOL_H

#include "scan/proto.h"

#define POOL_WORKERS_MAX 32
#define POOL_MEMORY_MAX (3ull << 30) /* bytes of address space of one worker */
#define POOL_CPU_SECONDS_MAX 7200    /* of one worker: far above the largest image, far below for ever */

struct pool {
	struct worker worker[POOL_WORKERS_MAX];
	struct proto_in in[POOL_WORKERS_MAX];
	size_t n, running, last;
	struct msg *msg;
};

/* At most POOL_WORKERS_MAX are started; on failure none runs, else pool_stop() ends them. */
int pool_start(struct pool *p, size_t workers, const char *role, struct err *e) must_check;

/* The next whole answer of any worker: 1, *ret_worker, *ret_kind and *ret (valid until the next call); 0 when all
 * workers have ended by themselves. A worker that fails or dies is an error that says why. PROTO_FAILED is handled
 * here. After a failure *ret_worker tells which one it was, so that the caller can say what it was reading. */
int pool_answer(struct pool *p, size_t *ret_worker, uint8_t *ret_kind, struct str *ret, struct err *e) must_check;

/* One message to a worker that asked for it. That it has died meanwhile is told by the next pool_answer(). */
int pool_send(struct pool *p, size_t worker, enum proto_kind kind, struct str payload, const int *fds, size_t fd_count,
	      struct err *e) must_check;

/* Ends all workers, however far they are. */
void pool_stop(struct pool *p);

/* In the worker: confines the process for the role, or says why not to the parent and ends it. `network`, `file_bytes`:
 * worker.h. */
int pool_confine(bool network, uint64_t file_bytes, struct err *e) must_check;

/* How many workers suit this machine: the processors this process may use, at most `jobs`. */
size_t pool_size(size_t jobs);

#endif
