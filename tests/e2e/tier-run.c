/* Runs a container of a tier from an OCI configuration, without the rest of the runtime: makes the namespaces and
 * mounts that tier_prepare() asks for, plainly, and is the monitor's parent.
 *
 *     tier-run uml|vm CONFIG ROOTFS DIR [KERNEL]   ends as the container does; DIR/pid is the monitor's PID
 *     tier-run exec CONFIG PID                     the process of CONFIG, beside it in the container whose monitor has
 * PID tier-run kvm                                 says whether KVM works
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "guest/job.h"
#include "runtime/tier/tier.h"

#define HOST_ID 65534
#define BROKEN 99

static _Noreturn void die(const char *fmt, ...) printf_like(1, 2);
static _Noreturn void die(const char *fmt, ...)
{
	int why = errno;
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "tier-run: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, ": %s\n", strerror(why));
	va_end(ap);
	_exit(BROKEN);
}

static unsigned long flag_of(const char *option, char *data, size_t size)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} rows[] = { { "ro", MS_RDONLY },   { "nosuid", MS_NOSUID },
		     { "nodev", MS_NODEV }, { "noexec", MS_NOEXEC },
		     { "rw", 0 },	    { "bind", 0 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_is(str_c(option), rows[i].name))
			return rows[i].flag;
	snprintf(data + strlen(data), size - strlen(data), "%s%s", data[0] ? "," : "", option);
	return 0;
}

static void mount_row(const struct oci_config *c, const struct oci_mount *m, bool proc)
{
	char target[4096], data[256] = "";
	unsigned long flags = 0;

	if (str_is(str_c(m->type), "proc") != proc)
		return;
	snprintf(target, sizeof(target), "%s%s", c->root_path, m->destination);
	for (size_t i = 0; i < m->options.n; i++)
		flags |= flag_of(m->options.v[i], data, sizeof(data));
	if (!str_is(str_c(m->type), "bind")) {
		(void)!mkdir(target, 0755);
		if (mount(m->type, target, m->type, flags, data) < 0)
			die("mount %s", target);
		if (str_is(str_c(m->destination), "/run") || str_is(str_c(m->destination), "/tmp"))
			(void)!chown(target, HOST_ID, HOST_ID);
	} else if (mount(m->source, target, NULL, MS_BIND, NULL) < 0 ||
		   mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | flags, NULL) < 0) {
		die("bind %s", target);
	}
}

static void write_map(pid_t pid, const char *file)
{
	char path[64], text[32];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	snprintf(text, sizeof(text), "0 %d 1", HOST_ID);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s", path);
}

static _Noreturn void become(const struct oci_process *p, int job)
{
	for (size_t i = 0; i < p->rlimit_count; i++) {
		struct rlimit l = { p->rlimits[i].soft, p->rlimits[i].hard };

		if (setrlimit((__rlimit_resource_t)p->rlimits[i].type, &l) < 0)
			die("%s", "setrlimit");
	}
	/* It may have that number already; dup2() would then leave it close-on-exec. */
	if (dup2(job, JOB_FD) < 0 || fcntl(JOB_FD, F_SETFD, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("%s", "job");
	for (int c = 0; c < 64; c++)
		(void)prctl(PR_CAPBSET_DROP, c);
	execve(p->args.v[0], (char *const *)(uintptr_t)p->args.v, (char *const *)(uintptr_t)p->env.v);
	die("%s", p->args.v[0]);
}

static _Noreturn void child(const struct oci_config *c, int job, int ready)
{
	char byte;

	if (read(ready, &byte, 1) != 1 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		die("%s", "ids");
	/* What came from the namespace above cannot be pivoted to; a mount of our own can. */
	if (mount(c->root_path, c->root_path, NULL, MS_BIND | MS_REC, NULL) < 0)
		die("bind %s", c->root_path);
	for (size_t i = 0; i < c->mount_count; i++)
		mount_row(c, &c->mounts[i], true);
	if (chdir(c->root_path) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		die("pivot to %s", c->root_path);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	become(&c->process, job);
}

static int run(enum policy_tier tier, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
					    CLONE_NEWUTS | CLONE_NEWCGROUP,
				   .exit_signal = SIGCHLD };
	auto_arena struct arena a = { 0 };
	struct buf text = { 0 };
	struct oci_config config;
	struct oci_warnings warnings = { 0 };
	struct err e = { 0 };
	struct tier_request q = { tier, &config, STR_NONE, argv[1], argv[2], 0, HOST_ID, HOST_ID, NULL, argv[3] };
	struct tier t;
	char name[4096];
	FILE *file;
	int ready[2], status;
	pid_t pid;

	if (file_read(AT_FDCWD, argv[0], CONFIG_BYTES_MAX, &text, &e) < 0 ||
	    oci_config_parse(buf_all(&text), &a, &config, &warnings, &e) < 0) {
		fprintf(stderr, "tier-run: %s\n", e.msg);
		return BROKEN;
	}
	q.disk_bytes = oci_annotation(&config, "test.disk") ? 32u << 20 : 0;
	if (tier_prepare(&q, &a, &t, &e) < 0) {
		fprintf(stderr, "tier-run: %s\n", e.msg);
		return BROKEN;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(t.config.root_path, t.config.root_path, NULL, MS_BIND, NULL) < 0 || pipe2(ready, O_CLOEXEC) < 0)
		die("%s", "namespaces");
	for (size_t i = 0; i < t.config.mount_count; i++)
		mount_row(&t.config, &t.config.mounts[i], false);
	snprintf(name, sizeof(name), "%s/dev/null", t.config.root_path);
	file = fopen(name, "w");
	if (!file || fclose(file) || mount("/dev/null", name, NULL, MS_BIND, NULL) < 0)
		die("%s", name);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child(&t.config, t.job, ready[0]);
	write_map(pid, "uid_map");
	write_map(pid, "gid_map");
	snprintf(name, sizeof(name), "%s/pid", argv[2]);
	file = fopen(name, "w");
	if (!file || fprintf(file, "%d\n", (int)pid) < 0 || fclose(file))
		die("%s", name);
	for (int s = 1; s < 32; s++)
		if (s != SIGCHLD && s != SIGKILL && s != SIGSTOP && s != SIGTERM)
			signal(s, SIG_IGN);
	if (write(ready[1], "", 1) != 1 || waitpid(pid, &status, 0) < 0)
		die("%s", "wait");
	while (umount2(t.config.root_path, MNT_DETACH) == 0)
		;
	if (tier_remove(argv[2], &e) < 0)
		die("%s", e.msg);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_exec(char **argv)
{
	auto_arena struct arena a = { 0 };
	struct buf text = { 0 };
	struct oci_process p, monitor;
	struct oci_warnings warnings = { 0 };
	struct err e = { 0 };
	uint32_t target;
	int plan, status, pidfd;
	pid_t pid;

	if (!num_u32(str_c(argv[1]), &target) || file_read(AT_FDCWD, argv[0], CONFIG_BYTES_MAX, &text, &e) < 0 ||
	    oci_process_parse(buf_all(&text), &a, &p, &warnings, &e) < 0 ||
	    tier_exec(&p, STR_NONE, &a, &monitor, &plan, &e) < 0) {
		fprintf(stderr, "tier-run: %s\n", e.msg);
		return BROKEN;
	}
	pidfd = (int)syscall(SYS_pidfd_open, (int)target, 0);
	if (pidfd < 0 || setns(pidfd, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
					      CLONE_NEWUTS | CLONE_NEWCGROUP) < 0)
		die("namespaces of %s", argv[1]);
	pid = fork();
	if (pid == 0) {
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			die("%s", "ids");
		become(&monitor, plan);
	}
	if (waitpid(pid, &status, 0) < 0)
		die("%s", "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int chosen(int argc, char **argv)
{
	enum policy_tier tier;

	if (argc == 4 && str_is(str_c(argv[1]), "exec"))
		return run_exec(argv + 2);
	if (argc >= 5 && argc <= 6 && tier_of_name(str_c(argv[1]), &tier) && tier != TIER_NS)
		return run(tier, argv + 2);
	fputs("see the head of tier-run.c\n", stderr);
	return 2;
}

/* Memory goes with the process: no leak of this driver is of interest. */
int main(int argc, char **argv)
{
	int status = chosen(argc, argv);

	fflush(NULL);
	_exit(status);
}
