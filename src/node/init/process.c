/* process: one process for the host, the container's own or one beside it. See init.h. */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/init/init.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
#define CAPABILITY_MAX 63

/* 0, 1, 2 of the process and our ends of them. */
struct streams {
	int theirs[3];
	struct started ours;
};

static void streams_close(struct streams *s)
{
	for (int i = 0; i < 3; i++)
		fd_close(&s->theirs[i]);
	if (s->ours.out == s->ours.in)
		s->ours.out = -1;
	fd_close(&s->ours.in);
	fd_close(&s->ours.out);
	fd_close(&s->ours.err);
	fd_close(&s->ours.hold);
}

static int open_terminal(const struct guest_plan *p, struct streams *s)
{
	struct winsize size = { (unsigned short)p->rows, (unsigned short)p->columns, 0, 0 };
	int zero = 0;

	s->ours.in = s->ours.out = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->ours.in < 0 || ioctl(s->ours.in, TIOCSPTLCK, &zero) < 0)
		return -errno;
	if (size.ws_row && size.ws_col)
		(void)ioctl(s->ours.in, TIOCSWINSZ, &size);
	s->theirs[0] = ioctl(s->ours.in, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->theirs[0] < 0 || fchown(s->theirs[0], p->uid, (gid_t)-1) < 0)
		return -errno;
	s->theirs[1] = fcntl(s->theirs[0], F_DUPFD_CLOEXEC, 3);
	s->theirs[2] = fcntl(s->theirs[0], F_DUPFD_CLOEXEC, 3);
	s->ours.hold = fcntl(s->theirs[0], F_DUPFD_CLOEXEC, 3);
	return s->theirs[1] < 0 || s->theirs[2] < 0 || s->ours.hold < 0 ? -errno : 0;
}

static int open_pipes(const struct guest_plan *p, struct streams *s)
{
	int *const ours[] = { &s->ours.in, &s->ours.out, &s->ours.err };

	for (int i = 0; i < 3; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		s->theirs[i] = ends[i == 0 ? 0 : 1];
		*ours[i] = ends[i == 0 ? 1 : 0];
		/* So that /dev/stdout can be opened by whoever runs in there. */
		if (fcntl(*ours[i], F_SETFL, O_NONBLOCK) < 0 || fchown(s->theirs[i], p->uid, p->gid) < 0)
			return -errno;
	}
	return 0;
}

static int set_limits(const struct guest_plan *p, struct err *e)
{
	struct rlimit none = { 0, 0 };

	for (size_t i = 0; i < p->rlimit_count; i++) {
		struct rlimit l = { p->rlimits[i].soft, p->rlimits[i].hard };

		if (setrlimit((__rlimit_resource_t)p->rlimits[i].resource, &l) < 0)
			return err_errno(e, -errno, "resource limit %u", p->rlimits[i].resource);
	}
	if (p->core_off && setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(e, -errno, "no core dumps");
	return 0;
}

static int drop_bounding(uint64_t keep)
{
	for (unsigned int c = 0; c <= CAPABILITY_MAX; c++)
		if (!(keep >> c & 1) && prctl(PR_CAPBSET_DROP, c) < 0)
			return errno == EINVAL ? 0 : -errno; /* the kernel's last one has been passed */
	return 0;
}

static int set_capabilities(const struct guest_plan *p)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){ (uint32_t)(p->effective >> 32 * i),
							   (uint32_t)(p->permitted >> 32 * i),
							   (uint32_t)(p->inheritable >> 32 * i) };
	if (syscall(SYS_capset, &head, data) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (unsigned long c = 0; c <= CAPABILITY_MAX; c++)
		if (p->ambient >> c & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
			return -errno;
	return 0;
}

static int set_identity(const struct guest_plan *p, struct err *e)
{
	int r = drop_bounding(p->bounding);

	if (r == 0 && (setgroups(p->group_count, p->groups) < 0 || prctl(PR_SET_KEEPCAPS, 1) < 0 ||
		       setresgid(p->gid, p->gid, p->gid) < 0 || setresuid(p->uid, p->uid, p->uid) < 0))
		r = -errno;
	umask(p->umask & 0777);
	r = r < 0 ? r : set_capabilities(p);
	return r < 0 ? err_errno(e, r, "user, groups and capabilities") : 0;
}

static int set_filter(const struct guest_plan *p, struct err *e)
{
	struct sock_fprog program = { (unsigned short)(p->filter.n / sizeof(struct sock_filter)),
				      (struct sock_filter *)(uintptr_t)p->filter.p };

	if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(e, -errno, "no_new_privs");
	if (p->filter.n && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return err_errno(e, -errno, "seccomp");
	return 0;
}

static struct str environment(const struct guest_plan *p, const char *name)
{
	for (size_t i = 0; i < p->env.n; i++) {
		struct str key, value;

		if (str_split(str_c(p->env.v[i]), '=', &key, &value) && str_is(key, name))
			return value;
	}
	return STR_NONE;
}

/* As execvpe(), but in the PATH of the process to be. */
static int become(const struct guest_plan *p, struct err *e)
{
	char *const *argv = (char *const *)(uintptr_t)p->args.v, *const *env = (char *const *)(uintptr_t)p->env.v;
	struct str rest = environment(p, "PATH"), dir;
	char path[PATH_BYTES_MAX];
	int why = ENOENT;

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, env);
		return err_errno(e, -errno, "exec: \"%s\"", argv[0]);
	}
	for (rest = rest.n ? rest : STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	     str_cut(&rest, ':', &dir);) {
		snprintf(path, sizeof(path), STR_FMT "/%s", STR_ARG(dir.n ? dir : STR(".")), argv[0]);
		execve(path, argv, env);
		if (errno != ENOENT && errno != ENOTDIR)
			why = errno;
	}
	if (why == ENOENT)
		return err_set(e, -ENOENT, "exec: \"%s\": executable file not found in $PATH", argv[0]);
	return err_errno(e, -why, "exec: \"%s\"", argv[0]);
}

static int take_streams(const struct guest_plan *p, const struct streams *s, struct err *e)
{
	char score[16];
	sigset_t none;

	sigemptyset(&none);
	if (setsid() < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return err_errno(e, -errno, "session");
	for (int i = 0; i < 3; i++)
		if (dup2(s->theirs[i], i) < 0)
			return err_errno(e, -errno, "streams");
	if (p->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_errno(e, -errno, "terminal");
	snprintf(score, sizeof(score), "%d", p->oom_score_adj);
	return knob_write("/proc/self/oom_score_adj", score, e);
}

/* In the child, up to its exec. */
static int child(const struct guest_plan *p, int container, const struct container_sources *sources,
		 const struct streams *s, struct err *e)
{
	int r = take_streams(p, s, e);

	if (r == 0 && container < 0)
		r = container_enter(p, sources, e);
	else if (r == 0 && setns(container, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0)
		r = err_errno(e, -errno, "the container's namespaces");
	r = r < 0 ? r : set_limits(p, e);
	r = r < 0 ? r : set_identity(p, e);
	if (r == 0 && chdir(p->cwd) < 0)
		r = err_errno(e, -errno, "working directory %s", p->cwd);
	r = r < 0 ? r : set_filter(p, e);
	return r < 0 ? r : become(p, e);
}

/* clone3() into the container's group; for a process beside the first one, into its PID namespace too: a namespace for
 * children is the caller's to choose, so it is chosen and taken back. */
static pid_t clone_into(int group, int container)
{
	struct clone_args args = { .flags = (group >= 0 ? CLONE_INTO_CGROUP : 0) | (container < 0 ? NAMESPACES : 0),
				   .exit_signal = SIGCHLD,
				   .cgroup = group >= 0 ? (uint64_t)group : 0 };
	auto_close int own = -1;
	pid_t pid;

	if (container >= 0) {
		own = fd_open(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY);
		if (own < 0 || setns(container, CLONE_NEWPID) < 0)
			return own < 0 ? own : -errno;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		pid = -errno;
	if (pid > 0 && container >= 0 && setns(own, CLONE_NEWPID) < 0)
		return -errno;
	return pid;
}

static _Noreturn void report(int fd, const struct err *e)
{
	(void)!write(fd, e, sizeof(*e));
	_exit(127);
}

static int start(const struct guest_plan *p, int container, const struct container_sources *sources, struct streams *s,
		 struct err *e)
{
	auto_close int group = fd_open(AT_FDCWD, CONTAINER_CGROUP, O_RDONLY | O_DIRECTORY);
	int report_pipe[2];
	struct err why = { 0 };
	ssize_t got;
	pid_t pid;

	if (pipe2(report_pipe, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "pipe");
	pid = clone_into(group, container);
	if (pid == 0) {
		close(report_pipe[0]);
		(void)child(p, container, sources, s, &why);
		report(report_pipe[1], &why);
	}
	close(report_pipe[1]);
	got = pid > 0 ? fd_read(report_pipe[0], &why, sizeof(why)) : 0;
	close(report_pipe[0]);
	if (pid < 0)
		return err_errno(e, pid, "clone");
	if (got > 0) {
		(void)waitpid(pid, NULL, 0);
		why.msg[sizeof(why.msg) - 1] = 0;
		return err_set(e, why.code ? why.code : -EIO, "%s", why.msg);
	}
	s->ours.pid = pid;
	return 0;
}

int process_start(const struct guest_plan *p, int container, struct started *ret, struct err *e)
{
	struct streams s = { { -1, -1, -1 }, { 0, -1, -1, -1, -1 } };
	struct container_sources sources = { -1, -1, -1, NULL, NULL };
	int r = p->terminal ? open_terminal(p, &s) : open_pipes(p, &s);

	if (r < 0)
		err_errno(e, r, "streams");
	if (r == 0 && container < 0)
		r = container_sources(p, p->terminal ? s.ours.in : -1, &sources, e);
	if (r == 0) {
		r = start(p, container, &sources, &s, e);
		if (container < 0)
			container_sources_close(&sources, p);
	}
	for (int i = 0; i < 3; i++)
		fd_close(&s.theirs[i]);
	if (r < 0) {
		streams_close(&s);
		return r;
	}
	*ret = s.ours;
	return 0;
}
