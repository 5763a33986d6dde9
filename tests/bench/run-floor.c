/* run-floor: the least that a container of the default profile costs: the same namespaces, mounts, masks, switch of
 * root, capabilities, filter and control groups as yagura-run makes for `run`, in one small program that knows
 * everything beforehand, checks nothing and reads no configuration. What tests/bench/run-runtime compares with.
 *
 * usage: run-floor ROOTFS FILTER PROGRAM [CGROUP-DIR...]
 * FILTER: compiled, as seccomp(2) takes it. CGROUP-DIR: directories that are made, joined and removed again; a v2 one
 * is joined by clone3(). */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#define CGROUP2_MAGIC 0x63677270
#define FILTER_MAX 4096
#define CAPS_KEPT (1ull << 29 | 1ull << 5 | 1ull << 10) /* AUDIT_WRITE KILL NET_BIND_SERVICE */

static const char *const masked[] = { "/proc/acpi",	   "/proc/asound",	  "/proc/kcore",
				      "/proc/keys",	   "/proc/latency_stats", "/proc/timer_list",
				      "/proc/timer_stats", "/proc/sched_debug",	  "/sys/firmware",
				      "/proc/scsi" };
static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };
static const struct {
	const char *path;
	unsigned int major, minor;
} devices[] = { { "dev/null", 1, 3 },	{ "dev/zero", 1, 5 },	 { "dev/full", 1, 7 },
		{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 } };
static const struct {
	const char *path, *to;
} links[] = { { "dev/fd", "/proc/self/fd" },
	      { "dev/stdin", "/proc/self/fd/0" },
	      { "dev/stdout", "/proc/self/fd/1" },
	      { "dev/stderr", "/proc/self/fd/2" },
	      { "dev/ptmx", "pts/ptmx" } };

static struct sock_filter filter[FILTER_MAX];
static unsigned short filter_count;

static void must(int r, const char *what)
{
	if (r < 0) {
		perror(what);
		_exit(1);
	}
}

static void write_text(const char *dir, const char *name, const char *text)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* of another hierarchy */
	must((int)write(fd, text, strlen(text)), path);
	close(fd);
}

static void copy_text(const char *dir, const char *name)
{
	char path[512], text[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/../%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	write_text(dir, name, text);
}

static void make_mounts(void)
{
	umask(0);
	must(mount("proc", "proc", "proc", 0, NULL), "proc");
	must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"), "dev");
	must(mkdir("dev/pts", 0755), "pts");
	must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"),
	     "pts");
	must(mkdir("dev/shm", 0755), "shm");
	must(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k"), "shm");
	must(mkdir("dev/mqueue", 0755), "mqueue");
	must(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mqueue");
	must(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL), "sys");
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		must(mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)),
		     devices[i].path);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		must(symlink(links[i].to, links[i].path), links[i].path);
}

static void hide(void)
{
	for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++)
		if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) == 0)
			must(mount(NULL, read_only[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), read_only[i]);
	for (size_t i = 0; i < sizeof(masked) / sizeof(*masked); i++)
		if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) < 0)
			mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL);
}

static bool is_v2(const char *dir)
{
	struct statfs s;

	return statfs(dir, &s) == 0 && s.f_type == CGROUP2_MAGIC;
}

/* The container's own groups below /sys/fs/cgroup, as the configuration of `spec` wants them. */
static void show_groups(char **dirs, int n)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	char path[512];

	if (n == 1 && is_v2(dirs[0])) {
		must(mount(dirs[0], "sys/fs/cgroup", NULL, MS_BIND, NULL), dirs[0]);
		must(mount(NULL, "sys/fs/cgroup", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, NULL), dirs[0]);
		return;
	}
	must(mount("cgroup", "sys/fs/cgroup", "tmpfs", flags, "mode=755"), "cgroup");
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "sys/fs/cgroup/%d", i);
		must(mkdir(path, 0755), path);
		must(mount(dirs[i], path, NULL, MS_BIND, NULL), path);
		must(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, NULL), path);
	}
	must(mount(NULL, "sys/fs/cgroup", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, NULL), "cgroup");
}

static void loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(ioctl(fd, SIOCGIFFLAGS, &r), "lo");
	r.ifr_flags |= IFF_UP;
	must(ioctl(fd, SIOCSIFFLAGS, &r), "lo");
	close(fd);
}

static void drop(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { (uint32_t)CAPS_KEPT, (uint32_t)CAPS_KEPT, 0 } };
	struct sock_fprog f = { filter_count, filter };

	for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(CAPS_KEPT & 1ull << cap))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must((int)syscall(SYS_capset, &head, data), "capset");
	if (filter_count)
		must((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f), "seccomp");
}

static void inside(const char *root, const char *program, char **groups, int n)
{
	char *const argv[] = { (char *)(uintptr_t)program, NULL }, *const envp[] = { NULL };

	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "/");
	must(mount(root, root, NULL, MS_BIND | MS_REC, NULL), root);
	must(chdir(root), root);
	make_mounts();
	if (n)
		show_groups(groups, n);
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount");
	must(chdir("/"), "/");
	loopback_up();
	must(sethostname("floor", 5), "hostname");
	hide();
	must(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "read-only");
	setsid();
	drop();
	execve(program, argv, envp);
	must(-1, program);
}

static int make_groups(char **dirs, int n)
{
	int v2 = -1;

	for (int i = 0; i < n; i++) {
		must(mkdir(dirs[i], 0755), dirs[i]);
		if (is_v2(dirs[i])) {
			v2 = open(dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			write_text(dirs[i], "memory.max", "268435456");
			write_text(dirs[i], "cpu.max", "100000 100000");
		} else {
			copy_text(dirs[i], "cpuset.cpus");
			copy_text(dirs[i], "cpuset.mems");
			write_text(dirs[i], "memory.limit_in_bytes", "268435456");
			write_text(dirs[i], "cpu.cfs_quota_us", "100000");
		}
		write_text(dirs[i], "pids.max", "512");
	}
	return v2;
}

int main(int argc, char **argv)
{
	struct clone_args a = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
				.exit_signal = SIGCHLD };
	int fd, go[2], status, v2;
	char number[16];
	pid_t pid;

	if (argc < 4)
		return 2;
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		filter_count = (unsigned short)((size_t)read(fd, filter, sizeof(filter)) / sizeof(*filter));
	v2 = make_groups(argv + 4, argc - 4);
	if (v2 >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)v2;
	}
	must(pipe2(go, O_CLOEXEC), "pipe");
	pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	must(pid, "clone3");
	if (pid == 0) {
		must((int)read(go[0], number, 1), "read");
		inside(argv[1], argv[3], argv + 4, argc - 4);
	}
	snprintf(number, sizeof(number), "%d", (int)pid);
	for (int i = 4; i < argc; i++)
		if (!is_v2(argv[i]))
			write_text(argv[i], "cgroup.procs", number);
	must((int)write(go[1], "x", 1), "write");
	waitpid(pid, &status, 0);
	for (int i = 4; i < argc; i++)
		rmdir(argv[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
