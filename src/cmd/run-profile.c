/* run-profile: profile record, profile show: the system calls a container really makes, as a seccomp profile. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/run.h"
#include "runtime/record.h"

#define PROFILES ".profiles" /* in the root of the state: one file an id */
#define PROFILE_BYTES_MAX (1u << 20)

static int profiles_open(const struct runtime *rt, bool make, struct err *e)
{
	int fd = rt->root_fd < 0 ? -ENOENT : fd_open(rt->root_fd, PROFILES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (fd == -ENOENT && make && mkdirat(rt->root_fd, PROFILES, 0700) == 0)
		fd = fd_open(rt->root_fd, PROFILES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	return fd < 0 ? err_errno(e, fd, PROFILES) : fd;
}

static int profile_text(const struct recorder *r, struct buf *ret, struct err *e)
{
	auto_close int fd = memfd_create("profile", MFD_CLOEXEC);
	struct json_out j;
	struct out o;
	int n;

	if (fd < 0)
		return err_errno(e, -errno, "profile record");
	out_init(&o, fd);
	json_out_init(&j, &o);
	recorder_profile(r->calls, &j);
	out_str(&o, STR("\n"));
	n = out_finish(&o);
	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, n < 0 ? n : -errno, "profile record");
	return fd_read_all(fd, PROFILE_BYTES_MAX, ret, e);
}

static int keep(const char *id, struct recorder *r, struct err *e)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_buf struct buf text = { 0 };
	auto_close int dir = -1;
	int n = recorder_finish(r, e);

	if (n >= 0)
		n = run_open(&rt, false, false, e);
	if (n >= 0)
		n = dir = profiles_open(&rt, true, e);
	if (n >= 0)
		n = profile_text(r, &text, e);
	return n < 0 ? n : file_write(dir, id, buf_all(&text), true, e);
}

static int record_run(const struct invocation *in)
{
	struct recorder r = { 0 };
	struct err e = { 0 };
	int status;

	if (recorder_init(&r, &e) < 0)
		return run_fail(&e);
	status = run_attended(in, &r);
	if (r.pid && keep(in->args.v[0].p, &r, &e) < 0)
		status = run_fail(&e);
	recorder_done(&r);
	return status;
}

static int show_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_buf struct buf text = { 0 };
	auto_close int dir = -1;
	struct err e = { 0 };
	const char *id = in->args.v[0].p;
	int r = state_id_valid(in->args.v[0]) ? run_open(&rt, false, false, &e)
					      : err_set(&e, -EINVAL, "\"%s\" is no container ID", id);

	if (r >= 0)
		r = dir = profiles_open(&rt, false, &e);
	if (r >= 0)
		r = file_read(dir, id, PROFILE_BYTES_MAX, &text, &e);
	if (r == -ENOENT)
		err_set(&e, r, "nothing was recorded of container \"%s\" (profile record)", id);
	if (r >= 0 && fd_write(STDOUT_FILENO, text.p, text.n) < 0)
		r = err_set(&e, -EIO, "cannot write the answer");
	return r < 0 ? run_fail(&e) : 0;
}

static const struct example record_examples[] = {
	{ "yagura-run profile record --bundle /srv/web web", "runs it to its end and writes down what it needed" },
	{ NULL, NULL },
};
static const struct example show_examples[] = {
	{ "yagura-run profile show web | jq '{linux: {seccomp: .}}'", "as it goes into config.json" },
	{ NULL, NULL },
};
static const struct exit_row record_exits[] = {
	{ 0, "the program ended with 0, and its profile is kept" },
	{ RUN_FAILED, "it could not be started or recorded, or ended with 1; any other status is the program's" },
	{ EXIT_USAGE, "wrong usage" },
	{ -1, NULL },
};
static const struct exit_row show_exits[] = { { 0, "done" },
					      { RUN_FAILED, "nothing was recorded under that name" },
					      { EXIT_USAGE, "wrong usage" },
					      { -1, NULL } };

static const struct command profile_commands[] = {
	{ .name = "record",
	  .arguments = "ID",
	  .summary = "run a container and write down the system calls it makes",
	  .details = "Runs the bundle in the foreground as *run* does, without the seccomp profile of its "
		     "configuration but under "
		     "the strict rules. The profile allows what was seen and nothing else: record what the program "
		     "does in its "
		     "whole life, errors too. Replaces an earlier one of the same name.",
	  .min = 1,
	  .max = 1,
	  .options = run_attended_options,
	  .examples = record_examples,
	  .exits = record_exits,
	  .run = record_run },
	{ .name = "show",
	  .arguments = "ID",
	  .summary = "print what was recorded, as linux.seccomp of an OCI configuration",
	  .min = 1,
	  .max = 1,
	  .examples = show_examples,
	  .exits = show_exits,
	  .run = show_run },
	{ .name = NULL },
};

const struct command run_profile_command = {
	.name = "profile",
	.summary = "seccomp profiles made of what containers do",
	.commands = profile_commands,
};
