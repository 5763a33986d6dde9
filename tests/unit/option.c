/* The command line: parsing, and that help, man pages and completion say what the tables say. */
#include "cmd/option.h"

#include <unistd.h>

#include "base/fd.h"
#include "tap.h"

#define TEXT_BYTES_MAX (1u << 20)

static bool arg_quiet, arg_fixed, arg_verbose;
static struct str arg_name;
static struct option_list arg_output;
static uint64_t arg_format, arg_status, arg_jobs, arg_memory;

static const char *const formats[] = { "table", "json", NULL };
static const char *const statuses[] = { "fixed", "affected", "wont-fix", NULL };

static const struct option common_options[] = {
	{ "quiet", 'q', OPTION_FLAG, &arg_quiet, NULL, "Say nothing but the answer.", NULL },
	{ NULL },
};
static const struct option scan_options[] = {
	{ "format", 'f', OPTION_CHOICE, &arg_format, "FORMAT", "How to write the report.", formats },
	{ "status", 0, OPTION_CHOICES, &arg_status, "STATUS", "Only findings with one of these.", statuses },
	{ "output", 'o', OPTION_LIST, &arg_output, "FILE",
	  "Where to write the report; may be given several times, and once for each format that is wanted.", NULL },
	{ "fixed-only", 'x', OPTION_FLAG, &arg_fixed, NULL, "Only what an upgrade repairs; it's a filter.", NULL },
	{ "verbose", 'v', OPTION_FLAG, &arg_verbose, NULL, "Say more.", NULL },
	{ "name", 'n', OPTION_TEXT, &arg_name, "NAME", "What to call it: [any_thing*].", NULL },
	{ "jobs", 'j', OPTION_NUMBER, &arg_jobs, "N", "How many at once.", NULL },
	{ "memory-limit-of-the-worker", 0, OPTION_SIZE, &arg_memory, "SIZE", "Memory.", NULL },
	{ NULL },
};
static const struct example scan_examples[] = {
	{ "prog scan debian:12", "an image of a registry, which is pulled" },
	{ NULL, NULL },
};
static const struct exit_row scan_exits[] = { { 0, "nothing found" }, { 1, "findings" }, { -1, NULL } };

static int run_scan(const struct invocation *in)
{
	return 40 + (int)in->args.n;
}

static int run_update(const struct invocation *in)
{
	return in->parent && str_is(str_c(in->parent->name), "db") ? 50 : 51;
}

static const struct command db_commands[] = {
	{ .name = "update", .summary = "fetch what is new", .run = run_update },
	{ .name = "status", .summary = "show what is there", .run = run_update },
	{ NULL },
};
static const struct command commands[] = {
	{ .name = "scan",
	  .arguments = "[KIND:]TARGET",
	  .summary = "scan an image, a directory or this host",
	  .details = "Looks at *everything* in it.\n\n# A second paragraph, which is so long that it has to be broken "
		     "into several lines to fit.",
	  .max = 1,
	  .options = scan_options,
	  .examples = scan_examples,
	  .exits = scan_exits,
	  .run = run_scan },
	{ .name = "db", .summary = "look after the data", .commands = db_commands },
	{ .name = "need", .arguments = "A B", .summary = "take two", .min = 2, .max = 2, .run = run_scan },
	{ .name = "in", .arguments = "ID ARGUMENT...", .summary = "run", .max = 9, .run = run_scan, .in_order = true },
	{ .name = "secret", .summary = "is not shown", .run = run_scan, .hidden = true },
	{ .name = "help",
	  .arguments = "[COMMAND...]",
	  .summary = "show how a command is used",
	  .max = 2,
	  .run = option_run_help },
	{ NULL },
};
static const struct program program = { "prog", "does things", commands, common_options, "1" };

#define ARGS_MAX 8

static void forget(void)
{
	arg_quiet = arg_fixed = arg_verbose = false;
	arg_name = STR_NONE;
	vec_done(&arg_output.values);
	arg_format = arg_status = arg_jobs = arg_memory = 0;
}

static int parse(const char *const *words, struct invocation *in, struct err *e)
{
	char *argv[ARGS_MAX + 2] = { NULL };
	static char copies[ARGS_MAX + 1][128];
	int argc = 1;

	argv[0] = copies[ARGS_MAX];
	for (int i = 0; i < ARGS_MAX && words[i]; i++) {
		snprintf(copies[i], sizeof(copies[i]), "%s", words[i]);
		argv[argc++] = copies[i];
	}
	forget();
	return option_parse(&program, argc, argv, in, e);
}

/* What was understood, as text. */
static void describe(const struct invocation *in, struct buf *b)
{
	buf_fmt(b, "%s%s%s", in->parent ? in->parent->name : "", in->parent ? " " : "",
		in->command ? in->command->name : "-");
	buf_fmt(b, "%s%s%s%s", in->help ? " help" : "", arg_quiet ? " quiet" : "", arg_fixed ? " fixed" : "",
		arg_verbose ? " verbose" : "");
	if (arg_format || arg_status || arg_jobs || arg_memory)
		buf_fmt(b, " %llu/%llu/%llu/%llu", (unsigned long long)arg_format, (unsigned long long)arg_status,
			(unsigned long long)arg_jobs, (unsigned long long)arg_memory);
	if (arg_name.p)
		buf_fmt(b, " name=" STR_FMT, STR_ARG(arg_name));
	for (size_t i = 0; i < arg_output.values.n; i++)
		buf_fmt(b, " >" STR_FMT, STR_ARG(arg_output.values.v[i]));
	for (size_t i = 0; i < in->args.n; i++)
		buf_fmt(b, " <" STR_FMT ">", STR_ARG(in->args.v[i]));
}

TEST(parse)
{
	static const struct {
		const char *words[ARGS_MAX];
		const char *want; /* what was understood, or "!" and the message */
	} rows[] = {
		{ { "scan" }, "scan" },
		{ { "scan", "x" }, "scan <x>" },
		{ { "-q", "scan", "x" }, "scan quiet <x>" },
		{ { "scan", "x", "--quiet" }, "scan quiet <x>" },
		{ { "scan", "--quiet", "--no-quiet" }, "scan" },
		{ { "scan", "--quiet=true", "--fixed-only=true", "--fixed-only=false" }, "scan quiet" },
		{ { "in", "-q", "id", "--quiet", "-zz", "--" }, "in quiet <id> <--quiet> <-zz> <-->" },
		{ { "in", "--", "id", "-z" }, "in <id> <-z>" },
		{ { "scan", "-xv", "-qnme" }, "scan quiet fixed verbose name=me" },
		{ { "scan", "--name", "--quiet" }, "scan name=--quiet" },
		{ { "scan", "--name=a=b" }, "scan name=a=b" },
		{ { "scan", "--name=" }, "scan name=" },
		{ { "scan", "-o", "a", "--output=b", "-oc" }, "scan >a >b >c" },
		{ { "scan", "-fjson" }, "scan 1/0/0/0" },
		{ { "scan", "--status", "fixed,wont-fix", "--status=affected" }, "scan 0/7/0/0" },
		{ { "scan", "-j", "12", "--memory-limit-of-the-worker=2M" }, "scan 0/0/12/2097152" },
		{ { "scan", "--", "--quiet" }, "scan <--quiet>" },
		{ { "scan", "-" }, "scan <->" },
		{ { "db", "update" }, "db update" },
		{ { "db", "-q", "update" }, "db update quiet" },
		{ { "need", "a", "b" }, "need <a> <b>" },
		{ { "secret" }, "secret" },
		{ { "--help" }, "- help" },
		{ { "scan", "-h", "--nonsense" }, "scan help" },
		{ { "db", "--help" }, "db help" },
		{ { NULL }, "!a command is missing; try \"prog help\"" },
		{ { "db" }, "!db: a command is missing; try \"prog db --help\"" },
		{ { "scna" }, "!there is no command \"scna\"; did you mean \"scan\"?" },
		{ { "sc" }, "!there is no command \"sc\"; did you mean \"scan\"?" },
		{ { "secrte" }, "!there is no command \"secrte\"; try \"prog help\"" },
		{ { "db", "updaet" }, "!there is no command \"db updaet\"; did you mean \"db update\"?" },
		{ { "zzzzzz" }, "!there is no command \"zzzzzz\"; try \"prog help\"" },
		{ { "scan", "--fromat=json" }, "!there is no option --fromat; did you mean --format?" },
		{ { "scan", "--hepl" }, "!there is no option --hepl; did you mean --help?" },
		{ { "scan", "--zzz" }, "!there is no option --zzz; try --help" },
		{ { "scan", "-z" }, "!there is no option -z; try --help" },
		{ { "--format=json", "scan" }, "!there is no option --format; try --help" },
		{ { "scan", "--no-name" }, "!there is no option --no-name; try --help" },
		{ { "scan", "--name" }, "!--name needs a value (NAME)" },
		{ { "scan", "-n" }, "!--name needs a value (NAME)" },
		{ { "scan", "--quiet=yes" }, "!--quiet: \"yes\" is not true or false" },
		{ { "scan", "--format=xml" }, "!--format: \"xml\" is none of: table, json" },
		{ { "scan", "--status=fixed,x" }, "!--status: \"x\" is none of: fixed, affected, wont-fix" },
		{ { "scan", "-j", "-1" }, "!--jobs: \"-1\" is no number" },
		{ { "scan", "--memory-limit-of-the-worker=1x" },
		  "!--memory-limit-of-the-worker: \"1x\" is no size (like 512, 64k, 10M, 2GiB)" },
		{ { "scan", "a", "b" }, "!scan: \"b\" is one argument too many; try --help" },
		{ { "need", "a" }, "!need needs A B; try --help" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct invocation in;
		struct err e = { 0 };
		auto_buf struct buf got = { 0 };
		int r;

		row("%s", rows[i].want);
		buf_init(&got, TEXT_BYTES_MAX);
		r = parse(rows[i].words, &in, &e);
		if (r < 0) {
			EQ_INT(r, -EINVAL);
			buf_fmt(&got, "!%s", e.msg);
		} else {
			describe(&in, &got);
		}
		EQ_STR(buf_all(&got), str_c(rows[i].want));
		invocation_done(&in);
	}
	forget();
}

TEST(sizes)
{
	static const struct {
		const char *text;
		uint64_t want; /* UINT64_MAX: no size */
	} rows[] = {
		{ "0", 0 },
		{ "512", 512 },
		{ "1k", 1024 },
		{ "1K", 1024 },
		{ "1KiB", 1024 },
		{ "1kB", 1000 },
		{ "3MB", 3000000 },
		{ "2G", 2147483648 },
		{ "1T", 1099511627776 },
		{ "7b", 7 },
		{ "", UINT64_MAX },
		{ "k", UINT64_MAX },
		{ "-1", UINT64_MAX },
		{ "1kk", UINT64_MAX },
		{ "1 k", UINT64_MAX },
		{ "99999999999T", UINT64_MAX },
		{ "1iB", UINT64_MAX },
		{ "1i", UINT64_MAX },
		{ "64Mi", 64 << 20 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t got = UINT64_MAX;
		bool ok = option_size(str_c(rows[i].text), &got);

		row("\"%s\"", rows[i].text);
		OK(ok == (rows[i].want != UINT64_MAX));
		OK(got == rows[i].want);
	}
}

/* What stands before and behind a name and a letter. */
struct spelling {
	const char *name[2], *letter[2];
};

static void says(struct str text, const char *const around[2], struct str what)
{
	char word[128];

	snprintf(word, sizeof(word), "%s" STR_FMT "%s", around[0], STR_ARG(what), around[1]);
	tap_check(str_find_str(text, str_c(word)) >= 0, __FILE__, __LINE__, "%s is missing", word);
}

/* Every name and letter of a table stands in the text. */
static void says_options(struct str text, const struct option *o, const struct spelling *spelling)
{
	for (; o && o->name; o++) {
		says(text, spelling->name, str_c(o->name));
		if (o->letter)
			says(text, spelling->letter, str_n(&o->letter, 1));
		for (size_t i = 0; o->choices && o->choices[i]; i++)
			OK(str_find_str(text, str_c(o->choices[i])) >= 0);
	}
}

static const struct spelling in_help = { { "--", "" }, { "-", "," } };
/* bash (which offers flags by name), zsh, fish */
static const struct spelling in_completion[] = {
	{ { "--", "" }, { "", "" } },
	{ { "--", "" }, { "-", "" } },
	{ { "-l ", "" }, { "-s ", "" } },
};
static const struct spelling in_man = { { "*--", "*" }, { "*-", "*" } };

static const struct {
	const char *name;
	const struct command *parent, *command;
} pages[] = {
	{ "prog", NULL, NULL },
	{ "prog scan", NULL, &commands[0] },
	{ "prog db", NULL, &commands[1] },
	{ "prog db update", &commands[1], &db_commands[0] },
	{ "prog need", NULL, &commands[2] },
};

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

TEST(help)
{
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		const struct command *c = pages[i].command;
		auto_buf struct buf help = { 0 };
		char usage[64];

		row("%s", pages[i].name);
		buf_init(&help, TEXT_BYTES_MAX);
		option_help(&help, &program, pages[i].parent, c);
		OK(buf_finish(&help) == 0);
		for (struct str rest = buf_all(&help), line; str_cut(&rest, '\n', &line);)
			tap_check(line.n <= OPTION_HELP_COLUMNS && (!line.n || line.p[line.n - 1] != ' '), __FILE__,
				  __LINE__, "line: " STR_FMT, STR_ARG(line));
		snprintf(usage, sizeof(usage), "Usage: %s ", pages[i].name);
		OK(str_starts(buf_all(&help), str_c(usage)));
		says_options(buf_all(&help), program.options, &in_help);
		says_options(buf_all(&help), option_help_row, &in_help);
		says_options(buf_all(&help), c ? c->options : NULL, &in_help);
		OK(str_find_str(buf_all(&help), str_c(c ? c->summary : program.summary)) > 0);
		OK(str_find_str(buf_all(&help), STR("secret")) < 0);
	}
}

TEST(man)
{
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		const struct command *c = pages[i].command;
		auto_buf struct buf man = { 0 };
		FILE *scdoc;

		row("%s", pages[i].name);
		buf_init(&man, TEXT_BYTES_MAX);
		option_man(&man, &program, pages[i].parent, c);
		OK(buf_finish(&man) == 0);
		says_options(buf_all(&man), program.options, &in_man);
		says_options(buf_all(&man), option_help_row, &in_man);
		says_options(buf_all(&man), c ? c->options : NULL, &in_man);
		if (access("/usr/bin/scdoc", X_OK) != 0)
			continue;
		scdoc = popen("scdoc >/dev/null", "w");
		OK(scdoc != NULL);
		OK(fwrite(man.p, 1, man.n, scdoc) == man.n);
		EQ_INT(pclose(scdoc), 0);
	}
}

TEST(completion)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };

	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		auto_buf struct buf b = { 0 };

		row("%s", shells[i]);
		buf_init(&b, TEXT_BYTES_MAX);
		OK(option_completion(&b, &program, str_c(shells[i])));
		OK(buf_finish(&b) == 0);
		says_options(buf_all(&b), scan_options, &in_completion[i]);
		OK(str_find_str(buf_all(&b), STR("secret")) < 0);
		OK(str_find_str(buf_all(&b), STR("update")) > 0);
	}
	row("no such shell");
	{
		auto_buf struct buf b = { 0 };

		buf_init(&b, TEXT_BYTES_MAX);
		OK(!option_completion(&b, &program, STR("csh")));
	}
}

/* What bash offers for words on a command line; the last is the one being typed. */
TEST(bash_completion)
{
	static const struct {
		const char *words, *want;
	} rows[] = {
		{ "prog ''", "scan db need in help" },
		{ "prog s", "scan" },
		{ "prog db ''", "update status" },
		{ "prog scan --f", "--format --fixed-only" },
		{ "prog scan --format ''", "table json" },
		{ "prog scan -f j", "json" },
		{ "prog scan --format = t", "table" },
		{ "prog db update --q", "--quiet" },
		{ "prog -q sc", "scan" },
	};
	auto_buf struct buf b = { 0 };

	if (access("/bin/bash", X_OK) != 0) {
		tap_skip("no bash");
		return;
	}
	buf_init(&b, TEXT_BYTES_MAX);
	OK(option_completion(&b, &program, STR("bash")));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char name[] = "/tmp/yagura-completion-XXXXXX", line[256], got[256] = "";
		auto_close int fd = mkstemp(name);
		FILE *bash;
		size_t n;

		row("%s", rows[i].words);
		OK(fd >= 0 && fd_write(fd, b.p, b.n) == 0);
		snprintf(line, sizeof(line),
			 "bash -c '. %s; eval \"COMP_WORDS=($0)\"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _prog; "
			 "printf %%s \"${COMPREPLY[*]}\"' \"%s\"",
			 name, rows[i].words);
		bash = popen(line, "r");
		OK(bash != NULL);
		n = fread(got, 1, sizeof(got) - 1, bash);
		got[n] = 0;
		EQ_INT(pclose(bash), 0);
		EQ_Z(got, rows[i].want);
		unlink(name);
	}
}

TEST(run)
{
	char prog[] = "prog", scan[] = "scan", x[] = "x", db[] = "db", update[] = "update";

	EQ_INT(option_main(&program, 3, (char *[]){ prog, scan, x, NULL }), 41);
	EQ_INT(option_main(&program, 3, (char *[]){ prog, db, update, NULL }), 50);
}
