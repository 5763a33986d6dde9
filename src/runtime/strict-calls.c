/* strict: system calls that are refused, and those a container without a profile has. See strict.h; docs/strict.md has
 * the tables in words. */
#include "runtime/strict.h"

#include <linux/sched.h>

#define IPPROTO_LAST_PLAIN 58 /* ICMPv6; above: L2TP, SCTP, UDP-Lite, SMC, MPTCP */
#define LOW_HALF \
	0xffffffffu /* an int: the kernel does not look at the rest of the register, a filter must not either */

#define ARGS(...)                                          \
	.args = (struct oci_seccomp_arg[]){ __VA_ARGS__ }, \
	.arg_count = sizeof((struct oci_seccomp_arg[]){ __VA_ARGS__ }) / sizeof(struct oci_seccomp_arg)
#define CALLS(...)                                             \
	.names = { .v = (const char *[]){ __VA_ARGS__, NULL }, \
		   .n = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *) }
#define REFUSE(error) .action = "SCMP_ACT_ERRNO", .errno_ret = { true, (error) }
#define ALLOW .action = "SCMP_ACT_ALLOW"

#define IS(i, x)                           \
	{                                  \
		(i), (x), 0, "SCMP_CMP_EQ" \
	}
#define IS_NOT(i, x)                       \
	{                                  \
		(i), (x), 0, "SCMP_CMP_NE" \
	}
#define IS_ABOVE(i, x)                     \
	{                                  \
		(i), (x), 0, "SCMP_CMP_GT" \
	}
#define HAS(i, bit)                                     \
	{                                               \
		(i), (bit), (bit), "SCMP_CMP_MASKED_EQ" \
	}
#define LOW_IS(i, x)                                     \
	{                                                \
		(i), LOW_HALF, (x), "SCMP_CMP_MASKED_EQ" \
	}
#define BITS_ARE(i, mask, x)                           \
	{                                              \
		(i), (mask), (x), "SCMP_CMP_MASKED_EQ" \
	}

#define NO_NAMESPACE(flag)                                                   \
	{                                                                    \
		CALLS("unshare", "clone"), REFUSE(EPERM), ARGS(HAS(0, flag)) \
	}
#define NO_FAMILY(n)                                                  \
	{                                                             \
		CALLS("socket"), REFUSE(EAFNOSUPPORT), ARGS(IS(0, n)) \
	}
#define NO_OPTION(level, option)                                                              \
	{                                                                                     \
		CALLS("setsockopt"), REFUSE(EPERM), ARGS(LOW_IS(1, level), LOW_IS(2, option)) \
	}
#define NO_IOCTL(request)                                               \
	{                                                               \
		CALLS("ioctl"), REFUSE(EPERM), ARGS(LOW_IS(1, request)) \
	}

/* Families and options by number: their headers are other folders' business, and some are newer than Debian 12's. */
static struct oci_seccomp_rule refused[] = {
	/* A user namespace of its own is where 53 of 98 kernel holes began: it gives CAP_NET_ADMIN over new code. */
	NO_NAMESPACE(CLONE_NEWUSER),
	NO_NAMESPACE(CLONE_NEWNS),
	NO_NAMESPACE(CLONE_NEWNET),
	NO_NAMESPACE(CLONE_NEWPID),
	NO_NAMESPACE(CLONE_NEWIPC),
	NO_NAMESPACE(CLONE_NEWUTS),
	NO_NAMESPACE(CLONE_NEWCGROUP),
	{ CALLS("unshare"), REFUSE(EPERM),
	  ARGS(HAS(0, CLONE_NEWTIME)) }, /* of clone's flags it is part of the signal */
	{ CALLS("setns"), REFUSE(EPERM) },
	/* Its flags lie in memory, where a filter cannot look; libraries then take clone. */
	{ CALLS("clone3"), REFUSE(ENOSYS) },

	/* Sockets: UNIX 1, INET 2, INET6 10, NETLINK 16 with the protocol ROUTE 0. Any bit above 32 is above 16 too. */
	NO_FAMILY(0),
	NO_FAMILY(3),
	NO_FAMILY(4),
	NO_FAMILY(5),
	NO_FAMILY(6),
	NO_FAMILY(7),
	NO_FAMILY(8),
	NO_FAMILY(9),
	NO_FAMILY(11),
	NO_FAMILY(12),
	NO_FAMILY(13),
	NO_FAMILY(14),
	NO_FAMILY(15),
	{ CALLS("socket"), REFUSE(EAFNOSUPPORT), ARGS(IS_ABOVE(0, 16)) },
	{ CALLS("socket"), REFUSE(EPROTONOSUPPORT), ARGS(IS(0, 16), IS_NOT(2, 0)) },
	{ CALLS("socketpair"), REFUSE(EAFNOSUPPORT), ARGS(IS_NOT(0, 1)) },
	/* DCCP 33, and whatever comes as a module of its own. INET with the type PACKET 10 is AF_PACKET by an old name.
	 */
	{ CALLS("socket"), REFUSE(EPROTONOSUPPORT), ARGS(IS(0, 2), IS(2, 33)) },
	{ CALLS("socket"), REFUSE(EPROTONOSUPPORT), ARGS(IS(0, 10), IS(2, 33)) },
	{ CALLS("socket"), REFUSE(EPROTONOSUPPORT), ARGS(IS(0, 2), IS_ABOVE(2, IPPROTO_LAST_PLAIN)) },
	{ CALLS("socket"), REFUSE(EPROTONOSUPPORT), ARGS(IS(0, 10), IS_ABOVE(2, IPPROTO_LAST_PLAIN)) },
	{ CALLS("socket"), REFUSE(EAFNOSUPPORT), ARGS(IS(0, 2), BITS_ARE(1, 0xf, 10)) },
	NO_OPTION(6, 31),   /* SOL_TCP, TCP_ULP: kTLS and ESP in TCP */
	NO_OPTION(17, 100), /* SOL_UDP, UDP_ENCAP: ESP in UDP */

	{ CALLS("io_uring_setup", "io_uring_enter", "io_uring_register"), REFUSE(EPERM) },
	{ CALLS("bpf", "perf_event_open", "userfaultfd"), REFUSE(EPERM) },
	{ CALLS("mount", "umount", "umount2", "pivot_root", "open_tree", "open_tree_attr", "move_mount", "fsopen",
		"fsconfig", "fsmount", "fspick", "mount_setattr", "statmount", "listmount", "open_by_handle_at",
		"quotactl", "quotactl_fd", "swapon", "swapoff"),
	  REFUSE(EPERM) },
	{ CALLS("add_key", "request_key", "keyctl"), REFUSE(EPERM) },
	{ CALLS("init_module", "finit_module", "delete_module", "create_module", "query_module", "get_kernel_syms",
		"kexec_load", "kexec_file_load", "reboot", "acct", "syslog", "lookup_dcookie", "nfsservctl", "uselib",
		"_sysctl", "sysfs", "ustat", "vm86", "vm86old", "modify_ldt", "iopl", "ioperm", "vhangup",
		"fanotify_init"),
	  REFUSE(EPERM) },
	{ CALLS("settimeofday", "stime", "clock_settime", "clock_settime64", "sethostname", "setdomainname"),
	  REFUSE(EPERM) },
	/* Other processes are signalled and waited for, not read, written or stopped; debuggers need --compat. */
	{ CALLS("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
		"move_pages", "migrate_pages"),
	  REFUSE(EPERM) },
	/* Typing into the terminal that is shared with the host (CVE-2017-5226), and line disciplines, which are
	   modules. */
	NO_IOCTL(0x5412), /* TIOCSTI */
	NO_IOCTL(0x541c), /* TIOCLINUX */
	NO_IOCTL(0x5423), /* TIOCSETD */
};

static const struct oci_seccomp rules = {
	.set = true,
	.default_action = "SCMP_ACT_ALLOW",
	.rules = refused,
	.rule_count = ARRAY_LEN(refused),
};

/* The allow-list. Names that only other architectures have are passed over. */
static struct oci_seccomp_rule allowed[] = {
	/* files and directories */
	{ CALLS("access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range", "creat",
		"dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fchdir",
		"fchmod", "fchmodat", "fchmodat2", "fchown", "fchown32", "fchownat", "fcntl", "fcntl64", "fdatasync",
		"fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstat64", "fstatat64",
		"fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents",
		"getdents64", "getxattr", "getxattrat", "ioctl", "lchown", "lchown32", "lgetxattr", "link", "linkat",
		"listxattr", "listxattrat", "llistxattr", "_llseek", "lremovexattr", "lseek", "lsetxattr", "lstat",
		"lstat64", "mkdir", "mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat", "open", "openat",
		"openat2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
		"readlink", "readlinkat", "readv", "removexattr", "removexattrat", "rename", "renameat", "renameat2",
		"rmdir", "sendfile", "sendfile64", "setxattr", "setxattrat", "splice", "stat", "stat64", "statfs",
		"statfs64", "statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "tee", "truncate",
		"truncate64", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64", "utimes",
		"vmsplice", "write", "writev", "cachestat", "file_getattr", "file_setattr", "chroot"),
	  ALLOW },
	/* waiting for something */
	{ CALLS("epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2",
		"epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "inotify_add_watch", "inotify_init",
		"inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents",
		"io_pgetevents_time64", "io_setup", "io_submit", "_newselect", "pause", "poll", "ppoll", "ppoll_time64",
		"pselect6", "pselect6_time64", "select", "signalfd", "signalfd4", "timerfd_create", "timerfd_gettime",
		"timerfd_gettime64", "timerfd_settime", "timerfd_settime64"),
	  ALLOW },
	/* memory */
	{ CALLS("brk", "get_mempolicy", "madvise", "map_shadow_stack", "mbind", "membarrier", "memfd_create", "mincore",
		"mlock", "mlock2", "mlockall", "mmap", "mmap2", "mprotect", "mremap", "mseal", "msync", "munlock",
		"munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "remap_file_pages",
		"set_mempolicy"),
	  ALLOW },
	/* processes and threads */
	{ CALLS("arch_prctl", "capget", "capset", "clone", "execve", "execveat", "exit", "exit_group", "fork", "futex",
		"futex_requeue", "futex_time64", "futex_wait", "futex_waitv", "futex_wake", "getcpu", "getegid",
		"getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32", "getpgid",
		"getpgrp", "getpid", "getppid", "getpriority", "getresgid", "getresgid32", "getresuid", "getresuid32",
		"getrlimit", "get_robust_list", "getrusage", "getsid", "get_thread_area", "gettid", "getuid",
		"getuid32", "ioprio_get", "ioprio_set", "kill", "nice", "pidfd_open", "pidfd_send_signal", "prctl",
		"prlimit64", "process_mrelease", "restart_syscall", "rseq", "sched_getaffinity", "sched_getattr",
		"sched_getparam", "sched_get_priority_max", "sched_get_priority_min", "sched_getscheduler",
		"sched_rr_get_interval", "sched_rr_get_interval_time64", "sched_setaffinity", "sched_setattr",
		"sched_setparam", "sched_setscheduler", "sched_yield", "setfsgid", "setfsgid32", "setfsuid",
		"setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32", "setpgid", "setpriority", "setregid",
		"setregid32", "setresgid", "setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32",
		"setrlimit", "set_robust_list", "setsid", "set_thread_area", "set_tid_address", "setuid", "setuid32",
		"tgkill", "tkill", "unshare", "vfork", "wait4", "waitid", "waitpid", "riscv_flush_icache",
		"riscv_hwprobe", "cacheflush", "set_tls"),
	  ALLOW },
	/* confinement of one's own */
	{ CALLS("landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "seccomp"), ALLOW },
	/* signals */
	{ CALLS("rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
		"rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "sigaction", "sigaltstack",
		"sigpending", "sigprocmask", "sigreturn", "sigsuspend"),
	  ALLOW },
	/* sockets; the strict rules say which */
	{ CALLS("accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv",
		"recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto",
		"setsockopt", "shutdown", "socket", "socketpair", "pipe", "pipe2"),
	  ALLOW },
	/* System V and POSIX communication, inside the container's own namespace */
	{ CALLS("mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64", "mq_timedsend",
		"mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop",
		"semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget"),
	  ALLOW },
	/* time, and what machine this is */
	{ CALLS("adjtimex", "alarm", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64",
		"clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "getitimer",
		"getrandom", "gettimeofday", "nanosleep", "setitimer", "sysinfo", "time", "timer_create",
		"timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime",
		"timer_settime64", "times", "uname", "ugetrlimit"),
	  ALLOW },
	/* PER_LINUX and PER_LINUX32, with and without UNAME26, and asking which it is */
	{ CALLS("personality"), ALLOW, ARGS(IS(0, 0)) },
	{ CALLS("personality"), ALLOW, ARGS(IS(0, 0x8)) },
	{ CALLS("personality"), ALLOW, ARGS(IS(0, 0x20000)) },
	{ CALLS("personality"), ALLOW, ARGS(IS(0, 0x20008)) },
	{ CALLS("personality"), ALLOW, ARGS(IS(0, 0xffffffff)) },
};

static const struct oci_seccomp default_profile = {
	.set = true,
	.default_action = "SCMP_ACT_ERRNO",
	.default_errno = { true, EPERM },
	.rules = allowed,
	.rule_count = ARRAY_LEN(allowed),
};

const struct oci_seccomp *strict_rules(void)
{
	return &rules;
}

const struct oci_seccomp *strict_default_profile(void)
{
	return &default_profile;
}
