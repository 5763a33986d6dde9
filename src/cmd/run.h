/* run: what the commands of yagura-run share: the global options, the log, how they end.
 *
 * The command line is runc's (docs/runtime-cli.md), so the exit statuses are too: 0, 1 for what could not be done, 2
 * for wrong usage; `run` and `exec` in the foreground end as the container's program does, 128 + N when signal N ended
 * it. */
#ifndef CMD_RUN_H
#define CMD_RUN_H

#include "cmd/option.h"
#include "runtime/config.h"
#include "runtime/container.h"

#define RUN_FAILED 1

extern const struct command run_create_command, run_start_command, run_run_command, run_state_command, run_kill_command,
	run_delete_command, run_exec_command, run_list_command, run_ps_command, run_pause_command, run_resume_command,
	run_update_command, run_events_command, run_verify_command, run_why_command, run_profile_command,
	run_features_command, run_spec_command, run_checkpoint_command, run_restore_command;

/* Global options, as given. */
extern struct str arg_root, arg_log, arg_rootless;
extern uint64_t arg_log_format, arg_log_level, arg_cgroup_manager;
extern bool arg_debug, arg_systemd, arg_compat, arg_version;
extern const struct option run_options[]; /* their table */

extern const char *run_called;	   /* the name this program was started by */
extern unsigned int run_given_fds; /* descriptors from 3 on that were open when this program began */

enum run_level { RUN_ERROR, RUN_WARNING, RUN_DEBUG };

const char *run_z(struct str s); /* an option's text as C string; NULL when it was not given */

/* One line to the log (--log, else stderr); an error goes to stderr too. */
void run_log(enum run_level level, const char *fmt, ...) printf_like(2, 3);
int run_fail(const struct err *e); /* the error logged; returns RUN_FAILED */

void run_warnings(struct oci_warnings *w); /* to the log, and freed */

/* What the global options mean, the root of the state opened (and made when `make`); what killed commands left is
 * removed when `sweep`. */
int run_open(struct runtime *ret, bool make, bool sweep, struct err *e) must_check;
/* The container of an invocation's first argument. */
int run_container(const struct invocation *in, struct runtime *rt, bool lock, struct container *ret,
		  struct err *e) must_check;

/* `run`, with its options: in the foreground until the container has ended, recorded by `record` if that is not NULL.
 * The exit status. */
struct recorder;
extern const struct option run_attended_options[];
int run_attended(const struct invocation *in, struct recorder *record);

#endif
