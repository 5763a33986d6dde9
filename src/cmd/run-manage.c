/* run-manage: state, list, ps, kill, delete, pause, resume: what is done to containers that are there. */
#include <regex.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/run.h"
#include "sandbox/run.h"

#define TEXT_BYTES_MAX (64u << 20)

static bool arg_all, arg_force, arg_quiet, arg_regex;
static uint64_t arg_format;

enum { FORMAT_TABLE, FORMAT_JSON };
static const char *const formats[] = { "table", "json", NULL };

static int print(struct buf *b)
{
	if (buf_finish(b) < 0 || fd_write(STDOUT_FILENO, b->p, b->n) < 0) {
		run_log(RUN_ERROR, "cannot write the answer");
		return RUN_FAILED;
	}
	return 0;
}

/* ---- state ---- */

static int state_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	if (run_container(in, &rt, false, &c, &e) < 0)
		return run_fail(&e);
	buf_init(&b, TEXT_BYTES_MAX);
	container_state_json(&c.state, container_status(&c), false, &b);
	return print(&b);
}

/* ---- list ---- */

static void list_row(struct buf *b, struct container *c, enum status s)
{
	char owner[CONTAINER_OWNER_MAX];

	buf_fmt(b, "%-12s   %-12d   %-12s   %-12s   %-12s   %s\n", c->state.id, s == STATUS_STOPPED ? 0 : c->state.pid,
		status_name(s), c->state.bundle, c->state.created, container_owner(&c->state, owner));
}

static void list_json(struct buf *b, struct container *c, enum status s, bool first)
{
	buf_str(b, first ? STR("") : STR(","));
	container_state_json(&c->state, s, true, b);
	b->n -= b->n > 0; /* its line break */
}

/* -1: passed over, with a warning. */
static int list_one(struct runtime *rt, const char *id, struct buf *b, bool first)
{
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	struct err e = { 0 };

	if (container_open(rt, id, false, &c, &e) < 0) {
		if (e.code != -ENOENT) /* gone meanwhile */
			run_log(RUN_WARNING, "%s", e.msg);
		return -1;
	}
	if (arg_quiet)
		buf_fmt(b, "%s\n", id);
	else if (arg_format == FORMAT_JSON)
		list_json(b, &c, container_status(&c), first);
	else
		list_row(b, &c, container_status(&c));
	return 0;
}

static int list_run(const struct invocation *in unused_arg)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = { 0 };
	bool json = arg_format == FORMAT_JSON && !arg_quiet, first = true;
	const char **ids = NULL;
	struct err e = { 0 };
	size_t n = 0;
	int r = run_open(&rt, false, true, &e);

	if (r >= 0 && rt.root_fd < 0 && arg_root.n)
		r = err_set(&e, -ENOENT, "%s: No such file or directory", arg_root.p);
	if (r >= 0 && rt.root_fd >= 0)
		r = state_list(rt.root_fd, &a, &ids, &n, &e);
	if (r < 0)
		return run_fail(&e);
	buf_init(&b, TEXT_BYTES_MAX);
	if (json)
		buf_char(&b, '[');
	else if (!arg_quiet)
		buf_fmt(&b, "%-12s   %-12s   %-12s   %-12s   %-12s   %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
			"OWNER");
	for (size_t i = 0; i < n; i++)
		if (list_one(&rt, ids[i], &b, first) == 0)
			first = false;
	if (json)
		buf_str(&b, STR("]\n"));
	return print(&b);
}

/* ---- ps ---- */

#define PS_WORDS_MAX 64		/* options of ps */
#define PS_BYTES_MAX (8u << 20) /* of its output */
#define PS_TIMEOUT_MS 10000

/* What the host's ps says of all processes. */
static int ps_output(const struct invocation *in, struct buf *ret, struct err *e)
{
	const char *argv[PS_WORDS_MAX + 3] = { "ps", "-ef" };
	auto_close int out = memfd_create("ps", MFD_CLOEXEC);
	int fds[] = { -1, out, STDERR_FILENO }, status = 0, r;
	struct run ps = { argv, fds, ARRAY_LEN(fds), PS_TIMEOUT_MS };

	if (in->args.n - 1 > PS_WORDS_MAX)
		return err_set(e, -E2BIG, "more than %d options for ps", PS_WORDS_MAX);
	for (size_t i = 1; i < in->args.n; i++)
		argv[i] = in->args.v[i].p;
	r = out < 0 ? -errno : run_program(&ps, &status, e);
	if (r < 0)
		return err_wrap(e, r, "ps (--format json does without it)");
	if (status)
		return err_set(e, -EINVAL, "ps: exit status %d", status);
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_errno(e, -errno, "ps");
	return fd_read_all(out, PS_BYTES_MAX, ret, e);
}

/* Which word of the header is "PID"; -1: none. */
static int pid_column(struct str header)
{
	struct str word;

	for (int i = 0; str_word(&header, &word); i++)
		if (str_is(word, "PID"))
			return i;
	return -1;
}

static bool pid_in(struct str line, int column, const pid_t *pids, size_t n)
{
	struct str word = STR_NONE;
	uint32_t pid;

	for (int i = 0; i <= column; i++)
		if (!str_word(&line, &word))
			return false;
	for (size_t i = 0; num_u32(word, &pid) && i < n; i++)
		if (pids[i] == (pid_t)pid)
			return true;
	return false;
}

static int ps_table(const struct invocation *in, const pid_t *pids, size_t n, struct buf *b, struct err *e)
{
	auto_buf struct buf all = { 0 };
	struct str rest, line;
	int column, r = ps_output(in, &all, e);

	if (r < 0)
		return r;
	rest = buf_all(&all);
	column = str_cut(&rest, '\n', &line) ? pid_column(line) : -1;
	if (column < 0)
		return err_set(e, -EINVAL, "the output of ps has no column PID");
	do {
		if (b->n && !pid_in(line, column, pids, n))
			continue;
		buf_str(b, line);
		buf_char(b, '\n');
	} while (str_cut(&rest, '\n', &line));
	return 0;
}

static int ps_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	pid_t *pids;
	size_t n;
	int r = run_container(in, &rt, false, &c, &e);

	buf_init(&b, TEXT_BYTES_MAX);
	if (r >= 0)
		r = container_procs(&c, &pids, &n, &e);
	if (r >= 0 && arg_format == FORMAT_TABLE)
		r = ps_table(in, pids, n, &b, &e);
	if (r < 0)
		return run_fail(&e);
	if (arg_format == FORMAT_TABLE)
		return print(&b);
	buf_char(&b, '[');
	for (size_t i = 0; i < n; i++)
		buf_fmt(&b, "%s%d", i ? "," : "", pids[i]);
	buf_str(&b, STR("]\n"));
	return print(&b);
}

/* ---- kill, delete, pause, resume ---- */

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },	 { "INT", SIGINT },	{ "QUIT", SIGQUIT }, { "ILL", SIGILL },
	{ "TRAP", SIGTRAP },	 { "ABRT", SIGABRT },	{ "IOT", SIGIOT },   { "BUS", SIGBUS },
	{ "FPE", SIGFPE },	 { "KILL", SIGKILL },	{ "USR1", SIGUSR1 }, { "SEGV", SIGSEGV },
	{ "USR2", SIGUSR2 },	 { "PIPE", SIGPIPE },	{ "ALRM", SIGALRM }, { "TERM", SIGTERM },
	{ "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },	{ "CLD", SIGCHLD },  { "CONT", SIGCONT },
	{ "STOP", SIGSTOP },	 { "TSTP", SIGTSTP },	{ "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },
	{ "URG", SIGURG },	 { "XCPU", SIGXCPU },	{ "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM },
	{ "PROF", SIGPROF },	 { "WINCH", SIGWINCH }, { "IO", SIGIO },     { "POLL", SIGPOLL },
	{ "PWR", SIGPWR },	 { "SYS", SIGSYS },
};

/* A number, or a name with or without "SIG", "RTMIN+3" and "RTMAX-2" too. */
static bool signal_of(struct str s, int *ret)
{
	uint32_t n;
	struct str name = s.n > 3 && str_eq_nocase(str_head(s, 3), STR("sig")) ? str_from(s, 3) : s;

	if (num_u32(s, &n)) {
		*ret = (int)n;
		return n <= (uint32_t)SIGRTMAX;
	}
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		if (!str_eq_nocase(name, str_c(signals[i].name)))
			continue;
		*ret = signals[i].number;
		return true;
	}
	if (str_eq_nocase(str_head(name, 6), STR("rtmin+")) && num_u32(str_from(name, 6), &n))
		*ret = 34 + (int)n; /* as kill(1) and Go count: the kernel's 32 and 33 are the C library's */
	else if (str_eq_nocase(str_head(name, 6), STR("rtmax-")) && num_u32(str_from(name, 6), &n))
		*ret = 64 - (int)n;
	else
		return false;
	return n <= 30;
}

static int kill_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	struct str word = in->args.n > 1 ? in->args.v[1] : STR("TERM");
	struct err e = { 0 };
	int number, r;

	if (!signal_of(word, &number)) {
		err_set(&e, -EINVAL, "unknown signal \"" STR_FMT "\"", STR_ARG(word));
		return run_fail(&e);
	}
	r = run_container(in, &rt, false, &c, &e);
	if (r >= 0)
		r = container_kill(&c, number, arg_all, &e);
	return r < 0 ? run_fail(&e) : 0;
}

static int delete_one(struct runtime *rt, const char *id)
{
	auto_container struct container c = { .rt = rt, .dir_fd = -1, .bundle_fd = -1 };
	struct err e = { 0 };
	int r = container_open(rt, id, true, &c, &e);

	if (r == -ENOENT && arg_force && c.dir_fd < 0)
		return 0; /* engines make sure this way */
	if (r >= 0)
		r = container_delete(&c, arg_force, &e);
	else if (arg_force && c.dir_fd >= 0 && (r == -EBADMSG || r == -E2BIG || r == -ENOENT))
		r = container_discard(&c, id, &e);
	return r < 0 ? run_fail(&e) : 0;
}

/* Every container whose id the expression is found in; one that cannot be deleted does not hold up the others. */
static int delete_matching(struct runtime *rt, const char *pattern, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char **ids = NULL;
	size_t n = 0;
	regex_t expression;
	int r, status = 0;

	if (regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, -EINVAL, "--regex: \"%s\" is no extended regular expression", pattern);
	r = rt->root_fd < 0 ? 0 : state_list(rt->root_fd, &a, &ids, &n, e);
	for (size_t i = 0; i < n; i++)
		if (regexec(&expression, ids[i], 0, NULL, 0) == 0 && delete_one(rt, ids[i]) != 0)
			status = RUN_FAILED;
	regfree(&expression);
	return r < 0 ? r : status;
}

static int delete_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	struct err e = { 0 };
	int r = run_open(&rt, false, true, &e);

	if (r >= 0)
		r = arg_regex ? delete_matching(&rt, in->args.v[0].p, &e) : delete_one(&rt, in->args.v[0].p);
	return r < 0 ? run_fail(&e) : r;
}

static int freeze(const struct invocation *in, bool frozen)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	struct err e = { 0 };
	int r = run_container(in, &rt, true, &c, &e);
	enum status s = r < 0 ? STATUS_STOPPED : container_status(&c);

	if (r >= 0 && frozen && s != STATUS_RUNNING && s != STATUS_CREATED)
		r = err_set(&e, -EINVAL, "container not running: it is %s", status_name(s));
	if (r >= 0 && !frozen && s != STATUS_PAUSED)
		r = err_set(&e, -EINVAL, "container not paused: it is %s", status_name(s));
	if (r >= 0)
		r = container_freeze(&c, frozen, &e);
	return r < 0 ? run_fail(&e) : 0;
}

static int pause_run(const struct invocation *in)
{
	return freeze(in, true);
}

static int resume_run(const struct invocation *in)
{
	return freeze(in, false);
}

/* ---- the tables ---- */

static const struct exit_row exits[] = {
	{ 0, "done" }, { RUN_FAILED, "it could not be done" }, { EXIT_USAGE, "wrong usage" }, { -1, NULL }
};
static const struct option list_options[] = {
	{ "format", 'f', OPTION_CHOICE, &arg_format, "FORMAT", "table or json. Default: table.", formats },
	{ "quiet", 'q', OPTION_FLAG, &arg_quiet, NULL, "Only the ids.", NULL },
	{ .name = NULL },
};
static const struct option ps_options[] = {
	{ "format", 'f', OPTION_CHOICE, &arg_format, "FORMAT", "table or json. Default: table.", formats },
	{ .name = NULL },
};
static const struct option kill_options[] = {
	{ "all", 'a', OPTION_FLAG, &arg_all, NULL, "Every process of the container, not only its first.", NULL },
	{ .name = NULL },
};
static const struct option delete_options[] = {
	{ "force", 'f', OPTION_FLAG, &arg_force, NULL,
	  "Also one that runs: it is killed. One that does not exist is no error then.", NULL },
	{ "regex", 0, OPTION_FLAG, &arg_regex, NULL,
	  "ID is an extended regular expression: every container whose id it is found in.", NULL },
	{ .name = NULL },
};

const struct command run_state_command = { .name = "state",
					   .arguments = "ID",
					   .summary = "print a container's state as JSON",
					   .min = 1,
					   .max = 1,
					   .exits = exits,
					   .run = state_run };
const struct command run_list_command = {
	.name = "list", .summary = "list containers", .options = list_options, .exits = exits, .run = list_run
};
const struct command run_ps_command = { .name = "ps",
					.arguments = "ID [PS-OPTION...]",
					.summary = "list a container's processes, as the host numbers them",
					.min = 1,
					.max = 1 + PS_WORDS_MAX,
					.options = ps_options,
					.exits = exits,
					.run = ps_run,
					.in_order = true };
const struct command run_kill_command = { .name = "kill",
					  .arguments = "ID [SIGNAL]",
					  .summary = "send a signal to a container (TERM unless named)",
					  .min = 1,
					  .max = 2,
					  .options = kill_options,
					  .exits = exits,
					  .run = kill_run,
					  .in_order = true };
const struct command run_delete_command = {
	.name = "delete",
	.arguments = "ID",
	.summary = "remove a container that has ended, and everything that was made for it",
	.min = 1,
	.max = 1,
	.options = delete_options,
	.exits = exits,
	.run = delete_run
};
const struct command run_pause_command = { .name = "pause",
					   .arguments = "ID",
					   .summary = "freeze a container's processes",
					   .min = 1,
					   .max = 1,
					   .exits = exits,
					   .run = pause_run };
const struct command run_resume_command = { .name = "resume",
					    .arguments = "ID",
					    .summary = "thaw a container that was paused",
					    .min = 1,
					    .max = 1,
					    .exits = exits,
					    .run = resume_run };
