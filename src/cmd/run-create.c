/* run-create: create, start, run. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/run.h"
#include "cmd/run-front.h"

static struct str arg_bundle, arg_config, arg_console_socket, arg_pid_file, arg_pidfd_socket;
static bool arg_no_pivot, arg_no_new_keyring, arg_detach, arg_keep, arg_no_subreaper;
static uint64_t arg_preserve_fds, arg_start_fd;

#define CREATE_OPTIONS                                                                                           \
	{ "bundle", 'b', OPTION_TEXT, &arg_bundle, "DIR", "The bundle. Default: the working directory.", NULL }, \
		{ "config",    'f',    OPTION_TEXT,                                                              \
		  &arg_config, "FILE", "The configuration. Default: config.json of the bundle.",                 \
		  NULL },                                                                                        \
		{ "console-socket",                                                                              \
		  0,                                                                                             \
		  OPTION_TEXT,                                                                                   \
		  &arg_console_socket,                                                                           \
		  "FILE",                                                                                        \
		  "UNIX socket that receives the container's terminal.",                                         \
		  NULL },                                                                                        \
		{ "pidfd-socket",                                                                                \
		  0,                                                                                             \
		  OPTION_TEXT,                                                                                   \
		  &arg_pidfd_socket,                                                                             \
		  "FILE",                                                                                        \
		  "UNIX socket that receives a pidfd of the first process.",                                     \
		  NULL },                                                                                        \
		{ "pid-file", 0, OPTION_TEXT, &arg_pid_file, "FILE", "Where to write the process's id.", NULL }, \
		{ "no-pivot",                                                                                    \
		  0,                                                                                             \
		  OPTION_FLAG,                                                                                   \
		  &arg_no_pivot,                                                                                 \
		  NULL,                                                                                          \
		  "Move the root mount instead of pivot_root(2): for hosts that run from an initial RAM disk.",  \
		  NULL },                                                                                        \
		{ "no-new-keyring",                                                                              \
		  0,                                                                                             \
		  OPTION_FLAG,                                                                                   \
		  &arg_no_new_keyring,                                                                           \
		  NULL,                                                                                          \
		  "Keep the caller's session keyring: the container can then read the keys in it.",              \
		  NULL },                                                                                        \
	{                                                                                                        \
		"preserve-fds", 0, OPTION_NUMBER, &arg_preserve_fds, "N",                                        \
			"Hand on N descriptors besides 0, 1, 2 (and those of $LISTEN_FDS).", NULL                \
	}

static const struct option create_options[] = { CREATE_OPTIONS, { .name = NULL } };
const struct option run_attended_options[] = {
	CREATE_OPTIONS,
	{ "detach", 'd', OPTION_FLAG, &arg_detach, NULL, "Return when the program runs.", NULL },
	{ "keep", 0, OPTION_FLAG, &arg_keep, NULL, "Do not delete the container when it has ended.", NULL },
	{ "start-fd", 0, OPTION_NUMBER, &arg_start_fd, "N",
	  "Start the program when descriptor N is at its end: after the pid file is written.", NULL },
	{ "no-subreaper", 0, OPTION_FLAG, &arg_no_subreaper, NULL,
	  "Do not become the parent of processes the container leaves behind.", NULL },
	{ .name = NULL },
};

int run_preserved(uint64_t asked, bool compat, unsigned int *ret, unsigned int *ret_listen, struct err *e)
{
	const char *listen = getenv("LISTEN_FDS");
	uint64_t n = asked, more = 0;

	if (listen && !num_u64(str_c(listen), 10, &more))
		more = 0; /* not for us */
	if (!add_ok(n, more, &n) || n > LAUNCH_PRESERVE_FDS_MAX)
		return err_set(e, -E2BIG, "more than %d descriptors to preserve", LAUNCH_PRESERVE_FDS_MAX);
	if (n > run_given_fds && compat) {
		run_log(RUN_WARNING, "--preserve-fds: descriptor %u is not open; no more are handed on",
			STDERR_FILENO + 1 + run_given_fds);
		n = run_given_fds;
	}
	if (n > run_given_fds)
		return err_set(e, -EBADF, "--preserve-fds: descriptor %u is not open",
			       STDERR_FILENO + 1 + run_given_fds);
	*ret = (unsigned int)n;
	*ret_listen = (unsigned int)more;
	return 0;
}

/* f: NULL, or who attends to it. */
static int create(const struct invocation *in, struct runtime *rt, bool start, struct front *f, struct recorder *record,
		  struct container *c, struct launched *init, struct err *e)
{
	struct container_create how = {
		.id = in->args.v[0].p,
		.bundle = run_z(arg_bundle),
		.config = run_z(arg_config),
		.console_socket = run_z(arg_console_socket),
		.own_console = f ? &f->socket : NULL,
		.own_watch = f ? &f->watch : NULL,
		.start = start,
		.start_fd = (int)arg_start_fd,
		.pid_file = run_z(arg_pid_file),
		.pidfd_socket = run_z(arg_pidfd_socket),
		.notify_socket = getenv("NOTIFY_SOCKET"),
		.no_pivot = arg_no_pivot,
		.no_new_keyring = arg_no_new_keyring,
		.record = record,
	};
	int r = run_preserved(arg_preserve_fds, rt->compat, &how.preserve_fds, &how.listen_fds, e);

	return r < 0 ? r : container_create(rt, &how, c, init, e);
}

static int create_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .rt = &rt, .dir_fd = -1, .bundle_fd = -1 };
	struct launched init = { -1, -1 };
	struct err e = { 0 };

	if (run_open(&rt, true, true, &e) < 0 || create(in, &rt, false, NULL, NULL, &c, &init, &e) < 0)
		return run_fail(&e);
	fd_close(&init.pidfd);
	return 0;
}

static int start_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	struct err e = { 0 };

	if (run_container(in, &rt, true, &c, &e) < 0 || container_start(&c, &e) < 0)
		return run_fail(&e);
	return 0;
}

/* In the foreground: until it has ended, then it is deleted. */
static int attend(struct container *c, struct launched *init, struct front *f, struct err *e)
{
	int status = front_console(f, e);
	int r = 0;

	container_unlock(c); /* others may work on it while it runs */
	if (status >= 0)
		status = front_wait(f, init, e);
	fd_close(&init->pidfd);
	if (!arg_keep)
		r = container_lock(c, e);
	if (!arg_keep && r >= 0)
		r = container_delete(c, true, e);
	if (r == -ENOENT) /* somebody else deleted it */
		r = 0;
	return status < 0 || r < 0 ? (status < 0 ? status : r) : status;
}

int run_attended(const struct invocation *in, struct recorder *record)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .rt = &rt, .dir_fd = -1, .bundle_fd = -1 };
	struct launched init = { -1, -1 };
	struct front f = FRONT_NONE;
	struct err e = { 0 };
	int r;

	if (!arg_detach && arg_console_socket.n) {
		err_set(&e, -EINVAL, "--console-socket needs --detach: in the foreground this program is the console");
		return run_fail(&e);
	}
	if (!arg_detach && !arg_no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		run_log(RUN_WARNING, "cannot become a subreaper: %s", strerror(errno));
	r = run_open(&rt, true, true, &e);
	if (r >= 0 && !arg_detach)
		r = front_begin(&f, &e);
	if (r >= 0)
		r = create(in, &rt, true, arg_detach ? NULL : &f, record, &c, &init, &e);
	if (r >= 0 && !arg_detach)
		r = attend(&c, &init, &f, &e);
	front_end(&f);
	fd_close(&init.pidfd);
	return r < 0 ? run_fail(&e) : r;
}

static int run_run(const struct invocation *in)
{
	return run_attended(in, NULL);
}

static const struct exit_row create_exits[] = { { 0, "done" },
						{ RUN_FAILED, "it could not be done; nothing is left of it" },
						{ EXIT_USAGE, "wrong usage" },
						{ -1, NULL } };
static const struct exit_row run_exits[] = {
	{ 0, "the program ended with 0 (with --detach: it runs)" },
	{ RUN_FAILED, "it could not be started, or ended with 1" },
	{ EXIT_USAGE, "wrong usage, or it ended with 2" },
	{ 128, "128 + N: signal N ended the program; any other status is the program's" },
	{ -1, NULL },
};
static const struct example create_examples[] = {
	{ "yagura-run create --bundle /srv/web web", "makes everything; the program does not run yet" },
	{ "yagura-run start web", "now it does" },
	{ NULL, NULL },
};
static const struct example run_examples[] = {
	{ "yagura-run run --bundle /srv/web web", "in the foreground, deleted at its end" },
	{ NULL, NULL },
};

const struct command run_create_command = {
	.name = "create",
	.arguments = "ID",
	.summary = "make a container from a bundle",
	.details = "Reads config.json of the bundle, makes namespaces, control groups and mounts, and leaves a process "
		   "that "
		   "waits for *start*. Every limit is in force before it returns; one that cannot be is an error.",
	.min = 1,
	.max = 1,
	.options = create_options,
	.examples = create_examples,
	.exits = create_exits,
	.run = create_run,
};

const struct command run_start_command = {
	.name = "start",
	.arguments = "ID",
	.summary = "run the program of a container that was created",
	.min = 1,
	.max = 1,
	.exits = create_exits,
	.run = start_run,
};

const struct command run_run_command = {
	.name = "run",
	.arguments = "ID",
	.summary = "create and start a container, wait for its end and delete it",
	.min = 1,
	.max = 1,
	.options = run_attended_options,
	.examples = run_examples,
	.exits = run_exits,
	.run = run_run,
};
