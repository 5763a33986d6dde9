/* Two readers in one. A first byte of 0: the rest is a cached file. Otherwise the rest describes a profile: whatever
 * it says, the program is well formed, ends every call with a verdict, and strict refuses what strict refuses. */
#include <assert.h>
#include <sched.h>
#include <sys/syscall.h>

#include "base/rd.h"
#include "runtime/seccomp-cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libseccomp 2.5 loses parts of rules that meet others of the same call; its allocator is zmalloc. Ours lives for one
 * container. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:zmalloc\n";
}

#define RULES_MAX 12
#define ARGS_MAX 4

static const char *const names[] = { "read", "socket",	    "clone",	      "clone3",	       "unshare", "setsockopt",
				     "bpf",  "mount",	    "ioctl",	      "no_such",       "open",	  "socketcall",
				     "ipc",  "personality", "open_tree_attr", "io_uring_setup" };
static const char *const actions[] = { "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO",	  "SCMP_ACT_KILL",
				       "SCMP_ACT_LOG",	 "SCMP_ACT_TRACE",	  "SCMP_ACT_NOTIFY",
				       "SCMP_ACT_TRAP",	 "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_NONE" };
static const char *const operators[] = { "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	     "SCMP_CMP_EQ",
					 "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NONE" };
static const char *const archs[] = { "SCMP_ARCH_X86_64",  "SCMP_ARCH_X86", "SCMP_ARCH_X32",
				     "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_S390X" };
#define PICK(table, r) (table)[rd_u8(r) % ARRAY_LEN(table)]

struct made {
	struct oci_seccomp profile;
	struct oci_seccomp_rule rules[RULES_MAX];
	struct oci_seccomp_arg args[RULES_MAX][ARGS_MAX];
	const char *names[RULES_MAX][2], *archs[3];
};

static void make_rule(struct rd *r, struct made *m, size_t i)
{
	struct oci_seccomp_rule *rule = &m->rules[i];

	m->names[i][0] = PICK(names, r);
	m->names[i][1] = PICK(names, r);
	rule->names = (struct strings){ m->names[i], 2 };
	rule->action = PICK(actions, r);
	rule->args = m->args[i];
	rule->arg_count = rd_u8(r) % (ARGS_MAX + 1);
	for (size_t k = 0; k < rule->arg_count; k++) {
		m->args[i][k].index = rd_u8(r) % 7;
		m->args[i][k].op = PICK(operators, r);
		m->args[i][k].value = rd_le64(r);
		m->args[i][k].value_two = rd_u8(r);
	}
}

static void make_profile(struct rd *r, struct made *m)
{
	m->profile = (struct oci_seccomp){ .set = true, .rules = m->rules, .default_action = PICK(actions, r) };
	m->profile.architectures = (struct strings){ m->archs, rd_u8(r) % (ARRAY_LEN(m->archs) + 1) };
	for (size_t i = 0; i < ARRAY_LEN(m->archs); i++)
		m->archs[i] = PICK(archs, r);
	m->profile.rule_count = rd_u8(r) % (RULES_MAX + 1);
	for (size_t i = 0; i < m->profile.rule_count; i++)
		make_rule(r, m, i);
}

static bool refuses(const struct seccomp_program *p, int nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data d = { .nr = nr, .arch = 0xc000003e, .args = { a0, a1, a2 } }; /* x86-64 */
	uint32_t v = filter_run(buf_all(&p->bytes), &d) & SECCOMP_RET_ACTION_FULL;

	return v == SECCOMP_RET_ERRNO || v == SECCOMP_RET_KILL_PROCESS;
}

static void check_strict(const struct made *m)
{
	struct seccomp_program p;

	if (seccomp_compile(&m->profile, SECCOMP_STRICT, -1, &p, NULL) < 0)
		return;
	assert(refuses(&p, SYS_unshare, CLONE_NEWUSER, 0, 0));
	assert(refuses(&p, SYS_clone, CLONE_NEWUSER | CLONE_NEWNET, 0, 0));
	assert(refuses(&p, SYS_clone3, 0, 0, 0));
	assert(refuses(&p, SYS_socket, 17, 3, 0));
	assert(refuses(&p, SYS_socket, 16, 3, 12));
	assert(refuses(&p, SYS_setsockopt, 3, 6, 31));
	assert(refuses(&p, SYS_bpf, 0, 0, 0));
	assert(refuses(&p, 467, 0, 0, 0));
	seccomp_program_done(&p);
}

static void check_cached(struct rd *r)
{
	struct seccomp_program p;
	const struct str key = STR("key");

	if (seccomp_cache_parse(str_n(r->at, rd_left(r)), key, &p)) {
		assert(filter_check(buf_all(&p.bytes), NULL) == 0);
		seccomp_program_done(&p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(str_n(data, size));
	struct made m = { 0 };
	struct seccomp_program p;

	if (rd_u8(&r) == 0) {
		check_cached(&r);
		return 0;
	}
	make_profile(&r, &m);
	if (seccomp_compile(&m.profile, SECCOMP_AS_GIVEN, -1, &p, NULL) < 0)
		return 0;
	for (int nr = -1; nr < 500; nr += 7) {
		struct seccomp_data d = { .nr = nr, .arch = 0xc000003e, .args = { (uint64_t)nr, size, 3 } };

		(void)filter_run(buf_all(&p.bytes), &d);
	}
	seccomp_program_done(&p);
	check_strict(&m);
	return 0;
}
