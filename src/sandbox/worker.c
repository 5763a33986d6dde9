/* worker: spawning and talking. See worker.h; the fences are in confine.c. */
#include "sandbox/worker.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define WAIT_SOCKETS_MAX 64

/* The child's descriptors: dup2 gives copies without close-on-exec; everything else we open is close-on-exec. */
static int child_descriptors(posix_spawn_file_actions_t *actions, int socket)
{
	int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);

	r = r ? r : posix_spawn_file_actions_adddup2(actions, STDIN_FILENO, STDOUT_FILENO);
	r = r ? r : posix_spawn_file_actions_adddup2(actions, socket, WORKER_SOCKET_FD);
	/* Whatever the caller of this program left open must not reach the worker. */
	return r ? r : posix_spawn_file_actions_addclosefrom_np(actions, WORKER_SOCKET_FD + 1);
}

static int spawn_self(pid_t *ret, const char *role, const char *const *env, int socket)
{
	static const char *const no_env[] = { NULL };
	const char *const argv[] = { "yagura", WORKER_ARG, role, NULL };
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = child_descriptors(&actions, socket);
	if (!r)
		r = posix_spawn(ret, "/proc/self/exe", &actions, NULL, (char *const *)(uintptr_t)argv,
				(char *const *)(uintptr_t)(env ? env : no_env));
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int worker_spawn(struct worker *ret, const char *role, const char *const *env, struct err *e)
{
	auto_close int ours = -1;
	auto_close int theirs = -1;
	int pair[2];
	pid_t pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, -errno, "cannot make a socket for a worker");
	ours = pair[0];
	theirs = pair[1];
	if (theirs == WORKER_SOCKET_FD) {
		/* dup2 onto itself would keep close-on-exec. */
		theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, WORKER_SOCKET_FD + 1);
		close(pair[1]);
	}
	r = spawn_self(&pid, role, env, theirs);
	if (r < 0)
		return err_errno(e, r, "cannot start a worker");
	*ret = (struct worker){ .pid = pid, .fd = take_fd(&ours) };
	return 0;
}

int worker_end(struct worker *w, struct err *e)
{
	pid_t pid = w->pid;
	int status = 0;

	fd_close(&w->fd);
	if (!pid)
		return 0;
	w->pid = 0;
	/* A worker ends when its socket does; one that hangs is past its CPU limit before long. */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(e, -errno, "cannot wait for a worker");
	if (WIFSIGNALED(status)) {
		const char *why = WTERMSIG(status) == SIGSYS	? "broke its system call filter"
				  : WTERMSIG(status) == SIGXCPU ? "used up its CPU time"
								: "was killed";
		return err_set(e, -EIO, "worker %s (signal %d)", why, WTERMSIG(status));
	}
	if (WEXITSTATUS(status) == WORKER_NO_MEMORY)
		return err_set(e, -ENOMEM, "worker is out of memory");
	if (WEXITSTATUS(status))
		return err_set(e, -EIO, "worker ended with status %d", WEXITSTATUS(status));
	return 0;
}

int worker_kill(struct worker *w, struct err *why)
{
	if (w->pid)
		kill(w->pid, SIGKILL);
	return worker_end(w, why);
}

int msg_send(int fd, uint8_t kind, struct str payload, const int *fds, size_t fd_count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
	} control = { 0 };
	struct iovec part[2] = {
		{ .iov_base = &kind, .iov_len = 1 },
		{ .iov_base = (void *)(uintptr_t)payload.p, .iov_len = payload.n },
	};
	struct msghdr m = { .msg_iov = part, .msg_iovlen = 2 };
	ssize_t r;

	if (payload.n > MSG_BYTES_MAX - 1 || fd_count > MSG_FDS_MAX)
		return -EMSGSIZE;
	if (fd_count) {
		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * fd_count);
	}
	do
		r = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static void take_descriptors(struct msghdr *h, struct msg *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > MSG_FDS_MAX - ret->fd_count)
			n = MSG_FDS_MAX - ret->fd_count;
		memcpy(ret->fds + ret->fd_count, CMSG_DATA(c), n * sizeof(int));
		ret->fd_count += n;
	}
}

int msg_recv(int fd, struct msg *ret)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
	} control;
	struct iovec part = { .iov_base = ret->bytes, .iov_len = sizeof(ret->bytes) };
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)
	};
	ssize_t r;

	ret->fd_count = 0;
	do
		r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == ECONNRESET ? 0 : -errno;
	take_descriptors(&m, ret);
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		msg_done(ret);
		return -EMSGSIZE;
	}
	if (r == 0)
		return 0;
	ret->kind = ret->bytes[0];
	ret->payload = str_n(ret->bytes + 1, (size_t)r - 1);
	return 1;
}

void msg_done(struct msg *m)
{
	for (size_t i = 0; i < m->fd_count; i++)
		fd_close(&m->fds[i]);
	m->fd_count = 0;
}

size_t msg_wait(const int *fds, size_t n, size_t after, int timeout_ms)
{
	struct pollfd p[WAIT_SOCKETS_MAX];
	int r;

	assert(n <= WAIT_SOCKETS_MAX);
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	do
		r = poll(p, n, timeout_ms);
	while (r < 0 && errno == EINTR);
	for (size_t k = 1; r > 0 && k <= n; k++) {
		size_t i = (after + k) % n;

		if (p[i].revents)
			return i;
	}
	return n;
}
