/* scan: `yagura scan`. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "cmd/checks.h"
#include "cmd/cmd.h"
#include "cmd/target.h"
#include "cmd/terminal.h"
#include "report/report.h"
#include "vuln/version/version.h"

#define OUTPUTS_MAX 16

static struct option_list arg_formats, arg_outputs;
static uint64_t arg_severity, arg_statuses, arg_fail_on, arg_colour;
static uint64_t arg_checks = 1;
static struct str arg_checks_ignore;
static bool arg_fixed_only, arg_strict, arg_no_unimportant;

/* The order of enum severity. */
static const char *const severities[] = { "unknown", "negligible", "low", "medium", "high", "critical", NULL };
/* "none" behind the severities: findings never change the exit status. */
static const char *const thresholds[] = { "unknown", "negligible", "low", "medium", "high", "critical", "none", NULL };
#define THRESHOLD_NONE (SEV_CRITICAL + 1)
/* The order of enum finding_status. */
static const char *const statuses[] = {
	"fixed", "affected", "wont-fix", "deferred", "end-of-life", "subscription", "under-investigation", NULL
};
static const char *const formats[] = { "table", "json", NULL }; /* of report_formats[] */
static const char *const colours[] = { "auto", "always", "never", NULL };

static const struct option scan_options[] = {
	{ "format", 'f', OPTION_LIST, &arg_formats, "FORMAT", "Default: table. May be given several times.", formats },
	{ "output", 'o', OPTION_LIST, &arg_outputs, "FILE",
	  "Where the report goes: the first FILE for the first FORMAT, and so on; \"-\" is standard output.", NULL },
	{ "severity", 's', OPTION_CHOICE, &arg_severity, "LEVEL", "Show findings of this severity and worse.",
	  severities },
	{ "status", 0, OPTION_CHOICES, &arg_statuses, "STATUS", "Show findings of these statuses only.", statuses },
	{ "fixed-only", 0, OPTION_FLAG, &arg_fixed_only, NULL, "Show only what an upgrade repairs.", NULL },
	{ "no-unimportant", 0, OPTION_FLAG, &arg_no_unimportant, NULL,
	  "Leave out what the distribution says has no security effect.", NULL },
	{ "fail-on", 0, OPTION_CHOICE, &arg_fail_on, "LEVEL",
	  "End with status 1 only for findings of this severity and worse; \"none\": never.", thresholds },
	{ "checks", 0, OPTION_NUMBER, &arg_checks, "LEVEL",
	  "Hold a host to the checks of `yagura audit`: 1 (default), 2 (more), 0 (none).", NULL },
	{ "checks-ignore", 0, OPTION_TEXT, &arg_checks_ignore, "FILE",
	  "Exceptions from them: lines ID YYYY-MM-DD REASON.", NULL },
	{ "strict", 0, OPTION_FLAG, &arg_strict, NULL, "End with status 4 when something could not be assessed.",
	  NULL },
	{ "colour", 0, OPTION_CHOICE, &arg_colour, "WHEN", "Colours in the table.", colours },
	TARGET_OPTION_ROWS,
	{ NULL },
};

static const struct example scan_examples[] = {
	{ "yagura scan", "this host, and how it is set up" },
	{ "yagura scan host --checks 0 --fixed-only", "only what an upgrade of its packages repairs" },
	{ "yagura scan debian:12", "an image of a registry" },
	{ "yagura scan image.tar", "what docker save wrote" },
	{ "yagura scan oci:layout:tag", "an OCI layout directory" },
	{ "yagura scan rootfs:/srv/chroot --fixed-only", "a root file system" },
	{ "yagura scan app.tar -f json -o report.json -f table", "two reports of one scan" },
	{ "yagura scan app.tar --severity high --fail-on critical", "for a pipeline" },
	{ NULL, NULL },
};

static const struct exit_row scan_exits[] = {
	{ EXIT_CLEAN, "nothing found, or only below --fail-on" },
	{ EXIT_FINDINGS, "findings at or above --fail-on (default: any shown finding); a failed check of a host counts "
			 "as medium (level 1) or low (level 2)" },
	{ EXIT_WRONG_USAGE, "wrong usage" },
	{ EXIT_COULD_NOT, "it could not be done, or there is no vulnerability database: nothing was judged" },
	{ EXIT_NOT_ALL, "with --strict: not everything could be assessed" },
	{ -1, NULL },
};

/* One report to write. */
struct job {
	const struct report_format *format;
	const char *file; /* NULL: standard output */
};

/* What is no file of its own (/dev/null, /dev/stdout, a named pipe, a link) is written to: putting a file in its place
 * would take it from everybody else. */
static bool is_in_place(const char *file)
{
	struct stat st;

	return lstat(file, &st) == 0 && !S_ISREG(st.st_mode);
}

static int temporary_name(const char *file, char name[PATH_BYTES_MAX])
{
	return snprintf(name, PATH_BYTES_MAX, "%s.tmp-%d", file, (int)getpid()) >= PATH_BYTES_MAX ? -ENAMETOOLONG : 0;
}

/* Nobody wants to wait for a scan to learn that its report has no place. */
static int check_file(const char *file)
{
	char directory[PATH_BYTES_MAX];
	struct str slash = str_c(file);
	struct err e = { 0 };
	struct stat st;
	int r = 0;

	if (!*file)
		return cmd_usage("--output: a name is empty");
	if (temporary_name(file, directory) < 0)
		return cmd_usage("--output: a name is too long");
	while (slash.n && slash.p[slash.n - 1] != '/')
		slash.n--;
	snprintf(directory, sizeof(directory), STR_FMT ".", STR_ARG(slash));
	if (stat(file, &st) == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	else if (access(is_in_place(file) ? file : directory, W_OK) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	err_errno(&e, r, "%s", file);
	return cmd_fail(&e);
}

static int check_place(const struct job *jobs, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (!jobs[k].file && !jobs[i].file)
			return cmd_usage("two reports cannot both go to standard output: name a file for each with "
					 "--output");
		if (jobs[k].file && jobs[i].file && strcmp(jobs[k].file, jobs[i].file) == 0 &&
		    !is_in_place(jobs[i].file))
			return cmd_usage("--output: %s is named twice", jobs[i].file);
	}
	return jobs[i].file ? check_file(jobs[i].file) : 0;
}

static int plan_jobs(struct job *jobs, size_t *ret_n)
{
	size_t n = arg_formats.values.n ? arg_formats.values.n : 1;

	if (n > OUTPUTS_MAX)
		return cmd_usage("at most %d formats at once", OUTPUTS_MAX);
	if (arg_outputs.values.n > n)
		return cmd_usage("more --output than --format");
	for (size_t i = 0; i < n; i++) {
		struct str name = arg_formats.values.n ? arg_formats.values.v[i] : STR("table");
		struct str file = i < arg_outputs.values.n ? arg_outputs.values.v[i] : STR("-");
		int r;

		jobs[i].format = report_format_named(name);
		if (!jobs[i].format)
			return cmd_usage("no format \"" STR_FMT "\"; there are table and json", STR_ARG(name));
		jobs[i].file = str_is(file, "-") ? NULL : file.p;
		r = check_place(jobs, i);
		if (r)
			return r;
	}
	*ret_n = n;
	return 0;
}

static int compare_versions(enum pkg_type type, struct str a, struct str b)
{
	const struct version_scheme *scheme = version_scheme_for(type);

	return scheme ? scheme->compare(a, b) : str_cmp(a, b);
}

static struct report_options options_for(const struct job *job)
{
	struct report_options o = {
		.filter = { .least = (enum severity)arg_severity,
			    .statuses = (unsigned int)arg_statuses,
			    .fixed_only = arg_fixed_only,
			    .no_unimportant = arg_no_unimportant,
			    .checks = (unsigned int)arg_checks },
		.quiet = arg_quiet,
		.version = YAGURA_VERSION,
		.version_compare = compare_versions,
	};

	if (!job->file)
		o.columns = terminal_columns(STDOUT_FILENO);
	o.colour = terminal_colour(job->file ? -1 : STDOUT_FILENO, (enum terminal_colour)arg_colour);
	return o;
}

/* A file appears whole or not at all. */
static int write_file(const struct job *job, const struct verdict *v, const struct report_options *o)
{
	char name[PATH_BYTES_MAX];
	struct err e = { 0 };
	struct out out;
	bool in_place = is_in_place(job->file);
	int fd, r = temporary_name(job->file, name);

	fd = r < 0	? r
	     : in_place ? fd_open(AT_FDCWD, job->file, O_WRONLY | O_TRUNC)
			: fd_open(AT_FDCWD, name, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0) {
		err_errno(&e, fd, "%s", job->file);
		return cmd_fail(&e);
	}
	out_init(&out, fd);
	job->format->write(v, o, &out);
	r = out_finish(&out);
	if (r == 0 && !in_place && (fchmod(fd, 0644) < 0 || rename(name, job->file) < 0))
		r = -errno;
	fd_close(&fd);
	if (r == 0)
		return 0;
	if (!in_place)
		unlink(name);
	err_errno(&e, r, "%s", job->file);
	return cmd_fail(&e);
}

static int write_report(const struct job *job, const struct verdict *v)
{
	struct report_options o = options_for(job);
	struct err e = { 0 };
	struct out out;
	int r;

	if (job->file)
		return write_file(job, v, &o);
	out_init(&out, STDOUT_FILENO);
	job->format->write(v, &o, &out);
	r = out_finish(&out);
	if (r == -EPIPE || r == 0)
		return 0; /* a reader that has seen enough */
	err_errno(&e, r, "standard output");
	return cmd_fail(&e);
}

/* Files first: whoever reads standard output may have seen enough, and a process that writes on is ended. */
static int write_reports(const struct job *jobs, size_t n, const struct verdict *v)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		if (jobs[i].file)
			r = write_report(&jobs[i], v);
	for (size_t i = 0; i < n && r == 0; i++)
		if (!jobs[i].file)
			r = write_report(&jobs[i], v);
	return r;
}

static size_t unknown_checks(const struct audit *a)
{
	return a ? check_count(a, NULL, (unsigned int)arg_checks).result[CHECK_UNKNOWN] : 0;
}

static int status_of(const struct scan *s, const struct db *db)
{
	struct report_options o = options_for(&(struct job){ 0 });

	if (!db)
		return EXIT_COULD_NOT; /* the report says what was found, but nothing was judged */
	if (arg_fail_on != THRESHOLD_NONE && report_reaches(&s->verdict, &o.filter, (enum severity)arg_fail_on))
		return EXIT_FINDINGS;
	return arg_strict && (s->inventory.notes.n || unknown_checks(s->verdict.audit)) ? EXIT_NOT_ALL : EXIT_CLEAN;
}

/* A host is more than its packages. */
static int check_host(struct scan *s, struct audit *a)
{
	struct err e = { 0 };
	int r;

	if (s->image.info.kind != IMAGE_HOST || !arg_checks)
		return 0;
	r = checks_run(CHECKS_HOST, a, &e);
	r = r < 0 ? r : checks_forgive(arg_checks_ignore, a, &e);
	s->verdict.audit = a;
	return r < 0 ? cmd_fail(&e) : 0;
}

static int scan_run(const struct invocation *in)
{
	struct job jobs[OUTPUTS_MAX];
	struct audit audit = { 0 };
	struct db *db = NULL;
	struct scan s;
	size_t n = 0;
	struct err e = { 0 };
	int r = plan_jobs(jobs, &n);

	if (r == 0 && arg_checks > CHECKS_LEVEL_MAX)
		return cmd_usage("--checks: 0, 1 or 2");
	if (r == 0 && checks_forgivable(arg_checks_ignore, &e) < 0)
		return cmd_fail(&e);
	if (r == 0)
		r = target_scan(&s, &db, in->args.n ? in->args.v[0] : STR("host"));
	if (r)
		return r;
	if (!db)
		target_say_no_database();
	r = check_host(&s, &audit);
	r = r ? r : write_reports(jobs, n, &s.verdict);
	if (r == 0)
		r = status_of(&s, db);
	audit_done(&audit);
	scan_done(&s);
	db_free(db);
	return r;
}

const struct command scan_command = {
	.name = "scan",
	.arguments = "[[KIND:]TARGET]",
	.summary = "scan an image, a directory or this host for known vulnerabilities",
	.details = "KIND is docker-archive, oci, oci-archive, registry, podman, docker, rootfs, tar or host; without "
		   "it, it is "
		   "found by looking. Without TARGET this host is scanned.\n\n"
		   "What could not be judged is listed as not assessed, with the reason: no finding never means more "
		   "than what "
		   "was looked at.",
	.max = 1,
	.options = scan_options,
	.examples = scan_examples,
	.exits = scan_exits,
	.run = scan_run,
};
