/* attend: a container made and looked after. See attend.h. */
#include "engine/attend.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "sandbox/detach.h"

/* Nobody of its PID namespace lives on; a descriptor that was handed elsewhere must not hold us. */
#define DRAIN_MS 200

void attend_init(struct attended *a)
{
	*a = (struct attended){ .log.fd = -1, .ends = { { -1, -1 }, { -1, -1 } } };
}

void attend_done(struct attended *a)
{
	for (size_t i = 0; i < 4; i++)
		if (a->ends[i / 2][i % 2] >= 0)
			fd_close(&a->ends[i / 2][i % 2]);
	box_log_close(&a->log);
}

static uint64_t now_us(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- made ---- */

int attend_read_pid(struct attended *a, int bundle_fd, struct err *e)
{
	auto_buf struct buf text = { 0 };
	uint32_t pid;

	if (file_read(bundle_fd, "pid", 16, &text, NULL) < 0 || !num_u32(buf_all(&text), &pid) || !pid ||
	    pid > INT32_MAX)
		return err_set(e, -EIO, "the runtime did not say which process it started");
	a->pid = (pid_t)pid;
	return 0;
}

/* What a failed create has said on the container's standard error. */
static int creation_error(struct attended *a, struct err *e)
{
	char text[ERR_MSG_MAX];
	ssize_t n;
	struct str all;

	fcntl(a->ends[1][0], F_SETFL, O_NONBLOCK);
	n = read(a->ends[1][0], text, sizeof(text));
	all = str_trim(str_n(text, n < 0 ? 0 : (size_t)n));
	return err_set(e, -EIO, STR_FMT,
		       STR_ARG(all.n ? str_from(all, (size_t)(str_rfind(all, '\n') + 1)) : STR("the runtime failed")));
}

int attend_create(struct attended *a, const struct attend_container *c, struct err *e)
{
	char pid_file[PATH_MAX];
	struct runtime_call call = c->call;
	int fds[3] = { c->input, -1, -1 };
	int status, r = 0;

	for (size_t i = 0; i < 2 && r == 0; i++) {
		r = pipe2(a->ends[i], O_CLOEXEC) < 0 ? err_errno(e, -errno, "cannot make a pipe") : 0;
		fds[i + 1] = a->ends[i][1];
	}
	if (r == 0 && snprintf(pid_file, sizeof(pid_file), "%s/pid", c->bundle) >= (int)sizeof(pid_file))
		r = err_errno(e, -ENAMETOOLONG, "%s", c->bundle);
	r = r < 0 ? r : adopt_orphans(e);
	if (r < 0)
		return r;
	memcpy(call.args, (const char *[]){ "create", "--bundle", c->bundle, "--pid-file", pid_file, c->id, NULL },
	       7 * sizeof(call.args[0]));
	call.fds = fds;
	r = runtime_call(&call, &status, e);
	if (r == 0 && status)
		r = creation_error(a, e);
	a->created = r == 0;
	return r < 0 ? r : attend_read_pid(a, c->bundle_fd, e);
}

/* ---- looked after ---- */

static void pass_on(struct attended *a, size_t which, bool show)
{
	char piece[LOG_PIECE_MAX / 4];
	ssize_t n = read(a->ends[which][0], piece, sizeof(piece));

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			fd_close(&a->ends[which][0]);
		return;
	}
	box_log_add(&a->log, now_us(), which == 1, str_n(piece, (size_t)n));
	/* A terminal that is gone does not stop the container. */
	if (show && fd_write(which ? STDERR_FILENO : STDOUT_FILENO, piece, (size_t)n) < 0)
		return;
}

static void take_signal(struct attend_watch *w, int pidfd)
{
	struct signalfd_siginfo info;

	if (read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		w->signalled(w, (int)info.ssi_signo, pidfd);
}

static int wait_ms(const struct attend_watch *w, bool ended)
{
	uint64_t now = clock_ms();

	if (ended)
		return DRAIN_MS;
	return !w->late_ms ? -1 : w->late_ms > now ? (int)(w->late_ms - now) : 0;
}

/* False when it has ended and nothing more comes. */
static bool turn(struct attended *a, struct attend_watch *w, int pidfd, bool *ended)
{
	struct pollfd p[4] = { { a->ends[0][0], POLLIN, 0 },
			       { a->ends[1][0], POLLIN, 0 },
			       { *ended ? -1 : pidfd, POLLIN, 0 },
			       { *ended ? -1 : w->signals, POLLIN, 0 } };
	int n = poll(p, ARRAY_LEN(p), wait_ms(w, *ended));

	if (n == 0 && *ended)
		return false;
	if (n == 0)
		w->late(w);
	for (size_t i = 0; n > 0 && i < 2; i++)
		if (p[i].revents)
			pass_on(a, i, w->show);
	if (n > 0 && p[3].revents)
		take_signal(w, pidfd);
	if (n > 0 && p[2].revents)
		*ended = true;
	return true;
}

void attend(struct attended *a, struct attend_watch *w)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, a->pid, 0);
	bool ended = pidfd < 0;

	for (size_t i = 0; i < 2; i++)
		fd_close(&a->ends[i][1]);
	while (!ended || a->ends[0][0] >= 0 || a->ends[1][0] >= 0)
		if (!turn(a, w, pidfd, &ended))
			break;
}
