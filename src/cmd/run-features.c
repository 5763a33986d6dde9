/* run-features: features, spec, and what is refused (checkpoint, restore). */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/run.h"
#include "runtime/features.h"

static struct str arg_bundle;
static bool arg_rootless_spec;

static int features_run(const struct invocation *in unused_arg)
{
	struct json_out w;
	struct out o;

	out_init(&o, STDOUT_FILENO);
	json_out_init(&w, &o);
	features_write(&w);
	return out_finish(&o) < 0 ? RUN_FAILED : 0;
}

static bool only_v2(void)
{
	auto_cgroup_host struct cgroup_host h = { 0 };
	struct err ignored = { 0 };

	return cgroup_host(&h, &ignored) >= 0 && h.mode == CGROUP_V2;
}

static int spec_run(const struct invocation *in unused_arg)
{
	const char *bundle = arg_bundle.n ? arg_bundle.p : ".";
	auto_close int dir = fd_open(AT_FDCWD, bundle, O_RDONLY | O_DIRECTORY), fd = -1;
	struct err e = { 0 };
	struct json_out w;
	struct out o;
	int r = dir;

	if (dir >= 0) {
		fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		r = fd < 0 ? -errno : 0;
	}
	if (r == -EEXIST) {
		err_set(&e, r, "File config.json exists. Remove it first");
		return run_fail(&e);
	}
	if (r >= 0) {
		out_init(&o, fd);
		json_out_init(&w, &o);
		oci_spec_write(&w, only_v2(), arg_rootless_spec, geteuid(), getegid());
		r = out_finish(&o);
	}
	if (r >= 0)
		return 0;
	err_errno(&e, r, "%s/config.json", bundle);
	return run_fail(&e);
}

/* Engines call them only when somebody asks for it. */
static int refused_run(const struct invocation *in)
{
	struct err e = { 0 };

	err_set(&e, -ENOTSUP, "%s is not supported: containers of this runtime are not checkpointed",
		in->command->name);
	return run_fail(&e);
}

static const struct exit_row exits[] = {
	{ 0, "done" }, { RUN_FAILED, "it could not be done" }, { EXIT_USAGE, "wrong usage" }, { -1, NULL }
};
static const struct option spec_options[] = {
	{ "bundle", 'b', OPTION_TEXT, &arg_bundle, "DIR", "Where. Default: the working directory.", NULL },
	{ "rootless", 0, OPTION_FLAG, &arg_rootless_spec, NULL, "For a user without rights: with a user namespace.",
	  NULL },
	{ .name = NULL },
};

/* What engines may put behind them is passed over: the answer is the same. */
static struct str ignored;
static bool ignored_flag;
static const struct option refused_options[] = {
	{ "image-path", 0, OPTION_TEXT, &ignored, "DIR", "Not used.", NULL },
	{ "work-path", 0, OPTION_TEXT, &ignored, "DIR", "Not used.", NULL },
	{ "bundle", 'b', OPTION_TEXT, &ignored, "DIR", "Not used.", NULL },
	{ "detach", 'd', OPTION_FLAG, &ignored_flag, NULL, "Not used.", NULL },
	{ "pid-file", 0, OPTION_TEXT, &ignored, "FILE", "Not used.", NULL },
	{ "console-socket", 0, OPTION_TEXT, &ignored, "FILE", "Not used.", NULL },
	{ "leave-running", 0, OPTION_FLAG, &ignored_flag, NULL, "Not used.", NULL },
	{ "tcp-established", 0, OPTION_FLAG, &ignored_flag, NULL, "Not used.", NULL },
	{ "ext-unix-sk", 0, OPTION_FLAG, &ignored_flag, NULL, "Not used.", NULL },
	{ "shell-job", 0, OPTION_FLAG, &ignored_flag, NULL, "Not used.", NULL },
	{ "file-locks", 0, OPTION_FLAG, &ignored_flag, NULL, "Not used.", NULL },
	{ "manage-cgroups-mode", 0, OPTION_TEXT, &ignored, "MODE", "Not used.", NULL },
	{ "empty-ns", 0, OPTION_TEXT, &ignored, "NAMESPACE", "Not used.", NULL },
	{ "parent-path", 0, OPTION_TEXT, &ignored, "DIR", "Not used.", NULL },
	{ "no-pivot", 0, OPTION_FLAG, &ignored_flag, NULL, "Not used.", NULL },
	{ "no-subreaper", 0, OPTION_FLAG, &ignored_flag, NULL, "Not used.", NULL },
	{ .name = NULL },
};

const struct command run_features_command = { .name = "features",
					      .summary =
						      "print what this runtime can, as JSON (runtime-spec features.md)",
					      .exits = exits,
					      .run = features_run };
const struct command run_spec_command = { .name = "spec",
					  .summary = "write a config.json to begin with",
					  .options = spec_options,
					  .exits = exits,
					  .run = spec_run };
const struct command run_checkpoint_command = { .name = "checkpoint",
						.arguments = "ID",
						.summary = "not supported",
						.max = 1,
						.options = refused_options,
						.exits = exits,
						.run = refused_run,
						.hidden = true };
const struct command run_restore_command = { .name = "restore",
					     .arguments = "ID",
					     .summary = "not supported",
					     .max = 1,
					     .options = refused_options,
					     .exits = exits,
					     .run = refused_run,
					     .hidden = true };
