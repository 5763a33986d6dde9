/* config: `linux.resources` of an OCI runtime configuration. See config.h. */
#include "base/num.h"
#include "runtime/config-part.h"

#define INTERFACE_NAME_MAX 15 /* as the kernel's IFNAMSIZ without the NUL */

struct device_rule_row {
	struct oci_device_rule rule;
	const char *type, *access;
	struct opt_i64 major, minor;
};
static const struct decode_member device_rule_members[] = {
	ROW(device_rule_row, "allow", decode_bool, rule.allow),
	ROW(device_rule_row, "type", decode_string, type),
	ROW(device_rule_row, "major", decode_opt_i64, major, .min = -1, DEVICE_NUMBER),
	ROW(device_rule_row, "minor", decode_opt_i64, minor, .min = -1, DEVICE_NUMBER),
	ROW(device_rule_row, "access", decode_string, access),
	{ .name = NULL },
};

static int unknown_access(struct decode *d, const char *access)
{
	struct oci_warnings *w = d->arg;

	if (!w || !w->compat)
		return decode_bad(d, "access \"%s\" is not of the letters r, w, m", access);
	vec_push(&w->lines,
		 arena_fmt(d->arena, "%s: access \"%s\": what is not r, w or m is passed over", d->path, access));
	return 0;
}

static int read_access(struct decode *d, const char *access, struct oci_device_rule *rule)
{
	int r = 0;

	for (const char *p = access ? access : "rwm"; *p; p++) {
		bool *to = *p == 'r' ? &rule->read : *p == 'w' ? &rule->write : *p == 'm' ? &rule->mknod : NULL;

		if (to)
			*to = true;
		else
			r = unknown_access(d, access);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_device_rule(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct device_rule_row row = { 0 };
	int r = decode_members(d, device_rule_members, &row);

	if (r < 0)
		return r;
	if (row.type && (strlen(row.type) != 1 || !strchr("abc", *row.type)))
		return decode_bad(d, "type \"%s\" is not a, b or c", row.type);
	row.rule.type = row.type ? *row.type : 'a';
	row.rule.major = row.major.set ? row.major.v : -1;
	row.rule.minor = row.minor.set ? row.minor.v : -1;
	*(struct oci_device_rule *)to = row.rule;
	return read_access(d, row.access, to);
}

static const struct decode_list device_rule_list = LIST(struct oci_device_rule, read_device_rule, CONFIG_ARRAY_MAX);

#define LIMIT(name, field) ROW(oci_resources, name, decode_opt_i64, field, .min = -1)
static const struct decode_member memory_members[] = {
	LIMIT("limit", memory.limit),
	LIMIT("reservation", memory.reservation),
	LIMIT("swap", memory.swap),
	LIMIT("kernel", memory.kernel),
	LIMIT("kernelTCP", memory.kernel_tcp),
	ROW(oci_resources, "swappiness", decode_opt_u64, memory.swappiness),
	ROW(oci_resources, "disableOOMKiller", decode_opt_bool, memory.disable_oom_killer),
	ROW(oci_resources, "useHierarchy", decode_opt_bool, memory.use_hierarchy),
	ROW(oci_resources, "checkBeforeUpdate", decode_opt_bool, memory.check_before_update),
	{ .name = NULL },
};

static const struct decode_member cpu_members[] = {
	ROW(oci_resources, "shares", decode_opt_u64, cpu.shares),
	ROW(oci_resources, "burst", decode_opt_u64, cpu.burst),
	ROW(oci_resources, "period", decode_opt_u64, cpu.period),
	LIMIT("quota", cpu.quota),
	ROW(oci_resources, "realtimePeriod", decode_opt_u64, cpu.rt_period),
	LIMIT("realtimeRuntime", cpu.rt_runtime),
	ROW(oci_resources, "idle", decode_opt_i64, cpu.idle, .max = 1),
	ROW(oci_resources, "cpus", decode_string, cpu.cpus),
	ROW(oci_resources, "mems", decode_string, cpu.mems),
	{ .name = NULL },
};

static const struct decode_member pids_members[] = {
	LIMIT("limit", pids),
	{ .name = NULL },
};

static const struct decode_member throttle_members[] = {
	ROW(oci_throttle, "major", decode_i64, major, DEVICE_NUMBER),
	ROW(oci_throttle, "minor", decode_i64, minor, DEVICE_NUMBER),
	ROW(oci_throttle, "rate", decode_u64, rate),
	{ .name = NULL },
};
static const struct decode_list throttle_list = LIST_OF(struct oci_throttle, throttle_members, CONFIG_ARRAY_MAX);

static const struct decode_member io_weight_members[] = {
	ROW(oci_io_weight, "major", decode_i64, major, DEVICE_NUMBER),
	ROW(oci_io_weight, "minor", decode_i64, minor, DEVICE_NUMBER),
	ROW(oci_io_weight, "weight", decode_opt_u64, weight, .max = UINT16_MAX),
	ROW(oci_io_weight, "leafWeight", decode_opt_u64, leaf_weight, .max = UINT16_MAX),
	{ .name = NULL },
};
static const struct decode_list io_weight_list = LIST_OF(struct oci_io_weight, io_weight_members, CONFIG_ARRAY_MAX);

static const struct decode_member io_members[] = {
	ROW(oci_resources, "weight", decode_opt_u64, io.weight, .max = UINT16_MAX),
	ROW(oci_resources, "leafWeight", decode_opt_u64, io.leaf_weight, .max = UINT16_MAX),
	ROW(oci_resources, "weightDevice", decode_array, io.weights, .list = &io_weight_list),
	ROW(oci_resources, "throttleReadBpsDevice", decode_array, io.read_bps, .list = &throttle_list),
	ROW(oci_resources, "throttleWriteBpsDevice", decode_array, io.write_bps, .list = &throttle_list),
	ROW(oci_resources, "throttleReadIOPSDevice", decode_array, io.read_iops, .list = &throttle_list),
	ROW(oci_resources, "throttleWriteIOPSDevice", decode_array, io.write_iops, .list = &throttle_list),
	{ .name = NULL },
};

static const struct decode_member hugepage_members[] = {
	ROW(oci_hugepage, "pageSize", decode_string, page_size),
	ROW(oci_hugepage, "limit", decode_u64, limit),
	{ .name = NULL },
};

/* ^[1-9][0-9]*[KMG]B$: it becomes part of a file's name. */
static bool page_size_form(struct str s)
{
	uint64_t n;

	return s.n > 2 && s.p[0] != '0' && s.p[s.n - 1] == 'B' && strchr("KMG", s.p[s.n - 2]) &&
	       num_u64(str_head(s, s.n - 2), 10, &n);
}

static int read_hugepage(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_hugepage *h = to;
	int r = decode_members(d, hugepage_members, h);

	if (r < 0)
		return r;
	if (!h->page_size || !page_size_form(str_c(h->page_size)))
		return decode_bad(d, "pageSize is no size like \"64KB\" or \"2MB\"");
	return 0;
}

static const struct decode_list hugepage_list = LIST(struct oci_hugepage, read_hugepage, CONFIG_ARRAY_MAX);

bool config_interface_form(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	if (!n || n > INTERFACE_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || is_space(*name))
			return false;
	return true;
}

struct priority_row {
	const char *name;
	uint32_t priority;
};
static const struct decode_member priority_members[] = {
	ROW(priority_row, "name", decode_string, name),
	ROW(priority_row, "priority", decode_u32, priority),
	{ .name = NULL },
};

static int read_priority(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct priority_row row = { 0 };
	int r = decode_members(d, priority_members, &row);

	if (r < 0)
		return r;
	if (!config_interface_form(row.name))
		return decode_bad(d, "\"name\" is no name of an interface");
	*(struct key_value *)to = (struct key_value){ row.name, arena_fmt(d->arena, "%u", row.priority).p };
	return 0;
}

static const struct decode_list priority_list = LIST(struct key_value, read_priority, CONFIG_ARRAY_MAX);

static const struct decode_member network_members[] = {
	ROW(oci_resources, "classID", decode_opt_u64, network.class_id, .max = UINT32_MAX),
	ROW(oci_resources, "priorities", decode_array, network.priorities, .list = &priority_list),
	{ .name = NULL },
};

static const struct decode_member rdma_members[] = {
	ROW(oci_rdma, "hcaHandles", decode_opt_u64, handles, .max = UINT32_MAX),
	ROW(oci_rdma, "hcaObjects", decode_opt_u64, objects, .max = UINT32_MAX),
	{ .name = NULL },
};
static const struct decode_list rdma_map = LIST(struct oci_rdma, decode_object, CONFIG_MAP_MAX, .members = rdma_members,
						.key_at = offsetof(struct oci_rdma, device));

static int read_unified_value(struct decode *d, const struct decode_member *m, void *to)
{
	const char *key = ((struct key_value *)to)->key;

	if (strchr(key, '/') || strcmp(key, ".") == 0 || strcmp(key, "..") == 0)
		return decode_bad(d, "is no name of a cgroup file");
	return decode_map_text(d, m, to);
}

static const struct decode_list unified_map =
	LIST(struct key_value, read_unified_value, CONFIG_MAP_MAX, .key_at = offsetof(struct key_value, key));

const struct decode_member config_resources_members[] = {
	ROW(oci_resources, "devices", decode_array, devices, .list = &device_rule_list),
	{ .name = "memory", .read = decode_object, .members = memory_members },
	{ .name = "cpu", .read = decode_object, .members = cpu_members },
	{ .name = "pids", .read = decode_object, .members = pids_members },
	{ .name = "blockIO", .read = decode_object, .members = io_members },
	ROW(oci_resources, "hugepageLimits", decode_array, hugepages, .list = &hugepage_list),
	{ .name = "network", .read = decode_object, .members = network_members },
	ROW(oci_resources, "rdma", decode_map, rdma, .list = &rdma_map),
	ROW(oci_resources, "unified", decode_map, unified, .list = &unified_map),
	{ .name = NULL },
};
