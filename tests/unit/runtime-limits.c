/* limits, policy, quantity: where a limit comes from, who may loosen it, and what the configuration says then. */
#include "runtime/limits.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/policy.h"
#include "base/quantity.h"
#include "tap.h"

static const struct {
	const char *text;
	uint64_t per_unit, want;
	const char *back; /* NULL: refused */
} quantities[] = {
	{ "0", 1, 0, "0" },
	{ "512", 1, 512, "512" },
	{ "64Mi", 1, 67108864, "64Mi" },
	{ "1.5Gi", 1, 1610612736, "1536Mi" },
	{ "10M", 1, 10000000, "10000000" },
	{ "10k", 1, 10000, "10000" },
	{ "1e3", 1, 1000, "1000" },
	{ "1E+3", 1, 1000, "1000" },
	{ "2E", 1, 2000000000000000000, NULL },
	{ "1500m", 1000, 1500, "1500m" },
	{ "0.5", 1000, 500, "500m" },
	{ "2", 1000, 2000, "2" },
	{ "1000m", 1, 1, "1" },
	{ "1500m", 1, 0, NULL },
	{ "1e-3", 1000, 1, "1m" },
	{ "0.0005", 1000, 0, NULL },
	{ "", 1, 0, NULL },
	{ "-1", 1, 0, NULL },
	{ "+1", 1, 0, NULL },
	{ " 1", 1, 0, NULL },
	{ "1 ", 1, 0, NULL },
	{ "1.", 1, 0, NULL },
	{ ".5", 1000, 0, NULL },
	{ "1K", 1, 0, NULL },
	{ "1mi", 1, 0, NULL },
	{ "1e", 1, 0, NULL },
	{ "1e99", 1, 0, NULL },
	{ "0x10", 1, 0, NULL },
	{ "16Ei", 1, 0, NULL },
	{ "9999999999999999999", 1, 0, NULL },
	{ "1,000", 1, 0, NULL },
};

TEST(quantity)
{
	for (size_t i = 0; i < ARRAY_LEN(quantities); i++) {
		char text[QUANTITY_TEXT_MAX];
		uint64_t v = 0;
		bool whole = quantities[i].back || quantities[i].want;

		row("'%s'", quantities[i].text);
		EQ_INT(quantity_parse(str_c(quantities[i].text), quantities[i].per_unit, &v), whole);
		if (!whole)
			continue;
		EQ_INT(v, quantities[i].want);
		if (quantities[i].back)
			EQ_Z(quantity_text(v, quantities[i].per_unit, text), quantities[i].back);
	}
}

#define U(x)              \
	{                 \
		true, (x) \
	}
#define NONE -1

static const char team_policy[] = "pids = 100\n"
				  "pids <= 1000\n"
				  "disk.size <= 20Gi\n"
				  "\n"
				  "# the team's own\n"
				  "[namespace=team-* image=docker.io/**]\n"
				  "pids <= 50\n"
				  "memory = 256Mi\n"
				  "net.out = 10M\n"
				  "cpu = none\n";

static struct key_value unified_pids[] = { { "pids.max", "max" } };
static struct key_value unified_cpu[] = { { "cpu.max", "50000 200000" } };

static const struct {
	const char *name;
	const char *policy;
	bool compat;
	struct oci_resources r;
	struct key_value annotations[3];
	enum limit limit;
	enum limit_source from; /* -1: refused with `error` */
	uint64_t v;
	const char *error;
} cases[] = {
	{ "nobody asks", "", false, { 0 }, { { 0 } }, LIMIT_PIDS, LIMIT_BUILT_IN, 512, NULL },
	{ "swap for nobody", "", false, { 0 }, { { 0 } }, LIMIT_SWAP, LIMIT_BUILT_IN, 0, NULL },
	{ "memory for nobody", "", false, { 0 }, { { 0 } }, LIMIT_MEMORY, LIMIT_UNSET, 0, NULL },
	{ "compat adds nothing", "", true, { 0 }, { { 0 } }, LIMIT_PIDS, LIMIT_UNSET, 0, NULL },
	{ "compat reads no annotation", "", true, { 0 }, { { "yagura.pids", "5" } }, LIMIT_PIDS, LIMIT_UNSET, 0, NULL },
	{ "compat keeps under the ceiling",
	  team_policy,
	  true,
	  { .pids = U(5000) },
	  { { 0 } },
	  LIMIT_PIDS,
	  LIMIT_CEILING,
	  1000,
	  NULL },
	{ "the configuration counts", "", false, { .pids = U(2048) }, { { 0 } }, LIMIT_PIDS, LIMIT_CONFIG, 2048, NULL },
	{ "no limit asked for", "", false, { .pids = U(NONE) }, { { 0 } }, LIMIT_PIDS, LIMIT_CONFIG, LIMIT_NONE, NULL },
	{ "no limit under a ceiling",
	  team_policy,
	  false,
	  { .pids = U(NONE) },
	  { { 0 } },
	  LIMIT_PIDS,
	  LIMIT_CEILING,
	  1000,
	  NULL },
	{ "policy's default", team_policy, false, { 0 }, { { 0 } }, LIMIT_PIDS, LIMIT_POLICY, 100, NULL },
	{ "tightened",
	  "",
	  false,
	  { .pids = U(100) },
	  { { "yagura.pids", "10" } },
	  LIMIT_PIDS,
	  LIMIT_ANNOTATION,
	  10,
	  NULL },
	{ "loosened",
	  "",
	  false,
	  { .pids = U(100) },
	  { { "yagura.pids", "101" } },
	  LIMIT_PIDS,
	  0,
	  0,
	  "limit pids: the annotation's 101 is looser than the config's 100" },
	{ "looser than what is built in", "", false, { 0 }, { { "yagura.pids", "513" } }, LIMIT_PIDS, 0, 0, "looser" },
	{ "where OCI has no word",
	  "",
	  false,
	  { 0 },
	  { { "yagura.disk.size", "1Ti" } },
	  LIMIT_DISK_SIZE,
	  LIMIT_ANNOTATION,
	  1ull << 40,
	  NULL },
	{ "and a ceiling",
	  team_policy,
	  false,
	  { 0 },
	  { { "yagura.disk.size", "21Gi" } },
	  LIMIT_DISK_SIZE,
	  0,
	  0,
	  "limit disk.size: the annotation's 21Gi is looser than the ceiling's 20Gi" },
	{ "a ceiling alone is a limit",
	  team_policy,
	  false,
	  { 0 },
	  { { 0 } },
	  LIMIT_DISK_SIZE,
	  LIMIT_CEILING,
	  20ull << 30,
	  NULL },
	{ "a section that fits",
	  team_policy,
	  false,
	  { 0 },
	  { { "io.kubernetes.pod.namespace", "team-a" }, { "io.kubernetes.cri.image-name", "docker.io/library/x:1" } },
	  LIMIT_PIDS,
	  LIMIT_CEILING,
	  50,
	  NULL },
	{ "half of it",
	  team_policy,
	  false,
	  { 0 },
	  { { "io.kubernetes.pod.namespace", "team-a" } },
	  LIMIT_PIDS,
	  LIMIT_POLICY,
	  100,
	  NULL },
	{ "its memory",
	  team_policy,
	  false,
	  { 0 },
	  { { "io.kubernetes.pod.namespace", "team-a" }, { "io.kubernetes.cri.image-name", "docker.io/library/x:1" } },
	  LIMIT_MEMORY,
	  LIMIT_POLICY,
	  268435456,
	  NULL },
	{ "high follows",
	  "",
	  false,
	  { .memory.limit = U(100000000) },
	  { { 0 } },
	  LIMIT_MEMORY_HIGH,
	  LIMIT_BUILT_IN,
	  90000000,
	  NULL },
	{ "shm under memory",
	  "",
	  false,
	  { .memory.limit = U(10000000) },
	  { { 0 } },
	  LIMIT_SHM,
	  LIMIT_BUILT_IN,
	  10000000,
	  NULL },
	{ "quota as a share of a CPU",
	  "",
	  false,
	  { .cpu.quota = U(50000), .cpu.period = U(100000) },
	  { { 0 } },
	  LIMIT_CPU,
	  LIMIT_CONFIG,
	  500,
	  NULL },
	{ "half of that",
	  "",
	  false,
	  { .cpu.quota = U(50000) },
	  { { "yagura.cpu", "250m" } },
	  LIMIT_CPU,
	  LIMIT_ANNOTATION,
	  250,
	  NULL },
	{ "Kubernetes' bandwidth",
	  "",
	  false,
	  { 0 },
	  { { "kubernetes.io/ingress-bandwidth", "10M" } },
	  LIMIT_NET_IN,
	  LIMIT_ANNOTATION,
	  10000000,
	  NULL },
	{ "two names, the tighter",
	  "",
	  false,
	  { 0 },
	  { { "kubernetes.io/egress-bandwidth", "10M" }, { "yagura.net.out", "5M" } },
	  LIMIT_NET_OUT,
	  LIMIT_ANNOTATION,
	  5000000,
	  NULL },
	{ "both directions",
	  "",
	  false,
	  { 0 },
	  { { "yagura.disk.iops", "100" } },
	  LIMIT_WRITE_IOPS,
	  LIMIT_ANNOTATION,
	  100,
	  NULL },
	{ "a typing error",
	  "",
	  false,
	  { 0 },
	  { { "yagura.disk.sise", "1Gi" } },
	  LIMIT_PIDS,
	  0,
	  0,
	  "annotation yagura.disk.sise: there is no such limit" },
	{ "no quantity", "", false, { 0 }, { { "yagura.pids", "many" } }, LIMIT_PIDS, 0, 0, "'many' is no quantity" },
	{ "0 processes", "", false, { 0 }, { { "yagura.pids", "0" } }, LIMIT_PIDS, 0, 0, "out of range" },
	{ "too slow a network",
	  "",
	  false,
	  { 0 },
	  { { "kubernetes.io/egress-bandwidth", "999" } },
	  LIMIT_PIDS,
	  0,
	  0,
	  "out of range" },
	{ "v2's own word is the configuration's",
	  "",
	  false,
	  { .pids = U(5), .unified = unified_pids, .unified_count = 1 },
	  { { 0 } },
	  LIMIT_PIDS,
	  LIMIT_CONFIG,
	  LIMIT_NONE,
	  NULL },
	{ "and is under the ceiling",
	  team_policy,
	  true,
	  { .pids = U(5), .unified = unified_pids, .unified_count = 1 },
	  { { 0 } },
	  LIMIT_PIDS,
	  LIMIT_CEILING,
	  1000,
	  NULL },
	{ "v2's share of a CPU",
	  "",
	  false,
	  { .unified = unified_cpu, .unified_count = 1 },
	  { { 0 } },
	  LIMIT_CPU,
	  LIMIT_CONFIG,
	  250,
	  NULL },
	{ "the log's size",
	  "",
	  false,
	  { 0 },
	  { { "yagura.log.size", "1Mi" } },
	  LIMIT_LOG,
	  LIMIT_ANNOTATION,
	  1 << 20,
	  NULL },
	{ "a typing error in the first part",
	  "",
	  false,
	  { 0 },
	  { { "yagura.disc.size", "1Gi" } },
	  LIMIT_PIDS,
	  0,
	  0,
	  "annotation yagura.disc.size: there is no such limit" },
	{ "somebody else's domain",
	  "",
	  false,
	  { 0 },
	  { { "yagura.example/pids", "1" } },
	  LIMIT_PIDS,
	  LIMIT_BUILT_IN,
	  512,
	  NULL },
	{ "somebody else's annotation",
	  "",
	  false,
	  { 0 },
	  { { "yagura.tier", "uml" } },
	  LIMIT_PIDS,
	  LIMIT_BUILT_IN,
	  512,
	  NULL },
};

TEST(resolve)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_policy struct policy p = { 0 };
		auto_arena struct arena a = { 0 };
		struct key_value kv[3];
		struct oci_config c = { .resources = cases[i].r, .annotations = kv };
		struct limit_policy lp[LIMITS];
		struct policy_selector subject;
		struct limits l = { 0 };
		struct err e = { 0 };
		int r;

		row("%s", cases[i].name);
		for (size_t k = 0; k < 3 && cases[i].annotations[k].key; k++)
			kv[c.annotation_count++] = cases[i].annotations[k];
		OK_ERR(policy_parse(str_c(cases[i].policy), "x.conf", &a, &p, &e), &e);
		subject = policy_subject("yagura-run", &c);
		policy_limits(&p, &subject, lp);
		r = limits_resolve(&c, lp, cases[i].compat, &l, &e);
		if (cases[i].error) {
			OK(r < 0);
			OK(str_find_str(str_c(e.msg), str_c(cases[i].error)) >= 0);
			continue;
		}
		OK_ERR(r, &e);
		EQ_INT(l.v[cases[i].limit].from, cases[i].from);
		EQ_INT(l.v[cases[i].limit].v, cases[i].v);
	}
}

static const struct {
	const char *text, *error;
} policies[] = {
	{ "", NULL },
	{ "# only a comment\n\n  \n", NULL },
	{ "pids = 5", NULL },
	{ "pids=5\npids<=6", NULL },
	{ "[runtime=yagura-run-uml]\ntier = uml\n[]\ntier = ns", NULL },
	{ "pids 5", "x.conf:1: 'pids 5': neither" },
	{ "\npids = five", "x.conf:2: 'five': not a quantity" },
	{ "pids = 0", "not a quantity in range" },
	{ "pids <= none", "not a quantity" },
	{ "speed = 5", "there is no such limit" },
	{ "admit = deny\nadmit.severity = critical\nadmit.fixed-only = yes\nadmit.unassessed = no", NULL },
	{ "strict.capabilities = CAP_CHOWN SETUID\nstrict.capabilities = none\nstrict.writable-root = yes", NULL },
	{ "strict.capabilities = CHOWN,SETUID", "names of capabilities" },
	{ "strict.capabilities =", "names of capabilities" },
	{ "strict.capabilities <= CHOWN", "names of capabilities" },
	{ "strict.writable-root = true", "one of its words" },
	{ "tier = cloud", "one of its words" },
	{ "tier <= uml", "one of its words" },
	{ "admit = perhaps", "one of its words" },
	{ "[namespace=a", "ends with ]" },
	{ "[name=a]", "not runtime, namespace or image" },
	{ "[image=a image=b]", "twice" },
	{ "[image]", "not NAME=PATTERN" },
	{ "[image=]", "not NAME=PATTERN" },
	{ "[", "ends with ]" },
};

TEST(policy_text)
{
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		auto_policy struct policy p = { 0 };
		auto_arena struct arena a = { 0 };
		struct err e = { 0 };
		int r = policy_parse(str_c(policies[i].text), "x.conf", &a, &p, &e);

		row("'%s'", policies[i].text);
		EQ_INT(r, policies[i].error ? -EBADMSG : 0);
		if (policies[i].error)
			OK(str_find_str(str_c(e.msg), str_c(policies[i].error)) >= 0);
	}
}

static void put_file(const char *dir, const char *name, const char *text, mode_t mode)
{
	int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	OK(file_write(d, name, str_c(text), false, NULL) == 0);
	OK(fchmodat(d, name, mode, 0) == 0);
	close(d);
}

TEST(policy_files)
{
	char dir[] = "/tmp/yagura-policy-XXXXXX", path[64];
	auto_policy struct policy p = { 0 }, q = { 0 };
	auto_arena struct arena a = { 0 };
	struct policy_selector all = { 0 };
	struct limit_policy lp[LIMITS];
	struct err e = { 0 };

	OK(mkdtemp(dir));
	put_file(dir, "10-a.conf", "pids = 5\npids <= 50\ntier = vm\n", 0644);
	put_file(dir, "20-b.conf", "pids = 6\npids <= 60\ntier = uml\nadmit = deny\n", 0600);
	put_file(dir, "30-c.txt", "nonsense", 0644);
	OK_ERR(policy_load(dir, &a, &p, &e), &e);
	policy_limits(&p, &all, lp);
	EQ_INT(lp[LIMIT_PIDS].fallback.v, 6);
	EQ_INT(lp[LIMIT_PIDS].ceiling.v, 50);
	EQ_INT(policy_tier(&p, &all), TIER_UML);
	EQ_INT(policy_choice(&p, &all, POLICY_ADMIT), 2);
	EQ_INT(policy_choice(&p, &all, POLICY_ADMIT_SEVERITY), 0);
	put_file(dir, "40-d.conf", "pids = 7\n", 0666);
	EQ_INT(policy_load(dir, &a, &q, &e), -EPERM);
	put_file(dir, "40-d.conf", "pids = x\n", 0644);
	EQ_INT(policy_load(dir, &a, &q, &e), -EBADMSG);
	for (const char *const *n = (const char *const[]){ "10-a.conf", "20-b.conf", "30-c.txt", "40-d.conf", NULL };
	     *n; n++) {
		snprintf(path, sizeof(path), "%s/%s", dir, *n);
		unlink(path);
	}
	rmdir(dir);
	OK_ERR(policy_load(dir, &a, &q, &e), &e);
	EQ_INT(q.rules.n, 0);
}

/* Everything a resolved set writes, as text: cpu quota/period, pids, memory, memory + swap, unified files. */
static void written(const struct oci_config *c, struct buf *out)
{
	const struct oci_resources *r = &c->resources;

	if (r->cpu.quota.set)
		buf_fmt(out, "cpu=%lld/%llu ", (long long)r->cpu.quota.v, (unsigned long long)r->cpu.period.v);
	if (r->pids.set)
		buf_fmt(out, "pids=%lld ", (long long)r->pids.v);
	if (r->memory.limit.set)
		buf_fmt(out, "memory=%lld ", (long long)r->memory.limit.v);
	if (r->memory.swap.set)
		buf_fmt(out, "both=%lld ", (long long)r->memory.swap.v);
	for (size_t i = 0; i < r->unified_count; i++)
		buf_fmt(out, "%s=%s ", r->unified[i].key, r->unified[i].value);
	for (size_t i = 0; i < c->mount_count; i++)
		for (size_t k = 0; k < c->mounts[i].options.n; k++)
			buf_fmt(out, "%s:%s ", c->mounts[i].destination, c->mounts[i].options.v[k]);
}

static const char *shm_options[] = { "nosuid", "size=65536k", NULL };
static const char *big_options[] = { "size=2g", NULL };
static const char *half_options[] = { "size=50%", "nr_inodes=7", NULL };
static struct oci_mount shm_mount[] = { { "/dev/shm", "tmpfs", "shm", { shm_options, 2 }, { 0 }, { 0 } },
					{ "/tmp", "tmpfs", "tmpfs", { NULL, 0 }, { 0 }, { 0 } },
					{ "/data", "bind", "/x", { NULL, 0 }, { 0 }, { 0 } } };
static struct oci_mount big_mount[] = { { "/a", "tmpfs", "t", { big_options, 1 }, { 0 }, { 0 } },
					{ "/b", "tmpfs", "t", { half_options, 2 }, { 0 }, { 0 } } };

static const struct {
	const char *name;
	struct oci_config c;
	const char *policy;
	bool v2;
	const char *want; /* "!..." an error */
} writes[] = {
	{ "nothing, v1", { 0 }, "", false, "pids=512 " },
	{ "nothing, v2", { 0 }, "", true, "pids=512 memory.swap.max=0 memory.oom.group=1 " },
	{ "memory, v1",
	  { .resources.memory.limit = U(100000000) },
	  "",
	  false,
	  "pids=512 memory=100000000 both=100000000 " },
	{ "memory, v2",
	  { .resources.memory.limit = U(100000000) },
	  "",
	  true,
	  "pids=512 memory=100000000 both=100000000 memory.high=90000000 memory.oom.group=1 " },
	{ "memory under a ceiling",
	  { .resources.memory.limit = U(100000000) },
	  "memory <= 50M",
	  false,
	  "pids=512 memory=50000000 both=50000000 " },
	{ "swap of one's own",
	  { .resources.memory.limit = U(1000000), .resources.memory.swap = U(3000000) },
	  "",
	  false,
	  "pids=512 memory=1000000 both=3000000 " },
	{ "swap under a ceiling",
	  { .resources.memory.limit = U(1000000), .resources.memory.swap = U(3000000) },
	  "memory.swap <= 500000",
	  false,
	  "pids=512 memory=1000000 both=1500000 " },
	{ "any swap",
	  { .resources.memory.limit = U(1000000), .resources.memory.swap = U(NONE) },
	  "",
	  false,
	  "pids=512 memory=1000000 both=-1 " },
	{ "high asked for on v1", { 0 }, "memory = 100M\nmemory.high = 50M", false, "!limit memory.high" },
	{ "cpu", { 0 }, "cpu = 1500m", false, "cpu=150000/100000 pids=512 " },
	{ "a thousandth of a cpu", { 0 }, "cpu = 1m", false, "cpu=1000/1000000 pids=512 " },
	{ "cpu ceiling keeps the period",
	  { .resources.cpu.quota = U(50000), .resources.cpu.period = U(50000) },
	  "cpu <= 500m",
	  false,
	  "cpu=25000/50000 pids=512 " },
	{ "v2's own word under a ceiling",
	  { .resources.unified = unified_pids, .resources.unified_count = 1 },
	  "pids <= 7",
	  true,
	  "pids=7 pids.max=7 memory.swap.max=0 memory.oom.group=1 " },
	{ "v2's own CPU under a ceiling",
	  { .resources.unified = unified_cpu, .resources.unified_count = 1 },
	  "cpu <= 100m",
	  true,
	  "cpu=10000/100000 pids=512 cpu.max=10000 100000 memory.swap.max=0 memory.oom.group=1 " },
	{ "tmpfs",
	  { .mounts = shm_mount, .mount_count = 3 },
	  "",
	  false,
	  "pids=512 /dev/shm:nosuid /dev/shm:size=65536k /dev/shm:nr_inodes=16384 /tmp:size=1073741824 "
	  "/tmp:nr_inodes=262144 " },
	{ "tmpfs that is too big",
	  { .mounts = big_mount, .mount_count = 2 },
	  "",
	  false,
	  "pids=512 /a:size=2g /a:size=1073741824 /a:nr_inodes=262144 /b:size=50% /b:nr_inodes=7 /b:size=1073741824 " },
};

TEST(to_config)
{
	for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
		auto_policy struct policy p = { 0 };
		auto_arena struct arena a = { 0 };
		auto_buf struct buf got = { 0 };
		struct policy_selector all = { 0 };
		struct oci_config c = writes[i].c;
		struct limit_policy lp[LIMITS];
		struct limits l = { 0 };
		struct err e = { 0 };
		int r;

		row("%s", writes[i].name);
		buf_init(&got, 4096);
		OK_ERR(policy_parse(str_c(writes[i].policy), "x.conf", &a, &p, &e), &e);
		policy_limits(&p, &all, lp);
		OK_ERR(limits_resolve(&c, lp, false, &l, &e), &e);
		r = limits_to_config(&l, writes[i].v2, &a, &c, &e);
		if (writes[i].want[0] == '!') {
			EQ_INT(r, -ENOTSUP);
			OK(str_find_str(str_c(e.msg), str_c(writes[i].want + 1)) >= 0);
			continue;
		}
		OK_ERR(r, &e);
		written(&c, &got);
		EQ_STR(buf_all(&got), str_c(writes[i].want));
	}
}

static const struct limits nothing,
	swap_alone = { .v = { [LIMIT_SWAP] = { LIMIT_BUILT_IN, 0 } } },
	swap_and_high = { .v = { [LIMIT_SWAP] = { LIMIT_BUILT_IN, 0 }, [LIMIT_MEMORY_HIGH] = { LIMIT_BUILT_IN, 9 } } };

static const struct {
	const char *name, *policy;
	struct key_value annotations[2];
	const struct limits *now;
	struct oci_resources over;
	bool v2;
	const char *want;
} updates[] = {
	{ "as asked", "", { { 0 } }, &nothing, { .pids = U(30) }, false, "pids=30 " },
	{ "nothing asked, nothing added", "pids <= 5", { { 0 } }, &nothing, { .cpu.shares = { true, 5 } }, false, "" },
	{ "a ceiling", "pids <= 20", { { 0 } }, &nothing, { .pids = U(30) }, false, "pids=20 " },
	{ "no limit under a ceiling", "pids <= 20", { { 0 } }, &nothing, { .pids = U(NONE) }, false, "pids=20 " },
	{ "the annotation", "pids <= 20", { { "yagura.pids", "10" } }, &nothing, { .pids = U(15) }, false, "pids=10 " },
	{ "tighter than the annotation",
	  "",
	  { { "yagura.pids", "10" } },
	  &nothing,
	  { .pids = U(5) },
	  false,
	  "pids=5 " },
	{ "v2's own word",
	  "pids <= 20",
	  { { 0 } },
	  &nothing,
	  { .unified = unified_pids, .unified_count = 1 },
	  true,
	  "pids=20 pids.max=20 " },
	{ "a share of a CPU",
	  "cpu <= 1",
	  { { 0 } },
	  &nothing,
	  { .cpu.quota = U(50000), .cpu.period = U(1000) },
	  true,
	  "cpu=1000/1000 " },
	{ "memory, swap and high go with it",
	  "",
	  { { 0 } },
	  &swap_and_high,
	  { .memory.limit = U(100000000) },
	  true,
	  "memory=100000000 both=100000000 memory.high=90000000 " },
	{ "memory on v1",
	  "memory <= 50M",
	  { { 0 } },
	  &swap_alone,
	  { .memory.limit = U(NONE) },
	  false,
	  "memory=50000000 both=50000000 " },
	{ "no memory limit any more",
	  "",
	  { { 0 } },
	  &swap_and_high,
	  { .memory.limit = U(NONE) },
	  true,
	  "memory=-1 memory.swap.max=0 memory.high=max " },
};

TEST(update)
{
	for (size_t i = 0; i < ARRAY_LEN(updates); i++) {
		auto_policy struct policy p = { 0 };
		auto_arena struct arena a = { 0 };
		auto_buf struct buf out = { 0 };
		struct key_value kv[2];
		struct oci_config c = { .annotations = kv }, over = { .resources = updates[i].over };
		struct policy_selector all = { 0 };
		struct limit_policy lp[LIMITS];
		struct limits l;
		struct err e = { 0 };

		row("%s", updates[i].name);
		buf_init(&out, 4096);
		for (size_t k = 0; k < 2 && updates[i].annotations[k].key; k++)
			kv[c.annotation_count++] = updates[i].annotations[k];
		OK_ERR(policy_parse(str_c(updates[i].policy), "x.conf", &a, &p, &e), &e);
		policy_limits(&p, &all, lp);
		OK_ERR(limits_update(&c, lp, updates[i].now, updates[i].v2, &a, &over.resources, &l, &e), &e);
		written(&over, &out);
		buf_char(&out, 0);
		EQ_Z(out.p, updates[i].want);
	}
}

TEST(log_size)
{
	static const struct {
		uint64_t limit, kept;
		int want;
	} rows[] = { { 0, 0, 0 }, { 0, 5, 0 }, { 9, 0, -ENOTSUP }, { 9, 9, 0 }, { 9, 10, -ENOTSUP } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct limits l = { 0 };
		struct err e = { 0 };

		row("limit %llu, kept %llu", (unsigned long long)rows[i].limit, (unsigned long long)rows[i].kept);
		if (rows[i].limit)
			l.v[LIMIT_LOG] = (struct limit_value){ LIMIT_POLICY, rows[i].limit };
		EQ_INT(limits_of_log(&l, rows[i].kept, &e), rows[i].want);
	}
}

TEST(capabilities)
{
	static const struct {
		const char *words;
		bool good;
		uint64_t want;
	} rows[] = { { "CHOWN", true, 1 },  { " CAP_CHOWN  DAC_OVERRIDE ", true, 3 },
		     { "none", true, 0 },   { "", false, 0 },
		     { "chown", false, 0 }, { "CHOWN NOPE", false, 0 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 0;

		row("'%s'", rows[i].words);
		EQ_INT(policy_capability_words(str_c(rows[i].words), &v), rows[i].good);
		EQ_INT(v, rows[i].want);
	}
}
