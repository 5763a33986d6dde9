/* run-front: between a process of a container and its own caller. See run-front.h. */
#include "cmd/run-front.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/wait.h"

#define RELAY_BYTES 4096
#define SIGNALS_AT_ONCE 8

/* Ours to handle the usual way: faults, and the shell's job control of this program. */
static const int not_held[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGTSTP, SIGTTIN, SIGTTOU };

int front_begin(struct front *f, struct err *e)
{
	sigset_t held;

	sigfillset(&held);
	for (size_t i = 0; i < ARRAY_LEN(not_held); i++)
		sigdelset(&held, not_held[i]);
	if (sigprocmask(SIG_SETMASK, &held, NULL) < 0)
		return err_errno(e, -errno, "signals");
	f->signals = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
	return f->signals < 0 ? err_errno(e, -errno, "signals") : 0;
}

int front_console(struct front *f, struct err *e)
{
	int r;

	if (f->socket < 0)
		return 0;
	r = console_receive(f->socket, &f->terminal, e);
	fd_close(&f->socket);
	if (r < 0)
		return r;
	fcntl(f->terminal, F_SETFL, O_NONBLOCK);
	console_resize(f->terminal);
	console_raw(&f->mode); /* what is no terminal is relayed as it is */
	return 0;
}

/* ---- signals ---- */

struct watch {
	struct front *f;
	const struct launched *process;
	int status; /* -1: it runs */
	bool input; /* standard input is not at its end */
	char pending[RELAY_BYTES];
	size_t pending_n;
};

static void on_signal(struct watch *w, const struct signalfd_siginfo *s)
{
	if (s->ssi_signo == SIGCHLD) {
		int status = wait_reap(w->process->pid);

		if (status >= 0)
			w->status = status;
	} else if (s->ssi_signo == SIGWINCH && w->f->terminal >= 0) {
		console_resize(w->f->terminal);
	} else if (s->ssi_signo != SIGPIPE) {
		(void)syscall(SYS_pidfd_send_signal, w->process->pidfd, s->ssi_signo, NULL, 0);
	}
}

static void read_signals(struct watch *w)
{
	struct signalfd_siginfo some[SIGNALS_AT_ONCE];
	ssize_t n = read(w->f->signals, some, sizeof(some));

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(*some); i++)
		on_signal(w, &some[i]);
}

/* ---- the terminal ---- */

static void to_terminal(struct watch *w)
{
	ssize_t n = write(w->f->terminal, w->pending, w->pending_n);

	if (n <= 0)
		return;
	w->pending_n -= (size_t)n;
	memmove(w->pending, w->pending + n, w->pending_n);
}

static void from_input(struct watch *w)
{
	ssize_t n = read(STDIN_FILENO, w->pending, sizeof(w->pending));

	if (n > 0)
		w->pending_n = (size_t)n;
	else if (n == 0 || errno != EINTR)
		w->input = false;
}

/* False when nothing more comes. */
static bool from_terminal(struct watch *w)
{
	char some[RELAY_BYTES];
	ssize_t n = read(w->f->terminal, some, sizeof(some));

	if (n > 0)
		return fd_write(STDOUT_FILENO, some, (size_t)n) >= 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	fd_close(&w->f->terminal);
	return false;
}

/* What was said last, without waiting for processes that still have the terminal open. */
static void drain(struct watch *w)
{
	struct pollfd p = { w->f->terminal, POLLIN, 0 };

	while (w->f->terminal >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN) && from_terminal(w))
		;
}

static int turn(struct watch *w)
{
	struct front *f = w->f;
	struct pollfd p[4] = {
		{ f->signals, POLLIN, 0 },
		{ f->terminal, w->pending_n ? POLLIN | POLLOUT : POLLIN, 0 },
		{ f->terminal >= 0 && w->input && !w->pending_n ? STDIN_FILENO : -1, POLLIN, 0 },
		{ f->watch.listener, POLLIN, 0 },
	};

	if (poll(p, ARRAY_LEN(p), -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[1].revents & POLLOUT)
		to_terminal(w);
	if (p[1].revents & ~POLLOUT)
		from_terminal(w);
	if (p[2].revents)
		from_input(w);
	if (p[3].revents && watcher_turn(&f->watch) <= 0)
		watcher_done(&f->watch);
	if (p[0].revents)
		read_signals(w);
	return 0;
}

int front_wait(struct front *f, const struct launched *process, struct err *e)
{
	struct watch w = { .f = f, .process = process, .status = -1, .input = true };
	int r = 0;

	while (r >= 0 && w.status < 0)
		r = turn(&w);
	if (r < 0)
		return err_errno(e, r, "cannot wait for process %d", process->pid);
	drain(&w);
	return w.status;
}

void front_end(struct front *f)
{
	console_restore(&f->mode);
	fd_close(&f->socket);
	fd_close(&f->terminal);
	fd_close(&f->signals);
	watcher_done(&f->watch);
}
