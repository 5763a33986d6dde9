/* `db update` without the command: prints what became of each feed. Started by update.sh.
 *
 * usage: e2e-update DIR CONFIG NOW [wait|nowait]      or: e2e-update DIR export|import NAME FILE */
#include <fcntl.h>

#include "base/fd.h"
#include "base/num.h"
#include "vuln/update/update.h"

static int copy(int dir, char **argv)
{
	struct err e = { 0 };
	int r = strcmp(argv[2], "export") ? update_import(dir, argv[3], argv[4], &e)
					  : update_export(dir, argv[3], argv[4], &e);

	printf("%d %s\n", r, e.msg);
	return r < 0;
}

static int update(int dir, const char *config, uint64_t now, bool wait)
{
	static const char *const outcomes[] = { "new", "unchanged", "failed" };
	struct update_options o = { .now_s = now };
	struct update_config c = { 0 };
	struct update_report report = { 0 };
	struct err e = { 0 };
	auto_close int lock = -1;
	int r = update_config_load(config, &c, &e);

	o.mirror.mode = c.mirror;
	o.no_mirror = c.mirror == MIRROR_OFF;
	if (r == 0)
		r = update_lock(dir, wait, &lock, &e);
	if (r == 0)
		r = update_run(dir, &c, &o, NULL, &report, &e);
	if (r < 0)
		printf("error %d %s\n", r, e.msg);
	for (size_t i = 0; i < report.count; i++) {
		const struct update_result *f = &report.feeds[i];
		auto_arena struct arena a = { 0 };
		struct update_state s;

		update_state_read(dir, f->feed, &a, &s);
		printf("%s %s bytes=%llu fetched=" STR_FMT " failed=" STR_FMT " %s\n", f->feed->file.p,
		       outcomes[f->outcome], (unsigned long long)f->bytes, STR_ARG(s.fetched), STR_ARG(s.failed),
		       f->outcome == UPDATE_FAILED ? f->err.msg : "");
	}
	if (r == 0)
		update_report_done(&report);
	update_config_done(&c);
	return r < 0;
}

int main(int argc, char **argv)
{
	auto_close int dir = argc > 1 ? fd_open(AT_FDCWD, argv[1], O_RDONLY | O_DIRECTORY) : -1;
	uint64_t now;

	if (argc == 5 && (!strcmp(argv[2], "export") || !strcmp(argv[2], "import")))
		return copy(dir, argv);
	if (argc < 4 || !num_u64(str_c(argv[3]), 10, &now)) {
		fprintf(stderr, "usage: e2e-update DIR CONFIG NOW [wait|nowait]\n");
		return 2;
	}
	return update(dir, argv[2], now, argc > 4 && !strcmp(argv[4], "wait"));
}
