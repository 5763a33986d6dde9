/* strict: what is taken out of a configuration. See strict.h. */
#include "runtime/strict.h"

#include <sys/resource.h>

#include "base/path.h"
#include "runtime/hidden.h"

#define FILES_DEFAULT 65536 /* descriptors of a process whose configuration sets no limit */

/* Besides what engines hide (hidden.h). */
static const char *const masked[] = {
	"/proc/sysrq-trigger",
	"/sys/kernel/security",
	"/sys/kernel/debug",
	"/sys/kernel/tracing",
};

/* Namespaces that are always the container's own. The network stays as asked: the limits know how to hold the host's.
 */
static const enum oci_namespace own[] = { NS_PID, NS_MOUNT, NS_IPC, NS_UTS, NS_CGROUP };

/* By type or destination of a mount: an option that is added unless the mount says the contrary. */
static const struct {
	const char *type, *option, *unless;
} mount_rows[] = {
	{ "proc", "hidepid=invisible", "hidepid=" },
	{ "sysfs", "ro", NULL },
	{ "cgroup", "ro", NULL },
	{ "cgroup2", "ro", NULL },
	{ "bind", "nosuid", "suid" },
	{ "tmpfs", "nosuid", "suid" },
};
/* What can be written can be executed only where the mount asks for it ("exec"). */
static const char *const data_types[] = { "bind", "tmpfs" };

static bool has(const struct strings *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++) {
		if (str_is(str_c(s->v[i]), text))
			return true;
	}
	return false;
}

static bool has_head(const struct strings *s, const char *head)
{
	for (size_t i = 0; i < s->n; i++) {
		if (str_starts(str_c(s->v[i]), str_c(head)))
			return true;
	}
	return false;
}

static void add(struct strings *s, struct arena *a, const char *const *texts, size_t n)
{
	const char **v = arena_array(a, const char *, s->n + n + 1);
	size_t at = 0;

	for (size_t i = 0; i < s->n; i++)
		v[at++] = s->v[i];
	for (size_t i = 0; i < n; i++) {
		if (!has(s, texts[i]))
			v[at++] = texts[i];
	}
	*s = (struct strings){ v, at };
}

static bool is_bind(const struct oci_mount *m)
{
	return has(&m->options, "bind") || has(&m->options, "rbind") || (m->type && str_is(str_c(m->type), "bind"));
}

static const char *kind_of(const struct oci_mount *m)
{
	return is_bind(m) ? "bind" : m->type ? m->type : "";
}

/* The host's processes and kernel knobs: no container of this tier gets them. */
static int refuse_host_proc(const struct oci_mount *m, struct err *e)
{
	char out[PATH_BYTES_MAX];
	struct str source;

	if (!is_bind(m) || !m->source || path_normal(str_c(m->source), out, &source) < 0)
		return 0; /* what is no path is refused where mounts are read */
	if (path_under(source, STR("proc")))
		return err_set(e, -EPERM, "mount of %s: the host's procfs is not for strict containers (--compat)",
			       m->source);
	return 0;
}

static void replace_sharing(struct oci_mount *m, struct arena *a)
{
	const char **v = arena_array(a, const char *, m->options.n + 1);

	for (size_t i = 0; i < m->options.n; i++) {
		struct str o = str_c(m->options.v[i]);

		v[i] = str_is(o, "shared") ? "slave" : str_is(o, "rshared") ? "rslave" : m->options.v[i];
	}
	m->options.v = v;
}

static void narrow_mount(struct oci_mount *m, struct arena *a)
{
	const char *kind = kind_of(m), *const noexec = "noexec";

	for (size_t i = 0; i < ARRAY_LEN(mount_rows); i++) {
		if (str_is(str_c(mount_rows[i].type), kind) &&
		    (!mount_rows[i].unless || !has_head(&m->options, mount_rows[i].unless)))
			add(&m->options, a, &mount_rows[i].option, 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(data_types); i++) {
		if (str_is(str_c(data_types[i]), kind) && !has(&m->options, "ro") && !has(&m->options, "rro") &&
		    !has(&m->options, "exec"))
			add(&m->options, a, &noexec, 1);
	}
	replace_sharing(m, a);
}

/* Volumes keep their owners: they are mapped as the container is. */
static void map_mount(struct oci_mount *m, const struct oci_config *c)
{
	if (is_bind(m) && !m->uids.n && !m->gids.n && !has_head(&m->options, "idmap") &&
	    !has_head(&m->options, "ridmap")) {
		m->uids = c->uids;
		m->gids = c->gids;
	}
}

static int map_ids(struct oci_config *c, struct arena *a, const struct oci_mapping *ids, struct err *e)
{
	struct oci_mapping *row;

	if (c->namespaces[NS_USER].set || !ids->size)
		return 0;
	if (c->process.uid >= ids->size || c->process.gid >= ids->size)
		return err_set(e, -EPERM, "process.user: %u:%u is above the %u ids of a container", c->process.uid,
			       c->process.gid, ids->size);
	row = arena_new(a, struct oci_mapping);
	*row = (struct oci_mapping){ 0, ids->host_id, ids->size };
	c->namespaces[NS_USER].set = true;
	c->uids = c->gids = (struct oci_mappings){ row, 1 };
	for (size_t i = 0; i < c->mount_count; i++)
		map_mount(&c->mounts[i], c);
	return 0;
}

static struct oci_rlimit *limit_row(struct oci_process *p, struct arena *a, int type, bool *ret_added)
{
	struct oci_rlimit *v;

	for (size_t i = 0; i < p->rlimit_count; i++) {
		if (p->rlimits[i].type == type)
			return &p->rlimits[i];
	}
	v = arena_array(a, struct oci_rlimit, p->rlimit_count + 1);
	for (size_t i = 0; i < p->rlimit_count; i++)
		v[i] = p->rlimits[i];
	v[p->rlimit_count].type = type;
	p->rlimits = v;
	*ret_added = true;
	return &v[p->rlimit_count++];
}

static void limit_process(struct oci_process *p, struct arena *a)
{
	bool added = false;
	struct oci_rlimit *core = limit_row(p, a, RLIMIT_CORE, &added), *files;
	struct rlimit now;

	core->soft = core->hard = 0;
	added = false;
	files = limit_row(p, a, RLIMIT_NOFILE, &added);
	if (!added)
		return;
	files->soft = files->hard = FILES_DEFAULT;
	if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max < FILES_DEFAULT)
		files->soft = files->hard = now.rlim_max;
}

void strict_process(struct oci_process *p, struct arena *a, const struct strict_wish *w)
{
	p->no_new_privileges = true;
	p->caps.bounding &= w->capabilities;
	p->caps.effective &= w->capabilities;
	p->caps.permitted &= w->capabilities;
	/* CVE-2022-24769 and its kin: nobody needs them, and a file with inheritable bits would give them back (R5). */
	p->caps.inheritable = 0;
	p->caps.ambient = 0;
	limit_process(p, a);
}

int strict_apply(struct oci_config *c, struct arena *a, const struct strict_wish *w, struct launch_strict *ret,
		 struct err *e)
{
	int r = 0;

	strict_process(&c->process, a, w);
	c->root_readonly = !w->writable_root || c->root_readonly;
	c->rootfs_propagation = NULL;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		c->namespaces[own[i]].set = true;
	if (c->namespaces[NS_MOUNT].path)
		return err_set(e, -EPERM,
			       "linux.namespaces: the mount namespace %s of others is not for strict containers "
			       "(--compat)",
			       c->namespaces[NS_MOUNT].path);
	add(&c->masked_paths, a, hidden_masked, HIDDEN_MASKED);
	add(&c->masked_paths, a, masked, ARRAY_LEN(masked));
	add(&c->readonly_paths, a, hidden_read_only, HIDDEN_READ_ONLY);
	for (size_t i = 0; r == 0 && i < c->mount_count; i++) {
		r = refuse_host_proc(&c->mounts[i], e);
		if (r == 0)
			narrow_mount(&c->mounts[i], a);
	}
	if (r == 0)
		r = map_ids(c, a, &w->ids, e);
	if (r == 0)
		*ret = (struct launch_strict){
			.landlock = true, .private_proc = true, .no_keyring = true, .core_off = true
		};
	return r;
}
