/* node-probe: what is tried from inside a node (tests/e2e/node-boot.py). Static; it is put on the node as a service,
 * and in the place of the agent, the program with the most rights there. One line "T name result" for each thing,
 * result: "ok", or the name of the error. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *name, int failed)
{
	printf("T %s %s\n", name, failed ? strerrorname_np(errno) : "ok");
}

static void try_open(const char *name, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	tell(name, fd < 0);
	if (fd >= 0)
		close(fd);
}

static void try_write(const char *name, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	tell(name, fd < 0 || write(fd, text, strlen(text)) < 0);
	if (fd >= 0)
		close(fd);
}

/* Why it cannot be executed; 0: it was. */
static int execution(const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl(path, path, "--nothing", (char *)NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

/* This program copied to a place, and executed there. */
static void try_exec(const char *name, const char *dir)
{
	static char bytes[65536];
	char path[256];
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/probe-copy-%d-%d", dir, (int)getuid(), (int)getpid());
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (from < 0 || to < 0) {
		printf("T %s no-file-%s\n", name, strerrorname_np(errno));
		return;
	}
	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)n) != n)
			break;
	close(from);
	close(to);
	errno = execution(path);
	tell(name, errno != 0);
	unlink(path);
}

/* What lies nowhere: a copy of this program in memory, and memory that is written and executed. */
static void try_memory(void)
{
	static char bytes[65536];
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = memfd_create("copy", MFD_CLOEXEC);
	char path[64];
	ssize_t n;

	while (from >= 0 && to >= 0 && (n = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)n) != n)
			break;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
	errno = execution(path);
	tell("exec-memfd", errno != 0);
	/* A file in memory that is mapped and not started. */
	tell("map-exec-file", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, to, 0) == MAP_FAILED);
	tell("map-exec",
	     mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	close(from);
	close(to);
}

static void show(const char *mark, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[1024];

	while (f && fgets(line, sizeof(line), f))
		printf("%s %s", mark, line);
	if (f)
		fclose(f);
	else
		printf("%s cannot be read: %s\n", mark, strerrorname_np(errno));
}

static void try_disks(void)
{
	DIR *dir = opendir("/dev");

	for (struct dirent *d; dir && (d = readdir(dir));) {
		char path[300], name[300];

		if (strncmp(d->d_name, "vd", 2) != 0 && strncmp(d->d_name, "dm-", 3) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", d->d_name);
		snprintf(name, sizeof(name), "disk-write-%s", d->d_name);
		try_open(name, path, O_RDWR);
	}
	if (dir)
		closedir(dir);
	tell("disk-node", mknod("/run/disk", S_IFBLK | 0600, makedev(254, 0)) < 0);
}

/* What each service is held to, by the name of its control group. */
static void show_labels(void)
{
	DIR *dir = opendir("/proc");

	for (struct dirent *d; dir && (d = readdir(dir));) {
		char path[300], group[256] = "", label[256] = "", name[64];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/cgroup", d->d_name);
		f = d->d_name[0] >= '1' && d->d_name[0] <= '9' ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		(void)!fgets(group, sizeof(group), f);
		fclose(f);
		snprintf(path, sizeof(path), "/proc/%s/attr/apparmor/current", d->d_name);
		f = fopen(path, "re");
		if (f)
			(void)!fgets(label, sizeof(label), f);
		if (f)
			fclose(f);
		if (sscanf(group, "0::/services/%63[a-z]", name) == 1)
			printf("LABEL %s %s", name, label);
	}
	if (dir)
		closedir(dir);
}

/* How often it was here before, by a file that is kept. */
static void count(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1)
		tell("kept", 1);
	else
		printf("T kept %ld\n", (long)lseek(fd, 0, SEEK_END));
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static void attack(const char *home)
{
	tell("remount-root", mount(NULL, "/", NULL, MS_REMOUNT, NULL) < 0);
	tell("remount-root-bind", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) < 0);
	try_open("write-root", "/usr/new", O_WRONLY | O_CREAT);
	try_open("write-init", "/sbin/yagura-init", O_WRONLY);
	try_open("write-etc", "/etc/new", O_WRONLY | O_CREAT);
	tell("module", syscall(SYS_finit_module, 0, "", 0) < 0);
	tell("kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0) < 0);
	try_open("memory", "/dev/mem", O_RDONLY);
	try_open("kernel-memory", "/proc/kcore", O_RDONLY);
	tell("ptrace", ptrace(PTRACE_ATTACH, 1, NULL, NULL) < 0);
	try_write("loadpin", "/proc/sys/kernel/loadpin/enforce", "0");
	try_write("modules", "/proc/sys/kernel/modules_disabled", "0");
	try_disks();
	try_open("landlock", "/data/log", O_RDONLY | O_DIRECTORY);
	tell("vsock", socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0);
	try_exec("exec-home", home);
	try_exec("exec-tmp", "/tmp");
	try_exec("exec-run", "/run");
	try_exec("exec-shm", "/dev/shm");
	try_exec("exec-dev", "/dev");
	try_memory();
}

/* As much as it may say, and more than a log keeps. */
static _Noreturn void talk(void)
{
	for (int i = 0; i < 30000; i++)
		printf("%06d %090d\n", i, 0);
	printf("T talked ok\n");
	close(open("done", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	for (;;)
		pause();
}

/* Until it has said everything, and the console, which loses lines when it is behind, has it. */
static void let_it_talk(void)
{
	if (access("/data/home/talks", F_OK) < 0)
		return;
	while (access("/data/home/talks/done", F_OK) < 0)
		sleep(1);
	sleep(5);
}

/* What does not end when it is asked to. */
static _Noreturn void stay(void)
{
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

/* A port that the firewall opens, and one that it does not. */
static void listen_on(unsigned short port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0) {
		tell("listen", 1);
		return;
	}
	if (fork() != 0)
		return;
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c < 0)
			continue;
		(void)!write(c, "yagura\n", 7);
		close(c);
	}
}

#define SETTINGS "/data/settings/settings.json"

static void change_settings(void)
{
	FILE *f = fopen(SETTINGS, "we");

	tell("settings", !f || fputs("{\"version\": 1, \"hostname\": \"changed\"}\n", f) < 0 || fflush(f) != 0 ||
				 fsync(fileno(f)) < 0);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	bool agent = strstr(argv[0], "agent") != NULL;
	const char *home = getenv("HOME");
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(what, "--nothing") == 0)
		return 0;
	if (strcmp(what, "fails") == 0)
		return 7;
	if (strcmp(what, "talks") == 0)
		talk();
	if (strcmp(what, "stays") == 0)
		stay();
	if (strcmp(what, "hog") == 0) {
		for (;;)
			memset(malloc(1 << 20), 1, 1 << 20);
	}
	if (agent)
		home = "/data/home";
	printf("T user %d\n", (int)getuid());
	show("HELD", "/proc/self/status");
	show("HELD", "/proc/self/limits");
	show("PROFILE", "/proc/self/attr/apparmor/current");
	if (agent) {
		show("M", "/proc/self/mountinfo");
		show("STATE", "/run/yagura/state.json");
		show("HOSTNAME", "/etc/hostname");
		show("SYSCTL", "/proc/sys/kernel/kptr_restrict");
	}
	count(agent ? "/data/home/kept" : "kept");
	attack(home);
	if (agent) {
		/* What root may do now is gone with the next boot. */
		try_write("sysctl", "/proc/sys/kernel/kptr_restrict", "1");
		/* And what it keeps in the settings is there with it. */
		change_settings();
		listen_on(1111);
		listen_on(2222);
	}
	if (agent)
		show_labels(); /* by now they have all been executed */
	printf("T done %d\n", (int)getuid());
	if (agent)
		let_it_talk();
	if (agent && access("/etc/reboot-at-once", F_OK) == 0)
		tell("reboot", kill(1, SIGTERM) < 0);
	for (;;)
		pause();
}
