/* limits: where each limit comes from, and how it gets into the configuration. See limits.h. */
#include "runtime/limits.h"

#include "base/num.h"
#include "base/quantity.h"

#define PREFIX "yagura."

#define PIDS_DEFAULT 512
#define SHM_DEFAULT (64ull << 20)  /* what engines give */
#define TMPFS_DEFAULT (1ull << 30) /* where memory has no limit, which bounds it otherwise */
#define HIGH_PERCENT 90		   /* of the memory limit */
#define TMPFS_BYTES_PER_INODE 4096 /* for nr_inodes: as many as there could be files of a page */
#define TMPFS_INODES_MIN 1024
#define PERIOD_DEFAULT_US 100000
#define PERIOD_MAX_US 1000000 /* kernel/sched/core.c: max_cfs_quota_period */
#define QUOTA_MIN_US 1000     /* min_cfs_quota_period */
#define EIB (1ull << 60)

const struct limit_row limit_rows[LIMITS] = {
	[LIMIT_CPU] = { "cpu", 1000, 1, 1000000, true, false, NULL },
	[LIMIT_PIDS] = { "pids", 1, 1, 4194304, true, false, NULL },
	[LIMIT_MEMORY] = { "memory", 1, 524288, EIB, true, false, NULL },
	[LIMIT_MEMORY_HIGH] = { "memory.high", 1, 524288, EIB, true, false, NULL },
	[LIMIT_SWAP] = { "memory.swap", 1, 0, EIB, true, false, NULL },
	[LIMIT_OOM_GROUP] = { "memory.oom-group", 1, 0, 1, false, false, NULL },
	[LIMIT_SHM] = { "shm.size", 1, 4096, EIB, true, false, NULL },
	[LIMIT_TMPFS] = { "tmpfs.size", 1, 4096, EIB, true, false, NULL },
	[LIMIT_DISK_SIZE] = { "disk.size", 1, 8ull << 20, 16ull << 40, true, true, NULL },
	[LIMIT_DISK_INODES] = { "disk.inodes", 1, 64, UINT32_MAX, true, true, NULL },
	[LIMIT_READ_BPS] = { "disk.read-bps", 1, 4096, EIB, true, true, NULL },
	[LIMIT_WRITE_BPS] = { "disk.write-bps", 1, 4096, EIB, true, true, NULL },
	[LIMIT_READ_IOPS] = { "disk.read-iops", 1, 1, UINT32_MAX - 1, true, true, NULL },
	[LIMIT_WRITE_IOPS] = { "disk.write-iops", 1, 1, UINT32_MAX - 1, true, true, NULL },
	/* As Kubernetes bounds them: 1k to 1P bits a second (pkg/util/bandwidth). */
	[LIMIT_NET_IN] = { "net.in", 1, 1000, 1000000000000000, true, true, "kubernetes.io/ingress-bandwidth" },
	[LIMIT_NET_OUT] = { "net.out", 1, 1000, 1000000000000000, true, true, "kubernetes.io/egress-bandwidth" },
	[LIMIT_LOG] = { "log.size", 1, 131072, EIB, true, true, NULL },
};

/* One annotation for both directions. */
static const struct {
	const char *name;
	enum limit one, two;
} pairs[] = {
	{ "disk.bps", LIMIT_READ_BPS, LIMIT_WRITE_BPS },
	{ "disk.iops", LIMIT_READ_IOPS, LIMIT_WRITE_IOPS },
};

const char *limit_source_name(enum limit_source s)
{
	static const char *const names[] = {
		[LIMIT_UNSET] = "",	   [LIMIT_BUILT_IN] = "default",      [LIMIT_POLICY] = "policy",
		[LIMIT_CONFIG] = "config", [LIMIT_ANNOTATION] = "annotation", [LIMIT_CEILING] = "ceiling",
	};

	return names[s];
}

/* -- what the configuration says -- */

static struct limit_value of_config(uint64_t v)
{
	return (struct limit_value){ LIMIT_CONFIG, v };
}

static struct limit_value unset(void)
{
	return (struct limit_value){ LIMIT_UNSET, 0 };
}

/* 0 is "not asked" here, as cgroup_plan() has it; below 0 no limit. */
static struct limit_value from_bytes(struct opt_i64 n)
{
	if (!n.set || !n.v)
		return unset();
	return of_config(n.v < 0 ? LIMIT_NONE : (uint64_t)n.v);
}

static struct limit_value config_cpu(const struct oci_resources *r)
{
	uint64_t period = r->cpu.period.set && r->cpu.period.v ? r->cpu.period.v : PERIOD_DEFAULT_US;
	uint64_t milli;

	if (!r->cpu.quota.set || !r->cpu.quota.v)
		return unset();
	if (r->cpu.quota.v < 0 || !mul_ok((uint64_t)r->cpu.quota.v, (uint64_t)1000, &milli))
		return of_config(LIMIT_NONE);
	return of_config(milli / period ? milli / period : 1);
}

static struct limit_value config_pids(const struct oci_resources *r)
{
	if (!r->pids.set)
		return unset();
	return of_config(r->pids.v < 0 ? LIMIT_NONE : (uint64_t)r->pids.v);
}

static struct limit_value config_memory(const struct oci_resources *r)
{
	return from_bytes(r->memory.limit);
}

static struct limit_value config_swap(const struct oci_resources *r)
{
	struct limit_value both = from_bytes(r->memory.swap), memory = from_bytes(r->memory.limit);

	if (both.from == LIMIT_UNSET || both.v == LIMIT_NONE || memory.from == LIMIT_UNSET)
		return both;
	return of_config(memory.v == LIMIT_NONE || both.v < memory.v ? 0 : both.v - memory.v);
}

static const char *unified_value(const struct oci_resources *r, const char *key)
{
	for (size_t i = 0; i < r->unified_count; i++)
		if (!strcmp(r->unified[i].key, key))
			return r->unified[i].value;
	return NULL;
}

static struct limit_value (*const from_config[LIMITS])(const struct oci_resources *r) = {
	[LIMIT_CPU] = config_cpu,
	[LIMIT_PIDS] = config_pids,
	[LIMIT_MEMORY] = config_memory,
	[LIMIT_SWAP] = config_swap,
};

/* v2's own names, in `unified`: they are written last and have the last word. */
static const char *const unified_files[LIMITS] = {
	[LIMIT_CPU] = "cpu.max",	  [LIMIT_PIDS] = "pids.max",	       [LIMIT_MEMORY] = "memory.max",
	[LIMIT_SWAP] = "memory.swap.max", [LIMIT_MEMORY_HIGH] = "memory.high", [LIMIT_OOM_GROUP] = "memory.oom.group",
};

/* "QUOTA PERIOD", "max PERIOD", either alone. */
static struct limit_value unified_cpu(struct str text)
{
	struct str quota = text, rest;
	uint64_t q, period = PERIOD_DEFAULT_US, milli;

	if (str_split(text, ' ', &quota, &rest) && (!num_u64(str_trim(rest), 10, &period) || !period))
		period = PERIOD_DEFAULT_US;
	if (!num_u64(quota, 10, &q) || !mul_ok(q, (uint64_t)1000, &milli))
		return of_config(LIMIT_NONE);
	return of_config(milli / period ? milli / period : 1);
}

static struct limit_value config_value(const struct oci_resources *r, enum limit which)
{
	const char *text = unified_files[which] ? unified_value(r, unified_files[which]) : NULL;
	uint64_t v;

	if (!text)
		return from_config[which] ? from_config[which](r) : unset();
	if (which == LIMIT_CPU)
		return unified_cpu(str_trim(str_c(text)));
	return of_config(num_u64(str_trim(str_c(text)), 10, &v) ? v : LIMIT_NONE);
}

/* -- annotations -- */

static int read_annotation(const struct key_value *kv, enum limit which, struct limit_value *ret, struct err *e)
{
	const struct limit_row *row = &limit_rows[which];
	uint64_t v;

	if (!quantity_parse(str_c(kv->value), row->per_unit, &v))
		return err_set(e, -EBADMSG, "annotation %s: '%s' is no quantity", kv->key, kv->value);
	if (v < row->min || v > row->max)
		return err_set(e, -EBADMSG, "annotation %s: '%s' is out of range", kv->key, kv->value);
	/* Two names for one limit: the tighter counts. */
	if (ret->from == LIMIT_UNSET || v < ret->v)
		*ret = (struct limit_value){ LIMIT_ANNOTATION, v };
	return 0;
}

/* What else is said in annotations of ours; with a '/' it is a domain of somebody else's. All others are errors: a
 * typing error must not read as "no limit asked". */
static bool is_no_limit(struct str name)
{
	static const char *const words[] = { "tier", "ports", "volume.size", "strict.capabilities",
					     "strict.writable-root" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_is(name, words[i]))
			return true;
	return name.n && memchr(name.p, '/', name.n);
}

static int take_annotation(const struct key_value *kv, struct limit_value v[LIMITS], struct err *e)
{
	struct str key = str_c(kv->key), name;
	int r = 0;

	for (unsigned int i = 0; i < LIMITS; i++)
		if (limit_rows[i].kubernetes && str_is(key, limit_rows[i].kubernetes))
			return read_annotation(kv, i, &v[i], e);
	if (!str_starts(key, STR(PREFIX)))
		return 0;
	name = str_from(key, strlen(PREFIX));
	for (unsigned int i = 0; i < LIMITS; i++)
		if (limit_rows[i].annotation && str_is(name, limit_rows[i].name))
			return read_annotation(kv, i, &v[i], e);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (str_is(name, pairs[i].name)) {
			r = read_annotation(kv, pairs[i].one, &v[pairs[i].one], e);
			return r < 0 ? r : read_annotation(kv, pairs[i].two, &v[pairs[i].two], e);
		}
	return is_no_limit(name) ? 0 : err_set(e, -EBADMSG, "annotation %s: there is no such limit", kv->key);
}

/* -- merging -- */

/* What is built in, given the limits before it in the table. */
static struct limit_value built_in(const struct limits *l, enum limit which)
{
	uint64_t v = LIMIT_NONE;
	bool memory = limit_is_set(l, LIMIT_MEMORY);

	if (which == LIMIT_PIDS)
		v = PIDS_DEFAULT;
	else if (which == LIMIT_SWAP)
		v = 0;
	else if (which == LIMIT_OOM_GROUP)
		v = 1;
	else if (which == LIMIT_SHM)
		v = memory && l->v[LIMIT_MEMORY].v < SHM_DEFAULT ? l->v[LIMIT_MEMORY].v : SHM_DEFAULT;
	else if (which == LIMIT_TMPFS)
		v = memory ? l->v[LIMIT_MEMORY].v : TMPFS_DEFAULT;
	else if (which == LIMIT_MEMORY_HIGH && memory)
		v = l->v[LIMIT_MEMORY].v / 100 * HIGH_PERCENT;
	return v == LIMIT_NONE ? unset() : (struct limit_value){ LIMIT_BUILT_IN, v };
}

static int looser(enum limit which, uint64_t asked, struct limit_value than, struct err *e)
{
	char a[QUANTITY_TEXT_MAX], b[QUANTITY_TEXT_MAX];
	const struct limit_row *row = &limit_rows[which];

	return err_set(e, -EPERM, "limit %s: the annotation's %s is looser than the %s's %s", row->name,
		       quantity_text(asked, row->per_unit, a), limit_source_name(than.from),
		       quantity_text(than.v, row->per_unit, b));
}

static int merge(enum limit which, struct limit_value config, struct limit_value annotation,
		 const struct limit_policy *p, struct limits *l, bool compat, struct err *e)
{
	struct limit_value v = config;

	if (v.from == LIMIT_UNSET && !compat)
		v = p && p->fallback.from != LIMIT_UNSET ? p->fallback : built_in(l, which);
	if (p && p->ceiling.from != LIMIT_UNSET && (v.from == LIMIT_UNSET || v.v > p->ceiling.v))
		v = p->ceiling;
	if (annotation.from != LIMIT_UNSET && !compat) {
		bool free_choice = limit_rows[which].annotation_only && v.from != LIMIT_CEILING;

		if (p && p->ceiling.from != LIMIT_UNSET && annotation.v > p->ceiling.v)
			return looser(which, annotation.v, p->ceiling, e);
		if (v.from != LIMIT_UNSET && !free_choice && annotation.v > v.v)
			return looser(which, annotation.v, v, e);
		v = annotation;
	}
	l->v[which] = v;
	return 0;
}

int limits_resolve(const struct oci_config *c, const struct limit_policy *policy, bool compat, struct limits *ret,
		   struct err *e)
{
	struct limit_value annotations[LIMITS] = { 0 };
	struct limits l = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && !compat && i < c->annotation_count; i++)
		r = take_annotation(&c->annotations[i], annotations, e);
	for (unsigned int i = 0; r == 0 && i < LIMITS; i++)
		r = merge(i, config_value(&c->resources, i), annotations[i], policy ? &policy[i] : NULL, &l, compat, e);
	if (r == 0)
		*ret = l;
	return r;
}

static bool of_a_group(enum limit which)
{
	return which <= LIMIT_OOM_GROUP || (which >= LIMIT_READ_BPS && which <= LIMIT_WRITE_IOPS);
}

int limits_without_groups(struct limits *l, struct err *e)
{
	for (unsigned int i = 0; i < LIMITS; i++) {
		if (!of_a_group(i))
			continue;
		if (l->v[i].from > LIMIT_BUILT_IN && l->v[i].v != LIMIT_NONE)
			return err_set(e, -ENOTSUP, "limit %s cannot be set: control groups are disabled",
				       limit_rows[i].name);
		l->v[i] = unset();
	}
	return 0;
}

int limits_of_log(const struct limits *l, uint64_t kept, struct err *e)
{
	if (!limit_is_set(l, LIMIT_LOG) || (kept && kept <= l->v[LIMIT_LOG].v))
		return 0;
	return err_set(e, -ENOTSUP,
		       kept ? "limit log.size: the caller keeps %llu bytes of the container's output, more than %llu"
			    : "limit log.size: the caller keeps the container's output and does not say how much of it "
			      "(--log-kept)",
		       (unsigned long long)kept, (unsigned long long)l->v[LIMIT_LOG].v);
}

/* -- into the configuration -- */

static const char *max_or(struct arena *a, uint64_t v)
{
	return v == LIMIT_NONE ? "max" : arena_fmt(a, "%llu", (unsigned long long)v).p;
}

static void set_unified(struct oci_resources *r, struct arena *a, const char *key, const char *text)
{
	struct key_value *kv = arena_array(a, struct key_value, r->unified_count + 1);

	for (size_t i = 0; i < r->unified_count; i++)
		if (!strcmp(r->unified[i].key, key)) {
			memcpy(kv, r->unified, r->unified_count * sizeof(*kv));
			kv[i].value = text;
			r->unified = kv;
			return;
		}
	if (r->unified_count)
		memcpy(kv, r->unified, r->unified_count * sizeof(*kv));
	kv[r->unified_count++] = (struct key_value){ key, text };
	r->unified = kv;
}

/* A limit that is not the configuration's own word. */
static bool changed(const struct limits *l, enum limit which)
{
	return l->v[which].from != LIMIT_UNSET && l->v[which].from != LIMIT_CONFIG;
}

static int64_t oci_number(uint64_t v)
{
	return v > INT64_MAX ? -1 : (int64_t)v;
}

static void set_cpu(const struct limits *l, struct oci_resources *r)
{
	uint64_t milli = l->v[LIMIT_CPU].v;
	uint64_t period = r->cpu.period.set && r->cpu.period.v ? r->cpu.period.v : PERIOD_DEFAULT_US;

	if (!changed(l, LIMIT_CPU))
		return;
	if (milli == LIMIT_NONE) {
		r->cpu.quota = (struct opt_i64){ true, -1 };
		return;
	}
	/* The kernel wants a millisecond of quota; a long enough period makes it one. */
	if (period > PERIOD_MAX_US)
		period = PERIOD_MAX_US;
	if (milli * period / 1000 < QUOTA_MIN_US)
		period = QUOTA_MIN_US * 1000 / milli;
	r->cpu.period = (struct opt_u64){ true, period };
	r->cpu.quota = (struct opt_i64){ true, (int64_t)(milli * period / 1000) };
}

/* Only v2 knows them; built in they are a courtesy, asked for they are a promise. */
static int only_v2(const struct limits *l, enum limit which, bool memory_v2, const char *file, struct arena *a,
		   struct oci_resources *r, struct err *e)
{
	if (!changed(l, which))
		return 0;
	if (memory_v2)
		set_unified(r, a, file, max_or(a, l->v[which].v));
	else if (l->v[which].from != LIMIT_BUILT_IN && l->v[which].v != LIMIT_NONE)
		return err_set(e, -ENOTSUP, "limit %s: this host's memory controller is cgroup v1, which has none",
			       limit_rows[which].name);
	return 0;
}

static int set_memory(const struct limits *l, bool memory_v2, struct arena *a, struct oci_resources *r, struct err *e)
{
	uint64_t memory = l->v[LIMIT_MEMORY].v, swap = l->v[LIMIT_SWAP].v, both = 0;
	int s;

	if (changed(l, LIMIT_MEMORY))
		r->memory.limit = (struct opt_i64){ true, oci_number(memory) };
	if (limit_is_set(l, LIMIT_MEMORY) && (changed(l, LIMIT_SWAP) || changed(l, LIMIT_MEMORY))) {
		bool none = l->v[LIMIT_SWAP].from == LIMIT_UNSET || swap == LIMIT_NONE || !add_ok(memory, swap, &both);

		r->memory.swap = (struct opt_i64){ true, none ? -1 : oci_number(both) };
		s = 0;
	} else {
		s = only_v2(l, LIMIT_SWAP, memory_v2, "memory.swap.max", a, r, e);
	}
	if (s == 0)
		s = only_v2(l, LIMIT_MEMORY_HIGH, memory_v2, "memory.high", a, r, e);
	return s == 0 ? only_v2(l, LIMIT_OOM_GROUP, memory_v2, "memory.oom.group", a, r, e) : s;
}

/* A limit that was changed, where the configuration says the old one in v2's words too. */
static void override_unified(const struct limits *l, struct arena *a, struct oci_resources *r)
{
	for (unsigned int i = 0; i < LIMITS; i++) {
		uint64_t v = l->v[i].v;

		if (!unified_files[i] || !changed(l, i) || !unified_value(r, unified_files[i]))
			continue;
		if (i != LIMIT_CPU)
			set_unified(r, a, unified_files[i], max_or(a, v));
		else if (v == LIMIT_NONE)
			set_unified(r, a, unified_files[i], "max");
		else
			set_unified(r, a, unified_files[i],
				    arena_fmt(a, "%lld %llu", (long long)r->cpu.quota.v,
					      (unsigned long long)r->cpu.period.v)
					    .p);
	}
}

/* A tmpfs option "size=64m": bytes, with k, m, g; a percentage is none of ours to compare. */
static bool tmpfs_bytes(struct str s, uint64_t *ret)
{
	static const char units[] = "kmg";
	const char *unit = s.n ? strchr(units, to_lower(s.p[s.n - 1])) : NULL;
	unsigned int shift = unit && *unit ? 10 * (unsigned int)(unit - units + 1) : 0;
	uint64_t v;

	if (!num_u64(shift ? str_head(s, s.n - 1) : s, 10, &v) || v > UINT64_MAX >> shift)
		return false;
	*ret = v << shift;
	return true;
}

/* Appends options to a mount; the kernel takes the last of a kind. */
static void add_option(struct oci_mount *m, struct arena *a, const char *option)
{
	const char **v = arena_array(a, const char *, m->options.n + 2);

	if (m->options.n)
		memcpy(v, m->options.v, m->options.n * sizeof(*v));
	v[m->options.n] = option;
	m->options.v = v;
	m->options.n++;
}

static void bound_tmpfs(struct oci_mount *m, struct arena *a, uint64_t limit)
{
	uint64_t size = LIMIT_NONE, inodes;
	bool has_inodes = false;

	for (size_t i = 0; i < m->options.n; i++) {
		struct str o = str_c(m->options.v[i]);

		if (str_starts(o, STR("size=")) && !tmpfs_bytes(str_from(o, 5), &size))
			size = LIMIT_NONE;
		has_inodes |= str_starts(o, STR("nr_inodes="));
	}
	if (!size) /* the kernel's word for none */
		size = LIMIT_NONE;
	if (size > limit)
		add_option(m, a, arena_fmt(a, "size=%llu", (unsigned long long)limit).p);
	size = size < limit ? size : limit;
	inodes = size / TMPFS_BYTES_PER_INODE < TMPFS_INODES_MIN ? TMPFS_INODES_MIN : size / TMPFS_BYTES_PER_INODE;
	if (!has_inodes)
		add_option(m, a, arena_fmt(a, "nr_inodes=%llu", (unsigned long long)inodes).p);
}

static void bound_mounts(const struct limits *l, struct arena *a, struct oci_config *c)
{
	struct oci_mount *mounts = arena_array(a, struct oci_mount, c->mount_count + 1);
	bool any = false;

	if (c->mount_count)
		memcpy(mounts, c->mounts, c->mount_count * sizeof(*mounts));
	for (size_t i = 0; i < c->mount_count; i++) {
		enum limit which = !strcmp(mounts[i].destination, "/dev/shm") ? LIMIT_SHM : LIMIT_TMPFS;

		if (!mounts[i].type || strcmp(mounts[i].type, "tmpfs") || !limit_is_set(l, which))
			continue;
		bound_tmpfs(&mounts[i], a, l->v[which].v);
		any = true;
	}
	if (any)
		c->mounts = mounts;
}

static int to_resources(const struct limits *l, bool memory_v2, struct arena *a, struct oci_resources *r, struct err *e)
{
	int s;

	set_cpu(l, r);
	if (changed(l, LIMIT_PIDS))
		r->pids = (struct opt_i64){ true, oci_number(l->v[LIMIT_PIDS].v) };
	s = set_memory(l, memory_v2, a, r, e);
	if (s == 0)
		override_unified(l, a, r);
	return s;
}

int limits_to_config(const struct limits *l, bool memory_v2, struct arena *a, struct oci_config *c, struct err *e)
{
	bound_mounts(l, a, c);
	return to_resources(l, memory_v2, a, &c->resources, e);
}

/* -- update -- */

static struct limit_value bounded(struct limit_value v, struct limit_value by)
{
	return by.from != LIMIT_UNSET && v.v > by.v ? by : v;
}

/* What goes with a memory limit that is changed: swap, where `over` says nothing, is counted from the new limit (OCI's
 * number holds both), and memory.high if nobody chose it. */
static void follow_memory(const struct limits *now, struct limits *l)
{
	if (l->v[LIMIT_SWAP].from == LIMIT_UNSET && now->v[LIMIT_SWAP].from != LIMIT_UNSET)
		l->v[LIMIT_SWAP] = now->v[LIMIT_SWAP];
	if (l->v[LIMIT_MEMORY_HIGH].from != LIMIT_UNSET || now->v[LIMIT_MEMORY_HIGH].from != LIMIT_BUILT_IN)
		return;
	l->v[LIMIT_MEMORY_HIGH] = built_in(l, LIMIT_MEMORY_HIGH);
	if (l->v[LIMIT_MEMORY_HIGH].from == LIMIT_UNSET)
		l->v[LIMIT_MEMORY_HIGH] = (struct limit_value){ LIMIT_BUILT_IN, LIMIT_NONE };
}

int limits_update(const struct oci_config *c, const struct limit_policy *policy, const struct limits *now,
		  bool memory_v2, struct arena *a, struct oci_resources *over, struct limits *ret, struct err *e)
{
	struct limit_value annotations[LIMITS] = { 0 };
	struct limits l = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->annotation_count; i++)
		r = take_annotation(&c->annotations[i], annotations, e);
	for (unsigned int i = 0; r == 0 && i < LIMITS; i++) {
		struct limit_value v = config_value(over, i);

		if (v.from != LIMIT_UNSET)
			l.v[i] = bounded(bounded(v, annotations[i]), policy[i].ceiling);
	}
	if (r == 0 && l.v[LIMIT_MEMORY].from != LIMIT_UNSET)
		follow_memory(now, &l);
	if (r == 0)
		r = to_resources(&l, memory_v2, a, over, e);
	if (r == 0)
		*ret = l;
	return r;
}
