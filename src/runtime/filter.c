/* filter: seccomp programs as data. See filter.h. */
#include "runtime/filter.h"

#define INSN_BYTES sizeof(struct sock_filter)

static size_t count_of(struct str program)
{
	return program.n / INSN_BYTES;
}

static struct sock_filter insn_at(struct str program, size_t i)
{
	struct sock_filter f;

	memcpy(&f, program.p + i * INSN_BYTES, sizeof(f)); /* cached bytes are not aligned */
	return f;
}

/* The distance of the farthest jump an instruction makes; SIZE_MAX for an instruction that is not ours. */
static size_t reach_of(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return f->k % 4 == 0 && f->k < sizeof(struct seccomp_data) ? 0 : SIZE_MAX;
	case BPF_ALU | BPF_AND | BPF_K:
	case BPF_RET | BPF_K:
		return 0;
	case BPF_JMP | BPF_JA:
		return f->k;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		return f->jt > f->jf ? f->jt : f->jf;
	default:
		return SIZE_MAX;
	}
}

int filter_check(struct str program, struct err *e)
{
	size_t n = count_of(program);
	struct sock_filter last;

	if (!n || n > FILTER_INSNS_MAX || program.n % INSN_BYTES)
		return err_set(e, -EBADMSG, "filter: %zu bytes are no program", program.n);
	for (size_t i = 0; i < n; i++) {
		struct sock_filter f = insn_at(program, i);
		size_t reach = reach_of(&f);

		if (reach == SIZE_MAX || reach >= n - i - (i + 1 < n))
			return err_set(e, -EBADMSG, "filter: bad instruction %zu", i);
	}
	last = insn_at(program, n - 1);
	if (last.code != (BPF_RET | BPF_K))
		return err_set(e, -EBADMSG, "filter: the last instruction is no verdict");
	return 0;
}

static bool test(const struct sock_filter *f, uint32_t a)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return a == f->k;
	case BPF_JGT:
		return a > f->k;
	case BPF_JGE:
		return a >= f->k;
	default:
		return (a & f->k) != 0;
	}
}

uint32_t filter_run(struct str program, const struct seccomp_data *call)
{
	uint32_t a = 0;

	for (size_t i = 0; i < count_of(program); i++) {
		struct sock_filter f = insn_at(program, i);

		switch (f.code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)call + f.k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f.k;
			break;
		case BPF_RET | BPF_K:
			return f.k;
		case BPF_JMP | BPF_JA:
			i += f.k;
			break;
		default:
			i += test(&f, a) ? f.jt : f.jf;
		}
	}
	return SECCOMP_RET_KILL_PROCESS; /* a checked program does not get here */
}

int filter_join(struct str first, struct str second, struct buf *ret, struct err *e)
{
	size_t n = count_of(first);
	struct buf b;

	buf_init(&b, FILTER_INSNS_MAX * INSN_BYTES);
	for (size_t i = 0; i < n; i++) {
		struct sock_filter f = insn_at(first, i);

		if (f.code == (BPF_RET | BPF_K) && f.k == SECCOMP_RET_ALLOW)
			f = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(n - i - 1));
		buf_add(&b, &f, sizeof(f));
	}
	buf_str(&b, second);
	if (buf_finish(&b) < 0) {
		buf_done(&b);
		return err_set(e, -E2BIG, "seccomp: more than %d instructions", FILTER_INSNS_MAX);
	}
	*ret = b;
	return 0;
}

static bool is_denial(uint32_t verdict)
{
	return (verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO && (verdict & SECCOMP_RET_DATA) != ENOSYS;
}

static bool is_allowed(uint32_t verdict)
{
	return verdict == SECCOMP_RET_ALLOW;
}

static void notify_when(struct buf *program, bool (*when)(uint32_t verdict))
{
	for (size_t i = 0; i + INSN_BYTES <= program->n; i += INSN_BYTES) {
		struct sock_filter f;

		memcpy(&f, program->p + i, sizeof(f));
		if (f.code != (BPF_RET | BPF_K) || !when(f.k))
			continue;
		f.k = SECCOMP_RET_USER_NOTIF;
		memcpy(program->p + i, &f, sizeof(f));
	}
}

void filter_watch(struct buf *program)
{
	notify_when(program, is_denial);
}

void filter_record(struct buf *program)
{
	notify_when(program, is_allowed);
}
