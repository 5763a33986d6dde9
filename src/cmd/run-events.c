/* run-events: events. */
#include <poll.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/run.h"
#include "runtime/events.h"

#define OOM_LOOK_MS 200 /* how often it is asked whether memory ran out */
#define INTERVAL_DEFAULT_MS 5000

static bool arg_stats;
static struct str arg_interval;

static const struct option events_options[] = {
	{ "stats", 0, OPTION_FLAG, &arg_stats, NULL, "Print the figures once, and end.", NULL },
	{ "interval", 0, OPTION_TEXT, &arg_interval, "TIME", "Time between two lines: 500ms, 5s, 1m30s. Default: 5s.",
	  NULL },
	{ .name = NULL },
};

/* As Go writes durations: numbers with h, m, s, ms, one behind the other. */
static bool duration_ms(struct str s, uint64_t *ret)
{
	static const struct {
		struct str name;
		uint64_t ms;
	} units[] = { { STR("ms"), 1 }, { STR("h"), 3600000 }, { STR("m"), 60000 }, { STR("s"), 1000 } };
	uint64_t all = 0;

	while (s.n) {
		size_t digits = 0, u = 0;
		uint64_t n;

		while (digits < s.n && is_digit(s.p[digits]))
			digits++;
		if (!num_u64(str_head(s, digits), 10, &n))
			return false;
		s = str_from(s, digits);
		while (u < ARRAY_LEN(units) && !str_starts(s, units[u].name))
			u++;
		if (u == ARRAY_LEN(units) || !mul_ok(n, units[u].ms, &n) || !add_ok(all, n, &all))
			return false;
		s = str_from(s, units[u].name.n);
	}
	*ret = all;
	return all > 0 && all <= INT32_MAX;
}

static int print_stats(struct container *c, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int r;

	buf_init(&b, EVENTS_BYTES_MAX);
	r = events_stats(&c->cgroup, c->state.id, c->state.pid, &b, e);
	if (r >= 0 && fd_write(STDOUT_FILENO, b.p, b.n) < 0)
		r = err_set(e, -EPIPE, "cannot write the figures");
	return r;
}

static uint64_t oom_kills(const struct container *c)
{
	struct cgroup_stats s = { 0 };
	struct err e = { 0 };

	return cgroup_stats(&c->cgroup, &s, &e) >= 0 && s.oom_kills.set ? s.oom_kills.v : 0;
}

static void print_oom(const struct container *c, uint64_t *seen)
{
	uint64_t now = oom_kills(c);

	if (now > *seen)
		dprintf(STDOUT_FILENO, "{\"type\":\"oom\",\"id\":\"%s\"}\n", c->state.id); /* ids need no quoting */
	*seen = now;
}

/* Until the container has ended. */
static int follow(struct container *c, uint64_t interval_ms, struct err *e)
{
	auto_close int pidfd = state_pidfd(&c->state);
	struct pollfd p = { pidfd, POLLIN, 0 };
	uint64_t seen = oom_kills(c), left = interval_ms;
	int r = 0;

	while (r >= 0 && pidfd >= 0) {
		uint64_t step = left < OOM_LOOK_MS ? left : OOM_LOOK_MS;
		int ended = poll(&p, 1, (int)step);

		print_oom(c, &seen);
		if (ended)
			break;
		left -= step;
		if (left)
			continue;
		r = print_stats(c, e);
		left = interval_ms;
	}
	return r;
}

static int events_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	uint64_t interval = INTERVAL_DEFAULT_MS;
	struct err e = { 0 };
	int r = 0;

	if (arg_interval.n && !duration_ms(arg_interval, &interval))
		r = err_set(&e, -EINVAL, "--interval: \"" STR_FMT "\" is no time like 500ms or 5s",
			    STR_ARG(arg_interval));
	if (r >= 0)
		r = run_container(in, &rt, false, &c, &e);
	if (r >= 0 && container_status(&c) == STATUS_STOPPED)
		r = err_set(&e, -ESRCH, "container with id %s is not running", c.state.id);
	if (r >= 0)
		r = container_cgroup(&c, &e);
	if (r >= 0 && !c.has_cgroup)
		r = err_set(&e, -ENOTSUP, "container \"%s\" has no cgroup of its own: there are no figures",
			    c.state.id);
	if (r >= 0)
		r = arg_stats ? print_stats(&c, &e) : follow(&c, interval, &e);
	return r < 0 ? run_fail(&e) : 0;
}

static const struct exit_row exits[] = { { 0, "done, or the container has ended" },
					 { RUN_FAILED, "it could not be done" },
					 { EXIT_USAGE, "wrong usage" },
					 { -1, NULL } };
static const struct example examples[] = { { "yagura-run events --stats web", "once" }, { NULL, NULL } };

const struct command run_events_command = {
	.name = "events",
	.arguments = "ID",
	.summary = "print what a container uses, and when its memory ran out, as JSON lines",
	.details = "CPU, memory, processes, disk, and pressure (how long it had to wait for each).",
	.min = 1,
	.max = 1,
	.options = events_options,
	.examples = examples,
	.exits = exits,
	.run = events_run,
};
