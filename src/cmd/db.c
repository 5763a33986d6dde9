/* db: `yagura db`, the vulnerability data. */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/num.h"
#include "base/path.h"
#include "cmd/cmd.h"
#include "cmd/db-status.h"
#include "cmd/progress.h"
#include "codec/sha256.h"
#include "scan/build.h"
#include "scan/data.h"
#include "vuln/update/update.h"

/* ---- build ---- */

static struct option_list arg_from;
static bool arg_wait;

/* For commands that change what is in the data directory. */
static int open_and_lock(int *ret_dir, int *ret_lock)
{
	struct err e = { 0 };
	auto_close int dir = data_open(arg_z(arg_data), true, &e);

	if (dir < 0 || update_lock(dir, arg_wait, ret_lock, &e) < 0)
		return cmd_fail(&e);
	*ret_dir = take_fd(&dir);
	return 0;
}

/* What `update` knows of the files it fetched, for the database's list of feeds. */
struct origins {
	int dir;
	struct arena arena;
};

static void origin_of(void *ctx, struct str path, struct str *ret_source, struct str *ret_fetched,
		      struct str *ret_failure)
{
	struct origins *o = ctx;
	struct update_state state;
	struct str below = str_c(str_find(path, '/') < 0 ? "mirror" : "feeds"); /* only feeds/ has directories */

	update_state_of(o->dir, arena_fmt(&o->arena, STR_FMT "/" STR_FMT, STR_ARG(below), STR_ARG(path)), &o->arena,
			&state);
	*ret_source = state.url;
	*ret_fetched = state.fetched;
	*ret_failure = state.failure;
}

/* What nothing was made of is named: it may be what somebody counts on. */
static void tell_built(const struct build_report *r)
{
	fprintf(stderr, "database built from %llu %s; %llu %s, %llu could not be read\n", (unsigned long long)r->files,
		num_plural(r->files, "file", "files"), (unsigned long long)r->ignored,
		num_plural(r->ignored, "is no feed", "are no feeds"), (unsigned long long)r->failed);
	if (*r->first_ignored)
		fprintf(stderr, "passed over: %s\n", r->first_ignored);
	if (*r->first_failed)
		fprintf(stderr, "failed: %s\n", r->first_failed);
}

/* advice: what to do where there is nothing to build from. */
static int build(int data_dir, const struct build_options *options, const char *advice)
{
	struct build_report report;
	struct progress_bar bar;
	struct build_options o = *options;
	struct err e = { 0 };
	int r;

	progress_start(&bar, STDERR_FILENO, arg_quiet);
	o.progress = &bar.progress;
	o.now_s = (uint64_t)time(NULL);
	r = build_database(data_dir, &o, &report, &e);
	progress_end(&bar);
	if (r == -ENOENT && !report.ignored)
		err_set(&e, r, "no feed files: %s", advice);
	if (r < 0)
		return cmd_fail(&e);
	if (!arg_quiet)
		tell_built(&report);
	return EXIT_CLEAN;
}

/* The directories `update` fills, as far as they are there. */
static int build_from_data(int data_dir, const char *advice)
{
	static const char *const names[] = { "feeds", "mirror" };
	struct origins origins = { .dir = data_dir };
	struct build_origin origin = { &origins, origin_of };
	struct build_options o = { .origin = &origin };
	int dirs[ARRAY_LEN(names)];
	const char *found[ARRAY_LEN(names)];
	int r;

	o.dirs = dirs;
	o.names = found;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int fd = fd_open(data_dir, names[i], O_RDONLY | O_DIRECTORY);

		if (fd < 0)
			continue;
		dirs[o.dir_count] = fd;
		found[o.dir_count++] = names[i];
	}
	r = build(data_dir, &o, advice);
	for (size_t i = 0; i < o.dir_count; i++)
		fd_close(&dirs[i]);
	arena_done(&origins.arena);
	return r;
}

static int build_from_list(int data_dir)
{
	struct build_options o = { 0 };
	int dirs[BUILD_DIRS_MAX];
	const char *names[BUILD_DIRS_MAX];
	struct err e = { 0 };
	int r = 0;

	o.dirs = dirs;
	o.names = names;
	if (arg_from.values.n > BUILD_DIRS_MAX)
		return cmd_usage("--from: at most %d directories", BUILD_DIRS_MAX);
	for (size_t i = 0; i < arg_from.values.n && r == 0; i++) {
		int fd = fd_open(AT_FDCWD, arg_from.values.v[i].p, O_RDONLY | O_DIRECTORY);

		if (fd < 0) {
			err_errno(&e, fd, "%s", arg_from.values.v[i].p);
			r = cmd_fail(&e);
			continue;
		}
		dirs[o.dir_count] = fd;
		names[o.dir_count++] = arg_from.values.v[i].p;
	}
	if (r == 0)
		r = build(data_dir, &o, "there are none below it");
	for (size_t i = 0; i < o.dir_count; i++)
		fd_close(&dirs[i]);
	return r;
}

static int build_run(const struct invocation *in unused_arg)
{
	auto_close int data_dir = -1;
	auto_close int lock = -1;
	int r = open_and_lock(&data_dir, &lock);

	if (r)
		return r;
	if (arg_from.values.n)
		return build_from_list(data_dir);
	return build_from_data(data_dir, "run `yagura db update`, or name a directory with --from");
}

#define WAIT_ROW                                                                                 \
	{                                                                                        \
		"wait", 0, OPTION_FLAG, &arg_wait, NULL, "Wait for another update to end.", NULL \
	}

static const struct option build_options[] = {
	{ "from", 0, OPTION_LIST, &arg_from, "DIR",
	  "Compile the feed files in DIR and below; may be given several times. Default: what update fetched.", NULL },
	WAIT_ROW,
	{ NULL },
};

/* ---- update ---- */

static struct str arg_config, arg_only, arg_mirror, arg_sources, arg_keyring, arg_ca;
static uint64_t arg_mirror_bytes;
static bool arg_no_build, arg_strict_dates;

static const struct option update_options[] = {
	{ "config", 0, OPTION_TEXT, &arg_config, "FILE",
	  "The list of feeds. Default: the user's, /etc/yagura's, the built-in.", NULL },
	{ "only", 0, OPTION_TEXT, &arg_only, "FEED", "This feed alone; \"mirror\" is the distribution's own mirror.",
	  NULL },
	{ "mirror", 0, OPTION_TEXT, &arg_mirror, "HOW",
	  "What to read from the distribution's mirror: budget (installed packages first), all, installed, off.",
	  NULL },
	{ "mirror-bytes", 0, OPTION_SIZE, &arg_mirror_bytes, "SIZE",
	  "How much to fetch from it at most. Default: 256MiB.", NULL },
	{ "apt-sources", 0, OPTION_TEXT, &arg_sources, "FILE", "Repositories to read instead of the machine's own.",
	  NULL },
	{ "keyring", 0, OPTION_TEXT, &arg_keyring, "FILE", "Keys to trust for repositories that name none.", NULL },
	{ "strict-dates", 0, OPTION_FLAG, &arg_strict_dates, NULL, "A repository past its Valid-Until is an error.",
	  NULL },
	{ "ca-file", 0, OPTION_TEXT, &arg_ca, "FILE", "Certificates to trust besides the system's.", NULL },
	WAIT_ROW,
	{ "no-build", 0, OPTION_FLAG, &arg_no_build, NULL, "Fetch only.", NULL },
	{ NULL },
};

/* How many results from the i-th on belong to one feed and say the same. */
static size_t same_failure(const struct update_report *r, size_t i)
{
	const struct update_result *first = &r->feeds[i];
	size_t n = 1;

	while (i + n < r->count && r->feeds[i + n].outcome == first->outcome &&
	       str_eq(r->feeds[i + n].feed->name, first->feed->name) &&
	       strcmp(r->feeds[i + n].err.msg, first->err.msg) == 0)
		n++;
	return n;
}

static void say_failure(const struct update_result *f, size_t files)
{
	char count[32] = "";

	if (files > 1)
		snprintf(count, sizeof(count), " (%zu files)", files);
	fprintf(stderr, "  " STR_FMT "%s: %s\n", STR_ARG(f->feed->name), count, f->err.msg);
}

static void say_failures(const struct update_report *r)
{
	for (size_t i = 0; i < r->count; i += same_failure(r, i))
		if (r->feeds[i].outcome == UPDATE_FAILED)
			say_failure(&r->feeds[i], same_failure(r, i));
	if (r->mirror_status < 0 && r->mirror_status != -ENOENT)
		fprintf(stderr, "  mirror: %s\n", r->mirror_err.msg);
	for (size_t i = 0; i < r->mirror.count; i++) {
		const struct mirror_result *s = &r->mirror.suite[i];

		if (s->status < 0)
			fprintf(stderr, "  mirror %s: %s\n", s->suite, s->err.msg);
		else if (s->note[0])
			fprintf(stderr, "  mirror %s: %s\n", s->suite, s->note);
	}
}

struct outcome {
	size_t count[UPDATE_FAILED + 1];
	uint64_t bytes;
};

static struct outcome outcome_of(const struct update_report *r)
{
	struct outcome o = { 0 };

	for (size_t i = 0; i < r->count; i++) {
		o.count[r->feeds[i].outcome]++;
		o.bytes += r->feeds[i].bytes;
	}
	for (size_t i = 0; i < r->mirror.count; i++) {
		o.count[r->mirror.suite[i].status < 0  ? UPDATE_FAILED
			: r->mirror.suite[i].unchanged ? UPDATE_UNCHANGED
						       : UPDATE_NEW]++;
		o.bytes += r->mirror.suite[i].bytes;
	}
	return o;
}

static bool is_all_failed(const struct outcome *o)
{
	return o->count[UPDATE_FAILED] && !o->count[UPDATE_NEW] && !o->count[UPDATE_UNCHANGED];
}

static void say_outcome(const struct update_report *r, const struct outcome *o)
{
	char text[NUM_BYTES_TEXT_MAX];

	fprintf(stderr, "feeds: %zu new, %zu unchanged, %zu failed; %s fetched\n", o->count[UPDATE_NEW],
		o->count[UPDATE_UNCHANGED], o->count[UPDATE_FAILED], num_bytes_text(o->bytes, text));
	say_failures(r);
}

static int fetch_feeds(int data_dir, const struct update_config *config, enum mirror_mode mode, bool *ret_all_failed)
{
	struct update_options o = {
		.now_s = (uint64_t)time(NULL),
		.ca_file = arg_z(arg_ca),
		.check = build_check,
		.only = arg_z(arg_only),
		.no_mirror = mode == MIRROR_OFF,
		.mirror = { .mode = mode,
			    .sources_file = arg_z(arg_sources),
			    .keyring = arg_z(arg_keyring),
			    .strict_dates = arg_strict_dates,
			    .bytes_max = arg_mirror_bytes },
	};
	struct update_report report = { 0 };
	struct outcome outcome;
	struct progress_bar bar;
	struct err e = { 0 };
	int r;

	progress_start(&bar, STDERR_FILENO, arg_quiet);
	r = update_run(data_dir, config, &o, &bar.progress, &report, &e);
	progress_end(&bar);
	outcome = outcome_of(&report);
	*ret_all_failed = is_all_failed(&outcome);
	if (r == 0 && (!arg_quiet || *ret_all_failed))
		say_outcome(&report, &outcome);
	update_report_done(&report);
	return r < 0 ? cmd_fail(&e) : 0;
}

static int update_with(int data_dir, struct update_config *config)
{
	enum mirror_mode mode = config->mirror;
	bool all_failed = false;
	int r;

	if (arg_mirror.n && !mirror_mode_parse(arg_mirror, &mode))
		return cmd_usage("--mirror takes budget, all, installed or off");
	r = fetch_feeds(data_dir, config, mode, &all_failed);
	if (r == 0 && !arg_no_build)
		r = build_from_data(data_dir, "none could be fetched, and none is there from before");
	if (r || !all_failed)
		return r;
	fputs("yagura: no feed could be fetched: the data are as they were\n", stderr);
	return EXIT_COULD_NOT;
}

static int update_run_command(const struct invocation *in unused_arg)
{
	struct update_config config = { 0 };
	struct err e = { 0 };
	auto_close int data_dir = -1;
	auto_close int lock = -1;
	int r;

	sha256_setup();
	if (update_config_load(arg_z(arg_config), &config, &e) < 0)
		return cmd_fail(&e);
	r = open_and_lock(&data_dir, &lock);
	r = r ? r : update_with(data_dir, &config);
	update_config_done(&config);
	return r;
}

/* ---- status, verify, export, import ---- */

static int with_database(int (*act)(const struct db *d))
{
	char directory[PATH_BYTES_MAX];
	struct db *d = NULL;
	struct err e = { 0 };
	int r;

	sha256_setup();
	r = data_db_open(&d, arg_z(arg_data), &e);

	if (r == -ENOENT && data_path(arg_z(arg_data), directory, sizeof(directory)) == 0)
		err_set(&e, r, "there is no database yet in %s: run `yagura db update`", directory);
	if (r < 0)
		return cmd_fail(&e);
	r = act(d);
	db_free(d);
	return r;
}

static bool arg_all;
static uint64_t arg_format;
static const char *const status_formats[] = { "table", "json", NULL };

static const struct option status_options[] = {
	{ "all", 0, OPTION_FLAG, &arg_all, NULL, "Show each file of each feed, with what is wrong in it.", NULL },
	{ "format", 'f', OPTION_CHOICE, &arg_format, "FORMAT", "How to print it.", status_formats },
	{ NULL },
};

static int print_status(const struct db *d)
{
	auto_close int data_dir = data_open(arg_z(arg_data), false, NULL);
	struct db_status_options o = { .data_dir = data_dir, .json = arg_format == 1, .all = arg_all };

	return db_status(d, &o);
}

static int status_run(const struct invocation *in unused_arg)
{
	return with_database(print_status);
}

static int verify_database(const struct db *d)
{
	struct err e = { 0 };

	if (db_verify(d, &e) < 0)
		return cmd_fail(&e);
	printf("the seal fits\n");
	return EXIT_CLEAN;
}

static int verify_run(const struct invocation *in unused_arg)
{
	return with_database(verify_database);
}

static int export_run(const struct invocation *in)
{
	struct err e = { 0 };
	auto_close int data_dir = data_open(arg_z(arg_data), false, &e);

	sha256_setup();
	if (data_dir < 0 || update_export(data_dir, DATA_DB_NAME, in->args.v[0].p, &e) < 0)
		return cmd_fail(&e);
	return EXIT_CLEAN;
}

static const struct option import_options[] = {
	WAIT_ROW,
	{ NULL },
};

static int import_run(const struct invocation *in)
{
	auto_close int data_dir = -1;
	auto_close int lock = -1;
	struct err e = { 0 };
	int r = open_and_lock(&data_dir, &lock);

	sha256_setup();
	if (r == 0 && update_import(data_dir, DATA_DB_NAME, in->args.v[0].p, &e) < 0)
		r = cmd_fail(&e);
	return r;
}

static const struct exit_row db_exits[] = {
	{ EXIT_CLEAN, "done" },
	{ EXIT_WRONG_USAGE, "wrong usage" },
	{ EXIT_COULD_NOT, "it could not be done, or there is no database yet" },
	{ -1, NULL },
};

static const struct exit_row update_exits[] = {
	{ EXIT_CLEAN, "at least one feed is new or unchanged, or none is configured" },
	{ EXIT_WRONG_USAGE, "wrong usage" },
	{ EXIT_COULD_NOT, "it could not be done, or no feed could be fetched: what is known is what was known before" },
	{ -1, NULL },
};

static const struct example db_examples[] = {
	{ "yagura db update", "fetch what is new and build the database" },
	{ "yagura db build --from feeds/", "from files, without a network" },
	{ "yagura db export data.db", "for a machine without a network, there: yagura db import data.db" },
	{ NULL, NULL },
};

static const struct command db_commands[] = {
	{ .name = "update",
	  .summary = "fetch what is new and build the database",
	  .options = update_options,
	  .examples = db_examples,
	  .exits = update_exits,
	  .run = update_run_command },
	{ .name = "build",
	  .summary = "build the database from feed files",
	  .options = build_options,
	  .examples = db_examples,
	  .exits = db_exits,
	  .run = build_run },
	{ .name = "status",
	  .summary = "what the database was built from",
	  .options = status_options,
	  .exits = db_exits,
	  .run = status_run },
	{ .name = "verify", .summary = "hold the database against its seal", .exits = db_exits, .run = verify_run },
	{ .name = "export",
	  .arguments = "FILE",
	  .summary = "copy the database out",
	  .min = 1,
	  .max = 1,
	  .exits = db_exits,
	  .run = export_run },
	{ .name = "import",
	  .arguments = "FILE",
	  .summary = "verify a database and put it in place",
	  .options = import_options,
	  .min = 1,
	  .max = 1,
	  .exits = db_exits,
	  .run = import_run },
	{ .name = NULL },
};

const struct command db_command = {
	.name = "db",
	.summary = "fetch, build and look at the vulnerability data",
	.examples = db_examples,
	.commands = db_commands,
};
