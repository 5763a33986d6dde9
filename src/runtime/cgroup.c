/* cgroup: where the host's hierarchies are, and what a container's groups are called. See cgroup.h. */
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/path.h"
#include "runtime/cgroup-part.h"

#define MOUNTINFO_MAX (4u << 20) /* bytes */
#define PROC_CGROUP_MAX 65536	 /* bytes of /proc/PID/cgroup */

static const char *const controller_names[CG_CONTROLLERS] = {
	[CG_CPU] = "cpu",	    [CG_CPUACCT] = "cpuacct", [CG_CPUSET] = "cpuset",	[CG_MEMORY] = "memory",
	[CG_PIDS] = "pids",	    [CG_IO] = "blkio",	      [CG_DEVICES] = "devices", [CG_FREEZER] = "freezer",
	[CG_HUGETLB] = "hugetlb",   [CG_RDMA] = "rdma",	      [CG_MISC] = "misc",	[CG_NET_CLS] = "net_cls",
	[CG_NET_PRIO] = "net_prio", [CG_PERF] = "perf_event",
};
/* Part of every v2 hierarchy, whatever its cgroup.controllers says: cpu.stat, a BPF program, cgroup.freeze (5.2). */
#define V2_CORE (1u << CG_CPUACCT | 1u << CG_DEVICES | 1u << CG_FREEZER)

const char *cgroup_controller_name(enum cgroup_controller which)
{
	return which < CG_CONTROLLERS ? controller_names[which] : "unified";
}

/* "io" is what v2 calls blkio. */
static uint32_t controller_bit(struct str name)
{
	if (str_is(name, "io"))
		return 1u << CG_IO;
	for (unsigned int i = 0; i < CG_CONTROLLERS; i++)
		if (str_is(name, controller_names[i]))
			return 1u << i;
	return 0;
}

/* The super options of a v1 mount: "rw,cpu,cpuacct", "rw,xattr,name=systemd". */
static void read_v1_options(struct str options, struct cgroup_hierarchy *h)
{
	char name[sizeof(h->name)];
	size_t n = 0;

	for (struct str o; str_cut(&options, ',', &o);) {
		uint32_t bit = controller_bit(o);

		if (!bit && !str_starts(o, STR("name=")))
			continue;
		h->controllers |= bit;
		if (n + o.n + 2 > sizeof(name))
			continue;
		if (n)
			name[n++] = ',';
		memcpy(name + n, o.p, o.n);
		n += o.n;
	}
	cgroup_copy(h->name, sizeof(h->name), str_n(name, n));
}

static bool known(const struct cgroup_host *host, const struct cgroup_hierarchy *h)
{
	for (size_t i = 0; i < host->n; i++)
		if (!strcmp(host->h[i].name, h->name))
			return true;
	return false;
}

/* 36 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory (proc(5)). The first mount of a hierarchy
 * counts; names with escapes are passed over: nobody mounts cgroups where there is white space. */
static void parse_mount(struct str line, struct cgroup_host *host)
{
	struct cgroup_hierarchy h = { .fd = -1 };
	struct str field, mount = STR_NONE, type, source, options;

	for (unsigned int i = 0; i < 5; i++)
		if (!str_cut(&line, ' ', i == 4 ? &mount : &field))
			return;
	while (str_cut(&line, ' ', &field) && !str_is(field, "-"))
		;
	if (!str_cut(&line, ' ', &type) || !str_cut(&line, ' ', &source) || !str_cut(&line, ' ', &options))
		return;
	h.v2 = str_is(type, "cgroup2");
	if (!h.v2 && !str_is(type, "cgroup"))
		return;
	if (!str_starts(mount, STR("/")) || str_find(mount, '\\') >= 0 || !cgroup_copy(h.mount, sizeof(h.mount), mount))
		return;
	if (h.v2)
		cgroup_copy(h.name, sizeof(h.name), STR("unified"));
	else
		read_v1_options(options, &h);
	if (host->n < CGROUP_HIERARCHIES && h.name[0] && !known(host, &h))
		host->h[host->n++] = h;
}

void cgroup_host_parse(struct str mountinfo, struct cgroup_host *ret)
{
	bool v1 = false, v2 = false;

	*ret = (struct cgroup_host){ 0 };
	for (struct str line; str_cut(&mountinfo, '\n', &line);)
		parse_mount(line, ret);
	for (size_t i = 0; i < ret->n; i++) {
		v1 |= !ret->h[i].v2;
		v2 |= ret->h[i].v2;
	}
	ret->mode = v1 && v2 ? CGROUP_HYBRID : v1 ? CGROUP_V1 : v2 ? CGROUP_V2 : CGROUP_NONE;
}

static int read_v2_controllers(struct cgroup_hierarchy *h)
{
	char text[CGROUP_VALUE_MAX];
	int r = cgroup_file_read(h->fd, "cgroup.controllers", text);
	struct str rest;

	if (r < 0)
		return r;
	h->controllers = V2_CORE;
	rest = str_c(text);
	for (struct str name; str_cut(&rest, ' ', &name);)
		h->controllers |= controller_bit(name);
	return 0;
}

/* Each controller is used in one hierarchy: what v1 has is not v2's, the freezer the other way round. */
static void settle_owners(struct cgroup_host *host)
{
	uint32_t v1 = 0;
	bool v2 = false;

	for (size_t i = 0; i < host->n; i++) {
		v1 |= host->h[i].v2 ? 0 : host->h[i].controllers;
		v2 |= host->h[i].v2;
	}
	for (size_t i = 0; i < host->n; i++)
		if (host->h[i].v2)
			host->h[i].controllers &= ~v1 | 1u << CG_FREEZER;
		else if (v2)
			host->h[i].controllers &= ~(1u << CG_FREEZER);
}

int cgroup_host(struct cgroup_host *ret, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct cgroup_host host;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, e);

	if (r < 0)
		return r;
	cgroup_host_parse(buf_all(&text), &host);
	for (size_t i = 0; i < host.n; i++) {
		struct cgroup_hierarchy *h = &host.h[i];

		h->fd = fd_open(AT_FDCWD, h->mount, O_RDONLY | O_DIRECTORY);
		r = h->fd < 0 ? h->fd : h->v2 ? read_v2_controllers(h) : 0;
		if (r < 0) {
			cgroup_host_done(&host);
			return err_errno(e, r, "cannot open the cgroup hierarchy %s", host.h[i].mount);
		}
	}
	settle_owners(&host);
	*ret = host;
	return 0;
}

void cgroup_host_done(struct cgroup_host *h)
{
	for (size_t i = 0; i < h->n; i++)
		fd_close(&h->h[i].fd);
	h->n = 0;
}

bool cgroup_path_in(struct str text, const struct cgroup_hierarchy *h, struct str *ret)
{
	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str id, names;

		if (!str_cut(&line, ':', &id) || !str_cut(&line, ':', &names))
			continue;
		if (h->v2 ? !names.n && str_is(id, "0") : str_is(names, h->name)) {
			*ret = str_from(line, line.n && line.p[0] == '/');
			return true;
		}
	}
	return false;
}

int cgroup_of_process(pid_t pid, struct buf *ret, struct err *e)
{
	char name[64];

	snprintf(name, sizeof(name), pid ? "/proc/%d/cgroup" : "/proc/self/cgroup", pid);
	return file_read(AT_FDCWD, name, PROC_CGROUP_MAX, ret, e);
}

int cgroup_take_place(struct cgroup *c, pid_t pid, struct str name, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct str path;
	int r = cgroup_of_process(pid, &text, e);

	if (r < 0)
		return err_wrap(e, r, "cgroup: process %d", pid);
	for (size_t i = 0; i < c->host->n; i++)
		if (cgroup_path_in(buf_all(&text), &c->host->h[i], &path) && str_eq(path_base(path), name))
			return cgroup_copy(c->path, sizeof(c->path), path)
				       ? 0
				       : err_set(e, -E2BIG, "cgroup: a path longer than %d bytes", CGROUP_PATH_MAX);
	return err_set(e, -EIO, "cgroup: process %d is in no group " STR_FMT, pid, STR_ARG(name));
}

static const struct cgroup_hierarchy *unified(const struct cgroup_host *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->h[i].v2)
			return &h->h[i];
	return NULL;
}

/* The nearest group above the caller's own that the user may divide: it can be written and holds no process itself
 * (v2's rule of no internal processes). "" when there is none. */
static void delegated_base(const struct cgroup_host *host, char ret[CGROUP_PATH_MAX])
{
	const struct cgroup_hierarchy *h = unified(host);
	auto_buf struct buf text = { 0 };
	struct str path;

	ret[0] = 0;
	if (!h || cgroup_of_process(0, &text, NULL) < 0 || !cgroup_path_in(buf_all(&text), h, &path))
		return;
	for (; path.n; path = path_dir(path)) {
		char name[CGROUP_PATH_MAX + 32], procs[CGROUP_VALUE_MAX];
		auto_close int fd = -1;

		snprintf(name, sizeof(name), STR_FMT, STR_ARG(path));
		fd = path.n < CGROUP_PATH_MAX ? fd_open(h->fd, name, O_RDONLY | O_DIRECTORY) : -1;
		if (fd < 0 || faccessat(fd, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0)
			return;
		if (cgroup_file_read(fd, "cgroup.procs", procs) == 0 && !procs[0] &&
		    cgroup_copy(ret, CGROUP_PATH_MAX, path))
			return;
	}
}

/* "a-b.slice" lies in "a.slice/a-b.slice" (systemd.slice(5)). */
static int expand_slice(struct str slice, struct buf *out, struct err *e)
{
	struct str stem = str_head(slice, slice.n >= 6 ? slice.n - 6 : 0);

	if (!str_ends(slice, STR(".slice")) || str_find(slice, '/') >= 0 || !stem.n)
		return err_set(e, -EBADMSG, "cgroupsPath: '" STR_FMT "' is no name of a slice", STR_ARG(slice));
	if (str_is(stem, "-"))
		return 0;
	for (size_t i = 0; i < stem.n; i++) {
		if (stem.p[i] == '-' && (i == 0 || i + 1 == stem.n || stem.p[i + 1] == '-'))
			return err_set(e, -EBADMSG, "cgroupsPath: '" STR_FMT "' is no name of a slice", STR_ARG(slice));
		if (stem.p[i] == '-')
			buf_fmt(out, STR_FMT ".slice/", STR_ARG(str_head(stem, i)));
	}
	buf_fmt(out, STR_FMT "/", STR_ARG(slice));
	return 0;
}

/* "slice:prefix:name", as engines give it with --systemd-cgroup: slice/prefix-name.scope. */
static int systemd_path(struct str given, const char *id, struct buf *out, struct err *e)
{
	struct str slice = STR("system.slice"), prefix = STR("yagura"), name = str_c(id), rest;
	int r;

	if (given.n && (!str_split(given, ':', &slice, &rest) || !str_split(rest, ':', &prefix, &name)))
		return err_set(e, -EBADMSG, "cgroupsPath: with systemd it is slice:prefix:name, not '" STR_FMT "'",
			       STR_ARG(given));
	r = expand_slice(slice.n ? slice : STR("system.slice"), out, e);
	if (r < 0)
		return r;
	if (!name.n || str_find(name, '/') >= 0 || str_find(prefix, '/') >= 0)
		return err_set(e, -EBADMSG, "cgroupsPath: there is no name of a unit in '" STR_FMT "'", STR_ARG(given));
	if (str_ends(name, STR(".slice")))
		buf_str(out, name);
	else
		buf_fmt(out, STR_FMT "%s" STR_FMT ".scope", STR_ARG(prefix), prefix.n ? "-" : "", STR_ARG(name));
	return 0;
}

static int wanted_path(const struct cgroup *c, struct str given, const char *id, struct buf *out, struct err *e)
{
	char base[CGROUP_PATH_MAX];

	if (c->systemd)
		return systemd_path(given, id, out, e);
	if (c->rootless && (!given.n || given.p[0] != '/')) {
		delegated_base(c->host, base);
		buf_fmt(out, "%s/", base);
	}
	if (given.n)
		buf_str(out, given);
	else
		buf_str(out, str_c(id));
	return 0;
}

int cgroup_init(struct cgroup *ret, const struct cgroup_host *h, const char *cgroups_path, const char *id, bool systemd,
		bool rootless, struct err *e)
{
	struct cgroup c = { .host = h, .systemd = systemd, .rootless = rootless };
	auto_buf struct buf path = { 0 };
	char normal[PATH_BYTES_MAX];
	struct str s;
	int r;

	memset(c.dirs, -1, sizeof(c.dirs));
	buf_init(&path, PATH_BYTES_MAX);
	r = wanted_path(&c, str_c(cgroups_path), id, &path, e);
	if (r < 0)
		return r;
	if (buf_finish(&path) < 0 || path_normal(buf_all(&path), normal, &s) < 0)
		return err_set(e, -EBADMSG, "cgroupsPath: '%s' leads upwards or is too long", cgroups_path);
	if (!s.n)
		return err_set(e, -EBADMSG, "cgroupsPath: a container cannot be the root group");
	if (!cgroup_copy(c.path, sizeof(c.path), s))
		return err_set(e, -E2BIG, "cgroupsPath: longer than %d bytes", CGROUP_PATH_MAX);
	*ret = c;
	return 0;
}

int cgroup_dir(const struct cgroup *c, enum cgroup_controller which, bool *ret_v2)
{
	for (size_t i = 0; i < c->host->n; i++) {
		const struct cgroup_hierarchy *h = &c->host->h[i];

		if (which == CG_UNIFIED ? h->v2 : h->controllers >> which & 1) {
			if (ret_v2)
				*ret_v2 = h->v2;
			return c->dirs[i];
		}
	}
	return -1;
}

int cgroup_read(const struct cgroup *c, enum cgroup_controller which, const char *file, char ret[CGROUP_VALUE_MAX])
{
	int dir = cgroup_dir(c, which, NULL);

	return dir < 0 ? -ENOENT : cgroup_file_read(dir, file, ret);
}

int cgroup_write(const struct cgroup *c, enum cgroup_controller which, const char *file, const char *value,
		 struct err *e)
{
	int dir = cgroup_dir(c, which, NULL);
	int r = dir < 0 ? -ENOENT : cgroup_file_write(dir, file, value);

	return r < 0 ? err_errno(e, r, "cgroup: cannot write '%s' to %s", value, file) : 0;
}
