/* container: who watches what it is refused. See container-part.h, watch.h. */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "runtime/container-part.h"
#include "runtime/record.h"

#define FAILED_START_MS 1000

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

static int taken(void *arg, int listener, struct err *e)
{
	struct container_watch *w = arg;
	pid_t pid;

	if (w->own)
		return watcher_take(w->own, listener, w->original, w->state_fd, e);
	return watch_start(listener, w->original, w->state_fd, &pid, e);
}

/* Between the filter and the program stage 2 makes calls that may be refused. */
static void answer(void *arg, int until)
{
	struct watcher *own = ((struct container_watch *)arg)->own;

	while (own && own->listener >= 0) {
		struct pollfd p[2] = { { until, POLLIN, 0 }, { own->listener, POLLIN, 0 } };

		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents && watcher_turn(own) <= 0)
			watcher_done(own);
		if (p[0].revents)
			return;
	}
}

struct launch_watch container_watch_by(struct container_watch *w, struct recorder *record)
{
	return record ? (struct launch_watch){ .taken = recorder_taken, .arg = record }
		      : (struct launch_watch){ .taken = taken, .answer = answer, .arg = w };
}

/* It goes on to say that it runs for a moment: whoever is told that it did not start must find it stopped. */
static void see_it_end(int pidfd)
{
	struct pollfd p = { pidfd, POLLIN, 0 };

	(void)poll(&p, 1, FAILED_START_MS);
}

int container_start_process(struct container *c, struct err *e)
{
	auto_buf struct buf original = { 0 };
	auto_close int pidfd = state_pidfd(&c->state);
	struct container_watch w = { .state_fd = c->dir_fd };
	const struct launch_watch watch = container_watch_by(&w, NULL);
	int r = pidfd < 0 ? err_errno(e, pidfd, "process %d of container \"%s\"", c->state.pid, c->state.id) : 0;

	if (r >= 0)
		r = watched(c, &original, e);
	w.original = buf_all(&original);
	if (r < 0)
		return r;
	r = launch_start(c->dir_fd, pidfd, &watch, e);
	if (r < 0)
		see_it_end(pidfd);
	return r;
}

int container_start_over(int connection, int pidfd, struct container_watch *w, struct recorder *record, struct err *e)
{
	const struct launch_watch watch = container_watch_by(w, record);

	return launch_go(connection, pidfd, &watch, e);
}
