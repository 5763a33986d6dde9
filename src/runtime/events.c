/* events: what a container uses. See events.h. */
#include "runtime/events.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/num.h"
#include "runtime/net.h"

static unsigned long long value(struct opt_u64 v)
{
	return v.set ? v.v : 0;
}

/* ---- pressure ---- */

static void put_psi(struct buf *b, const struct cgroup_psi *p)
{
	static const char *const names[] = { "avg10", "avg60", "avg300" };

	if (!p->set)
		return;
	for (int full = 0; full < 2; full++) {
		const uint32_t *v = full ? p->full : p->some;

		buf_fmt(b, full ? "},\"full\":{" : ",\"psi\":{\"some\":{");
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			buf_fmt(b, "\"%s\":%u.%02u,", names[i], v[i] / 100, v[i] % 100);
		buf_fmt(b, "\"total\":%llu", (unsigned long long)(full ? p->full_total : p->some_total));
	}
	buf_str(b, STR("}}"));
}

/* ---- disk ---- */

static bool device_of(struct str *line, uint32_t *major, uint32_t *minor)
{
	struct str device, first, second;

	return str_cut(line, ' ', &device) && str_split(device, ':', &first, &second) && num_u32(first, major) &&
	       num_u32(second, minor);
}

static void io_entry(struct buf *b, bool *more, uint32_t major, uint32_t minor, struct str op, uint64_t v)
{
	buf_fmt(b, "%s{\"major\":%u,\"minor\":%u,\"op\":", *more ? "," : "", major, minor);
	json_quote(b, op);
	buf_fmt(b, ",\"value\":%llu}", (unsigned long long)v);
	*more = true;
}

/* cgroup-v2.rst: "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353" */
void events_io_v2(struct str text, const char *field, const char *op, struct buf *b, bool *more)
{
	for (struct str line; str_cut(&text, '\n', &line);) {
		uint32_t major, minor;
		struct str word, name, number;
		uint64_t v;

		if (!device_of(&line, &major, &minor))
			continue;
		while (str_cut(&line, ' ', &word))
			if (str_split(word, '=', &name, &number) && str_is(name, field) && num_u64(number, 10, &v))
				io_entry(b, more, major, minor, str_c(op), v);
	}
}

/* cgroup-v1/blkio-controller.rst: "8:0 Read 4096", and at the end "Total 4096" */
void events_io_v1(struct str text, struct buf *b, bool *more)
{
	for (struct str line; str_cut(&text, '\n', &line);) {
		uint32_t major, minor;
		struct str op;
		uint64_t v;

		if (device_of(&line, &major, &minor) && str_cut(&line, ' ', &op) && op.n && num_u64(line, 10, &v))
			io_entry(b, more, major, minor, op, v);
	}
}

static void io_list(const struct cgroup *c, struct buf *b, const char *key, const char *v1, const char *const v2[2])
{
	char text[CGROUP_VALUE_MAX];
	bool more = false;

	buf_fmt(b, "\"%s\":[", key);
	if (cgroup_read(c, CG_IO, "io.stat", text) >= 0) {
		events_io_v2(str_c(text), v2[0], "Read", b, &more);
		events_io_v2(str_c(text), v2[1], "Write", b, &more);
	} else if (cgroup_read(c, CG_IO, v1, text) >= 0) {
		events_io_v1(str_c(text), b, &more);
	}
	buf_char(b, ']');
}

static void put_io(const struct cgroup *c, struct buf *b, const struct cgroup_stats *s)
{
	static const char *const bytes[] = { "rbytes", "wbytes" }, *const operations[] = { "rios", "wios" };

	buf_str(b, STR(",\"blkio\":{"));
	io_list(c, b, "ioServiceBytesRecursive", "blkio.throttle.io_service_bytes_recursive", bytes);
	buf_char(b, ',');
	io_list(c, b, "ioServicedRecursive", "blkio.throttle.io_serviced_recursive", operations);
	put_psi(b, &s->psi_io);
	buf_char(b, '}');
}

/* ---- lists ---- */

static void list_entry(struct buf *b, bool *more, uint64_t v)
{
	buf_fmt(b, "%s%llu", *more ? "," : "", (unsigned long long)v);
	*more = true;
}

void events_list(struct str text, struct buf *b)
{
	struct str rest = str_trim(text);
	bool more = false;
	size_t n = 0;

	buf_char(b, '[');
	for (struct str range; str_cut(&rest, ',', &range);) {
		struct str first = range, last = range;
		uint32_t from, to;

		(void)str_split(range, '-', &first, &last);
		if (!num_u32(first, &from) || !num_u32(last, &to))
			continue;
		for (uint64_t i = from; i <= to && n < EVENTS_LIST_MAX; i++, n++)
			list_entry(b, &more, i);
	}
	buf_char(b, ']');
}

static bool column_of(struct str line, unsigned int column, uint64_t *ret)
{
	struct str word = STR_NONE;

	for (unsigned int i = 0; i <= column; i++) {
		do {
			if (!str_cut(&line, ' ', &word))
				return false;
		} while (!word.n);
	}
	return num_u64(word, 10, ret);
}

void events_percpu(struct str text, unsigned int column, struct buf *b)
{
	bool more = false;
	uint64_t v;

	buf_char(b, '[');
	for (struct str line; str_cut(&text, '\n', &line);)
		if (column_of(line, column, &v)) /* the first line is of names */
			list_entry(b, &more, v);
	buf_char(b, ']');
}

/* Documentation/filesystems/proc.rst, 1.4: "eth0: RECEIVED x 8 TRANSMITTED x 8" */
void events_net(struct str text, struct buf *b)
{
	static const struct {
		const char *name;
		unsigned int column;
	} rows[] = { { "RxBytes", 0 }, { "RxPackets", 1 }, { "RxErrors", 2 },  { "RxDropped", 3 },
		     { "TxBytes", 8 }, { "TxPackets", 9 }, { "TxErrors", 10 }, { "TxDropped", 11 } };
	bool more = false;

	buf_char(b, '[');
	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str name, numbers;
		uint64_t v[ARRAY_LEN(rows)];
		size_t i = 0;

		if (!str_split(line, ':', &name, &numbers))
			continue;
		while (i < ARRAY_LEN(rows) && column_of(numbers, rows[i].column, &v[i]))
			i++;
		if (i < ARRAY_LEN(rows))
			continue;
		buf_str(b, more ? STR(",{\"Name\":") : STR("{\"Name\":"));
		json_quote(b, str_trim(name));
		for (i = 0; i < ARRAY_LEN(rows); i++)
			buf_fmt(b, ",\"%s\":%llu", rows[i].name, (unsigned long long)v[i]);
		buf_char(b, '}');
		more = true;
	}
	buf_char(b, ']');
}

/* ---- the others ---- */

static uint64_t number_of(const struct cgroup *c, enum cgroup_controller which, const char *file)
{
	char text[CGROUP_VALUE_MAX];
	uint64_t v;

	return cgroup_read(c, which, file, text) >= 0 && num_u64(str_trim(str_c(text)), 10, &v) ? v : 0;
}

/* Only v1 counts by processor. */
static void put_percpu(const struct cgroup *c, struct buf *b)
{
	static const struct {
		const char *name;
		unsigned int column;
	} rows[] = { { "percpu_kernel", 2 }, { "percpu_user", 1 } };
	char text[CGROUP_VALUE_MAX];

	if (cgroup_read(c, CG_CPUACCT, "cpuacct.usage_percpu", text) >= 0) {
		struct str rest = str_trim(str_c(text));
		bool more = false;

		buf_str(b, STR(",\"percpu\":["));
		for (struct str word; str_cut(&rest, ' ', &word);) {
			uint64_t v;

			if (num_u64(word, 10, &v))
				list_entry(b, &more, v);
		}
		buf_char(b, ']');
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (cgroup_read(c, CG_CPUACCT, "cpuacct.usage_all", text) < 0)
			continue;
		buf_fmt(b, ",\"%s\":", rows[i].name);
		events_percpu(str_c(text), rows[i].column, b);
	}
}

static void put_cpu(const struct cgroup *c, struct buf *b, const struct cgroup_stats *s)
{
	buf_fmt(b, "\"cpu\":{\"usage\":{\"total\":%llu", value(s->cpu_usage_ns));
	put_percpu(c, b);
	buf_fmt(b, ",\"kernel\":%llu,\"user\":%llu}", value(s->cpu_system_ns), value(s->cpu_user_ns));
	buf_fmt(b, ",\"throttling\":{\"periods\":%llu,\"throttledPeriods\":%llu,\"throttledTime\":%llu}",
		value(s->cpu_periods), value(s->cpu_throttled_periods), value(s->cpu_throttled_ns));
	put_psi(b, &s->psi_cpu);
	buf_char(b, '}');
}

/* The flags are v1's; runc prints 0 on v2. */
static void put_cpuset(const struct cgroup *c, struct buf *b)
{
	static const char *const lists[] = { "cpus", "mems" };
	static const char *const flags[] = { "cpu_exclusive",	"mem_hardwall",	      "mem_exclusive",
					     "memory_migrate",	"memory_spread_page", "memory_spread_slab",
					     "memory_pressure", "sched_load_balance" };
	char text[CGROUP_VALUE_MAX], file[64];
	bool v2 = false, more = false;

	cgroup_dir(c, CG_CPUSET, &v2);
	buf_str(b, STR(",\"cpuset\":{"));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		snprintf(file, sizeof(file), "cpuset.%s%s", lists[i], v2 ? ".effective" : "");
		if (cgroup_read(c, CG_CPUSET, file, text) < 0)
			continue;
		buf_fmt(b, "%s\"%s\":", more ? "," : "", lists[i]);
		events_list(str_c(text), b);
		more = true;
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		snprintf(file, sizeof(file), "cpuset.%s", flags[i]);
		buf_fmt(b, "%s\"%s\":%llu", more ? "," : "", flags[i],
			(unsigned long long)number_of(c, CG_CPUSET, file));
		more = true;
	}
	buf_fmt(b, ",\"sched_relax_domain_level\":%d}",
		cgroup_read(c, CG_CPUSET, "cpuset.sched_relax_domain_level", text) >= 0 &&
				str_starts(str_c(text), STR("-1"))
			? -1
			: (int)(number_of(c, CG_CPUSET, "cpuset.sched_relax_domain_level") & 0xff));
}

/* memory.stat: a name and a number a line, on v1 and v2. */
static void put_raw(const struct cgroup *c, struct buf *b)
{
	char text[CGROUP_VALUE_MAX];
	struct str rest, line, name, number;
	bool more = false;
	uint64_t v;

	buf_str(b, STR(",\"raw\":{"));
	rest = cgroup_read(c, CG_MEMORY, "memory.stat", text) >= 0 ? str_c(text) : STR_NONE;
	while (rest.n && str_cut(&rest, '\n', &line)) {
		if (!str_split(line, ' ', &name, &number) || !num_u64(number, 10, &v))
			continue;
		buf_str(b, more ? STR(",") : STR(""));
		json_quote(b, name);
		buf_fmt(b, ":%llu", (unsigned long long)v);
		more = true;
	}
	buf_char(b, '}');
}

static void put_memory(const struct cgroup *c, struct buf *b, const struct cgroup_stats *s)
{
	static const struct {
		const char *name, *v1[4], *v2_limit, *v2_peak;
	} rows[] = {
		{ "swap",
		  { "memory.memsw.limit_in_bytes", "", "memory.memsw.max_usage_in_bytes", "memory.memsw.failcnt" },
		  "memory.swap.max",
		  "memory.swap.peak" },
		{ "kernel",
		  { "memory.kmem.limit_in_bytes", "", "memory.kmem.max_usage_in_bytes", "memory.kmem.failcnt" },
		  "",
		  "" },
		{ "kernelTCP",
		  { "memory.kmem.tcp.limit_in_bytes", "memory.kmem.tcp.usage_in_bytes",
		    "memory.kmem.tcp.max_usage_in_bytes", "memory.kmem.tcp.failcnt" },
		  "",
		  "" },
	};
	bool v2 = false;

	cgroup_dir(c, CG_MEMORY, &v2);
	buf_fmt(b, ",\"memory\":{\"cache\":%llu", value(s->memory_cache));
	buf_fmt(b, ",\"usage\":{\"limit\":%llu,\"usage\":%llu,\"max\":%llu,\"failcnt\":%llu}", value(s->memory_limit),
		value(s->memory), value(s->memory_peak), value(s->oom_kills));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		buf_fmt(b, ",\"%s\":{\"limit\":%llu,\"usage\":%llu,\"max\":%llu,\"failcnt\":%llu}", rows[i].name,
			(unsigned long long)number_of(c, CG_MEMORY, v2 ? rows[i].v2_limit : rows[i].v1[0]),
			i < 2 ? value(i ? s->memory_kernel : s->memory_swap)
			      : (unsigned long long)number_of(c, CG_MEMORY, rows[i].v1[1]),
			(unsigned long long)number_of(c, CG_MEMORY, v2 ? rows[i].v2_peak : rows[i].v1[2]),
			(unsigned long long)number_of(c, CG_MEMORY, v2 ? "" : rows[i].v1[3]));
	put_raw(c, b);
	put_psi(b, &s->psi_memory);
	buf_char(b, '}');
}

/* The sizes this kernel has are those it made files for: "hugetlb.2MB.usage_in_bytes", "hugetlb.2MB.current". */
static void put_hugetlb(const struct cgroup *c, struct buf *b)
{
	static const struct {
		const char *usage, *max, *failed;
	} names[] = { { ".usage_in_bytes", ".max_usage_in_bytes", ".failcnt" }, { ".current", ".peak", ".failcnt" } };
	bool v2 = false, more = false;
	int fd = cgroup_dir(c, CG_HUGETLB, &v2), copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	char file[NAME_MAX + 32];

	buf_str(b, STR(",\"hugetlb\":{"));
	if (!d && copy >= 0)
		close(copy);
	if (d)
		rewinddir(d);
	for (const struct dirent *f; d && (f = readdir(d));) {
		struct str name = str_c(f->d_name), size;

		if (!str_starts(name, STR("hugetlb.")) || !str_ends(name, str_c(names[v2].usage)) ||
		    str_find_str(name, STR(".rsvd.")) >= 0)
			continue;
		size = str_head(name, name.n - strlen(names[v2].usage));
		buf_str(b, more ? STR(",") : STR(""));
		json_quote(b, str_from(size, 8));
		buf_fmt(b, ":{\"usage\":%llu", (unsigned long long)number_of(c, CG_HUGETLB, f->d_name));
		snprintf(file, sizeof(file), STR_FMT "%s", STR_ARG(size), names[v2].max);
		buf_fmt(b, ",\"max\":%llu", (unsigned long long)number_of(c, CG_HUGETLB, file));
		snprintf(file, sizeof(file), STR_FMT "%s", STR_ARG(size), names[v2].failed);
		buf_fmt(b, ",\"failcnt\":%llu}", (unsigned long long)number_of(c, CG_HUGETLB, file));
		more = true;
	}
	if (d)
		closedir(d);
	buf_char(b, '}');
}

static void put_net(struct buf *b, pid_t pid)
{
	auto_buf struct buf text = { 0 };
	char path[48], netns[48];
	bool own = false;

	snprintf(path, sizeof(path), "/proc/%d/net/dev", pid);
	snprintf(netns, sizeof(netns), "/proc/%d/ns/net", pid);
	buf_str(b, STR(",\"network_interfaces\":"));
	if (pid <= 0 || net_is_own(netns, &own, NULL) < 0 || !own ||
	    file_read(AT_FDCWD, path, EVENTS_BYTES_MAX / 2, &text, NULL) < 0)
		buf_str(b, STR("null"));
	else
		events_net(buf_all(&text), b);
}

int events_stats(const struct cgroup *c, const char *id, pid_t pid, struct buf *ret, struct err *e)
{
	struct cgroup_stats s = { 0 };
	int r = cgroup_stats(c, &s, e);

	if (r < 0)
		return r;
	buf_str(ret, STR("{\"type\":\"stats\",\"id\":"));
	json_quote(ret, str_c(id));
	buf_str(ret, STR(",\"data\":{"));
	put_cpu(c, ret, &s);
	put_cpuset(c, ret);
	put_memory(c, ret, &s);
	buf_fmt(ret, ",\"pids\":{\"current\":%llu,\"limit\":%llu}", value(s.pids), value(s.pids_limit));
	put_io(c, ret, &s);
	put_hugetlb(c, ret);
	buf_str(ret, STR(",\"intel_rdt\":{}"));
	put_net(ret, pid);
	buf_str(ret, STR("}}\n"));
	return buf_finish(ret) < 0 ? err_set(e, -E2BIG, "the figures are longer than %u bytes", EVENTS_BYTES_MAX) : 0;
}
