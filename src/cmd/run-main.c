/* run-main: yagura-run's commands. */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cmd/run.h"
#include "runtime/features.h"

#define HEAP_STEP_BYTES (1 << 20)	/* asked of the kernel at once: pages that are not touched cost nothing */
#define COMPAT_NAME "yagura-run-compat" /* called by this name it is --compat */

static int bare_run(const struct invocation *in)
{
	if (arg_version) {
		printf("%s version %s\nspec: %s\n", run_called, in->program->version, RUNTIME_SPEC_VERSION);
		return 0;
	}
	dprintf(STDERR_FILENO, "%s: a command is missing; try \"%s help\"\n", in->program->name, in->program->name);
	return EXIT_USAGE;
}

/* Before anything is opened here: what has their numbers later is ours, and must not get into a container. */
static void count_given_descriptors(void)
{
	while (run_given_fds < LAUNCH_PRESERVE_FDS_MAX && fcntl(STDERR_FILENO + 1 + (int)run_given_fds, F_GETFD) >= 0)
		run_given_fds++;
}

int main(int argc, char **argv)
{
	const struct command commands[] = {
		run_create_command,	   run_start_command,	run_run_command,
		run_state_command,	   run_list_command,	run_ps_command,
		run_exec_command,	   run_kill_command,	run_delete_command,
		run_pause_command,	   run_resume_command,	run_update_command,
		run_events_command,	   run_verify_command,	run_why_command,
		run_profile_command,	   run_spec_command,	run_features_command,
		run_checkpoint_command,	   run_restore_command, option_help_command,
		option_completion_command, { .name = NULL },
	};
	const struct program program = {
		.name = "yagura-run",
		.summary = "OCI runtime: makes and runs containers from bundles, with limits that are read back from "
			   "the kernel",
		.commands = commands,
		.options = run_options,
		.version = YAGURA_VERSION,
		.section = 8,
		.run = bare_run,
	};

	(void)signal(SIGCHLD, SIG_DFL); /* a caller that ignores it must not keep from us that children end */
	if (fd_fill_standard() < 0)
		return RUN_FAILED;
	count_given_descriptors();
	mallopt(M_TOP_PAD, HEAP_STEP_BYTES);
	mallopt(M_TRIM_THRESHOLD, HEAP_STEP_BYTES * 4);
	if (argc && *argv[0])
		run_called = path_base(str_c(argv[0])).p;
	arg_compat = strcmp(run_called, COMPAT_NAME) == 0;
	return option_main(&program, argc, argv);
}
