/* cgroup-part: files of a group, and waiting. See cgroup-part.h. */
#include "runtime/cgroup-part.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"

#define STEP_FIRST_NS 100000ull
#define STEP_MAX_NS 10000000ull
#define NS 1000000000ull

bool cgroup_copy(char *to, size_t size, struct str s)
{
	if (s.n >= size)
		return false;
	if (s.n)
		memcpy(to, s.p, s.n);
	to[s.n] = 0;
	return true;
}

int cgroup_file_read(int dir, const char *file, char ret[CGROUP_VALUE_MAX])
{
	auto_close int fd = fd_open(dir, file, O_RDONLY);
	ssize_t n = fd < 0 ? fd : fd_read(fd, ret, CGROUP_VALUE_MAX - 1);

	if (n < 0)
		return (int)n;
	while (n > 0 && is_space(ret[n - 1]))
		n--;
	ret[n] = 0;
	return 0;
}

int cgroup_file_write(int dir, const char *file, const char *value)
{
	auto_close int fd = fd_open(dir, file, O_WRONLY);

	/* An empty list (cpuset.cpus) is written as its line end: a write of nothing does not reach the kernel. */
	if (fd < 0)
		return fd;
	return *value ? fd_write(fd, value, strlen(value)) : fd_write(fd, "\n", 1);
}

struct deadline deadline_in(unsigned int ms)
{
	return (struct deadline){ clock_ns() + ms * 1000000ull, STEP_FIRST_NS };
}

bool deadline_wait(struct deadline *d)
{
	struct timespec t = { 0, (long)d->step_ns };

	if (clock_ns() >= d->end_ns)
		return false;
	nanosleep(&t, NULL);
	d->step_ns = d->step_ns * 2 < STEP_MAX_NS ? d->step_ns * 2 : STEP_MAX_NS;
	return true;
}
