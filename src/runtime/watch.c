/* watch: a small process beside a container that answers its refused system calls. See watch.h. */
#include "runtime/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define NAME "yagura-watch" /* of the process, for ps */
#define SLOW_NS 1000000
/* Their numbers in the watcher. */
#define LISTENER 3
#define STATE_DIR 4

/* Room for a kernel whose structures are larger than this header's (SECCOMP_GET_NOTIF_SIZES). */
union request {
	struct seccomp_notif notif;
	char room[512];
};
union answer {
	struct seccomp_notif_resp resp;
	char room[256];
};

static bool sizes_fit(void)
{
	struct seccomp_notif_sizes s;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &s) == 0 && s.seccomp_notif <= sizeof(union request) &&
	       s.seccomp_notif_resp <= sizeof(union answer);
}

/* What stage 2 does between the filter and the program, so that its host hears of it. */
static const int needed[] = { SYS_read, SYS_execve, SYS_exit_group };

bool watch_program(struct seccomp_program *p, struct buf *original)
{
	if (p->notify || !p->bytes.n || !sizes_fit())
		return false;
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		struct seccomp_data d = { .nr = needed[i], .arch = SECCOMP_ARCH_HERE };

		if (filter_run(buf_all(&p->bytes), &d) != SECCOMP_RET_ALLOW)
			return false;
	}
	buf_init(original, p->bytes.n);
	buf_str(original, buf_all(&p->bytes));
	filter_watch(&p->bytes);
	p->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	p->watched = true;
	return true;
}

/* 1: *ret has a call that waits, 0: nobody is left, or a negative errno; -EAGAIN: whoever asked is gone, and `once`. */
static int next_call(int listener, bool once, union request *ret)
{
	for (;;) {
		struct pollfd p = { .fd = listener, .events = POLLIN };

		if (poll(&p, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!(p.revents & POLLIN))
			return 0;
		memset(ret, 0, sizeof(*ret));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &ret->notif) == 0)
			return 1;
		if (errno != ENOENT && errno != EINTR) /* a signal took the caller away */
			return -errno;
		if (once)
			return -EAGAIN;
	}
}

static int reply(int listener, uint64_t id, int error, uint32_t flags)
{
	union answer a = { .resp = { .id = id, .error = error, .flags = flags } };

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &a.resp) < 0 && errno != ENOENT ? -errno : 0;
}

static void program_of(uint32_t pid, char ret[DENIAL_PROGRAM_MAX])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	auto_close int fd = fd_open(AT_FDCWD, path, O_RDONLY);
	n = fd < 0 ? 0 : fd_read(fd, ret, DENIAL_PROGRAM_MAX - 1);
	if (n > 0 && ret[n - 1] == '\n')
		ret[n - 1] = 0;
}

static void path_of(const struct seccomp_notif *n, unsigned int arg, char ret[DENIAL_PATH_MAX])
{
	struct iovec to = { ret, DENIAL_PATH_MAX - 1 };
	struct iovec from = { (void *)(uintptr_t)n->data.args[arg], DENIAL_PATH_MAX - 1 };

	if (process_vm_readv((pid_t)n->pid, &to, 1, &from, 1, 0) < 0)
		ret[0] = 0; /* at the end of a page, or not ours to read: the call is counted without */
}

static void describe(int listener, const struct seccomp_notif *n, int error, struct denial *ret)
{
	const struct call_facts *f = call_facts(n->data.nr);
	uint64_t id = n->id;

	*ret = (struct denial){ .arch = n->data.arch, .nr = n->data.nr, .error = error };
	program_of(n->pid, ret->program);
	if (f)
		ret->detail = call_detail(f, &n->data);
	if (f && f->path_arg)
		path_of(n, f->path_arg - 1, ret->path);
	/* The number may be somebody else's by now. */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0)
		ret->program[0] = ret->path[0] = 0;
}

/* At most WATCH_RATE a second at full speed. */
static void keep_pace(struct watcher *w)
{
	const struct timespec wait = { 0, SLOW_NS };
	uint64_t second = clock_ms() / 1000;

	if (second != w->pace.second) {
		w->pace.second = second;
		w->pace.n = 0;
	}
	if (++w->pace.n > WATCH_RATE)
		nanosleep(&wait, NULL);
}

/* A container whose directory is gone, or full, is refused the same. */
static void count(struct watcher *w, const struct denial *d)
{
	if (w->table.slots || denials_open(w->state_dir, &w->table, NULL) >= 0)
		denials_count(&w->table, d);
}

int watcher_turn(struct watcher *w)
{
	union request q;
	uint32_t verdict;
	int error = EPERM, r = next_call(w->listener, true, &q);
	struct denial d;

	if (r <= 0)
		return r == -EAGAIN ? 1 : r;
	verdict = filter_run(w->original, &q.notif.data);
	/* Whatever the program says: here everything is refused. */
	if ((verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO && (verdict & SECCOMP_RET_DATA))
		error = (int)(verdict & SECCOMP_RET_DATA);
	describe(w->listener, &q.notif, error, &d);
	r = reply(w->listener, q.notif.id, -error, 0);
	if (r < 0)
		return r;
	count(w, &d);
	keep_pace(w);
	return 1;
}

int watch_serve(int listener, struct str original, int state_dir)
{
	struct watcher w = { .listener = listener, .state_dir = state_dir, .original = original };
	int r;

	while ((r = watcher_turn(&w)) > 0)
		;
	denials_close(&w.table);
	return r;
}

int watcher_take(struct watcher *w, int listener, struct str original, int state_fd, struct err *e)
{
	*w = (struct watcher){ .listener = listener,
			       .state_dir = openat(state_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC),
			       .original = str_n(xmalloc(original.n), original.n) };
	if (original.n)
		memcpy((char *)(uintptr_t)w->original.p, original.p, original.n);
	return w->state_dir < 0 ? err_errno(e, -errno, "the state's directory") : 0;
}

void watcher_done(struct watcher *w)
{
	fd_close(&w->listener);
	fd_close(&w->state_dir);
	denials_close(&w->table);
	free((void *)(uintptr_t)w->original.p);
	*w = WATCHER_NONE;
}

int watch_record(int listener, uint32_t calls[WATCH_CALLS])
{
	bool begun = false;
	union request q;
	int r;

	while ((r = next_call(listener, false, &q)) > 0) {
		int nr = q.notif.data.nr;

		begun |= nr == SYS_execve;
		if (begun && nr >= 0 && nr < WATCH_CALLS)
			calls[nr]++;
		r = reply(listener, q.notif.id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
		if (r < 0)
			break;
	}
	return r;
}

/* Nothing of the caller's stays but the two things it needs: no terminal, no descriptors, no working directory. The
 * state's directory is opened anew: the caller's descriptor holds the lock. */
static bool detach(int listener, int state_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int state = openat(state_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int kept = fcntl(listener, F_DUPFD_CLOEXEC, STATE_DIR + 1);
	sigset_t none;
	bool ok = null >= 0 && state >= 0 && kept >= 0 && chdir("/") == 0 && prctl(PR_SET_NAME, NAME) == 0 &&
		  prctl(PR_SET_DUMPABLE, 0) == 0;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	for (int fd = 0; fd < 3; fd++)
		ok = ok && dup2(null, fd) == fd;
	ok = ok && (state == STATE_DIR || dup2(state, STATE_DIR) == STATE_DIR);
	ok = ok && dup2(kept, LISTENER) == LISTENER;
	return ok && syscall(SYS_close_range, STATE_DIR + 1, ~0u, 0) == 0;
}

int watch_start(int listener, struct str original, int state_fd, pid_t *ret, struct err *e)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(!detach(listener, state_fd) || watch_serve(LISTENER, original, STATE_DIR) < 0);
	if (pid < 0)
		return err_errno(e, -errno, "watch: fork");
	close(listener);
	*ret = pid;
	return 0;
}

int watcher_leave(struct watcher *w, struct err *e)
{
	struct pollfd p = { .fd = w->listener, .events = POLLIN };
	pid_t pid;
	int r = 0;

	/* The kernel says so when the last process under the filter is gone. */
	if (w->listener >= 0 && poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP)) {
		r = watch_start(w->listener, w->original, w->state_dir, &pid, e);
		if (r >= 0)
			w->listener = -1; /* closed */
	}
	watcher_done(w);
	return r;
}
