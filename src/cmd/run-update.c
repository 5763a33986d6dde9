/* run-update: update. */
#include <fcntl.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/run.h"

static struct str arg_resources, arg_memory, arg_reservation, arg_swap, arg_quota, arg_rt_runtime, arg_pids, arg_cpus,
	arg_mems, arg_l3, arg_mb, arg_kernel, arg_kernel_tcp;
static struct str arg_period, arg_burst, arg_shares, arg_rt_period, arg_weight, arg_idle;

#define NUMBER(name, to, value, help)                       \
	{                                                   \
		name, 0, OPTION_TEXT, to, value, help, NULL \
	}
static const struct option update_options[] = {
	{ "resources", 'r', OPTION_TEXT, &arg_resources, "FILE",
	  "linux.resources as JSON, - for standard input; the other options are then not looked at.", NULL },
	NUMBER("memory", &arg_memory, "BYTES", "Memory limit, with k, m, g if wanted; -1: none."),
	NUMBER("memory-reservation", &arg_reservation, "BYTES", "Memory that is kept for it when the host runs short."),
	NUMBER("memory-swap", &arg_swap, "BYTES", "Memory and swap together; -1: any amount of swap."),
	NUMBER("cpu-period", &arg_period, "MICROSECONDS", "The time in which the quota is given."),
	NUMBER("cpu-quota", &arg_quota, "MICROSECONDS", "CPU time in one period; -1: no limit."),
	NUMBER("cpu-burst", &arg_burst, "MICROSECONDS", "Unused time that may be saved up."),
	NUMBER("cpu-share", &arg_shares, "SHARES", "Weight against other groups."),
	NUMBER("cpu-rt-period", &arg_rt_period, "MICROSECONDS", "The same for realtime processes."),
	NUMBER("cpu-rt-runtime", &arg_rt_runtime, "MICROSECONDS", "CPU time of realtime processes in one period."),
	NUMBER("cpu-idle", &arg_idle, "0|1", "1: runs only when nothing else does."),
	{ "cpuset-cpus", 0, OPTION_TEXT, &arg_cpus, "LIST", "CPUs it may use: 0-2,4.", NULL },
	{ "cpuset-mems", 0, OPTION_TEXT, &arg_mems, "LIST", "Memory nodes it may use.", NULL },
	NUMBER("pids-limit", &arg_pids, "N", "Processes and threads; -1: no limit."),
	NUMBER("blkio-weight", &arg_weight, "N", "Weight of its disk access, 10 to 1000."),
	{ "l3-cache-schema", 0, OPTION_TEXT, &arg_l3, "SCHEMA", "Not supported.", NULL },
	{ "mem-bw-schema", 0, OPTION_TEXT, &arg_mb, "SCHEMA", "Not supported.", NULL },
	NUMBER("kernel-memory", &arg_kernel, "BYTES", "Not supported: kernels have no such limit any more."),
	NUMBER("kernel-memory-tcp", &arg_kernel_tcp, "BYTES", "Memory of TCP buffers."),
	{ .name = NULL },
};

/* -1, or a number, with k, m, g, t when it is bytes. */
static int number(const char *name, struct str text, bool bytes, struct opt_i64 *ret, struct err *e)
{
	uint64_t v;
	int64_t i;

	if (!text.n)
		return 0;
	if (bytes && option_size(text, &v) && v <= INT64_MAX)
		*ret = (struct opt_i64){ true, (int64_t)v };
	else if (num_i64(text, &i) && i >= -1)
		*ret = (struct opt_i64){ true, i };
	else
		return err_set(e, -EINVAL, "--%s: \"" STR_FMT "\" is no %s and not -1", name, STR_ARG(text),
			       bytes ? "size" : "number");
	return 0;
}

static int from_options(struct oci_resources *r, struct err *e)
{
	struct opt_i64 period = { 0 }, burst = { 0 }, shares = { 0 }, rt_period = { 0 }, weight = { 0 };
	const struct {
		const char *name;
		struct str text;
		bool bytes;
		struct opt_i64 *to;
		struct opt_u64 *unsigned_to;
	} rows[] = {
		{ "memory", arg_memory, true, &r->memory.limit, NULL },
		{ "memory-reservation", arg_reservation, true, &r->memory.reservation, NULL },
		{ "memory-swap", arg_swap, true, &r->memory.swap, NULL },
		{ "kernel-memory", arg_kernel, true, &r->memory.kernel, NULL },
		{ "kernel-memory-tcp", arg_kernel_tcp, true, &r->memory.kernel_tcp, NULL },
		{ "cpu-quota", arg_quota, false, &r->cpu.quota, NULL },
		{ "cpu-rt-runtime", arg_rt_runtime, false, &r->cpu.rt_runtime, NULL },
		{ "cpu-idle", arg_idle, false, &r->cpu.idle, NULL },
		{ "pids-limit", arg_pids, false, &r->pids, NULL },
		{ "cpu-period", arg_period, false, &period, &r->cpu.period },
		{ "cpu-burst", arg_burst, false, &burst, &r->cpu.burst },
		{ "cpu-share", arg_shares, false, &shares, &r->cpu.shares },
		{ "cpu-rt-period", arg_rt_period, false, &rt_period, &r->cpu.rt_period },
		{ "blkio-weight", arg_weight, false, &weight, &r->io.weight },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int code = number(rows[i].name, rows[i].text, rows[i].bytes, rows[i].to, e);

		if (code < 0)
			return code;
		if (rows[i].unsigned_to && rows[i].to->set) {
			if (rows[i].to->v < 0)
				return err_set(e, -EINVAL, "--%s: cannot be -1", rows[i].name);
			*rows[i].unsigned_to = (struct opt_u64){ true, (uint64_t)rows[i].to->v };
		}
	}
	r->cpu.cpus = run_z(arg_cpus);
	r->cpu.mems = run_z(arg_mems);
	return 0;
}

static int from_file(struct container *c, struct oci_resources *r, struct err *e)
{
	struct oci_warnings w = { .compat = c->state.compat };
	bool standard_input = str_is(arg_resources, "-");
	auto_close int fd = standard_input ? dup(STDIN_FILENO) : fd_open(AT_FDCWD, arg_resources.p, O_RDONLY);
	auto_buf struct buf text = { 0 };
	int code;

	if (fd < 0)
		return err_errno(e, standard_input ? -errno : fd, "%s", arg_resources.p);
	code = fd_read_all(fd, CONFIG_BYTES_MAX, &text, e);
	if (code >= 0)
		code = oci_resources_parse(buf_all(&text), &c->arena, r, &w, e);
	run_warnings(&w);
	return code < 0 ? err_wrap(e, code, "%s", standard_input ? "standard input" : arg_resources.p) : 0;
}

static int update_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	struct oci_resources r = { 0 };
	struct err e = { 0 };
	int code = run_container(in, &rt, true, &c, &e);

	if (code >= 0 && (arg_l3.n || arg_mb.n))
		code = err_set(&e, -ENOTSUP, "--%s: not done by this runtime",
			       arg_l3.n ? "l3-cache-schema" : "mem-bw-schema");
	if (code >= 0)
		code = arg_resources.n ? from_file(&c, &r, &e) : from_options(&r, &e);
	if (code >= 0)
		code = container_update(&c, &r, &e);
	return code < 0 ? run_fail(&e) : 0;
}

static const struct exit_row exits[] = { { 0, "the new limits are in force" },
					 { RUN_FAILED,
					   "they are not: the message names the one that could not be set" },
					 { EXIT_USAGE, "wrong usage" },
					 { -1, NULL } };
static const struct example examples[] = { { "yagura-run update --memory 256m --pids-limit 100 web", "two limits" },
					   { NULL, NULL } };

const struct command run_update_command = {
	.name = "update",
	.arguments = "ID",
	.summary = "change the limits of a container",
	.details = "What is not named stays as it is.",
	.min = 1,
	.max = 1,
	.options = update_options,
	.examples = examples,
	.exits = exits,
	.run = update_run,
};
