/* fence: what a service is held to. See node.h and docs/node.md.
 *
 * Two kinds of filters: of system calls that are refused (the agent, services of the specification), and of those that
 * there are at all (our own services that read the network's and the audit's bytes: anything else ends them). */
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/init/node.h"
#include "node/layout.h"

#define CAPABILITY_MAX 63
#define CALL_NEWEST 462 /* mseal; what is newer does not exist for a service */
#define CALL_X32 0x40000000u
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* ---- system calls ---- */

/* What changes the kernel itself, reads other processes or has no use any more: refused to all. The agent asks init for
 * a reboot; pods are made with what is not here. */
static const int refused_to_all[] = {
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_iopl,
	SYS_ioperm,
	SYS_acct,
	SYS_quotactl,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_lookup_dcookie,
	SYS_vhangup,
	SYS_syslog,
	SYS_nfsservctl,
	SYS_uselib,
	SYS_ustat,
	SYS_sysfs,
	SYS__sysctl,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_clock_adjtime,
	SYS_adjtimex,
	SYS_modify_ldt,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_kcmp,
	SYS_add_key,
	SYS_request_key,
	SYS_fanotify_init,
	SYS_open_by_handle_at,
};

/* And what a service, which lives in the tree that there is, has no business with. */
static const int refused_to_services[] = {
	SYS_keyctl, /* yagura-run gives each container a keyring of its own */
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_mount_setattr,
	SYS_bpf,
	SYS_setns,
	SYS_unshare,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_mknod,
	SYS_mknodat,
	SYS_name_to_handle_at,
	SYS_personality,
	SYS_pidfd_getfd,
	SYS_seccomp,
	SYS_quotactl_fd,
	SYS_process_madvise,
};

/* What a static program of ours starts with, and works with. */
static const int allowed_to_all[] = {
	SYS_execve,
	SYS_brk,
	SYS_arch_prctl,
	SYS_set_tid_address,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_prlimit64,
	SYS_readlinkat,
	SYS_readlink,
	SYS_getrandom,
	SYS_mprotect,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_read,
	SYS_write,
	SYS_close,
	SYS_fstat,
	SYS_newfstatat,
	SYS_getpid,
	SYS_gettid,
	SYS_tgkill,
	SYS_exit,
	SYS_exit_group,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_poll,
	SYS_ppoll,
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_restart_syscall,
	SYS_futex,
	SYS_socket,
	SYS_bind,
	SYS_sendto,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_sendmsg,
	SYS_setsockopt,
	SYS_connect,
	SYS_fcntl,
	SYS_lseek,
};
static const int allowed_to_net[] = { SYS_ioctl, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime };
static const int allowed_to_audit[] = { SYS_openat };

struct program {
	struct sock_filter *v;
	size_t n;
};

static void add(struct program *p, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
	p->v[p->n++] = (struct sock_filter){ code, yes, no, k };
}

static void load(struct program *p, size_t offset)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void answer(struct program *p, const int *calls, size_t n, uint32_t with)
{
	for (size_t i = 0; i < n; i++) {
		add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)calls[i]);
		add(p, BPF_RET | BPF_K, 0, 0, with);
	}
}

/* A call whose argument has one of these bits set; the number is loaded before and again after. */
static void refuse_bits(struct program *p, int call, unsigned int argument, uint32_t mask, uint32_t value,
			uint32_t with)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, (uint32_t)call);
	load(p, offsetof(struct seccomp_data, args) + 8 * argument);
	add(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
	if (value)
		add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
	else
		add(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0);
	add(p, BPF_RET | BPF_K, 0, 0, with);
	load(p, offsetof(struct seccomp_data, nr));
}

static void refuse_all(struct program *p, enum fence_profile profile)
{
	const uint32_t no = SECCOMP_RET_ERRNO | EPERM;

	answer(p, refused_to_all, ARRAY_LEN(refused_to_all), no);
	if (profile == FENCE_AGENT) {
		/* Of devices it may make those that containers have; disks come from the kernel. */
		refuse_bits(p, SYS_mknod, 1, S_IFMT, S_IFBLK, no);
		refuse_bits(p, SYS_mknodat, 2, S_IFMT, S_IFBLK, no);
		return;
	}
	answer(p, refused_to_services, ARRAY_LEN(refused_to_services), no);
	refuse_bits(p, SYS_clone, 0, NAMESPACES, 0, no);
	/* Its flags cannot be seen: a C library then takes clone(). */
	answer(p, (const int[]){ SYS_clone3 }, 1, SECCOMP_RET_ERRNO | ENOSYS);
	add(p, BPF_JMP | BPF_JGT | BPF_K, 0, 1, CALL_NEWEST);
	add(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS);
}

size_t fence_filter(enum fence_profile profile, struct sock_filter *ret)
{
	struct program p = { ret, 0 };

	load(&p, offsetof(struct seccomp_data, arch));
	add(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
	add(&p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
	load(&p, offsetof(struct seccomp_data, nr));
	add(&p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, CALL_X32);
	add(&p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
	if (profile == FENCE_SERVICE || profile == FENCE_AGENT) {
		refuse_all(&p, profile);
		add(&p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
		return p.n;
	}
	answer(&p, allowed_to_all, ARRAY_LEN(allowed_to_all), SECCOMP_RET_ALLOW);
	if (profile == FENCE_NET)
		answer(&p, allowed_to_net, ARRAY_LEN(allowed_to_net), SECCOMP_RET_ALLOW);
	else
		answer(&p, allowed_to_audit, ARRAY_LEN(allowed_to_audit), SECCOMP_RET_ALLOW);
	add(&p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
	return p.n;
}

static int set_filter(enum fence_profile profile)
{
	struct sock_filter v[FENCE_FILTER_MAX];
	struct sock_fprog program = { (unsigned short)fence_filter(profile, v), v };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

/* ---- files ---- */

/* Rights newer than Debian 12's header. */
#define FS_REFER (1ull << 13)	  /* 2 */
#define FS_TRUNCATE (1ull << 14)  /* 3 */
#define FS_IOCTL_DEV (1ull << 15) /* 5 */
#define FS_FIRST ((1ull << 13) - 1)
#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RUN (READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define CHANGE (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define WRITE ((FS_FIRST & ~DEVICES & ~LANDLOCK_ACCESS_FS_EXECUTE) | FS_REFER | FS_TRUNCATE)

struct place {
	const char *path;
	uint64_t rights;
};

static int permit(int rules, const struct place *p, uint64_t known)
{
	auto_close int fd = open(p->path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr a = { p->rights & known, fd };
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		a.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE |
				    LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0) < 0 ? -errno : 0;
}

static int restrict_files(const struct fence *f)
{
	const struct place service[] = {
		{ "/usr", RUN },
		{ "/bin", RUN },
		{ "/sbin", RUN },
		{ "/lib", RUN },
		{ "/lib64", RUN },
		{ "/opt", RUN },
		{ "/etc", READ },
		{ "/proc", READ },
		{ "/sys", READ },
		{ "/dev", READ },
		{ NODE_RESOLV, READ },
		{ "/tmp", WRITE },
		{ "/dev/null", CHANGE },
		{ "/dev/zero", CHANGE },
		{ "/dev/full", CHANGE },
		{ "/proc/self", CHANGE },
		{ f->home ? f->home : "/dev/null", f->home ? WRITE : CHANGE },
	};
	const struct place own[] = {
		{ NODE_INIT, RUN },
		{ f->home ? f->home : NODE_INIT, f->home ? WRITE : RUN },
	};
	const struct place *v = f->profile == FENCE_SERVICE ? service : own;
	size_t n = f->profile == FENCE_SERVICE ? ARRAY_LEN(service) : ARRAY_LEN(own);
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = { FS_FIRST };
	auto_close int rules = -1;
	int r = 0;

	if (version < 1)
		return -ENOTSUP;
	attr.handled_access_fs |=
		(version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) | (version >= 5 ? FS_IOCTL_DEV : 0);
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0)
		return -errno;
	for (size_t i = 0; i < n && r == 0; i++)
		r = permit(rules, &v[i], attr.handled_access_fs);
	if (r == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		r = -errno;
	return r;
}

/* ---- user and capabilities ---- */

static int set_capabilities(uint64_t set)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		uint32_t half = (uint32_t)(set >> 32 * i);

		data[i] = (struct __user_cap_data_struct){ half, half, half };
	}
	if (syscall(SYS_capset, &head, data) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (unsigned long c = 0; c <= CAPABILITY_MAX; c++)
		if (set >> c & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
			return -errno;
	return 0;
}

/* Those that the kernel has and the set names. */
static int drop_bounding(uint64_t keep, uint64_t *ret_known)
{
	uint64_t known = 0;

	for (unsigned long c = 0; c <= CAPABILITY_MAX; c++) {
		if (prctl(PR_CAPBSET_READ, c) < 0)
			break; /* the kernel's last one has been passed */
		known |= 1ull << c;
		if (!(keep >> c & 1) && prctl(PR_CAPBSET_DROP, c) < 0)
			return -errno;
	}
	*ret_known = known;
	return 0;
}

int fence_enter(const struct fence *f, struct err *e)
{
	uint64_t known = 0;
	int r = drop_bounding(f->capabilities, &known);

	if (r == 0 && (setgroups(0, NULL) < 0 || prctl(PR_SET_KEEPCAPS, 1) < 0 ||
		       setresgid(f->user, f->user, f->user) < 0 || setresuid(f->user, f->user, f->user) < 0))
		r = -errno;
	r = r < 0 ? r : set_capabilities(f->capabilities & known);
	if (r < 0)
		return err_errno(e, r, "user and capabilities");
	umask(022);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(e, -errno, "no_new_privs");
	/* Under Landlock nothing can be mounted: it is not for the agent. */
	r = f->profile == FENCE_AGENT ? 0 : restrict_files(f);
	if (r < 0)
		return err_errno(e, r, "Landlock");
	r = set_filter(f->profile);
	return r < 0 ? err_errno(e, r, "seccomp") : 0;
}
