/* pool: the confined workers of one scan. See pool.h. */
#include "scan/pool.h"

#include <sched.h>

#include "base/mem.h"

int pool_start(struct pool *p, size_t workers, const char *role, struct err *e)
{
	*p = (struct pool){ 0 };
	p->msg = xmalloc(sizeof(*p->msg));
	p->msg->fd_count = 0;
	for (size_t i = 0; i < workers && i < POOL_WORKERS_MAX; i++) {
		int r = worker_spawn(&p->worker[i], role, NULL, e);

		if (r < 0) {
			pool_stop(p);
			return r;
		}
		proto_in_init(&p->in[i]);
		p->n++;
		p->running++;
	}
	return 0;
}

void pool_stop(struct pool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		worker_kill(&p->worker[i], NULL);
		proto_in_done(&p->in[i]);
	}
	p->n = p->running = 0;
	free(take_ptr(p->msg));
}

static int worker_gone(struct pool *p, size_t i, struct err *e)
{
	p->running--;
	return worker_end(&p->worker[i], e);
}

int pool_answer(struct pool *p, size_t *ret_worker, uint8_t *ret_kind, struct str *ret, struct err *e)
{
	while (p->running) {
		int fds[POOL_WORKERS_MAX];
		size_t i;
		int r;

		for (i = 0; i < p->n; i++)
			fds[i] = p->worker[i].fd;
		i = msg_wait(fds, p->n, p->last, -1);
		if (i == p->n)
			continue;
		p->last = *ret_worker = i;
		r = msg_recv(p->worker[i].fd, p->msg);
		if (r < 0)
			return err_errno(e, r, "worker");
		if (r == 0) {
			r = worker_gone(p, i, e);
			if (r < 0)
				return r;
			continue;
		}
		msg_done(p->msg); /* a worker has no descriptors to give */
		r = proto_take(&p->in[i], p->msg, ret_kind, ret);
		if (r < 0)
			return err_set(e, r, "a worker's answer is damaged");
		if (r == 0)
			continue;
		if (*ret_kind == PROTO_FAILED)
			return err_set(e, -EIO, STR_FMT, STR_ARG(*ret));
		return 1;
	}
	return 0;
}

int pool_send(struct pool *p, size_t worker, enum proto_kind kind, struct str payload, const int *fds, size_t fd_count,
	      struct err *e)
{
	int r = msg_send(p->worker[worker].fd, (uint8_t)kind, payload, fds, fd_count);

	/* Of a worker that died just now pool_answer() knows more. */
	return r < 0 && r != -EPIPE ? err_errno(e, r, "worker") : 0;
}

int pool_confine(bool network, uint64_t file_bytes, struct err *e)
{
	struct confine c = {
		.layers = CONFINE_ALL,
		.memory_bytes = POOL_MEMORY_MAX,
		.cpu_seconds = POOL_CPU_SECONDS_MAX,
		.file_bytes = file_bytes,
		.network = network,
	};
	int r = worker_confine(&c, e);

	/* Without Landlock the system call filter still leaves no way to a file. */
	return r == -ENOTSUP ? 0 : r;
}

size_t pool_size(size_t jobs)
{
	cpu_set_t set;
	size_t n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = (size_t)CPU_COUNT(&set);
	if (n > POOL_WORKERS_MAX)
		n = POOL_WORKERS_MAX;
	return n < jobs ? n : jobs ? jobs : 1;
}
