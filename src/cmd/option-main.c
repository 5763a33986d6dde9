/* option-main: what a program does with its tables: a command run, and the ready-made ones. See option.h. */
#include <unistd.h>

#include "base/fd.h"
#include "cmd/option.h"

#define HELP_BYTES_MAX (1u << 20) /* of one help text or completion script */

bool option_help_man;

static int print(const struct program *p, const struct buf *b)
{
	struct err e = { 0 };
	int r = buf_finish(b);

	r = r < 0 ? r : fd_write(STDOUT_FILENO, b->p, b->n);
	if (r >= 0)
		return 0;
	err_errno(&e, r, "standard output");
	dprintf(STDERR_FILENO, "%s: %s\n", p->name, e.msg);
	return EXIT_OUTPUT_LOST;
}

/* What was printed has to arrive; that a reader has seen enough is no failure. */
static int flush_output(const struct program *p, int status)
{
	struct err e = { 0 };

	errno = 0;
	if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
		return status;
	err_errno(&e, errno ? -errno : -EIO, "standard output");
	dprintf(STDERR_FILENO, "%s: %s\n", p->name, e.msg);
	return EXIT_OUTPUT_LOST;
}

static void print_commands(const struct program *p)
{
	dprintf(STDERR_FILENO, "\nCommands:\n");
	for (const struct command *c = p->commands; c->name; c++)
		if (!c->hidden)
			dprintf(STDERR_FILENO, "  %-12s %s\n", c->name, c->summary);
}

int option_main(const struct program *p, int argc, char **argv)
{
	struct err e = { 0 };
	struct invocation in;
	int status = EXIT_USAGE;

	if (option_parse(p, argc, argv, &in, &e) < 0) {
		dprintf(STDERR_FILENO, "%s: %s\n", p->name, e.msg);
		if (argc < 2)
			print_commands(p); /* somebody's first try */
	} else if (in.help) {
		auto_buf struct buf b = { 0 };

		buf_init(&b, HELP_BYTES_MAX);
		option_help(&b, p, in.parent, in.command);
		status = print(p, &b);
	} else {
		status = flush_output(p, (in.command ? in.command->run : p->run)(&in));
	}
	invocation_done(&in);
	return status;
}

int option_run_help(const struct invocation *in)
{
	const struct command *parent = NULL, *c = NULL;
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	for (size_t i = 0; i < in->args.n; i++) {
		const struct command *next = command_named(c ? c->commands : in->program->commands, in->args.v[i]);

		if (!next && c && !c->commands)
			err_set(&e, -EINVAL, "%s has no commands of its own", c->name);
		else if (!next)
			command_unknown(in->program, c, in->args.v[i], &e);
		if (!next) {
			dprintf(STDERR_FILENO, "%s: %s\n", in->program->name, e.msg);
			return EXIT_USAGE;
		}
		parent = c;
		c = next;
	}
	buf_init(&b, HELP_BYTES_MAX);
	(option_help_man ? option_man : option_help)(&b, in->program, parent, c);
	return print(in->program, &b);
}

int option_run_completion(const struct invocation *in)
{
	auto_buf struct buf b = { 0 };

	buf_init(&b, HELP_BYTES_MAX);
	if (!option_completion(&b, in->program, in->args.v[0])) {
		dprintf(STDERR_FILENO, "%s: there are completions for bash, zsh and fish\n", in->program->name);
		return EXIT_USAGE;
	}
	return print(in->program, &b);
}

static const struct option help_options[] = {
	{ "man", 0, OPTION_FLAG, &option_help_man, NULL, "Write the source of the man page (scdoc) instead.", NULL },
	{ NULL },
};

const struct command option_help_command = { .name = "help",
					     .arguments = "[COMMAND [SUB-COMMAND]]",
					     .summary = "show how a command is used",
					     .max = 2,
					     .options = help_options,
					     .run = option_run_help };

const struct command option_completion_command = { .name = "completion",
						   .arguments = "bash|zsh|fish",
						   .summary = "write a completion script for a shell",
						   .min = 1,
						   .max = 1,
						   .run = option_run_completion };
