/* machine: User-Mode Linux or QEMU as a child. See monitor.h. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/monitor/monitor.h"

#define PARK 16 /* descriptors are moved out of the way of those they are to become */

static _Noreturn void fail(const char *what)
{
	/* Descriptor 2 is the console, whose last line the monitor shows. */
	dprintf(2, "yagura-monitor: %s: %s\n", what, strerror(errno));
	_exit(127);
}

/* The machine's ends of everything. */
struct ends {
	int in, out, console;
};

static _Noreturn void become(const struct job *j, const struct ends *given)
{
	struct ends e = { fcntl(given->in, F_DUPFD_CLOEXEC, PARK), fcntl(given->out, F_DUPFD_CLOEXEC, PARK),
			  fcntl(given->console, F_DUPFD_CLOEXEC, PARK) };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;
	struct err why = { 0 };

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(e.console, 2) < 0 || dup2(e.console, 1) < 0 || dup2(null, 0) < 0 || dup2(e.in, MACHINE_IN_FD) < 0 ||
	    dup2(e.out, MACHINE_OUT_FD) < 0)
		_exit(127);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setsid() < 0 ||
	    syscall(SYS_close_range, MACHINE_OUT_FD + 1u, ~0u, 4u) < 0)
		fail("machine");
	if (confine_machine(j->machine, &why) < 0) {
		dprintf(2, "yagura-monitor: %s\n", why.msg);
		_exit(127);
	}
	execve(j->args.v[0], (char *const *)(uintptr_t)j->args.v, (char *const *)(uintptr_t)j->env.v);
	fail(j->args.v[0]);
}

static int both_ways(int ours[2], int theirs[2])
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours[0] = pair[0];
	ours[1] = fcntl(pair[0], F_DUPFD_CLOEXEC, 3);
	theirs[0] = pair[1];
	theirs[1] = fcntl(pair[1], F_DUPFD_CLOEXEC, 3);
	return ours[1] < 0 || theirs[1] < 0 ? -errno : 0;
}

/* User-Mode Linux loses an event now and then where one descriptor is for both directions. */
static int one_way_each(int ours[2], int theirs[2])
{
	int in[2], out[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) < 0)
		return -errno;
	ours[0] = out[0];
	theirs[1] = out[1];
	ours[1] = in[0];
	theirs[0] = in[1];
	return 0;
}

int machine_start(const struct job *j, struct machine_process *ret, struct err *e)
{
	int ours[2] = { -1, -1 }, theirs[2] = { -1, -1 }, console[2] = { -1, -1 };
	int r = j->machine == MACHINE_UML ? one_way_each(ours, theirs) : both_ways(ours, theirs);
	struct ends ends;
	pid_t pid;

	if (r < 0 || pipe2(console, O_CLOEXEC) < 0)
		return err_errno(e, r < 0 ? r : -errno, "channel");
	ends = (struct ends){ theirs[0], theirs[1], console[1] };
	pid = fork();
	if (pid == 0)
		become(j, &ends);
	fd_close(&theirs[0]);
	fd_close(&theirs[1]);
	fd_close(&console[1]);
	if (pid < 0 || fcntl(ours[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(ours[1], F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(console[0], F_SETFL, O_NONBLOCK) < 0)
		return err_errno(e, -errno, "machine");
	*ret = (struct machine_process){ pid, ours[0], ours[1], console[0] };
	return 0;
}
