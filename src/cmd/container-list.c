/* container-list: `yagura ps`, `logs`, `stop`, `rm`: containers that `yagura run` started. */
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/container.h"
#include "engine/log.h"
#include "report/text.h"

#define STOP_SECONDS 10
#define FOLLOW_MS 200
#define WHAT_COLUMNS 24
#define WHAT_BYTES 1024 /* of two columns, whatever they are written in */

static bool arg_all, arg_follow, arg_quiet_ids, arg_force;
static uint64_t arg_format, arg_timeout = STOP_SECONDS, arg_tail = LOG_ALL;
static const char *const formats[] = { "table", "json", NULL };

int containers_open(struct err *e)
{
	char path[PATH_MAX];
	int fd = boxes_open(arg_z(arg_data), path, sizeof(path), e);

	if (fd >= 0)
		engine_reap(fd);
	return fd;
}

int containers_name_width(const struct box_list *l)
{
	size_t width = strlen("NAME");

	for (size_t i = 0; i < l->v.n; i++)
		if (l->v.v[i].meta.name.n > width)
			width = l->v.v[i].meta.name.n;
	return (int)width;
}

/* ---- ps ---- */

static const char *state_text(const struct box *b, char room[32])
{
	static const char *const words[] = {
		[BOX_STARTING] = "starting", [BOX_RUNNING] = "running", [BOX_LOST] = "lost"
	};

	if (b->state != BOX_ENDED)
		return words[b->state];
	snprintf(room, 32, "ended (%d)", b->exit_status);
	return room;
}

static bool is_shown(const struct box *b)
{
	return arg_all || b->state != BOX_ENDED;
}

static void print_table(const struct box_list *l)
{
	char state[32], created[DATE_TEXT_MAX];
	int width = containers_name_width(l);
	auto_buf struct buf what = { 0 };

	buf_init(&what, WHAT_BYTES);
	printf("%-12s  %-*s  %-24s  %-24s  %-12s  %-20s  %s\n", "ID", width, "NAME", "IMAGE", "COMMAND", "STATE",
	       "CREATED", "PORTS");
	for (size_t i = 0; i < l->v.n; i++) {
		const struct box *b = &l->v.v[i];
		const struct box_meta *m = &b->meta;

		if (!is_shown(b))
			continue;
		/* both are the image's to choose */
		buf_clear(&what);
		text_pad(&what, m->image, WHAT_COLUMNS);
		buf_str(&what, STR("  "));
		text_pad(&what, m->command, WHAT_COLUMNS);
		printf("%-12s  %-*.*s  " STR_FMT "  %-12s  %-20s  " STR_FMT "\n", m->id, width, STR_ARG(m->name),
		       STR_ARG(buf_all(&what)), state_text(b, state), date_time_text(m->created_s, created),
		       STR_ARG(m->ports));
	}
}

static int print_json(const struct box_list *l)
{
	struct json_out w;
	struct out out;
	int r;

	out_init(&out, STDOUT_FILENO);
	json_out_init(&w, &out);
	json_out_array(&w);
	for (size_t i = 0; i < l->v.n; i++) {
		const struct box *b = &l->v.v[i];
		char created[DATE_TEXT_MAX];

		if (!is_shown(b))
			continue;
		json_out_object(&w);
		json_out_key_str(&w, "id", str_c(b->meta.id));
		json_out_key_str(&w, "name", b->meta.name);
		json_out_key_str(&w, "image", b->meta.image);
		json_out_key_str(&w, "command", b->meta.command);
		json_out_key_str(&w, "tier", b->meta.tier);
		json_out_key_str(&w, "ports", b->meta.ports);
		json_out_key_str(&w, "created", str_c(date_time_text(b->meta.created_s, created)));
		json_out_key_str(&w, "state", b->state == BOX_ENDED ? STR("ended") : str_c(state_text(b, NULL)));
		if (b->state == BOX_ENDED) {
			json_out_key_u64(&w, "exit_status", (uint64_t)b->exit_status);
		}
		if (b->state == BOX_RUNNING) {
			json_out_key_u64(&w, "pid", (uint64_t)b->pid);
		}
		json_out_end_object(&w);
	}
	json_out_end_array(&w);
	out_str(&out, STR("\n"));
	r = out_finish(&out);
	return r < 0 ? EXIT_COULD_NOT : EXIT_CLEAN;
}

static int ps_run(const struct invocation *in unused_arg)
{
	struct err e = { 0 };
	auto_close int boxes = containers_open(&e);
	struct box_list all;
	int status = EXIT_CLEAN;

	if (boxes < 0 || box_list(boxes, &all, &e) < 0)
		return cmd_fail(&e);
	if (arg_quiet_ids) {
		for (size_t i = 0; i < all.v.n; i++)
			if (is_shown(&all.v.v[i]))
				puts(all.v.v[i].meta.id);
	} else if (arg_format == 1) {
		status = print_json(&all);
	} else {
		print_table(&all);
	}
	box_list_done(&all);
	return status;
}

static const struct option ps_options[] = {
	{ "all", 'a', OPTION_FLAG, &arg_all, NULL, "Those that have ended too.", NULL },
	{ "format", 'f', OPTION_CHOICE, &arg_format, "FORMAT", "table (default) or json.", formats },
	{ "ids", 0, OPTION_FLAG, &arg_quiet_ids, NULL, "Nothing but ids.", NULL },
	{ NULL },
};
const struct command ps_command = {
	.name = "ps", .summary = "list containers that `yagura run` started", .options = ps_options, .run = ps_run
};

/* ---- logs ---- */

static int show_log(int dir, uint64_t after_us, uint64_t tail, uint64_t *ret_last_us, struct err *e)
{
	struct out out, err;
	int r, r2;

	out_init(&out, STDOUT_FILENO);
	out_init(&err, STDERR_FILENO);
	r = box_log_show(dir, after_us, tail, ret_last_us, &out, &err, e);
	r2 = out_finish(&out);
	r2 = r2 < 0 ? r2 : out_finish(&err);
	return r < 0 ? r : r2 < 0 ? err_errno(e, r2, "cannot write") : 0;
}

static int logs_run(const struct invocation *in)
{
	struct err e = { 0 };
	auto_close int boxes = containers_open(&e);
	auto_box struct box b = { .fd = -1, .lock_fd = -1 };
	const struct timespec pause = { 0, FOLLOW_MS * 1000000 };
	uint64_t last = 0;
	int r = boxes < 0 ? boxes : box_find(boxes, in->args.v[0], &b, &e);

	r = r < 0 ? r : show_log(b.fd, 0, arg_tail, &last, &e);
	while (r == 0 && arg_follow && (b.state == BOX_RUNNING || b.state == BOX_STARTING)) {
		struct box again;

		nanosleep(&pause, NULL);
		r = box_find(boxes, str_c(b.meta.id), &again, &e);
		if (r < 0)
			return EXIT_CLEAN; /* ended and removed */
		b.state = again.state;
		box_close(&again);
		r = show_log(b.fd, last, LOG_ALL, &last, &e);
	}
	return r < 0 ? cmd_fail(&e) : EXIT_CLEAN;
}

static const struct option logs_options[] = {
	{ "follow", 'f', OPTION_FLAG, &arg_follow, NULL, "Go on until the container ends.", NULL },
	{ "tail", 'n', OPTION_NUMBER, &arg_tail, "N", "Begin with the last N lines. Default: with all that is kept.",
	  NULL },
	{ NULL },
};
const struct command logs_command = {
	.name = "logs",
	.arguments = "CONTAINER",
	.summary = "show what a container printed",
	.min = 1,
	.max = 1,
	.options = logs_options,
	.run = logs_run,
};

/* ---- stop, rm ---- */

static int each(const struct invocation *in, int (*what)(int boxes, struct box *b, struct err *e))
{
	struct err e = { 0 };
	auto_close int boxes = containers_open(&e);
	int status = EXIT_CLEAN;

	if (boxes < 0)
		return cmd_fail(&e);
	for (size_t i = 0; i < in->args.n; i++) {
		auto_box struct box b = { .fd = -1, .lock_fd = -1 };

		if (box_find(boxes, in->args.v[i], &b, &e) < 0 || what(boxes, &b, &e) < 0)
			status = cmd_fail(&e);
	}
	return status;
}

static int stop_one(int boxes, struct box *b, struct err *e)
{
	return engine_stop(boxes, b, (unsigned int)arg_timeout * 1000, e);
}

static int stop_run(const struct invocation *in)
{
	if (arg_timeout > 86400)
		return cmd_usage("--time: at most 86400 seconds");
	return each(in, stop_one);
}

static int remove_one(int boxes, struct box *b, struct err *e)
{
	int r = 0;

	if (arg_force && (b->state == BOX_RUNNING || b->state == BOX_STARTING)) {
		r = engine_stop(boxes, b, 0, e);
		b->state = BOX_ENDED;
		if (r == 0 && b->meta.remove) /* whoever looked after it has removed it */
			return 0;
	}
	return r < 0 ? r : engine_remove(boxes, b, e);
}

static int rm_run(const struct invocation *in)
{
	return each(in, remove_one);
}

static const struct option rm_options[] = {
	{ "force", 'f', OPTION_FLAG, &arg_force, NULL, "Those that run too: they are killed.", NULL },
	{ NULL },
};

static const struct option stop_options[] = {
	{ "time", 't', OPTION_NUMBER, &arg_timeout, "SECONDS", "How long it may take before it is killed. Default: 10.",
	  NULL },
	{ NULL },
};
const struct command stop_command = {
	.name = "stop",
	.arguments = "CONTAINER...",
	.summary = "end containers",
	.min = 1,
	.max = 4096,
	.options = stop_options,
	.run = stop_run,
};
const struct command rm_command = {
	.name = "rm",
	.arguments = "CONTAINER...",
	.summary = "remove containers that have ended",
	.min = 1,
	.max = 4096,
	.options = rm_options,
	.run = rm_run,
};
