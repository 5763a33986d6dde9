/* run: the global options of yagura-run and what they mean; the log. See run.h. */
#include "cmd/run.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/date.h"
#include "base/fd.h"

#define LOG_LINE_MAX 4096

struct str arg_root, arg_log, arg_rootless;
uint64_t arg_log_format, arg_log_level = RUN_WARNING, arg_cgroup_manager;
static uint64_t arg_log_kept;
static struct str arg_layers;
bool arg_debug, arg_systemd, arg_compat;
bool arg_version;
const char *run_called = "yagura-run";
unsigned int run_given_fds;

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
				 .name = run_called,
				 .compat = arg_compat,
				 .log_kept = arg_log_kept,
				 .layers = run_z(arg_layers),
				 .warn = warn };
	ret->tier = runtime_tier(run_called);
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

const struct option run_options[] = {
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
