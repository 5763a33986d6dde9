/* group: the control group of a machine's container: its own limits, and what it has used. See init.h. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "node/init/init.h"

#define MEMORY_RESERVE_MIN (8u << 20) /* what is left to the kernel and to init, at least */

static uint64_t number_in(const char *path, const char *key)
{
	auto_buf struct buf b = { 0 };
	uint64_t v = 0;

	if (file_read(AT_FDCWD, path, 16384, &b, NULL) < 0)
		return 0;
	for (struct str rest = buf_all(&b), line, name, value; str_cut(&rest, '\n', &line);) {
		if (!key)
			return num_u64(str_trim(line), 10, &v) ? v : 0;
		if (str_split(line, ' ', &name, &value) && str_is(name, key))
			return num_u64(str_trim(value), 10, &v) ? v : 0;
	}
	return 0;
}

static uint64_t group_number(const char *file, const char *key)
{
	char path[128];

	snprintf(path, sizeof(path), CONTAINER_CGROUP "/%s", file);
	return number_in(path, key);
}

uint64_t group_oom_kills(void)
{
	return number_in("/proc/vmstat", "oom_kill");
}

/* What is left to the kernel and to us. */
static uint64_t memory_reserve(uint64_t total)
{
	return total / 16 > MEMORY_RESERVE_MIN ? total / 16 : MEMORY_RESERVE_MIN;
}

static uint64_t memory_total(void)
{
	struct sysinfo all;

	return sysinfo(&all) < 0 ? 0 : (uint64_t)all.totalram * all.mem_unit;
}

void group_figures(uint64_t oom_before, struct guest_figures *ret)
{
	uint64_t total = memory_total();
	struct guest_figures f = { .memory = group_number("memory.current", NULL),
				   .memory_peak = group_number("memory.peak", NULL),
				   .memory_limit = group_number("memory.max", NULL),
				   .pids = group_number("pids.current", NULL),
				   .pids_limit = group_number("pids.max", NULL),
				   .cpu_ns = group_number("cpu.stat", "usage_usec") * 1000,
				   .oom_kills = group_oom_kills() - oom_before,
				   .memory_most = total - memory_reserve(total) };

	*ret = f;
}

static int set_group(const char *file, uint64_t value, struct err *e)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), CONTAINER_CGROUP "/%s", file);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return knob_write(path, text, e);
}

/* The limit on processes was asked for: without it nothing starts. That on memory keeps the kernel and us alive when
 * the container takes all; the host's limit holds in any case. */
int group_make(const struct guest_plan *p, struct err *e)
{
	uint64_t memory = p->memory_max, total = memory_total();
	int r = 0;

	if (knob_write("/sys/fs/cgroup/cgroup.subtree_control", "+pids +memory +cpu", NULL) < 0)
		(void)knob_write("/sys/fs/cgroup/cgroup.subtree_control", "+pids +memory", NULL);
	if (mkdir(CONTAINER_CGROUP, 0755) < 0 && errno != EEXIST)
		return p->pids_max ? err_errno(e, -errno, "a cgroup for the container") : 0;
	if (p->pids_max)
		r = set_group("pids.max", p->pids_max, e);
	if (r == 0 && !memory && total > 2 * memory_reserve(total))
		memory = total - memory_reserve(total);
	if (r == 0 && memory) {
		r = set_group("memory.max", memory, e);
		(void)set_group("memory.swap.max", 0, NULL);
		(void)set_group("memory.oom.group", 1, NULL);
	}
	return r;
}

/* While it runs: written, and read back. A group that uses more is reclaimed from, and its processes killed. */
static int change_group(const char *file, uint64_t value, struct err *e)
{
	uint64_t pages = (uint64_t)sysconf(_SC_PAGESIZE);
	int r = value ? set_group(file, value, e) : 0;

	if (r == 0 && value && group_number(file, NULL) / pages != value / pages)
		r = err_set(e, -EIO, "%s: it reads back as %llu", file, (unsigned long long)group_number(file, NULL));
	return r;
}

int group_limit(uint64_t memory, uint64_t pids, struct err *e)
{
	uint64_t total = memory_total();
	int r = change_group("pids.max", pids, e);

	if (memory > total - memory_reserve(total)) /* as at the start: all that the machine has */
		memory = total - memory_reserve(total);
	return r < 0 ? r : change_group("memory.max", memory, e);
}
