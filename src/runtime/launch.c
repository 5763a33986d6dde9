/* launch: from a checked configuration to a process inside its namespaces. See launch.h.
 *
 * The order: the steps are written (bad configurations end here), the first process is cloned into its namespaces and
 * groups and waits; id maps, groups and limits are set from outside; it executes stage 2; the plan is sent with the
 * descriptors it needs; then this side answers what stage 2 says until the container is there or cannot be. */
#include "runtime/launch.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/capability.h"
#include "runtime/home.h"
#include "runtime/launch-child.h"
#include "runtime/launch-listener.h"
#include "runtime/launch-map.h"
#include "runtime/launch-netdev.h"
#include "runtime/launch-source.h"
#include "runtime/launch-steps.h"
#include "runtime/sys.h"

#define LINK_BYTES_MAX 4096

/* What both kinds of launch have in common. */
struct job {
	const struct oci_process *process;
	const struct oci_config *config;
	const struct cgroup *cgroup;
	const struct seccomp_program *seccomp;
	const struct launch_watch *watch;
	const int *stdio;
	int console_socket;
	unsigned int keep_fds;
	int extra;
	bool creates, rootless, waits;
	int *own_start;
	struct source_context sources;
	int (*namespaces_ready)(void *arg, pid_t pid, struct err *e);
	void *arg;

	struct launch_steps steps;
	struct child child;
	bool start_made, ready_called;
};

static const char *fd_path(struct arena *a, int fd)
{
	char link[32], path[LINK_BYTES_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = fd < 0 ? -1 : readlink(link, path, sizeof(path));
	return n > 0 ? arena_str(a, str_n(path, (size_t)n)).p : ".";
}

static bool has_home(const struct oci_process *p)
{
	for (size_t i = 0; i < p->env.n; i++)
		if (str_starts(str_c(p->env.v[i]), STR("HOME=")))
			return true;
	return false;
}

/* `root`: the container's root file system, from outside. */
static const char *home(const struct oci_process *p, int dir_fd, const char *root, struct arena *a)
{
	auto_close int fd = -1;

	if (has_home(p))
		return NULL;
	fd = fd_open(dir_fd, root, O_PATH | O_DIRECTORY);
	return home_variable(fd, p->uid, a);
}

/* What we do not have we cannot give; in a user namespace of its own a container has all. */
static int check_capabilities(const struct launch *l, struct err *e)
{
	const struct oci_caps *want = &l->config->process.caps;
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct have[2];
	const char *name;
	uint64_t missing;

	if (l->config->namespaces[NS_USER].set)
		return 0;
	if (sys(__NR_capget, &head, have) < 0)
		return 0; /* then capset() will say it */
	missing = (want->permitted | want->effective | want->ambient) &
		  ~((uint64_t)have[1].permitted << 32 | have[0].permitted);
	if (!missing)
		return 0;
	name = capability_name((unsigned int)__builtin_ctzll(missing));
	return err_set(e, -EPERM, "process.capabilities: CAP_%s is not ours to give (operation not permitted)",
		       name ? name : "?");
}

static int ready(struct job *j, struct err *e)
{
	int r = 0;

	if (j->ready_called)
		return 0;
	j->ready_called = true;
	if (j->creates)
		r = launch_net_devices(j->config, j->child.pid, e);
	return r < 0 || !j->namespaces_ready ? r : j->namespaces_ready(j->arg, j->child.pid, e);
}

/* Limits above our own hard ones: raised from outside, since a user namespace takes the right to. The exact values are
 * set at the end, where they hurt nobody. */
static int raise_limits(const struct job *j, struct err *e)
{
	for (size_t i = 0; i < j->process->rlimit_count; i++) {
		const struct oci_rlimit *want = &j->process->rlimits[i];
		struct rlimit64 now;

		if (prlimit64(j->child.pid, (enum __rlimit_resource)want->type, NULL, &now) < 0)
			return err_errno(e, -errno, "process.rlimits[%zu]", i);
		if (want->hard <= now.rlim_max)
			continue;
		now.rlim_max = want->hard;
		if (prlimit64(j->child.pid, (enum __rlimit_resource)want->type, &now, NULL) < 0)
			return err_errno(e, -errno, "process.rlimits[%zu]: the hard limit %llu is above ours", i,
					 (unsigned long long)want->hard);
	}
	return 0;
}

static int set_oom_score(const struct job *j, struct err *e)
{
	char path[64], text[24];
	auto_close int fd = -1;
	int r;

	if (!j->process->oom_score_adj.set)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)j->child.pid);
	snprintf(text, sizeof(text), "%lld", (long long)j->process->oom_score_adj.v);
	fd = fd_open(AT_FDCWD, path, O_WRONLY);
	r = fd < 0 ? fd : fd_write(fd, text, strlen(text));
	/* Without privileges it can only be raised: left as it is, as runc leaves it. */
	if ((r == -EACCES || r == -EPERM) && j->rootless)
		return 0;
	return r < 0 ? err_errno(e, r, "process.oomScoreAdj %s", text) : 0;
}

static int begin(struct job *j, struct err *e)
{
	const struct child_want want = { .flags = j->steps.clone_flags,
					 .cgroup_fd = j->cgroup ? cgroup_clone_fd(j->cgroup) : -1,
					 .stdio = j->stdio,
					 .extra = j->extra,
					 .keep_fds = j->keep_fds,
					 .root_ids = j->steps.maps,
					 .groups = !j->rootless && !j->config->keep_groups };
	int r = child_clone(&want, &j->child, e);

	if (r < 0)
		return r;
	if (j->cgroup)
		r = cgroup_join(j->cgroup, j->child.pid, want.cgroup_fd >= 0, e);
	if (r >= 0 && j->steps.maps)
		r = launch_map(j->child.pid, &j->config->uids, &j->config->gids, j->rootless, e);
	if (r >= 0)
		r = raise_limits(j, e);
	if (r >= 0)
		r = child_go(&j->child, e);
	if (r >= 0 && !j->steps.forks && !j->steps.syncs)
		r = ready(j, e);
	return r;
}

/* In parts; so that all descriptors find one, there may be more parts than the bytes need. */
static int send_plan(struct job *j, const struct opened *o, struct err *e)
{
	struct str rest = buf_all(&j->steps.plan.b);
	size_t sent = 0;
	int r = 0;

	while (rest.n && r >= 0) {
		size_t fds = o->n - sent < PLAN_CHUNK_FDS ? o->n - sent : PLAN_CHUNK_FDS;
		bool more = sent + fds < o->n;
		/* A part of 8 bytes takes descriptors along as well as a large one. */
		struct str part = str_head(rest, more ? 8 : PLAN_CHUNK_BYTES);

		r = launch_send(j->child.socket, part, fds ? o->fds + sent : NULL, fds);
		sent += fds;
		rest = str_from(rest, part.n);
	}
	return r < 0 ? err_errno(e, r, "the container's first process: its plan") : 0;
}

static int send_sources(struct job *j, struct err *e)
{
	auto_opened struct opened o = { 0 };
	int r;

	j->sources.pid = j->child.pid;
	j->start_made = j->waits && !j->own_start;
	r = launch_sources_open(&j->steps, &j->sources, &o, e);
	return r < 0 ? r : send_plan(j, &o, e);
}

/* One message; *ret_fd is -1 when no descriptor came with it. 0: the other side's end. */
static int hear(int socket, struct plan_say *ret, int *ret_fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec v = { ret, sizeof(*ret) };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	struct cmsghdr *c;
	ssize_t n;

	*ret_fd = -1;
	do {
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && errno != ECONNRESET ? -errno : 0;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	ret->text[sizeof(ret->text) - 1] = 0;
	return n == (ssize_t)sizeof(*ret) ? 1 : -EBADMSG;
}

static int said_error(const struct plan_say *m, struct err *e)
{
	int code = m->number > 0 ? -m->number : -EIO;

	if (m->word == PLAN_SAY_WORDS)
		return err_set(e, code, "%s", m->text);
	return err_errno(e, code, "%s", m->text);
}

/* The process goes on in a child of its own, which is our child too; the one we know has ended. */
static int take_over(struct job *j, pid_t pid, int *pidfd, struct err *e)
{
	if (*pidfd < 0 || pid <= 0)
		return err_set(e, -EBADMSG, "the container's first process: it said nothing of its child");
	while (waitpid(j->child.pid, NULL, 0) < 0 && errno == EINTR)
		;
	fd_close(&j->child.pidfd);
	j->child.pidfd = take_fd(pidfd);
	j->child.pid = pid;
	return ready(j, e);
}

static int pass_console(const struct job *j, int fd, struct err *e)
{
	int r = fd < 0 ? -EBADMSG : j->console_socket < 0 ? -ENOTCONN : 0;

	if (r >= 0)
		r = launch_send(j->console_socket, STR("/dev/ptmx"), &fd, 1);
	return r < 0 ? err_errno(e, r, "process.terminal: the console socket") : 0;
}

static int pass_listener(struct job *j, int number, struct err *e)
{
	const struct source_context *c = &j->sources;
	auto_buf struct buf state = { 0 };
	int r;

	if (j->seccomp->watched) {
		r = launch_watch_listener(j->child.pidfd, number, j->watch, e);
		return r < 0 ? r : child_go(&j->child, e);
	}
	if (!c->state_text)
		return err_set(e, -EINVAL, "linux.seccomp: the caller gives no state");
	buf_init(&state, STATE_BYTES_MAX);
	r = c->state_text(c->arg, j->child.pid, "creating", &state, e);
	if (r >= 0)
		r = launch_pass_listener(j->config, j->child.pid, j->child.pidfd, number, buf_all(&state), e);
	return r < 0 ? r : child_go(&j->child, e);
}

static int answer(struct job *j, const struct plan_say *m, int *fd, struct err *e)
{
	int r;

	switch (m->word) {
	case PLAN_SAY_SYNC:
		r = m->number == SYNC_LATE ? set_oom_score(j, e) : ready(j, e);
		return r < 0 ? r : child_go(&j->child, e);
	case PLAN_SAY_CHILD:
		r = take_over(j, m->number, fd, e);
		return r < 0 ? r : child_go(&j->child, e);
	case PLAN_SAY_CONSOLE:
		return pass_console(j, *fd, e);
	case PLAN_SAY_LISTENER:
		return pass_listener(j, m->number, e);
	case PLAN_SAY_ERROR:
	case PLAN_SAY_WORDS:
		return said_error(m, e);
	default:
		return err_set(e, -EBADMSG, "the container's first process: unknown word %u", m->word);
	}
}

/* Between the filter and the program calls may be refused: they are answered meanwhile. */
static int hear_watched(const struct launch_watch *watch, int socket, struct plan_say *ret, int *ret_fd)
{
	if (watch && watch->answer)
		watch->answer(watch->arg, socket);
	return hear(socket, ret, ret_fd);
}

/* Until it is ready, and when nobody has to start it: until its program runs. */
static int converse(struct job *j, struct err *e)
{
	bool is_ready = false;

	for (;;) {
		struct plan_say m;
		auto_close int fd = -1;
		int r = hear_watched(j->watch, j->child.socket, &m, &fd);

		if (r == 0 && is_ready)
			return 0;
		if (r <= 0)
			return err_set(e, r < 0 ? r : -ECHILD,
				       "the container's first process ended while it was set up");
		if (m.word == PLAN_SAY_READY) {
			is_ready = true;
			if (j->waits)
				return 0;
			continue;
		}
		r = answer(j, &m, &fd, e);
		if (r < 0)
			return r;
	}
}

static int run_job(struct job *j, struct launched *ret, struct err *e)
{
	int r = begin(j, e);

	if (r >= 0)
		r = send_sources(j, e);
	if (r >= 0)
		r = converse(j, e);
	if (r < 0) {
		child_end(&j->child);
		if (j->start_made)
			unlinkat(j->sources.state_fd, LAUNCH_START, 0);
		return r;
	}
	if (j->own_start)
		*j->own_start = take_fd(&j->child.socket);
	*ret = (struct launched){ j->child.pid, take_fd(&j->child.pidfd) };
	child_part(&j->child);
	return 0;
}

int launch_create(const struct launch *l, struct launched *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct job j = { .process = &l->config->process,
			 .config = l->config,
			 .cgroup = l->cgroup,
			 .seccomp = l->seccomp,
			 .watch = &l->watch,
			 .stdio = l->stdio,
			 .console_socket = l->console_socket,
			 .keep_fds = l->extra ? 1 : l->preserve_fds,
			 .extra = l->extra,
			 .creates = true,
			 .rootless = l->rootless,
			 .waits = !l->start_at_once,
			 .own_start = l->own_start,
			 .sources = { .bundle_fd = l->bundle_fd,
				      .state_fd = l->state_fd,
				      .cgroup = l->cgroup,
				      .writable_layer = l->writable_layer,
				      .state_text = l->state_text,
				      .arg = l->arg },
			 .namespaces_ready = l->namespaces_ready,
			 .arg = l->arg,
			 .child = CHILD_NONE };
	int r;

	launch_steps_init(&j.steps, &a, l->bundle ? l->bundle : fd_path(&a, l->bundle_fd));
	j.steps.home = home(&l->config->process, l->bundle_fd, l->config->root_path, &a);
	r = check_capabilities(l, e);
	if (r >= 0)
		r = launch_steps_create(l, &j.steps, e);
	if (r >= 0)
		r = run_job(&j, ret, e);
	launch_steps_done(&j.steps);
	return r;
}

int launch_exec(const struct launch_exec *x, struct launched *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct job j = { .process = x->process,
			 .config = x->config,
			 .cgroup = x->cgroup,
			 .seccomp = x->seccomp,
			 .watch = &x->watch,
			 .stdio = x->stdio,
			 .console_socket = x->console_socket,
			 .keep_fds = x->extra ? 1 : x->preserve_fds,
			 .extra = x->extra,
			 .rootless = x->rootless,
			 .sources = { .bundle_fd = -1,
				      .state_fd = -1,
				      .cgroup = x->cgroup,
				      .writable_layer = -1,
				      .state_text = x->state_text,
				      .arg = x->arg },
			 .child = CHILD_NONE };
	int r;

	launch_steps_init(&j.steps, &a, ".");
	j.steps.home = home(x->process, AT_FDCWD, arena_fmt(&a, "/proc/%d/root", (int)x->init).p, &a);
	r = launch_steps_exec(x, &j.steps, e);
	if (r >= 0)
		r = run_job(&j, ret, e);
	launch_steps_done(&j.steps);
	return r;
}

/* Until the program runs: its end of the connection is closed then. */
static int started(int fd, int pidfd, const struct launch_watch *watch, struct err *e)
{
	for (;;) {
		struct plan_say m;
		auto_close int with = -1;
		int r;

		r = hear_watched(watch, fd, &m, &with);
		if (r <= 0)
			return r < 0 ? err_errno(e, r, "start") : 0;
		if (m.word != PLAN_SAY_LISTENER)
			return said_error(&m, e);
		r = launch_watch_listener(pidfd, m.number, watch, e);
		if (r >= 0)
			r = child_go(&(struct child){ .socket = fd }, e);
		if (r < 0)
			return r;
	}
}

int launch_go(int connection, int pidfd, const struct launch_watch *watch, struct err *e)
{
	int r = child_go(&(struct child){ .socket = connection }, e);

	return r < 0 ? r : started(connection, pidfd, watch, e);
}

int launch_start(int state_fd, int pidfd, const struct launch_watch *watch, struct err *e)
{
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	auto_close int with = -1;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct plan_say m;
	int r;

	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d/" LAUNCH_START, state_fd);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return err_errno(e, -errno, "start");
	r = hear(fd, &m, &with);
	if (r <= 0)
		return err_set(e, r < 0 ? r : -ECONNREFUSED, "the container's process has ended");
	if (m.word != PLAN_SAY_READY)
		return said_error(&m, e);
	unlinkat(state_fd, LAUNCH_START, 0);
	return started(fd, pidfd, watch, e);
}
