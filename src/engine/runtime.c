/* runtime: yagura-run, called. See runtime.h. */
#include "engine/runtime.h"

#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/run.h"

#define ROOT_DIR "/run/yagura-run/people" /* apart from engines' containers; of a user: in $XDG_RUNTIME_DIR */
#define ERROR_MAX 4096

/* Beside this program, where a build or an installation has it; else where programs are. */
static void program_path(const char *tier, char path[PATH_MAX])
{
	const char *suffix = tier && strcmp(tier, "ns") != 0 ? tier : NULL;
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 32);
	ptrdiff_t slash = n > 0 ? str_rfind(str_n(path, (size_t)n), '/') : -1;

	snprintf(path + slash + 1, 32, "yagura-run%s%s", suffix ? "-" : "", suffix ? suffix : "");
	if (slash >= 0 && access(path, X_OK) == 0)
		return;
	snprintf(path, 32, "yagura-run%s%s", suffix ? "-" : "", suffix ? suffix : "");
}

/* False: the runtime says itself what is missing. */
static bool root_dir(char path[PATH_MAX])
{
	const char *own = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return snprintf(path, PATH_MAX, ROOT_DIR) < PATH_MAX;
	return own && *own && snprintf(path, PATH_MAX, "%s/yagura-run-people", own) < PATH_MAX;
}

static int last_line(int fd, const char *program, struct err *e)
{
	char text[ERROR_MAX];
	ssize_t n = fd_pread(fd, text, sizeof(text), 0);
	struct str all = str_trim(str_n(text, n < 0 ? 0 : (size_t)n));
	ptrdiff_t line = str_rfind(all, '\n');

	if (!all.n)
		return err_set(e, -EIO, "%s failed", program);
	return err_set(e, -EIO, STR_FMT, STR_ARG(str_from(all, (size_t)(line + 1))));
}

static int take_output(int fd, struct buf *to)
{
	char piece[4096];
	uint64_t at = 0;
	ssize_t n;

	while ((n = fd_pread(fd, piece, sizeof(piece), at)) > 0) {
		buf_add(to, piece, (size_t)n);
		at += (uint64_t)n;
	}
	return n < 0 ? (int)n : buf_finish(to);
}

/* What is called, as text that lives here. */
struct command {
	const char *argv[RUNTIME_ARGS_MAX + 9];
	char path[PATH_MAX], root[PATH_MAX], kept[24];
};

static void compose(const struct runtime_call *c, struct command *ret)
{
	const char **argv = ret->argv;
	size_t n = 0;

	program_path(c->tier, ret->path);
	argv[n++] = ret->path;
	if (c->root || root_dir(ret->root)) {
		argv[n++] = "--root";
		argv[n++] = c->root ? c->root : ret->root;
	}
	if (c->compat)
		argv[n++] = "--compat";
	if (c->log_kept) {
		snprintf(ret->kept, sizeof(ret->kept), "%llu", (unsigned long long)c->log_kept);
		argv[n++] = "--log-kept";
		argv[n++] = ret->kept;
	}
	if (c->layers) {
		argv[n++] = "--layers";
		argv[n++] = c->layers;
	}
	for (size_t i = 0; i < RUNTIME_ARGS_MAX && c->args[i]; i++)
		argv[n++] = c->args[i];
	argv[n] = NULL;
}

int runtime_call(const struct runtime_call *c, int *ret_status, struct err *e)
{
	auto_close int out = memfd_create("yagura-run-output", MFD_CLOEXEC);
	auto_close int err = memfd_create("yagura-run-error", MFD_CLOEXEC);
	const int own[3] = { -1, out, err };
	struct command command;
	struct run run = { command.argv, c->fds ? c->fds : own, 3, c->forever ? 0 : RUNTIME_TIMEOUT_MS };
	int status, r;

	if (out < 0 || err < 0)
		return err_errno(e, -errno, "cannot call the runtime");
	compose(c, &command);
	r = run_program(&run, &status, e);
	if (r < 0)
		return r;
	if (ret_status)
		*ret_status = status;
	else if (status)
		return last_line(err, command.path, e);
	r = c->output ? take_output(out, c->output) : 0;
	return r < 0 ? err_errno(e, r, "%s", command.path) : 0;
}

int runtime_start(const struct runtime_call *c, pid_t *ret_pid, struct err *e)
{
	const int fds[] = { c->fds[0], c->fds[1], c->fds[2], c->gate };
	struct command command;
	struct run run = { command.argv, fds, c->gate ? 4 : 3, 0 };

	compose(c, &command);
	return run_start(&run, ret_pid, e);
}
