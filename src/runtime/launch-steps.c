/* launch-steps: namespaces and the order of it all. See launch-steps.h. */
#include "runtime/launch-steps.h"

#include <linux/mount.h>
#include <sched.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define OVERFLOW_NANOSECONDS 1000000000u

static const struct {
	uint64_t flag;
	const char *name;
} kinds[NS_KINDS] = {
	[NS_PID] = { CLONE_NEWPID, "pid" },	     [NS_NETWORK] = { CLONE_NEWNET, "network" },
	[NS_MOUNT] = { CLONE_NEWNS, "mount" },	     [NS_IPC] = { CLONE_NEWIPC, "ipc" },
	[NS_UTS] = { CLONE_NEWUTS, "uts" },	     [NS_USER] = { CLONE_NEWUSER, "user" },
	[NS_CGROUP] = { CLONE_NEWCGROUP, "cgroup" }, [NS_TIME] = { CLONE_NEWTIME, "time" },
};

/* The mount namespace last: until then paths are the host's. */
static const enum oci_namespace join_order[] = { NS_USER,    NS_PID,	NS_IPC,	 NS_UTS,
						 NS_NETWORK, NS_CGROUP, NS_TIME, NS_MOUNT };

static bool is_new(const struct oci_config *c, enum oci_namespace kind)
{
	return c->namespaces[kind].set && !c->namespaces[kind].path;
}

static const char *joined(const struct oci_config *c, enum oci_namespace kind)
{
	return c->namespaces[kind].set ? c->namespaces[kind].path : NULL;
}

static void add_joins(struct launch_steps *s, const struct oci_config *c)
{
	for (size_t i = 0; i < ARRAY_LEN(join_order); i++) {
		enum oci_namespace kind = join_order[i];
		const char *path = joined(c, kind);
		const char *about = arena_fmt(s->a, "linux.namespaces: %s", kinds[kind].name).p;

		if (!path)
			continue;
		plan_text_step(&s->plan,
			       ((struct plan_step){
				       .kind = PLAN_JOIN,
				       .slot = steps_source(s, (struct launch_source){ .kind = SOURCE_NAMESPACE,
										       .about = about,
										       .path = path,
										       .index = kinds[kind].flag }),
				       .arg = { kinds[kind].flag } }),
			       about);
	}
}

/* What clone3() makes at once, and what has to wait: for a user namespace that is joined first (it is to own them), for
 * the control group that the process is moved to (the new view begins there), for the clock's offsets. */
static uint64_t split_new(struct launch_steps *s, const struct oci_config *c)
{
	bool owner_joined = joined(c, NS_USER);
	uint64_t late = 0;

	for (enum oci_namespace kind = 0; kind < NS_KINDS; kind++) {
		if (!is_new(c, kind))
			continue;
		if (owner_joined || kind == NS_CGROUP || kind == NS_TIME)
			late |= kinds[kind].flag;
		else
			s->clone_flags |= kinds[kind].flag;
	}
	s->maps = is_new(c, NS_USER);
	s->forks = joined(c, NS_PID) || (owner_joined && is_new(c, NS_PID));
	return late;
}

static void add_namespaces(struct launch_steps *s, const struct launch *l)
{
	const struct oci_config *c = l->config;
	uint64_t late = split_new(s, c);

	add_joins(s, c);
	if (joined(c, NS_USER))
		plan_text_step(&s->plan,
			       ((struct plan_step){ .kind = PLAN_ROOT_IDS, .slot = -1, .arg = { !l->rootless } }),
			       "linux.namespaces: user");
	if (late)
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_UNSHARE, .slot = -1, .arg = { late } }),
			       "linux.namespaces");
	if (s->forks)
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_FORK, .slot = -1 }),
			       "linux.namespaces: pid");
	else if (s->syncs)
		plan_text_step(&s->plan,
			       ((struct plan_step){ .kind = PLAN_SYNC, .slot = -1, .arg = { SYNC_NAMESPACES } }),
			       "hooks");
}

static int add_offset(struct launch_steps *s, uint64_t clock, bool set, int64_t seconds, uint32_t nanoseconds,
		      const char *about, struct err *e)
{
	if (!set)
		return 0;
	if (nanoseconds >= OVERFLOW_NANOSECONDS)
		return err_set(e, -EBADMSG, "%s: nanosecs is a second or more", about);
	plan_text_step(
		&s->plan,
		((struct plan_step){ .kind = PLAN_TIME, .slot = -1, .arg = { clock, (uint64_t)seconds, nanoseconds } }),
		about);
	return 0;
}

static int add_time(struct launch_steps *s, const struct oci_config *c, struct err *e)
{
	int r;

	if (!is_new(c, NS_TIME)) {
		if (c->monotonic.set || c->boottime.set)
			return err_set(e, -EBADMSG, "linux.timeOffsets: needs a new time namespace");
		return 0;
	}
	r = add_offset(s, CLOCK_MONOTONIC, c->monotonic.set, c->monotonic.seconds, c->monotonic.nanoseconds,
		       "linux.timeOffsets.monotonic", e);
	if (r < 0)
		return r;
	r = add_offset(s, CLOCK_BOOTTIME, c->boottime.set, c->boottime.seconds, c->boottime.nanoseconds,
		       "linux.timeOffsets.boottime", e);
	if (r < 0)
		return r;
	plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_TIME_ENTER, .slot = -1 }), "linux.namespaces: time");
	return 0;
}

static int add_names(struct launch_steps *s, const struct oci_config *c, struct err *e)
{
	if ((c->hostname || c->domainname) && !c->namespaces[NS_UTS].set)
		return err_set(e, -EBADMSG, "%s: needs a uts namespace", c->hostname ? "hostname" : "domainname");
	if (c->hostname)
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_HOSTNAME, .slot = -1 }), "hostname",
			       c->hostname);
	if (c->domainname)
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_DOMAINNAME, .slot = -1 }), "domainname",
			       c->domainname);
	return 0;
}

/* Knobs that belong to a namespace the container has for itself; every other one is the host's. */
static const struct sysctl_row {
	const char *name; /* with a '.' at its end: all below */
	enum oci_namespace kind;
} sysctls[] = {
	{ "kernel.msgmax", NS_IPC }, { "kernel.msgmnb", NS_IPC },	   { "kernel.msgmni", NS_IPC },
	{ "kernel.sem", NS_IPC },    { "kernel.shmall", NS_IPC },	   { "kernel.shmmax", NS_IPC },
	{ "kernel.shmmni", NS_IPC }, { "kernel.shm_rmid_forced", NS_IPC }, { "fs.mqueue.", NS_IPC },
	{ "net.", NS_NETWORK },	     { "kernel.domainname", NS_UTS },	   { "user.", NS_USER },
};

static int check_sysctl(const struct oci_config *c, struct str name, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(sysctls); i++) {
		struct str row = str_c(sysctls[i].name);

		if (!(str_ends(row, STR(".")) ? str_starts(name, row) : str_eq(name, row)))
			continue;
		if (c->namespaces[sysctls[i].kind].set)
			return 0;
		return err_set(e, -EBADMSG, "linux.sysctl: \"" STR_FMT "\" needs a %s namespace", STR_ARG(name),
			       kinds[sysctls[i].kind].name);
	}
	return err_set(e, -EBADMSG, "linux.sysctl: \"" STR_FMT "\" is not of a namespace: it would be the host's",
		       STR_ARG(name));
}

/* A part that is empty or dots would lead elsewhere than the name says. */
static bool parts_ok(const char *path)
{
	for (struct str rest = str_c(path), part; str_cut(&rest, '/', &part);)
		if (!part.n || str_is(part, ".") || str_is(part, ".."))
			return false;
	return true;
}

/* sysctl.d's two spellings: "net.ipv4.conf.eno2/100.x" and "net/ipv4/conf/eno2.100/x"; the first separator decides. */
static int add_sysctl(struct launch_steps *s, const struct oci_config *c, const struct key_value *kv, struct err *e)
{
	char *dotted = xstrdup(str_c(kv->key)), *path = xstrdup(str_c(kv->key));
	bool by_slash = strcspn(kv->key, "/") < strcspn(kv->key, ".");
	int r;

	for (size_t i = 0; path[i]; i++) {
		if (path[i] == '.' || path[i] == '/') {
			dotted[i] = (path[i] == '/') == by_slash ? '.' : '/';
			path[i] = dotted[i] == '.' ? '/' : '.';
		}
	}
	r = parts_ok(path) ? check_sysctl(c, str_c(dotted), e)
			   : err_set(e, -EBADMSG, "linux.sysctl: \"%s\" is no name of one", kv->key);
	if (r >= 0)
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_SYSCTL, .slot = -1 }),
			       arena_fmt(s->a, "linux.sysctl (%s)", kv->key).p, path, kv->value);
	free(dotted);
	free(path);
	return r;
}

/* The same thing said twice must be the same. */
static bool says_other(const struct oci_config *c, const char *name, const char *value)
{
	for (size_t i = 0; i < c->sysctl_count; i++)
		if (strcmp(c->sysctl[i].key, name) == 0 && strcmp(c->sysctl[i].value, value) != 0)
			return true;
	return false;
}

static int add_kernel(struct launch_steps *s, const struct launch *l, struct err *e)
{
	const struct oci_config *c = l->config;
	int r;

	if (!l->no_new_keyring || l->strict.no_keyring)
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_KEYRING, .slot = -1 }), "session keyring",
			       arena_fmt(s->a, "_ses.%s", l->id).p);
	if (is_new(c, NS_NETWORK))
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_LOOPBACK, .slot = -1 }),
			       "linux.namespaces: network");
	r = add_names(s, c, e);
	for (size_t i = 0; i < c->sysctl_count && r >= 0; i++)
		r = add_sysctl(s, c, &c->sysctl[i], e);
	return r;
}

static bool needs_proc(const struct oci_process *p)
{
	return p->apparmor || p->selinux;
}

int launch_steps_create(const struct launch *l, struct launch_steps *s, struct err *e)
{
	const struct oci_config *c = l->config;
	int r;

	if (!c->namespaces[NS_MOUNT].set)
		return err_set(e, -EBADMSG, "linux.namespaces: a container needs a mount namespace");
	if (joined(c, NS_MOUNT) && (l->rootless || c->hooks[HOOK_CREATE_CONTAINER].n))
		return err_set(e, -ENOTSUP, "linux.namespaces: a mount namespace cannot be joined %s",
			       l->rootless ? "without privileges" : "with createContainer hooks");
	if (c->domainname && says_other(c, "kernel.domainname", c->domainname))
		return err_set(e, -EBADMSG, "domainname: linux.sysctl says something else of kernel.domainname");
	if (!c->has_process)
		return err_set(e, -EBADMSG, "process: missing");
	/* Only then the network is known, and whose it is. */
	s->syncs = l->namespaces_ready && (joined(c, NS_NETWORK) || joined(c, NS_USER));
	add_namespaces(s, l);
	if (needs_proc(&c->process) || c->sysctl_count || is_new(c, NS_TIME))
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_PROC, .slot = -1 }), "procfs");
	r = add_time(s, c, e);
	if (r >= 0)
		r = add_kernel(s, l, e);
	if (r >= 0)
		r = steps_mounts(s, l, e);
	if (r >= 0)
		r = steps_process(s,
				  &(struct process_steps){ .process = &c->process,
							   .config = c,
							   .seccomp = l->seccomp,
							   .strict = l->strict,
							   .creates = true,
							   .waits = !l->start_at_once,
							   .own_start = l->own_start,
							   .groups = !l->rootless,
							   .has_state = l->state_text,
							   .listen_fds = l->listen_fds },
				  e);
	return r < 0 ? r : plan_finish(&s->plan, e);
}

/* All of the container's namespaces in one call. */
static uint64_t all_of(const struct oci_config *c)
{
	uint64_t flags = 0;

	for (enum oci_namespace kind = 0; kind < NS_KINDS; kind++)
		if (c->namespaces[kind].set)
			flags |= kinds[kind].flag;
	return flags;
}

int launch_steps_exec(const struct launch_exec *x, struct launch_steps *s, struct err *e)
{
	const struct oci_config *c = x->config;
	int slot = steps_source(
		s, (struct launch_source){ .kind = SOURCE_FD, .about = "the container", .fd = x->init_pidfd });
	int r;

	/* The container's procfs is reached through its process namespace: made before it is joined it would be the
	 * host's, so it is made after the fork. */
	s->forks = c->namespaces[NS_PID].set;
	plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_JOIN, .slot = slot, .arg = { all_of(c) } }),
		       "the container's namespaces");
	if (c->namespaces[NS_USER].set)
		plan_text_step(&s->plan,
			       ((struct plan_step){ .kind = PLAN_ROOT_IDS, .slot = -1, .arg = { !x->rootless } }),
			       "linux.namespaces: user");
	if (s->forks)
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_FORK, .slot = -1 }),
			       "linux.namespaces: pid");
	if (!x->no_new_keyring || x->strict.no_keyring)
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_KEYRING, .slot = -1 }), "session keyring",
			       "_ses");
	if (needs_proc(x->process))
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_PROC, .slot = -1 }), "procfs");
	if (x->process->terminal)
		steps_console(s, x->process, -1, -1);
	r = steps_process(s,
			  &(struct process_steps){ .process = x->process,
						   .config = c,
						   .seccomp = x->seccomp,
						   .strict = x->strict,
						   .groups = !x->rootless,
						   .has_state = x->state_text,
						   .listen_fds = x->listen_fds },
			  e);
	return r < 0 ? r : plan_finish(&s->plan, e);
}
