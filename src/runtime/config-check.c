/* config-check: does a configuration make sense as a whole? See config-check.h. */
#include "runtime/config-check.h"

#include <sys/stat.h>

#define SYSCTL_NAME_MAX 256

/* Which sysctls are of a namespace: ipc_namespaces(7), uts_namespaces(7), network_namespaces(7), user_namespaces(7). */
static const struct {
	const char *name; /* ends in '.': all below it */
	enum oci_namespace namespace;
} sysctls[] = {
	{ "net.", NS_NETWORK },
	{ "fs.mqueue.", NS_IPC },
	{ "kernel.msgmax", NS_IPC },
	{ "kernel.msgmnb", NS_IPC },
	{ "kernel.msgmni", NS_IPC },
	{ "kernel.msg_next_id", NS_IPC },
	{ "kernel.sem", NS_IPC },
	{ "kernel.sem_next_id", NS_IPC },
	{ "kernel.shmall", NS_IPC },
	{ "kernel.shmmax", NS_IPC },
	{ "kernel.shmmni", NS_IPC },
	{ "kernel.shm_next_id", NS_IPC },
	{ "kernel.shm_rmid_forced", NS_IPC },
	{ "kernel.domainname", NS_UTS },
	{ "user.", NS_USER },
};

/* Both "net.ipv4.ip_forward" and "net/ipv4/ip_forward" are in use (sysctl(8)). */
static char dotted(char c)
{
	return c == '/' ? '.' : c;
}

static bool name_fits(struct str name, const char *pattern)
{
	size_t n = strlen(pattern);
	bool below = pattern[n - 1] == '.';

	if (below ? name.n <= n : name.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (dotted(name.p[i]) != pattern[i])
			return false;
	return true;
}

static bool name_ok(struct str name)
{
	char last = '.';

	if (!name.n || name.n > SYSCTL_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = dotted(name.p[i]);

		if (!is_alpha(c) && !is_digit(c) && !strchr("_-.:", c))
			return false;
		if (c == '.' && last == '.')
			return false;
		last = c;
	}
	return last != '.';
}

enum oci_namespace sysctl_namespace(struct str name)
{
	for (size_t i = 0; name_ok(name) && i < ARRAY_LEN(sysctls); i++)
		if (name_fits(name, sysctls[i].name))
			return sysctls[i].namespace;
	return NS_KINDS;
}

/* A namespace joined by its path must not be the one we are in. */
static bool is_ours(enum oci_namespace kind, const char *path)
{
	static const char *const files[NS_KINDS] = { "pid", "net", "mnt", "ipc", "uts", "user", "cgroup", "time" };
	struct stat own, other;
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/ns/%s", files[kind]);
	return stat(path, &other) == 0 && stat(name, &own) == 0 && own.st_ino == other.st_ino &&
	       own.st_dev == other.st_dev;
}

static int check_sysctl(const struct oci_config *c, struct err *e)
{
	for (size_t i = 0; i < c->sysctl_count; i++) {
		const char *name = c->sysctl[i].key;
		enum oci_namespace kind = sysctl_namespace(str_c(name));
		const struct oci_namespace_want *want = &c->namespaces[kind < NS_KINDS ? kind : 0];

		if (kind == NS_KINDS)
			return err_set(e, -EBADMSG,
				       "linux.sysctl.%s: belongs to no namespace: it would change the host", name);
		if (!want->set || (want->path && is_ours(kind, want->path)))
			return err_set(e, -EBADMSG, "linux.sysctl.%s: needs a %s namespace of the container's own",
				       name, oci_namespace_name(kind));
	}
	return 0;
}

/* What only makes sense in a namespace of the container's own. */
static int check_namespaces(const struct oci_config *c, struct err *e)
{
	const struct {
		bool asked;
		enum oci_namespace kind;
		const char *what;
	} needs[] = {
		{ true, NS_MOUNT, "root" },
		{ c->hostname, NS_UTS, "hostname" },
		{ c->domainname, NS_UTS, "domainname" },
		{ c->uids.n, NS_USER, "linux.uidMappings" },
		{ c->gids.n, NS_USER, "linux.gidMappings" },
		{ c->net_device_count, NS_NETWORK, "linux.netDevices" },
		{ c->monotonic.set || c->boottime.set, NS_TIME, "linux.timeOffsets" },
	};
	const struct oci_namespace_want *user = &c->namespaces[NS_USER], *time = &c->namespaces[NS_TIME];

	for (size_t i = 0; i < ARRAY_LEN(needs); i++)
		if (needs[i].asked && !c->namespaces[needs[i].kind].set)
			return err_set(e, -EBADMSG, "%s: needs a %s namespace in linux.namespaces", needs[i].what,
				       oci_namespace_name(needs[i].kind));
	if (user->set && !user->path && (!c->uids.n || !c->gids.n))
		return err_set(e, -EBADMSG, "linux.%s: a new user namespace needs them",
			       c->uids.n ? "gidMappings" : "uidMappings");
	if (time->path && (c->monotonic.set || c->boottime.set))
		return err_set(e, -EBADMSG, "linux.timeOffsets: the time namespace exists already");
	return 0;
}

static int check_mounts(const struct oci_config *c, struct err *e)
{
	for (size_t i = 0; i < c->mount_count; i++)
		if (!c->mounts[i].uids.n != !c->mounts[i].gids.n)
			return err_set(e, -EBADMSG, "mounts[%zu]: uidMappings and gidMappings go together", i);
	return 0;
}

static int check_process(const struct oci_config *c, struct err *e)
{
	if (!c->has_process)
		return err_set(e, -EBADMSG, "\"process\" is missing");
	if (!c->process.args.n)
		return err_set(e, -EBADMSG, "process.args: there is no program to run");
	if (!c->root_path)
		return err_set(e, -EBADMSG, "root.path is missing");
	return 0;
}

int oci_config_check(const struct oci_config *c, struct err *e)
{
	int r = check_process(c, e);

	if (r >= 0)
		r = check_namespaces(c, e);
	if (r >= 0)
		r = check_sysctl(c, e);
	if (r >= 0)
		r = check_mounts(c, e);
	return r;
}
