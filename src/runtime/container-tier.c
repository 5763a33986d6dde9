/* container: one whose processes run under a kernel of their own. See runtime/tier/tier.h.
 *
 * The state directory keeps the container's own configuration; what is made on the host is its monitor's. Its images
 * lie in the same directory, or, where that is memory (/run), on disk: MACHINES/HASH, with a link `owner` to the state
 * directory. What a machine that was switched off leaves there goes with the next that is made. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "runtime/container-part.h"
#include "runtime/enforce.h"
#include "runtime/tier/tier.h"

#define MACHINES "/var/lib/yagura/machines"
#define OWNER "owner"
/* Whom every machine runs as on the host: in user, process and network namespaces of its own. */
#define MACHINE_ID 65534

struct oci_config container_host_config(struct container *c)
{
	enum policy_tier tier = TIER_NS;

	if (!c->state.tier || !tier_of_name(str_c(c->state.tier), &tier))
		return c->config;
	return tier_view(&c->config, tier, &c->arena);
}

static int state_directory(const struct container *c, char ret[PATH_BYTES_MAX], struct err *e)
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", c->dir_fd);
	n = readlink(link, ret, PATH_BYTES_MAX);
	if (n < 0 || n == PATH_BYTES_MAX)
		return err_errno(e, n < 0 ? -errno : -ENAMETOOLONG, "state directory");
	ret[n] = 0;
	return 0;
}

static bool is_memory(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* Found again by the name of the state directory alone. */
static int directory(const struct container *c, char ret[PATH_BYTES_MAX], struct err *e)
{
	char state[PATH_BYTES_MAX];
	int r = state_directory(c, state, e);

	if (r < 0)
		return r;
	if (!is_memory(c->dir_fd))
		snprintf(ret, PATH_BYTES_MAX, "%s", state);
	else
		snprintf(ret, PATH_BYTES_MAX, MACHINES "/%016llx%016llx", (unsigned long long)str_hash(str_c(state), 1),
			 (unsigned long long)str_hash(str_c(state), 2));
	return 0;
}

static int remove_machine(const char *dir, struct err *e)
{
	char owner[PATH_BYTES_MAX];
	int r = tier_remove(dir, e);

	if (r < 0 || !str_starts(str_c(dir), STR(MACHINES "/")))
		return r;
	snprintf(owner, sizeof(owner), "%s/" OWNER, dir);
	if ((unlink(owner) < 0 && errno != ENOENT && errno != ENOTDIR) || (rmdir(dir) < 0 && errno != ENOENT))
		return err_errno(e, -errno, "%s", dir);
	return 0;
}

/* State in memory is gone after a restart of the host, the images are not. */
static void reap_machines(void)
{
	DIR *d = opendir(MACHINES);

	for (struct dirent *m; d && (m = readdir(d));) {
		char dir[PATH_BYTES_MAX], owner[PATH_BYTES_MAX + sizeof(OWNER)];
		struct stat st;

		if (m->d_name[0] == '.' || snprintf(dir, sizeof(dir), MACHINES "/%s", m->d_name) >= (int)sizeof(dir))
			continue;
		snprintf(owner, sizeof(owner), "%s/" OWNER, dir);
		if (stat(owner, &st) < 0 && errno == ENOENT && lstat(owner, &st) == 0)
			(void)!remove_machine(dir, NULL);
	}
	if (d)
		closedir(d);
}

/* The link comes first: what has none yet belongs to somebody who is just making it. */
static int make_directory(const struct container *c, const char *dir, struct err *e)
{
	char state[PATH_BYTES_MAX], owner[PATH_BYTES_MAX + sizeof(OWNER)];
	int r = state_directory(c, state, e);

	if (r < 0 || !strcmp(state, dir))
		return r;
	reap_machines();
	r = dir_make(AT_FDCWD, dir);
	snprintf(owner, sizeof(owner), "%s/" OWNER, dir);
	if (r >= 0 && symlink(state, owner) < 0 && errno != EEXIST)
		r = -errno;
	return r < 0 ? err_errno(e, r, "%s", dir) : 0;
}

/* What would be said to be in force and is not. */
static int check(const struct container *c, struct err *e)
{
	static const enum limit none[] = { LIMIT_DISK_INODES, LIMIT_READ_BPS, LIMIT_WRITE_BPS, LIMIT_READ_IOPS,
					   LIMIT_WRITE_IOPS };
	const char *tier = c->state.tier;

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (limit_is_set(&c->limits, none[i]))
			return err_set(e, -ENOTSUP, "tier %s: of disk limits there is disk.size only", tier);
	if (c->config.hooks[HOOK_CREATE_CONTAINER].n || c->config.hooks[HOOK_START_CONTAINER].n)
		return err_set(e, -ENOTSUP, "tier %s: hooks that run inside the container (%s) cannot be had", tier,
			       "createContainer, startContainer");
	return 0;
}

static int compile(struct container *c, struct seccomp_program *ret, struct err *e)
{
	int r = container_seccomp(c, ret, e);

	if (r >= 0 && ret->notify)
		r = err_set(e, -ENOTSUP, "linux.seccomp: tier %s has no SCMP_ACT_NOTIFY", c->state.tier);
	return r;
}

int container_tier_prepare(struct container *c, int *ret_job, struct err *e)
{
	struct seccomp_program filter = { 0 };
	struct tier_ports ports = { .n = 0 };
	char dir[PATH_BYTES_MAX];
	struct tier_request q = { .ports = &ports,
				  .config = &c->config,
				  .rootfs = c->state.rootfs,
				  .dir = dir,
				  .host_uid = MACHINE_ID,
				  .host_gid = MACHINE_ID };
	struct tier t;
	int r = tier_of_name(str_c(c->state.tier), &q.tier) ? check(c, e) : -EINVAL;

	if (r >= 0)
		r = directory(c, dir, e);
	if (r >= 0)
		r = make_directory(c, dir, e);
	if (r >= 0)
		r = compile(c, &filter, e);
	q.filter = buf_all(&filter.bytes);
	if (limit_is_set(&c->limits, LIMIT_DISK_SIZE))
		q.disk_bytes = c->limits.v[LIMIT_DISK_SIZE].v;
	if (r >= 0)
		r = container_ports(c, &ports, e);
	if (r >= 0)
		r = tier_prepare(&q, &c->arena, &t, e);
	container_ports_close(&ports);
	seccomp_program_done(&filter);
	if (r < 0)
		return r;
	c->config = t.config;
	c->inside_memory = t.inside.memory_bytes;
	c->inside_pids = t.inside.pids;
	*ret_job = t.job;
	return 0;
}

int container_tier_exec(struct container *c, const struct seccomp_program *filter, struct oci_process *p, int *ret_plan,
			struct err *e)
{
	const struct oci_process own = *p;

	return tier_exec(&own, buf_all(&filter->bytes), &c->arena, p, ret_plan, e);
}

void container_tier_verify(struct container *c, const struct enforce_record *rec, struct enforce_report *ret)
{
	enum status s = container_status(c);
	struct enforce_guest g = { .waits = s == STATUS_CREATED || s == STATUS_CREATING };
	struct tier_inside said = { 0 };
	struct err e = { 0 };

	if (s == STATUS_PAUSED)
		g.silent = "paused: it cannot be asked";
	else if (!g.waits && tier_ask(c->state.pid, &said, &e) < 0)
		g.silent = e.msg;
	g.memory_bytes = said.memory_bytes;
	g.pids = said.pids;
	g.memory_most = said.memory_most;
	enforce_verify_guest(rec, &g, &c->arena, ret);
}

bool container_tier_end(struct container *c)
{
	return container_config(c, NULL) >= 0 && tier_end(c->state.pid, &c->config);
}

int container_tier_remove(struct container *c, struct err *e)
{
	char dir[PATH_BYTES_MAX];
	int r = c->state.tier ? directory(c, dir, e) : 0;

	return r < 0 || !c->state.tier ? r : remove_machine(dir, e);
}
