/* OCI configurations: every member is read, and what is wrong is told by its path. */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "base/capability.h"
#include "base/fd.h"
#include "runtime/config.h"

#include "tap.h"

#define CONFIG(rest) "{\"ociVersion\":\"1.2.0\"," rest "}"
#define PROCESS(rest) CONFIG("\"process\":{\"cwd\":\"/\"," rest "}")
#define LINUX(rest) CONFIG("\"linux\":{" rest "}")
#define RESOURCES(rest) LINUX("\"resources\":{" rest "}")
#define MAPPING(a, b, c) LINUX("\"uidMappings\":[{\"containerID\":" #a ",\"hostID\":" #b ",\"size\":" #c "}]")

static const struct {
	const char *name, *text;
	const char *message; /* NULL: it is right */
} rows[] = {
	{ "least", CONFIG("\"x\":1"), NULL },
	{ "older", "{\"ociVersion\":\"0.5.0-dev\"}", NULL },
	{ "nothing", "{}", "\"ociVersion\" is missing" },
	{ "no version", "{\"ociVersion\":\"\"}", "\"ociVersion\" is missing" },
	{ "a major version to come", "{\"ociVersion\":\"2.0.0\"}", "ociVersion: \"2.0.0\" is not 1.x.y" },
	{ "a version of two parts", "{\"ociVersion\":\"1.0\"}", "ociVersion: \"1.0\" is not 1.x.y" },
	{ "no version at all", "{\"ociVersion\":\"x\"}", "ociVersion: \"x\" is not 1.x.y" },
	{ "an array", "[]", "must be an object" },
	{ "a text", "\"x\"", "must be an object" },
	{ "empty", "", "JSON: empty at byte 0" },
	{ "cut short", "{\"ociVersion\":\"1.0.0\",\"linux\":{", "JSON: cut short at byte 31" },
	{ "cut in a string", "{\"ociVersion\":\"1.0", "JSON: unfinished string at byte 14" },
	{ "more behind", "{\"ociVersion\":\"1.0.0\"} x", "JSON: something stands behind the value at byte 23" },
	{ "twice", LINUX("\"resources\":{},\"resources\":{}"), "linux: \"resources\" is given twice" },
	{ "twice and null", LINUX("\"resources\":null,\"resources\":{}"), "linux: \"resources\" is given twice" },
	{ "another case", LINUX("\"Resources\":{}"), "linux: \"Resources\" is written \"resources\"" },
	{ "unknown members", CONFIG("\"vm\":{\"a\":[1,2,{\"b\":null}]},\"hostnames\":7"), NULL },
	{ "null is not there", CONFIG("\"process\":null,\"linux\":null,\"mounts\":null"), NULL },
	{ "a NUL", CONFIG("\"hostname\":\"a\\u0000b\""), "hostname: has a NUL inside" },

	{ "no cwd", CONFIG("\"process\":{}"), "process: \"cwd\" is missing" },
	{ "a relative cwd", CONFIG("\"process\":{\"cwd\":\"a\"}"), "process.cwd: \"a\" is no absolute path" },
	{ "args of numbers", PROCESS("\"args\":[\"a\",1]"), "process.args[1]: must be a string" },
	{ "args that are text", PROCESS("\"args\":\"sh\""), "process.args: must be an array" },
	{ "an empty program", PROCESS("\"args\":[\"\"]"), "process: args[0] is empty" },
	{ "a uid that is text", PROCESS("\"user\":{\"uid\":\"0\"}"),
	  "process.user.uid: it must be a whole number from 0 to 4294967295" },
	{ "a uid below 0", PROCESS("\"user\":{\"uid\":-1}"),
	  "process.user.uid: -1: must be a whole number from 0 to 4294967295" },
	{ "a uid that overflows", PROCESS("\"user\":{\"uid\":4294967296}"),
	  "process.user.uid: 4294967296: must be a whole number from 0 to 4294967295" },
	{ "a broken uid", PROCESS("\"user\":{\"uid\":1.5}"),
	  "process.user.uid: 1.5: must be a whole number from 0 to 4294967295" },
	{ "a wide umask", PROCESS("\"user\":{\"umask\":512}"),
	  "process.user.umask: 512: must be a whole number from 0 to 511" },
	{ "a capability to come", PROCESS("\"capabilities\":{\"bounding\":[\"CAP_NEW_1\"]}"), NULL },
	{ "no capability", PROCESS("\"capabilities\":{\"bounding\":[\"KILL\"]}"),
	  "process.capabilities.bounding: \"KILL\" is no capability" },
	{ "a capability in small letters", PROCESS("\"capabilities\":{\"ambient\":[\"CAP_kill\"]}"),
	  "process.capabilities.ambient: \"CAP_kill\" is no capability" },
	{ "an unknown rlimit", PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]"),
	  "process.rlimits[0].type: \"RLIMIT_X\" is not known" },
	{ "half an rlimit", PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1}]"),
	  "process.rlimits[0]: \"hard\" is missing" },
	{ "an rlimit upside down", PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]"),
	  "process.rlimits[0]: \"soft\" is above \"hard\"" },
	{ "an rlimit twice",
	  PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_CPU\",\"soft\":1,"
		  "\"hard\":1}]"),
	  "process.rlimits: [0] and [1] are of one type" },
	{ "oomScoreAdj", PROCESS("\"oomScoreAdj\":1001"),
	  "process.oomScoreAdj: 1001: must be a whole number from -1000 to 1000" },
	{ "a scheduler without a policy", PROCESS("\"scheduler\":{}"), "process.scheduler: \"policy\" is missing" },
	{ "a priority without FIFO", PROCESS("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}"),
	  "process.scheduler: \"priority\" is for SCHED_FIFO and SCHED_RR" },
	{ "ioPriority", PROCESS("\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}"),
	  "process.ioPriority.priority: 8: must be a whole number from 0 to 7" },

	{ "a mount without a place", CONFIG("\"mounts\":[{}]"), "mounts[0]: \"destination\" is missing" },
	{ "a hook without a path", CONFIG("\"hooks\":{\"prestart\":[{}]}"), "hooks.prestart[0]: \"path\" is missing" },
	{ "a relative hook", CONFIG("\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}"),
	  "hooks.poststop[0].path: \"x\" is no absolute path" },
	{ "no time for a hook", CONFIG("\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"timeout\":0}]}"),
	  "hooks.poststop[0].timeout: 0: must be a whole number from 1 to 2147483647" },
	{ "an annotation twice", CONFIG("\"annotations\":{\"a\":\"1\",\"a\":\"2\"}"),
	  "annotations: \"a\" is given twice" },
	{ "an annotation of a number", CONFIG("\"annotations\":{\"a\":1}"), "annotations.a: must be a string" },
	{ "an annotation without a name", CONFIG("\"annotations\":{\"\":\"\"}"),
	  "annotations: a key is empty or has a NUL" },

	{ "an empty mapping", MAPPING(0, 0, 0), "linux.uidMappings[0]: is empty or leaves the range of ids" },
	{ "all ids", MAPPING(0, 0, 4294967295), NULL },
	{ "one id too many", MAPPING(0, 1, 4294967295), "linux.uidMappings[0]: is empty or leaves the range of ids" },
	{ "a namespace twice", LINUX("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]"),
	  "linux.namespaces[1]: the type is given twice" },
	{ "an unknown namespace", LINUX("\"namespaces\":[{\"type\":\"x\"}]"),
	  "linux.namespaces[0].type: \"x\" is not known" },
	{ "a relative namespace", LINUX("\"namespaces\":[{\"type\":\"pid\",\"path\":\"x\"}]"),
	  "linux.namespaces[0]: path \"x\" is not absolute" },
	{ "a device without numbers", LINUX("\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1}]"),
	  "linux.devices[0]: \"minor\" is missing" },
	{ "a device of another type", LINUX("\"devices\":[{\"path\":\"/dev/x\",\"type\":\"x\"}]"),
	  "linux.devices[0]: type \"x\" is not c, b, u or p" },
	{ "an interface with a slash", LINUX("\"netDevices\":{\"a/b\":{}}"),
	  "linux.netDevices.a/b: is no name of an interface" },
	{ "an interface renamed too long", LINUX("\"netDevices\":{\"a\":{\"name\":\"aaaaaaaaaaaaaaaa\"}}"),
	  "linux.netDevices.a: is no name of an interface" },
	{ "seccomp without a default", LINUX("\"seccomp\":{}"), "linux.seccomp: \"defaultAction\" is missing" },
	{ "seccomp's seventh argument",
	  LINUX("\"seccomp\":{\"defaultAction\":\"a\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"b\",\"args\":[{"
		"\"index\":6}]}]}"),
	  "linux.seccomp.syscalls[0].args[0].index: 6: must be a whole number from 0 to 5" },
	{ "personality flags", LINUX("\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}"),
	  "linux.personality: no flag is defined, not \"X\" either" },
	{ "a second of nanoseconds", LINUX("\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}"),
	  "linux.timeOffsets.boottime.nanosecs: 1000000000: must be a whole number from 0 to 999999999" },
	{ "memory policy", LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_X\"}"),
	  "linux.memoryPolicy.mode: \"MPOL_X\" is not known" },

	{ "a limit of text", RESOURCES("\"pids\":{\"limit\":\"5\"}"),
	  "linux.resources.pids.limit: it must be a whole number from -1 to 9223372036854775807" },
	{ "a limit below -1", RESOURCES("\"memory\":{\"limit\":-2}"),
	  "linux.resources.memory.limit: -2: must be a whole number from -1 to 9223372036854775807" },
	{ "a limit with a fraction", RESOURCES("\"memory\":{\"limit\":1e6}"),
	  "linux.resources.memory.limit: 1e6: must be a whole number from -1 to 9223372036854775807" },
	{ "limits in an array", RESOURCES("\"pids\":[]"), "linux.resources.pids: must be an object" },
	{ "a page size", RESOURCES("\"hugepageLimits\":[{\"pageSize\":\"../B\",\"limit\":1}]"),
	  "linux.resources.hugepageLimits[0]: pageSize is no size like \"64KB\" or \"2MB\"" },
	{ "a page size without a unit", RESOURCES("\"hugepageLimits\":[{\"pageSize\":\"2B\",\"limit\":1}]"),
	  "linux.resources.hugepageLimits[0]: pageSize is no size like \"64KB\" or \"2MB\"" },
	{ "a unified path", RESOURCES("\"unified\":{\"../x\":\"1\"}"),
	  "linux.resources.unified.../x: is no name of a cgroup file" },
	{ "device access", RESOURCES("\"devices\":[{\"allow\":true,\"access\":\"rx\"}]"),
	  "linux.resources.devices[0]: access \"rx\" is not of the letters r, w, m" },
	{ "device type", RESOURCES("\"devices\":[{\"allow\":true,\"type\":\"all\"}]"),
	  "linux.resources.devices[0]: type \"all\" is not a, b or c" },
	{ "device number", RESOURCES("\"devices\":[{\"allow\":true,\"major\":-2}]"),
	  "linux.resources.devices[0].major: -2: must be a whole number from -1 to 4294967295" },
	{ "io weight", RESOURCES("\"blockIO\":{\"weight\":65536}"),
	  "linux.resources.blockIO.weight: 65536: must be a whole number from 0 to 65535" },
};

TEST(configurations)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		struct oci_warnings w = { 0 };
		struct oci_config c;
		struct err e = { 0 };
		int r;

		row("%s", rows[i].name);
		r = oci_config_parse(str_c(rows[i].text), &a, &c, &w, &e);
		EQ_INT(r, rows[i].message ? -EBADMSG : 0);
		EQ_Z(e.msg, rows[i].message ? rows[i].message : "");
		vec_done(&w.lines);
	}
}

static int read_seed(const char *name, struct buf *b)
{
	char path[4096];
	struct err e = { 0 };

	snprintf(path, sizeof(path), "%s/tests/fuzz/runtime-config/%s", getenv("YAGURA_SOURCE") ?: ".", name);
	return file_read(AT_FDCWD, path, CONFIG_BYTES_MAX, b, &e);
}

static void check_process(const struct oci_process *p)
{
	OK(p->terminal && p->no_new_privileges);
	EQ_INT(p->console.height * 100 + p->console.width, 2480);
	EQ_INT(p->uid * 10 + p->gid, 12);
	OK(p->umask.set && p->umask.v == 022);
	OK(p->group_count == 2 && p->groups[0] == 5 && p->groups[1] == 6);
	OK(p->args.n == 3 && !p->args.v[3]);
	EQ_Z(p->args.v[2], "true");
	EQ_Z(p->env.v[0], "PATH=/bin");
	EQ_Z(p->cwd, "/");
	OK(p->caps.set && p->caps.bounding == 1 << 5 && p->caps.effective == 1 << 5 && !p->caps.ambient);
	OK(p->rlimit_count == 1 && p->rlimits[0].type == RLIMIT_NOFILE && p->rlimits[0].soft == 1024);
	OK(p->rlimits[0].hard == RLIM_INFINITY);
	EQ_Z(p->apparmor, "a");
	EQ_Z(p->selinux, "b");
	OK(p->oom_score_adj.set && p->oom_score_adj.v == -5);
	OK(p->scheduler.set && p->scheduler.policy == SCHED_DEADLINE && p->scheduler.flags == SCHED_FLAG_RECLAIM);
	OK(p->scheduler.runtime == 1 && p->scheduler.deadline == 2 && p->scheduler.period == 3);
	OK(p->io_priority.set && p->io_priority.class == 2 && p->io_priority.priority == 4);
	EQ_Z(p->cpu_affinity_initial, "0-1");
	EQ_Z(p->cpu_affinity_final, "1");
}

static void check_resources(const struct oci_resources *r)
{
	OK(r->device_count == 2 && !r->devices[0].allow && r->devices[0].type == 'a' && r->devices[0].major == -1);
	OK(r->devices[1].allow && r->devices[1].major == 1 && r->devices[1].minor == -1 && !r->devices[1].mknod);
	OK(r->memory.limit.set && r->memory.limit.v == 1048576 && r->memory.reservation.v == -1);
	OK(r->memory.swap.v == 2097152 && r->memory.kernel.v == -1 && r->memory.kernel_tcp.v == -1);
	OK(r->memory.swappiness.set && !r->memory.swappiness.v && r->memory.disable_oom_killer.set);
	OK(r->memory.use_hierarchy.v && r->memory.check_before_update.v);
	OK(r->cpu.shares.v == 1024 && r->cpu.quota.v == -1 && r->cpu.period.v == 100000 && r->cpu.burst.set);
	OK(r->cpu.rt_runtime.set && r->cpu.rt_period.set && r->cpu.idle.set && !r->cpu.idle.v);
	EQ_Z(r->cpu.cpus, "0-1");
	EQ_Z(r->cpu.mems, "0");
	OK(r->pids.set && r->pids.v == 0);
	OK(r->io.weight.v == 10 && r->io.leaf_weight.v == 10 && r->io.weight_count == 1);
	OK(r->io.weights[0].major == 8 && r->io.weights[0].leaf_weight.v == 300);
	OK(r->io.read_bps.n == 1 && r->io.write_bps.v[0].rate == 600 && r->io.read_iops.n && r->io.write_iops.n);
	OK(r->hugepage_count == 1 && r->hugepages[0].limit == 0);
	EQ_Z(r->hugepages[0].page_size, "2MB");
	OK(r->network.class_id.v == 1 && r->network.priority_count == 1);
	EQ_Z(r->network.priorities[0].key, "eth0");
	EQ_Z(r->network.priorities[0].value, "500");
	OK(r->rdma_count == 1 && r->rdma[0].handles.v == 3 && r->rdma[0].objects.v == 10000);
	EQ_Z(r->rdma[0].device, "mlx5_1");
	OK(r->unified_count == 1);
	EQ_Z(r->unified[0].key, "memory.high");
	EQ_Z(r->unified[0].value, "100");
}

static void check_hooks(const struct oci_config *c)
{
	for (size_t i = 0; i < HOOK_KINDS; i++) {
		OK(c->hooks[i].n == 1);
		EQ_Z(c->hooks[i].v[0].path, "/bin/true");
		OK(c->hooks[i].v[0].timeout.v == 3 && c->hooks[i].v[0].args.n == 1 && c->hooks[i].v[0].env.n == 1);
	}
}

static void check_linux(const struct oci_config *c)
{
	OK(c->uids.n == 1 && c->gids.n == 1 && c->uids.v[0].host_id == 1000);
	EQ_Z(c->sysctl[0].key, "net.ipv4.ip_forward");
	EQ_Z(c->cgroups_path, "/a/b");
	for (size_t i = 0; i < NS_KINDS; i++)
		OK(c->namespaces[i].set);
	EQ_Z(c->namespaces[NS_NETWORK].path, "/run/netns/x");
	OK(c->device_count == 2 && c->devices[0].major == 10 && c->devices[0].mode.v == 0666);
	OK(c->devices[1].type == 'p');
	OK(c->net_device_count == 2 && !c->net_devices[1].new_name);
	EQ_Z(c->net_devices[0].new_name, "eth1");
	OK(c->seccomp.set && c->seccomp.default_errno.v == 38 && c->seccomp.rule_count == 1);
	OK(c->seccomp.rules[0].names.n == 2 && c->seccomp.rules[0].arg_count == 1);
	OK(c->seccomp.rules[0].args[0].value_two == 2);
	EQ_Z(c->seccomp.listener_path, "/run/l");
	EQ_Z(c->rootfs_propagation, "private");
	OK(c->masked_paths.n == 1 && c->readonly_paths.n == 1);
	EQ_Z(c->mount_label, "l");
	OK(c->rdt.set && c->rdt.monitoring && c->rdt.schemata.n == 1);
	OK(c->memory_policy.set && c->memory_policy.mode == (MPOL_BIND | MPOL_F_STATIC_NODES));
	OK(c->personality.set && c->personality.domain == PER_LINUX32);
	OK(c->monotonic.set && c->monotonic.seconds == -1 && c->monotonic.nanoseconds == 5);
	OK(c->boottime.set && c->boottime.seconds == 3);
}

TEST(every_member)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = { 0 };
	struct oci_warnings w = { 0 };
	struct oci_config c = { 0 };
	struct err e = { 0 };

	OK(read_seed("full.json", &b) >= 0);
	OK_ERR(oci_config_parse(buf_all(&b), &a, &c, &w, &e), &e);
	EQ_Z(c.version, "1.3.0");
	EQ_Z(c.hostname, "h");
	EQ_Z(c.domainname, "d");
	EQ_Z(c.root_path, "rootfs");
	OK(c.root_readonly && c.has_process && c.has_linux);
	OK(c.mount_count == 2 && c.mounts[1].uids.n == 1 && c.mounts[1].options.n == 2);
	EQ_Z(c.mounts[1].destination, "/data");
	EQ_Z(oci_annotation(&c, "a"), "b");
	EQ_Z(oci_annotation(&c, "c"), "");
	OK(!oci_annotation(&c, "d"));
	check_process(&c.process);
	check_hooks(&c);
	check_linux(&c);
	check_resources(&c.resources);
	EQ_INT(w.lines.n, 1);
	EQ_STR(w.lines.v[0],
	       STR("process.capabilities.bounding: this runtime does not know CAP_FUTURE_THING; it is dropped"));
	vec_done(&w.lines);
}

TEST(parts_alone)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf p = { 0 }, r = { 0 };
	struct oci_warnings w = { 0 };
	struct oci_process process;
	struct oci_resources res;
	struct err e = { 0 };

	OK(read_seed("process", &p) >= 0 && read_seed("resources", &r) >= 0);
	OK_ERR(oci_process_parse(str_from(buf_all(&p), 1), &a, &process, &w, &e), &e);
	check_process(&process);
	OK_ERR(oci_resources_parse(str_from(buf_all(&r), 1), &a, &res, &w, &e), &e);
	check_resources(&res);
	EQ_INT(oci_resources_parse(STR("{\"pids\":{\"limit\":true}}"), &a, &res, &w, &e), -EBADMSG);
	EQ_Z(e.msg, "resources.pids.limit: it must be a whole number from -1 to 9223372036854775807");
	vec_done(&w.lines);
}

/* `n` times the element, as an array. */
static void repeat(struct buf *b, const char *head, const char *element, size_t n, const char *tail)
{
	buf_init(b, CONFIG_BYTES_MAX * 2);
	buf_str(b, str_c(head));
	for (size_t i = 0; i < n; i++)
		buf_fmt(b, "%s%s", i ? "," : "", element);
	buf_str(b, str_c(tail));
}

TEST(limits)
{
	static const struct {
		const char *name, *head, *element, *tail;
		size_t most;
	} lists[] = {
		{ "mounts", "{\"ociVersion\":\"1.0.0\",\"mounts\":[", "{\"destination\":\"/\"}", "]}",
		  CONFIG_MOUNTS_MAX },
		{ "mappings", "{\"ociVersion\":\"1.0.0\",\"linux\":{\"uidMappings\":[", "{\"size\":1}", "]}}",
		  CONFIG_MAPPINGS_MAX },
		{ "names",
		  "{\"ociVersion\":\"1.0.0\",\"linux\":{\"seccomp\":{\"defaultAction\":\"a\",\"syscalls\":[{\"action\":"
		  "\"b\",\"names\":[",
		  "\"x\"", "]}]}}}", CONFIG_SYSCALL_NAMES_MAX },
		{ "maskedPaths", "{\"ociVersion\":\"1.0.0\",\"linux\":{\"maskedPaths\":[", "\"/\"", "]}}",
		  CONFIG_ARRAY_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		row("%s", lists[i].name);
		for (size_t more = 0; more < 2; more++) {
			auto_arena struct arena a = { 0 };
			auto_buf struct buf b = { 0 };
			struct oci_config c;
			struct err e = { 0 };

			repeat(&b, lists[i].head, lists[i].element, lists[i].most + more, lists[i].tail);
			EQ_INT(oci_config_parse(buf_all(&b), &a, &c, NULL, &e), more ? -E2BIG : 0);
		}
	}
}

/* --compat: what runc and crun take. */
TEST(words_of_others)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0.0\",\"annotations\":{\"run.oci.keep_original_groups\":\"1\"},\"linux\":{"
		"\"resources\":{"
		"\"CPU\":{\"Cpus\":\"0\",\"shares\":7},\"devices\":[{\"allow\":false,\"access\":\"rwa\"}]}}}";
	auto_arena struct arena a = { 0 };
	struct oci_warnings w = { .compat = true }, strict = { 0 };
	struct oci_config c = { 0 };
	struct err e = { 0 };

	EQ_INT(oci_config_parse(str_c(text), &a, &c, &strict, &e), -EBADMSG);
	OK_ERR(oci_config_parse(str_c(text), &a, &c, &w, &e), &e);
	EQ_Z(c.resources.cpu.cpus, "0");
	EQ_INT(c.resources.cpu.shares.v, 7);
	OK(c.keep_groups);
	OK(c.resources.devices[0].read && c.resources.devices[0].write && !c.resources.devices[0].mknod);
	EQ_INT(w.lines.n, 1);
	OK_ERR(oci_config_parse(STR("{\"ociVersion\":\"1.0.0\",\"OCIversion\":\"1.0.1\"}"), &a, &c, &w, &e), &e);
	EQ_Z(c.version, "1.0.1");
	vec_done(&w.lines);
}

TEST(too_much)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = { 0 };
	struct oci_config c;
	struct err e = { 0 };

	buf_init(&b, CONFIG_BYTES_MAX + 16);
	memset(buf_room(&b, CONFIG_BYTES_MAX + 1), ' ', CONFIG_BYTES_MAX + 1);
	EQ_INT(oci_config_parse(buf_all(&b), &a, &c, NULL, &e), -E2BIG);
	EQ_Z(e.msg, "the configuration is longer than 16 MiB");
	EQ_INT(oci_config_parse(STR(CONFIG("\"hostname\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					   "aaaaa\"")),
				&a, &c, NULL, &e),
	       -E2BIG);
	EQ_Z(e.msg, "hostname: longer than 64 bytes");
}

TEST(too_many_arguments)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf args = { 0 };
	struct oci_config c;
	struct err e = { 0 };

	repeat(&args, "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[",
	       "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", CONFIG_ARRAY_MAX, "]}}");
	EQ_INT(oci_config_parse(buf_all(&args), &a, &c, NULL, &e), -E2BIG);
	EQ_Z(e.msg, "process: \"args\" and \"env\" together take more than 2097152 bytes");
}

TEST(capability_names)
{
	uint64_t bit = 0;

	OK(capability_bit(STR("CAP_CHOWN"), &bit) && bit == 1);
	OK(capability_bit(STR("CHECKPOINT_RESTORE"), &bit) && bit == UINT64_C(1) << 40);
	OK(!capability_bit(STR("CAP_"), &bit) && !capability_bit(STR("chown"), &bit));
	EQ_Z(capability_name(21), "SYS_ADMIN");
	OK(!capability_name(41));
	EQ_Z(oci_namespace_name(NS_CGROUP), "cgroup");
}
