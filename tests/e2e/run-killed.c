/* Kills create and delete at every system call they make, and looks what the next command leaves.
 *
 * usage: e2e-run-killed YAGURA_RUN PLACE GROUP every|changes|alone OPTION      prints TAP
 * PLACE/bundle is a bundle whose control groups are GROUP/c, PLACE/state the root of the state. `changes`: at those
 * calls alone that change something outside of the process, before each and, after the last, before its end: between
 * two of them a kill finds the same as just before the second. `alone`: at those, and no other test runs beside this
 * one: what is the machine's is looked at as well. OPTION is one for the program ("": none). */
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define CALLS_MAX 4000 /* of one command: more is a loop */
#define CALLS_MIN 15   /* fewer would not be the whole command */
#define SETTLE_MS 5000 /* for processes that were killed to be gone */
#define PATH_BYTES 4096
#define FILE_BYTES_MAX (4u << 20)

static const char *program, *place, *group, *option;
static char root[PATH_BYTES], bundle[PATH_BYTES];

static void become(const char *const *words)
{
	const char *argv[16] = { program, "--root", root };
	size_t n = 3;
	int null = open("/dev/null", O_RDWR);

	if (*option)
		argv[n++] = option;
	for (; *words && n + 1 < ARRAY_LEN(argv); words++)
		argv[n++] = *words;
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	close(null);
	if (chdir(bundle) < 0)
		_exit(126);
	execv(program, (char *const *)(uintptr_t)argv);
	_exit(126);
}

/* The exit status, -1 when a signal ended it. */
static int call(const char *const *words)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		become(words);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static const int changing[] = {
	SYS_write,	SYS_writev,	SYS_pwrite64, SYS_mkdir,     SYS_mkdirat,   SYS_unlink, SYS_unlinkat,
	SYS_rmdir,	SYS_rename,	SYS_renameat, SYS_renameat2, SYS_symlinkat, SYS_linkat, SYS_mknodat,
	SYS_ftruncate,	SYS_fchmod,	SYS_fchmodat, SYS_fchown,    SYS_fchownat,  SYS_ioctl,	SYS_copy_file_range,
	SYS_sendto,	SYS_sendmsg,	SYS_clone,    SYS_clone3,    SYS_fork,	    SYS_vfork,	SYS_kill,
	SYS_bind,	SYS_listen,	SYS_mount,    SYS_umount2,   SYS_fsmount,   SYS_bpf,	SYS_pidfd_send_signal,
	SYS_move_mount, SYS_exit_group,
};

static bool changes_only, alone;

/* At the entry of a call. */
static bool is_counted(pid_t pid)
{
	struct __ptrace_syscall_info info;

	if (!changes_only)
		return true;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return true;
	if (info.entry.nr == SYS_openat)
		return info.entry.args[2] & (O_CREAT | O_TMPFILE) & ~(uint64_t)O_DIRECTORY;
	if (info.entry.nr == SYS_fsconfig)
		return info.entry.args[1] == FSCONFIG_CMD_CREATE;
	for (size_t i = 0; i < ARRAY_LEN(changing); i++)
		if ((uint64_t)changing[i] == info.entry.nr)
			return true;
	return false;
}

/* True when it was killed at the entry of its n-th system call; false when it ended before. */
static bool call_and_kill(const char *const *words, unsigned int n)
{
	pid_t pid = fork();
	bool inside = false;
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		become(words);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC);
	for (bool execed = false;;) {
		long pass = WIFSTOPPED(status) && !(WSTOPSIG(status) & 0x80) && WSTOPSIG(status) != SIGSTOP &&
					    WSTOPSIG(status) != SIGTRAP
				    ? WSTOPSIG(status)
				    : 0;

		ptrace(PTRACE_SYSCALL, pid, 0, pass);
		if (waitpid(pid, &status, 0) < 0 || WIFEXITED(status) || WIFSIGNALED(status))
			return false;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
			execed = true;
			inside = true; /* the exit of execve comes next */
		} else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			inside = !inside;
			if (execed && inside && is_counted(pid) && !n--) {
				kill(pid, SIGKILL);
				waitpid(pid, &status, 0);
				return true;
			}
		}
	}
}

/* ---- what is left ---- */

static unsigned int entries(const char *path, bool hidden, char *first, size_t size)
{
	DIR *d = opendir(path);
	unsigned int n = 0;

	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || (!hidden && *e->d_name == '.'))
			continue;
		if (!n++)
			snprintf(first, size, "%s", e->d_name);
	}
	closedir(d);
	return n;
}

static bool state_left(char *why, size_t size)
{
	char busy[PATH_BYTES + 8], name[256];

	snprintf(busy, sizeof(busy), "%s/.busy", root);
	if (!entries(root, false, name, sizeof(name)) && !entries(busy, true, name, sizeof(name)))
		return false;
	snprintf(why, size, "state: %s", name);
	return true;
}

static bool groups_left(char *why, size_t size)
{
	DIR *d = opendir("/sys/fs/cgroup");
	bool found = false;

	if (!d)
		return false;
	for (struct dirent *e; !found && (e = readdir(d));) {
		char path[PATH_BYTES];
		struct stat st;

		if (strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/%s/c", e->d_name, group);
		found = stat(path, &st) == 0;
		if (found)
			snprintf(why, size, "control group %.300s", path);
	}
	closedir(d);
	return found;
}

static bool in_file(const char *file, const char *what)
{
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	return file_read(AT_FDCWD, file, FILE_BYTES_MAX, &b, &e) >= 0 && str_find_str(buf_all(&b), str_c(what)) >= 0;
}

/* Layers have no name any more: what was there before is somebody else's. */
static uint64_t loops_before;

static uint64_t loops(void)
{
	uint64_t found = 0;

	for (unsigned int i = 0; i < 64; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/block/loop%u/loop/backing_file", i);
		found |= (uint64_t)(in_file(path, place) || in_file(path, "/yagura/layers/")) << i;
	}
	return found;
}

/* The kernel gives a device back a moment after its last mount. */
static bool loops_left(void)
{
	for (unsigned int ms = 0; loops() & ~loops_before; ms += 10) {
		if (ms >= SETTLE_MS)
			return true;
		usleep(10000);
	}
	return false;
}

/* Rules of the root group for loop devices that nobody uses: others' containers have theirs. */
static bool rule_left(void)
{
	static const char *const files[] = { "read_bps", "write_bps", "read_iops", "write_iops" };
	bool found = false;

	for (size_t i = 0; i < 64 * ARRAY_LEN(files); i++) {
		char path[128], rule[16];
		struct stat st;

		snprintf(path, sizeof(path), "/sys/block/loop%zu/loop/backing_file", i / ARRAY_LEN(files));
		if (stat(path, &st) == 0)
			continue;
		snprintf(path, sizeof(path), "/sys/fs/cgroup/blkio/blkio.throttle.%s_device",
			 files[i % ARRAY_LEN(files)]);
		snprintf(rule, sizeof(rule), "7:%zu ", i / ARRAY_LEN(files));
		found |= in_file(path, rule);
	}
	return found;
}

static unsigned int interfaces_before;

static unsigned int interfaces(void)
{
	char first[256];

	return entries("/sys/class/net", true, first, sizeof(first));
}

/* A namespace that is gone gives its interfaces back later. */
static bool interface_left(void)
{
	for (unsigned int ms = 0; interfaces() > interfaces_before; ms += 10) {
		if (ms >= SETTLE_MS)
			return true;
		usleep(10000);
	}
	return false;
}

/* We are the subreaper: whatever a killed command leaves becomes our child. */
static bool processes_left(void)
{
	for (unsigned int ms = 0; ms < SETTLE_MS; ms += 2) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0)
			return false;
		usleep(2000);
	}
	return true;
}

static bool anything_left(char *why, size_t size)
{
	if (processes_left())
		snprintf(why, size, "a process");
	else if (!state_left(why, size) && !groups_left(why, size)) {
		if (in_file("/proc/self/mountinfo", place))
			snprintf(why, size, "a mount");
		else if (!alone)
			return false; /* what is the machine's is others' too */
		else if (loops_left())
			snprintf(why, size, "a loop device");
		else if (rule_left())
			snprintf(why, size, "a rule of blkio's root group");
		else if (interface_left())
			snprintf(why, size, "a network interface");
		else
			return false;
	}
	return true;
}

/* ---- the test ---- */

static const char *const create[] = { "create", "c", NULL }, *const start[] = { "start", "c", NULL },
			 *const list[] = { "list", "-q", NULL }, *const delete[] = { "delete", "--force", "c", NULL },
			 *const run[] = { "run", "-d", "c", NULL };

static const struct {
	const char *name;
	const char *const *before[2]; /* untroubled */
	const char *const *killed;
} rows[] = {
	{ "create", { NULL, NULL }, create },
	{ "run --detach", { NULL, NULL }, run },
	{ "delete of one that was created", { create, NULL }, delete },
	{ "delete of one that runs", { create, start }, delete },
};

static bool one(size_t row, unsigned int n, bool *ret_killed)
{
	char why[512] = "";

	for (size_t i = 0; i < 2; i++)
		if (rows[row].before[i] && call(rows[row].before[i]) != 0)
			snprintf(why, sizeof(why), "what comes before failed");
	*ret_killed = call_and_kill(rows[row].killed, n);
	if (call(list) != 0)
		snprintf(why, sizeof(why), "list failed");
	/* either nothing, or a container that is whole: then it can be deleted as any other */
	if (call(delete) != 0)
		snprintf(why, sizeof(why), "delete --force failed");
	if (!*why && !anything_left(why, sizeof(why)))
		return true;
	printf("# %s killed at system call %u: %s\n", rows[row].name, n, why);
	return false;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc != 6)
		return 2;
	alone = strcmp(argv[4], "alone") == 0;
	changes_only = alone || strcmp(argv[4], "changes") == 0;
	if (!changes_only && strcmp(argv[4], "every") != 0)
		return 2;
	program = argv[1];
	place = argv[2];
	group = argv[3];
	option = argv[5];
	loops_before = loops();
	interfaces_before = interfaces();
	snprintf(root, sizeof(root), "%s/state", place);
	snprintf(bundle, sizeof(bundle), "%s/bundle", place);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	printf("1..%zu\n", ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned int n = 0, bad = 0;

		for (bool killed = true; killed && n < CALLS_MAX && bad < 10; n++)
			bad += !one(i, n, &killed);
		failed += bad || n < CALLS_MIN;
		printf("%s %zu - %s, killed at each of %u system calls%s\n", bad || n < CALLS_MIN ? "not ok" : "ok",
		       i + 1, rows[i].name, n - 1, changes_only ? " that change something" : "");
		fflush(stdout);
	}
	return failed != 0;
}
