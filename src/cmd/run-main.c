/* run-main: yagura-run's commands and global options; the log. */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/date.h"
#include "base/fd.h"
#include "base/path.h"
#include "cmd/run.h"
#include "runtime/features.h"

#define HEAP_STEP_BYTES (1 << 20) /* asked of the kernel at once: pages that are not touched cost nothing */
#define LOG_LINE_MAX 4096
#define COMPAT_NAME "yagura-run-compat" /* called by this name it is --compat */

struct str arg_root, arg_log, arg_rootless;
uint64_t arg_log_format, arg_log_level = RUN_WARNING, arg_cgroup_manager;
static uint64_t arg_log_kept;
static struct str arg_layers;
bool arg_debug, arg_systemd, arg_compat;

static bool arg_version;
static const char *called = "yagura-run"; /* the name this program was started by */

const char *run_z(struct str s)
{
	return s.n ? s.p : NULL; /* option texts point into argv, which has the NUL */
}

/* ---- the log ---- */

enum { LOG_TEXT, LOG_JSON };
static const char *const log_formats[] = { "text", "json", NULL };
static const char *const log_levels[] = { "error", "warning", "debug", NULL };

/* As logrus writes them: engines read the last line of level "error". */
static void log_line(struct buf *b, enum run_level level, const char *text)
{
	char now[DATE_TEXT_MAX];

	date_time_text((uint64_t)time(NULL), now);
	if (arg_log_format == LOG_JSON) {
		buf_fmt(b, "{\"level\":\"%s\",\"msg\":", log_levels[level]);
		json_quote(b, str_c(text));
		buf_fmt(b, ",\"time\":\"%s\"}\n", now);
	} else {
		buf_fmt(b, "time=\"%s\" level=%s msg=", now, log_levels[level]);
		json_quote(b, str_c(text));
		buf_char(b, '\n');
	}
}

static int log_open(void)
{
	return arg_log.n ? fd_open(AT_FDCWD, arg_log.p, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY) : -ENOENT;
}

static bool to_file(const struct buf *line)
{
	auto_close int fd = log_open();

	return fd >= 0 && fd_write(fd, line->p, line->n) >= 0;
}

void run_log(enum run_level level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	auto_buf struct buf line = { 0 };
	bool written;
	va_list ap;

	if (level > (arg_debug ? RUN_DEBUG : arg_log_level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_init(&line, 8 * LOG_LINE_MAX);
	log_line(&line, level, text);
	written = to_file(&line);
	if (written && level != RUN_ERROR)
		return;
	if (level != RUN_DEBUG && (arg_log_format != LOG_JSON || arg_log.n))
		dprintf(STDERR_FILENO, "yagura-run: %s%s\n", level == RUN_ERROR ? "" : "warning: ", text);
	else
		(void)!fd_write(STDERR_FILENO, line.p, line.n);
}

int run_fail(const struct err *e)
{
	run_log(RUN_ERROR, "%s", e->msg);
	return RUN_FAILED;
}

void run_warnings(struct oci_warnings *w)
{
	for (size_t i = 0; i < w->lines.n; i++)
		run_log(RUN_WARNING, STR_FMT, STR_ARG(w->lines.v[i]));
	vec_done(&w->lines);
}

/* ---- what the global options mean ---- */

/* Before there is something to say: a caller that will find nothing there has to know it now. */
static int log_check(struct err *e)
{
	auto_close int fd = log_open();

	return arg_log.n && fd < 0 ? err_errno(e, fd, "--log %s", arg_log.p) : 0;
}

static const char *const managers[] = { "cgroupfs", "systemd", "disabled", NULL };

static void warn(const char *text)
{
	run_log(RUN_WARNING, "%s", text);
}

static int rootless(bool *ret, struct err *e)
{
	if (!arg_rootless.n || str_is(arg_rootless, "auto"))
		*ret = geteuid() != 0;
	else if (str_is(arg_rootless, "true") || str_is(arg_rootless, "false"))
		*ret = str_is(arg_rootless, "true");
	else
		return err_set(e, -EINVAL, "--rootless: \"" STR_FMT "\" is none of: true, false, auto",
			       STR_ARG(arg_rootless));
	return 0;
}

int run_open(struct runtime *ret, bool make, bool sweep, struct err *e)
{
	int r;

	*ret = (struct runtime){ .root_fd = -1,
				 .name = called,
				 .compat = arg_compat,
				 .log_kept = arg_log_kept,
				 .layers = run_z(arg_layers),
				 .warn = warn };
	ret->tier = runtime_tier(called);
	ret->manager = arg_systemd ? MANAGER_SYSTEMD : (enum cgroup_manager)arg_cgroup_manager;
	r = log_check(e);
	if (r < 0)
		return r;
	r = rootless(&ret->rootless, e);
	if (r >= 0)
		r = state_root_open(run_z(arg_root), make, &ret->root_fd, e);
	if (r == -ENOENT && !make)
		r = 0; /* there are no containers */
	if (r >= 0 && sweep)
		r = container_sweep(ret, e);
	run_log(RUN_DEBUG, "state in %s, control groups by %s%s%s", arg_root.n ? arg_root.p : "the default place",
		managers[ret->manager], ret->rootless ? ", rootless" : "", ret->compat ? ", --compat" : "");
	return r;
}

int run_container(const struct invocation *in, struct runtime *rt, bool lock, struct container *ret, struct err *e)
{
	int r = run_open(rt, false, false, e);

	container_init(ret, rt);
	return r < 0 ? r : container_open(rt, in->args.v[0].p, lock, ret, e);
}

/* ---- the tables ---- */

static const struct option global_options[] = {
	{ "root", 0, OPTION_TEXT, &arg_root, "DIR",
	  "Where the state of containers is kept. Default: /run/yagura-run for root, $XDG_RUNTIME_DIR/yagura-run.",
	  NULL },
	{ "log", 0, OPTION_TEXT, &arg_log, "FILE", "Append errors and warnings to this file, besides stderr.", NULL },
	{ "log-format", 0, OPTION_CHOICE, &arg_log_format, "FORMAT", "How: text or json. Default: text.", log_formats },
	{ "log-level", 0, OPTION_CHOICE, &arg_log_level, "LEVEL",
	  "How much: error, warning or debug. Default: warning.", log_levels },
	{ "log-kept", 0, OPTION_SIZE, &arg_log_kept, "SIZE",
	  "The caller's word that it keeps no more than this of a container's output: needed where log.size limits it.",
	  NULL },
	{ "layers", 0, OPTION_TEXT, &arg_layers, "DIR",
	  "Where writable layers of a limited size lie. Default: " DISK_DIR ".", NULL },
	{ "debug", 0, OPTION_FLAG, &arg_debug, NULL, "The same as --log-level debug.", NULL },
	{ "systemd-cgroup", 0, OPTION_FLAG, &arg_systemd, NULL, "The same as --cgroup-manager systemd.", NULL },
	{ "cgroup-manager", 0, OPTION_CHOICE, &arg_cgroup_manager, "MANAGER",
	  "Who makes control groups: cgroupfs (this program), systemd, or disabled (nobody: no limits can be set).",
	  managers },
	{ "rootless", 0, OPTION_TEXT, &arg_rootless, "WHEN",
	  "Work without the rights of root: true, false or auto. Default: auto.", NULL },
	{ "compat", 0, OPTION_FLAG, &arg_compat, NULL,
	  "Exactly what the OCI configuration says, without the strict defaults. So it is also when called by the name "
	  "yagura-run-compat.",
	  NULL },
	{ "version", 'v', OPTION_FLAG, &arg_version, NULL, "Print the version.", NULL },
	{ .name = NULL },
};

static int bare_run(const struct invocation *in)
{
	if (arg_version) {
		printf("%s version %s\nspec: %s\n", called, in->program->version, RUNTIME_SPEC_VERSION);
		return 0;
	}
	dprintf(STDERR_FILENO, "%s: a command is missing; try \"%s help\"\n", in->program->name, in->program->name);
	return EXIT_USAGE;
}

unsigned int run_given_fds;

/* Before anything is opened here: what has their numbers later is ours, and must not get into a container. */
static void count_given_descriptors(void)
{
	while (run_given_fds < LAUNCH_PRESERVE_FDS_MAX && fcntl(STDERR_FILENO + 1 + (int)run_given_fds, F_GETFD) >= 0)
		run_given_fds++;
}

int main(int argc, char **argv)
{
	const struct command commands[] = {
		run_create_command,	   run_start_command,	run_run_command,
		run_state_command,	   run_list_command,	run_ps_command,
		run_exec_command,	   run_kill_command,	run_delete_command,
		run_pause_command,	   run_resume_command,	run_update_command,
		run_events_command,	   run_verify_command,	run_why_command,
		run_profile_command,	   run_spec_command,	run_features_command,
		run_checkpoint_command,	   run_restore_command, option_help_command,
		option_completion_command, { .name = NULL },
	};
	const struct program program = {
		.name = "yagura-run",
		.summary = "OCI runtime: makes and runs containers from bundles, with limits that are read back from "
			   "the kernel",
		.commands = commands,
		.options = global_options,
		.version = YAGURA_VERSION,
		.section = 8,
		.run = bare_run,
	};

	(void)signal(SIGCHLD, SIG_DFL); /* a caller that ignores it must not keep from us that children end */
	if (fd_fill_standard() < 0)
		return RUN_FAILED;
	count_given_descriptors();
	mallopt(M_TOP_PAD, HEAP_STEP_BYTES);
	mallopt(M_TRIM_THRESHOLD, HEAP_STEP_BYTES * 4);
	if (argc && *argv[0])
		called = path_base(str_c(argv[0])).p;
	arg_compat = strcmp(called, COMPAT_NAME) == 0;
	return option_main(&program, argc, argv);
}
