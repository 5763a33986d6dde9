/* container: how one is made. See container.h. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/path.h"
#include "runtime/config-check.h"
#include "runtime/console.h"
#include "runtime/container-part.h"
#include "runtime/enforce.h"
#include "runtime/hooks.h"
#include "runtime/launch-child.h"
#include "runtime/launch-host.h"
#include "runtime/record.h"

#define NOTIFY_INSIDE "/run/notify/notify.sock"
#define FILESYSTEMS_BYTES_MAX 65536 /* of /proc/filesystems */

/* How far a creation came: undone in reverse order. */
struct creation {
	struct container *c;
	const struct container_create *how;
	struct launched init;
	struct enforce enforce;
	int console;
	int pidfd_socket;
	int start;	     /* the connection that `run` starts it over */
	struct buf original; /* what its watcher answers from */
	int job;	     /* of a tier with a kernel of its own: for its monitor; 0: none */
	bool made;	     /* the state directory, with an intent in it: container_destroy() knows the rest */
	bool hooks;	     /* the first hooks were begun: those of the end are due */
};

static int open_bundle(struct container *c, const char *bundle, struct err *e)
{
	char link[32], path[PATH_BYTES_MAX];
	ssize_t n;

	c->bundle_fd = fd_open(AT_FDCWD, bundle ? bundle : ".", O_RDONLY | O_DIRECTORY);
	if (c->bundle_fd < 0)
		return err_errno(e, c->bundle_fd, "bundle %s", bundle ? bundle : ".");
	if (!bundle && getcwd(path, sizeof(path)) && *path == '/') { /* cheaper than by /proc */
		c->state.bundle = arena_str(&c->arena, str_c(path)).p;
		return 0;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", c->bundle_fd);
	n = readlink(link, path, sizeof(path));
	if (n < 0 || n == sizeof(path) || *path != '/')
		return err_set(e, n < 0 ? -errno : -ENAMETOOLONG, "bundle %s has no path", bundle ? bundle : ".");
	c->state.bundle = arena_str(&c->arena, str_n(path, (size_t)n)).p;
	return 0;
}

/* A FIFO or a device in its place must not hold us up. */
static int read_file(int dir_fd, const char *name, struct buf *text, struct err *e)
{
	auto_close int fd = fd_open(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd == -ENOENT)
		return err_set(e, fd, "JSON specification file %s not found", name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "cannot open");
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EBADMSG, "is no file");
	return fd_read_all(fd, CONFIG_BYTES_MAX, text, e);
}

/* With --compat, as crun: a label of files, which no kernel without SELinux reads. What confines the process
 * (selinuxLabel, apparmorProfile) stays an error there: it would run without. */
static void drop_mount_label(struct container *c)
{
	auto_buf struct buf kinds = { 0 };
	struct err ignored = { 0 };

	if (!c->rt->compat || !c->config.mount_label ||
	    file_read(AT_FDCWD, "/proc/filesystems", FILESYSTEMS_BYTES_MAX, &kinds, &ignored) < 0 ||
	    str_find_str(buf_all(&kinds), STR("selinuxfs")) >= 0)
		return;
	c->config.mount_label = NULL;
	if (c->rt->warn)
		c->rt->warn("linux.mountLabel: this kernel has no SELinux; it is dropped");
}

static int read_config(struct container *c, const char *file, struct buf *text, struct err *e)
{
	const char *about = file ? file : arena_fmt(&c->arena, "%s/%s", c->state.bundle, CONTAINER_CONFIG).p;
	struct oci_warnings w = { .compat = c->rt->compat };
	int r = read_file(file ? AT_FDCWD : c->bundle_fd, file ? file : CONTAINER_CONFIG, text, e);

	if (r >= 0)
		r = oci_config_parse(buf_all(text), &c->arena, &c->config, &w, e);
	for (size_t i = 0; i < w.lines.n; i++)
		if (c->rt->warn)
			c->rt->warn(arena_str(&c->arena, w.lines.v[i]).p);
	vec_done(&w.lines);
	if (r < 0)
		return err_wrap(e, r, "%s", about);
	c->has_config = true;
	/* Without one, what a configuration mounts would be mounted on the host. */
	c->config.namespaces[NS_MOUNT].set = true;
	r = oci_config_check(&c->config, e);
	if (r >= 0)
		drop_mount_label(c);
	return r < 0 ? err_wrap(e, r, "%s", about) : 0;
}

static const char *now_text(struct arena *a)
{
	char seconds[DATE_TEXT_MAX];
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	date_time_text((uint64_t)t.tv_sec, seconds);
	return arena_fmt(a, "%.19s.%09ldZ", seconds, t.tv_nsec).p;
}

static void fill_state(struct container *c, const char *id)
{
	const struct oci_config *config = &c->config;
	struct state *s = &c->state;

	s->id = arena_str(&c->arena, str_c(id)).p;
	s->phase = STATE_CREATING;
	s->created = now_text(&c->arena);
	s->rootfs = *config->root_path == '/' ? config->root_path
					      : arena_fmt(&c->arena, "%s/%s", s->bundle, config->root_path).p;
	s->version = config->version;
	s->owner = geteuid();
	s->rootless = c->rt->rootless;
	s->compat = c->rt->compat;
	s->poststart = config->hooks[HOOK_POSTSTART].n;
	s->poststop = config->hooks[HOOK_POSTSTOP].n;
	s->annotations = config->annotations;
	s->annotation_count = config->annotation_count;
}

/* Where its groups will be: nothing is made yet. */
static int plan_cgroup(struct container *c, struct err *e)
{
	int r;

	if (c->rt->manager == MANAGER_DISABLED)
		return 0;
	r = runtime_host(c->rt, e);
	if (r < 0)
		return r;
	c->state.systemd = c->rt->manager == MANAGER_SYSTEMD;
	r = cgroup_init(&c->cgroup, &c->rt->host, c->config.cgroups_path, c->state.id, c->state.systemd,
			c->rt->rootless, e);
	if (r < 0)
		return r;
	c->has_cgroup = true;
	c->state.cgroup = c->cgroup.path;
	return 0;
}

/* From here on a kill leaves what container_sweep() finds. */
static int record_intent(struct creation *m, struct str config_text, struct err *e)
{
	struct container *c = m->c;
	int r = state_make(c->rt->root_fd, c->state.id, &c->dir_fd, e);

	if (r < 0)
		return r;
	/* What undoes an intent kills everything in the groups it names. */
	if (c->has_cgroup)
		r = cgroup_check_free(&c->cgroup, e);
	if (r >= 0)
		r = state_file_new(c->dir_fd, CONTAINER_CONFIG, config_text, e);
	if (r >= 0)
		r = state_write_first(c->dir_fd, &c->state, e);
	m->made = r >= 0;
	if (r < 0) {
		struct err also = { 0 };

		if (state_remove(c->rt->root_fd, c->state.id, c->dir_fd, &also) < 0 && c->rt->warn)
			c->rt->warn(also.msg);
	}
	return r;
}

static struct enforce_place enforce_place(struct container *c)
{
	return (struct enforce_place){ .cgroup = c->has_cgroup ? &c->cgroup : NULL,
				       .id = c->state.id,
				       .rootfs = c->state.rootfs,
				       .state_fd = c->dir_fd,
				       .netns = c->netns,
				       .layers = c->rt->layers,
				       .rootless = c->rt->rootless };
}

static int make_groups(struct container *c, struct err *e)
{
	struct err also = { 0 };
	int r;

	c->cgroup.oom_group = limit_is_set(&c->limits, LIMIT_OOM_GROUP) && c->limits.v[LIMIT_OOM_GROUP].v;
	r = c->has_cgroup ? cgroup_make(&c->cgroup, e) : 0;
	if (r != -EEXIST && r != -EDEADLK)
		return r;
	c->state.cgroup = NULL; /* somebody else's, since we looked: not ours to remove */
	if (state_write(c->dir_fd, &c->state, &also) < 0 && c->rt->warn)
		c->rt->warn(also.msg);
	return r;
}

/* Groups, and every limit in force before there is a process. */
static int make_limits(struct creation *m, struct err *e)
{
	struct container *c = m->c;
	struct enforce_place place = enforce_place(c);
	int r = make_groups(c, e);

	m->enforce.record.limits = c->limits;
	m->enforce.record.granted = c->granted;
	m->enforce.record.log_kept = c->rt->log_kept;
	m->enforce.record.inside.memory_bytes = c->inside_memory;
	m->enforce.record.inside.pids = c->inside_pids;
	return r < 0 ? r : enforce_make(&m->enforce, &place, &c->config, &c->arena, e);
}

static int know_process(struct container *c, pid_t pid, struct err *e)
{
	struct process_stat stat;
	int r = process_stat(pid, &stat);

	if (r < 0)
		return err_errno(e, r, "process %d", pid);
	c->state.pid = pid;
	c->state.start_time = stat.start_time;
	return 0;
}

/* R14: nothing starts before the kernel has said that it is where it should be, and every limit what was asked. */
static int prove_limits(const struct creation *m, struct err *e)
{
	auto_enforce_report struct enforce_report report = { 0 };
	struct container *c = m->c;

	enforce_verify(&m->enforce.record, c->has_cgroup ? &c->cgroup : NULL, &c->config, c->state.pid, &c->arena,
		       &report);
	return enforce_report_check(&report, e);
}

/* The namespaces are there, the root is not switched yet. */
static int namespaces_ready(void *arg, pid_t pid, struct err *e)
{
	struct creation *m = arg;
	struct container *c = m->c;
	int r = know_process(c, pid, e);

	/* a kill finds the process by its group; without one, by this, and for hooks that ask */
	if (r >= 0 && (!c->has_cgroup || c->config.hooks[HOOK_PRESTART].n || c->config.hooks[HOOK_CREATE_RUNTIME].n))
		r = state_write(c->dir_fd, &c->state, e);
	m->hooks = true;
	if (r >= 0)
		r = container_hooks(c, HOOK_PRESTART, STATUS_CREATED, e);
	if (r >= 0)
		r = container_hooks(c, HOOK_CREATE_RUNTIME, STATUS_CREATED, e);
	if (r >= 0) { /* hooks may be what makes the interfaces */
		struct enforce_place place = enforce_place(c);

		r = enforce_network(&m->enforce, &place, c->state.id, pid, e);
	}
	return r;
}

/* As a hook inside, or the seccomp agent, reads it. */
int container_state_text(void *arg, pid_t pid, const char *status, struct buf *ret, struct err *e)
{
	const struct container *c = arg;
	struct state s = c->state;

	s.pid = pid;
	container_state_json(&s, strcmp(status, "created") == 0 ? STATUS_CREATED : STATUS_CREATING, false, ret);
	return buf_finish(ret) < 0 ? err_set(e, -E2BIG, "the state of container \"%s\" is too long", s.id) : 0;
}

static int state_text(void *arg, pid_t pid, const char *status, struct buf *ret, struct err *e)
{
	struct creation *m = arg;

	return container_state_text(m->c, pid, status, ret, e);
}

static int launch(struct creation *m, struct err *e)
{
	struct container *c = m->c;
	struct seccomp_program seccomp = { 0 };
	struct launch l = {
		.config = &c->config,
		.id = c->state.id,
		.bundle_fd = c->bundle_fd,
		.bundle = c->state.bundle,
		.own_start = m->how->start ? &m->start : NULL,
		.state_fd = c->dir_fd,
		.cgroup = c->has_cgroup ? &c->cgroup : NULL,
		.seccomp = &seccomp,
		.console_socket = m->console,
		.strict = c->strict,
		.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
		.extra = m->job,
		.preserve_fds = m->how->preserve_fds,
		.no_pivot = m->how->no_pivot,
		.no_new_keyring = m->how->no_new_keyring,
		.rootless = c->rt->rootless,
		.writable_layer = m->enforce.layer.mount,
		.namespaces_ready = namespaces_ready,
		.listen_fds = m->how->listen_fds,
		.state_text = state_text,
		.arg = m,
	};
	int r;

	/* The filter is in the plan of a guest; its monitor confines itself. */
	if (c->state.tier)
		return launch_create(&l, &m->init, e);
	r = m->how->record ? recorder_program(!c->state.compat, &seccomp, e) : container_seccomp(c, &seccomp, e);

	if (r >= 0 && l.no_pivot)
		r = launch_kernel_mounts(&c->arena, &l.kernel_mounts, e);
	if (r >= 0 && !m->how->record)
		r = container_watch_program(c, &seccomp, &m->original, !m->how->start, e);
	c->state.watched = seccomp.watched && !m->how->record;
	if (r >= 0)
		r = launch_create(&l, &m->init, e);
	seccomp_program_done(&seccomp);
	return r;
}

int container_pid_file(const char *path, pid_t pid, struct err *e)
{
	char text[16];

	if (!path)
		return 0;
	snprintf(text, sizeof(text), "%d", pid);
	return file_write(AT_FDCWD, path, str_c(text), false, e);
}

int container_pass_pidfd(int socket, const char *kind, int pidfd, struct err *e)
{
	int r = socket < 0 ? 0 : launch_send(socket, str_c(kind), &pidfd, 1);

	return r < 0 ? err_errno(e, r, "--pidfd-socket") : 0;
}

/* Whoever holds the other end has something to do first (a network, with the pid file in hand). */
static void wait_for_start(int fd)
{
	char byte;

	while (fd > 0 && read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

static int start(struct creation *m, struct err *e)
{
	/* While a hook runs nobody would answer here. */
	struct watcher *own = m->c->config.hooks[HOOK_POSTSTART].n ? NULL : m->how->own_watch;
	struct container_watch w = { m->c->dir_fd, buf_all(&m->original), own };
	int r;

	if (!m->how->start)
		return 0;
	wait_for_start(m->how->start_fd);
	r = container_start_over(m->start, m->init.pidfd, &w, m->how->record, e);
	return r < 0 ? r : container_hooks(m->c, HOOK_POSTSTART, STATUS_RUNNING, e);
}

/* A user without rights may have been given no group at all: then nothing is to be looked for later. */
static bool has_group(const struct container *c)
{
	for (size_t i = 0; c->has_cgroup && i < c->cgroup.host->n; i++)
		if (c->cgroup.dirs[i] >= 0)
			return true;
	return false;
}

/* Everything is there and nothing runs yet. */
static int settle(struct creation *m, struct err *e)
{
	struct container *c = m->c;
	int r = c->state.pid == m->init.pid ? 0 : know_process(c, m->init.pid, e);

	cgroup_scope_settle(&c->cgroup);
	if (r >= 0)
		r = prove_limits(m, e);
	if (r < 0)
		return r;
	c->state.phase = STATE_CREATED;
	if (!has_group(c))
		c->state.cgroup = NULL;
	r = state_write(c->dir_fd, &c->state, e);
	if (r >= 0)
		r = container_pass_pidfd(m->pidfd_socket, "standard", m->init.pidfd, e);
	if (r >= 0)
		r = container_pid_file(m->how->pid_file, m->init.pid, e);
	if (r >= 0)
		r = start(m, e);
	if (r >= 0)
		state_settle(c->rt->root_fd, c->state.id);
	return r;
}

static void undo(struct creation *m)
{
	struct container *c = m->c;
	struct err e = { 0 };

	fd_close(&m->init.pidfd);
	if (!m->made)
		return;
	c->state.poststop &= m->hooks;
	if (container_destroy(c, m->hooks, &e) < 0 && c->rt->warn)
		c->rt->warn(e.msg);
}

/* sd_notify(3) from inside reaches the service manager: that one socket is mounted, not the directory it is in. One
 * without a path cannot be; then the container has none, as with crun. */
static void take_notify_socket(struct container *c, const char *path)
{
	static const char *options[] = { "bind", "nosuid", "nodev", "noexec" };
	struct oci_config *o = &c->config;
	struct oci_mount *mounts;
	const char **env;
	size_t n = 0;

	if (!path || *path != '/' || !o->has_process)
		return;
	mounts = arena_array(&c->arena, struct oci_mount, o->mount_count + 1);
	env = arena_array(&c->arena, const char *, o->process.env.n + 1);
	if (o->mount_count)
		memcpy(mounts, o->mounts, o->mount_count * sizeof(*mounts));
	mounts[o->mount_count++] = (struct oci_mount){
		.destination = NOTIFY_INSIDE,
		.type = "bind",
		.source = arena_str(&c->arena, str_c(path)).p,
		.options = { options, ARRAY_LEN(options) },
	};
	o->mounts = mounts;
	for (size_t i = 0; i < o->process.env.n; i++)
		if (!str_starts(str_c(o->process.env.v[i]), STR("NOTIFY_SOCKET=")))
			env[n++] = o->process.env.v[i];
	env[n++] = "NOTIFY_SOCKET=" NOTIFY_INSIDE;
	o->process.env = (struct strings){ env, n };
}

/* What a machine with a kernel of its own cannot be given. */
static int check_tier(const struct creation *m, struct err *e)
{
	const struct container *c = m->c;

	if (!c->state.tier)
		return 0;
	if (m->how->notify_socket && c->rt->warn)
		c->rt->warn("NOTIFY_SOCKET: a machine does not reach the service manager");
	if (m->how->record || m->how->preserve_fds || m->how->listen_fds)
		return err_set(e, -ENOTSUP, "tier %s: no descriptor is handed on, and no system call recorded",
			       c->state.tier);
	return 0;
}

static int connect_sockets(struct creation *m, struct err *e)
{
	const struct container_create *how = m->how;
	int r = console_for(&m->c->config.process, how->console_socket, how->own_console, &m->console, e);

	if (r >= 0 && how->pidfd_socket)
		r = console_connect(how->pidfd_socket, &m->pidfd_socket, e);
	return r;
}

static int prepare(struct creation *m, struct buf *text, struct err *e)
{
	struct container *c = m->c;
	int r;

	if (!state_id_valid(str_c(m->how->id)))
		return container_bad_id(m->how->id, e);
	r = open_bundle(c, m->how->bundle, e);
	if (r >= 0)
		r = read_config(c, m->how->config, text, e);
	if (r < 0)
		return r;
	fill_state(c, m->how->id);
	r = container_limit(c, e);
	if (r >= 0)
		r = check_tier(m, e);
	if (r >= 0 && !c->state.tier)
		take_notify_socket(c, m->how->notify_socket);
	if (r >= 0)
		r = container_strict(c, e);
	if (r >= 0)
		r = plan_cgroup(c, e);
	return r < 0 ? r : connect_sockets(m, e);
}

int container_create(struct runtime *rt, const struct container_create *how, struct container *ret,
		     struct launched *ret_init, struct err *e)
{
	struct creation m = {
		.c = ret, .how = how, .init = { -1, -1 }, .console = -1, .pidfd_socket = -1, .start = -1
	};
	auto_buf struct buf text = { 0 };
	int r;

	container_init(ret, rt);
	enforce_init(&m.enforce);
	r = prepare(&m, &text, e);
	if (r >= 0)
		r = record_intent(&m, buf_all(&text), e);
	if (r >= 0 && ret->state.tier)
		r = container_tier_prepare(ret, &m.job, e);
	if (r >= 0)
		r = make_limits(&m, e);
	if (r >= 0)
		r = launch(&m, e);
	if (r >= 0)
		r = settle(&m, e);
	fd_close(&m.console);
	fd_close(&m.pidfd_socket);
	fd_close(&m.start);
	buf_done(&m.original);
	if (m.job)
		fd_close(&m.job);
	enforce_done(&m.enforce);
	if (r < 0)
		undo(&m);
	else
		*ret_init = m.init;
	return r;
}
