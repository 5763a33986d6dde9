/* run-why: why: what was refused to a container, and how often. */
#include <unistd.h>

#include "base/date.h"
#include "base/json.h"
#include "cmd/run.h"
#include "runtime/call.h"
#include "runtime/why.h"

#define CALL_TEXT_MAX 256

static uint64_t arg_format;

enum { FORMAT_TABLE, FORMAT_JSON };
static const char *const formats[] = { "table", "json", NULL };

static struct str call_name(const struct denial *d, struct buf *b)
{
	buf_clear(b);
	if (d->nr < 0)
		buf_str(b, STR("others"));
	else
		call_text(d->nr, d->detail, b);
	return buf_all(b);
}

static void table_row(struct out *o, struct str what, struct str reason, uint64_t count, struct str more)
{
	out_fmt(o, "%-28.*s  %-34.*s  %8llu  %.*s\n", STR_ARG(what), STR_ARG(reason), (unsigned long long)count,
		STR_ARG(more));
}

static void table_call(struct out *o, const struct denial *d, struct buf *b)
{
	const char *name = strerrorname_np(d->error);
	char last[DATE_TEXT_MAX], more[128], why[64];

	snprintf(why, sizeof(why), "system call filter%s%s", name ? ": " : "", name ? name : "");
	snprintf(more, sizeof(more), "%s %s%s%s", date_time_text(d->last_s, last), d->program, *d->path ? " " : "",
		 d->path);
	table_row(o, call_name(d, b), str_c(why), d->count, str_c(more));
}

static const char *full_of(const struct why_full *f)
{
	return f->bytes && f->inodes ? "no space and no inodes left" : f->bytes ? "no space left" : "no inodes left";
}

static void write_table(struct out *o, const struct why *w)
{
	auto_buf struct buf b = { 0 };

	buf_init(&b, CALL_TEXT_MAX);
	out_fmt(o, "%-28s  %-34s  %8s  %s\n", "WHAT", "WHY", "COUNT", "LAST");
	for (size_t i = 0; i < w->call_count; i++)
		table_call(o, &w->calls[i], &b);
	for (size_t i = 0; i < w->limit_count; i++)
		table_row(o, str_c(w->limits[i].what), str_c(w->limits[i].meaning), w->limits[i].count,
			  str_c(w->limits[i].knob));
	for (size_t i = 0; i < w->full_count; i++)
		out_fmt(o, "%-28s  %-34s\n", w->full[i].path, full_of(&w->full[i]));
}

static void json_call(struct json_out *j, const struct denial *d, struct buf *b)
{
	char when[DATE_TEXT_MAX];

	json_out_object(j);
	json_out_key_str(j, "call", call_name(d, b));
	json_out_key_u64(j, "errno", (uint64_t)d->error);
	json_out_key_u64(j, "count", d->count);
	json_out_key_str(j, "first", str_c(date_time_text(d->first_s, when)));
	json_out_key_str(j, "last", str_c(date_time_text(d->last_s, when)));
	json_out_key_opt(j, "program", str_c(d->program));
	json_out_key_opt(j, "path", str_c(d->path));
	json_out_end_object(j);
}

static void json_limit(struct json_out *j, const struct why_limit *l)
{
	json_out_object(j);
	json_out_key_str(j, "limit", str_c(l->what));
	json_out_key_str(j, "meaning", str_c(l->meaning));
	json_out_key_str(j, "knob", str_c(l->knob));
	json_out_key_u64(j, "count", l->count);
	json_out_end_object(j);
}

static void write_json(struct out *o, const struct why *w)
{
	auto_buf struct buf b = { 0 };
	struct json_out j;

	buf_init(&b, CALL_TEXT_MAX);
	json_out_init(&j, o);
	json_out_object(&j);
	json_out_key_bool(&j, "watched", w->watched);
	json_out_key_array(&j, "calls");
	for (size_t i = 0; i < w->call_count; i++)
		json_call(&j, &w->calls[i], &b);
	json_out_end_array(&j);
	json_out_key_array(&j, "limits");
	for (size_t i = 0; i < w->limit_count; i++)
		json_limit(&j, &w->limits[i]);
	json_out_end_array(&j);
	json_out_key_array(&j, "full");
	for (size_t i = 0; i < w->full_count; i++) {
		json_out_object(&j);
		json_out_key_str(&j, "path", str_c(w->full[i].path));
		json_out_key_str(&j, "meaning", str_c(full_of(&w->full[i])));
		json_out_end_object(&j);
	}
	json_out_end_array(&j);
	json_out_end_object(&j);
	out_str(o, STR("\n"));
}

static int why_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	struct err e = { 0 };
	struct why w;
	struct out o;

	if (run_container(in, &rt, false, &c, &e) < 0 || why_collect(&c, &w, &e) < 0)
		return run_fail(&e);
	if (!w.watched)
		run_log(RUN_WARNING, "the system calls of container \"%s\" are not watched", c.state.id);
	out_init(&o, STDOUT_FILENO);
	if (arg_format == FORMAT_JSON)
		write_json(&o, &w);
	else
		write_table(&o, &w);
	if (out_finish(&o) < 0) {
		err_set(&e, -EIO, "cannot write the answer");
		return run_fail(&e);
	}
	return 0;
}

static const struct option why_options[] = {
	{ "format", 'f', OPTION_CHOICE, &arg_format, "FORMAT", "table or json. Default: table.", formats },
	{ .name = NULL },
};
static const struct exit_row why_exits[] = {
	{ 0, "it was said, also when nothing was refused" },
	{ RUN_FAILED, "there is no such container, or its state cannot be read" },
	{ EXIT_USAGE, "wrong usage" },
	{ -1, NULL },
};
static const struct example why_examples[] = {
	{ "yagura-run why web", "system calls, limits and full file systems, most often refused first" },
	{ NULL, NULL },
};

const struct command run_why_command = {
	.name = "why",
	.arguments = "ID",
	.summary = "tell what was refused to a container, and how often",
	.details = "System calls are counted by a small process beside the container, limits by the kernel. The owner "
		   "of a "
		   "container needs no further rights. Refusals by file permissions, read-only mounts and Landlock are "
		   "not counted: the kernel tells them to the program alone (and Landlock's to its audit log).",
	.min = 1,
	.max = 1,
	.options = why_options,
	.examples = why_examples,
	.exits = why_exits,
	.run = why_run,
};
