/* call: system calls as people read them. See call.h. */
#include "runtime/call.h"

#include <sys/syscall.h>

#include "runtime/seccomp.h"

#define ARG(n) (1u << (n))
#define FIRST_BITS 32
#define PLAIN_MAX 9999 /* above: flags and requests, which people know in hexadecimal */

static const struct call_facts facts[] = {
	{ SYS_socket, ARG(0) | ARG(2), 0 },
	{ SYS_socketpair, ARG(0), 0 },
	{ SYS_setsockopt, ARG(1) | ARG(2), 0 },
	{ SYS_ioctl, ARG(1), 0 },
	{ SYS_clone, ARG(0), 0 },
	{ SYS_unshare, ARG(0), 0 },
	{ SYS_setns, ARG(1), 0 },
	{ SYS_personality, ARG(0), 0 },
	{ SYS_prctl, ARG(0), 0 },
	{ SYS_bpf, ARG(0), 0 },
	{ SYS_keyctl, ARG(0), 0 },
	{ SYS_ptrace, ARG(0), 0 },
	{ SYS_mount, 0, 2 },
	{ SYS_umount2, 0, 1 },
	{ SYS_pivot_root, 0, 1 },
	{ SYS_chroot, 0, 1 },
	{ SYS_swapon, 0, 1 },
	{ SYS_acct, 0, 1 },
	{ SYS_open_tree, 0, 2 },
	{ SYS_move_mount, 0, 2 },
	{ SYS_fsopen, 0, 1 },
	{ SYS_mount_setattr, 0, 2 },
#ifdef SYS_uselib
	{ SYS_uselib, 0, 1 },
#endif
};

/* Socket families that people ask for (linux/socket.h). */
static const struct {
	uint32_t family;
	const char *name;
} families[] = {
	{ 1, "AF_UNIX" },    { 2, "AF_INET" }, { 10, "AF_INET6" }, { 15, "AF_KEY" },  { 16, "AF_NETLINK" },
	{ 17, "AF_PACKET" }, { 21, "AF_RDS" }, { 29, "AF_CAN" },   { 30, "AF_TIPC" }, { 31, "AF_BLUETOOTH" },
	{ 33, "AF_RXRPC" },  { 38, "AF_ALG" }, { 40, "AF_VSOCK" }, { 41, "AF_KCM" },  { 42, "AF_QIPCRTR" },
	{ 43, "AF_SMC" },    { 44, "AF_XDP" },
};

const struct call_facts *call_facts(int nr)
{
	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		if (facts[i].nr == nr)
			return &facts[i];
	}
	return NULL;
}

uint64_t call_detail(const struct call_facts *f, const struct seccomp_data *d)
{
	uint64_t detail = 0;
	unsigned int shift = 0;

	for (unsigned int i = 0; i < ARRAY_LEN(d->args); i++) {
		if (!(f->args & ARG(i)))
			continue;
		detail |= (uint64_t)(uint32_t)d->args[i] << shift;
		shift += FIRST_BITS;
	}
	return detail;
}

static void add_first(struct buf *b, int nr, uint32_t value)
{
	for (size_t i = 0; (nr == SYS_socket || nr == SYS_socketpair) && i < ARRAY_LEN(families); i++) {
		if (families[i].family == value) {
			buf_str(b, str_c(families[i].name));
			return;
		}
	}
	buf_fmt(b, value > PLAIN_MAX ? "%#x" : "%u", value);
}

void call_text(int nr, uint64_t detail, struct buf *ret)
{
	const struct call_facts *f = call_facts(nr);
	char name[SECCOMP_CALL_NAME_MAX];

	buf_str(ret, str_c(seccomp_call_name(nr, name)));
	if (!f || !f->args)
		return;
	buf_char(ret, '(');
	add_first(ret, nr, (uint32_t)detail);
	if (f->args & (f->args - 1))
		buf_fmt(ret, ", %u", (uint32_t)(detail >> FIRST_BITS));
	buf_char(ret, ')');
}
