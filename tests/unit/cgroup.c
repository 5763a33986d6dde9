/* cgroup: hosts from their mount tables, a container's path, resources as knobs, read-back; and groups made, filled,
 * frozen, killed and removed on the machine it runs on. */
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/cgroup-part.h"
#include "tap.h"

#define HYBRID                                                                                          \
	"23 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"                                              \
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                           \
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:3 - cgroup cgroup rw,cpu,cpuacct\n" \
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"                    \
	"36 31 0:32 / /srv/again rw,relatime - cgroup cgroup rw,memory\n"                               \
	"40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n"       \
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
#define V2 "41 31 0:38 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define ESCAPED "41 31 0:38 / /srv/a\\040b rw - cgroup cgroup rw,memory\n"

static const struct {
	const char *name, *text;
	enum cgroup_mode mode;
	size_t n;
	const char *names; /* of the hierarchies */
} hosts[] = {
	{ "hybrid", HYBRID, CGROUP_HYBRID, 4, "cpu,cpuacct memory name=systemd unified " },
	{ "v2", V2, CGROUP_V2, 1, "unified " },
	{ "nothing", "23 1 254:0 / / rw - ext4 /dev/root rw\n", CGROUP_NONE, 0, "" },
	{ "empty", "", CGROUP_NONE, 0, "" },
	{ "cut off", "41 31 0:38 / /sys/fs/cgroup rw - cgroup2", CGROUP_NONE, 0, "" },
	{ "a name with white space", ESCAPED, CGROUP_NONE, 0, "" },
};

TEST(hosts)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		auto_buf struct buf names = { 0 };
		struct cgroup_host h;

		row("%s", hosts[i].name);
		cgroup_host_parse(str_c(hosts[i].text), &h);
		EQ_INT(h.mode, hosts[i].mode);
		EQ_INT(h.n, hosts[i].n);
		buf_init(&names, 1000);
		for (size_t k = 0; k < h.n; k++)
			buf_fmt(&names, "%s ", h.h[k].name);
		EQ_STR(buf_all(&names), str_c(hosts[i].names));
	}
}

static const struct {
	const char *given;
	bool systemd;
	const char *want; /* NULL: refused */
} paths[] = {
	{ "/libpod_parent/libpod-1", false, "libpod_parent/libpod-1" },
	{ "a//b/./c/", false, "a/b/c" },
	{ NULL, false, "id" },
	{ "", false, "id" },
	{ "/", false, NULL },
	{ "..", false, NULL },
	{ "/a/../../etc", false, NULL },
	{ "machine.slice:libpod:1", true, "machine.slice/libpod-1.scope" },
	{ "a-b-c.slice:cri:1", true, "a.slice/a-b.slice/a-b-c.slice/cri-1.scope" },
	{ ":cri:1", true, "system.slice/cri-1.scope" },
	{ "a.slice::x.slice", true, "a.slice/x.slice" },
	{ NULL, true, "system.slice/yagura-id.scope" },
	{ "-.slice:cri:1", true, "cri-1.scope" },
	{ "a--b.slice:cri:1", true, NULL },
	{ "-a.slice:cri:1", true, NULL },
	{ "a:b", true, NULL },
	{ "a.slice:cri:", true, NULL },
	{ "/plain/path", true, NULL },
	{ "a.slice:cri:../..", true, NULL },
};

TEST(paths)
{
	struct cgroup_host h = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct cgroup c = { 0 };
		struct err e = { 0 };
		int r = cgroup_init(&c, &h, paths[i].given, "id", paths[i].systemd, false, &e);

		row("'%s'%s", paths[i].given ? paths[i].given : "(none)", paths[i].systemd ? " with systemd" : "");
		EQ_INT(r, paths[i].want ? 0 : -EBADMSG);
		if (paths[i].want)
			EQ_Z(c.path, paths[i].want);
	}
}

static const struct {
	const char *value, *got;
	enum cgroup_compare compare;
	uint64_t granule;
	bool holds;
} reads[] = {
	{ "100", "100", CG_NUMBER, 0, true },
	{ "100", "101", CG_NUMBER, 0, false },
	{ "max", "max", CG_NUMBER, 0, true },
	{ "-1", "9223372036854771712", CG_NUMBER, 4096, true },
	{ "max", "9223372036854771712", CG_NUMBER, 4096, true },
	{ "100", "max", CG_NUMBER, 0, false },
	{ "max", "100", CG_NUMBER, 0, false },
	{ "10000", "8192", CG_NUMBER, 4096, true },
	{ "10000", "4096", CG_NUMBER, 4096, false },
	{ "8192", "10000", CG_NUMBER, 4096, false },
	{ "-20", "-20", CG_NUMBER, 0, true },
	{ "100", "", CG_NUMBER, 0, false },
	{ "1", "oom_kill_disable 1\nunder_oom 0\noom_kill 0", CG_NUMBER, 0, true },
	{ "1", "oom_kill_disable 0\nunder_oom 1\noom_kill 1", CG_NUMBER, 0, false },
	{ "0,1,2", "0-2", CG_CPUS, 0, true },
	{ "0-2,5", "0,1-2,5", CG_CPUS, 0, true },
	{ "0-2", "0-3", CG_CPUS, 0, false },
	{ "0", "", CG_CPUS, 0, false },
	{ "0-99999", "0-99999", CG_CPUS, 0, false },
	{ "50000 100000", "50000 100000", CG_WORDS, 0, true },
	{ "50000 100000", "max 100000", CG_WORDS, 0, false },
	{ "50", "50.00", CG_WORDS, 0, true },
	{ "50000 100000", "50000", CG_WORDS, 0, false },
	{ "8:0 rbps=1000", "7:0 rbps=5 wbps=max\n8:0 rbps=1000 wbps=max riops=max wiops=max", CG_KEYED, 0, true },
	{ "8:0 rbps=1000", "8:0 rbps=100 wbps=1000", CG_KEYED, 0, false },
	{ "8:0 rbps=1000", "18:0 rbps=1000", CG_KEYED, 0, false },
	{ "8:0 rbps=max", "", CG_KEYED, 0, true },
	{ "8:0 0", "", CG_KEYED, 0, true },
	{ "8:0 1", "", CG_KEYED, 0, false },
	{ "8:0 100", "8:0\t100", CG_KEYED, 0, true }, /* any white space */
	{ "default 100", "default 100", CG_KEYED, 0, true },
	{ "mlx4_0 hca_handle=2 hca_object=2000", "mlx4_0 hca_handle=2 hca_object=2000", CG_KEYED, 0, true },
};

TEST(read_back)
{
	for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
		struct cgroup_knob k = { "", CG_CPU, "", reads[i].value, reads[i].compare, reads[i].granule };

		row("'%s' asked, '%s' found", reads[i].value, reads[i].got);
		EQ_INT(cgroup_knob_holds(&k, str_c(reads[i].got)), reads[i].holds);
	}
}

/* -- a made-up hierarchy of plain files: the plan writes nothing -- */

#define TREE_V2                                                                                                \
	"cpu.max cpu.max.burst cpu.weight cpu.idle cpuset.cpus cpuset.mems memory.max memory.low memory.high " \
	"memory.swap.max memory.oom.group memory.current pids.max io.max io.weight hugetlb.2MB.max rdma.max"
#define TREE_V1                                                                                                    \
	"cpu.shares cpu.cfs_quota_us cpu.cfs_period_us cpu.cfs_burst_us cpu.idle cpu.rt_period_us "                \
	"cpu.rt_runtime_us cpuset.cpus cpuset.mems memory.limit_in_bytes memory.memsw.limit_in_bytes "             \
	"memory.soft_limit_in_bytes memory.swappiness memory.oom_control memory.kmem.tcp.limit_in_bytes pids.max " \
	"blkio.weight blkio.weight_device blkio.throttle.read_bps_device blkio.throttle.write_bps_device "         \
	"blkio.throttle.read_iops_device blkio.throttle.write_iops_device hugetlb.2MB.limit_in_bytes "             \
	"net_cls.classid net_prio.ifpriomap"

struct fake {
	char dir[64];
	struct cgroup_host host;
	struct cgroup c;
};

static void fake_make(struct fake *f, bool v2)
{
	struct str rest = v2 ? STR(TREE_V2) : STR(TREE_V1);

	*f = (struct fake){ .dir = "/tmp/yagura-cgroup-XXXXXX" };
	OK(mkdtemp(f->dir));
	f->host.n = 1;
	f->host.mode = v2 ? CGROUP_V2 : CGROUP_V1;
	f->host.h[0].v2 = v2;
	f->host.h[0].controllers = ~0u;
	f->host.h[0].fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->c.host = &f->host;
	f->c.dirs[0] = f->host.h[0].fd;
	for (struct str name; str_cut(&rest, ' ', &name);) {
		char z[64];

		snprintf(z, sizeof(z), STR_FMT, STR_ARG(name));
		if (name.n)
			close(openat(f->host.h[0].fd, z, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
}

static void fake_done(struct fake *f)
{
	struct str all[] = { STR(TREE_V2), STR(TREE_V1) };

	for (size_t i = 0; i < 2; i++)
		for (struct str name; str_cut(&all[i], ' ', &name);) {
			char z[64];

			snprintf(z, sizeof(z), STR_FMT, STR_ARG(name));
			unlinkat(f->host.h[0].fd, z, 0);
		}
	close(f->host.h[0].fd);
	rmdir(f->dir);
}

#define U(x)              \
	{                 \
		true, (x) \
	}
static struct oci_throttle throttle[] = { { 8, 0, 1000 }, { 7, 1, 0 } };
static struct oci_hugepage pages[] = { { "2MB", 4194304 } };
static struct oci_hugepage bad_pages[] = { { "2MB/../x", 4194304 } };
static struct key_value unified_good[] = { { "memory.high", "1000000" }, { "io.max", "8:0 rbps=5\n7:0 wbps=6" } };
static struct key_value unified_moves[] = { { "cgroup.procs", "1" } };
static struct key_value unified_text[] = { { "memory.high", "lots" } };
static struct key_value unified_numbers[] = { { "memory.high", "1000000" }, { "pids.max", "40" } };
static struct oci_io_weight weights[] = { { 8, 0, U(500), { 0 } } };
static struct oci_rdma rdma[] = { { "mlx4_0", U(2), U(2000) } };
static struct key_value priorities[] = { { "eth0", "5" } };

static const struct {
	const char *name;
	struct oci_resources r;
	const char *v1, *v2; /* "file=value;" for each knob, or "!what the error says" */
} plans[] = {
	{ "nothing", { 0 }, "", "" },
	{ "shares of the default", { .cpu.shares = U(1024) }, "cpu.shares=1024;", "cpu.weight=100;" },
	{ "fewest shares", { .cpu.shares = U(2) }, "cpu.shares=2;", "cpu.weight=1;" },
	{ "one share", { .cpu.shares = U(1) }, "cpu.shares=2;", "cpu.weight=1;" },
	{ "most shares", { .cpu.shares = U(262144) }, "cpu.shares=262144;", "cpu.weight=10000;" },
	{ "512 shares", { .cpu.shares = U(512) }, "cpu.shares=512;", "cpu.weight=59;" },
	{ "0 shares are none", { .cpu.shares = U(0) }, "", "" },
	{ "quota and period",
	  { .cpu.quota = U(50000), .cpu.period = U(200000) },
	  "cpu.cfs_period_us=200000;cpu.cfs_quota_us=50000;",
	  "cpu.max=50000 200000;" },
	{ "quota alone", { .cpu.quota = U(50000) }, "cpu.cfs_quota_us=50000;", "cpu.max=50000 100000;" },
	{ "period alone", { .cpu.period = U(50000) }, "cpu.cfs_period_us=50000;", "cpu.max=max 50000;" },
	{ "no quota", { .cpu.quota = U(-1) }, "cpu.cfs_quota_us=-1;", "cpu.max=max 100000;" },
	{ "burst", { .cpu.burst = U(7) }, "cpu.cfs_burst_us=7;", "cpu.max.burst=7;" },
	{ "idle leaves the weight", { .cpu.idle = U(1), .cpu.shares = U(9) }, "cpu.idle=1;", "cpu.idle=1;" },
	{ "idle of 2", { .cpu.idle = U(2) }, "!cpu.idle", "!cpu.idle" },
	{ "real time",
	  { .cpu.rt_runtime = U(5), .cpu.rt_period = U(6) },
	  "cpu.rt_period_us=6;cpu.rt_runtime_us=5;",
	  "!cpu.realtimePeriod" },
	{ "cpuset",
	  { .cpu.cpus = "0-1", .cpu.mems = "0" },
	  "cpuset.cpus=0-1;cpuset.mems=0;",
	  "cpuset.cpus=0-1;cpuset.mems=0;" },
	{ "memory", { .memory.limit = U(1048576) }, "memory.limit_in_bytes=1048576;", "memory.max=1048576;" },
	{ "memory without limit takes swap's too",
	  { .memory.limit = U(-1) },
	  "memory.limit_in_bytes=-1;memory.memsw.limit_in_bytes=-1;",
	  "memory.max=max;memory.swap.max=max;" },
	{ "memory and swap",
	  { .memory.limit = U(1000), .memory.swap = U(1500) },
	  "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=1500;",
	  "memory.max=1000;memory.swap.max=500;" },
	{ "no swap",
	  { .memory.limit = U(1000), .memory.swap = U(1000) },
	  "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=1000;",
	  "memory.max=1000;memory.swap.max=0;" },
	{ "less swap than memory",
	  { .memory.limit = U(1000), .memory.swap = U(999) },
	  "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=999;",
	  "!memory.swap" },
	{ "swap alone", { .memory.swap = U(1000) }, "memory.memsw.limit_in_bytes=1000;", "!memory.swap" },
	{ "reservation", { .memory.reservation = U(1000) }, "memory.soft_limit_in_bytes=1000;", "memory.low=1000;" },
	{ "kernel memory is passed over", { .memory.kernel = U(1000) }, "", "" },
	{ "kernel TCP memory",
	  { .memory.kernel_tcp = U(1000) },
	  "memory.kmem.tcp.limit_in_bytes=1000;",
	  "!memory.kernelTCP" },
	{ "swappiness", { .memory.swappiness = U(60) }, "memory.swappiness=60;", "!memory.swappiness" },
	{ "swappiness of 101", { .memory.swappiness = U(101) }, "!memory.swappiness", "!memory.swappiness" },
	{ "no OOM killer",
	  { .memory.disable_oom_killer = U(true) },
	  "memory.oom_control=1;",
	  "!memory.disableOOMKiller" },
	{ "processes", { .pids = U(10) }, "pids.max=10;", "pids.max=10;" },
	{ "no processes but the first", { .pids = U(0) }, "pids.max=1;", "pids.max=1;" },
	{ "any number of processes", { .pids = U(-1) }, "pids.max=max;", "pids.max=max;" },
	{ "weight", { .io.weight = U(10) }, "blkio.weight=10;", "io.weight=default 1;" },
	{ "heaviest", { .io.weight = U(1000) }, "blkio.weight=1000;", "io.weight=default 10000;" },
	{ "weight of 9", { .io.weight = U(9) }, "!blockIO.weight", "!blockIO.weight" },
	{ "leaf weight", { .io.leaf_weight = U(100) }, "!blockIO.leafWeight", "!blockIO.leafWeight" },
	{ "weight of a device",
	  { .io.weights = weights, .io.weight_count = 1 },
	  "blkio.weight_device=8:0 500;",
	  "io.weight=8:0 4950;" },
	{ "read bandwidth",
	  { .io.read_bps = { throttle, 2 } },
	  "blkio.throttle.read_bps_device=8:0 1000;blkio.throttle.read_bps_device=7:1 0;",
	  "io.max=8:0 rbps=1000;io.max=7:1 rbps=max;" },
	{ "write operations",
	  { .io.write_iops = { throttle, 1 } },
	  "blkio.throttle.write_iops_device=8:0 1000;",
	  "io.max=8:0 wiops=1000;" },
	{ "huge pages",
	  { .hugepages = pages, .hugepage_count = 1 },
	  "hugetlb.2MB.limit_in_bytes=4194304;",
	  "hugetlb.2MB.max=4194304;" },
	{ "a page size that leads away",
	  { .hugepages = bad_pages, .hugepage_count = 1 },
	  "!hugepageLimits",
	  "!hugepageLimits" },
	{ "class", { .network.class_id = U(5) }, "net_cls.classid=5;", "!network.classID" },
	{ "priorities",
	  { .network.priorities = priorities, .network.priority_count = 1 },
	  "net_prio.ifpriomap=eth0 5;",
	  "!network.priorities" },
	{ "rdma", { .rdma = rdma, .rdma_count = 1 }, "!rdma", "rdma.max=mlx4_0 hca_handle=2 hca_object=2000;" },
	{ "unified",
	  { .unified = unified_good, .unified_count = 2 },
	  "!unified.memory.high",
	  "memory.high=1000000;io.max=8:0 rbps=5;io.max=7:0 wbps=6;" },
	{ "unified that would move processes",
	  { .unified = unified_moves, .unified_count = 1 },
	  "!cgroup.procs",
	  "!cgroup.procs" },
	{ "unified with text",
	  { .unified = unified_text, .unified_count = 1 },
	  "!unified.memory.high",
	  "!unified.memory.high" },
};

static void check_plan(size_t i, bool v2)
{
	const char *want = v2 ? plans[i].v2 : plans[i].v1;
	struct cgroup_plan plan = { 0 };
	auto_arena struct arena a = { 0 };
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };
	struct fake f;
	int r;

	row("%s, %s", plans[i].name, v2 ? "v2" : "v1");
	fake_make(&f, v2);
	r = cgroup_plan(&f.c, &plans[i].r, &a, &plan, &e);
	if (want[0] == '!') {
		OK(r == -ENOTSUP || r == -EBADMSG);
		OK(str_find_str(str_c(e.msg), str_c(want + 1)) >= 0);
	} else {
		OK_ERR(r, &e);
		buf_init(&got, 4096);
		for (size_t k = 0; k < plan.knobs.n; k++)
			buf_fmt(&got, "%s=%s;", plan.knobs.v[k].file, plan.knobs.v[k].value);
		EQ_STR(buf_all(&got), str_c(want));
	}
	cgroup_plan_done(&plan);
	fake_done(&f);
}

TEST(plans)
{
	for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
		check_plan(i, false);
		check_plan(i, true);
	}
}

/* A page less is what the kernel makes of bytes, not of a number of processes. */
TEST(unified_numbers_are_exact)
{
	const struct oci_resources r = { .unified = unified_numbers, .unified_count = 2 };
	auto_cgroup_plan struct cgroup_plan plan = { 0 };
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	struct fake f;

	fake_make(&f, true);
	OK_ERR(cgroup_plan(&f.c, &r, &a, &plan, &e), &e);
	EQ_INT(plan.knobs.n, 2);
	OK(plan.knobs.n == 2 && cgroup_knob_holds(&plan.knobs.v[0], STR("999424")));
	OK(plan.knobs.n == 2 && cgroup_knob_holds(&plan.knobs.v[1], STR("40")));
	OK(plan.knobs.n == 2 && !cgroup_knob_holds(&plan.knobs.v[1], STR("39")));
	fake_done(&f);
}

/* -- the machine's own hierarchies -- */

struct real {
	struct cgroup_host host;
	struct cgroup c;
	struct err e;
	pid_t child;
};

/* A group with a sleeping process that forks one more. */
static bool real_make(struct real *x, const struct oci_resources *r)
{
	char id[32];

	*x = (struct real){ 0 };
	row("%s", geteuid() ? "as a user" : "as root");
	if (geteuid()) {
		tap_skip("only root may make groups here");
		return false;
	}
	snprintf(id, sizeof(id), "unit-%d", getpid());
	if (!OK_ERR(cgroup_host(&x->host, &x->e), &x->e))
		return false;
	if (x->host.mode == CGROUP_NONE) {
		tap_skip("no cgroup hierarchy is mounted");
		return false;
	}
	if (!OK_ERR(cgroup_init(&x->c, &x->host, NULL, id, false, false, &x->e), &x->e) ||
	    !OK_ERR(cgroup_make(&x->c, &x->e), &x->e))
		return false;
	auto_arena struct arena a = { 0 };
	auto_cgroup_plan struct cgroup_plan plan = { 0 };
	OK_ERR(cgroup_plan(&x->c, r, &a, &plan, &x->e), &x->e);
	OK_ERR(cgroup_apply(&x->c, &plan, r, &x->e), &x->e);
	x->child = fork();
	if (!x->child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		raise(SIGSTOP);
		if (fork() >= 0)
			for (;;)
				pause();
		_exit(1);
	}
	waitpid(x->child, NULL, WUNTRACED);
	OK_ERR(cgroup_join(&x->c, x->child, false, &x->e), &x->e);
	kill(x->child, SIGCONT);
	return true;
}

static void real_done(struct real *x)
{
	OK_ERR(cgroup_kill(&x->c, SIGKILL, &x->e), &x->e);
	waitpid(x->child, NULL, 0);
	OK_ERR(cgroup_remove(&x->c, &x->e), &x->e);
	cgroup_host_done(&x->host);
}

static size_t count_procs(struct real *x)
{
	auto_arena struct arena a = { 0 };
	struct deadline until = deadline_in(2000);
	pid_t *v;
	size_t n = 0;

	while (cgroup_procs(&x->c, &a, &v, &n, &x->e) == 0 && n < 2 && deadline_wait(&until))
		;
	return n;
}

TEST(real_group)
{
	static const struct oci_resources r = { .pids = U(5),
						.memory.limit = U(33554432),
						.memory.swap = U(33554432),
						.cpu.shares = U(512),
						.cpu.quota = U(50000),
						.cpu.period = U(100000) };
	struct cgroup_plan plan = { 0 };
	auto_arena struct arena a = { 0 };
	struct cgroup_stats stats = { 0 };
	struct real x;

	if (!real_make(&x, &r))
		return;
	EQ_INT(count_procs(&x), 2);
	OK_ERR(cgroup_check_member(&x.c, x.child, &x.e), &x.e);
	EQ_INT(cgroup_check_member(&x.c, getpid(), &x.e), -EBADMSG);
	OK_ERR(cgroup_plan(&x.c, &r, &a, &plan, &x.e), &x.e);
	OK(plan.knobs.n >= 5);
	for (size_t i = 0; i < plan.knobs.n; i++) {
		char text[CGROUP_VALUE_MAX] = "";

		EQ_INT(cgroup_read(&x.c, plan.knobs.v[i].which, plan.knobs.v[i].file, text), 0);
		if (!OK(cgroup_knob_holds(&plan.knobs.v[i], str_c(text))))
			printf("# %s: %s, not %s\n", plan.knobs.v[i].file, text, plan.knobs.v[i].value);
	}
	cgroup_plan_done(&plan);
	OK_ERR(cgroup_stats(&x.c, &stats, &x.e), &x.e);
	OK(stats.pids.set && stats.pids.v == 2);
	OK(stats.pids_limit.set && stats.pids_limit.v == 5);
	OK(stats.memory_limit.set && stats.memory_limit.v == 33554432);
	OK(stats.cpu_usage_ns.set);
	OK(stats.memory.set);
	real_done(&x);
}

/* Limits that shrink and grow: memory and memory + swap bound each other on v1. */
TEST(update)
{
	static const struct oci_resources big = { .memory.limit = U(64 << 20), .memory.swap = U(64 << 20) },
					  small = { .memory.limit = U(16 << 20), .memory.swap = U(16 << 20) };
	const struct oci_resources *const order[] = { &small, &big, &small };
	struct cgroup_stats stats = { 0 };
	struct real x;

	if (!real_make(&x, &big))
		return;
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		auto_arena struct arena a = { 0 };
		auto_cgroup_plan struct cgroup_plan plan = { 0 };

		OK_ERR(cgroup_plan(&x.c, order[i], &a, &plan, &x.e), &x.e);
		OK_ERR(cgroup_update(&x.c, &plan, order[i], &x.e), &x.e);
		OK_ERR(cgroup_stats(&x.c, &stats, &x.e), &x.e);
		EQ_INT(stats.memory_limit.v, order[i]->memory.limit.v);
	}
	real_done(&x);
}

TEST(freeze)
{
	static const struct oci_resources r = { 0 };
	struct real x;

	if (!real_make(&x, &r))
		return;
	EQ_INT(count_procs(&x), 2);
	OK(!cgroup_frozen(&x.c));
	OK_ERR(cgroup_freeze(&x.c, true, &x.e), &x.e);
	OK(cgroup_frozen(&x.c));
	OK_ERR(cgroup_freeze(&x.c, false, &x.e), &x.e);
	OK(!cgroup_frozen(&x.c));
	OK_ERR(cgroup_freeze(&x.c, true, &x.e), &x.e);
	real_done(&x); /* also kills what is frozen */
}

/* A group below the container's is killed and removed with it, and a second container cannot have the name. */
TEST(nested)
{
	static const struct oci_resources r = { 0 };
	struct cgroup again;
	struct real x;
	char number[16];
	int dir;

	if (!real_make(&x, &r))
		return;
	OK_ERR(cgroup_init(&again, &x.host, x.c.path, "", false, false, &x.e), &x.e);
	EQ_INT(cgroup_make(&again, &x.e), -EEXIST);
	dir = cgroup_dir(&x.c, CG_PIDS, NULL);
	OK(mkdirat(dir, "a", 0755) == 0);
	OK(mkdirat(dir, "a/b", 0755) == 0);
	OK(mkdirat(dir, "c", 0755) == 0);
	snprintf(number, sizeof(number), "%d", x.child);
	EQ_INT(cgroup_file_write(dir, "a/b/cgroup.procs", number), 0);
	EQ_INT(cgroup_check_member(&x.c, x.child, &x.e), -EBADMSG);
	real_done(&x);
	OK(faccessat(x.c.host->h[0].fd, x.c.path, F_OK, 0) < 0);
	EQ_INT(cgroup_open(&again, &x.e), -ENOENT);
}

/* A container that may write to its groups hides a process below more of them than there are descriptors. */
TEST(nested_deep)
{
	static const struct oci_resources r = { 0 };
	struct real x;
	auto_close int at = -1;
	char number[16];

	if (!real_make(&x, &r))
		return;
	at = dup(cgroup_dir(&x.c, CG_PIDS, NULL));
	for (int i = 0; i < 1100; i++) {
		int below = mkdirat(at, "n", 0755) < 0 ? -1 : openat(at, "n", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		close(at);
		at = below;
	}
	snprintf(number, sizeof(number), "%d", x.child);
	EQ_INT(cgroup_file_write(at, "cgroup.procs", number), 0);
	EQ_INT(count_procs(&x), 2);
	real_done(&x);
	OK(faccessat(x.c.host->h[0].fd, x.c.path, F_OK, 0) < 0);
}
