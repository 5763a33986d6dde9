/* confined: from inside a worker, tries each thing that a worker must not be able to do.
 *
 * Every fence is tried alone as well as together with the others, so that one does not hide the failure of another.
 * This program is its own worker (worker_spawn executes the running program again). Prints TAP. */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "sandbox/worker.h"

static pid_t parent; /* asked for before the fences: getppid() is none of the calls a worker has */

#define MEMORY_LIMIT (256ull << 20)

static int ok_or_errno(long r)
{
	return r < 0 ? errno : 0;
}

static int open_read(int handed unused_arg)
{
	return ok_or_errno(open("/etc/passwd", O_RDONLY));
}

static int open_write(int handed unused_arg)
{
	return ok_or_errno(open("/tmp", O_TMPFILE | O_WRONLY, 0600));
}

static int open_dir(int handed unused_arg)
{
	return ok_or_errno(open("/", O_RDONLY | O_DIRECTORY));
}

static int make_dir(int handed unused_arg)
{
	return ok_or_errno(mkdir("/tmp/yagura-confined", 0700));
}

static int change_mode(int handed)
{
	return ok_or_errno(fchmod(handed, 0644));
}

static void *no_work(void *ctx)
{
	return ctx;
}

static int start_thread(int handed unused_arg)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, no_work, NULL);

	return r ? r : pthread_join(thread, NULL);
}

static int own_keyring(int handed unused_arg)
{
	return ok_or_errno(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 0));
}

static int new_namespace(int handed unused_arg)
{
	return ok_or_errno(unshare(CLONE_NEWUSER));
}

static int load_library(int handed unused_arg)
{
	return dlopen("libcurl.so.4", RTLD_NOW) || dlopen("libcurl-gnutls.so.4", RTLD_NOW) ? 0 : ENOENT;
}

static int inet_socket(int handed unused_arg)
{
	return ok_or_errno(socket(AF_INET, SOCK_STREAM, 0));
}

static int inet_connect(int handed unused_arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? errno : ok_or_errno(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int unix_socket(int handed unused_arg)
{
	return ok_or_errno(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int run_program(int handed unused_arg)
{
	char *const argv[] = { (char *)(uintptr_t) "true", NULL };

	return ok_or_errno(execve("/bin/true", argv, argv + 1));
}

static int fork_child(int handed unused_arg)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return ok_or_errno(pid);
}

static int kill_thread_of_parent(int handed unused_arg)
{
	return ok_or_errno(syscall(SYS_tgkill, parent, parent, 0));
}

static int kill_itself(int handed unused_arg)
{
	return ok_or_errno(syscall(SYS_tgkill, getpid(), gettid(), 0));
}

static int kill_parent(int handed unused_arg)
{
	return ok_or_errno(kill(parent, 0));
}

static int trace_parent(int handed unused_arg)
{
	return ok_or_errno(ptrace(PTRACE_ATTACH, parent, NULL, NULL));
}

static int code_memory(int handed unused_arg)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int code_protect(int handed unused_arg)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : ok_or_errno(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int much_memory(int handed unused_arg)
{
	void *p = mmap(NULL, 2 * MEMORY_LIMIT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int many_descriptors(int handed unused_arg)
{
	for (int i = 0; i < 4096; i++)
		if (dup(WORKER_SOCKET_FD) < 0)
			return errno;
	return 0;
}

static int write_handed(int handed)
{
	return ok_or_errno(write(handed, "x", 1));
}

static int spin(int handed unused_arg)
{
	volatile unsigned long i = 0;

	while (i < ULONG_MAX)
		i++;
	return 0;
}

/* What a worker is for: these have to work under every fence. */
static int read_handed(int handed)
{
	char c;

	return ok_or_errno(pread(handed, &c, 1, 0));
}

static int some_memory(int handed unused_arg)
{
	char *p = malloc(MEMORY_LIMIT / 4);

	if (!p)
		return ENOMEM;
	memset(p, 1, MEMORY_LIMIT / 4);
	free(p);
	return 0;
}

/* As the C library asks where the vDSO has no clock to read. */
static int asks_the_clock(int handed unused_arg)
{
	struct timespec ts;
	struct timeval tv;
	int r = ok_or_errno(syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts));

	r = r ? r : ok_or_errno(syscall(SYS_gettimeofday, &tv, NULL));
#ifdef SYS_time
	r = r ? r : ok_or_errno(syscall(SYS_time, NULL));
#endif
	return r;
}

static int other_env(int handed unused_arg)
{
	return getenv("PATH") || getenv("HOME") ? EEXIST : 0;
}

static int other_descriptors(int handed)
{
	for (int fd = WORKER_SOCKET_FD + 1; fd < 256; fd++) {
		if (fd == handed || fcntl(fd, F_GETFD) < 0)
			continue;
		dprintf(STDERR_FILENO, "# descriptor %d is open\n", fd);
		return EEXIST;
	}
	return 0;
}

#define KILLED(sig) (-(sig))
#define ALL CONFINE_ALL

static const struct row {
	const char *what;
	unsigned int layers;
	int (*act)(int handed);
	int want; /* 0: allowed, > 0: this errno, < 0: killed by this signal */
	int min_landlock;
	bool network; /* a worker that fetches */
} rows[] = {
	{ "reads a descriptor it was handed", ALL, read_handed, 0, 0 },
	{ "has memory below the limit", ALL, some_memory, 0, 0 },
	{ "is told the time", ALL, asks_the_clock, 0, 0 },
	{ "has no environment", 0, other_env, 0, 0 },
	{ "has no other descriptors", 0, other_descriptors, 0, 0 },
	{ "no fence: a file opens", 0, open_read, 0, 0 },
	{ "no fence: a socket opens", 0, inet_socket, 0, 0 },
	{ "everything: opening a file", ALL, open_read, KILLED(SIGSYS), 0 },
	{ "everything: creating a file", ALL, open_write, KILLED(SIGSYS), 0 },
	{ "everything: a socket", ALL, inet_socket, KILLED(SIGSYS), 0 },
	{ "everything: running a program", ALL, run_program, KILLED(SIGSYS), 0 },
	{ "seccomp: opening a file", CONFINE_SECCOMP, open_read, KILLED(SIGSYS), 0 },
	{ "seccomp: creating a directory", CONFINE_SECCOMP, make_dir, KILLED(SIGSYS), 0 },
	{ "seccomp: an internet socket", CONFINE_SECCOMP, inet_socket, KILLED(SIGSYS), 0 },
	{ "seccomp: a unix socket", CONFINE_SECCOMP, unix_socket, KILLED(SIGSYS), 0 },
	{ "seccomp: running a program", CONFINE_SECCOMP, run_program, KILLED(SIGSYS), 0 },
	{ "seccomp: a child process", CONFINE_SECCOMP, fork_child, KILLED(SIGSYS), 0 },
	{ "seccomp: a signal to the parent", CONFINE_SECCOMP, kill_parent, KILLED(SIGSYS), 0 },
	{ "seccomp: a signal to a thread of the parent", CONFINE_SECCOMP, kill_thread_of_parent, KILLED(SIGSYS), 0 },
	{ "seccomp: a signal to itself", CONFINE_SECCOMP, kill_itself, 0, 0 },
	{ "seccomp: tracing the parent", CONFINE_SECCOMP, trace_parent, KILLED(SIGSYS), 0 },
	{ "seccomp: memory to execute", CONFINE_SECCOMP, code_memory, KILLED(SIGSYS), 0 },
	{ "seccomp: making memory executable", CONFINE_SECCOMP, code_protect, KILLED(SIGSYS), 0 },
	{ "Landlock: opening a file", CONFINE_LANDLOCK, open_read, EACCES, 1 },
	{ "Landlock: creating a file", CONFINE_LANDLOCK, open_write, EACCES, 1 },
	{ "Landlock: listing a directory", CONFINE_LANDLOCK, open_dir, EACCES, 1 },
	{ "Landlock: creating a directory", CONFINE_LANDLOCK, make_dir, EACCES, 1 },
	{ "Landlock: running a program", CONFINE_LANDLOCK, run_program, EACCES, 1 },
	{ "Landlock: a connection", CONFINE_LANDLOCK, inet_connect, EACCES, 4 },
	{ "Landlock: a signal to the parent", CONFINE_LANDLOCK, kill_parent, EPERM, 6 },
	{ "rlimits: more memory than the limit", CONFINE_RLIMITS, much_memory, ENOMEM, 0 },
	{ "rlimits: many descriptors", CONFINE_RLIMITS, many_descriptors, EMFILE, 0 },
	{ "rlimits: writing to a file it was handed", CONFINE_RLIMITS, write_handed, KILLED(SIGXFSZ), 0 },
	{ "rlimits: computing without end", CONFINE_RLIMITS, spin, KILLED(SIGXCPU), 0 },
	{ "fetching: reads a file", ALL, open_read, 0, 0, true },
	{ "fetching: loads a library", ALL, load_library, 0, 0, true },
	{ "fetching: starts a thread", ALL, start_thread, 0, 0, true },
	{ "fetching: writes to what it was handed", ALL, write_handed, 0, 0, true },
	{ "fetching: connects", ALL, inet_connect, ECONNREFUSED, 0, true },
	{ "fetching: has no environment", ALL, other_env, 0, 0, true },
	{ "fetching: has no other descriptors", ALL, other_descriptors, 0, 0, true },
	{ "fetching: creating a file", ALL, open_write, EACCES, 0, true },
	{ "fetching: running a program", ALL, run_program, KILLED(SIGSYS), 0, true },
	{ "fetching, seccomp: creating a file", CONFINE_SECCOMP, open_write, EACCES, 0, true },
	{ "fetching, seccomp: creating a directory", CONFINE_SECCOMP, make_dir, KILLED(SIGSYS), 0, true },
	{ "fetching, seccomp: changing a mode", CONFINE_SECCOMP, change_mode, KILLED(SIGSYS), 0, true },
	{ "fetching, seccomp: running a program", CONFINE_SECCOMP, run_program, KILLED(SIGSYS), 0, true },
	{ "fetching, seccomp: a child process", CONFINE_SECCOMP, fork_child, KILLED(SIGSYS), 0, true },
	{ "fetching, seccomp: a signal to the parent", CONFINE_SECCOMP, kill_parent, KILLED(SIGSYS), 0, true },
	{ "fetching, seccomp: tracing the parent", CONFINE_SECCOMP, trace_parent, KILLED(SIGSYS), 0, true },
	{ "fetching, seccomp: keys", CONFINE_SECCOMP, own_keyring, KILLED(SIGSYS), 0, true },
	{ "fetching, seccomp: a name space of its own", CONFINE_SECCOMP, new_namespace, KILLED(SIGSYS), 0, true },
	{ "fetching, Landlock: creating a file", CONFINE_LANDLOCK, open_write, EACCES, 1, true },
	{ "fetching, Landlock: creating a directory", CONFINE_LANDLOCK, make_dir, EACCES, 1, true },
	{ "fetching, Landlock: running a program", CONFINE_LANDLOCK, run_program, EACCES, 1, true },
	{ "fetching, rlimits: many descriptors", CONFINE_RLIMITS, many_descriptors, EMFILE, 0, true },
	{ "fetching, rlimits: computing without end", CONFINE_RLIMITS, spin, KILLED(SIGXCPU), 0, true },
};

/* In the worker: the row's number comes with the message, the answer goes back as text. */
static int probe(void)
{
	struct confine c = { .memory_bytes = MEMORY_LIMIT, .cpu_seconds = 1 };
	auto_free struct msg *m = xmalloc(sizeof(*m));
	struct err e = { 0 };
	uint32_t at;
	int r;

	if (msg_recv(WORKER_SOCKET_FD, m) <= 0 || !num_u32(m->payload, &at) || m->fd_count != 1)
		return 9;
	parent = getppid();
	c.layers = rows[at].layers;
	c.network = rows[at].network;
	if (c.layers && worker_confine(&c, &e) < 0 && e.code != -ENOTSUP)
		return 8;
	r = rows[at].act(m->fds[0]);
	if (msg_send(WORKER_SOCKET_FD, 1, str_n(&r, sizeof(r)), NULL, 0) < 0)
		return 7;
	_exit(0);
}

/* What came of it: 0, an errno, or minus the signal; -1000 for anything else. */
static int outcome(uint32_t at, int handed)
{
	auto_free struct msg *m = xmalloc(sizeof(*m));
	struct worker w;
	struct err e = { 0 };
	char text[16];
	int r = -1000, status;

	if (worker_spawn(&w, "probe", NULL, &e) < 0)
		return -1000;
	snprintf(text, sizeof(text), "%u", at);
	if (msg_send(w.fd, 1, str_c(text), &handed, 1) == 0 && msg_recv(w.fd, m) > 0 && m->payload.n == sizeof(r))
		memcpy(&r, m->payload.p, sizeof(r));
	while (waitpid(w.pid, &status, 0) < 0 && errno == EINTR)
		;
	fd_close(&w.fd);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : r;
}

static int try_all(void)
{
	auto_close int handed = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	unsigned int failed = 0, lines = 0;
	int abi = landlock_abi();

	printf("TAP version 13\n");
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		int got;

		if (abi < rows[i].min_landlock) {
			printf("# %s: Landlock of this kernel is version %d\n", rows[i].what, abi);
			continue;
		}
		got = outcome(i, handed);
		if (got != rows[i].want)
			printf("# came to %d instead of %d\n", got, rows[i].want);
		printf("%s %u - %s\n", got == rows[i].want ? "ok" : "not ok", ++lines, rows[i].what);
		failed += got != rows[i].want;
	}
	printf("1..%u\n", lines);
	return failed != 0;
}

int main(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], WORKER_ARG) == 0 ? probe() : try_all();
}
