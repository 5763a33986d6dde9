/* tier: a container's configuration becomes that of its monitor. See tier.h. */
#include "runtime/tier/tier.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/remove.h"
#include "guest/control.h"
#include "guest/frame.h"
#include "runtime/tier/parts.h"

#define TMP_EXTRA (16ull << 20) /* above the machine's memory, in its /tmp */
#define END_MS 3000		/* for a guest to write its volumes */
#define ANSWER_MS 60000		/* for the guest to say that its limits are changed, or what they are */
#define SILENT_MS 120000	/* a guest that runs and says nothing, asked again and again, is ended */
#define KVM_MAJOR 10		/* Documentation/admin-guide/devices.txt */
#define KVM_MINOR 232
#define FILES_MAX 4096 /* descriptors of monitor and machine */

static const struct {
	const char *name, *program;
	const struct machine_costs *costs;
	int (*build)(struct machine_build *m, struct err *e);
} tiers[] = {
	[TIER_NS] = { "ns", NULL, NULL, NULL },
	[TIER_UML] = { "uml", "yagura-run-uml", &uml_costs, uml_build },
	[TIER_VM] = { "vm", "yagura-run-vm", &vm_costs, vm_build },
};

bool tier_of_name(struct str name, enum policy_tier *ret)
{
	for (size_t i = TIER_NS; i < ARRAY_LEN(tiers); i++)
		if (str_is(name, tiers[i].name)) {
			*ret = (enum policy_tier)i;
			return true;
		}
	return false;
}

const char *tier_name(enum policy_tier tier)
{
	return tiers[tier].name;
}

enum policy_tier tier_of_program(const char *argv0)
{
	struct str name = path_base(str_c(argv0));

	for (size_t i = TIER_NS; i < ARRAY_LEN(tiers); i++)
		if (tiers[i].program && str_is(name, tiers[i].program))
			return (enum policy_tier)i;
	return TIER_NS;
}

/* ---- the monitor's container ---- */

static void add_file_systems(struct machine_build *m)
{
	const char *size = arena_fmt(m->arena, "size=%llu", (unsigned long long)(m->memory + TMP_EXTRA)).p;
	const char *const proc[] = { "nosuid", "nodev", "noexec" };
	const char *const dev[] = { "nosuid", "noexec", "mode=755", "size=64k" };
	const char *const pts[] = { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" };
	const char *const run[] = { "nosuid", "nodev", "noexec", "mode=700", "size=64k" };
	/* The memory of User-Mode Linux is a file there, and its processes execute from it. */
	const char *const tmp[] = { "nosuid", "nodev", "mode=700", size };

	machine_mount(m, "/proc", "proc", "proc", proc, ARRAY_LEN(proc));
	machine_mount(m, "/dev", "tmpfs", "tmpfs", dev, ARRAY_LEN(dev));
	machine_mount(m, "/dev/pts", "devpts", "devpts", pts, ARRAY_LEN(pts)); /* terminals, also of exec */
	machine_mount(m, "/run", "tmpfs", "tmpfs", run, ARRAY_LEN(run));
	machine_mount(m, "/tmp", "tmpfs", "tmpfs", tmp, ARRAY_LEN(tmp));
}

static int build(struct machine_build *m, uint64_t disk_bytes, struct err *e)
{
	static const char *const points[] = { "/proc", "/dev", "/run", "/tmp" };
	const char *monitor;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(points) && r == 0; i++)
		r = machine_point(m, points[i], true, e);
	add_file_systems(m);
	r = r < 0 ? r : image_root(m, e);
	if (r == 0 && m->writable)
		r = image_layer(m, disk_bytes ? disk_bytes : TIER_DISK_DEFAULT, e);
	r = r < 0 ? r : volumes_build(m, e);
	r = r < 0 ? r : tiers[m->request->tier].build(m, e);
	r = r < 0 ? r : machine_own(m, "yagura-monitor", &monitor, e);
	r = r < 0 ? r : machine_bind(m, monitor, "/monitor", false, e);
	r = r < 0 ? r
		  : machine_bind(m, arena_fmt(m->arena, "%s/" ROOT_IMAGE, m->request->dir).p, "/" ROOT_IMAGE, false, e);
	r = r < 0 ? r
		  : machine_bind(m, arena_fmt(m->arena, "%s/" INITRAMFS, m->request->dir).p, "/" INITRAMFS, false, e);
	if (r == 0 && m->writable)
		r = machine_bind(m, arena_fmt(m->arena, "%s/" LAYER_IMAGE, m->request->dir).p, "/" LAYER_IMAGE, true,
				 e);
	return r;
}

/* The guest gets what the container may use less what the machine costs: the limit is on both together. */
static int size_memory(struct machine_build *m, const struct machine_costs *costs, struct err *e)
{
	const struct oci_resources *r = &m->request->config->resources;
	uint64_t limit =
		r->memory.limit.set && r->memory.limit.v > 0 ? (uint64_t)r->memory.limit.v : TIER_MEMORY_DEFAULT;

	if (limit < costs->memory + costs->memory_min)
		return err_set(e, -ENOTSUP, "linux.resources.memory.limit: tier %s needs at least %llu bytes",
			       tiers[m->request->tier].name, (unsigned long long)(costs->memory + costs->memory_min));
	m->memory = (limit - costs->memory) & ~0xfffffull;
	return 0;
}

static struct oci_process monitor_process(const struct oci_process *p, struct arena *a, bool exec)
{
	struct oci_process q = {
		.terminal = p->terminal, .console = p->console, .cwd = "/", .no_new_privileges = true
	};

	q.caps.set = true;
	q.args.n = exec ? 2 : 1;
	q.args.v = arena_array(a, const char *, 3);
	q.args.v[0] = "/monitor";
	q.args.v[1] = exec ? "exec" : NULL;
	q.env.v = arena_array(a, const char *, 1);
	q.rlimits = arena_array(a, struct oci_rlimit, 2);
	q.rlimits[0] = (struct oci_rlimit){ RLIMIT_NOFILE, FILES_MAX, FILES_MAX };
	q.rlimits[1] = (struct oci_rlimit){ RLIMIT_CORE, 0, 0 };
	q.rlimit_count = 2;
	q.oom_score_adj = p->oom_score_adj;
	return q;
}

static struct oci_mappings one_id(struct arena *a, uint32_t host)
{
	struct oci_mappings m = { arena_new(a, struct oci_mapping), 1 };

	m.v[0] = (struct oci_mapping){ 0, host, 1 };
	return m;
}

static struct oci_device_rule may_use(char type, int64_t major_, int64_t minor_)
{
	return (struct oci_device_rule){
		.allow = true, .type = type, .major = major_, .minor = minor_, .read = true, .write = true
	};
}

/* The machine's own, whether it comes to use them or not, so that what is verified later is known from the
 * configuration alone. */
static void add_devices(const struct oci_config *c, enum policy_tier tier, struct arena *a, struct oci_resources *r)
{
	size_t n = r->device_count;
	struct oci_device_rule *all = arena_array(a, struct oci_device_rule, n + c->mount_count + 1);
	struct stat st;

	if (n)
		memcpy(all, r->devices, n * sizeof(*all));
	if (tier == TIER_VM)
		all[n++] = may_use('c', KVM_MAJOR, KVM_MINOR);
	for (size_t i = 0; i < c->mount_count; i++)
		if (volume_type(&c->mounts[i]) && c->mounts[i].source && stat(c->mounts[i].source, &st) == 0 &&
		    S_ISBLK(st.st_mode))
			all[n++] = may_use('b', major(st.st_rdev), minor(st.st_rdev));
	r->devices = all;
	r->device_count = n;
}

struct oci_config tier_view(const struct oci_config *c, enum policy_tier tier, struct arena *a)
{
	struct oci_config q = *c;

	add_devices(c, tier, a, &q.resources);
	q.mounts = NULL;
	q.mount_count = q.sysctl_count = q.device_count = q.net_device_count = 0;
	q.seccomp = (struct oci_seccomp){ 0 };
	q.masked_paths = q.readonly_paths = (struct strings){ 0 };
	for (int i = 0; i < NS_KINDS; i++)
		q.namespaces[i] = (struct oci_namespace_want){ i != NS_TIME, NULL };
	return q;
}

static struct opt_i64 host_pids(const struct machine_costs *costs, struct opt_i64 pids)
{
	if (pids.set && pids.v > 0)
		pids.v = costs->pids + (costs->pid_per_process ? pids.v : 0);
	return pids;
}

/* What the engine decided about the outside stays: names, groups, hooks, limits. */
static struct oci_config monitor_config(const struct machine_build *m, const struct machine_costs *costs)
{
	const struct oci_config *c = m->request->config;
	struct oci_config q = tier_view(c, m->request->tier, m->arena);

	q.process = monitor_process(&c->process, m->arena, false);
	q.root_path = arena_fmt(m->arena, "%s/" SKELETON, m->request->dir).p;
	q.root_readonly = true;
	q.mounts = m->mounts.v;
	q.mount_count = m->mounts.n;
	q.uids = one_id(m->arena, m->request->host_uid);
	q.gids = one_id(m->arena, m->request->host_gid);
	q.resources.pids = host_pids(costs, q.resources.pids);
	return q;
}

static int sealed(struct str bytes, int *ret, struct err *e)
{
	auto_close int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : fd_write(fd, bytes.p, bytes.n);

	if (r == 0 && (lseek(fd, 0, SEEK_SET) < 0 ||
		       fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0))
		r = -errno;
	if (r < 0)
		return err_errno(e, r, "plan");
	*ret = take_fd(&fd);
	return 0;
}

/* With ports or volumes the file alone is not enough. */
static int job_file(const struct machine_build *m, struct str bytes, int *ret, struct err *e)
{
	const struct tier_ports *p = m->request->ports;
	int with[JOB_FDS_MAX], file = -1, r = sealed(bytes, &file, e);
	size_t n = 0;

	for (size_t i = 0; i < m->job.port_count; i++)
		with[n++] = p->listener[i];
	for (size_t i = 0; i < m->volumes.held_count; i++)
		with[n++] = m->volumes.held[i];
	if (r < 0 || !n) {
		*ret = file;
		return r;
	}
	r = job_join_fds(file, with, n, ret, e);
	close(file);
	return r;
}

static int write_job(struct machine_build *m, const struct guest_plan *plan, int *ret, struct err *e)
{
	const struct tier_ports *ports = m->request->ports;
	auto_buf struct buf flat, job;

	buf_init(&flat, PLAN_BYTES_MAX);
	buf_init(&job, PLAN_BYTES_MAX + (1u << 20));
	plan_write(&flat, plan);
	if (buf_finish(&flat) < 0)
		return err_set(e, -E2BIG, "arguments, environment and files: more than %u bytes", PLAN_BYTES_MAX);
	m->job.args = (struct plan_list){ m->args.v, m->args.n };
	m->job.env = (struct plan_list){ m->env.v, m->env.n };
	m->job.plan = buf_all(&flat);
	m->job.silent_ms = SILENT_MS;
	m->job.terminal = plan->terminal;
	m->job.port_count = ports ? ports->n : 0;
	for (size_t i = 0; i < m->job.port_count; i++)
		m->job.ports[i] = (struct job_port){ ports->port[i], ports->udp[i] };
	job_write(&job, &m->job);
	return buf_finish(&job) < 0 ? err_set(e, -E2BIG, "job") : job_file(m, buf_all(&job), ret, e);
}

/* The list of mounts goes into the arena with everything else. */
static void keep_mounts(struct machine_build *m)
{
	struct oci_mount *copy = arena_array(m->arena, struct oci_mount, m->mounts.n + 1);

	if (m->mounts.n)
		memcpy(copy, m->mounts.v, m->mounts.n * sizeof(*copy));
	free(m->mounts.v);
	m->mounts.v = copy;
}

int tier_prepare(const struct tier_request *q, struct arena *a, struct tier *ret, struct err *e)
{
	auto_close int dir = fd_open(AT_FDCWD, q->dir, O_RDONLY | O_DIRECTORY);
	struct machine_build m = { .request = q, .arena = a, .dir = dir, .writable = !q->config->root_readonly };
	const struct machine_costs *costs = tiers[q->tier].costs;
	struct guest_plan plan;
	int r = dir < 0 ? err_errno(e, dir, "%s", q->dir) : plan_of_container(q, a, &plan, &m.volumes, e);

	r = r < 0 ? r : size_memory(&m, costs, e);
	r = r < 0 ? r : build(&m, q->disk_bytes, e);
	for (size_t i = 0; i < m.volumes.n && r == 0; i++)
		plan.volumes[i].disk = m.first_volume + (uint32_t)i;
	keep_mounts(&m);
	r = r < 0 ? r : write_job(&m, &plan, &ret->job, e);
	if (r == 0)
		ret->config = monitor_config(&m, costs);
	ret->inside = (struct tier_inside){ m.memory, plan.pids_max, 0 };
	vec_done(&m.args);
	vec_done(&m.env);
	volumes_release(&m.volumes);
	if (r < 0 && dir >= 0)
		(void)!tier_remove(q->dir, NULL);
	return r < 0 ? err_wrap(e, r, "tier %s", tiers[q->tier].name) : 0;
}

int tier_remove(const char *path, struct err *e)
{
	static const char *const files[] = { ROOT_IMAGE, LAYER_IMAGE, INITRAMFS, "volume0",
					     "volume1",	 "volume2",   "volume3" };
	auto_close int dir = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	int r;

	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return err_errno(e, dir, "%s", path);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (unlinkat(dir, files[i], 0) < 0 && errno != ENOENT)
			return err_errno(e, -errno, "%s/%s", path, files[i]);
	r = tree_remove(dir, SKELETON);
	return r < 0 ? err_errno(e, r, "%s/" SKELETON, path) : 0;
}

int tier_exec(const struct oci_process *p, struct str filter, struct arena *a, struct oci_process *ret, int *ret_plan,
	      struct err *e)
{
	auto_buf struct buf flat;
	struct guest_plan plan;
	int r = plan_of_process(p, filter, a, &plan, e);

	buf_init(&flat, PLAN_BYTES_MAX);
	if (r < 0)
		return r;
	plan.hostname = plan.domainname = "";
	plan_write(&flat, &plan);
	if (buf_finish(&flat) < 0)
		return err_set(e, -E2BIG, "arguments and environment: more than %u bytes", PLAN_BYTES_MAX);
	*ret = monitor_process(p, a, true);
	return sealed(buf_all(&flat), ret_plan, e);
}

/* ---- changes while it runs ---- */

static int call_monitor(pid_t pid, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root" CONTROL_PATH, pid);
	return control_connect(path, pid, e);
}

/* Of what is asked for there is one good answer. */
static int ask_monitor(pid_t pid, enum control_kind wish, struct str payload, enum control_kind want,
		       struct control *ret, struct err *e)
{
	auto_close int fd = call_monitor(pid, e);
	struct pollfd answer;

	if (fd < 0)
		return fd;
	answer = (struct pollfd){ fd, POLLIN, 0 };
	if (control_send(fd, wish, payload, NULL) < 0 || poll(&answer, 1, ANSWER_MS) != 1 ||
	    control_receive(fd, ret) <= 0)
		return err_set(e, -ETIMEDOUT, "the machine does not answer");
	for (size_t i = 0; i < CONTROL_FDS; i++)
		fd_close(&ret->fds[i]);
	if (ret->kind == CONTROL_FAILED)
		return err_set(e, -EIO, "in the guest: " STR_FMT, STR_ARG(str_from(ret->payload, 1)));
	return ret->kind == want ? 0 : err_set(e, -EBADMSG, "the machine's answer is not understood");
}

int tier_ask(pid_t pid, struct tier_inside *ret, struct err *e)
{
	struct control c;
	struct guest_figures f;
	int r = ask_monitor(pid, CONTROL_ASK, STR_NONE, CONTROL_FIGURES, &c, e);

	if (r == 0 && !figures_parse(c.payload, &f))
		r = err_set(e, -EBADMSG, "the machine's answer is not understood");
	if (r == 0)
		*ret = (struct tier_inside){ f.memory_limit, f.pids_limit, f.memory_most };
	return r;
}

/* Of the guest's memory; 0: not asked for. */
static int memory_inside(const struct machine_costs *costs, uint64_t limit_bytes, const struct oci_resources *over,
			 uint64_t *ret, struct err *e)
{
	uint64_t most = limit_bytes ? limit_bytes : TIER_MEMORY_DEFAULT, least = costs->memory + costs->memory_min;
	uint64_t wanted = over->memory.limit.v > 0 ? (uint64_t)over->memory.limit.v : UINT64_MAX;

	*ret = 0;
	if (!over->memory.limit.set)
		return 0;
	if (wanted < least || wanted > most)
		return err_set(e, -ERANGE, "linux.resources.memory.limit: this machine can have %llu to %llu bytes",
			       (unsigned long long)least, (unsigned long long)most);
	*ret = wanted - costs->memory;
	return 0;
}

int tier_update(enum policy_tier tier, pid_t pid, uint64_t limit_bytes, struct oci_resources *over,
		struct tier_inside *ret, struct err *e)
{
	const struct machine_costs *costs = tiers[tier].costs;
	uint64_t memory, pids = over->pids.set && over->pids.v > 0 ? (uint64_t)over->pids.v : 0;
	auto_buf struct buf wish;
	struct control answer;
	int r = memory_inside(costs, limit_bytes, over, &memory, e);

	if (r == 0 && over->pids.set && !pids)
		r = err_set(e, -ENOTSUP, "linux.resources.pids.limit: a machine has one");
	*ret = (struct tier_inside){ memory, pids, 0 };
	if (r < 0 || (!memory && !pids))
		return r < 0 ? err_wrap(e, r, "tier %s", tiers[tier].name) : 0;
	buf_init(&wish, 16);
	buf_le64(&wish, memory);
	buf_le64(&wish, pids);
	r = ask_monitor(pid, CONTROL_LIMIT, buf_all(&wish), CONTROL_ENDED, &answer, e);
	if (r < 0)
		return err_wrap(e, r, "tier %s", tiers[tier].name);
	over->memory = (struct oci_resources){ 0 }.memory;
	over->pids = host_pids(costs, over->pids);
	return 0;
}

bool tier_end(pid_t pid, const struct oci_config *c)
{
	const char kill_it = SIGKILL;
	auto_close int machine = volumes_are_written(c) ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	auto_close int fd = machine < 0 ? -1 : call_monitor(pid, NULL);
	struct pollfd ended = { machine, POLLIN, 0 };

	return fd >= 0 && control_send(fd, CONTROL_SIGNAL, str_n(&kill_it, 1), NULL) == 0 &&
	       poll(&ended, 1, END_MS) == 1;
}
