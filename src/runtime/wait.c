/* wait: children that have ended. See wait.h. */
#include "runtime/wait.h"

#include <sys/wait.h>

int wait_reap(pid_t pid)
{
	int status, ret = -1;

	for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;)
		if (ended == pid)
			ret = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return ret;
}
