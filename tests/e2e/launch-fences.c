/* launch-fences: filters, listeners, Landlock, control groups, and containers without privileges. */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box.h"
#include "tap.h"

static struct oci_seccomp profile(struct oci_seccomp_rule *rule, const char *name, const char *action)
{
	static const char *names[1];

	names[0] = name;
	*rule = (struct oci_seccomp_rule){ .names = { names, 1 }, .action = action };
	return (struct oci_seccomp){ .set = true, .default_action = "SCMP_ACT_ALLOW", .rules = rule, .rule_count = 1 };
}

static void use_filter(struct box *b, struct seccomp_program *p)
{
	EQ_INT(seccomp_compile(&b->c.seccomp, SECCOMP_AS_GIVEN, -1, p, &b->e), 0);
	OK_ERR(b->e.code, &b->e);
	b->l.seccomp = p;
}

static const struct {
	const char *name;
	bool no_new_privs;
	uint32_t uid;
} filters[] = { { "with no_new_privs", true, 0 },
		{ "without", false, 0 },
		{ "without, as another user", false, 1000 },
		{ "with, as another user", true, 1000 } };

TEST(filter)
{
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		auto_box struct box b = { 0 };
		auto_buf struct buf out = { 0 };
		struct seccomp_program p = { 0 };
		struct oci_seccomp_rule rule;

		row("%s", filters[i].name);
		NEEDS_BOX();
		buf_init(&out, 4096);
		box_init(&b, "mkdir /tmp/x 2>&1; grep -E 'Seccomp:|CapEff' /proc/self/status; echo settled; sleep 100");
		box_shell("chmod 777 %s/rootfs/tmp", b.dir);
		b.c.seccomp = profile(&rule, "mkdir", "SCMP_ACT_ERRNO");
		b.c.process.no_new_privileges = filters[i].no_new_privs;
		b.c.process.uid = filters[i].uid;
		use_filter(&b, &p);
		EQ_INT(box_create(&b), 0);
		OK_ERR(b.e.code, &b.e);
		EQ_INT(box_exec(&b, "mkdir /tmp/y 2>&1; grep Seccomp: /proc/self/status", &out), 0);
		EQ_STR(buf_all(&out),
		       STR("mkdir: can't create directory '/tmp/y': Operation not permitted\nSeccomp:\t2\n"));
		box_until(&b, "settled");
		kill(b.launched.pid, SIGKILL);
		box_wait(&b);
		OK(str_find_str(buf_all(&b.output), STR("Operation not permitted")) >= 0);
		OK(str_find_str(buf_all(&b.output), STR("Seccomp:\t2")) >= 0);
		OK(str_find_str(buf_all(&b.output), filters[i].uid ? STR("CapEff:\t0000000000000000")
								   : STR("CapEff:\t0000000020000420")) >= 0);
		seccomp_program_done(&p);
	}
}

static int state_text(void *arg unused_arg, pid_t pid, const char *status, struct buf *ret, struct err *e unused_arg)
{
	buf_fmt(ret, "{\"id\":\"box\",\"pid\":%d,\"status\":\"%s\"}", (int)pid, status);
	return 0;
}

/* The agent: takes the listener, answers every question with an errno of its own. */
static void agent(int server)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	static char text[65536];
	struct iovec v = { text, sizeof(text) - 1 };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)
	};
	int c = accept4(server, NULL, NULL, SOCK_CLOEXEC), listener = -1;

	if (c < 0 || recvmsg(c, &msg, MSG_CMSG_CLOEXEC) <= 0 || !CMSG_FIRSTHDR(&msg))
		_exit(1);
	memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(listener));
	if (!strstr(text, "\"fds\":[\"seccompFd\"]") || !strstr(text, "\"metadata\":\"meta\"") ||
	    !strstr(text, "\"state\":{\"id\":\"box\"") || !strstr(text, "\"status\":\"creating\""))
		_exit(2);
	for (;;) {
		struct seccomp_notif question = { 0 };
		struct seccomp_notif_resp answer = { 0 };

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) < 0)
			_exit(3);
		answer.id = question.id;
		answer.error = -EXDEV;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
			_exit(4);
	}
}

static int listen_at(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	return bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && listen(fd, 1) == 0 ? fd : -1;
}

TEST(listener)
{
	for (int waits = 0; waits < 2; waits++) {
		auto_box struct box b = { 0 };
		struct seccomp_program p = { 0 };
		struct oci_seccomp_rule rule;
		char path[100];
		pid_t pid;
		int server;

		row("%s", waits ? "created, started" : "run");
		NEEDS_BOX();
		box_init(&b, "mkdir /tmp/x");
		snprintf(path, sizeof(path), "%s/agent", b.dir);
		server = listen_at(path);
		OK(server >= 0);
		pid = fork();
		if (pid == 0)
			agent(server);
		close(server);
		b.c.seccomp = profile(&rule, "mkdir", "SCMP_ACT_NOTIFY");
		b.c.seccomp.listener_path = path;
		b.c.seccomp.listener_metadata = "meta";
		b.l.state_text = state_text;
		b.l.start_at_once = !waits;
		use_filter(&b, &p);
		BOX_ENDS(&b, 1);
		EQ_STR(box_printed(&b), STR("mkdir: can't create directory '/tmp/x': Invalid cross-device link"));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		seccomp_program_done(&p);
	}
}

TEST(listener_without_agent)
{
	auto_box struct box b = { 0 };
	struct seccomp_program p = { 0 };
	struct oci_seccomp_rule rule;

	NEEDS_BOX();
	box_init(&b, "true");
	b.c.seccomp = profile(&rule, "mkdir", "SCMP_ACT_NOTIFY");
	b.c.seccomp.listener_path = "/not/there";
	b.l.state_text = state_text;
	use_filter(&b, &p);
	EQ_INT(box_run(&b), -ENOENT);
	EQ_Z(b.e.msg,
	     "linux.seccomp.listenerPath: failed to connect with seccomp agent: /not/there: No such file or directory");
	seccomp_program_done(&p);
}

TEST(landlock)
{
	auto_box struct box b = { 0 };
	auto_buf struct buf out = { 0 };
	uint64_t caps = 1ull << CAP_MKNOD | 1ull << CAP_SYS_ADMIN;

	NEEDS_BOX();
	buf_init(&out, 4096);
	box_init(
		&b,
		"mknod /tmp/null c 1 3; mount -t tmpfs x /tmp; echo y > /tmp/y && cat /tmp/y; echo settled; sleep 100");
	b.l.strict.landlock = true;
	box_caps(&b, caps);
	EQ_INT(box_create(&b), 0);
	OK_ERR(b.e.code, &b.e);
	EQ_INT(box_exec(&b, "mknod /tmp/zero c 1 5 2>&1", &out), 1);
	EQ_STR(buf_all(&out), STR("mknod: /tmp/zero: Permission denied\n"));
	box_until(&b, "settled");
	kill(b.launched.pid, SIGKILL);
	box_wait(&b);
	EQ_STR(box_printed(&b), STR("mknod: /tmp/null: Permission denied\n"
				    "mount: permission denied (are you root?)\ny\nsettled"));
}

/* Its own groups, read-only, with the group namespace or without (R6). */
TEST(control_groups)
{
	for (int own = 0; own < 2; own++) {
		auto_box struct box b = { 0 };
		struct cgroup_host host;
		struct cgroup group;

		row("%s", own ? "a namespace of its own" : "without a namespace");
		NEEDS_BOX();
		box_init(&b, "grep -E ' /sys/fs/cgroup(/[a-z,]*)? ' /proc/self/mountinfo | grep -vc ' ro,'; "
			     "find /sys/fs/cgroup -name cgroup.procs | while read i; do cat $i | grep -qx 1 || echo "
			     "not in $i; done; "
			     "mkdir /sys/fs/cgroup/x 2>/dev/null || echo closed");
		b.c.namespaces[NS_CGROUP].set = own;
		box_mount(&b, "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro");
		EQ_INT(cgroup_host(&host, &b.e), 0);
		if (host.mode == CGROUP_NONE) {
			tap_skip("no control groups here");
			continue;
		}
		EQ_INT(cgroup_init(&group, &host, "/yagura-box-test", "box", false, false, &b.e), 0);
		EQ_INT(cgroup_make(&group, &b.e), 0);
		OK_ERR(b.e.code, &b.e);
		b.l.cgroup = &group;
		BOX_PRINTS(&b, "0\nclosed");
		EQ_INT(cgroup_remove(&group, &b.e), 0);
		cgroup_done(&group);
		cgroup_host_done(&host);
	}
}

/* All of it as a user that is nobody: what the launch of this row does runs in a child that has given up its rights. */
static int as_user(int (*what)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		/* As for a program that was executed as this user. */
		if (setgroups(0, NULL) < 0 || setgid(12345) < 0 || setuid(12345) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
			_exit(99);
		_exit(what() & 0x7f);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void make_rootless(struct box *b)
{
	struct oci_mapping *m = arena_new(&b->a, struct oci_mapping);

	*m = (struct oci_mapping){ 0, 12345, 1 };
	b->c.namespaces[NS_USER].set = true;
	b->c.uids = b->c.gids = (struct oci_mappings){ m, 1 };
	b->c.mounts[2].options.n--; /* gid=5 is not mapped */
	b->l.rootless = true;
}

static int rootless(void)
{
	auto_box struct box b = { 0 };
	auto_buf struct buf out = { 0 };

	buf_init(&out, 4096);
	box_init(&b, "id -u; cat /proc/self/uid_map /proc/self/setgroups; echo x > /dev/null && cat /data/f; ls -A "
		     "/sys/firmware;"
		     "echo settled; sleep 100");
	make_rootless(&b);
	box_shell("mkdir %s/src && echo data > %s/src/f", b.dir, b.dir);
	box_mount(&b, "/data", "bind", "src", "rbind,ro");
	if (box_create(&b) < 0) {
		fprintf(stderr, "%s\n", b.e.msg);
		return 1;
	}
	/* Its own short-lived processes first: `ls` complains of those that end under it. */
	box_until(&b, "settled");
	if (box_exec(&b, "id -u; ls /proc | grep -c '^1$'; touch /data/x 2>/dev/null || echo closed", &out) != 0) {
		fprintf(stderr, "exec: %s\n", b.e.msg);
		return 2;
	}
	kill(b.launched.pid, SIGKILL);
	box_wait(&b);
	if (!str_eq(box_printed(&b), STR("0\n         0      12345          1\ndeny\ndata\nsettled"))) {
		fprintf(stderr, STR_FMT "\n", STR_ARG(box_printed(&b)));
		return 3;
	}
	if (!str_eq(buf_all(&out), STR("0\n1\nclosed\n"))) {
		fprintf(stderr, STR_FMT "\n", STR_ARG(buf_all(&out)));
		return 4;
	}
	return 0;
}

TEST(without_privileges)
{
	NEEDS_BOX();
	EQ_INT(as_user(rootless), 0);
}

static int rootless_groups(void)
{
	auto_box struct box b = { 0 };
	uint32_t group = 5;

	box_init(&b, "true");
	make_rootless(&b);
	b.c.process.groups = &group;
	b.c.process.group_count = 1;
	return box_run(&b) == -ENOTSUP && strstr(b.e.msg, "process.user.additionalGids") ? 0 : 1;
}

TEST(without_privileges_no_groups)
{
	NEEDS_BOX();
	EQ_INT(as_user(rootless_groups), 0);
}
