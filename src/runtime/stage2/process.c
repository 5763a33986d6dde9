/* stage 2: from what set the container up to what runs in it. */
#include "runtime/stage2/stage2.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/in.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#define INTERFACE_UP 1
#define LOOPBACK "lo"
#define SOCKET_INET 2
#define SOCKET_DATAGRAM 2
#define CAPS_MAX 64
#define SIGNAL_CHILD 17
#define SIGNAL_KILL 9
#define SIGNAL_SYS 31
#define SIGNALS_BYTES 8

static char *arguments[PLAN_STRINGS_MAX + 1];
static char *environment[PLAN_STRINGS_MAX + 3];
static char program[PATH_BYTES];

long step_loopback(const struct plan_step *s unused_arg)
{
	long fd = sys(__NR_socket, SOCKET_INET, SOCKET_DATAGRAM | O_CLOEXEC, 0), r;
	struct ifreq request = { .ifr_name = LOOPBACK };

	if (fd < 0)
		return fd == -EAFNOSUPPORT ? 0 : fail(fd, "socket");
	r = sys(__NR_ioctl, fd, SIOCGIFFLAGS, &request);
	if (r >= 0) {
		request.ifr_flags |= INTERFACE_UP;
		r = sys(__NR_ioctl, fd, SIOCSIFFLAGS, &request);
	}
	sys(__NR_close, fd);
	return fail(r, "interface lo");
}

long step_bounding(const struct plan_step *s)
{
	for (int cap = 0; cap < CAPS_MAX; cap++) {
		long r;

		if (s->arg[0] & 1ull << cap)
			continue;
		r = sys(__NR_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
		if (r == -EINVAL)
			return 0; /* the kernel's last one was before */
		if (r < 0)
			return fail(r, "PR_CAPBSET_DROP");
	}
	return 0;
}

long step_user(const struct plan_step *s)
{
	long r = sys(__NR_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);

	if (r < 0)
		return fail(r, "PR_SET_KEEPCAPS");
	if (s->arg[2]) {
		r = sys(__NR_setgroups, s->bytes / 4, plan_block(s));
		if (r < 0)
			return fail(r, "setgroups");
	}
	r = sys(__NR_setresgid, s->arg[1], s->arg[1], s->arg[1]);
	if (r < 0)
		return fail(r, "setresgid");
	r = sys(__NR_setresuid, s->arg[0], s->arg[0], s->arg[0]);
	if (r < 0)
		return fail(r, "setresuid");
	/* Another user means another judgement of who may look in: closed again. */
	return fail(sys(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0), "PR_SET_DUMPABLE");
}

static long set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
	};

	return sys(__NR_capset, &head, data);
}

long step_capabilities(const struct plan_step *s)
{
	long r = fail(set_caps(s->arg[0], s->arg[1], s->arg[2]), "capset");

	for (int cap = 0; cap < CAPS_MAX && r >= 0; cap++)
		if (s->arg[3] & 1ull << cap)
			r = fail(sys(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0), "ambient");
	return r;
}

/* What is permitted is effective again: a change of user took it. */
static long regain(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	long r = sys(__NR_capget, &head, data);

	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	return r < 0 ? r : sys(__NR_capset, &head, data);
}

long step_seccomp(const struct plan_step *s)
{
	struct sock_fprog filter = { (unsigned short)(s->bytes / sizeof(struct sock_filter)),
				     (struct sock_filter *)(uintptr_t)plan_block(s) };
	long r = s->arg[2] ? regain() : 0, listener;

	if (r < 0)
		return fail(r, "capset");
	if (s->bytes / sizeof(struct sock_filter) > 0xffff)
		return -E2BIG;
	if (!s->arg[1])
		return fail(sys(__NR_seccomp, SECCOMP_SET_MODE_FILTER, s->arg[0], &filter), "seccomp");
	/* The host's side takes the listener out of this process: once the filter is there, every call may need
	 * somebody's answer. Its number is the lowest that is free. */
	listener = sys(__NR_dup, 0);
	if (listener < 0)
		return fail(listener, "dup");
	sys(__NR_close, listener);
	r = say(PLAN_SAY_LISTENER, listener, NULL);
	if (r < 0)
		return r;
	r = sys(__NR_seccomp, SECCOMP_SET_MODE_FILTER, s->arg[0], &filter);
	if (r < 0)
		return fail(r, "seccomp");
	return hear(PLAN_SAY_GO);
}

/* R7: a directory that is outside, or that was reached through one (CVE-2024-21626), is refused. */
long step_directory(const struct plan_step *s)
{
	char path[PATH_BYTES];
	long fd = s->arg[0] ? inside_make(plan_text(s, 1), true) : inside_open(plan_text(s, 1), O_PATH | O_DIRECTORY),
	     r;

	if (fd == -ELOOP)
		return fail(fd, "it is a link of the kernel's in /proc, or leads through one, or in a circle");
	if (fd < 0)
		return fail(fd, "chdir");
	r = sys(__NR_fchdir, fd);
	sys(__NR_close, fd);
	if (r < 0)
		return fail(r, "chdir");
	r = sys(__NR_getcwd, path, sizeof(path));
	if (r < 0)
		return fail(r, "getcwd");
	return path[0] == '/' ? 0 : fail(-EXDEV, "the working directory is outside of the container");
}

/* 0 when it can be run as who we are now. */
static long can_run(const char *path)
{
	struct statx about;
	long r = sys(__NR_statx, AT_FDCWD, path, 0, STATX_TYPE, &about);

	if (r < 0)
		return r;
	if ((about.stx_mode & S_IFMT) != S_IFREG)
		return -EACCES;
	return sys(__NR_faccessat2, AT_FDCWD, path, 1, AT_EACCESS);
}

/* The whole error in runc's words: engines look for them. */
static long not_found(long r, const char *name, bool has_path)
{
	char text[PLAN_SAY_TEXT_MAX];
	size_t at = text_add(text, sizeof(text), 0, "exec: \"");

	at = text_add(text, sizeof(text), at, name);
	at = text_add(text, sizeof(text), at, "\": ");
	if (!has_path) {
		text_add(text, sizeof(text), at, "executable file not found in $PATH");
	} else if (r == -EACCES) {
		text_add(text, sizeof(text), at, "permission denied");
	} else if (r == -ENOENT) {
		at = text_add(text, sizeof(text), at, "stat ");
		at = text_add(text, sizeof(text), at, name);
		text_add(text, sizeof(text), at, ": no such file or directory");
	} else {
		note(text);
		return fail(r, NULL);
	}
	note_whole(text);
	return fail(has_path ? r : -ENOENT, NULL);
}

static bool has_slash(const char *s)
{
	while (*s && *s != '/')
		s++;
	return *s;
}

long step_find(const struct plan_step *s)
{
	const char *name = plan_text(s, 1), *dir = plan_text(s, 2);
	long r;

	if (has_slash(name)) {
		if (text_add(program, sizeof(program), 0, name) >= sizeof(program))
			return not_found(-ENAMETOOLONG, name, true);
		r = can_run(name);
		return r < 0 ? not_found(r, name, true) : 0;
	}
	while (*dir) {
		size_t at = 0;

		while (*dir && *dir != ':' && at < sizeof(program) - 2)
			program[at++] = *dir++;
		program[at] = 0;
		at = text_add(program, sizeof(program), at, at ? "/" : "./");
		if (text_add(program, sizeof(program), at, name) < sizeof(program) && can_run(program) == 0)
			return 0;
		while (*dir && *dir != ':')
			dir++;
		if (*dir)
			dir++;
	}
	return not_found(-ENOENT, name, false);
}

static void fill(char **to, const struct plan_step *s, uint32_t from, uint32_t *ret_n)
{
	const char *at = plan_text(s, from);

	*ret_n = 0;
	for (uint32_t i = from; i < s->strings; i++, at = plan_after(at))
		to[(*ret_n)++] = (char *)(uintptr_t)at;
	to[*ret_n] = NULL;
}

long step_env(const struct plan_step *s)
{
	static char listen_pid[40];
	uint32_t n;

	fill(environment, s, 1, &n);
	if (s->arg[0]) {
		size_t at = text_add(listen_pid, sizeof(listen_pid), 0, "LISTEN_PID=");

		text_number(listen_pid, sizeof(listen_pid), at, (uint64_t)sys(__NR_getpid));
		environment[n++] = listen_pid;
		environment[n] = NULL;
	}
	return 0;
}

static void clear_signals(void)
{
	const uint64_t none = 0;

	sys(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, NULL, SIGNALS_BYTES);
}

long step_exec(const struct plan_step *s)
{
	uint32_t n;
	long r;

	fill(arguments, s, 1, &n);
	clear_signals();
	r = sys(__NR_execve, program, arguments, environment);
	note(program);
	return fail(r, "exec");
}

static void hook_child(const char *path, int input) __attribute__((noreturn));
static void hook_child(const char *path, int input)
{
	sys(__NR_lseek, input, 0, 0);
	if (sys(__NR_dup3, input, 0, 0) >= 0)
		sys(__NR_execve, path, arguments, environment);
	for (;;)
		sys(__NR_exit_group, 127);
}

/* In the words of Go's runtime, which people look for. */
static const char *hook_error(int status)
{
	int signal = status & 0x7f;

	return signal == SIGNAL_SYS ? "error running hook: signal: bad system call:"
	       : signal		    ? "error running hook: ended by a signal:"
				    : "error running hook:";
}

static long hook_wait(long pid, int pidfd, uint64_t seconds)
{
	struct pollfd p = { pidfd, 1 /* POLLIN */, 0 };
	struct __kernel_timespec limit = { (long long)seconds, 0 };
	int status = 0;
	long r;

	do {
		r = sys(__NR_ppoll, &p, 1, seconds ? &limit : NULL, NULL, SIGNALS_BYTES);
	} while (r == -EINTR);
	if (r == 0)
		sys(__NR_kill, pid, SIGNAL_KILL);
	while (sys(__NR_wait4, pid, &status, 0, NULL) == -EINTR)
		;
	if (r == 0)
		return fail(-ETIMEDOUT, "error running hook: it did not end in time:");
	return status ? fail(-ECANCELED, hook_error(status)) : 0;
}

long step_hook(const struct plan_step *s)
{
	int pidfd = -1;
	uint32_t n;
	long pid, r;

	fill(arguments, s, 2, &n);
	note(plan_text(s, 1));
	/* Not clone3(2): filters say ENOSYS to it, and a startContainer hook is behind the filter. */
	pid = sys(__NR_clone, CLONE_PIDFD | SIGNAL_CHILD, 0, &pidfd, 0, 0);
	if (pid < 0)
		return fail(pid, "clone");
	if (pid == 0)
		hook_child(plan_text(s, 1), slots[s->slot]);
	r = hook_wait(pid, pidfd, s->arg[0]);
	sys(__NR_close, pidfd);
	return r;
}
