/* run: another program, run to its end. See run.h. */
#include "sandbox/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define FD_PARK 64 /* descriptors are first moved out of the way of those they are to become */

static _Noreturn void child_fail(int report_fd)
{
	int why = errno;

	(void)!write(report_fd, &why, sizeof(why));
	_exit(127);
}

/* Tries the directories of RUN_PATH in turn; errno says why none would do. execvpe() is of no use: it looks in the
 * caller's PATH. */
static void child_exec(const char *const *argv)
{
	static const char *const environment[] = { "PATH=" RUN_PATH, "LC_ALL=C", NULL };
	char path[256];

	if (strchr(argv[0], '/')) {
		execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
		return;
	}
	for (struct str rest = STR(RUN_PATH), dir; str_cut(&rest, ':', &dir);) {
		snprintf(path, sizeof(path), STR_FMT "/%s", STR_ARG(dir), argv[0]);
		execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
		if (errno != ENOENT)
			return;
	}
}

/* Between fork and exec: system calls only. `nothing` is an open /dev/null. */
static _Noreturn void child_run(const struct run *r, int report_fd, int nothing, pid_t parent)
{
	size_t n = r->fd_count < 3 ? 3 : r->fd_count;
	int parked[RUN_FDS_MAX];
	sigset_t none;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		child_fail(report_fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	report_fd = fcntl(report_fd, F_DUPFD_CLOEXEC, FD_PARK);
	for (size_t i = 0; i < n; i++) {
		parked[i] = fcntl(i < r->fd_count && r->fds[i] >= 0 ? r->fds[i] : nothing, F_DUPFD_CLOEXEC, FD_PARK);
		if (parked[i] < 0)
			child_fail(report_fd);
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(parked[i], (int)i) < 0)
			child_fail(report_fd);
	/* Everything above was opened close-on-exec; what a library left open is not. */
	syscall(SYS_close_range, (unsigned int)n, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
	child_exec(r->argv);
	child_fail(report_fd);
}

/* False: its time is over. */
static bool ends_in_time(int pidfd, const struct run *r)
{
	uint64_t end = r->timeout_ms ? clock_ms() + r->timeout_ms : UINT64_MAX, now;
	struct pollfd p = { pidfd, POLLIN, 0 };

	while ((now = clock_ms()) < end) {
		uint64_t wait = end - now;

		if (r->tick && wait > RUN_TICK_MS)
			wait = RUN_TICK_MS;
		if (poll(&p, 1, wait > INT32_MAX ? INT32_MAX : (int)wait) > 0)
			return true;
		if (r->tick)
			r->tick(r->arg);
	}
	return false;
}

static int reap(pid_t pid, int *ret_status)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

/* Waits for the end of the program, kills it when its time is over. */
static int wait_end(pid_t pid, const struct run *r, int *ret_status)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool late = (r->timeout_ms || r->tick) && pidfd >= 0 && !ends_in_time(pidfd, r);
	int result;

	if (late)
		kill(pid, SIGKILL);
	result = reap(pid, ret_status);
	return late && result == 0 ? -ETIMEDOUT : result;
}

int run_start(const struct run *r, pid_t *ret_pid, struct err *e)
{
	auto_close int nothing = fd_open(AT_FDCWD, "/dev/null", O_RDWR);
	int report[2] = { -1, -1 };
	pid_t parent = getpid(), pid;
	int why = 0, result;

	if (r->fd_count > RUN_FDS_MAX)
		return err_set(e, -E2BIG, "%s: more than %d descriptors", r->argv[0], RUN_FDS_MAX);
	if (nothing < 0 || pipe2(report, O_CLOEXEC) < 0)
		return err_errno(e, nothing < 0 ? nothing : -errno, "cannot run %s", r->argv[0]);
	pid = fork();
	if (pid == 0)
		child_run(r, report[1], nothing, parent);
	result = pid < 0 ? -errno : 0;
	fd_close(&report[1]);
	if (pid > 0 && fd_read(report[0], &why, sizeof(why)) == (ssize_t)sizeof(why))
		result = -why;
	fd_close(&report[0]);
	if (pid > 0 && result < 0)
		run_stop(pid);
	if (result == -ENOENT)
		return err_set(e, result, "%s is not installed", r->argv[0]);
	if (result < 0)
		return err_errno(e, result, "cannot run %s", r->argv[0]);
	*ret_pid = pid;
	return 0;
}

bool run_ended(pid_t pid, int *ret_status)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != pid)
		return false;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

int run_wait(pid_t pid, int *ret_status)
{
	return reap(pid, ret_status);
}

void run_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int run_program(const struct run *r, int *ret_status, struct err *e)
{
	int status = 0, result;
	pid_t pid;

	result = run_start(r, &pid, e);
	if (result < 0)
		return result;
	result = wait_end(pid, r, &status);
	if (result == -ETIMEDOUT)
		return err_set(e, result, "%s did not end within %u ms", r->argv[0], r->timeout_ms);
	if (result < 0)
		return err_errno(e, result, "cannot run %s", r->argv[0]);
	*ret_status = status;
	return 0;
}
