/* container: what is done to one after it was created, to its end. See container.h. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/container-part.h"
#include "runtime/enforce.h"

static void warn(const struct container *c, const struct err *e)
{
	if (c->rt->warn)
		c->rt->warn(e->msg);
}

static void poststop(struct container *c)
{
	struct err e = { 0 };

	if (c->state.poststop &&
	    (container_config(c, &e) < 0 || container_hooks(c, HOOK_POSTSTOP, STATUS_STOPPED, &e) < 0))
		warn(c, &e);
}

/* ---- its end ---- */

/* Until the process has ended, and reaped when it is ours. */
static int wait_for_end(int pidfd)
{
	struct pollfd p = { pidfd, POLLIN, 0 };
	siginfo_t info;
	int r = poll(&p, 1, CONTAINER_KILL_WAIT_MS);

	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	(void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG); /* -ECHILD: somebody else's */
	return 0;
}

static int end_process(struct container *c, bool wait, struct err *e)
{
	auto_close int pidfd = state_pidfd(&c->state);
	int r = 0;

	if (pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return err_errno(e, pidfd, "process %d of container \"%s\"", c->state.pid, c->state.id);
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return err_errno(e, -errno, "cannot kill process %d of container \"%s\"", c->state.pid, c->state.id);
	if (wait)
		r = wait_for_end(pidfd);
	return r < 0 ? err_errno(e, r, "process %d of container \"%s\"", c->state.pid, c->state.id) : 0;
}

static bool ended(const struct container *c)
{
	struct process_stat now;

	return c->state.pid > 0 && process_stat(c->state.pid, &now) == -ESRCH;
}

static int end_cgroup(struct container *c, struct err *e)
{
	int r = container_cgroup(c, e);

	if (r < 0 && r != -ENOENT)
		return r;
	if (ended(c) && cgroup_remove_empty(&c->cgroup))
		return 0;
	if (r == -ENOENT) /* none of its groups, or not all, were made or are left */
		r = end_process(c, true, e);
	else
		r = cgroup_kill(&c->cgroup, SIGKILL, e);
	if (r >= 0) /* a group that could not be made (rootless) has nothing in it, and kills nothing */
		r = end_process(c, true, e);
	return r < 0 ? r : cgroup_remove(&c->cgroup, e);
}

static void reap(const struct container *c)
{
	siginfo_t info;

	if (c->state.pid > 0)
		(void)waitid(P_PID, (id_t)c->state.pid, &info, WEXITED | WNOHANG);
}

static void undo_limits(struct container *c)
{
	struct err e = { 0 };

	enforce_undo(c->dir_fd, c->state.cgroup && runtime_host(c->rt, &e) >= 0 ? &c->rt->host : NULL, c->state.id);
}

/* Its processes and groups are gone, whatever systemd says. A scope that turned out to be another's stays. */
static void forget_scope(struct container *c)
{
	struct err e = { 0 };

	if (c->state.systemd && c->state.cgroup && c->has_cgroup && cgroup_systemd_stop(&c->cgroup, &e) < 0)
		warn(c, &e);
}

int container_destroy(struct container *c, bool hooks, struct err *e)
{
	int r = c->state.cgroup ? end_cgroup(c, e) : end_process(c, true, e);

	if (r < 0)
		return err_wrap(e, r, "container \"%s\"", c->state.id);
	forget_scope(c);
	reap(c);
	undo_limits(c);
	r = container_tier_remove(c, e);
	if (r < 0)
		return r;
	if (hooks)
		poststop(c);
	return state_remove(c->rt->root_fd, c->state.id, c->dir_fd, e);
}

int container_delete(struct container *c, bool force, struct err *e)
{
	enum status s = container_status(c);
	int r;

	if (s != STATUS_STOPPED && s != STATUS_CREATED && !force)
		return err_set(e, -EBUSY, "cannot delete container %s that is not stopped: %s", c->state.id,
			       status_name(s));
	r = state_unsettle(c->rt->root_fd, c->state.id, e);
	if (r < 0)
		return r;
	if (s == STATUS_PAUSED && container_freeze(c, false, e) < 0)
		warn(c, e);
	return container_destroy(c, true, e);
}

int container_discard(struct container *c, const char *id, struct err *e)
{
	return state_remove(c->rt->root_fd, id, c->dir_fd, e);
}

static int sweep_one(struct container *c, const struct state_found *f, struct err *e)
{
	int r = state_read(c->dir_fd, &c->arena, &c->state, e);

	if (r == -ENOENT ||
	    (r == -EBADMSG && !f->removing)) /* killed before the state was whole: nothing else was made */
		return state_remove(c->rt->root_fd, f->id, c->dir_fd, e);
	if (r >= 0 && strcmp(c->state.id, f->id) != 0)
		return err_set(e, -EBADMSG, "container \"%s\": its state is of \"%s\"", f->id, c->state.id);
	if (r < 0)
		return r;
	if (f->removing || c->state.phase == STATE_CREATING)
		return container_destroy(c, true, e);
	state_settle(c->rt->root_fd, f->id);
	return 0;
}

static void sweep_found(void *arg, const struct state_found *f)
{
	struct runtime *rt = arg;
	auto_container struct container c;
	struct err e = { 0 };

	container_init(&c, rt);
	c.dir_fd = dup(f->dir_fd); /* one lock: it goes with the last of both */
	if (c.dir_fd < 0)
		err_errno(&e, -errno, "container \"%s\"", f->id);
	if (c.dir_fd < 0 || sweep_one(&c, f, &e) < 0)
		warn(&c, &e);
}

int container_sweep(struct runtime *rt, struct err *e)
{
	return rt->root_fd < 0 ? 0 : state_sweep(rt->root_fd, sweep_found, rt, e);
}

/* ---- what is done to it ---- */

int container_start(struct container *c, struct err *e)
{
	enum status s = container_status(c);
	int r;

	if (s == STATUS_STOPPED)
		return err_set(e, -EINVAL, "cannot start a container that has stopped");
	if (s == STATUS_RUNNING)
		return err_set(e, -EINVAL, "cannot start an already running container");
	if (s != STATUS_CREATED)
		return err_set(e, -EINVAL, "cannot start a container in the %s state", status_name(s));
	r = container_start_process(c, e);
	if (r < 0 || !c->state.poststart)
		return r;
	r = container_config(c, e);
	if (r >= 0)
		r = container_hooks(c, HOOK_POSTSTART, STATUS_RUNNING, e);
	if (r < 0) {
		struct err also = { 0 };

		if (container_destroy(c, true, &also) < 0)
			warn(c, &also);
	}
	return r;
}

static int signal_group(struct container *c, int signal, bool paused, struct err *e)
{
	struct err frozen = { 0 };
	/* None comes or goes while the group is frozen, so that every pid is still what it was. */
	bool thaw = !paused && signal != SIGKILL && cgroup_freeze(&c->cgroup, true, &frozen) >= 0;
	int r = cgroup_kill(&c->cgroup, signal, e);

	if (thaw && cgroup_freeze(&c->cgroup, false, &frozen) < 0 && r >= 0)
		r = err_set(e, frozen.code, "%s", frozen.msg);
	return r;
}

/* A group that is not there has nobody in it; in one whose container has ended only KILL finds somebody. */
static int signal_all(struct container *c, int signal, enum status s, struct err *e)
{
	int r = container_cgroup(c, e);

	if (r == -ENOENT || (r >= 0 && s == STATUS_STOPPED && signal != SIGKILL))
		return 0;
	return r < 0 ? r : signal_group(c, signal, s == STATUS_PAUSED, e);
}

static int signal_process(struct container *c, int signal, struct err *e)
{
	auto_close int pidfd = state_pidfd(&c->state);
	int r = pidfd < 0 ? pidfd : syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;

	if (r == -ESRCH)
		return err_set(e, r, "os: process already finished");
	return r < 0 ? err_errno(e, r, "cannot signal container \"%s\"", c->state.id) : 0;
}

int container_kill(struct container *c, int signal, bool all, struct err *e)
{
	enum status s = container_status(c);
	int r;

	if (c->state.tier && signal == SIGKILL && s == STATUS_RUNNING && container_tier_end(c))
		return 0;
	/* What else is in the group is the machine: a signal for everybody in it is the monitor's to pass on. */
	if (all && c->state.cgroup && (!c->state.tier || signal == SIGKILL))
		return signal_all(c, signal, s, e);
	if (s == STATUS_STOPPED)
		return err_set(e, -ESRCH, "container not running");
	r = signal_process(c, signal, e);
	/* a frozen process dies only when it is thawed */
	return r == 0 && s == STATUS_PAUSED && signal == SIGKILL ? container_freeze(c, false, e) : r;
}

int container_freeze(struct container *c, bool frozen, struct err *e)
{
	int r = container_cgroup(c, e);

	if (r < 0)
		return r;
	if (!c->has_cgroup)
		return err_set(e, -ENOTSUP, "container \"%s\" has no cgroup of its own: it cannot be paused",
			       c->state.id);
	return cgroup_freeze(&c->cgroup, frozen, e);
}

int container_procs(struct container *c, pid_t **ret, size_t *ret_n, struct err *e)
{
	int r = container_cgroup(c, e);

	if (r < 0)
		return r;
	if (c->has_cgroup)
		return cgroup_procs(&c->cgroup, &c->arena, ret, ret_n, e);
	*ret = arena_array(&c->arena, pid_t, 1);
	**ret = c->state.pid;
	*ret_n = state_status(&c->state, c->dir_fd) == STATUS_STOPPED ? 0 : 1;
	return 0;
}
