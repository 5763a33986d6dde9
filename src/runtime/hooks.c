/* hooks: programs at points of a container's life. See hooks.h. */
#include "runtime/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define HOOK_NOT_RUN 127

struct running {
	pid_t pid;
	int pidfd;
	int to, from; /* its standard input, its output and errors */
	struct str input;
	char output[HOOK_OUTPUT_MAX];
	size_t output_n;
};

/* In the child. */
static void become(const struct oci_hook *hook, const struct hooks_how *how, int input, int output)
{
	static const char *const no_env[] = { NULL };
	const char *only_path[] = { hook->path, NULL };
	const char *const *argv = hook->args.n ? hook->args.v : only_path;
	const char *const *unnamed = how->inherit ? (const char *const *)(uintptr_t)environ : no_env;
	const char *const *env = hook->env.v ? hook->env.v : unnamed;
	sigset_t none;

	sigemptyset(&none);
	if (signal(SIGPIPE, SIG_DFL) == SIG_ERR || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) < 0 || dup2(input, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 ||
	    syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) < 0 || fchdir(how->bundle_fd) < 0)
		_exit(HOOK_NOT_RUN);
	execve(hook->path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	dprintf(STDERR_FILENO, "%s", strerror(errno));
	_exit(HOOK_NOT_RUN);
}

static int start(const struct oci_hook *hook, const struct hooks_how *how, struct running *r)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	int code = 0;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		code = -errno;
	if (code >= 0)
		r->pid = fork();
	if (code >= 0 && r->pid == 0)
		become(hook, how, in[0], out[1]);
	if (code >= 0 && r->pid < 0)
		code = -errno;
	fd_close(&in[0]);
	fd_close(&out[1]);
	r->to = in[1];
	r->from = out[0];
	if (code < 0)
		return code;
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	fcntl(r->to, F_SETFL, O_NONBLOCK);
	return r->pidfd < 0 ? -errno : 0;
}

/* A hook that does not read its input is no error. */
static void feed(struct running *r)
{
	ssize_t n = write(r->to, r->input.p, r->input.n);

	if (n > 0)
		r->input = str_from(r->input, (size_t)n);
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || !r->input.n)
		fd_close(&r->to);
}

static void drain(struct running *r)
{
	char rest[512];
	size_t room = sizeof(r->output) - r->output_n;
	ssize_t n = read(r->from, room ? r->output + r->output_n : rest, room ? room : sizeof(rest));

	if (n > 0 && room)
		r->output_n += (size_t)n;
	if (n == 0 || (n < 0 && errno != EINTR))
		fd_close(&r->from);
}

/* Until it has ended. -ETIMEDOUT: its time is over. */
static int attend(struct running *r, int64_t timeout_ms)
{
	int64_t end = (int64_t)clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd p[3] = { { r->pidfd, POLLIN, 0 }, { r->to, POLLOUT, 0 }, { r->from, POLLIN, 0 } };
		int64_t left = timeout_ms ? end - (int64_t)clock_ms() : -1;

		if (timeout_ms && left <= 0)
			return -ETIMEDOUT;
		if (poll(p, ARRAY_LEN(p), left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			feed(r);
		if (p[2].revents)
			drain(r);
		if (p[0].revents)
			return 0;
	}
}

static int judge(const struct oci_hook *hook, struct running *r, int attended, struct err *e)
{
	struct str said;
	int status = 0;

	if (attended < 0 && r->pid > 0)
		kill(r->pid, SIGKILL);
	while (r->pid > 0 && waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r->from >= 0) { /* what it said last; a process it left behind must not hold us up */
		fcntl(r->from, F_SETFL, O_NONBLOCK);
		while (r->from >= 0 && r->output_n < sizeof(r->output)) {
			size_t before = r->output_n;

			drain(r);
			if (r->output_n == before)
				break;
		}
	}
	if (attended == -ETIMEDOUT)
		return err_set(e, -ETIMEDOUT, "%s: not done after %lld s", hook->path, (long long)hook->timeout.v);
	if (attended < 0)
		return err_errno(e, attended, "%s", hook->path);
	said = str_trim(str_n(r->output, r->output_n));
	if (WIFSIGNALED(status))
		return err_set(e, -ECANCELED, "%s: ended by signal %d", hook->path, WTERMSIG(status));
	if (WEXITSTATUS(status))
		return err_set(e, -ECANCELED, "%s: exit status %d%s" STR_FMT, hook->path, WEXITSTATUS(status),
			       said.n ? ": " : "", STR_ARG(str_head(said, 200)));
	return 0;
}

static int run_one(const struct oci_hook *hook, const struct hooks_how *how, struct err *e)
{
	struct running r = { .pid = -1, .pidfd = -1, .to = -1, .from = -1, .input = how->state };
	int code = start(hook, how, &r);

	if (code >= 0)
		code = attend(&r, hook->timeout.set ? hook->timeout.v * 1000 : 0);
	code = judge(hook, &r, code, e);
	fd_close(&r.pidfd);
	fd_close(&r.to);
	fd_close(&r.from);
	return code;
}

int hooks_run(const struct oci_hooks *hooks, const struct hooks_how *how, struct err *e)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int code = 0;

	if (!hooks->n)
		return 0;
	sigaction(SIGPIPE, &ignore, &before); /* one that ends without reading */
	for (size_t i = 0; i < hooks->n && (code >= 0 || how->go_on); i++) {
		struct err why = { 0 };
		int r = run_one(&hooks->v[i], how, &why);

		if (r < 0 && code >= 0)
			code = err_set(e, r, "error running hook (%s): %s", how->kind, why.msg);
	}
	sigaction(SIGPIPE, &before, NULL);
	return code;
}
