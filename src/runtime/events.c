/* events: what a container uses. See events.h. */
#include "runtime/events.h"

#include "base/json.h"
#include "base/num.h"

static unsigned long long value(struct opt_u64 v)
{
	return v.set ? v.v : 0;
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

static void put_io(const struct cgroup *c, struct buf *b)
{
	static const char *const bytes[] = { "rbytes", "wbytes" }, *const operations[] = { "rios", "wios" };

	buf_str(b, STR(",\"blkio\":{"));
	io_list(c, b, "ioServiceBytesRecursive", "blkio.throttle.io_service_bytes_recursive", bytes);
	buf_char(b, ',');
	io_list(c, b, "ioServicedRecursive", "blkio.throttle.io_serviced_recursive", operations);
	buf_char(b, '}');
}

/* ---- the others ---- */

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

static void put_cpu(struct buf *b, const struct cgroup_stats *s)
{
	buf_fmt(b, "\"cpu\":{\"usage\":{\"total\":%llu,\"kernel\":%llu,\"user\":%llu}", value(s->cpu_usage_ns),
		value(s->cpu_system_ns), value(s->cpu_user_ns));
	buf_fmt(b, ",\"throttling\":{\"periods\":%llu,\"throttledPeriods\":%llu,\"throttledTime\":%llu}",
		value(s->cpu_periods), value(s->cpu_throttled_periods), value(s->cpu_throttled_ns));
	put_psi(b, &s->psi_cpu);
	buf_char(b, '}');
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
	buf_fmt(b, ",\"memory\":{\"cache\":%llu", value(s->memory_cache));
	buf_fmt(b, ",\"usage\":{\"limit\":%llu,\"usage\":%llu,\"max\":%llu,\"failcnt\":%llu}", value(s->memory_limit),
		value(s->memory), value(s->memory_peak), value(s->oom_kills));
	buf_fmt(b, ",\"swap\":{\"usage\":%llu},\"kernel\":{\"usage\":%llu}", value(s->memory_swap),
		value(s->memory_kernel));
	put_raw(c, b);
	put_psi(b, &s->psi_memory);
	buf_char(b, '}');
}

int events_stats(const struct cgroup *c, const char *id, struct buf *ret, struct err *e)
{
	struct cgroup_stats s = { 0 };
	int r = cgroup_stats(c, &s, e);

	if (r < 0)
		return r;
	buf_str(ret, STR("{\"type\":\"stats\",\"id\":"));
	json_quote(ret, str_c(id));
	buf_str(ret, STR(",\"data\":{"));
	put_cpu(ret, &s);
	put_memory(c, ret, &s);
	buf_fmt(ret, ",\"pids\":{\"current\":%llu,\"limit\":%llu}", value(s.pids), value(s.pids_limit));
	put_io(c, ret);
	buf_str(ret, STR("}}\n"));
	return buf_finish(ret) < 0 ? err_set(e, -E2BIG, "the figures are longer than %u bytes", EVENTS_BYTES_MAX) : 0;
}
