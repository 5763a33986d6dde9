/* cmd: what the commands share: their rows, the options that all have, and how they end. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "cmd/option.h"

/* The suite's exit statuses; docs and every command's table repeat them for people. */
enum {
	EXIT_CLEAN = 0,
	EXIT_FINDINGS = 1,
	EXIT_WRONG_USAGE = EXIT_USAGE,
	EXIT_COULD_NOT = 3,
	EXIT_NOT_ALL = 4, /* with --strict: not everything could be assessed */
};

extern const struct command scan_command, explain_command, db_command, cache_command;
extern const struct command run_command, ps_command, logs_command, stop_command, rm_command, stats_command,
	audit_command, node_command, image_command;

/* Options of every command. */
extern bool arg_quiet;
extern struct str arg_data;	 /* --data DIR */
extern struct str arg_cache;	 /* --cache DIR */
const char *arg_z(struct str s); /* an option's text as C string; NULL when it was not given */

/* "yagura: MESSAGE" on stderr; returns EXIT_COULD_NOT. */
int cmd_fail(const struct err *e);
int cmd_usage(const char *fmt, ...) printf_like(1, 2); /* returns EXIT_WRONG_USAGE */

#endif
