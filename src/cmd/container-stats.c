/* container-stats: `yagura stats`. */
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/container.h"
#include "cmd/terminal.h"

#define INTERVAL_NS 1000000000
#define FIRST_NS 300000000 /* from the look that is not shown to the first that is: for what the CPU does */
#define NANOSECONDS 1000000000ull

static bool arg_once;

/* What of `yagura-run events --stats` is shown. */
struct figures {
	uint64_t cpu_ns, memory, memory_limit, pids, pids_limit, read, write;
	bool has_limit;
};

static void take(struct json *j, uint64_t *to)
{
	uint64_t v;

	if (json_u64(j, &v))
		*to = v;
}

/* Walks into nested objects: path is NULL-terminated. */
static void dig(struct json j, const char *const *path, uint64_t *to)
{
	struct str key;

	for (; json_object(&j); path++) {
		bool found = false;

		while (!found && json_key(&j, &key))
			found = str_is(key, *path);
		if (!found)
			return;
		if (!path[1]) {
			take(&j, to);
			return;
		}
	}
}

/* blkio.ioServiceBytesRecursive: rows of device, op, value. */
static void sum_io(struct json j, struct figures *f)
{
	static const char *const path[] = { "data", "blkio", "ioServiceBytesRecursive" };
	struct str key, op = STR("");
	uint64_t value = 0;

	for (size_t i = 0; i < ARRAY_LEN(path); i++) {
		bool found = false;

		if (!json_object(&j))
			return;
		while (!found && json_key(&j, &key))
			found = str_is(key, path[i]);
		if (!found)
			return;
	}
	if (!json_array(&j))
		return;
	while (json_next(&j)) {
		if (!json_object(&j))
			continue;
		while (json_key(&j, &key)) {
			if (str_is(key, "op"))
				(void)json_str(&j, &op);
			else if (str_is(key, "value"))
				take(&j, &value);
		}
		if (str_eq_nocase(op, STR("read")))
			f->read += value;
		else if (str_eq_nocase(op, STR("write")))
			f->write += value;
	}
}

static int read_figures(const struct box *b, struct figures *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text;
	struct figures f = { 0 };
	const struct {
		const char *path[5];
		uint64_t *to;
	} rows[] = { { { "data", "cpu", "usage", "total" }, &f.cpu_ns },
		     { { "data", "memory", "usage", "usage" }, &f.memory },
		     { { "data", "memory", "usage", "limit" }, &f.memory_limit },
		     { { "data", "pids", "current" }, &f.pids },
		     { { "data", "pids", "limit" }, &f.pids_limit } };
	struct json j;
	int r;

	buf_init(&text, 1u << 20);
	r = engine_stats(b, &text, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_init(&j, buf_all(&text), &a);
		dig(j, rows[i].path, rows[i].to);
	}
	json_init(&j, buf_all(&text), &a);
	sum_io(j, &f);
	*ret = f;
	return 0;
}

/* A limit that is none is a number near 2^63. */
static const char *limit_text(uint64_t v, char text[NUM_BYTES_TEXT_MAX])
{
	return !v || v > 1ull << 60 ? "-" : num_bytes_text(v, text);
}

static void print_row(const struct box *b, int width, const struct figures *now, const struct figures *before,
		      uint64_t elapsed_ns)
{
	char memory[NUM_BYTES_TEXT_MAX], limit[NUM_BYTES_TEXT_MAX], in[NUM_BYTES_TEXT_MAX], out[NUM_BYTES_TEXT_MAX],
		cpu[16] = "-", pids[24] = "-";

	if (before && elapsed_ns && now->cpu_ns >= before->cpu_ns)
		snprintf(cpu, sizeof(cpu), "%.1f %%",
			 (double)(now->cpu_ns - before->cpu_ns) * 100 / (double)elapsed_ns);
	if (now->pids_limit && now->pids_limit < 1ull << 60)
		snprintf(pids, sizeof(pids), "%llu", (unsigned long long)now->pids_limit);
	printf("%-12s  %-*.*s  %8s  %10s / %-10s  %6llu / %-8s  %10s  %10s\n", b->meta.id, width, STR_ARG(b->meta.name),
	       cpu, num_bytes_text(now->memory, memory), limit_text(now->memory_limit, limit),
	       (unsigned long long)now->pids, pids, num_bytes_text(now->read, in), num_bytes_text(now->write, out));
}

static void print_head(int width)
{
	printf("%-12s  %-*s  %8s  %10s / %-10s  %6s / %-8s  %10s  %10s\n", "ID", width, "NAME", "CPU", "MEMORY",
	       "LIMIT", "PIDS", "LIMIT", "READ", "WRITTEN");
}

struct seen {
	char id[BOX_ID_BYTES + 1];
	struct figures f;
	uint64_t at_ns;
};
struct history {
	VEC(struct seen) v;
};

static struct seen *seen_of(struct history *h, const char *id)
{
	for (size_t i = 0; i < h->v.n; i++)
		if (strcmp(h->v.v[i].id, id) == 0)
			return &h->v.v[i];
	return NULL;
}

static bool is_wanted(const struct box *b, const struct invocation *in)
{
	if (b->state != BOX_RUNNING)
		return false;
	for (size_t i = 0; i < in->args.n; i++)
		if (str_eq(in->args.v[i], b->meta.name) || str_starts(str_c(b->meta.id), in->args.v[i]))
			return true;
	return !in->args.n;
}

/* One look at all, shown or only remembered; the number of containers. */
static int look(int boxes, const struct invocation *in, struct history *h, bool show, struct err *e)
{
	struct box_list all;
	int width, shown = 0;

	if (box_list(boxes, &all, e) < 0)
		return -EIO;
	width = containers_name_width(&all);
	if (show)
		print_head(width);
	for (size_t i = 0; i < all.v.n; i++) {
		struct box *b = &all.v.v[i];
		struct seen *before = seen_of(h, b->meta.id), now = { .at_ns = clock_ns() };

		if (!is_wanted(b, in) || read_figures(b, &now.f, e) < 0)
			continue;
		if (show)
			print_row(b, width, &now.f, before ? &before->f : NULL, before ? now.at_ns - before->at_ns : 0);
		memcpy(now.id, b->meta.id, sizeof(now.id));
		if (before)
			*before = now;
		else
			vec_push(&h->v, now);
		shown++;
	}
	box_list_done(&all);
	return shown;
}

static void pause_ns(long ns)
{
	const struct timespec pause = { ns / (long)NANOSECONDS, ns % (long)NANOSECONDS };

	nanosleep(&pause, NULL);
}

/* Who is asked for by name is there. */
static int check_names(int boxes, const struct invocation *in, struct err *e)
{
	for (size_t i = 0; i < in->args.n; i++) {
		auto_box struct box b = { .fd = -1, .lock_fd = -1 };
		int r = box_find(boxes, in->args.v[i], &b, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Drawn over itself where it can be: rows are cut at the edge, so that each is one line; elsewhere one view after the
 * other. */
static int show_view(int boxes, const struct invocation *in, struct history *h, int before, struct err *e)
{
	bool over = terminal_is(STDOUT_FILENO) && !arg_once;
	int shown;

	if (over && before)
		printf("\033[%dA\033[J", before + 1);
	if (over)
		printf("\033[?7l");
	shown = look(boxes, in, h, true, e);
	if (over)
		printf("\033[?7h");
	fflush(stdout);
	return shown;
}

static int stats_run(const struct invocation *in)
{
	struct err e = { 0 };
	auto_close int boxes = containers_open(&e);
	struct history h = { 0 };
	int shown = 0;

	if (boxes < 0 || check_names(boxes, in, &e) < 0)
		return cmd_fail(&e);
	if (look(boxes, in, &h, false, &e) > 0)
		pause_ns(FIRST_NS);
	while ((shown = show_view(boxes, in, &h, shown, &e)) > 0 && !arg_once)
		pause_ns(INTERVAL_NS);
	vec_done(&h.v);
	return shown < 0 ? cmd_fail(&e) : EXIT_CLEAN;
}

static const struct option stats_options[] = {
	{ "once", 0, OPTION_FLAG, &arg_once, NULL, "One look instead of a view that goes on.", NULL },
	{ NULL },
};
const struct command stats_command = {
	.name = "stats",
	.arguments = "[CONTAINER...]",
	.summary = "show what running containers use",
	.max = 4096,
	.options = stats_options,
	.run = stats_run,
};
