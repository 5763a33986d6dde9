/* fence: the filters of services, executed here as the kernel would. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "node/init/node.h"
#include "tap.h"

/* The few instructions that fence.c writes. */
static uint32_t run(const struct sock_filter *p, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t i = 0; i < n; i++) {
		switch (p[i].code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)d + p[i].k, sizeof(a));
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += a == p[i].k ? p[i].jt : p[i].jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			i += a >= p[i].k ? p[i].jt : p[i].jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			i += a > p[i].k ? p[i].jt : p[i].jf;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= p[i].k;
			break;
		case BPF_RET | BPF_K:
			return p[i].k;
		default:
			return UINT32_MAX;
		}
	}
	return UINT32_MAX;
}

#define NO (SECCOMP_RET_ERRNO | EPERM)
#define NOSYS (SECCOMP_RET_ERRNO | ENOSYS)
#define YES SECCOMP_RET_ALLOW
#define KILL SECCOMP_RET_KILL_PROCESS

TEST(filters)
{
	static const struct {
		const char *name;
		uint32_t arch;
		int call;
		uint64_t args[3];
		uint32_t service, agent, net, audit;
	} rows[] = {
		{ "read", AUDIT_ARCH_X86_64, SYS_read, { 0 }, YES, YES, YES, YES },
		{ "openat", AUDIT_ARCH_X86_64, SYS_openat, { 0 }, YES, YES, KILL, YES },
		{ "clock_settime", AUDIT_ARCH_X86_64, SYS_clock_settime, { 0 }, NO, NO, YES, KILL },
		{ "mount", AUDIT_ARCH_X86_64, SYS_mount, { 0 }, NO, YES, KILL, KILL },
		{ "finit_module", AUDIT_ARCH_X86_64, SYS_finit_module, { 0 }, NO, NO, KILL, KILL },
		{ "kexec_load", AUDIT_ARCH_X86_64, SYS_kexec_load, { 0 }, NO, NO, KILL, KILL },
		{ "reboot", AUDIT_ARCH_X86_64, SYS_reboot, { 0 }, NO, NO, KILL, KILL },
		{ "ptrace", AUDIT_ARCH_X86_64, SYS_ptrace, { 0 }, NO, NO, KILL, KILL },
		{ "io_uring_setup", AUDIT_ARCH_X86_64, SYS_io_uring_setup, { 0 }, NO, NO, KILL, KILL },
		{ "clone as fork", AUDIT_ARCH_X86_64, SYS_clone, { 17 }, YES, YES, KILL, KILL },
		{ "clone of a user namespace",
		  AUDIT_ARCH_X86_64,
		  SYS_clone,
		  { CLONE_NEWUSER | 17 },
		  NO,
		  YES,
		  KILL,
		  KILL },
		{ "clone of a network", AUDIT_ARCH_X86_64, SYS_clone, { CLONE_NEWNET }, NO, YES, KILL, KILL },
		{ "clone3", AUDIT_ARCH_X86_64, SYS_clone3, { 0 }, NOSYS, YES, KILL, KILL },
		{ "mknodat of a character device",
		  AUDIT_ARCH_X86_64,
		  SYS_mknodat,
		  { 0, 0, S_IFCHR | 0666 },
		  NO,
		  YES,
		  KILL,
		  KILL },
		{ "mknodat of a disk", AUDIT_ARCH_X86_64, SYS_mknodat, { 0, 0, S_IFBLK | 0600 }, NO, NO, KILL, KILL },
		{ "mknod of a disk", AUDIT_ARCH_X86_64, SYS_mknod, { 0, S_IFBLK | 0600 }, NO, NO, KILL, KILL },
		{ "what is not there yet", AUDIT_ARCH_X86_64, 1000, { 0 }, NOSYS, YES, KILL, KILL },
		{ "a call of x32", AUDIT_ARCH_X86_64, 0x40000000 | SYS_read, { 0 }, KILL, KILL, KILL, KILL },
		{ "a call of i386", AUDIT_ARCH_I386, 3, { 0 }, KILL, KILL, KILL, KILL },
	};
	static struct sock_filter filter[4][FENCE_FILTER_MAX];
	size_t n[4];

	for (int p = FENCE_SERVICE; p <= FENCE_AUDIT; p++)
		n[p] = fence_filter((enum fence_profile)p, filter[p]);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seccomp_data d = { .nr = rows[i].call, .arch = rows[i].arch };
		const uint32_t want[4] = { rows[i].service, rows[i].agent, rows[i].net, rows[i].audit };

		row("%s", rows[i].name);
		for (int k = 0; k < 3; k++)
			d.args[k] = rows[i].args[k];
		for (int p = FENCE_SERVICE; p <= FENCE_AUDIT; p++)
			EQ_INT(run(filter[p], n[p], &d), want[p]);
	}
}
