/* run-verify: what was asked for a container against what the kernel says, knob by knob. */
#include <errno.h>
#include <unistd.h>

#include "cmd/run.h"
#include "runtime/enforce.h"

#define TEXT_BYTES_MAX (16u << 20)
#define DIFFERENT 1

static uint64_t arg_format;

enum { FORMAT_TABLE, FORMAT_JSON };
static const char *const formats[] = { "table", "json", NULL };

/* An ending process has no root any more, some time before it is a zombie. */
static bool has_ended(struct container *c)
{
	char root[32];

	snprintf(root, sizeof(root), "/proc/%d/root", c->state.pid);
	return container_status(c) == STATUS_STOPPED || (access(root, F_OK) < 0 && errno == ENOENT);
}

static int report_of(struct container *c, struct enforce_report *ret, struct err *e)
{
	auto_enforce_record struct enforce_record rec = { 0 };
	int r = container_config(c, e);
	struct oci_config config = container_host_config(c);

	if (r >= 0)
		r = container_cgroup(c, e);
	if (r >= 0 && has_ended(c))
		r = err_set(e, -ESRCH, "container not running");
	if (r < 0)
		return r;
	r = enforce_record_read(c->dir_fd, &c->arena, &rec, e);
	if (r < 0)
		return err_wrap(e, r, "container \"%s\"", c->state.id);
	enforce_verify(&rec, c->has_cgroup ? &c->cgroup : NULL, &config, c->state.pid, &c->arena, ret);
	if (c->state.tier)
		container_tier_verify(c, &rec, ret);
	if (ret->differences && has_ended(c)) /* while it was looked at */
		return err_set(e, -ESRCH, "container not running");
	return 0;
}

static int verify_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	auto_enforce_report struct enforce_report report = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	int r = run_container(in, &rt, false, &c, &e);

	if (r >= 0)
		r = report_of(&c, &report, &e);
	if (r < 0)
		return run_fail(&e);
	buf_init(&b, TEXT_BYTES_MAX);
	if (arg_format == FORMAT_JSON)
		enforce_report_json(&report, c.state.id, &b);
	else
		enforce_report_table(&report, &b);
	if (buf_finish(&b) < 0 || fd_write(STDOUT_FILENO, b.p, b.n) < 0) {
		run_log(RUN_ERROR, "cannot write the answer");
		return RUN_FAILED;
	}
	return report.differences ? DIFFERENT : 0;
}

static const struct option verify_options[] = {
	{ "format", 'f', OPTION_CHOICE, &arg_format, "FORMAT", "table or json. Default: table.", formats },
	{ .name = NULL },
};
static const struct exit_row exits[] = { { 0, "every limit is in force as it was asked for" },
					 { DIFFERENT, "one is not, or there is no such container that runs" },
					 { EXIT_USAGE, "the command line is wrong" },
					 { -1, NULL } };
static const struct example examples[] = { { "yagura-run verify web", "a row for each limit" }, { NULL, NULL } };

const struct command run_verify_command = {
	.name = "verify",
	.arguments = "ID",
	.summary = "read a container's limits back from the kernel",
	.details =
		"Asked against effective for the control group, the devices, the writable layer, the rates of disk and "
		"network and the size of each tmpfs. The same is done before a container may start. Of a tier with a "
		"kernel of its own, that kernel is asked, too: no answer is a difference.",
	.min = 1,
	.max = 1,
	.options = verify_options,
	.exits = exits,
	.examples = examples,
	.run = verify_run,
};
