/* cgroup-plan: OCI's `resources` as files of this host's hierarchies and what is written to them. See cgroup.h.
 *
 * Documents: OCI runtime-spec config-linux.md; cgroup-v2.rst; cgroup-v1/{memory,blkio-controller,hugetlb,...}.rst. */
#include <math.h>
#include <unistd.h>

#include "base/num.h"
#include "runtime/cgroup-part.h"

#define IO_WEIGHT_MIN 10 /* OCI: of blkio weights */
#define IO_WEIGHT_MAX 1000
#define SHARES_MIN 2 /* of cpu.shares, as the kernel clamps them */
#define SHARES_MAX 262144
#define PERIOD_DEFAULT "100000" /* microseconds */
#define SWAPPINESS_MAX 100

/* What the writers of one plan have in common. */
struct planner {
	const struct cgroup *c;
	const struct oci_resources *r;
	struct arena *a;
	struct cgroup_plan *plan;
	struct err *e;
};

void cgroup_plan_done(struct cgroup_plan *p)
{
	vec_done(&p->knobs);
}

static bool is_v2(const struct planner *p, enum cgroup_controller which)
{
	bool v2 = false;

	cgroup_dir(p->c, which, &v2);
	return v2;
}

static bool has_file(const struct planner *p, enum cgroup_controller which, const char *file)
{
	int dir = cgroup_dir(p->c, which, NULL);

	return dir >= 0 && faccessat(dir, file, F_OK, 0) == 0;
}

/* Why a file of a controller is not there, as far as it can be told. */
static int missing(const struct planner *p, const char *limit, enum cgroup_controller which, const char *file)
{
	bool v2 = false, hierarchy = false;

	for (size_t i = 0; i < p->c->host->n; i++)
		hierarchy |= which == CG_UNIFIED ? p->c->host->h[i].v2 : p->c->host->h[i].controllers >> which & 1;
	if (!hierarchy)
		return err_set(p->e, -ENOTSUP, "%s cannot be set: this host has no %s controller", limit,
			       cgroup_controller_name(which));
	if (cgroup_dir(p->c, which, &v2) < 0)
		return err_set(p->e, -ENOTSUP, "%s cannot be set: the %s controller is not ours to use", limit,
			       cgroup_controller_name(which));
	if (v2 && which != CG_UNIFIED && p->c->rootless)
		return err_set(p->e, -ENOTSUP,
			       "%s cannot be set: the %s controller is not delegated to this user (there is no %s)",
			       limit, cgroup_controller_name(which), file);
	return err_set(p->e, -ENOTSUP,
		       "%s cannot be set: invalid configuration: there is no %s in the container's group", limit, file);
}

static int add(struct planner *p, struct cgroup_knob k)
{
	if (!has_file(p, k.which, k.file))
		return missing(p, k.limit, k.which, k.file);
	vec_push(&p->plan->knobs, k);
	return 0;
}

static const char *u64_text(struct planner *p, uint64_t v)
{
	return arena_fmt(p->a, "%llu", (unsigned long long)v).p;
}

/* -1 and less are no limit: "max" on v2, -1 on v1. */
static const char *i64_text(struct planner *p, int64_t v, bool v2)
{
	return v < 0 ? (v2 ? "max" : "-1") : u64_text(p, (uint64_t)v);
}

static int refuse(const struct planner *p, const char *limit, const char *why)
{
	return err_set(p->e, -ENOTSUP, "%s cannot be set: %s", limit, why);
}

static int wrong(const struct planner *p, const char *limit, const char *why)
{
	return err_set(p->e, -EBADMSG, "%s: %s", limit, why);
}

/* -- cpu -- */

/* v2's weight for v1's shares: the curve through (2, 1), (1024, 100) and (262144, 10000) that runc 1.3.2 and crun 1.23
 * agree on; the older linear one gave a container with the default shares 39. */
static uint64_t weight_of(uint64_t shares)
{
	double l;

	if (shares <= SHARES_MIN)
		return 1;
	if (shares >= SHARES_MAX)
		return 10000;
	l = log2((double)shares);
	return (uint64_t)ceil(pow(10, (l * l + 125 * l - 126) / 612));
}

static int plan_shares(struct planner *p)
{
	struct opt_u64 shares = p->r->cpu.shares;
	bool idle = p->r->cpu.idle.set && p->r->cpu.idle.v == 1;

	/* An idle group has no weight to set. */
	if (!shares.set || !shares.v || idle)
		return 0;
	if (is_v2(p, CG_CPU))
		return add(p, (struct cgroup_knob){ "cpu.shares", CG_CPU, "cpu.weight",
						    u64_text(p, weight_of(shares.v)), CG_NUMBER, 0 });
	shares.v = shares.v < SHARES_MIN ? SHARES_MIN : shares.v > SHARES_MAX ? SHARES_MAX : shares.v;
	return add(p, (struct cgroup_knob){ "cpu.shares", CG_CPU, "cpu.shares", u64_text(p, shares.v), CG_NUMBER, 0 });
}

/* cpu.max holds both; the one that was not given stays as it is. */
static int plan_cpu_max(struct planner *p, int64_t quota, uint64_t period)
{
	char now[CGROUP_VALUE_MAX] = "";
	struct str was_quota = STR("max"), was_period = STR(PERIOD_DEFAULT), text;
	const char *q, *t;

	if (cgroup_read(p->c, CG_CPU, "cpu.max", now) == 0)
		(void)str_split(str_c(now), ' ', &was_quota, &was_period);
	q = quota ? i64_text(p, quota, true) : arena_str(p->a, was_quota).p;
	t = period ? u64_text(p, period) : arena_str(p->a, was_period).p;
	text = arena_fmt(p->a, "%s %s", q, t);
	return add(p, (struct cgroup_knob){ "cpu.quota", CG_CPU, "cpu.max", text.p, CG_WORDS, 0 });
}

static int plan_quota(struct planner *p)
{
	int64_t quota = p->r->cpu.quota.set ? p->r->cpu.quota.v : 0;
	uint64_t period = p->r->cpu.period.set ? p->r->cpu.period.v : 0;
	int r = 0;

	if (!quota && !period)
		return 0;
	if (is_v2(p, CG_CPU))
		return plan_cpu_max(p, quota, period);
	if (period)
		r = add(p, (struct cgroup_knob){ "cpu.period", CG_CPU, "cpu.cfs_period_us", u64_text(p, period),
						 CG_NUMBER, 0 });
	if (r == 0 && quota)
		r = add(p, (struct cgroup_knob){ "cpu.quota", CG_CPU, "cpu.cfs_quota_us", i64_text(p, quota, false),
						 CG_NUMBER, 0 });
	return r;
}

static int plan_burst(struct planner *p)
{
	const char *file = is_v2(p, CG_CPU) ? "cpu.max.burst" : "cpu.cfs_burst_us";

	if (!p->r->cpu.burst.set)
		return 0;
	return add(p, (struct cgroup_knob){ "cpu.burst", CG_CPU, file, u64_text(p, p->r->cpu.burst.v), CG_NUMBER, 0 });
}

static int plan_idle(struct planner *p)
{
	if (!p->r->cpu.idle.set)
		return 0;
	if (p->r->cpu.idle.v != 0 && p->r->cpu.idle.v != 1)
		return wrong(p, "cpu.idle", "it is 0 or 1");
	return add(p,
		   (struct cgroup_knob){ "cpu.idle", CG_CPU, "cpu.idle", p->r->cpu.idle.v ? "1" : "0", CG_NUMBER, 0 });
}

static int plan_realtime(struct planner *p)
{
	struct opt_u64 period = p->r->cpu.rt_period;
	struct opt_i64 runtime = p->r->cpu.rt_runtime;
	int r = 0;

	if (period.set && period.v)
		r = is_v2(p, CG_CPU) ? refuse(p, "cpu.realtimePeriod", "cgroup v2 has no real-time groups")
				     : add(p, (struct cgroup_knob){ "cpu.realtimePeriod", CG_CPU, "cpu.rt_period_us",
								    u64_text(p, period.v), CG_NUMBER, 0 });
	if (r == 0 && runtime.set && runtime.v)
		r = is_v2(p, CG_CPU) ? refuse(p, "cpu.realtimeRuntime", "cgroup v2 has no real-time groups")
				     : add(p, (struct cgroup_knob){ "cpu.realtimeRuntime", CG_CPU, "cpu.rt_runtime_us",
								    i64_text(p, runtime.v, false), CG_NUMBER, 0 });
	return r;
}

static int plan_cpuset(struct planner *p)
{
	const struct {
		const char *limit, *file, *value;
	} rows[] = {
		{ "cpu.cpus", "cpuset.cpus", p->r->cpu.cpus },
		{ "cpu.mems", "cpuset.mems", p->r->cpu.mems },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(rows); i++)
		if (rows[i].value && rows[i].value[0])
			r = add(p, (struct cgroup_knob){ rows[i].limit, CG_CPUSET, rows[i].file, rows[i].value, CG_CPUS,
							 0 });
	return r;
}

/* -- memory -- */

static int add_memory(struct planner *p, const char *limit, const char *file, int64_t bytes)
{
	return add(p, (struct cgroup_knob){ limit, CG_MEMORY, file, i64_text(p, bytes, is_v2(p, CG_MEMORY)), CG_NUMBER,
					    (uint64_t)sysconf(_SC_PAGESIZE) });
}

/* OCI's swap is memory and swap together; v2 counts swap alone. */
static int plan_swap_v2(struct planner *p, int64_t limit, int64_t swap)
{
	if (swap > 0 && limit > 0)
		swap = swap < limit ? -2 : swap - limit;
	else if (swap > 0)
		return wrong(p, "memory.swap", "without memory.limit it says nothing on cgroup v2");
	if (swap == -2)
		return wrong(p, "memory.swap", "it is memory and swap together, so not less than memory.limit");
	/* A kernel that was built without swap holds every limit of it. */
	if (!has_file(p, CG_MEMORY, "memory.swap.max") && access("/proc/swaps", F_OK) < 0)
		return 0;
	return add_memory(p, "memory.swap", "memory.swap.max", swap);
}

static int plan_memory_sizes(struct planner *p)
{
	bool v2 = is_v2(p, CG_MEMORY);
	int64_t limit = p->r->memory.limit.set ? p->r->memory.limit.v : 0;
	int64_t swap = p->r->memory.swap.set ? p->r->memory.swap.v : 0;
	int64_t soft = p->r->memory.reservation.set ? p->r->memory.reservation.v : 0;
	int r = 0;

	if (limit == -1 && !swap)
		swap = -1; /* no limit is no limit of either kind */
	if (limit)
		r = add_memory(p, "memory.limit", v2 ? "memory.max" : "memory.limit_in_bytes", limit);
	if (r == 0 && swap && (v2 || swap > 0 || has_file(p, CG_MEMORY, "memory.memsw.limit_in_bytes")))
		r = v2 ? plan_swap_v2(p, limit, swap)
		       : add_memory(p, "memory.swap", "memory.memsw.limit_in_bytes", swap);
	if (r == 0 && soft)
		r = add_memory(p, "memory.reservation", v2 ? "memory.low" : "memory.soft_limit_in_bytes", soft);
	return r;
}

/* What only v1 has. memory.kernel is passed over, as the specification has it since the kernel dropped it (5.16). */
static int plan_memory_v1(struct planner *p)
{
	bool v2 = is_v2(p, CG_MEMORY);
	struct opt_u64 swappiness = p->r->memory.swappiness;
	struct opt_bool no_killer = p->r->memory.disable_oom_killer;
	int64_t tcp = p->r->memory.kernel_tcp.set ? p->r->memory.kernel_tcp.v : 0;
	int r = 0;

	if (tcp > 0 || (tcp < 0 && !v2))
		r = v2 ? refuse(p, "memory.kernelTCP", "cgroup v2 counts it with the rest")
		       : add_memory(p, "memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", tcp);
	if (r == 0 && swappiness.set && swappiness.v > SWAPPINESS_MAX)
		r = wrong(p, "memory.swappiness", "it is 0 to 100");
	else if (r == 0 && swappiness.set)
		r = v2 ? refuse(p, "memory.swappiness", "cgroup v2 has none for a group")
		       : add(p, (struct cgroup_knob){ "memory.swappiness", CG_MEMORY, "memory.swappiness",
						      u64_text(p, swappiness.v), CG_NUMBER, 0 });
	if (r == 0 && no_killer.set && no_killer.v)
		r = v2 ? refuse(p, "memory.disableOOMKiller", "cgroup v2 cannot switch it off")
		       : add(p, (struct cgroup_knob){ "memory.disableOOMKiller", CG_MEMORY, "memory.oom_control", "1",
						      CG_NUMBER, 0 });
	return r;
}

/* checkBeforeUpdate: v2 would kill for a limit below what is used; v1 refuses by itself. */
static int check_memory_used(struct planner *p)
{
	char text[CGROUP_VALUE_MAX];
	uint64_t used;

	if (!p->r->memory.check_before_update.set || !p->r->memory.check_before_update.v || !p->r->memory.limit.set ||
	    p->r->memory.limit.v <= 0 || !is_v2(p, CG_MEMORY))
		return 0;
	if (cgroup_read(p->c, CG_MEMORY, "memory.current", text) < 0 || !num_u64(str_c(text), 10, &used))
		return 0;
	if (used <= (uint64_t)p->r->memory.limit.v)
		return 0;
	return err_set(p->e, -EBUSY, "memory.limit: %llu bytes are in use, more than %lld", (unsigned long long)used,
		       (long long)p->r->memory.limit.v);
}

static int plan_memory(struct planner *p)
{
	int r = check_memory_used(p);

	if (r == 0)
		r = plan_memory_sizes(p);
	return r == 0 ? plan_memory_v1(p) : r;
}

/* -- processes -- */

/* 0 is a limit since 1.3: the container's own process is the only one, as with 1; the kernel would not let that one
 * be cloned into a group of 0. */
static int plan_pids(struct planner *p)
{
	int64_t n = p->r->pids.v;

	if (!p->r->pids.set)
		return 0;
	return add(p, (struct cgroup_knob){ "pids.limit", CG_PIDS, "pids.max",
					    n < 0 ? "max" : u64_text(p, n ? (uint64_t)n : 1), CG_NUMBER, 0 });
}

/* -- block I/O -- */

struct weight_file {
	const char *file;
	bool scaled; /* 1 to 10000 instead of 10 to 1000 */
	bool keyed;  /* "default 100", "8:0 100" */
};

/* BFQ's files come first: they are there only with that scheduler. */
static struct weight_file weight_file(const struct planner *p, bool device)
{
	const struct weight_file v2[] = { { "io.bfq.weight", false, true }, { "io.weight", true, true } };
	const struct weight_file v1[] = {
		device ? (struct weight_file){ "blkio.bfq.weight_device", false, true }
		       : (struct weight_file){ "blkio.bfq.weight", false, false },
		device ? (struct weight_file){ "blkio.weight_device", false, true }
		       : (struct weight_file){ "blkio.weight", false, false },
	};
	const struct weight_file *rows = is_v2(p, CG_IO) ? v2 : v1;

	return has_file(p, CG_IO, rows[0].file) ? rows[0] : rows[1];
}

static int add_weight(struct planner *p, const char *limit, struct weight_file f, const char *key, uint64_t weight)
{
	const char *value;

	if (weight < IO_WEIGHT_MIN || weight > IO_WEIGHT_MAX)
		return wrong(p, limit, "a weight is 10 to 1000");
	if (f.scaled)
		weight = 1 + (weight - IO_WEIGHT_MIN) * 9999 / (IO_WEIGHT_MAX - IO_WEIGHT_MIN);
	value = f.keyed ? arena_fmt(p->a, "%s %llu", key, (unsigned long long)weight).p : u64_text(p, weight);
	return add(p, (struct cgroup_knob){ limit, CG_IO, f.file, value, f.keyed ? CG_KEYED : CG_NUMBER, 0 });
}

static const char *device_key(struct planner *p, int64_t major, int64_t minor)
{
	return arena_fmt(p->a, "%lld:%lld", (long long)major, (long long)minor).p;
}

static int plan_io_weights(struct planner *p)
{
	int r = 0;

	if (p->r->io.weight.set && p->r->io.weight.v)
		r = add_weight(p, "blockIO.weight", weight_file(p, false), "default", p->r->io.weight.v);
	if (r == 0 && p->r->io.leaf_weight.set && p->r->io.leaf_weight.v)
		r = add_weight(p, "blockIO.leafWeight", (struct weight_file){ "blkio.leaf_weight", false, false }, "",
			       p->r->io.leaf_weight.v);
	for (size_t i = 0; r == 0 && i < p->r->io.weight_count; i++) {
		const struct oci_io_weight *w = &p->r->io.weights[i];
		const char *key = device_key(p, w->major, w->minor);

		if (w->weight.set && w->weight.v)
			r = add_weight(p, "blockIO.weightDevice", weight_file(p, true), key, w->weight.v);
		if (r == 0 && w->leaf_weight.set && w->leaf_weight.v)
			r = add_weight(p, "blockIO.weightDevice",
				       (struct weight_file){ "blkio.leaf_weight_device", false, true }, key,
				       w->leaf_weight.v);
	}
	return r;
}

/* A rate of 0 takes the rule away. */
static int plan_throttle(struct planner *p, const char *limit, const char *v1_file, const char *v2_key,
			 const struct oci_throttles *t)
{
	bool v2 = is_v2(p, CG_IO);
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n; i++) {
		const char *key = device_key(p, t->v[i].major, t->v[i].minor);
		const char *rate = v2 && !t->v[i].rate ? "max" : u64_text(p, t->v[i].rate);
		struct str value =
			v2 ? arena_fmt(p->a, "%s %s=%s", key, v2_key, rate) : arena_fmt(p->a, "%s %s", key, rate);

		r = add(p, (struct cgroup_knob){ limit, CG_IO, v2 ? "io.max" : v1_file, value.p, CG_KEYED, 0 });
	}
	return r;
}

static int plan_io(struct planner *p)
{
	const struct {
		const char *limit, *file, *key;
		const struct oci_throttles *t;
	} rows[] = {
		{ "blockIO.throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps", &p->r->io.read_bps },
		{ "blockIO.throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps", &p->r->io.write_bps },
		{ "blockIO.throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops", &p->r->io.read_iops },
		{ "blockIO.throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops",
		  &p->r->io.write_iops },
	};
	int r = plan_io_weights(p);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(rows); i++)
		r = plan_throttle(p, rows[i].limit, rows[i].file, rows[i].key, rows[i].t);
	return r;
}

/* -- huge pages, network, RDMA -- */

/* "2MB": digits, K M or G, B. *ret is the size. */
static bool page_size(const char *text, uint64_t *ret)
{
	static const struct {
		const char *tail;
		unsigned int shift;
	} units[] = { { "KB", 10 }, { "MB", 20 }, { "GB", 30 } };
	struct str s = str_c(text);
	uint64_t n;

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (str_ends(s, str_c(units[i].tail)) && num_u64(str_head(s, s.n - 2), 10, &n) && n && n < 1u << 20) {
			*ret = n << units[i].shift;
			return true;
		}
	return false;
}

static int plan_hugepages(struct planner *p)
{
	bool v2 = is_v2(p, CG_HUGETLB);

	for (size_t i = 0; i < p->r->hugepage_count; i++) {
		const char *size = p->r->hugepages[i].page_size;
		const char *value = u64_text(p, p->r->hugepages[i].limit);
		struct cgroup_knob k = { "hugepageLimits", CG_HUGETLB, "", value, CG_NUMBER, 0 };
		const char *reserved;
		int r;

		if (!page_size(size, &k.granule))
			return err_set(p->e, -EBADMSG, "hugepageLimits: '%s' is no page size", size);
		k.file = arena_fmt(p->a, v2 ? "hugetlb.%s.max" : "hugetlb.%s.limit_in_bytes", size).p;
		reserved = arena_fmt(p->a, v2 ? "hugetlb.%s.rsvd.max" : "hugetlb.%s.rsvd.limit_in_bytes", size).p;
		r = add(p, k);
		k.file = reserved;
		if (r == 0 && has_file(p, CG_HUGETLB, k.file))
			r = add(p, k);
		if (r < 0)
			return r;
	}
	return 0;
}

static int plan_network(struct planner *p)
{
	int r = 0;

	if (p->r->network.class_id.set && p->r->network.class_id.v)
		r = add(p, (struct cgroup_knob){ "network.classID", CG_NET_CLS, "net_cls.classid",
						 u64_text(p, p->r->network.class_id.v), CG_NUMBER, 0 });
	for (size_t i = 0; r == 0 && i < p->r->network.priority_count; i++)
		r = add(p, (struct cgroup_knob){ "network.priorities", CG_NET_PRIO, "net_prio.ifpriomap",
						 arena_fmt(p->a, "%s %s", p->r->network.priorities[i].key,
							   p->r->network.priorities[i].value)
							 .p,
						 CG_KEYED, 0 });
	return r;
}

static int plan_rdma(struct planner *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->r->rdma_count; i++) {
		const struct oci_rdma *d = &p->r->rdma[i];
		struct str handles = d->handles.set
					     ? arena_fmt(p->a, " hca_handle=%llu", (unsigned long long)d->handles.v)
					     : STR("");
		struct str objects = d->objects.set
					     ? arena_fmt(p->a, " hca_object=%llu", (unsigned long long)d->objects.v)
					     : STR("");

		r = add(p,
			(struct cgroup_knob){
				"rdma", CG_RDMA, "rdma.max",
				arena_fmt(p->a, "%s" STR_FMT STR_FMT, d->device, STR_ARG(handles), STR_ARG(objects)).p,
				CG_KEYED, 0 });
	}
	return r;
}

/* -- unified -- */

/* Limits only: a configuration must not move processes, change types, kill, freeze or reclaim (CVE-2023-6476's kind of
 * surprise). `*` stands for a page size. */
static const struct {
	const char *pattern;
	enum cgroup_compare compare;
	bool pages; /* the kernel rounds down to whole ones */
} unified_files[] = {
	{ "cgroup.max.depth", CG_NUMBER, false },
	{ "cgroup.max.descendants", CG_NUMBER, false },
	{ "cpu.max", CG_WORDS, false },
	{ "cpu.max.burst", CG_NUMBER, false },
	{ "cpu.weight", CG_NUMBER, false },
	{ "cpu.weight.nice", CG_NUMBER, false },
	{ "cpu.idle", CG_NUMBER, false },
	{ "cpu.uclamp.min", CG_WORDS, false },
	{ "cpu.uclamp.max", CG_WORDS, false },
	{ "cpuset.cpus", CG_CPUS, false },
	{ "cpuset.cpus.exclusive", CG_CPUS, false },
	{ "cpuset.cpus.partition", CG_WORDS, false },
	{ "cpuset.mems", CG_CPUS, false },
	{ "hugetlb.*.max", CG_NUMBER, true },
	{ "io.max", CG_KEYED, false },
	{ "io.latency", CG_KEYED, false },
	{ "io.weight", CG_KEYED, false },
	{ "io.bfq.weight", CG_KEYED, false },
	{ "io.prio.class", CG_WORDS, false },
	{ "memory.min", CG_NUMBER, true },
	{ "memory.low", CG_NUMBER, true },
	{ "memory.high", CG_NUMBER, true },
	{ "memory.max", CG_NUMBER, true },
	{ "memory.oom.group", CG_NUMBER, false },
	{ "memory.swap.high", CG_NUMBER, true },
	{ "memory.swap.max", CG_NUMBER, true },
	{ "memory.zswap.max", CG_NUMBER, true },
	{ "memory.zswap.writeback", CG_NUMBER, false },
	{ "misc.max", CG_KEYED, false },
	{ "pids.max", CG_NUMBER, false },
	{ "rdma.max", CG_KEYED, false },
};

static bool is_number_or_max(struct str s)
{
	int64_t n;

	return str_is(s, "max") || num_i64(s, &n);
}

static int plan_unified_file(struct planner *p, const struct key_value *kv)
{
	struct str key = str_c(kv->key), value = str_trim(str_c(kv->value));
	const char *limit = arena_fmt(p->a, "unified.%s", kv->key).p;
	size_t i = 0;

	while (i < ARRAY_LEN(unified_files) && !str_glob(str_c(unified_files[i].pattern), key))
		i++;
	if (i == ARRAY_LEN(unified_files))
		return err_set(p->e, -ENOTSUP, "unified: '%s' is not a file that sets a limit", kv->key);
	if (unified_files[i].compare == CG_NUMBER && !is_number_or_max(value))
		return err_set(p->e, -EBADMSG, "%s: '" STR_FMT "' is neither a number nor max", limit, STR_ARG(value));
	if (!value.n)
		return wrong(p, limit, "it is empty");
	/* Several lines are several writes: the kernel takes one at a time. */
	for (struct str line; str_cut(&value, '\n', &line);) {
		struct cgroup_knob k = { limit,
					 CG_UNIFIED,
					 kv->key,
					 arena_str(p->a, line).p,
					 unified_files[i].compare,
					 unified_files[i].pages ? (uint64_t)sysconf(_SC_PAGESIZE) : 0 };
		int r;

		if (unified_files[i].compare == CG_KEYED && str_find(line, ' ') < 0)
			k.value = arena_fmt(p->a, "default " STR_FMT, STR_ARG(line)).p;
		r = line.n ? add(p, k) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int plan_unified(struct planner *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->r->unified_count; i++)
		r = plan_unified_file(p, &p->r->unified[i]);
	return r;
}

/* -- all of it -- */

static int (*const planners[])(struct planner *) = {
	plan_cpuset, plan_burst, plan_quota,	 plan_shares,  plan_idle, plan_realtime, plan_memory,
	plan_pids,   plan_io,	 plan_hugepages, plan_network, plan_rdma, plan_unified,
};

int cgroup_plan(const struct cgroup *c, const struct oci_resources *r, struct arena *a, struct cgroup_plan *ret,
		struct err *e)
{
	struct cgroup_plan plan = { 0 };
	struct planner p = { c, r, a, &plan, e };
	int s = 0;

	for (size_t i = 0; s == 0 && i < ARRAY_LEN(planners); i++)
		s = planners[i](&p);
	if (s < 0) {
		cgroup_plan_done(&plan);
		return s;
	}
	*ret = plan;
	return 0;
}

/* A knob that another one bounds (memory.limit_in_bytes and memsw, a quota and its parent's) is refused or not by what
 * was there before: whatever is refused is tried again after the others, until nothing moves any more. */
static int write_all(const struct cgroup *c, const struct cgroup_plan *p, struct err *e)
{
	auto_free bool *done = xcalloc(p->knobs.n, sizeof(bool));
	size_t left = p->knobs.n;
	const struct cgroup_knob *refused = NULL;
	int why = 0;

	for (size_t before = left + 1; left && left < before;) {
		before = left;
		refused = NULL;
		for (size_t i = 0; i < p->knobs.n; i++) {
			const struct cgroup_knob *k = &p->knobs.v[i];
			int r = done[i] ? 0 : cgroup_file_write(cgroup_dir(c, k->which, NULL), k->file, k->value);

			if (r < 0 && !refused) {
				refused = k;
				why = r;
			}
			if (r == 0 && !done[i]) {
				done[i] = true;
				left--;
			}
		}
	}
	if (!left)
		return 0;
	return err_errno(e, why, "%s cannot be set: '%s' written to %s", refused->limit, refused->value, refused->file);
}

int cgroup_update(const struct cgroup *c, const struct cgroup_plan *p, const struct oci_resources *r, struct err *e)
{
	int s = write_all(c, p, e);

	if (s == 0 && r->device_count)
		s = cgroup_devices_apply(c, r->devices, r->device_count, e);
	return s < 0 ? err_wrap(e, s, "linux.resources") : 0;
}

int cgroup_apply(const struct cgroup *c, const struct cgroup_plan *p, const struct oci_resources *r, struct err *e)
{
	int s = cgroup_update(c, p, r, e);

	if (s == 0 && !r->device_count)
		s = cgroup_devices_apply(c, NULL, 0, e);
	return s;
}
