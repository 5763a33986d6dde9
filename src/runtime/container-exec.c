/* container: a further process in one. See container.h. */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/path.h"
#include "runtime/console.h"
#include "runtime/container-part.h"

void container_unlock(struct container *c)
{
	(void)flock(c->dir_fd, LOCK_UN);
}

int container_lock(struct container *c, struct err *e)
{
	return state_lock(c->rt->root_fd, c->state.id, c->dir_fd, e);
}

/* One hierarchy's group in place of the container's own there: below it, never beside it. */
static int go_below(struct cgroup *g, size_t i, struct str path)
{
	auto_free char *below = xstrdup(path);
	int fd = g->dirs[i] < 0 ? -ENOENT : fd_open(g->dirs[i], *below ? below : ".", O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	fd_close(&g->dirs[i]);
	g->dirs[i] = fd;
	return 0;
}

static bool has_controller(const struct cgroup_hierarchy *h, struct str name)
{
	for (unsigned int i = 0; i < CG_CONTROLLERS; i++)
		if (h->controllers >> i & 1 && str_is(name, cgroup_controller_name(i)))
			return true;
	return str_is(name, h->name);
}

/* In runc's words. */
static int no_group(int r, struct str path, struct err *e)
{
	return err_set(e, r, "--cgroup: adding pid to /" STR_FMT "/cgroup.procs: %s", STR_ARG(path),
		       r == -ENOENT ? "no such file or directory" : strerror(-r));
}

/* Where it is not made a process stays in the container's own group. */
static int below_everywhere(struct cgroup *g, struct str path, struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < g->host->n; i++)
		any |= go_below(g, i, path) == 0;
	return any ? 0 : no_group(-ENOENT, path, e);
}

static int below_one(struct cgroup *g, struct str controller, struct str path, uint64_t *seen, struct err *e)
{
	for (size_t i = 0; i < g->host->n; i++) {
		int r;

		if (!has_controller(&g->host->h[i], controller))
			continue;
		if (*seen >> i & 1)
			return err_set(e, -EINVAL, "--cgroup: multiple entries for controller " STR_FMT,
				       STR_ARG(controller));
		*seen |= UINT64_C(1) << i;
		r = go_below(g, i, path);
		return r < 0 ? no_group(r, path, e) : 0;
	}
	return err_set(e, -ENOENT, "--cgroup: unknown controller " STR_FMT, STR_ARG(controller));
}

/* "PATH" for all hierarchies, or "CONTROLLER,...:PATH" several times. */
static int below(struct cgroup *g, const char *text, bool alone, uint64_t *seen, struct err *e)
{
	struct str all = str_c(text), names = STR_NONE, path = all, normal;
	bool named = str_split(all, ':', &names, &path);
	char buffer[PATH_BYTES_MAX];
	int r = 0;

	if (path_normal(path, buffer, &normal) < 0)
		return err_set(e, -EINVAL, "--cgroup: " STR_FMT " is not a sub cgroup path", STR_ARG(path));
	if (!named)
		return alone ? below_everywhere(g, normal, e)
			     : err_set(e, -EINVAL, "--cgroup: \"%s\": missing <controller>: prefix", text);
	if (!names.n)
		return err_set(e, -EINVAL, "--cgroup: \"%s\": empty <controller> prefix", text);
	for (struct str name; r >= 0 && str_cut(&names, ',', &name);)
		r = below_one(g, name, normal, seen, e);
	return r;
}

static int sub_cgroup(struct container *c, const struct strings *wanted, struct cgroup *ret, struct err *e)
{
	uint64_t seen = 0;
	int r = cgroup_init(ret, &c->rt->host, arena_fmt(&c->arena, "/%s", c->state.cgroup).p, c->state.id, false,
			    c->state.rootless, e);

	if (r < 0)
		return r;
	r = cgroup_open(ret, e);
	for (size_t i = 0; r >= 0 && i < wanted->n; i++)
		r = below(ret, wanted->v[i], wanted->n == 1, &seen, e);
	if (r < 0)
		cgroup_done(ret);
	return r;
}

/* A process that joins a paused container waits until somebody resumes it, who needs the lock. */
static void leave_to_others(struct container *c, enum status s)
{
	if (s == STATUS_PAUSED)
		container_unlock(c);
}

static int check_status(struct container *c, const struct container_exec *how, struct err *e)
{
	enum status s = container_status(c);

	if (s == STATUS_STOPPED)
		return err_set(e, -ESRCH, "cannot exec in a stopped container");
	if (s == STATUS_CREATING)
		return err_set(e, -EBUSY, "cannot exec in a container that is being created");
	if (s == STATUS_CREATED && c->state.tier)
		return err_set(e, -EBUSY, "cannot exec before start: tier %s has no machine yet", c->state.tier);
	if (s == STATUS_PAUSED && !how->ignore_paused)
		return err_set(e, -EBUSY, "cannot exec in a paused container (use --ignore-paused to override)");
	leave_to_others(c, s);
	return 0;
}

static int launch(struct container *c, const struct container_exec *how, const struct cgroup *cgroup, int console,
		  struct launched *ret, struct err *e)
{
	struct seccomp_program seccomp = { 0 };
	auto_buf struct buf original = { 0 };
	struct container_watch watch = { .state_fd = c->dir_fd, .own = how->own_watch };
	struct oci_process process = *how->process;
	const struct oci_config config = container_host_config(c);
	/* Looked at behind the open: the number may be another process's since it was asked for the status. */
	auto_close int plan = -1, init = state_pidfd(&c->state);
	struct launch_exec x = {
		.config = &config,
		.process = &process,
		.init = c->state.pid,
		.init_pidfd = init,
		.cgroup = cgroup,
		.seccomp = &seccomp,
		.strict = c->strict,
		.watch = container_watch_by(&watch, NULL),
		.console_socket = console,
		.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
		.preserve_fds = how->preserve_fds,
		.listen_fds = how->listen_fds,
		.no_new_keyring = how->no_new_keyring,
		.rootless = c->state.rootless,
		.state_text = container_state_text,
		.arg = c,
	};
	int r = init < 0 ? err_errno(e, init, "the container's process %d", c->state.pid)
			 : container_seccomp(c, &seccomp, e);

	container_strict_process(c, &process);
	/* Without the host's rights nobody takes a descriptor out of a process that joins another's user namespace. */
	if (r >= 0 && c->state.tier) {
		r = container_tier_exec(c, &seccomp, &process, &plan, e);
		x.extra = plan;
		x.seccomp = NULL;
	} else if (r >= 0 && !c->state.rootless)
		r = container_watch_program(c, &seccomp, &original, false, e);
	watch.original = buf_all(&original);
	if (r >= 0)
		r = launch_exec(&x, ret, e);
	seccomp_program_done(&seccomp);
	return r;
}

static void end(struct launched *p)
{
	(void)syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
	fd_close(&p->pidfd);
}

static int prepare(struct container *c, const struct container_exec *how, struct err *e)
{
	int r = check_status(c, how, e);

	if (r >= 0)
		r = container_config(c, e);
	if (r >= 0)
		r = container_cgroup(c, e);
	if (r >= 0 && c->state.tier && (how->preserve_fds || how->listen_fds))
		r = err_set(e, -ENOTSUP, "tier %s: no descriptor is handed on", c->state.tier);
	return r;
}

/* `sub`: of --cgroup; stays empty when the group is the container's own. */
static int choose_group(struct container *c, const struct container_exec *how, struct cgroup *sub,
			const struct cgroup **ret, struct err *e)
{
	int r;

	*ret = c->has_cgroup ? &c->cgroup : NULL;
	if (!how->cgroups.n)
		return 0;
	if (!c->has_cgroup)
		return err_set(e, -ENOTSUP, "--cgroup: container \"%s\" has no group of its own", c->state.id);
	r = sub_cgroup(c, &how->cgroups, sub, e);
	if (r >= 0)
		*ret = sub;
	return r;
}

static int in_group(struct container *c, const struct container_exec *how, const struct cgroup *group,
		    struct launched *ret, struct err *e)
{
	auto_close int console = -1, pidfd_socket = -1;
	int r = console_for(how->process, how->console_socket, how->own_console, &console, e);

	if (r >= 0 && how->pidfd_socket)
		r = console_connect(how->pidfd_socket, &pidfd_socket, e);
	if (r >= 0)
		r = launch(c, how, group, console, ret, e);
	if (r < 0)
		return r;
	r = container_pass_pidfd(pidfd_socket, "setns", ret->pidfd, e);
	if (r >= 0)
		r = container_pid_file(how->pid_file, ret->pid, e);
	if (r < 0)
		end(ret);
	return r;
}

int container_exec(struct container *c, const struct container_exec *how, struct launched *ret, struct err *e)
{
	struct cgroup sub = { 0 };
	const struct cgroup *group = NULL;
	int r = prepare(c, how, e);

	if (r >= 0)
		r = choose_group(c, how, &sub, &group, e);
	if (r >= 0)
		r = in_group(c, how, group, ret, e);
	if (group == &sub)
		cgroup_done(&sub);
	return r;
}
