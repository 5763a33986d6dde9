/* client: exec, beside the container's process. See monitor.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/monitor/monitor.h"

static int complain(const struct err *e)
{
	dprintf(2, "%s\n", e->msg);
	return MONITOR_FAILED;
}

static void pass_signals(int signals, int control)
{
	struct signalfd_siginfo info;
	uint8_t bytes[4];

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		bytes[0] = (uint8_t)info.ssi_signo;
		if (info.ssi_signo != SIGWINCH)
			(void)!control_send(control, CONTROL_SIGNAL, str_n(bytes, 1), NULL);
		else if (terminal_size(0, bytes))
			(void)!control_send(control, CONTROL_WINDOW, str_n(bytes, 4), NULL);
	}
}

/* Until the monitor says how it ended. */
static int follow(int control, int signals)
{
	struct pollfd p[] = { { control, POLLIN, 0 }, { signals, POLLIN, 0 } };
	struct control c;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return MONITOR_FAILED;
		if (p[1].revents)
			pass_signals(signals, control);
		if (!p[0].revents)
			continue;
		/* The container is gone, and this process with it. */
		if (control_receive(control, &c) <= 0 || !c.payload.n)
			return 128 + SIGKILL;
		if (c.kind == CONTROL_FAILED)
			dprintf(2, STR_FMT "\n", STR_ARG(str_from(c.payload, 1)));
		return (uint8_t)c.payload.p[0];
	}
}

int monitor_exec(void)
{
	const int fds[CONTROL_FDS] = { 0, 1, 2, JOB_FD };
	uint8_t window[4];
	bool terminal = terminal_size(0, window);
	auto_close int control = -1, signals = -1;
	struct err e = { 0 };
	sigset_t all;
	int status;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	control = control_connect(CONTROL_PATH, 1, &e);
	if (control < 0)
		return complain(&e);
	if (signals < 0 || control_send(control, CONTROL_EXEC, str_n(window, terminal ? 4 : 0), fds) < 0) {
		err_errno(&e, -errno, "exec");
		return complain(&e);
	}
	if (terminal)
		terminal_raw(0);
	status = follow(control, signals);
	terminal_restore();
	return status;
}
