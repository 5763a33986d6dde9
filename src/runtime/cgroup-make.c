/* cgroup-make: a container's groups made, joined and removed. See cgroup.h. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "runtime/cgroup-part.h"

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

		cgroup_copy(name, sizeof(name), p);
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
		cgroup_copy(name, sizeof(name), part);
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

	if (!cgroup_path_in(text, &c->host->h[i], &path))
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
	int r = cgroup_of_process(pid, &text, e);

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
			cgroup_copy(name, NAME_MAX + 1, str_c(ent->d_name));
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
