/* cgroup-stats: what a container used, from whatever hierarchy says so. See cgroup_stats() in cgroup.h. */
#include <assert.h>

#include "base/num.h"
#include "runtime/cgroup-part.h"

#define NS_PER_US 1000u

/* A line "key value" of a flat-keyed file. */
static void keyed(struct str text, const char *key, uint64_t scale, struct opt_u64 *ret)
{
	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str k, v;
		uint64_t n;

		if (str_split(line, ' ', &k, &v) && str_is(k, key) && num_u64(v, 10, &n)) {
			*ret = (struct opt_u64){ true, n * scale };
			return;
		}
	}
}

struct source {
	const char *file;
	const char *key; /* NULL: the file is one number */
	uint64_t scale;
	size_t offset; /* of the struct opt_u64 in struct cgroup_stats */
};
#define INTO(member) offsetof(struct cgroup_stats, member)

static const struct source cpu_v2[] = {
	{ "cpu.stat", "usage_usec", NS_PER_US, INTO(cpu_usage_ns) },
	{ "cpu.stat", "user_usec", NS_PER_US, INTO(cpu_user_ns) },
	{ "cpu.stat", "system_usec", NS_PER_US, INTO(cpu_system_ns) },
	{ "cpu.stat", "throttled_usec", NS_PER_US, INTO(cpu_throttled_ns) },
	{ "cpu.stat", "nr_periods", 1, INTO(cpu_periods) },
	{ "cpu.stat", "nr_throttled", 1, INTO(cpu_throttled_periods) },
};
static const struct source cpu_v1[] = {
	{ "cpu.stat", "throttled_time", 1, INTO(cpu_throttled_ns) },
	{ "cpu.stat", "nr_periods", 1, INTO(cpu_periods) },
	{ "cpu.stat", "nr_throttled", 1, INTO(cpu_throttled_periods) },
};
static const struct source cpuacct_v1[] = {
	{ "cpuacct.usage", NULL, 1, INTO(cpu_usage_ns) },
	{ "cpuacct.usage_user", NULL, 1, INTO(cpu_user_ns) },
	{ "cpuacct.usage_sys", NULL, 1, INTO(cpu_system_ns) },
};
static const struct source memory_v2[] = {
	{ "memory.current", NULL, 1, INTO(memory) },	     { "memory.peak", NULL, 1, INTO(memory_peak) },
	{ "memory.max", NULL, 1, INTO(memory_limit) },	     { "memory.swap.current", NULL, 1, INTO(memory_swap) },
	{ "memory.stat", "kernel", 1, INTO(memory_kernel) }, { "memory.stat", "file", 1, INTO(memory_cache) },
	{ "memory.stat", "anon", 1, INTO(memory_rss) },	     { "memory.events", "oom_kill", 1, INTO(oom_kills) },
};
static const struct source memory_v1[] = {
	{ "memory.usage_in_bytes", NULL, 1, INTO(memory) },
	{ "memory.max_usage_in_bytes", NULL, 1, INTO(memory_peak) },
	{ "memory.limit_in_bytes", NULL, 1, INTO(memory_limit) },
	{ "memory.stat", "total_swap", 1, INTO(memory_swap) },
	{ "memory.kmem.usage_in_bytes", NULL, 1, INTO(memory_kernel) },
	{ "memory.stat", "total_cache", 1, INTO(memory_cache) },
	{ "memory.stat", "total_rss", 1, INTO(memory_rss) },
	{ "memory.oom_control", "oom_kill", 1, INTO(oom_kills) },
};
static const struct source pids_any[] = {
	{ "pids.current", NULL, 1, INTO(pids) },
	{ "pids.max", NULL, 1, INTO(pids_limit) },
};

static_assert(ARRAY_LEN(memory_v1) == ARRAY_LEN(memory_v2), "the same figures of both");

static void read_sources(const struct cgroup *c, enum cgroup_controller which, const struct source *v, size_t n,
			 struct cgroup_stats *ret)
{
	char text[CGROUP_VALUE_MAX];
	const char *held = NULL; /* which file is in text */

	for (size_t i = 0; i < n; i++) {
		struct opt_u64 *to = (struct opt_u64 *)(void *)((char *)ret + v[i].offset);

		if (!held || strcmp(held, v[i].file)) {
			held = cgroup_read(c, which, v[i].file, text) < 0 ? NULL : v[i].file;
			if (!held)
				continue;
		}
		if (v[i].key)
			keyed(str_c(text), v[i].key, v[i].scale, to);
		else
			to->set = num_u64(str_c(text), 10, &to->v);
	}
}

static void add(struct opt_u64 *to, uint64_t n)
{
	to->set = true;
	to->v += n;
}

/* v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0", a line a device. */
static void io_v2(struct str text, struct cgroup_stats *ret)
{
	const struct {
		struct str key;
		struct opt_u64 *to;
	} keys[] = { { STR("rbytes="), &ret->read_bytes },
		     { STR("wbytes="), &ret->write_bytes },
		     { STR("rios="), &ret->read_ios },
		     { STR("wios="), &ret->write_ios } };

	for (struct str line; str_cut(&text, '\n', &line);)
		for (struct str word; str_cut(&line, ' ', &word);)
			for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
				uint64_t n;

				if (str_starts(word, keys[i].key) && num_u64(str_from(word, keys[i].key.n), 10, &n))
					add(keys[i].to, n);
			}
}

/* v1: "8:0 Read 4096", a line a device and kind. */
static void io_v1(const struct cgroup *c, const char *file, struct opt_u64 *reads, struct opt_u64 *writes)
{
	char text[CGROUP_VALUE_MAX];
	struct str rest, device, kind;
	uint64_t n;

	if (cgroup_read(c, CG_IO, file, text) < 0)
		return;
	rest = str_c(text);
	for (struct str line; str_cut(&rest, '\n', &line);) {
		if (!str_cut(&line, ' ', &device) || !str_cut(&line, ' ', &kind) || !num_u64(line, 10, &n))
			continue;
		if (str_is(kind, "Read"))
			add(reads, n);
		else if (str_is(kind, "Write"))
			add(writes, n);
	}
}

/* "0.05" as hundredths. */
static uint32_t hundredths(struct str s)
{
	double d;

	return num_double(s, &d) && d >= 0 && d <= 100 ? (uint32_t)(d * 100 + 0.5) : 0;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" (Documentation/accounting/psi.rst) */
static void psi_line(struct str line, uint32_t avg[3], uint64_t *total)
{
	static const char *const keys[] = { "avg10=", "avg60=", "avg300=" };

	for (struct str word; str_cut(&line, ' ', &word);) {
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (str_starts(word, str_c(keys[i])))
				avg[i] = hundredths(str_from(word, strlen(keys[i])));
		if (str_starts(word, STR("total=")))
			(void)!num_u64(str_from(word, 6), 10, total);
	}
}

static void psi(const struct cgroup *c, const char *file, struct cgroup_psi *ret)
{
	char text[CGROUP_VALUE_MAX];
	struct str rest;

	if (cgroup_read(c, CG_UNIFIED, file, text) < 0)
		return;
	rest = str_c(text);
	for (struct str line; str_cut(&rest, '\n', &line);) {
		if (str_starts(line, STR("some ")))
			psi_line(line, ret->some, &ret->some_total);
		else if (str_starts(line, STR("full ")))
			psi_line(line, ret->full, &ret->full_total);
		else
			continue;
		ret->set = true;
	}
}

static void io(const struct cgroup *c, struct cgroup_stats *ret)
{
	char text[CGROUP_VALUE_MAX];
	bool v2 = false;

	cgroup_dir(c, CG_IO, &v2);
	if (v2 && cgroup_read(c, CG_IO, "io.stat", text) == 0) {
		io_v2(str_c(text), ret);
	} else if (!v2) {
		io_v1(c, "blkio.throttle.io_service_bytes_recursive", &ret->read_bytes, &ret->write_bytes);
		io_v1(c, "blkio.throttle.io_serviced_recursive", &ret->read_ios, &ret->write_ios);
	}
}

int cgroup_stats(const struct cgroup *c, struct cgroup_stats *ret, struct err *e)
{
	struct cgroup_stats s = { 0 };
	bool cpu2 = false, memory2 = false;

	if (c->host->n && cgroup_dir(c, CG_CPUACCT, NULL) < 0 && cgroup_dir(c, CG_MEMORY, NULL) < 0)
		return err_set(e, -ENOENT, "cgroup: %s is not there", c->path);
	cgroup_dir(c, CG_CPUACCT, &cpu2);
	cgroup_dir(c, CG_MEMORY, &memory2);
	if (cpu2) {
		read_sources(c, CG_CPUACCT, cpu_v2, ARRAY_LEN(cpu_v2), &s);
	} else {
		read_sources(c, CG_CPUACCT, cpuacct_v1, ARRAY_LEN(cpuacct_v1), &s);
		read_sources(c, CG_CPU, cpu_v1, ARRAY_LEN(cpu_v1), &s);
	}
	read_sources(c, CG_MEMORY, memory2 ? memory_v2 : memory_v1, ARRAY_LEN(memory_v2), &s);
	read_sources(c, CG_PIDS, pids_any, ARRAY_LEN(pids_any), &s);
	io(c, &s);
	psi(c, "cpu.pressure", &s.psi_cpu);
	psi(c, "memory.pressure", &s.psi_memory);
	psi(c, "io.pressure", &s.psi_io);
	*ret = s;
	return 0;
}
