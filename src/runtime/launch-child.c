/* launch-child: the first process of a container. See launch-child.h.
 *
 * It shares our memory until it executes stage 2: nothing is copied for the few calls in between, and those are made
 * without the C library, whose state is ours at the same time. */
#include "runtime/launch-child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/plan.h"
#include "runtime/stage2.h"
#include "runtime/sys.h"

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

#define STACK_BYTES 16384
#define NUMBER_BYTES 12

struct start {
	int socket, program;
	int other;		 /* the host's end of the socket, of which we have a copy */
	int stdio[4];		 /* and descriptor 3; -1: stays what it is */
	unsigned int keep_until; /* the first descriptor that goes */
	bool root_ids, groups;
	const char *argv[4], *envp[1];
	char socket_text[NUMBER_BYTES], keep_text[NUMBER_BYTES];
	char stack[STACK_BYTES] __attribute__((aligned(16)));
};

#if defined(__clang__)
#define no_checks __attribute__((no_sanitize("address", "undefined"), no_stack_protector))
#else
#define no_checks __attribute__((no_sanitize("address", "undefined"), optimize("no-stack-protector")))
#endif

static _Noreturn no_checks void child_fail(const struct start *s, const char *what, long r)
{
	struct plan_say m;

	m.word = PLAN_SAY_ERROR;
	m.number = (int32_t)-r;
	for (size_t i = 0; i < sizeof(m.text); i++) {
		m.text[i] = *what;
		what += *what != 0;
	}
	sys(__NR_write, s->socket, &m, sizeof(m));
	for (;;)
		sys(__NR_exit_group, 1);
}

/* Those that are to be 0 to 3 are first moved out of the way of each other. */
static no_checks long take_stdio(const struct start *s)
{
	long parked[4], r = 0;

	for (int i = 0; i < 4 && r >= 0; i++) {
		parked[i] = -1;
		if (s->stdio[i] >= 0 && s->stdio[i] != i)
			r = parked[i] = sys(__NR_fcntl, s->stdio[i], F_DUPFD_CLOEXEC, s->keep_until);
		else if (s->stdio[i] == i)
			r = sys(__NR_fcntl, i, F_SETFD, 0);
	}
	for (int i = 0; i < 4 && r >= 0; i++)
		if (parked[i] >= 0)
			r = sys(__NR_dup3, parked[i], i, 0);
	return r;
}

/* In a new user namespace we are nobody until we are its root: without that, execve() takes all rights. */
static no_checks void take_root_ids(const struct start *s)
{
	long r = 0;

	if (sys(__NR_getuid) == 0 && sys(__NR_getgid) == 0)
		return;
	if (s->groups)
		r = sys(__NR_setgroups, 0, NULL);
	if (r >= 0)
		r = sys(__NR_setresgid, 0, 0, 0);
	if (r >= 0)
		r = sys(__NR_setresuid, 0, 0, 0);
	if (r < 0)
		child_fail(s, "linux.uidMappings, linux.gidMappings: user and group 0", r);
}

static _Noreturn no_checks void child_main(void *arg)
{
	const struct start *s = arg;
	struct plan_say go;
	long r;

	sys(__NR_close, s->other); /* else its end would not reach us when the host's side is killed */
	do {
		r = sys(__NR_read, s->socket, &go, sizeof(go));
	} while (r == -EINTR);
	if (r != (long)sizeof(go) || go.word != PLAN_SAY_GO)
		for (;;)
			sys(__NR_exit_group, 1); /* whoever started this is gone */
	if (s->root_ids)
		take_root_ids(s);
	r = take_stdio(s);
	if (r < 0)
		child_fail(s, "standard input and output", r);
	r = sys(__NR_close_range, s->keep_until, ~0u, CLOSE_RANGE_CLOEXEC);
	if (r < 0)
		child_fail(s, "close_range", r);
	sys(__NR_fcntl, s->socket, F_SETFD, 0);
	r = sys(__NR_execveat, s->program, "", s->argv, s->envp, AT_EMPTY_PATH);
	child_fail(s, "execution of stage 2", r);
}

static int clone_child(const struct child_want *w, struct start *s, struct child *c)
{
	struct clone_args a = { .flags = w->flags | CLONE_VM | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
				.pidfd = (uintptr_t)&c->pidfd,
				.exit_signal = SIGCHLD,
				.stack = (uintptr_t)s->stack,
				.stack_size = sizeof(s->stack) };
	long r;

	if (w->cgroup_fd >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)w->cgroup_fd;
	}
	r = sys_clone3_call(&a, sizeof(a), child_main, s);
	if (r < 0)
		return (int)r;
	c->pid = (pid_t)r;
	return 0;
}

int child_clone(const struct child_want *w, struct child *ret, struct err *e)
{
	struct child c = CHILD_NONE;
	struct start *s;
	auto_close int held = w->extra ? fcntl(w->extra, F_DUPFD_CLOEXEC, 3) : -1;
	auto_close int program = stage2_file(e);
	int pair[2], r;

	(void)held; /* there is a 3 now: else what is opened next might be it, and be replaced in the child */
	if (program < 0)
		return program;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, -errno, "socketpair");
	c.memory = s = xcalloc(1, sizeof(*s));
	s->socket = pair[1];
	s->other = pair[0];
	s->program = program;
	memcpy(s->stdio, w->stdio, 3 * sizeof(*s->stdio));
	s->stdio[3] = w->extra ? w->extra : -1;
	s->keep_until = 3 + w->keep_fds;
	s->root_ids = w->root_ids;
	s->groups = w->groups;
	snprintf(s->socket_text, sizeof(s->socket_text), "%d", s->socket);
	snprintf(s->keep_text, sizeof(s->keep_text), "%u", s->keep_until);
	s->argv[0] = "yagura-stage2";
	s->argv[1] = s->socket_text;
	s->argv[2] = s->keep_text;
	r = clone_child(w, s, &c);
	fd_close(&pair[1]);
	c.socket = pair[0];
	if (r < 0) {
		child_end(&c);
		return err_errno(e, r, "linux.namespaces: clone3");
	}
	*ret = c;
	return 0;
}

int launch_send(int fd, struct str part, const int *fds, size_t n)
{
	union {
		char bytes[CMSG_SPACE(PLAN_CHUNK_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec v = { (void *)(uintptr_t)part.p, part.n };
	struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t r;

	if (n) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	do {
		r = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int child_go(const struct child *c, struct err *e)
{
	const struct plan_say go = { .word = PLAN_SAY_GO };

	if (send(c->socket, &go, sizeof(go), MSG_NOSIGNAL) < 0)
		return err_errno(e, -errno, "the container's first process");
	return 0;
}

void child_end(struct child *c)
{
	if (c->pid > 0) {
		sys(__NR_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	child_part(c);
}

void child_part(struct child *c)
{
	fd_close(&c->pidfd);
	fd_close(&c->socket);
	free(c->memory);
	*c = CHILD_NONE;
}
