/* container: who watches what it is refused. See container-part.h, watch.h. */
#include <fcntl.h>
#include <unistd.h>

#include "runtime/container-part.h"
#include "runtime/record.h"

int container_watch_program(struct container *c, struct seccomp_program *p, struct buf *original, bool keep,
			    struct err *e)
{
	if (c->state.compat || !watch_program(p, original))
		return 0;
	return keep ? file_write(c->dir_fd, CONTAINER_FILTER, buf_all(original), false, e) : 0;
}

static int watched(struct container *c, struct buf *ret, struct err *e)
{
	auto_close int fd = fd_open(c->dir_fd, CONTAINER_FILTER, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	int r;

	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? err_errno(e, fd, CONTAINER_FILTER)
		   : fd_read_all(fd, SECCOMP_INSNS_MAX * sizeof(struct sock_filter), ret, e);
	return r < 0 ? err_wrap(e, r, "container \"%s\"", c->state.id) : filter_check(buf_all(ret), e);
}

int container_watch(void *arg, int listener, struct err *e)
{
	struct container_watch *w = arg;
	pid_t pid;

	return watch_start(listener, w->original, w->state_fd, &pid, e);
}

int container_start_process(struct container *c, struct recorder *record, struct err *e)
{
	auto_buf struct buf original = { 0 };
	auto_close int pidfd = state_pidfd(&c->state);
	struct container_watch w = { .state_fd = c->dir_fd };
	struct launch_watch watch = { container_watch, &w };
	int r = pidfd < 0 ? err_errno(e, pidfd, "process %d of container \"%s\"", c->state.pid, c->state.id) : 0;

	if (r >= 0 && !record)
		r = watched(c, &original, e);
	if (r < 0)
		return r;
	w.original = buf_all(&original);
	if (record)
		watch = (struct launch_watch){ recorder_taken, record };
	return launch_start(c->dir_fd, pidfd, &watch, e);
}
