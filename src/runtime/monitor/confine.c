/* confine: the system calls of a machine and of its monitor. See monitor.h.
 *
 * The tables were measured: a filter that logs what it does not know, under the tests of tests/e2e/tier.sh, on the
 * versions of Debian 12; what newer C libraries use for the same was added. Whatever is in no table ends the process
 * (SIGSYS), and the monitor says so. Processes of User-Mode Linux never get here with a call of their own: their kernel
 * replaces it before the filter is asked. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/monitor/monitor.h"

#define INSNS_MAX 512
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
#ifndef CONFINE_OTHERWISE
#define CONFINE_OTHERWISE SECCOMP_RET_KILL_PROCESS /* SECCOMP_RET_LOG to measure anew */
#endif

/* What a C library and a loader do before main(), and any program later. */
static const int common[] = {
	SYS_read,	   SYS_write,	     SYS_close,	       SYS_fstat,	   SYS_newfstatat,
	SYS_lseek,	   SYS_mmap,	     SYS_mprotect,     SYS_munmap,	   SYS_brk,
	SYS_mremap,	   SYS_madvise,	     SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_sigaltstack,   SYS_getpid,	     SYS_gettid,       SYS_exit,	   SYS_exit_group,
	SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_futex,	   SYS_restart_syscall,
	SYS_poll,	   SYS_ppoll,	     SYS_fcntl,	       SYS_getrandom,	   SYS_wait4,
	SYS_kill,	   SYS_writev,	     SYS_readv,
};

static const int machine[] = {
	SYS_execve,
	SYS_openat,
	SYS_open,
	SYS_access,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_arch_prctl,
	SYS_set_tid_address,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_prlimit64,
	SYS_pread64,
	SYS_pwrite64,
	SYS_readlink,
	SYS_readlinkat,
	SYS_uname,
	SYS_sysinfo,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getppid,
	SYS_tgkill,
	SYS_nanosleep,
	SYS_clock_nanosleep,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_pipe,
	SYS_pipe2,
	SYS_dup,
	SYS_dup2,
	SYS_dup3,
	SYS_epoll_create1,
	SYS_epoll_create,
	SYS_epoll_ctl,
	SYS_epoll_wait,
	SYS_epoll_pwait,
	SYS_eventfd2,
	SYS_ftruncate,
	SYS_fsync,
	SYS_fdatasync,
	SYS_fallocate,
	SYS_timer_create,
	SYS_timer_settime,
	SYS_timer_gettime,
	SYS_timer_delete,
	SYS_timer_getoverrun,
	SYS_getcwd,
	SYS_umask,
	SYS_statfs,
	SYS_fstatfs,
	SYS_getdents64,
	SYS_prctl,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_sendto,
	SYS_recvfrom,
	SYS_stat,
	SYS_lstat,
	SYS_statx,
};

static const int uml_only[] = {
	SYS_ptrace,	 SYS_setsid,	SYS_setpgid,	   SYS_getpgrp,	   SYS_setitimer, SYS_getitimer,
	SYS_personality, SYS_unlink,	SYS_unlinkat,	   SYS_mkdir,	   SYS_mkdirat,	  SYS_rmdir,
	SYS_socketpair,	 SYS_chmod,	SYS_rt_sigsuspend, SYS_pause,	   SYS_vfork,	  SYS_fork,
	SYS_waitid,	 SYS_utimensat, SYS_getpgid,	   SYS_modify_ldt,
};

static const int vm_only[] = {
	SYS_ioctl,	     SYS_preadv,
	SYS_pwritev,	     SYS_preadv2,
	SYS_pwritev2,	     SYS_signalfd4,
	SYS_timerfd_create,  SYS_timerfd_settime,
	SYS_membarrier,	     SYS_memfd_create,
	SYS_getsockopt,	     SYS_setsockopt,
	SYS_getsockname,     SYS_getpeername,
	SYS_shutdown,	     SYS_flock,
	SYS_rt_sigtimedwait, SYS_rt_sigpending,
	SYS_mlock,	     SYS_mincore,
	SYS_sched_getparam,  SYS_sched_getscheduler,
	SYS_gettimeofday,    SYS_getrusage,
	SYS_times,	     SYS_time,
	SYS_setrlimit,	     SYS_getrlimit,
	SYS_get_mempolicy,   SYS_chdir,
};

static const int monitor_only[] = { SYS_recvmsg, SYS_sendmsg, SYS_accept4, SYS_sendto, SYS_shutdown };

/* Refused without an end: the program has another way, or can do without. */
static const struct {
	int call;
	uint32_t answer;
} refused[] = {
	{ SYS_clone3, ENOSYS },	 { SYS_io_uring_setup, ENOSYS },   { SYS_socket, EACCES },
	{ SYS_connect, EACCES }, { SYS_sched_setaffinity, EPERM }, { SYS_setpriority, EPERM },
	{ SYS_mbind, EPERM },	 { SYS_keyctl, ENOSYS },	   { SYS_set_mempolicy, EPERM },
	{ SYS_seccomp, ENOSYS },
};

struct filter {
	struct sock_filter code[INSNS_MAX];
	unsigned short n;
};

#define PUT(f, ...) ((f)->code[(f)->n++] = (struct sock_filter)__VA_ARGS__)

static void allow(struct filter *f, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		PUT(f, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1));
		PUT(f, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
}

static void begin(struct filter *f)
{
	PUT(f, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	PUT(f, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	PUT(f, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	PUT(f, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	/* The calls of x32 are the same ones under other numbers: no table has them. */
	allow(f, common, ARRAY_LEN(common));
}

/* An argument's lower half against a list of values; 4 bytes little-endian. */
static void allow_with(struct filter *f, int call, unsigned int argument, const uint32_t *values, size_t n,
		       uint32_t otherwise)
{
	PUT(f, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, (uint8_t)(2 + 2 * n)));
	PUT(f, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args) + 8 * argument));
	for (size_t i = 0; i < n; i++) {
		PUT(f, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, values[i], 0, 1));
		PUT(f, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
	PUT(f, BPF_STMT(BPF_RET | BPF_K, otherwise));
}

/* Threads and processes, but no new namespaces. */
static void allow_clone(struct filter *f)
{
	PUT(f, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
	PUT(f, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args)));
	PUT(f, BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1));
	PUT(f, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
	PUT(f, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

static int install(struct filter *f, struct err *e)
{
	struct sock_fprog program = { f->n, f->code };

	PUT(f, BPF_STMT(BPF_RET | BPF_K, CONFINE_OTHERWISE));
	program.len = f->n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return err_errno(e, -errno, "seccomp");
	return 0;
}

int confine_machine(enum machine kind, struct err *e)
{
	/* The last is of volumes that are block devices. */
	static const uint32_t ioctls[] = { TCGETS, TCSETS, TCSETSW, TIOCGWINSZ, FIOASYNC, FIONBIO, BLKGETSIZE };
	static struct filter f;

	f.n = 0;
	begin(&f);
	allow(&f, machine, ARRAY_LEN(machine));
	if (kind == MACHINE_UML)
		allow(&f, uml_only, ARRAY_LEN(uml_only));
	else
		allow(&f, vm_only, ARRAY_LEN(vm_only));
	allow_clone(&f);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		PUT(&f, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i].call, 0, 1));
		PUT(&f, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | refused[i].answer));
	}
	if (kind == MACHINE_UML)
		allow_with(&f, SYS_ioctl, 1, ioctls, ARRAY_LEN(ioctls), SECCOMP_RET_ERRNO | ENOTTY);
	return install(&f, e);
}

int confine_monitor(struct err *e)
{
	static const uint32_t ioctls[] = { TCGETS, TCSETS, TCSETSW, TIOCGWINSZ };
	static struct filter f;

	/* The machine has the same user: it must not look into us. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_errno(e, -errno, "prctl");
	f.n = 0;
	begin(&f);
	allow(&f, monitor_only, ARRAY_LEN(monitor_only));
	allow_with(&f, SYS_ioctl, 1, ioctls, ARRAY_LEN(ioctls), SECCOMP_RET_KILL_PROCESS);
	return install(&f, e);
}
