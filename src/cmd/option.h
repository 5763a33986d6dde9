/* option: one table a command, and everything that follows from it: parsing, --help, completion, man pages.
 *
 * A command is a row; adding one is writing its option table, its row, and its function:
 *
 *     static bool arg_fixed_only;
 *     static uint64_t arg_format;                 // index in the list
 *     static struct option_list arg_output;
 *     static const char *const formats[] = { "table", "json", NULL };
 *
 *     static const struct option scan_options[] = {
 *             { "format", 'f', OPTION_CHOICE, &arg_format, "FORMAT", "How to write the report.", .choices = formats },
 *             { "output", 'o', OPTION_LIST, &arg_output, "FILE", "Where to write it; may be given several times." },
 *             { "fixed-only", 0, OPTION_FLAG, &arg_fixed_only, NULL, "Only what an upgrade repairs." },
 *             { NULL },
 *     };
 *     static const struct example scan_examples[] = {
 *             { "yagura scan debian:12", "an image of a registry" },
 *             { NULL, NULL },
 *     };
 *     static const struct exit_row scan_exits[] = { { 0, "nothing found" }, { 1, "findings" }, { -1, NULL } };
 *
 *     static const struct command commands[] = {
 *             { .name = "scan", .arguments = "[KIND:]TARGET", .summary = "scan an image, a directory or this host",
 *               .min = 0, .max = 1, .options = scan_options, .examples = scan_examples, .exits = scan_exits,
 *               .run = scan_run },
 *             { .name = "db", .summary = "look after the data", .commands = db_commands },
 *             { .name = "help", .arguments = "[COMMAND...]", .summary = "show how a command is used", .max = 2,
 *               .options = help_options, .run = option_run_help },
 *             { .name = "completion", .arguments = "SHELL", .summary = "write completions for bash, zsh or fish",
 *               .min = 1, .max = 1, .run = option_run_completion },
 *             { NULL },
 *     };
 *     static const struct program program = { "yagura", "container security", commands, common_options };
 *
 *     int main(int argc, char **argv) { return option_main(&program, argc, argv); }
 *
 * What is understood: --name value, --name=value, -n value, -nvalue, flags in one word (-qv), --no-name and
 * --name=true|false for flags, "--" ends the options, "-" is an argument. Options may stand before and behind
 * arguments; the program's own also before the command. Wrong usage is one line on stderr and exit status 2. */
#ifndef CMD_OPTION_H
#define CMD_OPTION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define OPTION_HELP_COLUMNS 80
#define EXIT_USAGE 2
#define EXIT_OUTPUT_LOST 3 /* what was to be printed did not arrive */

enum option_kind {
	OPTION_FLAG,	/* bool: true when given */
	OPTION_TEXT,	/* struct str: the last one given */
	OPTION_LIST,	/* struct option_list: all of them in order */
	OPTION_CHOICE,	/* uint64_t: index in `choices` */
	OPTION_CHOICES, /* uint64_t: bit 1 << index for each; repeatable, and "a,b" */
	OPTION_NUMBER,	/* uint64_t */
	OPTION_SIZE,	/* uint64_t bytes: "10", "10k", "10MiB" (powers of 1024), "10MB" (of 1000) */
};

struct option_list {
	VEC(struct str) values; /* they point into argv */
};

struct option {
	const char *name; /* long, without "--"; NULL ends a table */
	char letter;	  /* short, 0: none */
	enum option_kind kind;
	void *to;		    /* what the kind says; written when the option is given */
	const char *value;	    /* placeholder in help; "FILE" and "DIR" are completed as such. NULL for flags */
	const char *help;	    /* one or two sentences */
	const char *const *choices; /* names, NULL at the end; at most 64 */
};

struct example {
	const char *command, *what;
};

struct exit_row {
	int status; /* -1 ends a table */
	const char *meaning;
};

struct program;
struct invocation;

struct command {
	const char *name;	      /* NULL ends a table */
	const char *arguments;	      /* "[KIND:]TARGET", NULL: none */
	const char *summary;	      /* one line, no full stop */
	const char *details;	      /* paragraphs parted by an empty line, NULL: none */
	unsigned int min, max;	      /* how many arguments */
	const struct option *options; /* besides the program's; NULL: none */
	const struct example *examples;
	const struct exit_row *exits;
	const struct command *commands;		 /* sub-commands ("db update"); then `run` is not used */
	int (*run)(const struct invocation *in); /* returns the exit status */
	bool hidden;				 /* not in lists */
	bool in_order; /* options stand before the arguments: what follows is the user's program's */
};

struct program {
	const char *name, *summary;
	const struct command *commands;
	const struct option *options; /* every command has them; NULL: none */
	const char *version;
	unsigned int section;			 /* of its manual pages, 0: 1 */
	int (*run)(const struct invocation *in); /* without a command; NULL: one is needed */
};

struct invocation {
	const struct program *program;
	const struct command *parent;  /* of a sub-command, else NULL */
	const struct command *command; /* NULL: only the program's name was given */
	bool help;		       /* --help or -h was given: nothing else was checked */
	VEC(struct str) args;	       /* NUL-terminated, they point into argv */
};

void invocation_done(struct invocation *in);

/* Fills *ret and the variables of the options given; -EINVAL and one line for a person when the usage is wrong. */
int option_parse(const struct program *p, int argc, char **argv, struct invocation *ret, struct err *e) must_check;

/* Parses, shows --help, runs; the exit status. */
int option_main(const struct program *p, int argc, char **argv);

/* Texts, from the tables. `parent` is NULL but for sub-commands; `c` is NULL for the program itself. */
void option_help(struct buf *b, const struct program *p, const struct command *parent, const struct command *c);
void option_man(struct buf *b, const struct program *p, const struct command *parent,
		const struct command *c);					  /* scdoc(5) */
bool option_completion(struct buf *b, const struct program *p, struct str shell); /* false: no such shell */

/* Ready-made commands: `help [COMMAND [SUB-COMMAND]]` and `completion bash|zsh|fish`. option_run_help writes the man
 * page's source instead when *option_help_man is set: a row { "man", 0, OPTION_FLAG, &option_help_man, ... } of its
 * table. */
int option_run_help(const struct invocation *in);
int option_run_completion(const struct invocation *in);
extern bool option_help_man;
/* Both as rows of a table, ready. */
extern const struct command option_help_command, option_completion_command;
/* "-h, --help", which every command has: one row and the end of a table. */
extern const struct option option_help_row[2];

/* "10", "10k", "10MiB", "10MB": true when all of s was one and it fits. */
bool option_size(struct str s, uint64_t *ret) must_check;

/* The command of that name, for those who walk the tables; NULL: there is none. */
const struct command *command_named(const struct command *table, struct str name);
/* Then this says so, and what may have been meant; `parent` is NULL but for sub-commands. -EINVAL. */
int command_unknown(const struct program *p, const struct command *parent, struct str word, struct err *e);

#endif
