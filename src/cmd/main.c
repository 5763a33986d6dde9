/* main: the table of commands. */
#include <sys/resource.h>

#include "base/fd.h"
#include "cmd/cmd.h"
#include "sandbox/worker.h"
#include "scan/work.h"

static int version_run(const struct invocation *in)
{
	printf("yagura %s\n", in->program->version);
	return EXIT_CLEAN;
}

static const struct option common_options[] = {
	{ "quiet", 'q', OPTION_FLAG, &arg_quiet, NULL, "No progress and no hints on stderr.", NULL },
	{ "data", 0, OPTION_TEXT, &arg_data, "DIR",
	  "Where the vulnerability data are. Default: $YAGURA_DATA, /var/lib/yagura for root, ~/.local/share/yagura.",
	  NULL },
	{ "cache", 0, OPTION_TEXT, &arg_cache, "DIR",
	  "Where layers seen before are remembered. Default: $YAGURA_CACHE, ~/.cache/yagura.", NULL },
	{ NULL },
};

#define FILES_WANTED 16384 /* a layout of 1,024 layers has as many descriptors open, and pipes beside them */

static void raise_file_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= FILES_WANTED)
		return;
	l.rlim_cur = l.rlim_max < FILES_WANTED ? l.rlim_max : FILES_WANTED;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		return; /* most images need few */
}

int main(int argc, char **argv)
{
	const struct command commands[] = {
		scan_command,
		explain_command,
		db_command,
		cache_command,
		run_command,
		ps_command,
		logs_command,
		stop_command,
		rm_command,
		stats_command,
		audit_command,
		node_command,
		image_command,
		option_help_command,
		option_completion_command,
		{ .name = "version", .summary = "print the version", .run = version_run },
		{ .name = NULL },
	};
	const struct program program = {
		.name = "yagura",
		.summary = "container security: what an image, a directory or this host holds, and what is known "
			   "against it",
		.commands = commands,
		.options = common_options,
		.version = YAGURA_VERSION,
	};

	if (argc == 3 && strcmp(argv[1], WORKER_ARG) == 0)
		return work_main(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		argv[1] += strlen("--"); /* as with most programs */
	raise_file_limit();
	if (fd_fill_standard() < 0)
		return EXIT_COULD_NOT;
	return option_main(&program, argc, argv);
}
