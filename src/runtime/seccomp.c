/* seccomp: from a profile to a filter program. See seccomp.h. The only file that knows libseccomp. */
#include "runtime/seccomp.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/seccomp-cache.h"
#include "runtime/strict.h"

#define COMPILER_VERSION 2    /* part of every cache key: raise it with any change of what is emitted */
#define API_LEVEL 6	      /* of libseccomp: what 2.5 has; asking the kernel instead would cost calls */
#define CALL_ARGS 6	      /* of a system call */
#define ERRNO_MAX 4095	      /* MAX_ERRNO of the kernel */
#define RULES_ADDED_MAX 65536 /* names times conditions of one profile: bounds the compiler's time */
#define X32_BIT 0x40000000u
#define KEY_BYTES_MAX (256u << 10) /* longer profiles are compiled each time */

void seccomp_program_done(struct seccomp_program *p)
{
	buf_done(&p->bytes);
}

/* Names of the specification (config-linux.md) and what they mean here. */

struct word {
	const char *name;
	uint32_t value;
};

static const struct word actions[] = {
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },
};

static const struct word operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

#define FLAG_WAIT_KILLABLE_RECV (1u << 5) /* newer than Debian 12's header */

static const struct word flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", 0 }, /* there is one thread when the filter is loaded */
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", FLAG_WAIT_KILLABLE_RECV },
};

static int word_value(const struct word *words, size_t n, const char *name, const char *what, uint32_t *ret,
		      struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (name && str_is(str_c(words[i].name), name)) {
			*ret = words[i].value;
			return 0;
		}
	}
	return err_set(e, -EBADMSG, "seccomp: unknown %s %s", what, name ? name : "(none)");
}
#define WORD(table, name, what, ret, e) word_value(table, ARRAY_LEN(table), name, what, ret, e)

static int action_of(const char *name, struct opt_u64 errno_ret, uint32_t *ret, struct err *e)
{
	uint32_t action;
	int r = WORD(actions, name, "action", &action, e);

	if (r < 0)
		return r;
	if (action == SCMP_ACT_ERRNO(0) || action == SCMP_ACT_TRACE(0)) {
		if (errno_ret.set && errno_ret.v > ERRNO_MAX)
			return err_set(e, -EBADMSG, "seccomp: errnoRet %llu is above %d",
				       (unsigned long long)errno_ret.v, ERRNO_MAX);
		action |= errno_ret.set ? (uint32_t)errno_ret.v : EPERM;
	} else if (errno_ret.set) {
		return err_set(e, -EBADMSG, "seccomp: errnoRet does not go with %s", name);
	}
	*ret = action;
	return 0;
}

/* "SCMP_ARCH_X86_64" is the library's "x86_64". */
static int arch_of(const char *name, uint32_t *ret, struct err *e)
{
	const struct str head = STR("SCMP_ARCH_");
	struct str tail = str_from(str_c(name), head.n);
	char lower[32] = "";

	if (str_starts(str_c(name), head) && tail.n < sizeof(lower)) {
		for (size_t i = 0; i < tail.n; i++)
			lower[i] = to_lower(tail.p[i]);
		*ret = str_is(str_c(lower), "native") ? seccomp_arch_native() : seccomp_arch_resolve_name(lower);
		if (*ret)
			return 0;
	}
	return err_set(e, -EBADMSG, "seccomp: unknown architecture %s", name);
}

/* Calls newer than libseccomp 2.5.4. Since 424 a call has the same number on every architecture
 * (include/uapi/asm-generic/ unistd.h); i386, x86-64 and arm64 are meant here. */
static const struct word newer_calls[] = {
	{ "cachestat", 451 },	      { "fchmodat2", 452 },	   { "map_shadow_stack", 453 },
	{ "futex_wake", 454 },	      { "futex_wait", 455 },	   { "futex_requeue", 456 },
	{ "statmount", 457 },	      { "listmount", 458 },	   { "lsm_get_self_attr", 459 },
	{ "lsm_set_self_attr", 460 }, { "lsm_list_modules", 461 }, { "mseal", 462 },
	{ "setxattrat", 463 },	      { "getxattrat", 464 },	   { "listxattrat", 465 },
	{ "removexattrat", 466 },     { "open_tree_attr", 467 },   { "file_getattr", 468 },
	{ "file_setattr", 469 },
};

/* A call's number, __NR_SCMP_ERROR when nobody knows it. The library maps numbers to other architectures by its own
 * names, so that the newer ones only go into a filter for this machine's alone: profiles that list no other. */
static int call_number(const char *name, uint32_t arch, const struct oci_seccomp *p)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	if (nr != __NR_SCMP_ERROR || p->architectures.n)
		return nr;
	for (size_t i = 0; i < ARRAY_LEN(newer_calls); i++) {
		if (str_is(str_c(newer_calls[i].name), name))
			return (int)newer_calls[i].value;
	}
	return nr;
}

char *seccomp_call_name(int nr, char ret[SECCOMP_CALL_NAME_MAX])
{
	char *known = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), nr);

	const char *name = known;

	for (size_t i = 0; !name && i < ARRAY_LEN(newer_calls); i++) {
		if ((int)newer_calls[i].value == nr)
			name = newer_calls[i].name;
	}
	if (name)
		snprintf(ret, SECCOMP_CALL_NAME_MAX, "%s", name);
	else
		snprintf(ret, SECCOMP_CALL_NAME_MAX, "%d", nr);
	free(known);
	return ret;
}

/* One filter being built. */
struct compile {
	const struct oci_seccomp *profile;
	scmp_filter_ctx ctx;
	uint32_t default_action;
	bool notify;
	unsigned int added;
	struct err *e;
};

static void compile_done(struct compile *c)
{
	if (c->ctx)
		seccomp_release(c->ctx);
}

static int rule_add(struct compile *c, uint32_t action, int nr, const struct scmp_arg_cmp *args, unsigned int n)
{
	int r;

	if (++c->added > RULES_ADDED_MAX)
		return err_set(c->e, -E2BIG, "seccomp: more than %d rules", RULES_ADDED_MAX);
	r = seccomp_rule_add_array(c->ctx, action, nr, n, args);
	if (r == 0 || r == -EEXIST) /* said twice; the first one counts, as in runc */
		return 0;
	return err_errno(c->e, r, "seccomp: rule for system call %d", nr);
}

static int args_of(const struct oci_seccomp_rule *rule, struct scmp_arg_cmp *ret, bool *ret_repeated, struct err *e)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < rule->arg_count; i++) {
		const struct oci_seccomp_arg *a = &rule->args[i];
		uint32_t op;
		int r = WORD(operators, a->op, "operator", &op, e);

		if (r < 0)
			return r;
		if (a->index >= CALL_ARGS)
			return err_set(e, -EBADMSG, "seccomp: argument index %u is above 5", a->index);
		if (seen & 1u << a->index)
			*ret_repeated = true;
		seen |= 1u << a->index;
		ret[i] = (struct scmp_arg_cmp){ a->index, op, a->value, a->value_two };
	}
	return 0;
}

#define RULE_ARGS_MAX 64 /* conditions of one rule; more than 6 must repeat an argument */

static int rule_compile(struct compile *c, const struct oci_seccomp_rule *rule)
{
	struct scmp_arg_cmp args[RULE_ARGS_MAX];
	bool repeated = false;
	uint32_t action;
	int r = action_of(rule->action, rule->errno_ret, &action, c->e);

	if (r == 0 && rule->arg_count > RULE_ARGS_MAX)
		r = err_set(c->e, -E2BIG, "seccomp: more than %d args in a rule", RULE_ARGS_MAX);
	if (r == 0)
		r = args_of(rule, args, &repeated, c->e);
	if (r < 0 || action == c->default_action)
		return r;
	for (size_t i = 0; r == 0 && i < rule->names.n; i++) {
		int nr = call_number(rule->names.v[i], seccomp_arch_native(), c->profile);

		if (nr == __NR_SCMP_ERROR)
			continue;
		/* The descriptor of the listener is handed over by it: nobody could answer (as in runc). */
		if (action == SCMP_ACT_NOTIFY && str_is(str_c(rule->names.v[i]), "write"))
			return err_set(c->e, -EBADMSG, "seccomp: SCMP_ACT_NOTIFY cannot be used for the write syscall");
		c->notify |= action == SCMP_ACT_NOTIFY;
		if (!repeated) {
			r = rule_add(c, action, nr, args, (unsigned int)rule->arg_count);
			continue;
		}
		/* Two conditions on one argument mean "or", one rule each (what runc makes of them). */
		for (size_t k = 0; r == 0 && k < rule->arg_count; k++)
			r = rule_add(c, action, nr, &args[k], 1);
	}
	return r;
}

static int archs_add(struct compile *c)
{
	for (size_t i = 0; i < c->profile->architectures.n; i++) {
		uint32_t arch;
		int r = arch_of(c->profile->architectures.v[i], &arch, c->e);

		if (r < 0)
			return r;
		r = seccomp_arch_add(c->ctx, arch);
		/* Of the other byte order: no program of it runs here. */
		if (r < 0 && r != -EEXIST && r != -EDOM)
			return err_errno(c->e, r, "seccomp: architecture %s", c->profile->architectures.v[i]);
	}
	return 0;
}

static int program_export(struct compile *c, struct buf *ret)
{
	auto_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : seccomp_export_bpf(c->ctx, fd);

	if (r < 0)
		return err_errno(c->e, r, "seccomp: the program cannot be made");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(c->e, -errno, "seccomp");
	return fd_read_all(fd, FILTER_INSNS_MAX * sizeof(struct sock_filter), ret, c->e);
}

/* A profile as a tree over system call numbers. */
static int profile_compile(const struct oci_seccomp *p, struct buf *ret, bool *ret_notify, struct err *e)
{
	cleanup_with(compile_done) struct compile c = { .profile = p, .e = e };
	int r = action_of(p->default_action, p->default_errno, &c.default_action, e);

	if (r < 0)
		return r;
	if (c.default_action == SCMP_ACT_NOTIFY)
		return err_set(e, -EBADMSG, "seccomp: SCMP_ACT_NOTIFY cannot be the default action");
	(void)seccomp_api_set(API_LEVEL);
	c.ctx = seccomp_init(c.default_action);
	if (!c.ctx)
		return err_set(e, -ENOMEM, "seccomp: no filter can be made");
	r = seccomp_attr_set(c.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = seccomp_attr_set(c.ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r < 0)
		return err_errno(e, r, "seccomp: filter attributes");
	r = archs_add(&c);
	for (size_t i = 0; r == 0 && i < p->rule_count; i++)
		r = rule_compile(&c, &p->rules[i]);
	if (r == 0)
		r = program_export(&c, ret);
	if (r == 0)
		*ret_notify = c.notify;
	return r;
}

/* Calls that are newer than the profile: ENOSYS, so that a library takes the older call instead of giving up. As in
 * runc, "newer" is a number above every call that the profile names. */

static bool wants_newer_stub(const struct oci_seccomp *p, struct err *e)
{
	uint32_t action;

	if (action_of(p->default_action, p->default_errno, &action, e) < 0)
		return false;
	return action != SCMP_ACT_ALLOW && action != SCMP_ACT_LOG && action != SCMP_ACT_ERRNO(ENOSYS) &&
	       (action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_TRACE;
}

static uint32_t newest_call(const struct oci_seccomp *p, uint32_t arch)
{
	int newest = 0;

	for (size_t i = 0; i < p->rule_count; i++) {
		for (size_t k = 0; k < p->rules[i].names.n; k++) {
			int nr = call_number(p->rules[i].names.v[k], arch, p);

			if (nr > newest)
				newest = nr;
		}
	}
	return newest ? (uint32_t)newest : UINT32_MAX; /* nothing known of it: nothing is newer */
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define IF(test, value, yes, no) BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (yes), (no))

/* One architecture's part; what is not newer goes to the end, which is `after` instructions behind this part. */
#define STUB_INSNS 7
static void stub_arch(struct buf *b, uint32_t token, uint32_t newest, uint32_t newest_x32, size_t after)
{
	const struct sock_filter code[STUB_INSNS] = {
		IF(BPF_JEQ, token, 0, STUB_INSNS - 1),
		LOAD(nr),
		IF(BPF_JSET, X32_BIT, 1, 0),
		IF(BPF_JGT, newest, 1, 2),
		IF(BPF_JGT, newest_x32, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)after),
	};

	buf_add(b, code, sizeof(code));
}

#define ARCHS_MAX 32 /* what the library knows is fewer */

static int stub_make(const struct oci_seccomp *p, struct buf *ret, struct err *e)
{
	uint32_t archs[ARCHS_MAX] = { seccomp_arch_native() };
	size_t n = 1;
	uint32_t x32 = UINT32_MAX;
	const struct sock_filter load = LOAD(arch), allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

	for (size_t i = 0; i < p->architectures.n; i++) {
		uint32_t arch;
		size_t k = 0;
		int r = arch_of(p->architectures.v[i], &arch, e);

		if (r < 0)
			return r;
		while (k < n && archs[k] != arch)
			k++;
		if (arch == SCMP_ARCH_X32)
			x32 = newest_call(p, arch);
		else if (k == n && n < ARCHS_MAX)
			archs[n++] = arch;
	}
	buf_init(ret, FILTER_INSNS_MAX * sizeof(struct sock_filter));
	buf_add(ret, &load, sizeof(load));
	for (size_t i = 0; i < n; i++)
		stub_arch(ret, archs[i], newest_call(p, archs[i]), archs[i] == SCMP_ARCH_X86_64 ? x32 : UINT32_MAX,
			  (n - i - 1) * STUB_INSNS);
	buf_add(ret, &allow, sizeof(allow));
	return 0;
}

/* *b becomes `front` and then what it was. */
static int put_before(struct buf *b, const struct buf *front, struct err *e)
{
	struct buf joined;
	int r = filter_join(buf_all(front), buf_all(b), &joined, e);

	if (r < 0)
		return r;
	buf_done(b);
	*b = joined;
	return 0;
}

static int program_make(const struct oci_seccomp *p, enum seccomp_strictness how, struct seccomp_program *ret,
			struct err *e)
{
	auto_buf struct buf stub = { 0 }, strict = { 0 };
	bool notify;
	int r = profile_compile(p, &ret->bytes, &ret->notify, e);

	if (r == 0 && wants_newer_stub(p, e)) {
		r = stub_make(p, &stub, e);
		if (r == 0)
			r = put_before(&ret->bytes, &stub, e);
	}
	if (r < 0 || how != SECCOMP_STRICT)
		return r;
	r = profile_compile(strict_rules(), &strict, &notify, e);
	if (r < 0)
		return r;
	return put_before(&ret->bytes, &strict, e);
}

static int flags_of(const struct oci_seccomp *p, struct seccomp_program *ret, struct err *e)
{
	for (size_t i = 0; i < p->flags.n; i++) {
		uint32_t flag;
		int r = WORD(flags, p->flags.v[i], "flag", &flag, e);

		if (r < 0)
			return r;
		ret->flags |= flag;
	}
	if (ret->notify)
		ret->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	else
		ret->flags &= ~FLAG_WAIT_KILLABLE_RECV; /* the kernel refuses it without a listener */
	return 0;
}

/* Everything the program depends on, one way to write each. */

static void key_text(struct buf *b, const char *s)
{
	buf_var_str(b, str_c(s ? s : ""));
}

static void key_texts(struct buf *b, const struct strings *s)
{
	buf_varint(b, s->n);
	for (size_t i = 0; i < s->n; i++)
		key_text(b, s->v[i]);
}

static void key_number(struct buf *b, struct opt_u64 v)
{
	buf_varint(b, v.set);
	buf_varint(b, v.v);
}

static void key_rule(struct buf *b, const struct oci_seccomp_rule *rule)
{
	key_texts(b, &rule->names);
	key_text(b, rule->action);
	key_number(b, rule->errno_ret);
	buf_varint(b, rule->arg_count);
	for (size_t i = 0; i < rule->arg_count; i++) {
		buf_varint(b, rule->args[i].index);
		buf_varint(b, rule->args[i].value);
		buf_varint(b, rule->args[i].value_two);
		key_text(b, rule->args[i].op);
	}
}

static void key_profile(struct buf *b, const struct oci_seccomp *p)
{
	key_text(b, p->default_action);
	key_number(b, p->default_errno);
	key_texts(b, &p->architectures);
	key_texts(b, &p->flags);
	buf_varint(b, p->rule_count);
	for (size_t i = 0; i < p->rule_count; i++)
		key_rule(b, &p->rules[i]);
}

static int key_make(const struct oci_seccomp *p, enum seccomp_strictness how, struct buf *ret)
{
	const struct scmp_version *v = seccomp_version();

	buf_init(ret, KEY_BYTES_MAX);
	buf_le32(ret, COMPILER_VERSION);
	buf_le32(ret, v->major << 16 | v->minor << 8 | v->micro);
	buf_le32(ret, seccomp_arch_native());
	buf_le32(ret, how);
	key_profile(ret, p);
	if (how == SECCOMP_STRICT)
		key_profile(ret, strict_rules());
	return buf_finish(ret);
}

int seccomp_compile(const struct oci_seccomp *profile, enum seccomp_strictness how, int cache_fd,
		    struct seccomp_program *ret, struct err *e)
{
	const struct oci_seccomp *p = profile->set ? profile : strict_default_profile();
	struct seccomp_program made = { 0 };
	auto_buf struct buf key = { 0 };
	int r;

	if (!profile->set && how == SECCOMP_AS_GIVEN) {
		*ret = made;
		return 0;
	}
	if (cache_fd >= 0 && key_make(p, how, &key) < 0)
		cache_fd = -1;
	if (cache_fd >= 0 && seccomp_cache_get(cache_fd, buf_all(&key), ret))
		return 0;
	r = program_make(p, how, &made, e);
	if (r == 0)
		r = flags_of(p, &made, e);
	if (r == 0)
		r = filter_check(buf_all(&made.bytes), e);
	if (r == 0)
		filter_shorten(&made.bytes);
	if (r < 0) {
		seccomp_program_done(&made);
		return r;
	}
	if (cache_fd >= 0)
		seccomp_cache_put(cache_fd, buf_all(&key), &made);
	*ret = made;
	return 0;
}
