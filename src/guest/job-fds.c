/* job-fds: a job and what goes with it on their way to the monitor. See job.h. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "guest/job.h"

union handed {
	struct cmsghdr head;
	char space[CMSG_SPACE((1 + JOB_FDS_MAX) * sizeof(int))];
};

int job_join_fds(int job, const int *with, size_t n, int *ret, struct err *e)
{
	union handed control = { 0 };
	size_t bytes = (1 + n) * sizeof(int);
	char one = 0;
	struct iovec v = { &one, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(bytes)
	};
	int pair[2], r;

	if (n > JOB_FDS_MAX)
		return err_set(e, -E2BIG, "more than %d descriptors", JOB_FDS_MAX);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, -errno, "job");
	control.head = (struct cmsghdr){ CMSG_LEN(bytes), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &job, sizeof(int));
	memcpy(CMSG_DATA(&control.head) + sizeof(int), with, n * sizeof(int));
	r = sendmsg(pair[0], &m, MSG_NOSIGNAL) < 0 ? err_errno(e, -errno, "job") : 0;
	close(pair[0]);
	if (r < 0)
		close(pair[1]);
	else
		*ret = pair[1];
	return r;
}

int job_take_fds(int fd, int *ret_job, int ret_with[JOB_FDS_MAX], size_t *ret_n, struct err *e)
{
	union handed control;
	char one;
	struct iovec v = { &one, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const struct cmsghdr *c = got < 0 ? NULL : CMSG_FIRSTHDR(&m);
	size_t bytes = c ? c->cmsg_len - CMSG_LEN(0) : 0;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || bytes < sizeof(int))
		return err_set(e, -EBADMSG, "job: no file came");
	*ret_n = bytes / sizeof(int) - 1;
	memcpy(ret_job, CMSG_DATA(c), sizeof(int));
	memcpy(ret_with, CMSG_DATA(c) + sizeof(int), *ret_n * sizeof(int));
	return 0;
}
