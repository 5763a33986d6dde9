/* cgroup: where the host's hierarchies are, a container's groups made, joined and removed. See cgroup.h. */
#include "runtime/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
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

static bool copy_z(char *to, size_t size, struct str s)
{
	if (s.n >= size)
		return false;
	if (s.n)
		memcpy(to, s.p, s.n);
	to[s.n] = 0;
	return true;
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
	copy_z(h->name, sizeof(h->name), str_n(name, n));
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
	if (!str_starts(mount, STR("/")) || str_find(mount, '\\') >= 0 || !copy_z(h.mount, sizeof(h.mount), mount))
		return;
	if (h.v2)
		copy_z(h.name, sizeof(h.name), STR("unified"));
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

/* The path of a process in one hierarchy, from the lines "4:memory:/a/b" and "0::/a/b" of its cgroup file. */
static bool path_in(struct str text, const struct cgroup_hierarchy *h, struct str *ret)
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

static int read_proc_cgroup(pid_t pid, struct buf *ret, struct err *e)
{
	char name[64];

	snprintf(name, sizeof(name), pid ? "/proc/%d/cgroup" : "/proc/self/cgroup", pid);
	return file_read(AT_FDCWD, name, PROC_CGROUP_MAX, ret, e);
}

int cgroup_take_place(struct cgroup *c, pid_t pid, struct str name, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct str path;
	int r = read_proc_cgroup(pid, &text, e);

	if (r < 0)
		return err_wrap(e, r, "cgroup: process %d", pid);
	for (size_t i = 0; i < c->host->n; i++)
		if (path_in(buf_all(&text), &c->host->h[i], &path) && str_eq(path_base(path), name))
			return copy_z(c->path, sizeof(c->path), path)
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
	if (!h || read_proc_cgroup(0, &text, NULL) < 0 || !path_in(buf_all(&text), h, &path))
		return;
	for (; path.n; path = path_dir(path)) {
		char name[CGROUP_PATH_MAX + 32], procs[CGROUP_VALUE_MAX];
		auto_close int fd = -1;

		snprintf(name, sizeof(name), STR_FMT, STR_ARG(path));
		fd = path.n < CGROUP_PATH_MAX ? fd_open(h->fd, name, O_RDONLY | O_DIRECTORY) : -1;
		if (fd < 0 || faccessat(fd, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0)
			return;
		if (cgroup_file_read(fd, "cgroup.procs", procs) == 0 && !procs[0] && copy_z(ret, CGROUP_PATH_MAX, path))
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
	if (!copy_z(c.path, sizeof(c.path), s))
		return err_set(e, -E2BIG, "cgroupsPath: longer than %d bytes", CGROUP_PATH_MAX);
	*ret = c;
	return 0;
}

void cgroup_done(struct cgroup *c)
{
	cgroup_scope_settle(c);
	for (size_t i = 0; i < CGROUP_HIERARCHIES; i++)
		fd_close(&c->dirs[i]);
}

/* Gives every controller of this group to the groups below. What is refused shows when a limit needs it. A write makes
 * the kernel wait for groups that are being removed: none for what is given already. */
static void delegate_controllers(int dir)
{
	char text[CGROUP_VALUE_MAX], given[CGROUP_VALUE_MAX];
	struct str rest;

	if (cgroup_file_read(dir, "cgroup.controllers", text) < 0 ||
	    cgroup_file_read(dir, "cgroup.subtree_control", given) < 0)
		return;
	rest = str_c(text);
	for (struct str name; str_word(&rest, &name);) {
		char word[64];

		if (name.n < sizeof(word) - 1 && !str_has_word(str_c(given), name)) {
			snprintf(word, sizeof(word), "+" STR_FMT, STR_ARG(name));
			(void)!cgroup_file_write(dir, "cgroup.subtree_control", word);
		}
	}
}

/* A new v1 cpuset is empty and takes no process until it has what its parent has (cgroup-v1/cpusets.rst). */
static int inherit_cpuset(int parent, int dir, bool fresh)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	char text[CGROUP_VALUE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int r = fresh ? 0 : cgroup_file_read(dir, files[i], text);

		if (r == 0 && !fresh && text[0])
			continue;
		if (r == 0)
			r = cgroup_file_read(parent, files[i], text);
		if (r == 0)
			r = cgroup_file_write(dir, files[i], text);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One part of a path below `*dir`, which becomes that group's. *ret_made: it was not there. */
static int enter(const struct cgroup_hierarchy *h, int *dir, const char *name, bool *ret_made)
{
	auto_close int parent = take_fd(dir);
	int r;

	if (h->v2)
		delegate_controllers(parent);
	*ret_made = mkdirat(parent, name, 0755) == 0;
	if (!*ret_made && errno != EEXIST)
		return -errno;
	r = fd_open(parent, name, O_RDONLY | O_DIRECTORY);
	if (r >= 0) {
		*dir = r;
		r = !h->v2 && h->controllers & 1u << CG_CPUSET ? inherit_cpuset(parent, *dir, *ret_made) : 0;
	}
	if (r < 0 && *ret_made)
		unlinkat(parent, name, AT_REMOVEDIR);
	return r;
}

/* Removes the last `made` parts of the first n bytes of a path again. */
static void unmake(const struct cgroup_hierarchy *h, const char *path, size_t n, unsigned int made)
{
	for (struct str p = str_n(path, n); made-- && p.n; p = path_dir(p)) {
		char name[CGROUP_PATH_MAX];

		copy_z(name, sizeof(name), p);
		unlinkat(h->fd, name, AT_REMOVEDIR);
	}
}

/* Of a group that was there before: what joins it would stand still, and we with it. */
static bool is_frozen(const struct cgroup_hierarchy *h, int dir)
{
	char text[CGROUP_VALUE_MAX];

	if (cgroup_file_read(dir, h->v2 ? "cgroup.freeze" : "freezer.state", text) < 0)
		return false;
	return !strcmp(text, "1") || str_starts(str_c(text), STR("FR")); /* FREEZING, FROZEN */
}

/* Whether a group that was there before may become a container's: 0, else why not. */
static int check_found(const struct cgroup_hierarchy *h, int dir)
{
	char procs[CGROUP_VALUE_MAX];

	if (cgroup_file_read(dir, "cgroup.procs", procs) == 0 && procs[0])
		return -EEXIST;
	return is_frozen(h, dir) ? -EDEADLK : 0;
}

/* shared: systemd made the group, and our placeholder is in it. */
static int make_in(const struct cgroup_hierarchy *h, const char *path, bool shared, int *ret, unsigned int *ret_made)
{
	struct str rest = str_c(path), part;
	auto_close int dir = fcntl(h->fd, F_DUPFD_CLOEXEC, 3);
	char name[CGROUP_PATH_MAX];
	unsigned int made = 0;
	bool fresh = false;
	size_t done = 0;
	int r = dir < 0 ? -errno : 0;

	while (r == 0 && str_cut(&rest, '/', &part)) {
		copy_z(name, sizeof(name), part);
		r = enter(h, &dir, name, &fresh);
		if (r < 0)
			break;
		made = fresh ? made + 1 : 0;
		done = (size_t)(part.p + part.n - path);
	}
	if (r == 0 && !fresh && !shared)
		r = check_found(h, dir);
	if (r < 0) {
		unmake(h, path, done, made);
		return r;
	}
	*ret = take_fd(&dir);
	*ret_made = made;
	return 0;
}

static bool user_may_not(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS;
}

static int cannot_have(const struct cgroup *c, const struct cgroup_hierarchy *h, int r, struct err *e)
{
	if (r == -EEXIST)
		return err_set(e, r, "cgroup: %s/%s holds processes already: container's cgroup is not empty", h->mount,
			       c->path);
	if (r == -EDEADLK)
		return err_set(e, r, "container's cgroup unexpectedly frozen: %s/%s", h->mount, c->path);
	return err_errno(e, r, "cgroup: cannot make %s/%s", h->mount, c->path);
}

int cgroup_check_free(const struct cgroup *c, struct err *e)
{
	/* Where a user's own manager puts it is known only then. */
	for (size_t i = 0; !(c->systemd && c->rootless) && i < c->host->n; i++) {
		const struct cgroup_hierarchy *h = &c->host->h[i];
		auto_close int dir = -1;
		int r;

		if (faccessat(h->fd, c->path, F_OK, 0) < 0) /* as it should be; asked without opening, for the cost */
			continue;
		dir = fd_open(h->fd, c->path, O_RDONLY | O_DIRECTORY);
		r = dir < 0 ? 0 : check_found(h, dir);
		if (r < 0)
			return cannot_have(c, h, r, e);
	}
	return 0;
}

int cgroup_make(struct cgroup *c, struct err *e)
{
	unsigned int made[CGROUP_HIERARCHIES] = { 0 };
	int r = 0;

	if (c->systemd)
		r = cgroup_scope_make(c, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->host->n; i++) {
		const struct cgroup_hierarchy *h = &c->host->h[i];

		r = make_in(h, c->path, c->systemd, &c->dirs[i], &made[i]);
		if (r == 0 || (c->rootless && user_may_not(r)))
			continue;
		while (i--)
			unmake(&c->host->h[i], c->path, strlen(c->path), made[i]);
		cgroup_done(c);
		return cannot_have(c, h, r, e);
	}
	return 0;
}

int cgroup_open(struct cgroup *c, struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < c->host->n; i++) {
		fd_close(&c->dirs[i]);
		c->dirs[i] = fd_open(c->host->h[i].fd, c->path, O_RDONLY | O_DIRECTORY);
		any |= c->dirs[i] >= 0;
	}
	return any ? 0 : err_set(e, -ENOENT, "cgroup: %s is in no hierarchy", c->path);
}

int cgroup_clone_fd(const struct cgroup *c)
{
	for (size_t i = 0; i < c->host->n; i++)
		if (c->host->h[i].v2)
			return c->dirs[i];
	return -1;
}

static bool in_root(const struct cgroup *c, size_t i)
{
	return c->io_apart && !c->host->h[i].v2 && c->host->h[i].controllers >> CG_IO & 1;
}

/* Whether /proc/PID/cgroup says that the process is in our group. */
static bool is_member(const struct cgroup *c, size_t i, struct str text)
{
	struct str path, want = str_c(c->path);

	if (!path_in(text, &c->host->h[i], &path))
		return false;
	if (in_root(c, i))
		return !path.n;
	/* Seen from inside a cgroup namespace, the mount's root has a name of its own; the end must be ours. */
	return str_eq(path, want) || (path.n > want.n && str_ends(path, want) && path.p[path.n - want.n - 1] == '/');
}

int cgroup_join(const struct cgroup *c, pid_t pid, bool cloned, struct err *e)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", pid);
	for (size_t i = 0; i < c->host->n; i++) {
		int r;

		if (c->dirs[i] < 0 || (cloned && c->host->h[i].v2))
			continue;
		r = cgroup_file_write(in_root(c, i) ? c->host->h[i].fd : c->dirs[i], "cgroup.procs", number);
		if (r < 0 && !(c->rootless && user_may_not(r)))
			return err_errno(e, r, "cgroup: process %d cannot join %s/%s", pid, c->host->h[i].mount,
					 c->path);
	}
	return 0;
}

int cgroup_check_member(const struct cgroup *c, pid_t pid, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = read_proc_cgroup(pid, &text, e);

	if (r < 0)
		return err_wrap(e, r, "cgroup: process %d", pid);
	for (size_t i = 0; i < c->host->n; i++)
		if (c->dirs[i] >= 0 && !is_member(c, i, buf_all(&text)))
			return err_set(e, -EBADMSG, "cgroup: process %d is not in %s/%s", pid, c->host->h[i].mount,
				       c->path);
	return 0;
}

/* The first group inside a directory. */
static bool first_child(int dir, char name[NAME_MAX + 1])
{
	auto_close int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool found = false;

	if (!d)
		return false;
	take_fd(&fd);
	for (struct dirent *ent; !found && (ent = readdir(d));) {
		found = ent->d_type == DT_DIR && strcmp(ent->d_name, ".") && strcmp(ent->d_name, "..");
		if (found)
			copy_z(name, NAME_MAX + 1, str_c(ent->d_name));
	}
	closedir(d);
	return found;
}

/* Empties a group of groups, however deep: down while something cannot be removed because of what it holds, up again
 * when a level is empty. A group that stays busy (a process in its last throes) is waited for. */
static int remove_children(int top, struct deadline *until)
{
	auto_close int dir = fcntl(top, F_DUPFD_CLOEXEC, 3);
	unsigned int depth = 0;
	bool removed = false; /* something, since we last went down */
	char name[NAME_MAX + 1];

	while (dir >= 0) {
		int next;

		if (!first_child(dir, name)) {
			if (!depth--)
				return 0;
			if (!removed && !deadline_wait(until))
				return -EBUSY;
			next = fd_open(dir, "..", O_RDONLY | O_DIRECTORY);
		} else if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
			removed = true;
			continue;
		} else {
			next = fd_open(dir, name, O_RDONLY | O_DIRECTORY);
			removed = false;
			depth++;
		}
		fd_close(&dir);
		dir = next;
	}
	return -errno;
}

static int remove_in(const struct cgroup_hierarchy *h, const char *path, struct deadline *until)
{
	auto_close int dir = -1;

	for (;;) {
		if (unlinkat(h->fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return -errno;
		if (dir < 0)
			dir = fd_open(h->fd, path, O_RDONLY | O_DIRECTORY);
		if (dir >= 0)
			(void)!remove_children(dir, until);
		if (unlinkat(h->fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (!deadline_wait(until))
			return -EBUSY;
	}
}

bool cgroup_remove_empty(const struct cgroup *c)
{
	for (size_t i = 0; i < c->host->n; i++)
		if (unlinkat(c->host->h[i].fd, c->path, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return false;
	return true;
}

int cgroup_remove(struct cgroup *c, struct err *e)
{
	struct deadline until = deadline_in(CGROUP_WAIT_MS);
	int r = 0;

	cgroup_done(c);
	for (size_t i = 0; i < c->host->n; i++) {
		int s = remove_in(&c->host->h[i], c->path, &until);

		if (s < 0 && !(c->rootless && user_may_not(s)) && r == 0)
			r = err_errno(e, s, "cgroup: cannot remove %s/%s", c->host->h[i].mount, c->path);
	}
	return r;
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
