/* option-help: --help and the man pages, from the tables. See option.h. */
#include "cmd/option.h"

#define INDENT 2
#define HELP_AT 30     /* where the second column starts */
#define LEFT_BYTES 128 /* "-f, --format FORMAT" */

/* Words into lines of OPTION_HELP_COLUMNS; `at` is where the first line stands already. */
static void wrap(struct buf *b, struct str text, size_t indent, size_t at)
{
	bool fresh = true;

	for (struct str word; str_cut(&text, ' ', &word);) {
		if (!word.n)
			continue;
		if (!fresh && at + 1 + word.n > OPTION_HELP_COLUMNS) {
			buf_fmt(b, "\n%*s", (int)indent, "");
			at = indent;
			fresh = true;
		}
		if (!fresh) {
			buf_char(b, ' ');
			at++;
		}
		buf_str(b, word);
		at += word.n;
		fresh = false;
	}
	buf_char(b, '\n');
}

static void paragraphs(struct buf *b, const char *text)
{
	for (struct str rest = str_c(text), line; str_cut(&rest, '\n', &line);) {
		if (line.n)
			wrap(b, line, 0, 0);
		else
			buf_char(b, '\n');
	}
}

/* A left column and a right one; the right one starts on a line of its own when the left one is too long. */
static void two_columns(struct buf *b, const char *left, const char *right, size_t right_at)
{
	size_t n = INDENT + strlen(left);

	buf_fmt(b, "%*s%s", INDENT, "", left);
	if (n + 2 > right_at)
		buf_fmt(b, "\n%*s", (int)right_at, "");
	else
		buf_fmt(b, "%*s", (int)(right_at - n), "");
	wrap(b, str_c(right), right_at, right_at);
}

static void option_row(struct buf *b, const struct option *o)
{
	auto_buf struct buf text = { 0 };
	char left[LEFT_BYTES];

	buf_init(&text, 1u << 16);
	buf_str(&text, str_c(o->help));
	for (size_t i = 0; o->choices && o->choices[i]; i++)
		buf_fmt(&text, "%s%s", i ? ", " : o->kind == OPTION_CHOICES ? " Any of: " : " One of: ", o->choices[i]);
	if (o->choices)
		buf_char(&text, '.');
	buf_char(&text, 0);
	snprintf(left, sizeof(left), "%c%c%c --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		 o->letter ? ',' : ' ', o->name, o->value ? " " : "", o->value ? o->value : "");
	two_columns(b, left, buf_finish(&text) < 0 ? o->help : text.p, HELP_AT);
}

static void option_rows(struct buf *b, const struct option *options)
{
	for (; options && options->name; options++)
		option_row(b, options);
}

static void command_rows(struct buf *b, const struct command *table)
{
	buf_str(b, STR("\nCommands:\n"));
	for (const struct command *c = table; c->name; c++)
		if (!c->hidden)
			two_columns(b, c->name, c->summary, 16);
}

static void usage(struct buf *b, const struct program *p, const struct command *parent, const struct command *c)
{
	buf_fmt(b, "%s%s%s%s%s", p->name, parent ? " " : "", parent ? parent->name : "", c ? " " : "",
		c ? c->name : "");
	if (!c || c->commands)
		buf_str(b, STR(" COMMAND"));
	buf_str(b, STR(" [OPTIONS]"));
	if (!c || c->commands)
		buf_str(b, STR(" [ARGUMENTS]"));
	else if (c->arguments)
		buf_fmt(b, " %s", c->arguments);
}

static void example_rows(struct buf *b, const struct example *examples)
{
	if (!examples || !examples->command)
		return;
	buf_str(b, STR("\nExamples:\n"));
	for (; examples->command; examples++) {
		buf_fmt(b, "%*s%s\n%*s", INDENT, "", examples->command, INDENT + 4, "");
		wrap(b, str_c(examples->what), INDENT + 4, INDENT + 4);
	}
}

static void exit_rows(struct buf *b, const struct exit_row *exits)
{
	if (!exits || exits->status < 0)
		return;
	buf_str(b, STR("\nExit status:\n"));
	for (; exits->status >= 0; exits++) {
		char status[16];

		snprintf(status, sizeof(status), "%d", exits->status);
		two_columns(b, status, exits->meaning, 6);
	}
}

void option_help(struct buf *b, const struct program *p, const struct command *parent, const struct command *c)
{
	const struct command *table = c ? c->commands : p->commands;
	const char *summary = c ? c->summary : p->summary;

	buf_str(b, STR("Usage: "));
	usage(b, p, parent, c);
	buf_str(b, STR("\n\n"));
	wrap(b, str_c(summary), 0, 0);
	if (c && c->details) {
		buf_char(b, '\n');
		paragraphs(b, c->details);
	}
	if (table)
		command_rows(b, table);
	if (c && c->options)
		buf_str(b, STR("\nOptions:\n"));
	option_rows(b, c ? c->options : NULL);
	buf_str(b, c ? STR("\nOptions of every command:\n") : STR("\nOptions:\n"));
	option_rows(b, p->options);
	option_rows(b, option_help_row);
	if (c)
		example_rows(b, c->examples);
	if (c)
		exit_rows(b, c->exits);
	if (table)
		buf_fmt(b, "\n\"%s help %s%sCOMMAND\" tells more about one.\n", p->name, c ? c->name : "",
			c ? " " : "");
}

/* ---- man pages: scdoc(5) ---- */

/* Text without meaning to scdoc. */
static void man_text(struct buf *b, const char *text)
{
	for (const char *s = text; *s; s++) {
		if (strchr("\\*_~", *s) || ((s == text || s[-1] == '\n') && strchr("#-.[]|<", *s)))
			buf_char(b, '\\');
		buf_char(b, *s);
	}
}

static void man_option(struct buf *b, const struct option *o)
{
	if (o->letter)
		buf_fmt(b, "*-%c*, ", o->letter);
	buf_fmt(b, "*--%s*", o->name);
	if (o->value) {
		buf_str(b, STR(" _"));
		man_text(b, o->value);
		buf_char(b, '_');
	}
	buf_str(b, STR("\n\t"));
	man_text(b, o->help);
	for (size_t i = 0; o->choices && o->choices[i]; i++) {
		buf_str(b, str_c(i ? ", " : o->kind == OPTION_CHOICES ? " Any of: " : " One of: "));
		man_text(b, o->choices[i]);
	}
	buf_str(b, o->choices ? STR(".\n\n") : STR("\n\n"));
}

static void man_options(struct buf *b, const struct option *options)
{
	for (; options && options->name; options++)
		man_option(b, options);
}

static void man_commands(struct buf *b, const struct program *p, const struct command *c, const struct command *table)
{
	buf_str(b, STR("# COMMANDS\n\n"));
	for (; table->name; table++) {
		if (table->hidden)
			continue;
		buf_fmt(b, "*%s%s%s %s*", p->name, c ? " " : "", c ? c->name : "", table->name);
		if (table->arguments) {
			buf_char(b, ' ');
			man_text(b, table->arguments);
		}
		buf_str(b, STR("\n\t"));
		man_text(b, table->summary);
		buf_str(b, STR(".\n\n"));
	}
}

static void man_examples(struct buf *b, const struct example *examples)
{
	if (!examples || !examples->command)
		return;
	buf_str(b, STR("# EXAMPLES\n\n"));
	for (; examples->command; examples++) {
		buf_char(b, '*');
		man_text(b, examples->command);
		buf_str(b, STR("*\n\t"));
		man_text(b, examples->what);
		buf_str(b, STR("\n\n"));
	}
}

static void man_exits(struct buf *b, const struct exit_row *exits)
{
	if (!exits || exits->status < 0)
		return;
	buf_str(b, STR("# EXIT STATUS\n\n"));
	for (; exits->status >= 0; exits++) {
		buf_fmt(b, "*%d*\n\t", exits->status);
		man_text(b, exits->meaning);
		buf_str(b, STR("\n\n"));
	}
}

static void man_name(struct buf *b, const struct program *p, const struct command *parent, const struct command *c)
{
	buf_fmt(b, "%s%s%s%s%s", p->name, parent ? "-" : "", parent ? parent->name : "", c ? "-" : "",
		c ? c->name : "");
}

void option_man(struct buf *b, const struct program *p, const struct command *parent, const struct command *c)
{
	const struct command *table = c ? c->commands : p->commands;
	auto_buf struct buf line = { 0 };

	man_name(b, p, parent, c);
	buf_fmt(b, "(%u)\n\n# NAME\n\n", p->section ? p->section : 1);
	man_name(b, p, parent, c);
	buf_str(b, STR(" - "));
	man_text(b, c ? c->summary : p->summary);
	buf_str(b, STR("\n\n# SYNOPSIS\n\n"));
	buf_init(&line, 1u << 16);
	usage(&line, p, parent, c);
	buf_char(&line, 0);
	man_text(b, buf_finish(&line) < 0 ? "" : line.p);
	buf_str(b, STR("\n\n# DESCRIPTION\n\n"));
	man_text(b, c && c->details ? c->details : c ? c->summary : p->summary);
	buf_str(b, c && c->details ? STR("\n\n") : STR(".\n\n"));
	if (table)
		man_commands(b, p, c, table);
	if (c && c->options)
		buf_str(b, STR("# OPTIONS\n\n"));
	man_options(b, c ? c->options : NULL);
	buf_str(b, c ? STR("# OPTIONS OF EVERY COMMAND\n\n") : STR("# OPTIONS\n\n"));
	man_options(b, p->options);
	man_options(b, option_help_row);
	if (c)
		man_examples(b, c->examples);
	if (c)
		man_exits(b, c->exits);
	if (c)
		buf_fmt(b, "# SEE ALSO\n\n*%s*(%u)\n", p->name, p->section ? p->section : 1);
}
