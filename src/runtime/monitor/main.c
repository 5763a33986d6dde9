/* main: yagura-monitor. See monitor.h. */
#include "base/fd.h"
#include "runtime/monitor/monitor.h"

#define JOB_BYTES_MAX (PLAN_BYTES_MAX + (1u << 20))

static int serve(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	struct job j;

	if (fd_read_all(JOB_FD, JOB_BYTES_MAX, &text, &e) < 0 || job_parse(buf_all(&text), &a, &j, &e) < 0) {
		dprintf(2, "yagura-monitor: descriptor %d: %s\n", JOB_FD, e.msg);
		return MONITOR_FAILED;
	}
	return monitor_serve(&j);
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return serve();
	if (argc == 2 && str_is(str_c(argv[1]), "exec"))
		return monitor_exec();
	fputs("yagura-monitor is started by yagura-run\n", stderr);
	return 2;
}
