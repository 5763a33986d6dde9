/* Profiles become programs, and programs are run on calls: here, and for some by the kernel. */
#include "runtime/seccomp.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/seccomp-cache.h"
#include "runtime/strict.h"
#include "draw.h"
#include "tap.h"

#if defined(__x86_64__)
#define HERE AUDIT_ARCH_X86_64
#else
#define HERE AUDIT_ARCH_AARCH64
#endif

#define ERRNO(x) (SECCOMP_RET_ERRNO | (x))
#define NAMES(...)                                                            \
	{                                                                     \
		.v = (const char *[]){ __VA_ARGS__, NULL },                   \
		.n = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *) \
	}
#define ONE_RULE(...) .rules = (struct oci_seccomp_rule[]){ __VA_ARGS__ }, .rule_count = 1
#define ARGS(...)                                          \
	.args = (struct oci_seccomp_arg[]){ __VA_ARGS__ }, \
	.arg_count = sizeof((struct oci_seccomp_arg[]){ __VA_ARGS__ }) / sizeof(struct oci_seccomp_arg)

static uint32_t verdict_of(const struct seccomp_program *p, uint32_t arch, int nr, uint64_t a0, uint64_t a1,
			   uint64_t a2)
{
	struct seccomp_data d = { .nr = nr, .arch = arch, .args = { a0, a1, a2 } };

	return filter_run(buf_all(&p->bytes), &d);
}

static struct oci_seccomp_rule small_rules[] = {
	{ NAMES("read", "write", "no_such_call", "exit_group"), .action = "SCMP_ACT_ALLOW" },
	{ NAMES("personality"), .action = "SCMP_ACT_ALLOW", ARGS({ 0, 8, 0, "SCMP_CMP_EQ" }) },
	{ NAMES("personality"), .action = "SCMP_ACT_ALLOW", ARGS({ 0, 0, 0, "SCMP_CMP_EQ" }) },
	{ NAMES("kill"), .action = "SCMP_ACT_ALLOW", ARGS({ 0, 5, 0, "SCMP_CMP_GE" }, { 0, 2, 0, "SCMP_CMP_LT" }) },
	{ NAMES("dup"), .action = "SCMP_ACT_ALLOW", ARGS({ 0, 5, 0, "SCMP_CMP_GT" }, { 1, 7, 0, "SCMP_CMP_LE" }) },
	{ NAMES("mprotect"), .action = "SCMP_ACT_ALLOW", ARGS({ 2, 4, 0, "SCMP_CMP_MASKED_EQ" }) },
	{ NAMES("getpid"), .action = "SCMP_ACT_ALLOW", ARGS({ 0, 3, 0, "SCMP_CMP_NE" }) },
	{ NAMES("setuid"), .action = "SCMP_ACT_KILL" },
	{ NAMES("setgid"), .action = "SCMP_ACT_KILL_PROCESS" },
	{ NAMES("sync"), .action = "SCMP_ACT_TRAP" },
	{ NAMES("chroot"), .action = "SCMP_ACT_LOG" },
	{ NAMES("mount"), .action = "SCMP_ACT_TRACE", .errno_ret = { true, 7 } },
	{ NAMES("umount2"), .action = "SCMP_ACT_NOTIFY" },
	{ NAMES("acct"), .action = "SCMP_ACT_ERRNO", .errno_ret = { true, EIO } },
};
static const struct oci_seccomp small = {
	.set = true,
	.default_action = "SCMP_ACT_ERRNO",
	.rules = small_rules,
	.rule_count = ARRAY_LEN(small_rules),
};

TEST(actions_and_operators)
{
	static const struct {
		const char *name;
		int nr;
		uint64_t a0, a1, a2;
		uint32_t want;
	} rows[] = {
		{ "allowed", SYS_read, 0, 0, 0, SECCOMP_RET_ALLOW },
		{ "default errno is EPERM", SYS_close, 0, 0, 0, ERRNO(EPERM) },
		{ "newer than the profile", 9999, 0, 0, 0, ERRNO(ENOSYS) },
		{ "equal", SYS_personality, 8, 0, 0, SECCOMP_RET_ALLOW },
		{ "equal, second rule", SYS_personality, 0, 0, 0, SECCOMP_RET_ALLOW },
		{ "equal to neither", SYS_personality, 1, 0, 0, ERRNO(EPERM) },
		{ "equal in the low half only", SYS_personality, 1ull << 32 | 8, 0, 0, ERRNO(EPERM) },
		{ "an argument twice means or: first", SYS_kill, 9, 0, 0, SECCOMP_RET_ALLOW },
		{ "an argument twice means or: second", SYS_kill, 1, 0, 0, SECCOMP_RET_ALLOW },
		{ "an argument twice means or: neither", SYS_kill, 3, 0, 0, ERRNO(EPERM) },
		{ "two arguments: both", SYS_dup, 6, 7, 0, SECCOMP_RET_ALLOW },
		{ "two arguments: first fails", SYS_dup, 5, 7, 0, ERRNO(EPERM) },
		{ "two arguments: second fails", SYS_dup, 6, 8, 0, ERRNO(EPERM) },
		{ "masked", SYS_mprotect, 0, 0, 3, SECCOMP_RET_ALLOW },
		{ "masked, bit set", SYS_mprotect, 0, 0, 7, ERRNO(EPERM) },
		{ "not equal", SYS_getpid, 4, 0, 0, SECCOMP_RET_ALLOW },
		{ "not equal, equal", SYS_getpid, 3, 0, 0, ERRNO(EPERM) },
		{ "kill", SYS_setuid, 0, 0, 0, SECCOMP_RET_KILL_THREAD },
		{ "kill process", SYS_setgid, 0, 0, 0, SECCOMP_RET_KILL_PROCESS },
		{ "trap", SYS_sync, 0, 0, 0, SECCOMP_RET_TRAP },
		{ "log", SYS_chroot, 0, 0, 0, SECCOMP_RET_LOG },
		{ "trace", SYS_mount, 0, 0, 0, SECCOMP_RET_TRACE | 7 },
		{ "notify", SYS_umount2, 0, 0, 0, SECCOMP_RET_USER_NOTIF },
		{ "errno of the rule", SYS_acct, 0, 0, 0, ERRNO(EIO) },
	};
	struct seccomp_program p;
	struct err e = { 0 };

	row("compiles");
	if (!OK_ERR(seccomp_compile(&small, SECCOMP_AS_GIVEN, -1, &p, &e), &e))
		return;
	OK(p.notify);
	EQ_INT(p.flags, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		EQ_INT(verdict_of(&p, HERE, rows[i].nr, rows[i].a0, rows[i].a1, rows[i].a2), rows[i].want);
	}
	row("another architecture");
	EQ_INT(verdict_of(&p, AUDIT_ARCH_S390X, SYS_read, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	seccomp_program_done(&p);
}

TEST(what_is_refused)
{
	const struct {
		const char *want;
		struct oci_seccomp p;
	} rows[] = {
		{ "seccomp: unknown action SCMP_ACT_SING", { .default_action = "SCMP_ACT_SING" } },
		{ "seccomp: unknown action (none)", { .default_action = NULL } },
		{ "seccomp: SCMP_ACT_NOTIFY cannot be the default action", { .default_action = "SCMP_ACT_NOTIFY" } },
		{ "seccomp: unknown architecture SCMP_ARCH_Z80",
		  { .default_action = "SCMP_ACT_ALLOW", .architectures = NAMES("SCMP_ARCH_Z80") } },
		{ "seccomp: unknown architecture x86_64",
		  { .default_action = "SCMP_ACT_ALLOW", .architectures = NAMES("x86_64") } },
		{ "seccomp: unknown flag SECCOMP_FILTER_FLAG_FAST",
		  { .default_action = "SCMP_ACT_ALLOW", .flags = NAMES("SECCOMP_FILTER_FLAG_FAST") } },
		{ "seccomp: errnoRet 4096 is above 4095",
		  { .default_action = "SCMP_ACT_ERRNO", .default_errno = { true, 4096 } } },
		{ "seccomp: errnoRet does not go with SCMP_ACT_ALLOW",
		  { .default_action = "SCMP_ACT_ALLOW", .default_errno = { true, 1 } } },
		{ "seccomp: unknown operator SCMP_CMP_ALMOST",
		  { .default_action = "SCMP_ACT_ALLOW",
		    ONE_RULE({ NAMES("read"), .action = "SCMP_ACT_KILL", ARGS({ 0, 1, 0, "SCMP_CMP_ALMOST" }) }) } },
		{ "seccomp: argument index 6 is above 5",
		  { .default_action = "SCMP_ACT_ALLOW",
		    ONE_RULE({ NAMES("read"), .action = "SCMP_ACT_KILL", ARGS({ 6, 1, 0, "SCMP_CMP_EQ" }) }) } },
		{ "seccomp: SCMP_ACT_NOTIFY cannot be used for the write syscall",
		  { .default_action = "SCMP_ACT_ALLOW", ONE_RULE({ NAMES("write"), .action = "SCMP_ACT_NOTIFY" }) } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct oci_seccomp profile = rows[i].p;
		struct seccomp_program p;
		struct err e = { 0 };

		row("%s", rows[i].want);
		profile.set = true;
		EQ_INT(seccomp_compile(&profile, SECCOMP_AS_GIVEN, -1, &p, &e), -EBADMSG);
		EQ_Z(e.msg, rows[i].want);
	}
}

TEST(flags)
{
	struct oci_seccomp profile = { .set = true,
				       .default_action = "SCMP_ACT_ALLOW",
				       .flags = NAMES("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC",
						      "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") };
	struct seccomp_program p;
	struct err e = { 0 };

	OK_ERR(seccomp_compile(&profile, SECCOMP_AS_GIVEN, -1, &p, &e), &e);
	EQ_INT(p.flags, SECCOMP_FILTER_FLAG_LOG);
	EQ_INT(verdict_of(&p, HERE, 9999, 0, 0, 0), SECCOMP_RET_ALLOW); /* nothing is newer than "everything" */
	seccomp_program_done(&p);
}

TEST(architectures)
{
#if defined(__x86_64__)
	struct oci_seccomp profile = small;
	struct strings archs =
		NAMES("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_S390X");
	struct seccomp_program p;
	struct err e = { 0 };

	profile.architectures = archs;
	OK_ERR(seccomp_compile(&profile, SECCOMP_AS_GIVEN, -1, &p, &e), &e);
	EQ_INT(verdict_of(&p, AUDIT_ARCH_X86_64, SYS_read, 0, 0, 0), SECCOMP_RET_ALLOW);
	EQ_INT(verdict_of(&p, AUDIT_ARCH_I386, 3, 0, 0, 0), SECCOMP_RET_ALLOW);
	EQ_INT(verdict_of(&p, AUDIT_ARCH_I386, 6, 0, 0, 0), ERRNO(EPERM));
	EQ_INT(verdict_of(&p, AUDIT_ARCH_I386, 9999, 0, 0, 0), ERRNO(ENOSYS));
	EQ_INT(verdict_of(&p, AUDIT_ARCH_X86_64, 0x40000000, 0, 0, 0), SECCOMP_RET_ALLOW);
	EQ_INT(verdict_of(&p, AUDIT_ARCH_X86_64, 0x40000000 | 9999, 0, 0, 0), ERRNO(ENOSYS));
	EQ_INT(verdict_of(&p, AUDIT_ARCH_AARCH64, 63, 0, 0, 0), SECCOMP_RET_ALLOW);
	seccomp_program_done(&p);

	/* 32-bit programs: sockets behind one multiplexed call, arguments in memory. Strict leaves them out. */
	OK_ERR(seccomp_compile(&profile, SECCOMP_STRICT, -1, &p, &e), &e);
	EQ_INT(verdict_of(&p, AUDIT_ARCH_I386, 3, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	EQ_INT(verdict_of(&p, AUDIT_ARCH_X86_64, 0x40000000, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	seccomp_program_done(&p);
#else
	tap_absent("the architectures of an x86-64 machine");
#endif
}

/* What every strict container is refused, also by a profile that allows everything. */
static const struct {
	const char *name;
	int nr;
	uint64_t a0, a1, a2;
	uint32_t want;
} strict_rows[] = {
	{ "unshare user", SYS_unshare, CLONE_NEWUSER, 0, 0, ERRNO(EPERM) },
	{ "unshare user and net", SYS_unshare, CLONE_NEWUSER | CLONE_NEWNET, 0, 0, ERRNO(EPERM) },
	{ "unshare time", SYS_unshare, 0x80, 0, 0, ERRNO(EPERM) },
	{ "unshare files", SYS_unshare, CLONE_FILES | CLONE_FS, 0, 0, SECCOMP_RET_ALLOW },
	{ "clone user", SYS_clone, CLONE_NEWUSER | 17, 0, 0, ERRNO(EPERM) },
	{ "clone mount", SYS_clone, CLONE_NEWNS | 17, 0, 0, ERRNO(EPERM) },
	{ "clone, a thread", SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, 0, 0, SECCOMP_RET_ALLOW },
	{ "clone3", SYS_clone3, 0, 0, 0, ERRNO(ENOSYS) },
	{ "setns", SYS_setns, 3, 0, 0, ERRNO(EPERM) },
	{ "socket unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0, SECCOMP_RET_ALLOW },
	{ "socket inet", SYS_socket, AF_INET, SOCK_STREAM, 6, SECCOMP_RET_ALLOW },
	{ "socket inet6 icmp", SYS_socket, AF_INET6, SOCK_DGRAM, 58, SECCOMP_RET_ALLOW },
	{ "socket netlink route", SYS_socket, AF_NETLINK, SOCK_RAW, 0, SECCOMP_RET_ALLOW },
	{ "socket netlink netfilter", SYS_socket, AF_NETLINK, SOCK_RAW, 12, ERRNO(EPROTONOSUPPORT) },
	{ "socket netlink route in the low half", SYS_socket, AF_NETLINK, SOCK_RAW, 1ull << 32,
	  ERRNO(EPROTONOSUPPORT) },
	{ "socket packet", SYS_socket, AF_PACKET, SOCK_RAW, 0, ERRNO(EAFNOSUPPORT) },
	{ "socket packet, dirty high half", SYS_socket, 1ull << 32 | AF_PACKET, SOCK_RAW, 0, ERRNO(EAFNOSUPPORT) },
	{ "socket x25, dirty high half", SYS_socket, 1ull << 32 | 9, SOCK_RAW, 0, ERRNO(EAFNOSUPPORT) },
	{ "socket inet as packet", SYS_socket, AF_INET, SOCK_PACKET, 0, ERRNO(EAFNOSUPPORT) },
	{ "socket alg", SYS_socket, 38, SOCK_SEQPACKET, 0, ERRNO(EAFNOSUPPORT) },
	{ "socket vsock", SYS_socket, 40, SOCK_STREAM, 0, ERRNO(EAFNOSUPPORT) },
	{ "socket rxrpc", SYS_socket, 33, SOCK_DGRAM, 2, ERRNO(EAFNOSUPPORT) },
	{ "socket unspecified", SYS_socket, 0, 0, 0, ERRNO(EAFNOSUPPORT) },
	{ "socket sctp", SYS_socket, AF_INET, SOCK_STREAM, 132, ERRNO(EPROTONOSUPPORT) },
	{ "socket mptcp", SYS_socket, AF_INET6, SOCK_STREAM, 262, ERRNO(EPROTONOSUPPORT) },
	{ "socket dccp", SYS_socket, AF_INET, 6, 33, ERRNO(EPROTONOSUPPORT) },
	{ "socketpair unix", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, SECCOMP_RET_ALLOW },
	{ "socketpair tipc", SYS_socketpair, 30, SOCK_STREAM, 0, ERRNO(EAFNOSUPPORT) },
	{ "TCP_ULP", SYS_setsockopt, 3, 6, 31, ERRNO(EPERM) },
	{ "TCP_ULP, dirty high halves", SYS_setsockopt, 3, 1ull << 32 | 6, 7ull << 32 | 31, ERRNO(EPERM) },
	{ "UDP_ENCAP", SYS_setsockopt, 3, 17, 100, ERRNO(EPERM) },
	{ "TCP_NODELAY", SYS_setsockopt, 3, 6, 1, SECCOMP_RET_ALLOW },
	{ "TIOCSTI", SYS_ioctl, 0, 0x5412, 0, ERRNO(EPERM) },
	{ "TIOCSTI, dirty high half", SYS_ioctl, 0, 1ull << 40 | 0x5412, 0, ERRNO(EPERM) },
	{ "TIOCGWINSZ", SYS_ioctl, 0, 0x5413, 0, SECCOMP_RET_ALLOW },
	{ "io_uring_setup", SYS_io_uring_setup, 8, 0, 0, ERRNO(EPERM) },
	{ "bpf", SYS_bpf, 0, 0, 0, ERRNO(EPERM) },
	{ "userfaultfd", SYS_userfaultfd, 0, 0, 0, ERRNO(EPERM) },
	{ "perf_event_open", SYS_perf_event_open, 0, 0, 0, ERRNO(EPERM) },
	{ "mount", SYS_mount, 0, 0, 0, ERRNO(EPERM) },
	{ "fsopen", SYS_fsopen, 0, 0, 0, ERRNO(EPERM) },
	{ "open_tree_attr", 467, 0, 0, 0, ERRNO(EPERM) },
	{ "keyctl", SYS_keyctl, 0, 0, 0, ERRNO(EPERM) },
	{ "init_module", SYS_init_module, 0, 0, 0, ERRNO(EPERM) },
	{ "kexec_load", SYS_kexec_load, 0, 0, 0, ERRNO(EPERM) },
	{ "ptrace", SYS_ptrace, 0, 0, 0, ERRNO(EPERM) },
	{ "read", SYS_read, 0, 0, 0, SECCOMP_RET_ALLOW },
};

static void strict_table(const struct oci_seccomp *profile, const char *title)
{
	struct seccomp_program p;
	struct err e = { 0 };

	row("%s compiles", title);
	if (!OK_ERR(seccomp_compile(profile, SECCOMP_STRICT, -1, &p, &e), &e))
		return;
	for (size_t i = 0; i < ARRAY_LEN(strict_rows); i++) {
		row("%s: %s", title, strict_rows[i].name);
		EQ_INT(verdict_of(&p, HERE, strict_rows[i].nr, strict_rows[i].a0, strict_rows[i].a1, strict_rows[i].a2),
		       strict_rows[i].want);
	}
	seccomp_program_done(&p);
}

TEST(strict)
{
	static const struct oci_seccomp everything = { .set = true, .default_action = "SCMP_ACT_ALLOW" };
	static const struct oci_seccomp none = { 0 };

	strict_table(&everything, "a profile that allows everything");
	strict_table(&none, "no profile");
}

/* A profile's own refusals stay under strict; without strict and profile there is no filter. */
TEST(both_apply)
{
	static const struct oci_seccomp none = { 0 };
	struct seccomp_program p;
	struct err e = { 0 };

	OK_ERR(seccomp_compile(&small, SECCOMP_STRICT, -1, &p, &e), &e);
	EQ_INT(verdict_of(&p, HERE, SYS_close, 0, 0, 0), ERRNO(EPERM));
	EQ_INT(verdict_of(&p, HERE, SYS_read, 0, 0, 0), SECCOMP_RET_ALLOW);
	EQ_INT(verdict_of(&p, HERE, SYS_mount, 0, 0, 0),
	       ERRNO(EPERM)); /* the profile's TRACE would have let it through */
	seccomp_program_done(&p);

	OK_ERR(seccomp_compile(&none, SECCOMP_AS_GIVEN, -1, &p, &e), &e);
	EQ_INT(p.bytes.n, 0);
}

/* A tree must say what a list says. */
TEST(every_call_of_the_default_profile)
{
	static const struct oci_seccomp none = { 0 };
	const struct oci_seccomp *profile = strict_default_profile();
	struct seccomp_program p;
	struct err e = { 0 };
	unsigned int allowed = 0, refused = 0, missing = 0;

	OK_ERR(seccomp_compile(&none, SECCOMP_STRICT, -1, &p, &e), &e);
	for (int nr = 0; nr < 600; nr++) {
		uint32_t v = verdict_of(&p, HERE, nr, 1, 1, 0);

		allowed += v == SECCOMP_RET_ALLOW;
		refused += v == ERRNO(EPERM);
		missing += v == ERRNO(ENOSYS);
	}
	OK(profile->rule_count > 0);
	OK(allowed > 250 && allowed < 330);
	EQ_INT(allowed + refused + missing, 600);
	OK(p.bytes.n / sizeof(struct sock_filter) < 400); /* one test for each call made it 644 */
	printf("# default profile: %u allowed, %u refused, %zu instructions\n", allowed, refused,
	       p.bytes.n / sizeof(struct sock_filter));
	seccomp_program_done(&p);
}

/* Programs drawn by a fixed generator: loads of numbers and arguments, tests of few constants, jumps, verdicts. */

#define DRAWN_MAX 200
#define DRAWN_CONSTANTS 12

static uint32_t draw_constant(void)
{
	return draw(8) ? draw(DRAWN_CONSTANTS) : UINT32_MAX - draw(2);
}

static struct sock_filter draw_insn(size_t left)
{
	static const uint16_t tests[] = { BPF_JEQ, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	uint32_t near = left > 12 ? 12 : (uint32_t)left, yes, no;

	if (!left || !draw(8))
		return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | draw(3));
	if (!draw(6))
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, draw(3) ? 0 : 16);
	if (!draw(20))
		return (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, draw_constant());
	if (!draw(10))
		return (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, draw(near));
	yes = draw(near);
	no = draw(near);
	return (struct sock_filter)BPF_JUMP(BPF_JMP | tests[draw(ARRAY_LEN(tests))] | BPF_K, draw_constant(),
					    (uint8_t)yes, (uint8_t)no);
}

static bool same_verdicts(const struct buf *a, const struct buf *b)
{
	for (uint32_t nr = 0; nr < DRAWN_CONSTANTS + 4; nr++) {
		for (uint32_t arg = 0; arg < 4; arg++) {
			/* The numbers around every constant, the last ones too. */
			struct seccomp_data d = { .nr = (int)(nr < DRAWN_CONSTANTS + 1 ? nr
										       : 0u - (nr - DRAWN_CONSTANTS)),
						  .args = { arg * 5 } };

			if (filter_run(buf_all(a), &d) != filter_run(buf_all(b), &d))
				return false;
		}
	}
	return true;
}

static bool draw_and_shorten(size_t *ret_saved)
{
	auto_buf struct buf was = { 0 }, now = { 0 };
	size_t n = 1 + draw(DRAWN_MAX);
	bool ok;

	buf_init(&was, DRAWN_MAX * sizeof(struct sock_filter));
	buf_init(&now, DRAWN_MAX * sizeof(struct sock_filter));
	for (size_t i = 0; i < n; i++) {
		struct sock_filter f = draw_insn(n - i - 1);

		if (i == 0 && n > 1)
			f = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
		buf_add(&was, &f, sizeof(f));
	}
	buf_str(&now, buf_all(&was));
	filter_shorten(&now);
	ok = filter_check(buf_all(&was), NULL) == 0 && filter_check(buf_all(&now), NULL) == 0 && now.n <= was.n &&
	     same_verdicts(&was, &now);
	*ret_saved += was.n - now.n;
	return ok;
}

TEST(shorter_programs_say_the_same)
{
	size_t saved = 0;
	int i = 0;

	while (i < 20000 && draw_and_shorten(&saved))
		i++;
	EQ_INT(i, 20000);
	OK(saved / sizeof(struct sock_filter) > 100000);
}

/* What watch makes of a program: refusals become notifications, ENOSYS and verdicts of other kinds stay. */
TEST(watch)
{
	struct seccomp_program p;
	struct err e = { 0 };

	OK_ERR(seccomp_compile(&small, SECCOMP_STRICT, -1, &p, &e), &e);
	filter_watch(&p.bytes);
	OK_ERR(filter_check(buf_all(&p.bytes), &e), &e);
	EQ_INT(verdict_of(&p, HERE, SYS_close, 0, 0, 0), SECCOMP_RET_USER_NOTIF);
	EQ_INT(verdict_of(&p, HERE, SYS_bpf, 0, 0, 0), SECCOMP_RET_USER_NOTIF);
	EQ_INT(verdict_of(&p, HERE, SYS_clone3, 0, 0, 0), ERRNO(ENOSYS));
	EQ_INT(verdict_of(&p, HERE, SYS_setgid, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	EQ_INT(verdict_of(&p, HERE, SYS_read, 0, 0, 0), SECCOMP_RET_ALLOW);
	seccomp_program_done(&p);
}

TEST(programs_that_are_none)
{
	static const struct {
		const char *name;
		struct sock_filter f[2];
		size_t n;
	} rows[] = {
		{ "empty", { { 0 } }, 0 },
		{ "no verdict", { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) }, 1 },
		{ "a jump out", { BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ "a far jump", { BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ "a conditional jump out",
		  { BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0) },
		  2 },
		{ "a load past the call", { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ "an unaligned load", { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ "an instruction of others", { BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
	};
	struct sock_filter good = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		EQ_INT(filter_check(str_n(rows[i].f, rows[i].n * sizeof(struct sock_filter)), NULL), -EBADMSG);
	}
	row("half an instruction");
	EQ_INT(filter_check(str_n(&good, sizeof(good) / 2), NULL), -EBADMSG);
	row("one verdict");
	EQ_INT(filter_check(str_n(&good, sizeof(good)), NULL), 0);
}

/* The cache: its own directory, damaged and exchanged files. */

static int cache_dir(char path[64])
{
	snprintf(path, 64, "/tmp/yagura-seccomp-XXXXXX");
	return mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static unsigned int files_in(const char *path, char ret_name[64])
{
	unsigned int n = 0;
	DIR *d = opendir(path);

	for (struct dirent *f; d && (f = readdir(d));) {
		if (f->d_name[0] == '.')
			continue;
		snprintf(ret_name, 64, "%.63s", f->d_name);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

static bool gives_the_same(int dir, const struct seccomp_program *want)
{
	struct seccomp_program p;
	struct err e = { 0 };
	bool same;

	if (!OK_ERR(seccomp_compile(&small, SECCOMP_STRICT, dir, &p, &e), &e))
		return false;
	same = str_eq(buf_all(&p.bytes), buf_all(&want->bytes)) && p.flags == want->flags && p.notify == want->notify;
	seccomp_program_done(&p);
	return same;
}

TEST(cache)
{
	struct seccomp_program p;
	struct err e = { 0 };
	char path[64], name[64] = "";
	struct stat before, after;
	auto_close int dir = cache_dir(path);

	row("compiled once");
	OK(dir >= 0);
	OK_ERR(seccomp_compile(&small, SECCOMP_STRICT, dir, &p, &e), &e);
	EQ_INT(files_in(path, name), 1);
	OK(fstatat(dir, name, &before, 0) == 0);
	OK(gives_the_same(dir, &p));
	OK(fstatat(dir, name, &after, 0) == 0);
	EQ_INT(before.st_ino, after.st_ino);

	row("another strictness is another program");
	struct seccomp_program q;
	OK_ERR(seccomp_compile(&small, SECCOMP_AS_GIVEN, dir, &q, &e), &e);
	OK(!str_eq(buf_all(&p.bytes), buf_all(&q.bytes)));
	seccomp_program_done(&q);

	row("a byte changed");
	auto_close int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
	char c;
	OK(pread(fd, &c, 1, before.st_size - 20) == 1);
	c ^= 1;
	OK(pwrite(fd, &c, 1, before.st_size - 20) == 1);
	OK(gives_the_same(dir, &p));
	OK(fstatat(dir, name, &after, 0) == 0);
	OK(before.st_ino != after.st_ino || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec);

	row("cut");
	auto_close int cut = openat(dir, name, O_WRONLY | O_CLOEXEC);
	OK(ftruncate(cut, 30) == 0);
	OK(gives_the_same(dir, &p));

	row("writable by others");
	OK(fchmodat(dir, name, 0666, 0) == 0);
	OK(gives_the_same(dir, &p));
	OK(fstatat(dir, name, &after, 0) == 0);
	EQ_INT(after.st_mode & 022, 0);

	row("a link");
	OK(unlinkat(dir, name, 0) == 0);
	OK(symlinkat("/dev/null", dir, name) == 0);
	OK(gives_the_same(dir, &p));

	row("never more than so many");
	for (unsigned int i = 0; i < 2 * SECCOMP_CACHE_FILES; i++)
		seccomp_cache_put(dir, str_n(&i, sizeof(i)), &p);
	OK(files_in(path, name) <= SECCOMP_CACHE_FILES);
	for (unsigned int n = files_in(path, name); n; n = files_in(path, name))
		OK(unlinkat(dir, name, 0) == 0);
	rmdir(path);
	seccomp_program_done(&p);
}

/* The kernel has the last word: what it makes of the program in a child of its own. */

static int under_filter(const struct seccomp_program *p, int (*what)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct sock_fprog f = { .len = (unsigned short)(p->bytes.n / sizeof(struct sock_filter)),
					.filter = (struct sock_filter *)(void *)p->bytes.p };

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f) < 0)
			_exit(255);
		_exit(what());
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int errno_of(long r)
{
	return r < 0 ? errno : 0;
}
static int try_unshare(void)
{
	return errno_of(unshare(CLONE_NEWUSER));
}
static int try_packet(void)
{
	return errno_of(socket(AF_PACKET, SOCK_RAW, 0));
}
static int try_unix(void)
{
	return errno_of(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int try_clone3(void)
{
	return errno_of(syscall(SYS_clone3, NULL, 0));
}
static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

TEST(in_the_kernel)
{
	static const struct {
		const char *name;
		int (*what)(void);
		int want;
	} rows[] = {
		{ "unshare", try_unshare, EPERM }, { "AF_PACKET", try_packet, EAFNOSUPPORT },
		{ "AF_UNIX", try_unix, 0 },	   { "clone3", try_clone3, ENOSYS },
		{ "fork", try_fork, 0 },
	};
	static const struct oci_seccomp none = { 0 };
	struct seccomp_program p;
	struct err e = { 0 };

	row("compiles");
	OK_ERR(seccomp_compile(&none, SECCOMP_STRICT, -1, &p, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		EQ_INT(under_filter(&p, rows[i].what), rows[i].want);
	}
	seccomp_program_done(&p);
}
