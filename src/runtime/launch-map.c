/* launch-map: the id maps of a new user namespace. See launch-map.h. */
#include "runtime/launch-map.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/launch-child.h"
#include "sandbox/run.h"

#define MAP_BYTES_MAX 16384 /* CONFIG_MAPPINGS_MAX lines */
#define HELPER_TIMEOUT_MS 10000

static int write_file(pid_t pid, const char *name, struct str text)
{
	char path[64];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = fd_open(AT_FDCWD, path, O_WRONLY);
	return fd < 0 ? fd : fd_write(fd, text.p, text.n);
}

static int write_map(pid_t pid, const char *name, const struct oci_mappings *m)
{
	auto_buf struct buf text = { 0 };
	int r;

	buf_init(&text, MAP_BYTES_MAX);
	for (size_t i = 0; i < m->n; i++)
		buf_fmt(&text, "%u %u %u\n", m->v[i].container_id, m->v[i].host_id, m->v[i].size);
	r = buf_finish(&text);
	return r < 0 ? r : write_file(pid, name, buf_all(&text));
}

static int run_helper(const char *program, pid_t pid, const struct oci_mappings *m, struct err *e)
{
	auto_arena struct arena a = { 0 };
	const char **argv = arena_array(&a, const char *, 3 + 3 * m->n);
	const int fds[] = { -1, -1, STDERR_FILENO };
	const struct run r = { .argv = argv, .fds = fds, .fd_count = 3, .timeout_ms = HELPER_TIMEOUT_MS };
	size_t n = 0;
	int status, result;

	argv[n++] = program;
	argv[n++] = arena_fmt(&a, "%d", (int)pid).p;
	for (size_t i = 0; i < m->n; i++) {
		argv[n++] = arena_fmt(&a, "%u", m->v[i].container_id).p;
		argv[n++] = arena_fmt(&a, "%u", m->v[i].host_id).p;
		argv[n++] = arena_fmt(&a, "%u", m->v[i].size).p;
	}
	result = run_program(&r, &status, e);
	if (result < 0)
		return result;
	return status ? err_set(e, -EPERM, "%s ended with %d: do /etc/subuid and /etc/subgid grant these ids?", program,
				status)
		      : 0;
}

static bool is_self(const struct oci_mappings *m, uint32_t id)
{
	return m->n == 1 && m->v[0].size == 1 && m->v[0].host_id == id;
}

static int map_rootless(pid_t pid, const struct oci_mappings *uids, const struct oci_mappings *gids, struct err *e)
{
	int r;

	if (is_self(uids, geteuid()) && is_self(gids, getegid())) {
		r = write_map(pid, "uid_map", uids);
		if (r >= 0)
			r = write_file(pid, "setgroups", STR("deny"));
		if (r >= 0)
			r = write_map(pid, "gid_map", gids);
		return r < 0 ? err_errno(e, r, "linux.uidMappings, linux.gidMappings") : 0;
	}
	r = run_helper("newuidmap", pid, uids, e);
	if (r >= 0)
		r = run_helper("newgidmap", pid, gids, e);
	return r < 0 ? err_wrap(e, r, "linux.uidMappings, linux.gidMappings") : 0;
}

int launch_map(pid_t pid, const struct oci_mappings *uids, const struct oci_mappings *gids, bool rootless,
	       struct err *e)
{
	int r;

	if (!uids->n || !gids->n)
		return err_set(e, -EBADMSG, "%s: a new user namespace needs some",
			       uids->n ? "linux.gidMappings" : "linux.uidMappings");
	if (rootless && geteuid() != 0)
		return map_rootless(pid, uids, gids, e);
	r = write_map(pid, "uid_map", uids);
	if (r < 0)
		return err_errno(e, r, "linux.uidMappings");
	r = write_map(pid, "gid_map", gids);
	return r < 0 ? err_errno(e, r, "linux.gidMappings") : 0;
}

int launch_map_open(const struct oci_mappings *uids, const struct oci_mappings *gids, struct err *e)
{
	static const int stdio[3] = { -1, -1, -1 };
	const struct child_want want = { .flags = CLONE_NEWUSER, .cgroup_fd = -1, .stdio = stdio };
	struct child c = CHILD_NONE;
	char path[64];
	int fd, r = child_clone(&want, &c, e);

	/* Held by a process that does nothing and ends at once. */
	if (r >= 0)
		r = launch_map(c.pid, uids, gids, false, e);
	if (r >= 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)c.pid);
		fd = fd_open(AT_FDCWD, path, O_RDONLY);
		r = fd < 0 ? err_errno(e, fd, "%s", path) : fd;
	}
	child_end(&c);
	return r;
}

/* Says when it has a user namespace, waits until that has its ids, and says how it ended. */
static void mapped_child(int socket, int (*work)(void *ctx, struct err *e), void *ctx) __attribute__((noreturn));
static void mapped_child(int socket, int (*work)(void *ctx, struct err *e), void *ctx)
{
	struct err e = { 0 };
	char go;
	int r = unshare(CLONE_NEWUSER) < 0 ? err_errno(&e, -errno, "a user namespace cannot be made") : 0;

	if (r == 0 && (write(socket, "", 1) != 1 || read(socket, &go, 1) != 1))
		_exit(1);
	if (r == 0 && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		r = err_errno(&e, -errno, "the user namespace's root");
	umask(0);
	if (r == 0)
		r = work(ctx, &e);
	e.code = r;
	(void)!write(socket, &e, sizeof(e));
	_exit(r < 0);
}

/* Its first word is one byte; an error comes whole. */
static int hear_child(int socket, pid_t pid, const struct oci_mappings *uids, const struct oci_mappings *gids,
		      struct err *e)
{
	struct err said = { 0 };
	ssize_t n = read(socket, &said, sizeof(said));
	int r = 0;

	if (n == 1) {
		r = launch_map(pid, uids, gids, true, e);
		if (r == 0 && write(socket, "", 1) != 1)
			r = err_errno(e, -errno, "a process in a user namespace");
		n = r == 0 ? read(socket, &said, sizeof(said)) : 0;
	}
	if (r < 0)
		return r;
	if (n != sizeof(said))
		return err_set(e, -EIO, "a process in a user namespace ended without a word");
	said.msg[sizeof(said.msg) - 1] = 0;
	return said.code < 0 ? err_set(e, said.code, "%s", said.msg) : 0;
}

int launch_map_run(const struct oci_mappings *uids, const struct oci_mappings *gids,
		   int (*work)(void *ctx, struct err *e), void *ctx, struct err *e)
{
	int ends[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(e, -errno, "a process in a user namespace");
	pid = fork();
	if (pid == 0)
		mapped_child(ends[1], work, ctx);
	close(ends[1]);
	r = pid < 0 ? err_errno(e, -errno, "a process in a user namespace") : hear_child(ends[0], pid, uids, gids, e);
	close(ends[0]); /* one that still waits ends */
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	return r;
}
