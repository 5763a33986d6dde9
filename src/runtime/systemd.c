/* systemd: units for containers. See systemd.h. */
#include "runtime/systemd.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "runtime/cgroup-part.h"
#include "runtime/dbus.h"

#define SYSTEM_BUS "/run/dbus/system_bus_socket"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define LINE_MAX_BYTES 256
#define PERIOD_DEFAULT_US "100000"
#define US_PER_S 1000000
#define WEIGHT_DEFAULT 100 /* of both, and the same below it */
#define BFQ_WEIGHT_MAX 1000

struct bus {
	int fd;
	uint32_t serial; /* of the last call */
	uint64_t end_ms;
	struct buf in; /* what came and was not looked at */
	char *message; /* of DBUS_MESSAGE_MAX bytes */
};

/* "unix:path=/run/x,guid=...": of several addresses the first; others than paths are not spoken. */
static bool path_of(struct str address, char path[sizeof(((struct sockaddr_un *)0)->sun_path)])
{
	struct str first, rest, key;

	if (!str_split(address, ';', &first, &rest))
		first = address;
	if (!str_starts(first, STR("unix:")))
		return false;
	first = str_from(first, 5);
	for (struct str part, value; str_cut(&first, ',', &part);)
		if (str_split(part, '=', &key, &value) && str_is(key, "path"))
			return snprintf(path, 108, STR_FMT, STR_ARG(value)) < 108;
	return false;
}

static int bus_path(bool user, char path[108], struct err *e)
{
	const char *address = getenv(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
	const char *place = getenv("XDG_RUNTIME_DIR");
	int n = 0;

	if (address && !path_of(str_c(address), path))
		return err_set(e, -ENOTSUP, "cgroup: systemd: the bus's address \"%s\" is no unix:path=", address);
	if (!address && user && !place)
		return err_set(e, -ENOENT, "cgroup: systemd: no bus of the user's: XDG_RUNTIME_DIR is not set");
	if (!address)
		n = user ? snprintf(path, 108, "%s/bus", place) : snprintf(path, 108, "%s", SYSTEM_BUS);
	return n < 108 ? 0 : err_set(e, -ENAMETOOLONG, "cgroup: systemd: the bus's path is too long");
}

/* ---- bytes ---- */

static int wait_for(const struct bus *b, struct err *e)
{
	struct pollfd p = { b->fd, POLLIN, 0 };
	uint64_t now = clock_ms();
	int r;

	do
		r = poll(&p, 1, now < b->end_ms ? (int)(b->end_ms - now) : 0);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return err_set(e, -ETIMEDOUT, "cgroup: systemd: no answer within %d s", SYSTEMD_TIMEOUT_MS / 1000);
	return r < 0 ? err_errno(e, -errno, "cgroup: systemd") : 0;
}

static int more(struct bus *b, struct err *e)
{
	ssize_t n;
	int r = wait_for(b, e);

	if (r < 0)
		return r;
	n = read(b->fd, b->message, DBUS_MESSAGE_MAX);
	if (n <= 0)
		return err_set(e, n < 0 ? -errno : -EPIPE, "cgroup: systemd: the bus ended the connection");
	buf_add(&b->in, b->message, (size_t)n);
	return buf_finish(&b->in) < 0 ? err_set(e, -E2BIG, "cgroup: systemd: the bus says too much") : 0;
}

static int send_all(struct bus *b, struct str bytes, struct err *e)
{
	int r = fd_write(b->fd, bytes.p, bytes.n);

	return r < 0 ? err_errno(e, r, "cgroup: systemd: the bus") : 0;
}

/* "Authentication Protocol": EXTERNAL is what the kernel says of us. */
static int authenticate(struct bus *b, struct err *e)
{
	char id[16], text[64];
	int n = snprintf(id, sizeof(id), "%u", geteuid()), r;
	auto_buf struct buf out = { 0 };
	ptrdiff_t end = -1;

	buf_init(&out, LINE_MAX_BYTES);
	buf_char(&out, 0);
	buf_fmt(&out, "AUTH EXTERNAL ");
	for (int i = 0; i < n; i++)
		buf_fmt(&out, "%02x", (unsigned int)id[i]);
	buf_fmt(&out, "\r\n");
	r = send_all(b, buf_all(&out), e);
	while (r == 0 && (end = str_find(buf_all(&b->in), '\n')) < 0 && b->in.n < LINE_MAX_BYTES)
		r = more(b, e);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), STR_FMT, STR_ARG(str_head(str_trim(buf_all(&b->in)), sizeof(text) - 1)));
	if (end < 0 || !str_starts(buf_all(&b->in), STR("OK ")))
		return err_set(e, -EACCES, "cgroup: systemd: the bus does not take us: %s", text);
	buf_drop(&b->in, (size_t)end + 1);
	return send_all(b, STR("BEGIN\r\n"), e);
}

/* ---- messages ---- */

/* The next one; its strs lie in b->message. */
static int receive(struct bus *b, struct dbus_message *ret, struct err *e)
{
	size_t size = 0;
	int r = 0;

	while (r == 0 && b->in.n < DBUS_HEAD_BYTES)
		r = more(b, e);
	if (r == 0)
		r = dbus_size(buf_all(&b->in), &size, e);
	while (r == 0 && b->in.n < size)
		r = more(b, e);
	if (r < 0)
		return r;
	memcpy(b->message, b->in.p, size);
	buf_drop(&b->in, size);
	return dbus_parse(str_n(b->message, size), ret, e);
}

static int call(struct bus *b, const struct dbus_call *c, struct str body, struct err *e)
{
	auto_buf struct buf out = { 0 };

	buf_init(&out, DBUS_MESSAGE_MAX);
	dbus_write_call(&out, ++b->serial, c, body);
	if (buf_finish(&out) < 0)
		return err_set(e, -E2BIG, "cgroup: systemd: too much to say");
	return send_all(b, buf_all(&out), e);
}

/* What an answer says against us, in its own words. */
static int refused(const struct dbus_message *m, const char *what, struct err *e)
{
	struct str why = dbus_string(m, 0);
	int code = str_ends(m->error, STR(".NoSuchUnit"))	  ? -ENOENT
		   : str_ends(m->error, STR(".UnitExists"))	  ? -EEXIST
		   : str_ends(m->error, STR(".AccessDenied"))	  ? -EACCES
		   : str_ends(m->error, STR(".PropertyReadOnly")) ? -ENOTSUP /* or not known */
								  : -EIO;

	return err_set(e, code, "cgroup: systemd: %s: " STR_FMT, what, STR_ARG(str_head(why.n ? why : m->error, 160)));
}

/* Until our last call is answered; what else comes meanwhile is of no interest, but a refusal of an earlier one. */
static int answer(struct bus *b, const char *what, struct dbus_message *ret, struct err *e)
{
	for (;;) {
		int r = receive(b, ret, e);

		if (r < 0)
			return r;
		if (ret->type == DBUS_ERROR && ret->reply_serial)
			return refused(ret, what, e);
		if (ret->type == DBUS_RETURN && ret->reply_serial == b->serial)
			return 0;
	}
}

static int bus_open(struct bus *b, bool user, struct err *e)
{
	static const struct dbus_call hello = { "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
						"Hello", "" };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int r = bus_path(user, a.sun_path, e);

	*b = (struct bus){ .fd = -1, .end_ms = clock_ms() + SYSTEMD_TIMEOUT_MS, .message = xmalloc(DBUS_MESSAGE_MAX) };
	buf_init(&b->in, 2 * DBUS_MESSAGE_MAX);
	if (r < 0)
		return r;
	b->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (b->fd < 0 || connect(b->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_errno(e, -errno, "cgroup: systemd's bus %s (without systemd: --cgroup-manager cgroupfs)",
				 a.sun_path);
	r = authenticate(b, e);
	return r < 0 ? r : call(b, &hello, STR_NONE, e);
}

static void bus_done(struct bus *b)
{
	fd_close(&b->fd);
	buf_done(&b->in);
	free(b->message);
}
#define auto_bus cleanup_with(bus_done)

#define MANAGER_CALL(name, signature)                                                             \
	{                                                                                         \
		"org.freedesktop.systemd1", "/org/freedesktop/systemd1", MANAGER, name, signature \
	}

/* ---- units ---- */

static int listen_for_jobs(struct bus *b, struct err *e)
{
	static const struct dbus_call match = { "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
						"AddMatch", "s" };
	static const struct dbus_call subscribe = MANAGER_CALL("Subscribe", "");
	auto_buf struct buf body = { 0 };
	int r;

	buf_init(&body, DBUS_MESSAGE_MAX);
	dbus_put_string(&body, STR("type='signal',interface='" MANAGER "',member='JobRemoved'"));
	r = call(b, &match, buf_all(&body), e);
	return r < 0 ? r : call(b, &subscribe, STR_NONE, e);
}

/* JobRemoved(u id, o job, s unit, s result) */
static int wait_for_job(struct bus *b, const char *job, struct str unit, struct err *e)
{
	for (;;) {
		struct dbus_message m;
		struct str result;
		int r = receive(b, &m, e);

		if (r < 0)
			return r;
		if (m.type != DBUS_SIGNAL || !str_is(m.member, "JobRemoved") || !str_is(dbus_string(&m, 1), job))
			continue;
		result = dbus_string(&m, 3);
		return str_is(result, "done")
			       ? 0
			       : err_set(e, -EIO, "cgroup: systemd: " STR_FMT ": the job ended as " STR_FMT,
					 STR_ARG(unit), STR_ARG(result));
	}
}

/* A call whose answer is a job, to its end. */
static int do_job(struct bus *b, const struct dbus_call *c, struct str body, struct str unit, struct err *e)
{
	struct dbus_message m = { 0 };
	char job[LINE_MAX_BYTES];
	int r = listen_for_jobs(b, e);

	if (r == 0)
		r = call(b, c, body, e);
	if (r == 0)
		r = answer(b, c->member, &m, e);
	if (r < 0)
		return r;
	snprintf(job, sizeof(job), STR_FMT, STR_ARG(str_head(dbus_string(&m, 0), sizeof(job) - 1)));
	return wait_for_job(b, job, unit, e);
}

static int start(const struct systemd_unit *u, pid_t pid, struct err *e)
{
	static const struct dbus_call start = MANAGER_CALL("StartTransientUnit", "ssa(sv)a(sa(sv))");
	const uint32_t pids[] = { (uint32_t)pid };
	auto_buf struct buf body = { 0 };
	auto_bus struct bus b;
	size_t properties, none;
	int r = bus_open(&b, u->user, e);

	if (r < 0)
		return r;
	buf_init(&body, DBUS_MESSAGE_MAX);
	dbus_put_string(&body, u->name);
	dbus_put_string(&body, STR("replace"));
	dbus_begin_properties(&body, &properties);
	dbus_property_string(&body, "Description", STR("a container of yagura-run"));
	dbus_property_string(&body, "Slice", u->slice);
	dbus_property_bool(&body, "Delegate", true);
	dbus_property_bool(&body, "DefaultDependencies", false);
	/* A unit whose container was killed is to be forgotten, so that its name can be used again. */
	dbus_property_string(&body, "CollectMode", STR("inactive-or-failed"));
	if (u->oom_group)
		dbus_property_string(&body, "OOMPolicy", STR("kill"));
	dbus_property_u32s(&body, "PIDs", pids, ARRAY_LEN(pids));
	dbus_end_properties(&body, properties);
	dbus_begin_properties(&body, &none);
	dbus_end_properties(&body, none);
	return do_job(&b, &start, buf_all(&body), u->name, e);
}

int systemd_start(const struct systemd_unit *u, pid_t pid, struct err *e)
{
	struct systemd_unit without = *u;
	int r = start(u, pid, e);

	without.oom_group = false;
	return r == -ENOTSUP && u->oom_group ? start(&without, pid, e) : r;
}

/* ---- what it writes itself ---- */

static uint64_t number_or_infinity(struct str s)
{
	uint64_t v;

	return num_u64(s, 10, &v) ? v : UINT64_MAX;
}

static void put_number(struct buf *b, const char *name, struct str value)
{
	dbus_property_u64(b, name, number_or_infinity(value));
}

/* Only the group's own: "default 100". */
static bool own_weight(struct str value, struct str *ret)
{
	struct str key;

	return str_split(value, ' ', &key, ret) && str_is(key, "default");
}

static void put_weight(struct buf *b, const char *name, struct str value)
{
	struct str weight;

	if (own_weight(value, &weight))
		put_number(b, name, weight);
}

/* systemd's weights go to 10000 and BFQ's to 1000: above 100 it takes one of BFQ's for each eleven of its own. */
static void put_bfq_weight(struct buf *b, const char *name, struct str value)
{
	struct str weight;
	uint64_t w;

	if (own_weight(value, &weight) && num_u64(weight, 10, &w) && w <= BFQ_WEIGHT_MAX)
		dbus_property_u64(b, name, w <= WEIGHT_DEFAULT ? w : WEIGHT_DEFAULT + (w - WEIGHT_DEFAULT) * 11);
}

/* An idle group is one of a weight that is none. */
static void put_idle(struct buf *b, const char *name, struct str value)
{
	if (str_is(value, "1"))
		dbus_property_u64(b, name, 0);
}

/* "50000 100000". Rounded up, so that systemd comes back to the same quota: it rounds down. */
static void put_quota(struct buf *b, const char *name, struct str value)
{
	struct str quota, period;
	uint64_t q, p;

	if (!str_split(value, ' ', &quota, &period) || !num_u64(period, 10, &p) || !p)
		return;
	q = number_or_infinity(quota);
	dbus_property_u64(b, name, q > UINT64_MAX / US_PER_S - 1 ? UINT64_MAX : (q * US_PER_S + p - 1) / p);
	dbus_property_u64(b, "CPUQuotaPeriodUSec", p);
}

static void put_list(struct buf *b, const char *name, struct str value)
{
	struct num_set set;

	if (num_set(value, &set)) /* the lowest byte first, as this machine has them */
		dbus_property_bytes(b, name, str_n(set.bits, set.words * sizeof(set.bits[0])));
}

/* org.freedesktop.systemd1(5), systemd.resource-control(5). */
static const struct {
	const char *file, *name;
	void (*put)(struct buf *b, const char *name, struct str value);
} written[] = {
	{ "cpu.max", "CPUQuotaPerSecUSec", put_quota },
	{ "cpu.weight", "CPUWeight", put_number },
	{ "cpu.idle", "CPUWeight", put_idle },
	{ "cpuset.cpus", "AllowedCPUs", put_list },
	{ "cpuset.mems", "AllowedMemoryNodes", put_list },
	{ "io.weight", "IOWeight", put_weight },
	{ "io.bfq.weight", "IOWeight", put_bfq_weight },
	{ "memory.min", "MemoryMin", put_number },
	{ "memory.low", "MemoryLow", put_number },
	{ "memory.high", "MemoryHigh", put_number },
	{ "memory.max", "MemoryMax", put_number },
	{ "memory.swap.max", "MemorySwapMax", put_number },
	{ "pids.max", "TasksMax", put_number },
	{ "memory.limit_in_bytes", "MemoryLimit", put_number },
	{ "cpu.shares", "CPUShares", put_number },
};

static void put_knob(struct buf *b, const struct cgroup_knob *k)
{
	for (size_t i = 0; i < ARRAY_LEN(written); i++)
		if (str_is(str_c(k->file), written[i].file))
			written[i].put(b, written[i].name, str_c(k->value));
}

/* v1 has quota and period in two files; a period alone says nothing. */
static void put_knobs(struct buf *b, const struct cgroup_plan *p)
{
	const char *quota = NULL, *period = PERIOD_DEFAULT_US;
	char both[64];

	for (size_t i = 0; i < p->knobs.n; i++) {
		const struct cgroup_knob *k = &p->knobs.v[i];

		put_knob(b, k);
		if (strcmp(k->file, "cpu.cfs_quota_us") == 0)
			quota = k->value;
		if (strcmp(k->file, "cpu.cfs_period_us") == 0)
			period = k->value;
	}
	if (quota && snprintf(both, sizeof(both), "%s %s", quota, period) < (int)sizeof(both))
		put_quota(b, "CPUQuotaPerSecUSec", str_c(both));
}

int systemd_set(const struct systemd_unit *u, const struct cgroup_plan *p, struct err *e)
{
	static const struct dbus_call set = MANAGER_CALL("SetUnitProperties", "sba(sv)");
	struct dbus_message m = { 0 };
	auto_buf struct buf body = { 0 };
	auto_bus struct bus b;
	size_t properties;
	int s = bus_open(&b, u->user, e);

	if (s < 0)
		return s;
	buf_init(&body, DBUS_MESSAGE_MAX);
	dbus_put_string(&body, u->name);
	dbus_put_bool(&body, true); /* until the unit is gone, not in a file */
	dbus_begin_properties(&body, &properties);
	put_knobs(&body, p);
	dbus_end_properties(&body, properties);
	s = call(&b, &set, buf_all(&body), e);
	return s < 0 ? s : answer(&b, "SetUnitProperties", &m, e);
}

int systemd_stop(const struct systemd_unit *u, struct err *e)
{
	static const struct dbus_call stop = MANAGER_CALL("StopUnit", "ss");
	auto_buf struct buf body = { 0 };
	auto_bus struct bus b;
	int r = bus_open(&b, u->user, e);

	if (r < 0) /* a scope without processes is forgotten by itself; that needs no second line of error */
		return 0;
	buf_init(&body, DBUS_MESSAGE_MAX);
	dbus_put_string(&body, u->name);
	dbus_put_string(&body, STR("replace"));
	r = do_job(&b, &stop, buf_all(&body), u->name, e);
	return r == -ENOENT ? 0 : r;
}
