/* main: yagura-monitor. See monitor.h. */
#include <sys/stat.h>

#include "base/fd.h"
#include "runtime/monitor/monitor.h"

#define JOB_BYTES_MAX (PLAN_BYTES_MAX + (1u << 20))

static int serve(void)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	int with[JOB_FDS_MAX], fd = JOB_FD;
	size_t n = 0;
	struct stat st;
	struct job j;
	int r = fstat(JOB_FD, &st) < 0 ? err_errno(&e, -errno, "job") : 0;

	if (r == 0 && S_ISSOCK(st.st_mode))
		r = job_take_fds(JOB_FD, &fd, with, &n, &e);
	r = r < 0 ? r : fd_read_all(fd, JOB_BYTES_MAX, &text, &e);
	r = r < 0 ? r : job_parse(buf_all(&text), &a, &j, &e);
	if (r == 0 && j.port_count > n)
		r = err_set(&e, -EBADMSG, "job: %zu ports and %zu descriptors", j.port_count, n);
	if (r < 0) {
		dprintf(2, "yagura-monitor: descriptor %d: %s\n", JOB_FD, e.msg);
		return MONITOR_FAILED;
	}
	return monitor_serve(&j, with);
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
