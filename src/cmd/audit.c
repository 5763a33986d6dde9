/* audit: `yagura audit`. */
#include <fcntl.h>
#include <unistd.h>

#include "cmd/checks.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"
#include "host/kernel.h"
#include "report/audit.h"

#define LEVEL_DEFAULT UINT64_MAX

static uint64_t arg_level = LEVEL_DEFAULT, arg_colour;
static struct str arg_format = STR("table"), arg_output, arg_ignore, arg_kconfig, arg_cmdline, arg_sysctl;
static bool arg_all, arg_strict;
static const char *const colours[] = { "auto", "always", "never", NULL };

static const struct option audit_options_table[] = {
	{ "level", 'l', OPTION_NUMBER, &arg_level, "N",
	  "1: what every host should have (default); 2: what costs something, too (default for a node).", NULL },
	{ "format", 'f', OPTION_TEXT, &arg_format, "FORMAT", "table (default), json or sarif.", NULL },
	{ "output", 'o', OPTION_TEXT, &arg_output, "FILE", "Where the report goes. Default: standard output.", NULL },
	{ "all", 'a', OPTION_FLAG, &arg_all, NULL, "Show what passed, too.", NULL },
	{ "ignore", 0, OPTION_TEXT, &arg_ignore, "FILE", "Exceptions: lines ID YYYY-MM-DD REASON.", NULL },
	{ "kconfig", 0, OPTION_TEXT, &arg_kconfig, "FILE", "A kernel's .config instead of this host's kernel.", NULL },
	{ "cmdline", 0, OPTION_TEXT, &arg_cmdline, "FILE", "... with this command line.", NULL },
	{ "sysctl", 0, OPTION_TEXT, &arg_sysctl, "FILE", "... and these sysctls, as `sysctl -a` prints them.", NULL },
	{ "strict", 0, OPTION_FLAG, &arg_strict, NULL, "End with status 4 when something could not be assessed.",
	  NULL },
	{ "colour", 0, OPTION_CHOICE, &arg_colour, "WHEN", "Colours in the table.", colours },
	{ NULL },
};

static int read_text(struct str path, size_t max, struct arena *a, struct str *ret, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = path.n ? file_read(AT_FDCWD, path.p, max, &text, e) : 0;

	if (r == 0 && path.n)
		*ret = arena_str(a, buf_all(&text));
	return r < 0 ? r : 0;
}

/* Files that describe a kernel: one that is not this host's. */
static int read_files(struct arena *a, struct kernel_input *in, struct err *e)
{
	int r;

	*in = (struct kernel_input){ .proc_sys = -1 };
	if (arg_kconfig.n) {
		auto_close int fd = fd_open(AT_FDCWD, arg_kconfig.p, O_RDONLY);

		r = fd < 0 ? err_errno(e, fd, "%s", arg_kconfig.p) : kernel_read_config(fd, a, &in->config, e);
		if (r < 0)
			return r;
	}
	r = read_text(arg_cmdline, KERNEL_CMDLINE_MAX, a, &in->cmdline, e);
	return r < 0 ? r : read_text(arg_sysctl, KERNEL_SYSCTL_MAX, a, &in->sysctl, e);
}

static int look(enum checks_of what, struct str name, struct audit *a, struct err *e)
{
	bool files = arg_kconfig.n || arg_cmdline.n || arg_sysctl.n;
	struct kernel_input in;
	int r;

	a->target = name;
	if (!files)
		return checks_run(what, a, e);
	a->target = arg_kconfig.n ? arg_kconfig : STR("files");
	r = read_files(&a->arena, &in, e);
	return r < 0 ? r : kernel_audit(&in, a, e);
}

static int write_report(const struct audit_format *f, const struct audit *a, struct err *e)
{
	auto_close int file = arg_output.n ? open(arg_output.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
	int fd = arg_output.n ? file : STDOUT_FILENO, r;
	struct audit_options o = { .level = (unsigned int)arg_level, .all = arg_all, .version = YAGURA_VERSION };
	struct out out;

	if (fd < 0)
		return err_errno(e, -errno, "%s", arg_output.p);
	o.columns = terminal_is(fd) ? terminal_columns(fd) : 0;
	o.colour = terminal_colour(fd, (enum terminal_colour)arg_colour);
	out_init(&out, fd);
	f->write(a, &o, &out);
	r = out_finish(&out);
	return r < 0 ? err_errno(e, r, "cannot write the report") : 0;
}

static int status_of(const struct audit *a)
{
	struct check_counts n = check_count(a, NULL, (unsigned int)arg_level);

	if (n.result[CHECK_FAIL])
		return EXIT_FINDINGS;
	return arg_strict && n.result[CHECK_UNKNOWN] ? EXIT_NOT_ALL : EXIT_CLEAN;
}

/* The order of enum checks_of. */
static const char *const targets[] = { "kernel", "host", "node" };

static bool what_parse(struct str name, enum checks_of *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		if (!str_is(name, targets[i]))
			continue;
		*ret = (enum checks_of)i;
		return true;
	}
	return false;
}

static int audit_run(const struct invocation *in)
{
	struct str name = in->args.n ? in->args.v[0] : STR("host");
	enum checks_of what = CHECKS_HOST;
	const struct audit_format *f = audit_format_named(arg_format);
	struct audit a = { 0 };
	struct err e = { 0 };
	int r;

	if (!f)
		return cmd_usage("--format: table, json or sarif");
	if (!what_parse(name, &what))
		return cmd_usage("what is audited is host, kernel or node");
	if (arg_level == LEVEL_DEFAULT)
		arg_level = what == CHECKS_NODE ? CHECKS_LEVEL_MAX : 1;
	if (!arg_level || arg_level > CHECKS_LEVEL_MAX)
		return cmd_usage("--level: 1 or 2");
	if (what != CHECKS_KERNEL && (arg_kconfig.n || arg_cmdline.n || arg_sysctl.n))
		return cmd_usage("--kconfig, --cmdline and --sysctl go with `audit kernel`");
	r = look(what, name, &a, &e);
	r = r < 0 ? r : checks_forgive(arg_ignore, &a, &e);
	r = r < 0 ? r : write_report(f, &a, &e);
	r = r < 0 ? cmd_fail(&e) : status_of(&a);
	audit_done(&a);
	return r;
}

static const struct example audit_examples[] = {
	{ "yagura audit", "this host" },
	{ "yagura audit kernel --level 2", "its kernel, held to everything" },
	{ "yagura audit node", "this host, held to all that a node is" },
	{ "yagura audit kernel --kconfig /boot/config-6.1.0-amd64", "another kernel" },
	{ "yagura audit --ignore exceptions.txt -f sarif -o audit.sarif", "for a pipeline" },
	{ NULL, NULL },
};
static const struct exit_row audit_exits[] = {
	{ 0, "everything that was asked is so" },
	{ 1, "something is not" },
	{ 2, "wrong usage" },
	{ 3, "it could not be done" },
	{ 4, "with --strict: not everything could be assessed" },
	{ -1, NULL },
};

const struct command audit_command = {
	.name = "audit",
	.arguments = "[host|kernel|node]",
	.summary = "hold a host's kernel and configuration to a baseline",
	.details = "Kernel build, command line and sysctls; mounts, files, security modules, ports and firewall, "
		   "container engines, the kubelet, and what "
		   "still runs although it was replaced. Some of it only root can see. As a node a host is also "
		   "held to this: programs come from a verified, read-only root, and nowhere else.",
	.max = 1,
	.options = audit_options_table,
	.examples = audit_examples,
	.exits = audit_exits,
	.run = audit_run,
};
