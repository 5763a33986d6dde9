/* cgroup-device: device rules for v1's lists and v2's program. See cgroup-device.h. */
#include "runtime/cgroup-device.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/num.h"
#include "runtime/bpf.h"
#include "runtime/cgroup-part.h"

#define PROGRAM_NAME "yagura_devices"
#define PROGRAMS_MAX 16 /* attached to one group */
#define LIST_MAX 65536	/* bytes of devices.list */
#define ANY (-1)

/* config-linux.md, "Default Devices". Making a node says nothing about opening it: CAP_MKNOD and the rules above decide
 * about that. */
static const struct oci_device_rule default_rules[] = {
	{ true, 'c', ANY, ANY, false, false, true }, { true, 'b', ANY, ANY, false, false, true },
	{ true, 'c', 1, 3, true, true, true },	   /* null */
	{ true, 'c', 1, 5, true, true, true },	   /* zero */
	{ true, 'c', 1, 7, true, true, true },	   /* full */
	{ true, 'c', 1, 8, true, true, true },	   /* random */
	{ true, 'c', 1, 9, true, true, true },	   /* urandom */
	{ true, 'c', 5, 0, true, true, true },	   /* tty */
	{ true, 'c', 5, 2, true, true, true },	   /* ptmx */
	{ true, 'c', 136, ANY, true, true, true }, /* pts */
};

static bool is_everything(const struct oci_device_rule *r)
{
	return r->type == 'a' && r->major == ANY && r->minor == ANY && r->read && r->write && r->mknod;
}

const char *device_text(const struct oci_device_rule *r, char text[DEVICE_TEXT_MAX])
{
	char major[24] = "*", minor[24] = "*";

	if (r->major != ANY)
		snprintf(major, sizeof(major), "%lld", (long long)r->major);
	if (r->minor != ANY)
		snprintf(minor, sizeof(minor), "%lld", (long long)r->minor);
	snprintf(text, DEVICE_TEXT_MAX, "%c %s:%s %s%s%s", r->type, major, minor, r->read ? "r" : "",
		 r->write ? "w" : "", r->mknod ? "m" : "");
	return text;
}

/* The whole list, the defaults behind it, each rule of type 'a' that is not about everything as one of 'b' and one of
 * 'c': v1 reads "a" as everything, whatever follows. */
struct rule_list {
	struct oci_device_rule v[DEVICE_RULES_MAX];
	size_t n;
};

static bool list_add(struct rule_list *l, const struct oci_device_rule *r)
{
	struct oci_device_rule half = *r;

	if (!r->read && !r->write && !r->mknod)
		return true;
	if (l->n + 2 > DEVICE_RULES_MAX)
		return false;
	if (r->type != 'a' || is_everything(r)) {
		l->v[l->n++] = *r;
		return true;
	}
	half.type = 'b';
	l->v[l->n++] = half;
	half.type = 'c';
	l->v[l->n++] = half;
	return true;
}

static int full_list(const struct oci_device_rule *rules, size_t n, struct rule_list *ret, struct err *e)
{
	bool fits = true;

	ret->n = 0;
	for (size_t i = 0; i < n; i++)
		fits = fits && list_add(ret, &rules[i]);
	for (size_t i = 0; i < ARRAY_LEN(default_rules); i++)
		fits = fits && list_add(ret, &default_rules[i]);
	return fits ? 0 : err_set(e, -E2BIG, "devices: more than %d rules", DEVICE_RULES_MAX);
}

/* -- v1 -- */

static bool covers(int64_t a, int64_t b)
{
	return a == ANY || a == b;
}

static bool same_device(const struct oci_device_rule *a, const struct oci_device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* Every device of b is one of a. */
static bool rule_covers(const struct oci_device_rule *a, const struct oci_device_rule *b)
{
	return a->type == b->type && covers(a->major, b->major) && covers(a->minor, b->minor);
}

static bool rules_meet(const struct oci_device_rule *a, const struct oci_device_rule *b)
{
	return a->type == b->type && (covers(a->major, b->major) || b->major == ANY) &&
	       (covers(a->minor, b->minor) || b->minor == ANY);
}

static void set_add(struct device_set *s, const struct oci_device_rule *r)
{
	for (size_t i = 0; i < s->n; i++)
		if (same_device(&s->exception[i], r)) {
			s->exception[i].read |= r->read;
			s->exception[i].write |= r->write;
			s->exception[i].mknod |= r->mknod;
			return;
		}
	s->exception[s->n++] = *r;
}

/* Takes from the exceptions what a rule that agrees with the default says. */
static int set_take(struct device_set *s, const struct oci_device_rule *r, struct err *e)
{
	char rule[DEVICE_TEXT_MAX], other[DEVICE_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct oci_device_rule *x = &s->exception[i];
		bool shared = (x->read && r->read) || (x->write && r->write) || (x->mknod && r->mknod);

		if (rules_meet(x, r) && shared && !rule_covers(r, x))
			return err_set(e, -ENOTSUP, "devices: cgroup v1 cannot %s '%s' inside '%s'",
				       s->allow ? "allow" : "deny", device_text(r, rule), device_text(x, other));
		if (rule_covers(r, x)) {
			x->read &= !r->read;
			x->write &= !r->write;
			x->mknod &= !r->mknod;
		}
		if (x->read || x->write || x->mknod)
			s->exception[n++] = *x;
	}
	s->n = n;
	return 0;
}

int device_set(const struct oci_device_rule *rules, size_t n, struct device_set *ret, struct err *e)
{
	auto_free struct rule_list *l = xmalloc(sizeof(*l));
	int r = full_list(rules, n, l, e);

	ret->allow = false;
	ret->n = 0;
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		const struct oci_device_rule *rule = &l->v[i];

		if (is_everything(rule)) {
			ret->allow = rule->allow;
			ret->n = 0;
		} else if (rule->allow == ret->allow) {
			r = set_take(ret, rule, e);
		} else {
			set_add(ret, rule);
		}
	}
	for (size_t i = 0; i < ret->n; i++)
		ret->exception[i].allow = !ret->allow;
	return r;
}

static int v1_write(int fd, const char *file, const char *text, struct err *e)
{
	ssize_t n = fd < 0 ? fd : write(fd, text, strlen(text));

	if (n >= 0)
		return 0;
	return err_errno(e, fd < 0 ? fd : -errno, "devices cannot be set: '%s' written to %s", text, file);
}

static int v1_apply(int dir, const struct oci_device_rule *rules, size_t n, struct err *e)
{
	auto_free struct device_set *s = xmalloc(sizeof(*s));
	char text[DEVICE_TEXT_MAX];
	int r = device_set(rules, n, s, e);
	const char *const files[] = { "devices.deny", "devices.allow" };
	const char *all, *rest;
	auto_close int all_fd = -1, rest_fd = -1;

	if (r < 0)
		return r;
	all = files[s->allow];
	rest = files[!s->allow];
	all_fd = fd_open(dir, all, O_WRONLY);
	rest_fd = fd_open(dir, rest, O_WRONLY);
	r = v1_write(all_fd, all, "a", e);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = v1_write(rest_fd, rest, device_text(&s->exception[i], text), e);
	return r;
}

static bool has_line(struct str text, struct str want)
{
	for (struct str line; str_cut(&text, '\n', &line);)
		if (str_eq(line, want))
			return true;
	return false;
}

/* devices.list names the exceptions of a default to deny, and says nothing but "a *:* rwm" for one to allow. */
static int v1_verify(int dir, const struct oci_device_rule *rules, size_t n, char text[CGROUP_VALUE_MAX], struct err *e)
{
	auto_free struct device_set *s = xmalloc(sizeof(*s));
	auto_buf struct buf list = { 0 };
	char line[DEVICE_TEXT_MAX];
	size_t lines = 0;
	int r = device_set(rules, n, s, e);

	if (r == 0)
		r = file_read(dir, "devices.list", LIST_MAX, &list, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++)
		lines += list.p[i] == '\n';
	if (s->allow || has_line(buf_all(&list), STR("a *:* rwm"))) {
		snprintf(text, CGROUP_VALUE_MAX, "allow all");
		return s->allow && has_line(buf_all(&list), STR("a *:* rwm"))
			       ? 0
			       : err_set(e, -EBADMSG, "devices: the default is not what was asked");
	}
	snprintf(text, CGROUP_VALUE_MAX, "deny all but %zu %s", lines, num_plural(lines, "rule", "rules"));
	for (size_t i = 0; i < s->n; i++)
		if (!has_line(buf_all(&list), str_c(device_text(&s->exception[i], line))))
			return err_set(e, -EBADMSG, "devices: '%s' is not in devices.list", line);
	return lines == s->n ? 0 : err_set(e, -EBADMSG, "devices: devices.list has more than was asked");
}

/* -- v2 -- */

struct asm_out {
	struct bpf_insn *v;
	size_t n;
};

static void put(struct asm_out *o, struct bpf_insn i)
{
	o->v[o->n++] = i;
}

/* The rules from the last to the first: each settles those kinds of access it is about. r2 type, r3 access not yet
 * settled, r4 major, r5 minor. */
static void put_rule(struct asm_out *o, const struct oci_device_rule *r)
{
	int bits = (r->read ? BPF_DEVCG_ACC_READ : 0) | (r->write ? BPF_DEVCG_ACC_WRITE : 0) |
		   (r->mknod ? BPF_DEVCG_ACC_MKNOD : 0);
	size_t jumps[4], n = 0;

	if (r->type != 'a') {
		jumps[n++] = o->n;
		put(o, INSN_JUMPI(BPF_JNE, 2, r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, 0));
	}
	if (r->major != ANY) {
		jumps[n++] = o->n;
		put(o, INSN_JUMPI(BPF_JNE, 4, r->major, 0));
	}
	if (r->minor != ANY) {
		jumps[n++] = o->n;
		put(o, INSN_JUMPI(BPF_JNE, 5, r->minor, 0));
	}
	if (r->allow) {
		put(o, INSN_ALUI(BPF_AND, 3, ~bits));
		put(o, INSN_JUMPI(BPF_JNE, 3, 0, 2));
		put(o, INSN_MOVI(0, 1));
		put(o, INSN_RET());
	} else {
		put(o, INSN_MOV(1, 3));
		put(o, INSN_ALUI(BPF_AND, 1, bits));
		put(o, INSN_JUMPI(BPF_JEQ, 1, 0, 2));
		put(o, INSN_MOVI(0, 0));
		put(o, INSN_RET());
	}
	for (size_t i = 0; i < n; i++)
		o->v[jumps[i]].off = (int16_t)(o->n - jumps[i] - 1);
}

int device_program(const struct oci_device_rule *rules, size_t n, struct bpf_insn ret[DEVICE_INSNS_MAX], struct err *e)
{
	auto_free struct rule_list *l = xmalloc(sizeof(*l));
	struct asm_out o = { ret, 0 };
	int r = full_list(rules, n, l, e);

	if (r < 0)
		return r;
	put(&o, INSN_LOAD(BPF_W, 3, 1, offsetof(struct bpf_cgroup_dev_ctx, access_type)));
	put(&o, INSN_LOAD(BPF_W, 4, 1, offsetof(struct bpf_cgroup_dev_ctx, major)));
	put(&o, INSN_LOAD(BPF_W, 5, 1, offsetof(struct bpf_cgroup_dev_ctx, minor)));
	put(&o, INSN_MOV(2, 3));
	put(&o, INSN_ALUI(BPF_AND, 2, 0xffff));
	put(&o, INSN_ALUI(BPF_RSH, 3, 16));
	for (size_t i = l->n; i--;)
		put_rule(&o, &l->v[i]);
	put(&o, INSN_MOVI(0, 0));
	put(&o, INSN_RET());
	return (int)o.n;
}

static int v2_load(const struct oci_device_rule *rules, size_t n, struct err *e)
{
	auto_free struct bpf_insn *insns = xcalloc(DEVICE_INSNS_MAX, sizeof(*insns));
	int count = device_program(rules, n, insns, e);

	if (count < 0)
		return count;
	return bpf_load(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, PROGRAM_NAME, insns, (size_t)count, e);
}

/* The new program first, then the old ones go: at no moment is there none. */
static int v2_apply(int dir, const struct oci_device_rule *rules, size_t n, struct err *e)
{
	auto_close int program = v2_load(rules, n, e);
	uint32_t old[PROGRAMS_MAX];
	int count, r;

	if (program < 0)
		return err_wrap(e, program, "devices cannot be set");
	count = bpf_query(dir, BPF_CGROUP_DEVICE, old, PROGRAMS_MAX);
	r = bpf_attach(dir, program, BPF_CGROUP_DEVICE);
	if (r < 0)
		return err_errno(e, r, "devices cannot be set: the program cannot be attached");
	for (int i = 0; i < count; i++) {
		auto_close int fd = bpf_by_id(old[i]);

		if (fd >= 0)
			(void)!bpf_detach(dir, fd, BPF_CGROUP_DEVICE);
	}
	return 0;
}

static int v2_verify(int dir, const struct oci_device_rule *rules, size_t n, char text[CGROUP_VALUE_MAX], struct err *e)
{
	auto_close int program = v2_load(rules, n, e);
	struct bpf_about want, got;
	uint32_t ids[PROGRAMS_MAX];
	int count = program < 0 ? program : bpf_query(dir, BPF_CGROUP_DEVICE, ids, PROGRAMS_MAX);

	if (program < 0)
		return program;
	if (count < 0 || bpf_about(program, &want) < 0)
		return err_errno(e, count < 0 ? count : -EIO, "devices: cannot read back the program");
	snprintf(text, CGROUP_VALUE_MAX, "%d programs", count);
	for (int i = 0; i < count; i++) {
		auto_close int fd = bpf_by_id(ids[i]);

		if (fd >= 0 && bpf_about(fd, &got) == 0 && !memcmp(got.tag, want.tag, sizeof(got.tag))) {
			snprintf(text, CGROUP_VALUE_MAX, "deny by default, program %u", got.id);
			return 0;
		}
	}
	return err_set(e, -EBADMSG, "devices: the program is not attached");
}

/* -- either -- */

/* A user without rights has no device but those of the host's own nodes bound in: nothing can be made or added. */
static bool left_to_userns(const struct cgroup *c)
{
	return c->rootless && geteuid() != 0;
}

int cgroup_devices_apply(const struct cgroup *c, const struct oci_device_rule *rules, size_t n, struct err *e)
{
	bool v2 = false;
	int dir = cgroup_dir(c, CG_DEVICES, &v2);

	if (left_to_userns(c))
		return 0;
	if (dir < 0)
		return err_set(e, -ENOTSUP, "devices cannot be set: this host has no devices controller");
	return v2 ? v2_apply(dir, rules, n, e) : v1_apply(dir, rules, n, e);
}

int cgroup_devices_verify(const struct cgroup *c, const struct oci_device_rule *rules, size_t n,
			  char text[CGROUP_VALUE_MAX], struct err *e)
{
	bool v2 = false;
	int dir = cgroup_dir(c, CG_DEVICES, &v2);

	if (left_to_userns(c)) {
		snprintf(text, CGROUP_VALUE_MAX, "user namespace");
		return 0;
	}
	if (dir < 0)
		return err_set(e, -ENOTSUP, "devices: no devices controller");
	return v2 ? v2_verify(dir, rules, n, text, e) : v1_verify(dir, rules, n, text, e);
}
