/* confine: resource limits, Landlock and seccomp around a worker. See worker.h. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/worker.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

#define WORKER_FILES_MAX 256 /* descriptors in a worker: one message of files, the lanes, the socket */

#define CPU_GRACE_SECONDS 2 /* SIGXCPU at the limit says why; SIGKILL follows for who does not listen */

static int limit_to(int what, rlim_t value)
{
	struct rlimit l = { .rlim_cur = value, .rlim_max = value + (what == RLIMIT_CPU ? CPU_GRACE_SECONDS : 0) };
	struct rlimit now;

	/* Never above what the user has set himself. */
	if (getrlimit((__rlimit_resource_t)what, &now) == 0 && now.rlim_max < l.rlim_max)
		l.rlim_max = now.rlim_max;
	if (l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &l) < 0 ? -errno : 0;
}

static int confine_rlimits(const struct confine *c)
{
	const struct {
		int what;
		rlim_t value;
		bool skip;
	} rows[] = {
		/* The sanitizer's shadow takes terabytes of address space. */
		{ RLIMIT_AS, c->memory_bytes, UNDER_ASAN },
		{ RLIMIT_CPU, c->cpu_seconds, false },
		{ RLIMIT_FSIZE, 0, c->network }, /* a fetcher writes to the descriptor it is given */
		{ RLIMIT_NOFILE, WORKER_FILES_MAX, false },
		{ RLIMIT_NPROC, 0, c->network }, /* the resolver may use a thread */
		{ RLIMIT_CORE, 0, false },
		{ RLIMIT_MEMLOCK, 0, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int r = rows[i].skip ? 0 : limit_to(rows[i].what, rows[i].value);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Rights above ABI 2 are newer than Debian 12's headers (Documentation/userspace-api/landlock.rst). */
#define FS_REFER (1ull << 13)
#define FS_TRUNCATE (1ull << 14)
#define FS_IOCTL_DEV (1ull << 15)
#define NET_ALL 3ull   /* bind and connect, ABI 4 */
#define SCOPE_ALL 3ull /* abstract sockets and signals, ABI 6 */
#define FS_ABI1 ((1ull << 13) - 1)
#define FS_READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static int allow_reading_everywhere(int ruleset)
{
	auto_close int root = open("/", O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .allowed_access = FS_READ, .parent_fd = root };

	if (root < 0 || syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

static int confine_landlock(const struct confine *c)
{
	int abi = landlock_abi();
	struct ruleset_attr attr = {
		.fs = FS_ABI1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
		      (abi >= 5 ? FS_IOCTL_DEV : 0),
		.net = abi >= 4 && !c->network ? NET_ALL : 0,
		.scoped = abi >= 6 ? SCOPE_ALL : 0,
	};
	size_t size = abi >= 6 ? sizeof(attr) : abi >= 4 ? 16 : 8;
	auto_close int ruleset = -1;
	int r = 0;

	if (!abi)
		return -ENOTSUP;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	if (c->network)
		r = allow_reading_everywhere(ruleset);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}

/* What a worker may ask of the kernel. Everything else kills it. */
static const int allowed_calls[] = {
	/* the socket and the descriptors it was handed */
	SYS_read,
	SYS_pread64,
	SYS_readv,
	SYS_write,
	SYS_writev,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_close,
	SYS_lseek,
	SYS_fstat,
#ifdef SYS_newfstatat
	SYS_newfstatat, /* glibc's fstat(); with a path it finds nothing, because Landlock and rlimits come first */
#endif
	/* memory; mmap and mprotect are looked at below */
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	/* the end, and the way there */
	SYS_exit,
	SYS_exit_group,
	SYS_rt_sigreturn,
	SYS_rt_sigprocmask,
	SYS_getpid,
	SYS_gettid,
	SYS_tgkill,
	SYS_futex,
	SYS_clock_gettime,
	SYS_getrandom,
	SYS_restart_syscall,
#if UNDER_ASAN
	SYS_sigaltstack,
	SYS_sched_yield,
	SYS_prctl,
	SYS_rt_sigaction,
#endif
};

#if defined(__x86_64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_AARCH64
#else
#error "the worker's system call filter is written for x86-64 and arm64"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define PROTECTION_ARG offsetof(struct seccomp_data, args[2]) /* of mmap and mprotect; low half, little-endian */

static int confine_seccomp(void)
{
	struct sock_filter code[16 + 2 * ARRAY_LEN(allowed_calls)];
	unsigned short n = 0;

	code[n++] = (struct sock_filter)LOAD(arch);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_HERE, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)LOAD(nr);
	for (size_t i = 0; i < ARRAY_LEN(allowed_calls); i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed_calls[i], 0, 1);
		code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	/* Memory may be asked for, but never to be executed. */
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 2, 0);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)PROTECTION_ARG);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);

	struct sock_fprog program = { .len = n, .filter = code };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

int worker_confine(const struct confine *c, struct err *e)
{
	int r, without_landlock = 0;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_errno(e, -errno, "worker: prctl");
	if (c->layers & CONFINE_RLIMITS) {
		r = confine_rlimits(c);
		if (r < 0)
			return err_errno(e, r, "worker: resource limits");
	}
	if (c->layers & CONFINE_LANDLOCK) {
		without_landlock = confine_landlock(c);
		if (without_landlock < 0 && without_landlock != -ENOTSUP)
			return err_errno(e, without_landlock, "worker: Landlock");
	}
	if ((c->layers & CONFINE_SECCOMP) && !c->network) {
		r = confine_seccomp();
		if (r < 0)
			return err_errno(e, r, "worker: seccomp");
	}
	return without_landlock ? err_set(e, -ENOTSUP, "this kernel has no Landlock") : 0;
}
