/* launch: containers made, started, joined, and looked at from inside. */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box.h"
#include "tap.h"

static bool printed(const struct box *b, const char *what)
{
	return str_find_str(buf_all(&b->output), str_c(what)) >= 0;
}

TEST(runs)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "echo hello; exit 7");
	EQ_INT(box_run(&b), 7);
	EQ_STR(box_printed(&b), STR("hello"));
	OK_ERR(b.e.code, &b.e);
}

TEST(created_then_started)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "echo hello");
	b.l.start_at_once = false;
	EQ_INT(box_create(&b), 0);
	OK_ERR(b.e.code, &b.e);
	EQ_INT(faccessat(b.l.state_fd, LAUNCH_START, F_OK, 0), 0);
	EQ_INT(kill(b.launched.pid, 0), 0);
	EQ_INT(launch_start(b.l.state_fd, -1, NULL, &b.e), 0);
	EQ_INT(faccessat(b.l.state_fd, LAUNCH_START, F_OK, 0), -1);
	EQ_INT(launch_start(b.l.state_fd, -1, NULL, &b.e), -ENOENT);
	EQ_INT(box_wait(&b), 0);
	EQ_STR(box_printed(&b), STR("hello"));
}

TEST(killed_before_start)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "echo hello");
	b.l.start_at_once = false;
	EQ_INT(box_create(&b), 0);
	kill(b.launched.pid, SIGTERM);
	EQ_INT(box_wait(&b), 128 + SIGTERM);
	EQ_INT(launch_start(b.l.state_fd, -1, NULL, &b.e), -ECONNREFUSED);
	EQ_STR(box_printed(&b), STR(""));
}

TEST(default_box)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "cat /proc/self/mountinfo; ls -l /dev; hostname; echo pid=$$; cat /proc/keys; ls -A /sys/firmware;"
		     "echo fds=$(ls /proc/self/fd); ip addr; grep Cap /proc/self/status; cut -d' ' -f5,6 /proc/1/stat");
	b.c.root_readonly = true;
	BOX_ENDS(&b, 0);
	OK(printed(&b, "/rootfs / ro,"));
	OK(printed(&b, " / /proc rw,"));
	OK(printed(&b, " /sys /proc/sys ro,"));
	OK(printed(&b, " / /sys/firmware ro,"));
	OK(printed(&b, "crw-rw-rw-    1 0        0           1,   3"));
	OK(printed(&b, "ptmx -> pts/ptmx"));
	OK(printed(&b, "\nbox\n"));
	OK(printed(&b, "pid=1\n"));
	OK(printed(&b, "fds=0 1 2 3\n"));
	OK(printed(&b, "<LOOPBACK,UP"));
	OK(printed(&b, "CapBnd:\t0000000020000420"));
	OK(printed(&b, "CapInh:\t0000000000000000"));
	OK(printed(&b, "\n1 1\n")); /* leads its session and group */
}

/* With rights that would do without Landlock: no device node is made and nothing is mounted, the rest goes on. */
TEST(landlock)
{
	static const char *script =
		"echo x > /tmp/x && mkdir /tmp/d && mv /tmp/x /tmp/d/x && cat /tmp/d/x > /dev/null && echo wrote;"
		"mknod /tmp/n c 1 3 && echo made; mount -t tmpfs none /tmp && echo mounted";

	NEEDS_BOX();
	for (int on = 0; on < 2; on++) {
		auto_box struct box b = { 0 };

		row(on ? "Landlock" : "without");
		box_init(&b, script);
		b.l.strict.landlock = on;
		b.c.process.no_new_privileges = true;
		box_caps(&b, 1u << CAP_DAC_OVERRIDE | 1u << CAP_SYS_ADMIN | 1u << CAP_MKNOD);
		box_run(&b);
		OK_ERR(b.e.code, &b.e);
		OK(printed(&b, "wrote"));
		EQ_INT(printed(&b, "made"), !on);
		EQ_INT(printed(&b, "mounted"), !on);
	}
}

TEST(user_namespace)
{
	auto_box struct box b = { 0 };
	auto_buf struct buf out = { 0 };

	NEEDS_BOX();
	buf_init(&out, BOX_OUTPUT_MAX);
	box_init(&b, "cat /proc/self/uid_map; id; echo x > /dev/null && cat /dev/null; echo settled; sleep 100");
	box_user_namespace(&b, 100000, 65536);
	EQ_INT(box_create(&b), 0);
	OK_ERR(b.e.code, &b.e);
	EQ_INT(box_exec(&b, "id -u; [ $(readlink /proc/self/ns/pid) = $(readlink /proc/1/ns/pid) ] && echo same", &out),
	       0);
	OK_ERR(b.e.code, &b.e);
	EQ_STR(buf_all(&out), STR("0\nsame\n"));
	box_until(&b, "settled");
	kill(b.launched.pid, SIGKILL);
	EQ_INT(box_wait(&b), 128 + SIGKILL);
	OK(printed(&b, "0     100000      65536"));
	OK(printed(&b, "uid=0 gid=0"));
}

TEST(user)
{
	auto_box struct box b = { 0 };
	uint32_t groups[] = { 7, 8 };
	uint64_t caps = 1ull << CAP_KILL;

	NEEDS_BOX();
	box_init(&b, "id; umask; grep -E 'Cap|NoNew' /proc/self/status");
	b.c.process.uid = 1000;
	b.c.process.gid = 1001;
	b.c.process.groups = groups;
	b.c.process.group_count = 2;
	b.c.process.umask.set = true;
	b.c.process.umask.v = 027;
	b.c.process.caps = (struct oci_caps){ true, caps, caps, caps, caps, caps };
	BOX_ENDS(&b, 0);
	OK(printed(&b, "uid=1000 gid=1001 groups=7,8\n0027\n"));
	OK(printed(&b, "CapInh:\t0000000000000020\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020\n"
		       "CapBnd:\t0000000000000020\nCapAmb:\t0000000000000020\nNoNewPrivs:\t1"));
}

TEST(limits)
{
	auto_box struct box b = { 0 };
	struct oci_rlimit limits[] = { { RLIMIT_NOFILE, 64, 128 }, { RLIMIT_CORE, 0, 0 } };

	NEEDS_BOX();
	box_init(&b, "ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; cat /proc/self/personality");
	b.c.process.rlimits = limits;
	b.c.process.rlimit_count = ARRAY_LEN(limits);
	b.c.process.oom_score_adj = (struct opt_i64){ true, 500 };
	b.c.personality.set = true;
	b.c.personality.domain = 0x0008; /* PER_LINUX32 */
	BOX_PRINTS(&b, "64\n128\n0\n500\n00000008");
	/* not ours */
	auto_buf struct buf own = { 0 };
	EQ_INT(file_read(AT_FDCWD, "/proc/self/oom_score_adj", 100, &own, NULL), 0);
	EQ_STR(buf_all(&own), STR("0\n"));
}

TEST(scheduling)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "grep Cpus_allowed_list /proc/self/status; cut -d' ' -f19 /proc/self/stat; ionice");
	b.c.process.cpu_affinity_final = "0";
	b.c.process.scheduler.set = true;
	b.c.process.scheduler.nice = 5;
	b.c.process.io_priority.set = true;
	b.c.process.io_priority.class = 2;
	b.c.process.io_priority.priority = 6;
	b.c.memory_policy.set = true;
	b.c.memory_policy.mode = 3; /* MPOL_INTERLEAVE */
	b.c.memory_policy.nodes = "0";
	BOX_PRINTS(&b, "Cpus_allowed_list:\t0\n5\nbest-effort: prio 6");
}

TEST(home)
{
	auto_box struct box b = { 0 };
	auto_buf struct buf out = { 0 };

	NEEDS_BOX();
	buf_init(&out, 4096);
	box_init(&b, "echo $HOME; echo settled; sleep 100");
	box_shell("echo u:x:1000:1::/home/u: > %s/rootfs/etc/passwd", b.dir);
	b.c.process.uid = 1000;
	EQ_INT(box_create(&b), 0);
	box_until(&b, "settled");
	OK(printed(&b, "/home/u\n"));
	EQ_INT(box_exec(&b, "echo $HOME", &out), 0);
	b.c.process.uid = 7;
	EQ_INT(box_exec(&b, "echo $HOME", &out), 0);
	b.c.process.env.v[1] = "HOME=/given";
	EQ_INT(box_exec(&b, "echo $HOME", &out), 0);
	EQ_STR(buf_all(&out), STR("/home/u\n/\n/given\n"));
}

TEST(capability_we_lack)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "true");
	b.c.process.caps.permitted |= 1ull << 62;
	EQ_INT(box_run(&b), -EPERM);
	EQ_Z(b.e.msg, "process.capabilities: CAP_? is not ours to give (operation not permitted)");
}

/* A device made for this moves in with its address, and is up. The kernel may lack the kind: dummy, veth. */
TEST(network_device)
{
	auto_box struct box b = { 0 };
	struct oci_net_device d = { "yagurabox0", "eth7" };

	NEEDS_BOX();
	if (system("ip link add yagurabox0 type veth peer name yagurabox1 2>/dev/null") != 0) {
		tap_skip("no ip(8), or no veth");
		return;
	}
	box_init(&b, "ip addr show eth7 | sed -n 's/.*inet \\([^ ]*\\).*/\\1/p'; ip link show eth7 | grep -c '[<,]UP'; "
		     "ip link | grep -c yagura");
	box_shell("ip addr add 192.0.2.7/24 dev yagurabox0");
	b.c.net_devices = &d;
	b.c.net_device_count = 1;
	BOX_ENDS(&b, 1);
	EQ_STR(box_printed(&b), STR("192.0.2.7/24\n1\n0"));
	EQ_INT(box_run(&b), -ENODEV); /* gone with the namespace */
	OK(strstr(b.e.msg, "linux.netDevices (yagurabox0)"));
}

struct cannot_row {
	const char *name, *arg;
	int code;
	const char *message;
};
static const struct cannot_row cannot[] = {
	{ "not in PATH", "nope", -ENOENT, "exec: \"nope\": executable file not found in $PATH" },
	{ "no such file", "/nope", -ENOENT, "exec: \"/nope\": stat /nope: no such file or directory" },
	{ "not executable", "/etc/passwd", -EACCES, "exec: \"/etc/passwd\": permission denied" },
	{ "a directory", "/etc", -EACCES, "exec: \"/etc\": permission denied" },
	{ "no program", "/bin/text", -ENOEXEC, "exec /bin/text: Exec format error" },
};

TEST(cannot_be_run)
{
	for (size_t i = 0; i < ARRAY_LEN(cannot); i++) {
		auto_box struct box b = { 0 };
		const char *const args[] = { cannot[i].arg, NULL };

		row("%s", cannot[i].name);
		NEEDS_BOX();
		box_init(&b, "");
		box_args(&b, args);
		box_shell("cd %s/rootfs && echo x > etc/passwd && echo x > bin/text && chmod 755 bin/text", b.dir);
		EQ_INT(box_run(&b), cannot[i].code);
		EQ_Z(b.e.msg, cannot[i].message);
		/* the same when start finds out */
		if (cannot[i].code == -ENOEXEC) {
			b.l.start_at_once = false;
			EQ_INT(box_create(&b), 0);
			EQ_INT(launch_start(b.l.state_fd, -1, NULL, &b.e), -ENOEXEC);
			EQ_Z(b.e.msg, cannot[i].message);
			box_wait(&b);
		}
	}
}

TEST(directory)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "pwd; stat -c %a .");
	b.c.process.cwd = "/new/deep";
	b.c.root_readonly = true;
	BOX_PRINTS(&b, "/new/deep\n755");
	b.c.process.cwd = "/bin/busybox";
	EQ_INT(box_run(&b), -ENOTDIR);
	OK(strstr(b.e.msg, "process.cwd"));
}

TEST(sysctl)
{
	auto_box struct box b = { 0 };
	struct key_value kv[] = { { "net.ipv4.ip_forward", "1" },
				  { "kernel.shm_rmid_forced", "1" },
				  { "net/ipv4/ip_default_ttl", "77" } };

	NEEDS_BOX();
	box_init(
		&b,
		"cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_default_ttl");
	b.c.sysctl = kv;
	b.c.sysctl_count = ARRAY_LEN(kv);
	BOX_PRINTS(&b, "1\n1\n77");
}

struct sysctl_row {
	const char *name;
	const char *message;
};
static const struct sysctl_row sysctls[] = {
	{ "kernel.core_pattern",
	  "linux.sysctl: \"kernel.core_pattern\" is not of a namespace: it would be the host's" },
	{ "net/../kernel/core_pattern", "linux.sysctl: \"net/../kernel/core_pattern\" is no name of one" },
	{ "net.ipv4/../../kernel/x", "linux.sysctl: \"net.ipv4/../../kernel/x\" is no name of one" },
	{ "kernel..shm_rmid_forced", "linux.sysctl: \"kernel..shm_rmid_forced\" is no name of one" },
	{ "user.max_user_namespaces", "linux.sysctl: \"user.max_user_namespaces\" needs a user namespace" },
};

TEST(sysctl_of_the_host)
{
	for (size_t i = 0; i < ARRAY_LEN(sysctls); i++) {
		auto_box struct box b = { 0 };
		struct key_value kv = { sysctls[i].name, "1" };

		row("%s", sysctls[i].name);
		NEEDS_BOX();
		box_init(&b, "true");
		b.c.sysctl = &kv;
		b.c.sysctl_count = 1;
		EQ_INT(box_run(&b), -EBADMSG);
		EQ_Z(b.e.msg, sysctls[i].message);
	}
}

TEST(time_namespace)
{
	auto_box struct box b = { 0 };
	auto_buf struct buf out = { 0 };

	NEEDS_BOX();
	buf_init(&out, 4096);
	box_init(&b, "cat /proc/self/timens_offsets; cut -d. -f1 /proc/uptime; echo settled; sleep 100");
	b.c.namespaces[NS_TIME].set = true;
	b.c.boottime.set = b.c.monotonic.set = true;
	b.c.boottime.seconds = 100000000;
	b.c.monotonic.seconds = -1;
	b.c.monotonic.nanoseconds = 7;
	EQ_INT(box_create(&b), 0);
	OK_ERR(b.e.code, &b.e);
	EQ_INT(box_exec(&b, "[ $(cut -d. -f1 /proc/uptime) -gt 99999999 ] && echo later", &out), 0);
	EQ_STR(buf_all(&out), STR("later\n"));
	box_until(&b, "settled");
	kill(b.launched.pid, SIGKILL);
	box_wait(&b);
	OK(printed(&b, "monotonic          -1         7"));
	OK(printed(&b, "boottime    100000000         0"));
}

TEST(cgroup_namespace)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "cut -d: -f3 /proc/self/cgroup | sort -u");
	b.c.namespaces[NS_CGROUP].set = true;
	BOX_PRINTS(&b, "/");
}

/* A second container in the namespaces of a first, as in a pod; the process namespace is one that others live in. */
TEST(joined_namespaces)
{
	auto_box struct box a = { 0 }, b = { 0 };
	static char path[NS_KINDS][64];
	static const struct {
		enum oci_namespace kind;
		const char *name;
	} shared[] = { { NS_PID, "pid" }, { NS_NETWORK, "net" }, { NS_IPC, "ipc" }, { NS_UTS, "uts" } };

	NEEDS_BOX();
	box_init(&a, "echo settled; exec sleep 100"); /* a busybox may have sleep in the shell */
	EQ_INT(box_create(&a), 0);
	box_until(&a, "settled");
	box_init(&b, "for i in pid net ipc uts; do [ $(readlink /proc/1/ns/$i) = $(readlink /proc/self/ns/$i) ] || "
		     "echo $i; done;"
		     "echo me=$$; cat /proc/1/comm; [ $(readlink /proc/1/ns/mnt) = $(readlink /proc/self/ns/mnt) ] || "
		     "echo mnt");
	box_caps(&b,
		 1ull << CAP_SYS_PTRACE | 1ull << CAP_KILL | 1ull << CAP_AUDIT_WRITE | 1ull << CAP_NET_BIND_SERVICE);
	b.c.hostname = NULL;
	for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
		snprintf(path[i], sizeof(path[i]), "/proc/%d/ns/%s", (int)a.launched.pid, shared[i].name);
		b.c.namespaces[shared[i].kind].path = path[i];
	}
	BOX_ENDS(&b, 0);
	OK(printed(&b, "sleep\nmnt"));
	OK(!printed(&b, "me=1\n"));
	/* a namespace of another kind is refused */
	b.c.namespaces[NS_NETWORK].path = b.c.namespaces[NS_IPC].path;
	EQ_INT(box_run(&b), -EINVAL);
	OK(strstr(b.e.msg, "linux.namespaces: network"));
}

TEST(joined_user_namespace)
{
	auto_box struct box a = { 0 }, b = { 0 };
	char path[64];

	NEEDS_BOX();
	box_init(&a, "echo settled; sleep 100");
	box_user_namespace(&a, 100000, 65536);
	EQ_INT(box_create(&a), 0);
	box_until(&a, "settled");
	box_init(&b, "cat /proc/self/uid_map; echo pid=$$; ls /proc | grep -c '^[0-9]'; ip addr | grep -c UP");
	box_shell("chown -R 100000:100000 %s/rootfs", b.dir);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)a.launched.pid);
	b.c.namespaces[NS_USER] = (struct oci_namespace_want){ true, path };
	BOX_ENDS(&b, 0);
	OK(printed(&b, "0     100000      65536\npid=1\n"));
}

TEST(exec)
{
	auto_box struct box b = { 0 };
	auto_buf struct buf out = { 0 };

	NEEDS_BOX();
	buf_init(&out, 65536);
	box_init(&b, "echo mark > /tmp/mark; echo settled; sleep 100");
	EQ_INT(box_create(&b), 0);
	box_until(&b, "settled");
	EQ_INT(box_exec(&b,
			"cat /tmp/mark; hostname; grep -E 'CapI|CapE|NoNew' /proc/self/status; echo fds=$(ls "
			"/proc/self/fd);"
			"[ $$ != 1 ] && exit 9",
			&out),
	       9);
	OK_ERR(b.e.code, &b.e);
	EQ_STR(buf_all(&out),
	       STR("mark\nbox\nCapInh:\t0000000000000000\nCapEff:\t0000000020000420\nNoNewPrivs:\t1\nfds=0 1 2 3\n"));
	b.c.process.env.v[0] = "PATH=/nowhere";
	EQ_INT(box_exec(&b, "true", &out), -ENOENT);
	EQ_Z(b.e.msg, "exec: \"sh\": executable file not found in $PATH");
}

static int run_with_hook(struct box *b, enum oci_hook_kind kind, const char *script)
{
	static const char *args[] = { "sh", "-c", NULL, NULL };
	static struct oci_hook hook;

	args[2] = script;
	hook = (struct oci_hook){ .path = "/bin/sh", .args = { args, 3 } };
	b->c.hooks[kind] = (struct oci_hooks){ &hook, 1 };
	return box_run(b);
}

static int state_text(void *arg unused_arg, pid_t pid, const char *status, struct buf *ret, struct err *e unused_arg)
{
	buf_fmt(ret, "{\"id\":\"box\",\"pid\":%d,\"status\":\"%s\"}", (int)pid, status);
	return 0;
}

/* The path is the host's, the mounts are the container's, at the root's own place. */
TEST(create_container_hook)
{
	auto_box struct box b = { 0 };
	char script[512];

	NEEDS_BOX();
	box_init(&b, "cat /tmp/hook");
	b.l.state_text = state_text;
	snprintf(script, sizeof(script),
		 "cd %s/rootfs && { cat; echo; [ -e dev/shm ] && echo mounted; [ -e /usr/bin/env ] && echo host; } > "
		 "tmp/hook",
		 b.dir);
	EQ_INT(run_with_hook(&b, HOOK_CREATE_CONTAINER, script), 0);
	OK_ERR(b.e.code, &b.e);
	OK(printed(&b, "\"status\":\"created\"}\nmounted\nhost"));
	box_shell("! grep -q %s/rootfs /proc/self/mountinfo", b.dir);
}

TEST(start_container_hook)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "cat /tmp/hook");
	b.l.state_text = state_text;
	b.l.start_at_once = false;
	EQ_INT(run_with_hook(&b, HOOK_START_CONTAINER, "cat > /tmp/hook; echo $$ >> /tmp/hook; hostname >> /tmp/hook"),
	       0);
	OK_ERR(b.e.code, &b.e);
	OK(printed(&b, "\"status\":\"created\"}2\nbox"));
}

TEST(hook_that_fails)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "echo ran");
	b.l.state_text = state_text;
	EQ_INT(run_with_hook(&b, HOOK_CREATE_CONTAINER, "exit 3"), -ECANCELED);
	OK(strstr(b.e.msg, "hooks.createContainer[0]: error running hook"));
	b.c.hooks[HOOK_CREATE_CONTAINER].n = 0;
	EQ_INT(run_with_hook(&b, HOOK_START_CONTAINER, "exit 3"), -ECANCELED);
	EQ_STR(box_printed(&b), STR(""));
}

TEST(hook_that_hangs)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "echo ran");
	b.l.state_text = state_text;
	EQ_INT(run_with_hook(&b, HOOK_START_CONTAINER, "true"), 0);
	b.c.hooks[HOOK_START_CONTAINER].v[0].timeout = (struct opt_i64){ true, 1 };
	b.c.hooks[HOOK_START_CONTAINER].v[0].args.v[2] = "sleep 100";
	EQ_INT(box_run(&b), -ETIMEDOUT);
}

TEST(kept_descriptors)
{
	auto_box struct box b = { 0 };
	int p[2];
	char c;

	NEEDS_BOX();
	box_init(&b, "echo $LISTEN_FDS $LISTEN_PID; echo x >&3; echo y >&4 || echo closed");
	OK(pipe2(p, O_CLOEXEC) == 0);
	/* whatever holds 3 and 4 now moves away */
	int kept[2] = { fcntl(3, F_DUPFD_CLOEXEC, 50), fcntl(4, F_DUPFD_CLOEXEC, 50) };
	int in = fcntl(p[0], F_DUPFD_CLOEXEC, 60), out = fcntl(p[1], F_DUPFD_CLOEXEC, 60);
	int bundle = fcntl(b.l.bundle_fd, F_DUPFD_CLOEXEC, 60), state = fcntl(b.l.state_fd, F_DUPFD_CLOEXEC, 60);

	close(b.l.bundle_fd);
	close(b.l.state_fd);
	b.l.bundle_fd = bundle;
	b.l.state_fd = state;
	dup2(out, 3);
	close(4);
	b.l.preserve_fds = b.l.listen_fds = 1;
	BOX_ENDS(&b, 0);
	OK(read(in, &c, 1) == 1 && c == 'x');
	OK(printed(&b, "1 1\n"));
	OK(printed(&b, "closed"));
	for (int i = 0; i < 2; i++)
		if (kept[i] >= 0)
			dup3(kept[i], 3 + i, O_CLOEXEC);
}

static int terminal_from(int socket)
{
	char name[64];
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec v = { name, sizeof(name) };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)
	};
	int fd = -1;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) > 0 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

TEST(terminal)
{
	auto_box struct box b = { 0 };
	int pair[2];
	auto_close int master = -1;
	char text[512] = { 0 };
	size_t n = 0;

	NEEDS_BOX();
	box_init(&b, "tty; stty size; stat -c '%t %u' /dev/console; echo > /dev/tty; ls -l /proc/self/fd/0; exit 4");
	OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	b.l.console_socket = pair[1];
	b.c.process.terminal = true;
	b.c.process.uid = 1000;
	b.c.process.console = (struct oci_box){ .height = 33, .width = 77 };
	EQ_INT(box_create(&b), 0);
	OK_ERR(b.e.code, &b.e);
	master = terminal_from(pair[0]);
	OK(master >= 0);
	for (ssize_t r; n < sizeof(text) - 1 && (r = read(master, text + n, sizeof(text) - 1 - n)) > 0;)
		n += (size_t)r;
	EQ_INT(box_wait(&b), 4);
	OK(strstr(text, "/dev/pts/0\r\n33 77\r\n88 1000\r\n\r\n"));
	close(pair[0]);
	close(pair[1]);
}

static bool box_left(const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), "%s | grep -q " BOX_DIR, what, (int)getpid());
	return system(command) == 0;
}

/* After all that went wrong above. */
TEST(nothing_left)
{
	NEEDS_BOX();
	OK(!box_left("cat /proc/self/mountinfo"));
	OK(!box_left("cat /proc/*/mountinfo 2>/dev/null"));
	OK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}
