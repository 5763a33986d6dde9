/* cgroup-device: rule lists against what v1 is told, and v2's program against the same list by a reading of our own. */
#include "runtime/cgroup-device.h"

#include <fcntl.h>
#include <unistd.h>

#include "runtime/bpf.h"
#include "tap.h"

#define ALL                                          \
	{                                            \
		false, 'a', -1, -1, true, true, true \
	}
#define ALLOW_ALL                                   \
	{                                           \
		true, 'a', -1, -1, true, true, true \
	}
#define DEFAULTS "b *:* m;c *:* m;c 1:3 rwm;c 1:5 rwm;c 1:7 rwm;c 1:8 rwm;c 1:9 rwm;c 136:* rwm;c 5:0 rwm;c 5:2 rwm;"

static const struct {
	const char *name;
	struct oci_device_rule rules[6];
	size_t n;
	const char *want; /* v1's exceptions, sorted; NULL: it cannot say it */
} sets[] = {
	{ "nothing asked", { ALL }, 0, DEFAULTS },
	{ "deny all", { ALL }, 1, DEFAULTS },
	{ "one allowed", { ALL, { true, 'c', 10, 229, true, true, false } }, 2, "c 10:229 rw;" DEFAULTS },
	{ "allowed and denied again",
	  { ALL, { true, 'c', 10, 229, true, true, false }, { false, 'c', 10, 229, false, true, false } },
	  3,
	  "c 10:229 r;" DEFAULTS },
	{ "deny all wins over what came before", { { true, 'b', 8, 0, true, true, true }, ALL }, 2, DEFAULTS },
	{ "a without everything is b and c",
	  { { true, 'a', 10, 1, true, false, false } },
	  1,
	  "b 10:1 r;c 10:1 r;" DEFAULTS },
	{ "a wildcard takes back",
	  { { true, 'c', 10, 1, true, true, true }, { false, 'c', 10, -1, true, true, true } },
	  2,
	  DEFAULTS },
	{ "a hole in a wildcard",
	  { { true, 'c', 10, -1, true, true, true }, { false, 'c', 10, 1, true, true, true } },
	  2,
	  NULL },
	{ "kinds of access that do not meet",
	  { { true, 'c', 10, -1, true, false, false }, { false, 'c', 10, 1, false, true, false } },
	  2,
	  "c 10:* r;" DEFAULTS },
	{ "a rule without access", { { true, 'c', 10, 1, false, false, false } }, 1, DEFAULTS },
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sorted_text(const struct device_set *s, struct buf *out)
{
	static char text[DEVICE_RULES_MAX][DEVICE_TEXT_MAX];
	const char *v[DEVICE_RULES_MAX];

	for (size_t i = 0; i < s->n; i++)
		v[i] = device_text(&s->exception[i], text[i]);
	qsort(v, s->n, sizeof(*v), by_text);
	for (size_t i = 0; i < s->n; i++)
		buf_fmt(out, "%s;", v[i]);
}

static void sort_want(const char *want, struct buf *out)
{
	const char *v[64];
	static char text[64][DEVICE_TEXT_MAX];
	struct str rest = str_c(want);
	size_t n = 0;

	for (struct str part; str_cut(&rest, ';', &part);)
		if (part.n) {
			snprintf(text[n], sizeof(text[n]), STR_FMT, STR_ARG(part));
			v[n] = text[n];
			n++;
		}
	qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++)
		buf_fmt(out, "%s;", v[i]);
}

TEST(v1_sets)
{
	static struct device_set s;

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		auto_buf struct buf got = { 0 }, want = { 0 };
		struct err e = { 0 };
		int r = device_set(sets[i].rules, sets[i].n, &s, &e);

		row("%s", sets[i].name);
		EQ_INT(r, sets[i].want ? 0 : -ENOTSUP);
		if (!sets[i].want)
			continue;
		OK(!s.allow);
		buf_init(&got, 4096);
		buf_init(&want, 4096);
		sorted_text(&s, &got);
		sort_want(sets[i].want, &want);
		EQ_STR(buf_all(&got), buf_all(&want));
	}
}

/* Runs a program of the few instructions that are used. */
static uint64_t run_program(const struct bpf_insn *v, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = { 0 };

	for (size_t at = 0; at < n; at++) {
		struct bpf_insn i = v[at];
		uint64_t imm = (uint64_t)(int64_t)i.imm;

		switch (i.code) {
		case BPF_LDX | BPF_MEM | BPF_W: {
			uint32_t w;

			memcpy(&w, (const char *)ctx + i.off, sizeof(w));
			reg[i.dst_reg] = w;
			break;
		}
		case BPF_ALU64 | BPF_MOV | BPF_X:
			reg[i.dst_reg] = reg[i.src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			reg[i.dst_reg] = imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			reg[i.dst_reg] &= imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			reg[i.dst_reg] >>= imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			at += reg[i.dst_reg] != imm ? (size_t)i.off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += reg[i.dst_reg] == imm ? (size_t)i.off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0];
		default:
			OK(i.code == 0); /* an instruction that is not known */
			return 99;
		}
	}
	OK(n == 0); /* it runs off its end */
	return 99;
}

static const struct {
	const char *name;
	struct oci_device_rule rules[3];
	size_t n;
	char type;
	uint32_t major, minor;
	const char *access;
	bool allowed;
} asks[] = {
	{ "null is always there", { ALL }, 1, 'c', 1, 3, "rw", true },
	{ "a disk is not", { ALL }, 0, 'b', 8, 0, "r", false },
	{ "nor to make and open", { ALL }, 0, 'b', 8, 0, "rm", false },
	{ "but a node of it", { ALL }, 0, 'b', 8, 0, "m", true },
	{ "allowed to read", { ALL, { true, 'b', 8, 0, true, false, false } }, 2, 'b', 8, 0, "r", true },
	{ "not to write", { ALL, { true, 'b', 8, 0, true, false, false } }, 2, 'b', 8, 0, "rw", false },
	{ "another minor", { ALL, { true, 'b', 8, 0, true, false, false } }, 2, 'b', 8, 1, "r", false },
	{ "another kind", { ALL, { true, 'b', 8, 0, true, false, false } }, 2, 'c', 8, 0, "r", false },
	{ "everything", { ALLOW_ALL }, 1, 'b', 8, 1, "rwm", true },
	{ "a hole in everything", { ALLOW_ALL, { false, 'b', 8, 1, false, true, false } }, 2, 'b', 8, 1, "rw", false },
	{ "beside the hole", { ALLOW_ALL, { false, 'b', 8, 1, false, true, false } }, 2, 'b', 8, 1, "r", true },
	{ "halves of two rules",
	  { { true, 'b', 8, -1, true, false, false }, { true, 'b', -1, 1, false, true, false } },
	  2,
	  'b',
	  8,
	  1,
	  "rw",
	  true },
	{ "a type of both", { { true, 'a', 8, 1, true, false, false } }, 1, 'c', 8, 1, "r", true },
};

TEST(v2_program)
{
	static struct bpf_insn insns[DEVICE_INSNS_MAX];

	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		struct err e = { 0 };
		int n = device_program(asks[i].rules, asks[i].n, insns, &e);
		uint32_t bits = (strchr(asks[i].access, 'r') ? BPF_DEVCG_ACC_READ : 0) |
				(strchr(asks[i].access, 'w') ? BPF_DEVCG_ACC_WRITE : 0) |
				(strchr(asks[i].access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0);
		struct bpf_cgroup_dev_ctx ctx = { bits << 16 | (asks[i].type == 'b' ? BPF_DEVCG_DEV_BLOCK
										    : BPF_DEVCG_DEV_CHAR),
						  asks[i].major, asks[i].minor };

		row("%s", asks[i].name);
		OK_ERR(n, &e);
		EQ_INT(run_program(insns, (size_t)n, &ctx), asks[i].allowed);
		if (!geteuid()) {
			int fd = bpf_load(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, "unit", insns, (size_t)n, &e);

			OK_ERR(fd, &e);
			close(fd);
		}
	}
}

TEST(too_many)
{
	static struct oci_device_rule many[DEVICE_RULES_MAX + 1];
	static struct device_set s;
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (struct oci_device_rule){ true, 'c', 10, (int64_t)i, true, false, false };
	EQ_INT(device_set(many, ARRAY_LEN(many), &s, &e), -E2BIG);
	OK_ERR(device_set(many, 1000, &s, &e), &e);
	EQ_INT(s.n, 1010);
}
