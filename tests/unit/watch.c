/* Denials are counted; a watched child is refused what its program refuses, with and without a watcher. */
#include "runtime/record.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

struct place {
	char path[64];
	int fd;
};

static bool place_make(struct place *p)
{
	snprintf(p->path, sizeof(p->path), "/tmp/yagura-watch-XXXXXX");
	p->fd = mkdtemp(p->path) ? open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return OK(p->fd >= 0);
}

static void place_remove(struct place *p)
{
	unlinkat(p->fd, DENIALS_FILE, 0);
	rmdir(p->path);
	fd_close(&p->fd);
}

TEST(counting)
{
	auto_arena struct arena a = { 0 };
	struct place place;
	struct denials t = { 0 }, second = { 0 };
	struct denial *d, one = { .nr = 1, .error = EPERM, .program = "sh", .path = "/a\nb" },
			  two = { .nr = 2, .error = EPERM };
	struct err e = { 0 };
	size_t n;

	row("nothing yet");
	if (!place_make(&place))
		return;
	OK_ERR(denials_read(place.fd, &a, &d, &n, &e), &e);
	EQ_INT(n, 0);

	row("two who count at once");
	OK_ERR(denials_open(place.fd, &t, &e), &e);
	OK_ERR(denials_open(place.fd, &second, &e), &e);
	denials_count(&t, &two);
	denials_count(&t, &one);
	denials_count(&second, &one);
	OK_ERR(denials_read(place.fd, &a, &d, &n, &e), &e);
	EQ_INT(n, 2);
	EQ_INT(d[0].nr, 1);
	EQ_INT(d[0].count, 2);
	EQ_INT(d[1].count, 1);
	EQ_Z(d[0].path, "/a?b");
	EQ_Z(d[0].program, "sh");
	OK(d[0].first_s && d[0].first_s <= d[0].last_s);

	row("more kinds than there is room for");
	for (int i = 0; i < 4 * DENIALS_SLOTS; i++) {
		one.detail = (uint64_t)i;
		denials_count(&t, &one);
	}
	uint64_t sum = 0;
	OK_ERR(denials_read(place.fd, &a, &d, &n, &e), &e);
	OK(n <= DENIALS_SLOTS + 1);
	for (size_t i = 0; i < n; i++)
		sum += d[i].count;
	EQ_INT(sum, 3 + 4 * DENIALS_SLOTS);
	EQ_INT(d[0].nr, -1);
	denials_close(&t);
	denials_close(&second);

	row("a file of another size");
	OK(truncate(arena_fmt(&a, "%s/" DENIALS_FILE, place.path).p, 1000) == 0);
	EQ_INT(denials_read(place.fd, &a, &d, &n, &e), -EBADMSG);
	EQ_INT(denials_open(place.fd, &t, &e), -EBADMSG);
	place_remove(&place);
}

TEST(names)
{
	static const struct {
		int nr;
		uint64_t detail;
		const char *want;
	} rows[] = {
		{ SYS_bpf, 5, "bpf(5)" },
		{ SYS_socket, 17, "socket(AF_PACKET, 0)" },
		{ SYS_socket, 16 | 12ull << 32, "socket(AF_NETLINK, 12)" },
		{ SYS_socket, 99, "socket(99, 0)" },
		{ SYS_unshare, CLONE_NEWUSER, "unshare(0x10000000)" },
		{ SYS_mount, 0, "mount" },
		{ 467, 0, "open_tree_attr" },
		{ 4000, 0, "4000" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b;

		row("%s", rows[i].want);
		buf_init(&b, 1000);
		call_text(rows[i].nr, rows[i].detail, &b);
		EQ_STR(buf_all(&b), str_c(rows[i].want));
	}
}

/* A child under a watched filter: says that it is, waits, then does `what` and ends with its errno. */
struct child {
	pid_t pid;
	int listener, go;
};

static int try_all(void)
{
	if (socket(AF_PACKET, SOCK_RAW, 0) >= 0 || unshare(CLONE_NEWUSER) == 0)
		return 255;
	return errno;
}

static void child_run(const struct seccomp_program *p, int say, int hear)
{
	struct sock_fprog f = { .len = (unsigned short)(p->bytes.n / sizeof(struct sock_filter)),
				.filter = (struct sock_filter *)(void *)p->bytes.p };
	int fd;
	char c;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(250);
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->flags, &f);
	if (fd < 0 || write(say, &fd, sizeof(fd)) != sizeof(fd) || read(hear, &c, 1) != 1)
		_exit(251);
	close(fd);
	_exit(try_all());
}

static bool child_start(const struct seccomp_program *p, struct child *ret)
{
	int say[2], hear[2], fd = -1;

	if (!OK(pipe2(say, O_CLOEXEC) == 0 && pipe2(hear, O_CLOEXEC) == 0))
		return false;
	ret->pid = fork();
	if (ret->pid == 0)
		child_run(p, say[1], hear[0]);
	OK(read(say[0], &fd, sizeof(fd)) == sizeof(fd));
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	ret->listener = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	ret->go = hear[1];
	close(say[0]);
	close(say[1]);
	close(hear[0]);
	return OK(ret->listener >= 0);
}

static int child_end(struct child *c)
{
	int status;

	OK(write(c->go, "x", 1) == 1);
	close(c->go);
	if (waitpid(c->pid, &status, 0) != c->pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static bool compile(struct seccomp_program *p, struct buf *original)
{
	static const struct oci_seccomp none = { 0 };
	struct err e = { 0 };

	return OK_ERR(seccomp_compile(&none, SECCOMP_STRICT, -1, p, &e), &e) && OK(watch_program(p, original));
}

TEST(watched)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf original = { 0 };
	struct seccomp_program p;
	struct place place;
	struct child c;
	struct denial *d;
	struct err e = { 0 };
	pid_t watcher = 0;
	int status;
	size_t n;

	row("answers with the program's errno");
	if (!place_make(&place) || !compile(&p, &original) || !child_start(&p, &c))
		return;
	OK_ERR(watch_start(c.listener, buf_all(&original), place.fd, &watcher, &e), &e);
	EQ_INT(child_end(&c), EPERM);

	row("ends with the last one it watches");
	OK(waitpid(watcher, &status, 0) == watcher);
	EQ_INT(status, 0);

	row("has counted");
	OK_ERR(denials_read(place.fd, &a, &d, &n, &e), &e);
	EQ_INT(n, 2);
	EQ_INT(d[0].count, 1);
	EQ_INT(d[0].nr, SYS_socket);
	EQ_INT(d[0].error, EAFNOSUPPORT);
	EQ_INT(d[0].detail, AF_PACKET);
	EQ_INT(d[1].nr, SYS_unshare);
	EQ_Z(d[0].program, "unit-watch");
	place_remove(&place);
	seccomp_program_done(&p);
}

TEST(a_watcher_that_is_gone)
{
	auto_buf struct buf original = { 0 };
	struct seccomp_program p;
	struct place place;
	struct child c;
	struct err e = { 0 };
	pid_t watcher = 0;
	int status;

	if (!place_make(&place) || !compile(&p, &original) || !child_start(&p, &c))
		return;
	OK_ERR(watch_start(c.listener, buf_all(&original), place.fd, &watcher, &e), &e);
	OK(kill(watcher, SIGKILL) == 0 && waitpid(watcher, &status, 0) == watcher);
	EQ_INT(child_end(&c), ENOSYS); /* refused all the same */
	place_remove(&place);
	seccomp_program_done(&p);
}

TEST(what_cannot_be_watched)
{
	static const char *no_read[] = { "execve", "exit_group", NULL };
	struct oci_seccomp_rule rule = { .names = { no_read, 2 }, .action = "SCMP_ACT_ALLOW" };
	struct oci_seccomp profile = {
		.set = true, .default_action = "SCMP_ACT_ERRNO", .rules = &rule, .rule_count = 1
	};
	auto_buf struct buf original = { 0 };
	struct seccomp_program p;
	struct err e = { 0 };

	OK_ERR(seccomp_compile(&profile, SECCOMP_STRICT, -1, &p, &e), &e);
	OK(!watch_program(&p, &original));
	EQ_INT(p.flags, 0);
	seccomp_program_done(&p);
}

/* Everything is let through; nothing counts before the first execve. */
TEST(record)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct seccomp_program p = { .flags = SECCOMP_FILTER_FLAG_NEW_LISTENER };
	uint32_t calls[WATCH_CALLS] = { 0 };
	struct child c;
	int status;

	buf_init(&p.bytes, sizeof(code));
	buf_add(&p.bytes, code, sizeof(code));
	if (!child_start(&p, &c))
		return;
	pid_t recorder = fork();
	if (recorder == 0)
		_exit(watch_record(c.listener, calls) < 0 || calls[SYS_unshare]);
	close(c.listener);
	status = child_end(&c);
	OK(status == 255 || status == EPERM || status == EINVAL); /* what the kernel says of it, not ENOSYS */
	OK(waitpid(recorder, &status, 0) == recorder);
	EQ_INT(status, 0);
	seccomp_program_done(&p);
}

/* The profile that is written is read back, and lets through what was seen. */
TEST(recorded_profile)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf text = { 0 };
	uint32_t calls[WATCH_CALLS] = { [SYS_write] = 3, [SYS_getpid] = 1, [1000] = 1 };
	auto_close int fd = memfd_create("profile", MFD_CLOEXEC);
	struct oci_warnings w = { 0 };
	struct oci_config c;
	struct seccomp_program p;
	struct json_out j;
	struct err e = { 0 };
	struct out o;

	static const struct {
		int nr;
		uint32_t want;
	} rows[] = {
		{ SYS_write, SECCOMP_RET_ALLOW },	{ SYS_getpid, SECCOMP_RET_ALLOW },
		{ SYS_execve, SECCOMP_RET_ALLOW },	{ SYS_exit_group, SECCOMP_RET_ALLOW },
		{ SYS_dup, SECCOMP_RET_ERRNO | EPERM }, { 1000, SECCOMP_RET_ERRNO | ENOSYS },
	};

	row("written and read");
	out_init(&o, fd);
	json_out_init(&j, &o);
	out_str(&o, STR("{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"seccomp\":"));
	recorder_profile(calls, &j);
	out_str(&o, STR("}}"));
	OK(out_finish(&o) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	OK_ERR(fd_read_all(fd, 1 << 20, &text, &e), &e);
	OK_ERR(oci_config_parse(buf_all(&text), &a, &c, &w, &e), &e);
	vec_done(&w.lines);
	OK_ERR(seccomp_compile(&c.seccomp, SECCOMP_STRICT, -1, &p, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seccomp_data d = { .nr = rows[i].nr, .arch = SECCOMP_ARCH_HERE };

		row("system call %d", rows[i].nr);
		EQ_INT(filter_run(buf_all(&p.bytes), &d), rows[i].want);
	}
	seccomp_program_done(&p);
}

/* Recording: all that strict leaves is asked about, what it refuses stays refused. */
TEST(recording_program)
{
	struct seccomp_program p;
	struct err e = { 0 };
	struct seccomp_data read_call = { .nr = SYS_read, .arch = SECCOMP_ARCH_HERE };
	struct seccomp_data bpf_call = { .nr = SYS_bpf, .arch = SECCOMP_ARCH_HERE };

	OK_ERR(recorder_program(true, &p, &e), &e);
	EQ_INT(filter_run(buf_all(&p.bytes), &read_call), SECCOMP_RET_USER_NOTIF);
	EQ_INT(filter_run(buf_all(&p.bytes), &bpf_call), SECCOMP_RET_ERRNO | EPERM);
	seccomp_program_done(&p);
	OK_ERR(recorder_program(false, &p, &e), &e);
	EQ_INT(filter_run(buf_all(&p.bytes), &bpf_call), SECCOMP_RET_USER_NOTIF);
	seccomp_program_done(&p);
}
