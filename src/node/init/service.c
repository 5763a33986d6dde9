/* service: a program that is kept running. See node.h and docs/node.md. */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/init/init.h"
#include "node/init/node.h"
#include "node/layout.h"

#define GROUPS "/sys/fs/cgroup/services"
#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 60000
#define STEADY_MS 30000	    /* after so long the next end is a first one again */
#define LINE_BYTES_MAX 1000 /* longer ones are broken */
#define READ_ROUNDS 16	    /* of one service before the others have their turn */
#define FILES_MAX 1024

static int group_write(const char *name, const char *file, uint64_t value, struct err *e)
{
	char path[PATH_BYTES_MAX], text[32];

	snprintf(path, sizeof(path), GROUPS "/%s/%s", name, file);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return knob_write(path, text, e);
}

int services_groups(struct err *e)
{
	static const char *const files[] = { "/sys/fs/cgroup/cgroup.subtree_control",
					     GROUPS "/cgroup.subtree_control" };
	static const char *const controllers[] = { "+cpu", "+memory", "+pids", "+io", "+cpuset" };

	if ((mkdir(GROUPS, 0755) < 0 || mkdir("/sys/fs/cgroup/pods", 0755) < 0) && errno != EEXIST)
		return err_errno(e, -errno, "control groups");
	/* What a kernel does not have is not asked for by anybody but its limits: those are errors then. */
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		for (size_t k = 0; k < ARRAY_LEN(controllers); k++)
			(void)knob_write(files[i], controllers[k], NULL);
	(void)knob_write("/sys/fs/cgroup/pods/cgroup.subtree_control", "+cpu +memory +pids +io", NULL);
	return 0;
}

/* The group with its limits; what cannot be limited is not started. */
static int make_group(const struct service *s, struct err *e)
{
	char path[PATH_BYTES_MAX];
	int r = 0;

	snprintf(path, sizeof(path), GROUPS "/%s", s->name);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "%s", path);
	if (s->memory_bytes)
		r = group_write(s->name, "memory.max", s->memory_bytes, e);
	if (r == 0 && s->memory_bytes)
		r = group_write(s->name, "memory.oom.group", 1, e);
	if (r == 0 && s->pids)
		r = group_write(s->name, "pids.max", s->pids, e);
	return r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
}

/* Where it may write what is kept. */
static int make_home(const struct service *s, struct err *e)
{
	if (!s->fence.home || mkdir(s->fence.home, 0700) == 0 || errno == EEXIST) {
		if (s->fence.home && chown(s->fence.home, s->fence.user, s->fence.user) < 0)
			return err_errno(e, -errno, "%s", s->fence.home);
		return 0;
	}
	/* A full data partition does not keep it from running. */
	return errno == ENOSPC || errno == EROFS ? 0 : err_errno(e, -errno, "%s", s->fence.home);
}

static int set_limits(void)
{
	static const struct {
		__rlimit_resource_t resource;
		rlim_t value;
	} rows[] = { { RLIMIT_CORE, 0 }, { RLIMIT_NOFILE, FILES_MAX }, { RLIMIT_MEMLOCK, 64u << 10 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rlimit l = { rows[i].value, rows[i].value };

		if (setrlimit(rows[i].resource, &l) < 0)
			return -errno;
	}
	return 0;
}

static int set_descriptors(int out, int report, struct err *e)
{
	auto_close int null = fd_open(AT_FDCWD, "/dev/null", O_RDONLY);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return err_errno(e, -errno, "descriptors");
	if (report >= 0 && report == 3 && fcntl(3, F_SETFD, 0) < 0)
		return err_errno(e, -errno, "descriptors");
	if (report >= 0 && report != 3 && dup2(report, 3) < 0)
		return err_errno(e, -errno, "descriptors");
	return 0;
}

static _Noreturn void child(const struct service *s, int out, int report)
{
	const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", s->fence.home ? "" : "HOME=/",
				    NULL, NULL };
	char home[PATH_BYTES_MAX];
	const char *full[ARRAY_LEN(env)];
	struct err e = { 0 };
	sigset_t none;
	int r;

	memcpy(full, env, sizeof(env));
	snprintf(home, sizeof(home), "HOME=%s", s->fence.home ? s->fence.home : "/");
	full[2] = home;
	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	(void)setsid();
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	r = set_descriptors(out, report, &e);
	/* PID 1 is the last to be killed for want of memory, and what it starts is not. */
	r = r < 0 ? r : knob_write("/proc/self/oom_score_adj", s->fence.profile == FENCE_SERVICE ? "0" : "-500", &e);
	if (r == 0 && set_limits() < 0)
		r = err_errno(&e, -errno, "resource limits");
	if (r == 0 && chdir(s->fence.home ? s->fence.home : "/") < 0)
		(void)!chdir("/");
	r = r < 0 ? r : profile_enter(s->fence.profile, &e);
	r = r < 0 ? r : fence_enter(&s->fence, &e);
	if (r == 0) {
		execve(s->argv[0], (char *const *)(uintptr_t)s->argv, (char *const *)(uintptr_t)full);
		err_errno(&e, -errno, "exec %s", s->argv[0]);
	}
	(void)!write(2, e.msg, strlen(e.msg));
	(void)!write(2, "\n", 1);
	_exit(127);
}

static pid_t clone_into(const struct service *s, int group)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP | (s->network ? 0 : CLONE_NEWNET) |
					    (s->fence.profile == FENCE_AGENT ? 0 : CLONE_NEWIPC),
				   .exit_signal = SIGCHLD,
				   .cgroup = (uint64_t)group };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : pid;
}

static int start(struct service *s, struct err *e)
{
	auto_close int group = make_group(s, e), out = -1, report = -1;
	int ends[2], r = group < 0 ? group : make_home(s, e);
	pid_t pid;

	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "pipe");
	s->out = ends[0];
	out = ends[1];
	(void)fcntl(s->out, F_SETFL, O_NONBLOCK);
	if (s->reports) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return err_errno(e, -errno, "pipe");
		s->report = ends[0];
		report = ends[1];
		(void)fcntl(s->report, F_SETFL, O_NONBLOCK);
	}
	pid = clone_into(s, group);
	if (pid == 0)
		child(s, out, report);
	if (pid < 0)
		return err_errno(e, pid, "clone");
	s->pid = pid;
	return 0;
}

static void later(struct service *s, uint64_t now)
{
	bool steady = s->since_ms && now - s->since_ms >= STEADY_MS;

	s->backoff_ms = steady || !s->backoff_ms ? BACKOFF_MIN_MS : s->backoff_ms * 2;
	if (s->backoff_ms > BACKOFF_MAX_MS)
		s->backoff_ms = BACKOFF_MAX_MS;
	s->next_ms = now + s->backoff_ms;
	s->state = s->last ? SERVICE_ENDED : SERVICE_WAITING;
}

void service_start(struct service *s, uint64_t now)
{
	struct err e = { 0 };

	if (!s->log)
		s->log = log_open(s->name);
	s->line.max = LINE_BYTES_MAX;
	if (start(s, &e) < 0) {
		say("service %s: %s", s->name, e.msg);
		fd_close(&s->out);
		fd_close(&s->report);
		s->since_ms = 0;
		s->restarts++;
		later(s, now);
		return;
	}
	s->since_ms = now;
	s->state = SERVICE_RUNNING;
}

static void put_line(struct service *s, struct str line)
{
	if (!line.n)
		return;
	if (!s->quiet)
		say_line(s->name, line);
	log_line(s->log, line);
}

static void take(struct service *s, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		if (bytes.p[i] != '\n')
			buf_char(&s->line, bytes.p[i]);
		if (bytes.p[i] == '\n' || s->line.n == LINE_BYTES_MAX) {
			put_line(s, str_trim(buf_all(&s->line)));
			buf_clear(&s->line);
		}
	}
}

void service_output(struct service *s)
{
	char bytes[4096];
	ssize_t n;

	for (int i = 0; i < READ_ROUNDS && s->out >= 0; i++) {
		n = read(s->out, bytes, sizeof(bytes));
		if (n > 0)
			take(s, str_n(bytes, (size_t)n));
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			fd_close(&s->out);
		else
			return;
	}
}

static void say_end(const struct service *s)
{
	bool killed = WIFSIGNALED(s->wait_status);
	int number = killed ? WTERMSIG(s->wait_status) : WEXITSTATUS(s->wait_status);
	char again[32] = "";

	if (!s->last)
		snprintf(again, sizeof(again), ", again in %u ms", s->backoff_ms);
	say("service %s ended (%s %d)%s", s->name, killed ? "signal" : "status", number, again);
}

bool service_ended(struct service *s, pid_t pid, int wait_status, uint64_t now)
{
	if (s->state != SERVICE_RUNNING || s->pid != pid)
		return false;
	/* Whatever it left behind goes as well: the next one starts from nothing. */
	service_signal(s, SIGKILL);
	service_output(s);
	put_line(s, str_trim(buf_all(&s->line)));
	buf_clear(&s->line);
	fd_close(&s->out);
	fd_close(&s->report);
	s->pid = 0;
	s->wait_status = wait_status;
	s->restarts++;
	later(s, now);
	say_end(s);
	return true;
}

void service_signal(struct service *s, int signal)
{
	char path[PATH_BYTES_MAX];

	snprintf(path, sizeof(path), GROUPS "/%s/cgroup.kill", s->name);
	if (signal == SIGKILL && s->fence.profile != FENCE_AGENT && knob_write(path, "1", NULL) == 0)
		return;
	if (s->pid > 0)
		(void)kill(s->pid, signal);
}
