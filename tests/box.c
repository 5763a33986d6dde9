/* box: a small container for tests. See box.h. */
#include "box.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUSYBOX "/bin/busybox"
#define COMMAND_BYTES 8192

static const char *const masked[] = { "/proc/acpi",	   "/proc/asound",	  "/proc/kcore",
				      "/proc/keys",	   "/proc/latency_stats", "/proc/timer_list",
				      "/proc/timer_stats", "/proc/sched_debug",	  "/sys/firmware",
				      "/proc/scsi" };
static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

const char *box_unable(void)
{
	if (geteuid() != 0)
		return "needs root";
	if (access(BUSYBOX, X_OK) < 0)
		return "needs " BUSYBOX;
	return NULL;
}

void box_shell(const char *format, ...)
{
	char command[COMMAND_BYTES];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	status = system(command);
	if (status) {
		fprintf(stderr, "box: %s: %d\n", command, status);
		abort();
	}
}

static struct strings list(struct arena *a, const char *words)
{
	struct strings s = { arena_array(a, const char *, strlen(words) + 1), 0 };

	for (struct str rest = str_c(words), word; *words && str_cut(&rest, ',', &word);)
		s.v[s.n++] = arena_str(a, word).p;
	return s;
}

struct oci_mount *box_mount(struct box *b, const char *to, const char *type, const char *from, const char *options)
{
	struct oci_mount *m = arena_array(&b->a, struct oci_mount, b->c.mount_count + 1);

	if (b->c.mount_count)
		memcpy(m, b->c.mounts, sizeof(*m) * b->c.mount_count);
	b->c.mounts = m;
	m += b->c.mount_count++;
	*m = (struct oci_mount){ .destination = to, .type = type, .source = from, .options = list(&b->a, options) };
	return m;
}

void box_caps(struct box *b, uint64_t caps)
{
	struct oci_caps *c = &b->c.process.caps;

	c->bounding = c->effective = c->permitted = caps;
}

void box_args(struct box *b, const char *const *args)
{
	size_t n = 0;

	while (args[n])
		n++;
	b->c.process.args = (struct strings){ arena_array(&b->a, const char *, n + 1), n };
	memcpy(b->c.process.args.v, args, n * sizeof(*args));
}

static struct oci_mappings one_range(struct arena *a, uint32_t host_id, uint32_t size)
{
	struct oci_mapping *m = arena_new(a, struct oci_mapping);

	*m = (struct oci_mapping){ 0, host_id, size };
	return (struct oci_mappings){ m, 1 };
}

void box_user_namespace(struct box *b, uint32_t host_id, uint32_t size)
{
	b->c.namespaces[NS_USER].set = true;
	b->c.uids = one_range(&b->a, host_id, size);
	b->c.gids = one_range(&b->a, host_id, size);
	box_shell("chown -R %u:%u %s/rootfs", host_id, host_id, b->dir);
}

static void default_process(struct box *b, const char *script)
{
	static const char *const env[] = { "PATH=/bin:/usr/bin:/sbin", "TERM=xterm" };
	const char *const args[] = { "sh", "-c", script, NULL };
	struct oci_process *p = &b->c.process;
	uint64_t caps = 1ull << CAP_AUDIT_WRITE | 1ull << CAP_KILL | 1ull << CAP_NET_BIND_SERVICE;

	box_args(b, args);
	p->env = (struct strings){ arena_array(&b->a, const char *, 3), 2 };
	memcpy(p->env.v, env, sizeof(env));
	p->cwd = "/";
	p->no_new_privileges = true;
	p->caps = (struct oci_caps){ .set = true, .bounding = caps, .effective = caps, .permitted = caps };
	b->c.has_process = true;
}

static void default_mounts(struct box *b)
{
	box_mount(b, "/proc", "proc", "proc", "");
	box_mount(b, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	box_mount(b, "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	box_mount(b, "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k");
	box_mount(b, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	box_mount(b, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
}

static void default_config(struct box *b, const char *script)
{
	static const enum oci_namespace kinds[] = { NS_PID, NS_NETWORK, NS_IPC, NS_UTS, NS_MOUNT };

	b->c.version = "1.2.0";
	b->c.root_path = "rootfs";
	b->c.has_linux = true;
	b->c.hostname = "box";
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		b->c.namespaces[kinds[i]].set = true;
	b->c.masked_paths = (struct strings){ (const char **)(uintptr_t)masked, ARRAY_LEN(masked) };
	b->c.readonly_paths = (struct strings){ (const char **)(uintptr_t)read_only, ARRAY_LEN(read_only) };
	default_process(b, script);
	default_mounts(b);
}

void box_init(struct box *b, const char *script)
{
	memset(b, 0, sizeof(*b));
	buf_init(&b->output, BOX_OUTPUT_MAX);
	snprintf(b->dir, sizeof(b->dir), BOX_DIR "XXXXXX", (int)getpid());
	if (!mkdtemp(b->dir))
		abort();
	box_shell("cd %s && mkdir -p state rootfs/bin rootfs/etc rootfs/tmp rootfs/dev rootfs/proc rootfs/sys && "
		  "chmod 755 . && cp " BUSYBOX " rootfs/bin/ && rootfs/bin/busybox --install rootfs/bin",
		  b->dir);
	default_config(b, script);
	b->launched = (struct launched){ 0, -1 };
	b->pipe[0] = b->pipe[1] = -1;
	b->l = (struct launch){ .config = &b->c,
				.id = "box",
				.bundle_fd = fd_open(AT_FDCWD, b->dir, O_PATH | O_DIRECTORY),
				.console_socket = -1,
				.stdio = { 0, 1, 2 },
				.no_new_keyring = true,
				.start_at_once = true,
				.writable_layer = -1 };
	b->l.state_fd = fd_open(b->l.bundle_fd, "state", O_PATH | O_DIRECTORY);
	b->root = fd_open(b->l.bundle_fd, "rootfs", O_PATH | O_DIRECTORY);
}

int box_create(struct box *b)
{
	int null = fd_open(AT_FDCWD, "/dev/null", O_RDWR), r;

	b->e = (struct err){ 0 };
	if (pipe2(b->pipe, O_CLOEXEC) < 0)
		abort();
	b->l.stdio[0] = null;
	b->l.stdio[1] = b->l.stdio[2] = b->pipe[1];
	r = launch_create(&b->l, &b->launched, &b->e);
	fd_close(&null);
	fd_close(&b->pipe[1]);
	if (r < 0)
		fd_close(&b->pipe[0]);
	return r;
}

static int end_status(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void read_all(int *fd, struct buf *to)
{
	char part[4096];
	ssize_t n;

	while ((n = fd_read(*fd, part, sizeof(part))) > 0)
		buf_add(to, part, (size_t)n);
	fd_close(fd);
}

void box_until(struct box *b, const char *mark)
{
	char part[4096];
	ssize_t n = 1;

	while (n > 0 && str_find_str(buf_all(&b->output), str_c(mark)) < 0) {
		n = read(b->pipe[0], part, sizeof(part));
		buf_add(&b->output, part, n > 0 ? (size_t)n : 0);
	}
}

int box_wait(struct box *b)
{
	int status;

	read_all(&b->pipe[0], &b->output);
	status = end_status(b->launched.pid);
	fd_close(&b->launched.pidfd);
	b->launched.pid = 0;
	return status;
}

int box_run(struct box *b)
{
	int r = box_create(b);

	if (r >= 0 && !b->l.start_at_once) {
		r = launch_start(b->l.state_fd, -1, NULL, &b->e);
		if (r < 0)
			kill(b->launched.pid, SIGKILL);
		if (r < 0)
			box_wait(b);
	}
	return r < 0 ? r : box_wait(b);
}

int box_exec(struct box *b, const char *script, struct buf *ret)
{
	const char *args[] = { "sh", "-c", script, NULL };
	struct oci_process p = b->c.process;
	int pipe_fds[2], r;
	struct launched done = { 0, -1 };
	struct launch_exec x = { .config = &b->c,
				 .process = &p,
				 .init = b->launched.pid,
				 .init_pidfd = b->launched.pidfd,
				 .console_socket = b->l.console_socket,
				 .seccomp = b->l.seccomp,
				 .strict = b->l.strict,
				 .state_text = b->l.state_text,
				 .no_new_keyring = true,
				 .rootless = b->l.rootless };

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		abort();
	p.args = (struct strings){ args, 3 };
	x.stdio[0] = 0;
	x.stdio[1] = x.stdio[2] = pipe_fds[1];
	r = launch_exec(&x, &done, &b->e);
	fd_close(&pipe_fds[1]);
	if (r < 0) {
		fd_close(&pipe_fds[0]);
		return r;
	}
	read_all(&pipe_fds[0], ret);
	fd_close(&done.pidfd);
	return end_status(done.pid);
}

struct str box_printed(const struct box *b)
{
	struct str s = buf_all(&b->output);

	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	return s;
}

void box_done(struct box *b)
{
	if (b->launched.pid > 0) {
		kill(b->launched.pid, SIGKILL);
		end_status(b->launched.pid);
	}
	fd_close(&b->launched.pidfd);
	fd_close(&b->pipe[0]);
	fd_close(&b->l.bundle_fd);
	fd_close(&b->l.state_fd);
	fd_close(&b->root);
	if (b->dir[0])
		box_shell("rm -rf --one-file-system %s", b->dir);
	buf_done(&b->output);
	arena_done(&b->a);
}
