/* detach: in the background. See detach.h. */
#include "sandbox/detach.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

int detach(int *ret_fd, struct err *e)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, -errno, "cannot go on in the background");
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		close(pair[0]);
		close(pair[1]);
		return err_errno(e, r, "cannot go on in the background");
	}
	close(pair[pid ? 1 : 0]);
	*ret_fd = pair[pid ? 0 : 1];
	if (pid)
		return 1;
	setsid();
	signal(SIGHUP, SIG_IGN);
	return 0;
}

void detach_say(int fd, int result, const char *message)
{
	auto_close int nothing = fd_open(AT_FDCWD, "/dev/null", O_RDWR);
	struct err e = { .code = result };

	snprintf(e.msg, sizeof(e.msg), "%s", message);
	if (send(fd, &e, sizeof(e), MSG_NOSIGNAL) < 0)
		return; /* nobody waits any more */
	for (int i = 0; i < 3 && nothing >= 0; i++)
		dup2(nothing, i);
}

int detach_hear(int fd, struct err *e)
{
	struct err said;
	ssize_t n;

	do
		n = recv(fd, &said, sizeof(said), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(said))
		return err_set(e, -EIO, "the process in the background ended without a word");
	said.msg[sizeof(said.msg) - 1] = 0;
	return said.code < 0 ? err_set(e, said.code, "%s", said.msg) : 0;
}

int adopt_orphans(struct err *e)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? err_errno(e, -errno, "cannot look after processes") : 0;
}

int child_status(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
