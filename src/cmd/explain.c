/* explain: `yagura explain`, why a finding is one, or is none. */
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/target.h"

static struct str arg_package;

static const struct option explain_options[] = {
	{ "package", 'p', OPTION_TEXT, &arg_package, "NAME", "Only packages (binary or source) of this name.", NULL },
	TARGET_OPTION_ROWS,
	{ NULL },
};

static const struct example explain_examples[] = {
	{ "yagura explain CVE-2024-3094 debian:13", "why it is reported, or why not" },
	{ "yagura explain -p openssl CVE-2023-0286 host", "for one package of this host" },
	{ NULL, NULL },
};

static const struct exit_row explain_exits[] = {
	{ EXIT_CLEAN, "explained" },
	{ EXIT_WRONG_USAGE, "wrong usage" },
	{ EXIT_COULD_NOT, "it could not be done, or there is no data yet" },
	{ -1, NULL },
};

static int explain_run(const struct invocation *in)
{
	struct match_options match = target_match_options();
	struct err e = { 0 };
	struct db *db = NULL;
	struct scan s;
	struct out out;
	int r = target_inventory(&s, &db, in->args.v[1]);

	if (r)
		return r;
	if (!db)
		target_say_no_database();
	out_init(&out, STDOUT_FILENO);
	r = db ? match_explain(db, &s.inventory, &match, in->args.v[0], arg_package, &out, &e)
	       : err_set(&e, -ENOENT, "without data nothing can be explained");
	if (out_finish(&out) < 0 && r >= 0)
		r = err_errno(&e, out.failed, "standard output");
	scan_done(&s);
	db_free(db);
	return r < 0 ? cmd_fail(&e) : EXIT_CLEAN;
}

const struct command explain_command = {
	.name = "explain",
	.arguments = "ID [KIND:]TARGET",
	.summary = "show why a vulnerability is reported for a target, or why not",
	.details = "Prints, for every package that the vulnerability could be about, the file and layer that say it is "
		   "installed, "
		   "the name and version compared, each statement of each feed with its date, the comparison made, and "
		   "what "
		   "was concluded.",
	.min = 2,
	.max = 2,
	.options = explain_options,
	.examples = explain_examples,
	.exits = explain_exits,
	.run = explain_run,
};
