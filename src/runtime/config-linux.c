/* config: `linux` of an OCI runtime configuration. See config.h. */
#include <linux/mempolicy.h>
#include <sys/personality.h>

#include "runtime/config-part.h"

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5
#endif
#ifndef MPOL_WEIGHTED_INTERLEAVE /* Linux 6.9 */
#define MPOL_WEIGHTED_INTERLEAVE 6
#endif

static const struct decode_member mapping_members[] = {
	ROW(oci_mapping, "containerID", decode_u32, container_id),
	ROW(oci_mapping, "hostID", decode_u32, host_id),
	ROW(oci_mapping, "size", decode_u32, size),
	{ .name = NULL },
};

/* The last id is 2^32 - 2: -1 means "no change" to the system calls that take ids. */
static int read_mapping(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_mapping *map = to;
	int r = decode_members(d, mapping_members, map);

	if (r < 0)
		return r;
	if (!map->size || map->size > UINT32_MAX - map->container_id || map->size > UINT32_MAX - map->host_id)
		return decode_bad(d, "is empty or leaves the range of ids");
	return 0;
}

const struct decode_list config_mapping_list = LIST(struct oci_mapping, read_mapping, CONFIG_MAPPINGS_MAX);

static const struct decode_word namespace_types[] = {
	{ "pid", NS_PID },   { "network", NS_NETWORK }, { "mount", NS_MOUNT }, { "ipc", NS_IPC }, { "uts", NS_UTS },
	{ "user", NS_USER }, { "cgroup", NS_CGROUP },	{ "time", NS_TIME },   { NULL, 0 },
};

const char *oci_namespace_name(enum oci_namespace kind)
{
	for (const struct decode_word *w = namespace_types; w->name; w++)
		if (w->value == (int64_t)kind)
			return w->name;
	return "";
}

struct namespace_row {
	int64_t type;
	const char *path;
};
static const struct decode_member namespace_members[] = {
	ROW(namespace_row, "type", decode_word, type, .words = namespace_types),
	ROW(namespace_row, "path", decode_string, path, .max = PATH_MAX_BYTES),
	{ .name = NULL },
};

static int read_namespace(struct decode *d, struct oci_namespace_want *want)
{
	struct namespace_row row = { .type = -1 };
	int r = decode_members(d, namespace_members, &row);

	if (r < 0)
		return r;
	if (row.type < 0)
		return config_missing(d, "type");
	if (row.path && *row.path != '/')
		return decode_bad(d, "path \"%s\" is not absolute", row.path);
	/* "If the namespaces field contains duplicated namespaces with same type, the runtime MUST generate an error."
	 */
	if (want[row.type].set)
		return decode_bad(d, "the type is given twice");
	want[row.type] = (struct oci_namespace_want){ true, row.path };
	return 0;
}

static int read_namespaces(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	size_t i = 0;
	int r = 0;

	if (!json_array(&d->json))
		return decode_bad(d, "must be an array");
	while (r >= 0 && json_next(&d->json)) {
		size_t mark = decode_enter(d, i++);

		r = read_namespace(d, to);
		decode_back(d, mark);
	}
	return r;
}

struct device_row {
	struct oci_device device;
	const char *type;
	struct opt_i64 major, minor;
};
static const struct decode_member device_members[] = {
	ROW(device_row, "path", decode_path, device.path, .max = PATH_MAX_BYTES),
	ROW(device_row, "type", decode_string, type),
	ROW(device_row, "major", decode_opt_i64, major, DEVICE_NUMBER),
	ROW(device_row, "minor", decode_opt_i64, minor, DEVICE_NUMBER),
	ROW(device_row, "fileMode", decode_opt_u64, device.mode, .max = UINT32_MAX),
	ROW(device_row, "uid", decode_opt_u64, device.uid, .max = UINT32_MAX),
	ROW(device_row, "gid", decode_opt_u64, device.gid, .max = UINT32_MAX),
	{ .name = NULL },
};

static int read_device(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct device_row row = { 0 };
	int r = decode_members(d, device_members, &row);

	if (r < 0)
		return r;
	if (!row.device.path || !row.type)
		return config_missing(d, row.device.path ? "type" : "path");
	if (strlen(row.type) != 1 || !strchr("cbup", *row.type))
		return decode_bad(d, "type \"%s\" is not c, b, u or p", row.type);
	row.device.type = *row.type == 'u' ? 'c' : *row.type;
	if (row.device.type != 'p' && (!row.major.set || !row.minor.set))
		return config_missing(d, row.major.set ? "minor" : "major");
	row.device.major = row.major.v;
	row.device.minor = row.minor.v;
	row.device.mode.v &= 07777; /* some engines leave the type's bits in */
	*(struct oci_device *)to = row.device;
	return 0;
}

static const struct decode_list device_list = LIST(struct oci_device, read_device, CONFIG_ARRAY_MAX);

static const struct decode_member net_device_members[] = {
	ROW(oci_net_device, "name", decode_string, new_name),
	{ .name = NULL },
};

static int read_net_device(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_net_device *device = to;
	int r = decode_members(d, net_device_members, device);

	if (r < 0)
		return r;
	if (!config_interface_form(device->name) || (device->new_name && !config_interface_form(device->new_name)))
		return decode_bad(d, "is no name of an interface");
	return 0;
}

static const struct decode_list net_device_map =
	LIST(struct oci_net_device, read_net_device, CONFIG_MAP_MAX, .key_at = offsetof(struct oci_net_device, name));

static const struct decode_member rdt_members[] = {
	ROW(oci_config, "closID", decode_string, rdt.clos_id),
	ROW(oci_config, "schemata", decode_strings, rdt.schemata),
	ROW(oci_config, "l3CacheSchema", decode_string, rdt.l3_schema),
	ROW(oci_config, "memBwSchema", decode_string, rdt.mb_schema),
	ROW(oci_config, "enableMonitoring", decode_bool, rdt.monitoring),
	{ .name = NULL },
};

static int read_rdt(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_config *c = to;

	c->rdt.set = true;
	return decode_members(d, rdt_members, c);
}

static const struct decode_word memory_modes[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT },	{ "MPOL_BIND", MPOL_BIND },
	{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE }, { "MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE },
	{ "MPOL_PREFERRED", MPOL_PREFERRED },	{ "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY },
	{ "MPOL_LOCAL", MPOL_LOCAL },		{ NULL, 0 },
};
static const struct decode_word memory_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
	{ NULL, 0 },
};

struct memory_policy_row {
	int64_t mode;
	uint64_t flags;
	const char *nodes;
};
static const struct decode_member memory_policy_members[] = {
	ROW(memory_policy_row, "mode", decode_word, mode, .words = memory_modes),
	ROW(memory_policy_row, "flags", decode_flags, flags, .words = memory_flags),
	ROW(memory_policy_row, "nodes", decode_string, nodes),
	{ .name = NULL },
};

static int read_memory_policy(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct memory_policy_row row = { .mode = -1 };
	struct oci_config *c = to;
	int r = decode_members(d, memory_policy_members, &row);

	if (r < 0)
		return r;
	if (row.mode < 0)
		return config_missing(d, "mode");
	c->memory_policy.set = true;
	c->memory_policy.mode = (int)(row.mode | (int64_t)row.flags);
	c->memory_policy.nodes = row.nodes;
	return 0;
}

static const struct decode_word personalities[] = { { "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 }, { NULL, 0 } };

struct personality_row {
	int64_t domain;
	struct strings flags;
};
static const struct decode_member personality_members[] = {
	ROW(personality_row, "domain", decode_word, domain, .words = personalities),
	ROW(personality_row, "flags", decode_strings, flags),
	{ .name = NULL },
};

static int read_personality(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct personality_row row = { .domain = -1 };
	struct oci_config *c = to;
	int r = decode_members(d, personality_members, &row);

	if (r < 0)
		return r;
	if (row.domain < 0)
		return config_missing(d, "domain");
	if (row.flags.n) /* "Currently no flag values are supported." */
		return decode_bad(d, "no flag is defined, not \"%s\" either", row.flags.v[0]);
	c->personality.set = true;
	c->personality.domain = (unsigned long)row.domain;
	return 0;
}

struct offset_row {
	int64_t seconds;
	uint32_t nanoseconds;
};
static const struct decode_member offset_members[] = {
	ROW(offset_row, "secs", decode_i64, seconds, .min = INT64_MIN),
	ROW(offset_row, "nanosecs", decode_u32, nanoseconds, .max = 999999999),
	{ .name = NULL },
};

static int read_monotonic(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct offset_row row = { 0 };
	struct oci_config *c = to;
	int r = decode_members(d, offset_members, &row);

	c->monotonic.set = r >= 0;
	c->monotonic.seconds = row.seconds;
	c->monotonic.nanoseconds = row.nanoseconds;
	return r;
}

static int read_boottime(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct offset_row row = { 0 };
	struct oci_config *c = to;
	int r = decode_members(d, offset_members, &row);

	c->boottime.set = r >= 0;
	c->boottime.seconds = row.seconds;
	c->boottime.nanoseconds = row.nanoseconds;
	return r;
}

static const struct decode_member offsets_members[] = {
	{ .name = "monotonic", .read = read_monotonic },
	{ .name = "boottime", .read = read_boottime },
	{ .name = NULL },
};

/* ---- linux.seccomp ---- */

static const struct decode_member seccomp_arg_members[] = {
	ROW(oci_seccomp_arg, "index", decode_u32, index, .max = 5),
	ROW(oci_seccomp_arg, "value", decode_u64, value),
	ROW(oci_seccomp_arg, "valueTwo", decode_u64, value_two),
	ROW(oci_seccomp_arg, "op", decode_string, op),
	{ .name = NULL },
};

static int read_seccomp_arg(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_seccomp_arg *arg = to;
	int r = decode_members(d, seccomp_arg_members, arg);

	return r < 0 ? r : arg->op ? 0 : config_missing(d, "op");
}

static const struct decode_list seccomp_arg_list = LIST(struct oci_seccomp_arg, read_seccomp_arg, 64);

static const struct decode_member seccomp_rule_members[] = {
	ROW(oci_seccomp_rule, "names", decode_strings, names),
	ROW(oci_seccomp_rule, "action", decode_string, action),
	ROW(oci_seccomp_rule, "errnoRet", decode_opt_u64, errno_ret, .max = UINT32_MAX),
	ROW(oci_seccomp_rule, "args", decode_array, args, .list = &seccomp_arg_list),
	{ .name = NULL },
};

static int read_seccomp_rule(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_seccomp_rule *rule = to;
	int r = decode_members(d, seccomp_rule_members, rule);

	if (r < 0)
		return r;
	if (!rule->action || !rule->names.n)
		return config_missing(d, rule->action ? "names" : "action");
	if (rule->names.n > CONFIG_SYSCALL_NAMES_MAX)
		return decode_too_big(d, "more than %d names", CONFIG_SYSCALL_NAMES_MAX);
	return 0;
}

static const struct decode_list seccomp_rule_list =
	LIST(struct oci_seccomp_rule, read_seccomp_rule, CONFIG_SYSCALL_RULES_MAX);

static const struct decode_member seccomp_members[] = {
	ROW(oci_seccomp, "defaultAction", decode_string, default_action),
	ROW(oci_seccomp, "defaultErrnoRet", decode_opt_u64, default_errno, .max = UINT32_MAX),
	ROW(oci_seccomp, "architectures", decode_strings, architectures),
	ROW(oci_seccomp, "flags", decode_strings, flags),
	ROW(oci_seccomp, "listenerPath", decode_string, listener_path, .max = PATH_MAX_BYTES),
	ROW(oci_seccomp, "listenerMetadata", decode_string, listener_metadata),
	ROW(oci_seccomp, "syscalls", decode_array, rules, .list = &seccomp_rule_list),
	{ .name = NULL },
};

static int read_seccomp(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_seccomp *s = to;
	int r = decode_members(d, seccomp_members, s);

	if (r < 0)
		return r;
	if (!s->default_action)
		return config_missing(d, "defaultAction");
	s->set = true;
	return 0;
}

static const struct decode_member linux_members[] = {
	ROW(oci_config, "uidMappings", decode_array, uids, .list = &config_mapping_list),
	ROW(oci_config, "gidMappings", decode_array, gids, .list = &config_mapping_list),
	ROW(oci_config, "sysctl", decode_map, sysctl, .list = &config_text_map),
	ROW(oci_config, "resources", decode_object, resources, .members = config_resources_members),
	ROW(oci_config, "cgroupsPath", decode_string, cgroups_path, .max = PATH_MAX_BYTES),
	ROW(oci_config, "namespaces", read_namespaces, namespaces),
	ROW(oci_config, "devices", decode_array, devices, .list = &device_list),
	ROW(oci_config, "netDevices", decode_map, net_devices, .list = &net_device_map),
	ROW(oci_config, "seccomp", read_seccomp, seccomp),
	ROW(oci_config, "rootfsPropagation", decode_string, rootfs_propagation),
	ROW(oci_config, "maskedPaths", decode_strings, masked_paths),
	ROW(oci_config, "readonlyPaths", decode_strings, readonly_paths),
	ROW(oci_config, "mountLabel", decode_string, mount_label),
	{ .name = "intelRdt", .read = read_rdt },
	{ .name = "memoryPolicy", .read = read_memory_policy },
	{ .name = "personality", .read = read_personality },
	{ .name = "timeOffsets", .read = decode_object, .members = offsets_members },
	{ .name = NULL },
};

int config_read_linux(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	((struct oci_config *)to)->has_linux = true;
	return decode_members(d, linux_members, to);
}
