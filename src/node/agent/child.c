/* child: a process of the agent's. See child.h. */
#include "node/agent/child.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"

/* The agent's own descriptors are none of ours: its socket must end with it. */
static void close_others(int words, const int *kept, size_t n)
{
	int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		uint32_t v;
		bool keep = !num_u32(str_c(d->d_name), &v) || v <= STDERR_FILENO || (int)v == fd || (int)v == words;

		for (size_t i = 0; i < n && !keep; i++)
			keep = (int)v == kept[i];
		if (!keep)
			close((int)v);
	}
	if (dir)
		closedir(dir);
}

pid_t child_fork(const int *kept, size_t n, int *ret_fd, struct err *e)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot make a pipe");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close_others(ends[1], kept, n);
		*ret_fd = ends[1];
		return 0;
	}
	close(ends[1]);
	if (pid < 0) {
		int code = -errno;

		close(ends[0]);
		return err_errno(e, code, "cannot start a process");
	}
	*ret_fd = ends[0];
	return pid;
}

void child_end(pid_t pid, int *fd)
{
	fd_close(fd);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
