/* launch-hostile: root file systems made to lead the runtime elsewhere. `outside`, beside the root, stands for the
 * host: after each case it is as it was. The rules are those of docs/escapes.md. */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box.h"
#include "tap.h"

#define RACES 60

static void make_outside(const struct box *b)
{
	box_shell("mkdir %s/outside && echo host > %s/outside/file && chmod 1751 %s/outside", b->dir, b->dir, b->dir);
}

static bool outside_untouched(const struct box *b)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "cd %s && [ \"$(ls -A outside)\" = file ] && [ \"$(cat outside/file)\" = host ] && "
		 "[ \"$(stat -c %%a outside)\" = 1751 ] && ! grep -q %s /proc/self/mountinfo",
		 b->dir, b->dir);
	return system(command) == 0;
}

static const char *const ways_out[] = { "../outside", "../../../../../../../..%s/outside",
					"%s/outside", "/proc/self/root%s/outside",
					"loop",	      "/proc/1/root" };

static void link_out(const struct box *b, const char *name, const char *way)
{
	char target[256];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(target, sizeof(target), way, b->dir);
#pragma GCC diagnostic pop
	box_shell("rm -rf %s/rootfs/%s && ln -s %s %s/rootfs/%s", b->dir, name, target, b->dir, name);
}

/* R3: where something is to be mounted is a link that leads out; so is a directory on the way. */
TEST(mount_target_leads_out)
{
	for (size_t i = 0; i < ARRAY_LEN(ways_out); i++) {
		auto_box struct box b = { 0 };
		int r;

		row("-> %s", ways_out[i]);
		NEEDS_BOX();
		box_init(&b, "true");
		make_outside(&b);
		link_out(&b, "data", ways_out[i]);
		box_shell("mkdir %s/src", b.dir);
		box_mount(&b, "/data", "bind", "src", "bind");
		box_mount(&b, "/data/a/b", "tmpfs", "tmpfs", "");
		box_mount(&b, "/data/file", "bind", "/etc/hostname", "bind");
		r = box_run(&b);
		OK(r == 0 || r == -ELOOP || r == -EEXIST || r == -EROFS || r == -ENOENT || r == -EXDEV ||
		   r == -ENOTDIR || r == -EINVAL || r == -EPERM);
		if (r < 0)
			OK(strstr(b.e.msg, "mounts["));
		OK(outside_untouched(&b));
	}
}

/* R2, R9: the root's /proc, /sys or /dev is a link. */
TEST(system_directory_is_a_link)
{
	static const char *const names[] = { "proc", "sys", "dev" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_box struct box b = { 0 };
		struct key_value kv = { "net.ipv4.ip_forward", "1" };

		row("%s", names[i]);
		NEEDS_BOX();
		box_init(&b, "true");
		make_outside(&b);
		link_out(&b, names[i], "%s/outside");
		b.c.sysctl = &kv;
		b.c.sysctl_count = 1;
		EQ_INT(box_run(&b), -ELOOP);
		OK(strstr(b.e.msg, "must be mounted on ordinary directory"));
		OK(outside_untouched(&b));
	}
}

/* R2: what is written to procfs goes to our own, whatever stands at the root's /proc. */
TEST(fake_proc)
{
	auto_box struct box b = { 0 };
	struct key_value kv = { "net.ipv4.ip_forward", "1" };

	NEEDS_BOX();
	box_init(&b, "cat /proc/sys/net/ipv4/ip_forward; mount -t proc x /tmp 2>/dev/null; cat /proc/fake");
	box_shell("mkdir -p %s/rootfs/proc/sys/net/ipv4 && echo fake > %s/rootfs/proc/sys/net/ipv4/ip_forward && "
		  "echo yes > %s/rootfs/proc/fake",
		  b.dir, b.dir, b.dir);
	b.c.sysctl = &kv;
	b.c.sysctl_count = 1;
	memmove(b.c.mounts, b.c.mounts + 1,
		sizeof(*b.c.mounts) * --b.c.mount_count); /* no /proc of the configuration */
	EQ_INT(box_run(&b), 0);
	EQ_STR(box_printed(&b), STR("fake\nyes"));
}

/* R9: devices that would be made through links in the root's own /dev. */
TEST(devices_lead_out)
{
	auto_box struct box b = { 0 };
	struct oci_device d = { .path = "/dev/dir/x", .type = 'c', .major = 1, .minor = 3 };

	NEEDS_BOX();
	box_init(&b, "stat -c %t:%T /dev/dir/x");
	make_outside(&b);
	link_out(&b, "dev/dir", "%s/outside");
	link_out(&b, "dev/null", "%s/outside/file");
	link_out(&b, "dev/console", "%s/outside/file");
	link_out(&b, "dev/pts", "%s/outside");
	b.c.devices = &d;
	b.c.device_count = 1;
	BOX_PRINTS(&b, "1:3");
	OK(outside_untouched(&b));
}

/* R8: a mask is never what the root calls its null device. */
TEST(fake_null)
{
	auto_box struct box b = { 0 };
	static const char *paths[] = { "/secret" };

	NEEDS_BOX();
	box_init(&b, "cat /dev/null; cat /secret");
	box_shell("echo secret > %s/rootfs/secret; echo fake > %s/rootfs/dev/null; mkdir %s/devs; echo fake > "
		  "%s/devs/null",
		  b.dir, b.dir, b.dir, b.dir);
	b.c.masked_paths = (struct strings){ paths, 1 };
	b.c.mounts[1] = (struct oci_mount){
		.destination = "/dev", .type = "bind", .source = "devs", .options = b.c.mounts[0].options
	};
	BOX_PRINTS(&b, "fake");
}

static const char *const directories[] = { "/proc/self/fd/3", "/proc/self/fd/7",
					   "/proc/self/fd/8", "/proc/self/fd/9",
					   "/proc/self/cwd",  "/proc/1/root",
					   "/link",	      "/proc/self/root/proc/self/fd/6" };

/* R7: a working directory that is one of our descriptors (CVE-2024-21626). */
TEST(working_directory_outside)
{
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		auto_box struct box b = { 0 };
		int r;

		row("%s", directories[i]);
		NEEDS_BOX();
		box_init(&b, "pwd; ls ..");
		make_outside(&b);
		link_out(&b, "link", "/proc/self/fd/5");
		b.c.process.cwd = directories[i];
		r = box_run(&b);
		OK(r == -ELOOP || r == -ENOENT || r == -EACCES || r == -ENOTDIR || r == -EPERM);
		OK(strstr(b.e.msg, "process.cwd"));
		OK(outside_untouched(&b));
	}
}

/* R3: the tree changes while mounts are made. */
TEST(renames_while_mounting)
{
	auto_box struct box b = { 0 };
	pid_t racer;
	int worked = 0;

	NEEDS_BOX();
	box_init(&b, "true");
	make_outside(&b);
	box_shell("mkdir %s/src && cd %s/rootfs && mkdir -p a/x real && ln -s %s/outside b && ln -s ../outside c",
		  b.dir, b.dir, b.dir);
	box_mount(&b, "/a/x/y", "bind", "src", "bind");
	box_mount(&b, "/a/x/deep/er/z", "tmpfs", "tmpfs", "");
	box_mount(&b, "/a/file", "bind", "/etc/hostname", "bind");
	racer = fork();
	if (racer == 0) {
		if (fchdir(b.root) < 0)
			_exit(1);
		for (;;) {
			renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE);
			renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_EXCHANGE);
		}
	}
	for (int i = 0; i < RACES; i++) {
		int r = box_run(&b);

		worked += r == 0;
		if (r < 0 && !strstr(b.e.msg, "mounts["))
			OK_ERR(r, &b.e);
	}
	kill(racer, SIGKILL);
	waitpid(racer, NULL, 0);
	OK(worked > 0);
	OK(outside_untouched(&b));
}

/* R1: what a container with every right over processes sees of us while others are started in it. */
TEST(runtime_is_not_seen)
{
	auto_box struct box b = { 0 };
	auto_buf struct buf out = { 0 };
	uint64_t caps = 1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_KILL;
	char own[256];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own));

	NEEDS_BOX();
	buf_init(&out, BOX_OUTPUT_MAX);
	box_init(&b, "while :; do readlink /proc/[0-9]*/exe; ls -l /proc/[0-9]*/fd 2>/dev/null | grep -e '-> /'; done "
		     ">> /tmp/seen");
	b.c.process.caps = (struct oci_caps){ true, caps, caps, 0, caps, 0 };
	EQ_INT(box_create(&b), 0);
	OK_ERR(b.e.code, &b.e);
	for (int i = 0; i < RACES; i++)
		EQ_INT(box_exec(&b, "true", &out), 0);
	EQ_INT(box_exec(&b, "sort -u /tmp/seen", &out), 0);
	OK(n > 0 && str_find_str(buf_all(&out), str_n(own, (size_t)n)) < 0);
	OK(str_find_str(buf_all(&out), str_c(b.dir)) < 0);
	OK(str_find_str(buf_all(&out), STR("/bin/")) >= 0);
}

/* R8: the terminal of a process that joins comes from a devpts, or not at all. */
TEST(exec_terminal_of_a_fake)
{
	auto_box struct box b = { 0 };
	auto_buf struct buf out = { 0 };
	int pair[2];

	NEEDS_BOX();
	box_init(&b, "echo > /dev/pts/ptmx; echo settled; sleep 100");
	b.c.mounts[2] = (struct oci_mount){
		.destination = "/dev/pts", .type = "tmpfs", .source = "tmpfs", .options = b.c.mounts[0].options
	};
	EQ_INT(box_create(&b), 0);
	OK_ERR(b.e.code, &b.e);
	box_until(&b, "settled");
	OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	b.l.console_socket = pair[1];
	b.c.process.terminal = true;
	EQ_INT(box_exec(&b, "true", &out), -ENOTTY);
	EQ_Z(b.e.msg, "process.terminal: /dev/pts/ptmx: Inappropriate ioctl for device");
	close(pair[0]);
	close(pair[1]);
}

/* A program in the container cannot keep what we handed to stage 2: the only descriptors are its own. */
TEST(no_descriptor_is_left)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "ls /proc/self/fd | wc -l; ls -l /proc/self/fd 2>/dev/null | grep -c socket");
	EQ_INT(box_run(&b), 1);
	EQ_STR(box_printed(&b), STR("4\n0"));
}
