/* target: what `scan` and `explain` share. See target.h. */
#include "cmd/target.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "image/manifest.h"
#include "scan/data.h"

struct target_args arg_target;

/* For what has to be unpacked to be read; the files there never have a name. */
int target_scratch(void)
{
	const char *tmp = getenv("TMPDIR");

	return open(tmp && *tmp ? tmp : "/var/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_database(struct db **ret)
{
	struct err e = { 0 };
	int r = data_db_open(ret, arg_z(arg_data), &e);

	if (r == -ENOENT)
		*ret = NULL;
	return r < 0 && r != -ENOENT ? cmd_fail(&e) : 0;
}

void target_say_no_database(void)
{
	char directory[PATH_BYTES_MAX];

	if (data_path(arg_z(arg_data), directory, sizeof(directory)) < 0)
		*directory = 0;
	fprintf(stderr,
		"yagura: there is no vulnerability database in %s, so nothing was judged: run `yagura db update`\n",
		directory);
}

struct image_options target_image_options(void)
{
	struct image_options o = {
		.platform = arg_target.platform,
		.plain_http = arg_target.plain_http,
		.insecure_tls = arg_target.insecure,
		.ca_file = arg_z(arg_target.ca_file),
		.auth_file = arg_z(arg_target.auth_file),
		.user = arg_target.user,
		.scratch_dir = -1,
	};

	str_split(arg_target.user, ':', &o.user, &o.password);
	return o;
}

static struct scan_options scan_options_of(const struct progress *progress, int scratch)
{
	struct scan_options o = {
		.image = target_image_options(),
		.cache_path = arg_z(arg_cache),
		.no_cache = arg_target.no_cache,
		.now_s = (uint64_t)time(NULL),
		.progress = progress,
	};

	o.image.scratch_dir = scratch;
	o.image.progress = progress;
	return o;
}

/* A message that begins with the place of the target, "img: config: ...", begins with all that was asked for instead.
 */
static void name_target(struct err *e, int r, struct str target)
{
	struct str said = str_c(e->msg), kind, path, head, rest;

	if (str_starts(said, target))
		return;
	if (str_split(target, ':', &kind, &path) && str_split(said, ':', &head, &rest) && head.n &&
	    str_starts(path, head) && str_starts(rest, STR(" ")))
		memmove(e->msg, rest.p + 1, rest.n); /* with its end */
	err_wrap(e, r, STR_FMT, STR_ARG(target));
}

int target_read(struct scan *ret, struct str target)
{
	auto_close int scratch = target_scratch();
	struct platform platform;
	struct progress_bar bar;
	struct scan_options o;
	struct err e = { 0 };
	int r = platform_parse(arg_target.platform, &platform, &e);

	if (r < 0)
		return cmd_usage("--%s", e.msg);

	progress_start(&bar, STDERR_FILENO, arg_quiet);
	o = scan_options_of(&bar.progress, scratch);
	r = scan_inventory(ret, target, &o, &e);
	progress_end(&bar);
	if (r == 0)
		return 0;
	name_target(&e, r, target);
	return cmd_fail(&e);
}

int target_inventory(struct scan *ret, struct db **ret_db, struct str target)
{
	int r = target_read(ret, target);

	if (r)
		return r;
	r = open_database(ret_db);
	if (r)
		scan_done(ret);
	return r;
}

struct match_options target_match_options(void)
{
	return (struct match_options){ .no_inferred = arg_target.no_inferred, .pro_attached = arg_target.pro };
}

int target_scan(struct scan *ret, struct db **ret_db, struct str target)
{
	struct match_options match = target_match_options();
	struct err e = { 0 };
	int r = target_inventory(ret, ret_db, target);

	if (r)
		return r;
	if (scan_match(ret, *ret_db, &match, &e) == 0)
		return 0;
	scan_done(ret);
	*ret_db = db_free(*ret_db);
	return cmd_fail(&e);
}
