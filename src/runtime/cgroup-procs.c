/* cgroup-procs: the processes of a container: listed, frozen, killed. See cgroup.h. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/num.h"
#include "runtime/cgroup-part.h"

#define STRAY_ROUNDS 8				/* some 25 ms: what died at once is gone by then */
#define PROCS_BYTES_MAX (CGROUP_PROCS_MAX * 8u) /* of one cgroup.procs */

struct pids {
	VEC(pid_t) v;
};

static int read_procs(int dir, struct pids *p, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = file_read(dir, "cgroup.procs", PROCS_BYTES_MAX, &text, e);
	struct str rest = buf_all(&text);
	uint32_t pid;

	if (r == -ENOENT || r == -ENODEV || r == -ENOTSUP || r == -EOPNOTSUPP) /* just removed; a threaded group */
		return 0;
	if (r < 0)
		return err_wrap(e, r, "cgroup");
	for (struct str line; str_cut(&rest, '\n', &line);) {
		if (!num_u32(line, &pid) || !pid) /* 0: of another PID namespace */
			continue;
		if (p->v.n >= CGROUP_PROCS_MAX)
			return err_set(e, -E2BIG, "cgroup: more than %d processes", CGROUP_PROCS_MAX);
		vec_push(&p->v, (pid_t)pid);
	}
	return 0;
}

/* Only one is held at a time: a group may hold more groups inside each other than there are descriptors. */
static DIR *open_list(int dir, const char *name)
{
	int fd = fd_open(dir, name, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		fd_close(&fd);
	return d;
}

static const char *next_group(DIR *d)
{
	struct dirent *ent;

	while ((ent = readdir(d)))
		if (ent->d_type == DT_DIR && ent->d_name[0] != '.')
			return ent->d_name;
	return NULL;
}

/* All groups from `top` down. A group cannot be moved to another one, so ".." is where it was come from; what was
 * removed while we looked has no more groups, and still knows its "..". */
static int walk_procs(int top, struct pids *p, struct err *e)
{
	VEC(long) after = { 0 }; /* where each level above goes on */
	DIR *d = open_list(top, ".");
	int r = d ? read_procs(top, p, e) : 0;

	while (d && r == 0) {
		const char *name = next_group(d);
		bool down = name, up = !name && after.n;
		DIR *next = down || up ? open_list(dirfd(d), down ? name : "..") : NULL;

		if (down && !next)
			continue; /* removed while we looked */
		if (down)
			vec_push(&after, telldir(d));
		if (up && next)
			seekdir(next, after.v[--after.n]);
		if (up && !next)
			r = err_errno(e, -errno, "cgroup: groups inside each other");
		closedir(d);
		d = next;
		if (down)
			r = read_procs(dirfd(d), p, e);
	}
	if (d)
		closedir(d);
	vec_done(&after);
	return r;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

static int all_procs(const struct cgroup *c, struct pids *p, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < c->host->n; i++) {
		int r = c->dirs[i] < 0 ? 0 : walk_procs(c->dirs[i], p, e);

		if (r < 0)
			return r;
	}
	if (p->v.n)
		qsort(p->v.v, p->v.n, sizeof(*p->v.v), by_number);
	for (size_t i = 0; i < p->v.n; i++)
		if (!n || p->v.v[n - 1] != p->v.v[i])
			p->v.v[n++] = p->v.v[i];
	p->v.n = n;
	return 0;
}

int cgroup_procs(const struct cgroup *c, struct arena *a, pid_t **ret, size_t *ret_n, struct err *e)
{
	struct pids p = { 0 };
	int r = all_procs(c, &p, e);

	if (r == 0) {
		*ret = arena_array(a, pid_t, p.v.n + 1);
		if (p.v.n)
			memcpy(*ret, p.v.v, p.v.n * sizeof(pid_t));
		*ret_n = p.v.n;
	}
	vec_done(&p.v);
	return r;
}

/* "frozen 1" among the lines of cgroup.events. */
static bool event_is(int dir, struct str want)
{
	char text[CGROUP_VALUE_MAX];
	struct str rest;

	if (cgroup_file_read(dir, "cgroup.events", text) < 0)
		return false;
	rest = str_c(text);
	for (struct str line; str_cut(&rest, '\n', &line);)
		if (str_eq(line, want))
			return true;
	return false;
}

/* v1: FREEZING becomes FROZEN when everything has stopped; a state written again helps what raced with a fork. */
static bool v1_state_is(int dir, const char *want)
{
	char text[CGROUP_VALUE_MAX];

	if (cgroup_file_read(dir, "freezer.state", text) < 0)
		return false;
	if (!strcmp(text, want))
		return true;
	(void)!cgroup_file_write(dir, "freezer.state", want);
	return false;
}

static bool state_is(int dir, bool v2, bool frozen)
{
	return v2 ? event_is(dir, frozen ? STR("frozen 1") : STR("frozen 0"))
		  : v1_state_is(dir, frozen ? "FROZEN" : "THAWED");
}

int cgroup_freeze(const struct cgroup *c, bool frozen, struct err *e)
{
	struct deadline until = deadline_in(CGROUP_WAIT_MS);
	bool v2 = false;
	int dir = cgroup_dir(c, CG_FREEZER, &v2);
	int r;

	if (dir < 0)
		return err_set(e, -ENOTSUP, "cgroup: this host has no freezer for %s", c->path);
	r = v2 ? cgroup_file_write(dir, "cgroup.freeze", frozen ? "1" : "0")
	       : cgroup_file_write(dir, "freezer.state", frozen ? "FROZEN" : "THAWED");
	if (r < 0)
		return err_errno(e, r, "cgroup: cannot %s %s", frozen ? "freeze" : "thaw", c->path);
	while (!state_is(dir, v2, frozen))
		if (!deadline_wait(&until))
			return err_set(e, -ETIMEDOUT, "cgroup: %s is not %s after %d ms", c->path,
				       frozen ? "frozen" : "thawed", CGROUP_WAIT_MS);
	return 0;
}

bool cgroup_frozen(const struct cgroup *c)
{
	char text[CGROUP_VALUE_MAX];
	bool v2 = false;
	int dir = cgroup_dir(c, CG_FREEZER, &v2);

	if (dir < 0 || cgroup_file_read(dir, v2 ? "cgroup.freeze" : "freezer.state", text) < 0)
		return false;
	return v2 ? !strcmp(text, "1") : !strcmp(text, "FROZEN") || !strcmp(text, "FREEZING");
}

static int signal_all(const struct cgroup *c, int signal, size_t *ret_n, struct err *e)
{
	struct pids p = { 0 };
	int r = all_procs(c, &p, e);

	*ret_n = p.v.n;
	for (size_t i = 0; r == 0 && i < p.v.n; i++)
		if (kill(p.v.v[i], signal) < 0 && errno != ESRCH)
			r = err_errno(e, -errno, "cgroup: cannot signal process %d", p.v.v[i]);
	vec_done(&p.v);
	return r;
}

/* While it is frozen nothing forks away from under the list. */
static int signal_frozen(const struct cgroup *c, int signal, size_t *ret_n, struct err *e)
{
	bool was = cgroup_frozen(c);
	bool stopped = was || cgroup_freeze(c, true, NULL) == 0;
	int r = signal_all(c, signal, ret_n, e);

	if (stopped && (!was || signal == SIGKILL) && cgroup_freeze(c, false, NULL) < 0 && r == 0 && *ret_n)
		r = err_set(e, -EIO, "cgroup: cannot thaw %s", c->path);
	return r;
}

/* On v1 somebody may have moved a process into a frozen group of his own, where no signal reaches it. Back in ours it
 * dies. */
static void bring_home(const struct cgroup *c)
{
	struct pids p = { 0 };
	char text[CGROUP_VALUE_MAX];

	if (all_procs(c, &p, NULL) < 0)
		p.v.n = 0;
	for (size_t i = 0; i < c->host->n; i++) {
		if (c->host->h[i].v2 || c->dirs[i] < 0 || cgroup_file_read(c->dirs[i], "freezer.state", text) < 0)
			continue;
		for (size_t k = 0; k < p.v.n; k++) {
			snprintf(text, sizeof(text), "%d", (int)p.v.v[k]);
			(void)!cgroup_file_write(c->dirs[i], "cgroup.procs", text);
		}
	}
	vec_done(&p.v);
}

int cgroup_kill(const struct cgroup *c, int signal, struct err *e)
{
	struct deadline until = deadline_in(CGROUP_WAIT_MS);
	int v2 = cgroup_dir(c, CG_UNIFIED, NULL);
	unsigned int rounds = 0;
	size_t left;
	int r;

	if (signal != SIGKILL)
		return signal_frozen(c, signal, &left, e);
	/* One write kills the whole tree at once, frozen or forking (5.14); v1 groups may hold what left v2's. */
	if (v2 >= 0)
		(void)!cgroup_file_write(v2, "cgroup.kill", "1");
	for (;;) {
		r = signal_all(c, SIGKILL, &left, e);
		if (r < 0 || !left)
			return r;
		if (v2 < 0 || cgroup_frozen(c))
			r = signal_frozen(c, SIGKILL, &left, e);
		if (r < 0)
			return r;
		if (!deadline_wait(&until))
			return err_set(e, -ETIMEDOUT, "cgroup: %zu processes of %s are still there after %d ms", left,
				       c->path, CGROUP_WAIT_MS);
		if (++rounds == STRAY_ROUNDS)
			bring_home(c);
	}
}
