/* audit: see audit.h. */
#include "node/init/audit.h"

#include <linux/audit.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define FIELDS_MAX 8

struct field {
	uint32_t field, op, value;
};

/* What is watched: programs that start, sockets of unusual families, and what changes mounts, time or names. With
 * audit records of IMA (its policy) every file that is executed is there with its digest. */
static const struct rule {
	const char *key;
	int calls[8]; /* 0 ends: read(2) is not watched */
	struct field fields[FIELDS_MAX];
	size_t field_count;
} rules[] = {
	{ "exec", { SYS_execve, SYS_execveat }, { { AUDIT_ARCH, AUDIT_EQUAL, AUDIT_ARCH_X86_64 } }, 1 },
	{ "socket",
	  { SYS_socket },
	  { { AUDIT_ARCH, AUDIT_EQUAL, AUDIT_ARCH_X86_64 },
	    { AUDIT_ARG0, AUDIT_NOT_EQUAL, AF_UNSPEC },
	    { AUDIT_ARG0, AUDIT_NOT_EQUAL, AF_UNIX },
	    { AUDIT_ARG0, AUDIT_NOT_EQUAL, AF_INET },
	    { AUDIT_ARG0, AUDIT_NOT_EQUAL, AF_INET6 },
	    { AUDIT_ARG0, AUDIT_NOT_EQUAL, AF_NETLINK },
	    { AUDIT_ARG0, AUDIT_NOT_EQUAL, AF_PACKET } },
	  7 },
	{ "kernel",
	  { SYS_init_module, SYS_finit_module, SYS_kexec_load, SYS_kexec_file_load, SYS_bpf, SYS_ptrace },
	  { { AUDIT_ARCH, AUDIT_EQUAL, AUDIT_ARCH_X86_64 } },
	  1 },
	{ "time",
	  { SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime },
	  { { AUDIT_ARCH, AUDIT_EQUAL, AUDIT_ARCH_X86_64 } },
	  1 },
};

static const struct {
	uint16_t type;
	const char *name;
} names[] = {
	{ AUDIT_SYSCALL, "SYSCALL" },
	{ AUDIT_PATH, "PATH" },
	{ AUDIT_CONFIG_CHANGE, "CONFIG_CHANGE" },
	{ AUDIT_SOCKADDR, "SOCKADDR" },
	{ AUDIT_CWD, "CWD" },
	{ AUDIT_EXECVE, "EXECVE" },
	{ AUDIT_EOE, "EOE" },
	{ AUDIT_SECCOMP, "SECCOMP" },
	{ AUDIT_PROCTITLE, "PROCTITLE" },
	{ AUDIT_AVC, "AVC" },
	{ AUDIT_ANOM_ABEND, "ANOM_ABEND" },
	{ AUDIT_INTEGRITY_RULE, "INTEGRITY_RULE" },
	{ AUDIT_INTEGRITY_DATA, "INTEGRITY_DATA" },
	{ AUDIT_INTEGRITY_STATUS, "INTEGRITY_STATUS" },
	{ AUDIT_KERNEL, "KERNEL" },
	{ AUDIT_NETFILTER_CFG, "NETFILTER_CFG" },
	{ AUDIT_BPF, "BPF" },
	{ 1420, "IPE_ACCESS" },
	{ 1421, "IPE_CONFIG_CHANGE" },
	{ 1422, "IPE_POLICY_LOAD" },
};

bool audit_rule(size_t i, struct buf *b)
{
	struct audit_rule_data d = { .flags = AUDIT_FILTER_EXIT, .action = AUDIT_ALWAYS };
	size_t n;

	if (i >= ARRAY_LEN(rules))
		return false;
	n = rules[i].field_count;
	for (size_t c = 0; c < ARRAY_LEN(rules[i].calls) && rules[i].calls[c]; c++)
		d.mask[rules[i].calls[c] / 32] |= 1u << rules[i].calls[c] % 32;
	for (size_t f = 0; f < n; f++) {
		d.fields[f] = rules[i].fields[f].field;
		d.fieldflags[f] = rules[i].fields[f].op;
		d.values[f] = rules[i].fields[f].value;
	}
	d.fields[n] = AUDIT_FILTERKEY;
	d.fieldflags[n] = AUDIT_EQUAL;
	d.values[n] = d.buflen = (uint32_t)strlen(rules[i].key);
	d.field_count = (uint32_t)n + 1;
	buf_add(b, &d, sizeof(d));
	buf_str(b, str_c(rules[i].key));
	return true;
}

void audit_wish_write(struct buf *b, const struct audit_wish *w)
{
	struct audit_status s = { .mask = w->mask,
				  .enabled = w->enabled,
				  .pid = w->pid,
				  .rate_limit = w->rate,
				  .backlog_limit = w->backlog,
				  .failure = w->failure };

	buf_add(b, &s, sizeof(s));
}

int audit_next(struct str *rest, struct audit_record *ret)
{
	struct nlmsghdr h;
	struct str body;

	if (!rest->n)
		return 0;
	if (rest->n < sizeof(h))
		return -EBADMSG;
	memcpy(&h, rest->p, sizeof(h));
	/* The kernel writes the length of the text alone into records; so what there is counts (audit.c,
	 * audit_log_end). */
	body = str_from(*rest, NLMSG_HDRLEN);
	if (h.nlmsg_len >= NLMSG_HDRLEN && h.nlmsg_type < AUDIT_FIRST_USER_MSG)
		body = str_head(body, h.nlmsg_len - NLMSG_HDRLEN);
	*ret = (struct audit_record){ h.nlmsg_type, str_head(body, AUDIT_TEXT_MAX) };
	*rest = str_n(rest->p + rest->n, 0);
	return 1;
}

void audit_line(struct buf *b, const struct audit_record *r)
{
	struct str text = str_trim(r->text);
	const char *name = NULL;
	size_t begin;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].type == r->type)
			name = names[i].name;
	if (name)
		buf_fmt(b, "%s ", name);
	else
		buf_fmt(b, "%u ", r->type);
	begin = b->n;
	buf_str(b, str_head(text, strnlen(text.p, text.n)));
	str_tame(b->p + begin, b->n - begin);
}
