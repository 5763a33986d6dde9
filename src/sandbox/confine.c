/* confine: resource limits, Landlock and seccomp around a worker. See worker.h. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
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
		{ RLIMIT_CPU, c->cpu_seconds, c->server },
		{ RLIMIT_FSIZE, c->file_bytes, c->network }, /* a fetcher writes to the descriptor it is given */
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
#define FS_READ \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR) /* libraries are read and mapped, not executed */

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
	SYS_pwrite64,
	SYS_writev,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_close,
	SYS_lseek,
	SYS_fstat,
#ifdef SYS_newfstatat
	SYS_newfstatat, /* glibc's fstat(); with a path it finds nothing, because Landlock and rlimits come first */
#endif
	/* memory; mmap, mprotect and tgkill are looked at below */
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
	SYS_futex,
	/* asked for in earnest where the kernel has no clock to be read without it: a counter that is not to be trusted
	 */
	SYS_clock_gettime,
	SYS_gettimeofday,
#ifdef SYS_time
	SYS_time,
#endif
	SYS_getrandom,
	SYS_sysinfo, /* the C library's qsort() wants to know how much memory there is */
	SYS_restart_syscall,
#if UNDER_ASAN
	SYS_sigaltstack,
	SYS_sched_yield,
	SYS_prctl,
	SYS_rt_sigaction,
#endif
};

/* And what one that serves may besides. */
static const int server_calls[] = {
	SYS_accept4, SYS_sendto, SYS_recvfrom, SYS_shutdown, SYS_ppoll,
#ifdef SYS_poll
	SYS_poll,
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
#define PROCESS_ARG offsetof(struct seccomp_data, args[0])    /* of tgkill; an int, the half the kernel looks at */
#define PROTECTION_ARG offsetof(struct seccomp_data, args[2]) /* of mmap and mprotect; low half, little-endian */

static int filter_install(struct sock_filter *code, unsigned short n)
{
	struct sock_fprog program = { .len = n, .filter = code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static unsigned short filter_allow(struct sock_filter *code, const int *calls, size_t count)
{
	unsigned short n = 0;

	for (size_t i = 0; i < count; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
		code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	return n;
}

static int filter_parser(bool server)
{
	struct sock_filter code[24 + 2 * ARRAY_LEN(allowed_calls) + 2 * ARRAY_LEN(server_calls)];
	unsigned short n = 0;

	code[n++] = (struct sock_filter)LOAD(arch);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_HERE, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)LOAD(nr);
	n += filter_allow(code + n, allowed_calls, ARRAY_LEN(allowed_calls));
	if (server)
		n += filter_allow(code + n, server_calls, ARRAY_LEN(server_calls));
	/* abort() sends a signal to this process; no other is to be reached. */
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 4);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)PROCESS_ARG);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	/* Memory may be asked for, but never to be executed. */
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 2, 0);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)PROTECTION_ARG);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);

	return filter_install(code, n);
}

/* What a worker that fetches may not ask of the kernel. libcurl, the resolver and the TLS library need too much that
 * changes from release to release for a list of what they may; none of this is among it. */
static const int denied_calls[] = {
	/* other programs, other processes; clone is looked at below */
	SYS_execve,
	SYS_execveat,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_kill,
	SYS_tkill,
	SYS_rt_sigqueueinfo,
	SYS_pidfd_open,
	SYS_pidfd_getfd,
	SYS_pidfd_send_signal,
	SYS_kcmp,
	SYS_setns,
	SYS_unshare,
	SYS_personality,
	/* the tree of files, where Landlock has no say or is not there */
	SYS_mount,
	SYS_umount2,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_mount_setattr,
	SYS_pivot_root,
	SYS_chroot,
	SYS_open_by_handle_at,
	SYS_name_to_handle_at,
	SYS_mkdirat,
	SYS_mknodat,
	SYS_linkat,
	SYS_symlinkat,
	SYS_renameat2,
	SYS_unlinkat,
	SYS_truncate,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchown,
	SYS_fchownat,
	SYS_utimensat,
	SYS_setxattr,
	SYS_lsetxattr,
	SYS_fsetxattr,
	SYS_removexattr,
	SYS_lremovexattr,
	SYS_fremovexattr,
#ifdef SYS_renameat
	SYS_renameat,
#endif
#if defined(__x86_64__)
	SYS_fork,
	SYS_vfork,
	SYS_creat,
	SYS_mkdir,
	SYS_rmdir,
	SYS_mknod,
	SYS_link,
	SYS_symlink,
	SYS_rename,
	SYS_unlink,
	SYS_chmod,
	SYS_chown,
	SYS_lchown,
	SYS_utime,
	SYS_utimes,
	SYS_futimesat,
	SYS_uselib,
	SYS_modify_ldt,
	SYS_ioperm,
	SYS_iopl,
#endif
	/* parts of the kernel that holes were found in */
	SYS_bpf,
	SYS_userfaultfd,
	SYS_perf_event_open,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_quotactl,
	SYS_acct,
	SYS_swapon,
	SYS_swapoff,
	SYS_reboot,
	SYS_syslog,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_memfd_create,
};

#define ARG_LOW(i) (uint32_t) offsetof(struct seccomp_data, args[i]) /* low half, little-endian */
#define LOAD_ARG(i) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_LOW(i))
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), (yes), (no))
#define IF_ANY_BIT(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(bits), (yes), (no))
#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)

/* One call with a condition on one argument: nothing but a thread, only this process, only for reading. */
#define FILTER_RULE 5
static unsigned short filter_rule(struct sock_filter *code, int call, unsigned int arg, struct sock_filter test,
				  uint32_t otherwise)
{
	code[0] = (struct sock_filter)IF_EQUAL(call, 0, FILTER_RULE - 1);
	code[1] = (struct sock_filter)LOAD_ARG(arg);
	code[2] = test; /* jumps one ahead when all is well */
	code[3] = (struct sock_filter)RETURN(otherwise);
	code[4] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	return FILTER_RULE;
}

static int filter_fetcher(void)
{
	struct sock_filter code[24 + 4 * FILTER_RULE + 2 * ARRAY_LEN(denied_calls)];
	unsigned short n = 0;
	/* These are asked for in good faith; glibc has another way, or reports an error. */
	const uint32_t missing = SECCOMP_RET_ERRNO | ENOSYS, refused = SECCOMP_RET_ERRNO | EACCES;

	code[n++] = (struct sock_filter)LOAD(arch);
	code[n++] = (struct sock_filter)IF_EQUAL(AUDIT_ARCH_HERE, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)LOAD(nr);
	/* The numbers of x32 are the same calls once more. */
	code[n++] = (struct sock_filter)IF_ANY_BIT(0x40000000, 0, 1);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; i < ARRAY_LEN(denied_calls); i++) {
		code[n++] = (struct sock_filter)IF_EQUAL(denied_calls[i], 0, 1);
		code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	}
	/* Their arguments lie in memory, where a filter cannot look. */
	code[n++] = (struct sock_filter)IF_EQUAL(SYS_clone3, 1, 0);
	code[n++] = (struct sock_filter)IF_EQUAL(SYS_openat2, 0, 1);
	code[n++] = (struct sock_filter)RETURN(missing);
	n += filter_rule(code + n, SYS_clone, 0, (struct sock_filter)IF_ANY_BIT(CLONE_THREAD, 1, 0),
			 SECCOMP_RET_KILL_PROCESS);
	n += filter_rule(code + n, SYS_tgkill, 0, (struct sock_filter)IF_EQUAL(getpid(), 1, 0),
			 SECCOMP_RET_KILL_PROCESS);
	n += filter_rule(code + n, SYS_openat, 2, (struct sock_filter)IF_ANY_BIT(WRITING, 0, 1), refused);
#ifdef SYS_open
	n += filter_rule(code + n, SYS_open, 1, (struct sock_filter)IF_ANY_BIT(WRITING, 0, 1), refused);
#endif
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	return filter_install(code, n);
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
	if (c->layers & CONFINE_SECCOMP) {
		r = c->network ? filter_fetcher() : filter_parser(c->server);
		if (r < 0)
			return err_errno(e, r, "worker: seccomp");
	}
	return without_landlock ? err_set(e, -ENOTSUP, "this kernel has no Landlock") : 0;
}
