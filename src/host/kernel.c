/* kernel: a kernel against the tables of rules. See kernel.h. */
#include "host/kernel.h"

#include <fcntl.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/map.h"
#include "base/num.h"
#include "codec/inflate.h"
#include "host/expr.h"
#include "host/kernel-rules.h"

#define SYSCTL_VALUE_MAX 4096
#define EVIDENCE_MAX 1024
#define NAME_MAX_BYTES 256

static const char *const group_reasons[G_COUNT] = {
	[G_SELF] = "The kernel's own memory and control flow are harder to take over.",
	[G_SURFACE] = "Code that is not there, or cannot be reached, cannot be attacked.",
	[G_POLICY] = "Access is decided by a policy of the kernel's that programs cannot change.",
	[G_PROGRAMS] = "Programs, and what they leave in memory and on disk, are harder to take over.",
	[G_NETWORK] = "Packets from outside cannot change how this host routes and answers.",
};

struct values {
	struct arena *arena;
	struct map map; /* all three kinds, by their names in conditions */
	VEC(struct str) value;
	bool has_config, has_cmdline, has_sysctl;
	int proc_sys;
};

static void put(struct values *v, struct str name, struct str value)
{
	uint32_t *slot = map_put(&v->map, name, (uint32_t)v->value.n, NULL);

	if (*slot == v->value.n)
		(void)vec_add(&v->value);
	v->value.v[*slot] = value;
}

/* "CONFIG_X=y" and "# CONFIG_X is not set"; anything else is a comment. */
static int read_config(struct values *v, struct str text, struct err *e)
{
	size_t options = 0;

	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str name, value;

		if (str_starts(line, STR("# CONFIG_")) && str_ends(line, STR(" is not set"))) {
			put(v, str_n(line.p + 2, line.n - 2 - sizeof(" is not set") + 1), STR("is not set"));
			options++;
		} else if (str_starts(line, STR("CONFIG_")) && str_split(line, '=', &name, &value)) {
			put(v, name, str_trim(value));
			options++;
		}
	}
	return options ? 0 : err_set(e, -EBADMSG, "no kernel configuration: it has no line CONFIG_...");
}

/* Parameters are parted by blanks outside of quotes; the last of one name counts. */
static void read_cmdline(struct values *v, struct str text)
{
	text = str_trim(text);
	while (text.n) {
		bool quoted = false;
		size_t n = 0;
		struct str word, name, value = STR("");

		for (; n < text.n && (quoted || !is_space(text.p[n])); n++)
			quoted ^= text.p[n] == '"';
		word = str_n(text.p, n);
		text = str_trim(str_from(text, n));
		name = word;
		(void)!str_split(word, '=', &name, &value);
		put(v, arena_fmt(v->arena, "@" STR_FMT, STR_ARG(name)), value);
	}
}

static void read_sysctl(struct values *v, struct str text)
{
	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str name, value;

		if (str_split(line, '=', &name, &value))
			put(v, str_trim(name), str_trim(value));
	}
}

/* "kernel.yama.ptrace_scope" is kernel/yama/ptrace_scope. */
static bool read_proc_sys(struct values *v, struct str name, struct str *ret)
{
	char path[NAME_MAX_BYTES];
	auto_buf struct buf text = { 0 };

	if (name.n >= sizeof(path))
		return false;
	for (size_t i = 0; i < name.n; i++)
		path[i] = name.p[i] == '.' ? '/' : name.p[i];
	path[name.n] = 0;
	if (file_read(v->proc_sys, path, SYSCTL_VALUE_MAX, &text, NULL) < 0)
		return false;
	*ret = arena_str(v->arena, str_trim(buf_all(&text)));
	return true;
}

static bool get(void *ctx, struct str name, struct str *ret, bool *ret_unknown)
{
	struct values *v = ctx;
	const uint32_t *slot = map_get(&v->map, name);
	bool is_config = str_starts(name, STR("CONFIG_")), is_cmdline = str_starts(name, STR("@"));

	*ret_unknown = is_config ? !v->has_config : is_cmdline ? !v->has_cmdline : !v->has_sysctl && v->proc_sys < 0;
	if (slot) {
		*ret = v->value.v[*slot];
		return true;
	}
	return !is_config && !is_cmdline && v->proc_sys >= 0 && read_proc_sys(v, name, ret);
}

/* "6.12.117-1~deb12u1" */
static void parse_release(struct str release, unsigned int version[3])
{
	for (size_t i = 0; i < 3; i++) {
		size_t n = 0;
		uint32_t number;

		while (n < release.n && is_digit(release.p[n]))
			n++;
		if (!num_u32(str_head(release, n), &number))
			return;
		version[i] = number;
		release = str_from(release, n + 1);
	}
}

/* The first lines of a .config: "# Linux/x86 6.12.117 Kernel Configuration". */
static struct str config_release(struct str config)
{
	struct str head = str_head(config, 512), rest;
	ptrdiff_t at = str_find_str(head, STR("# Linux/"));

	if (at < 0 || !str_split(str_from(head, (size_t)at + 8), ' ', &head, &rest) ||
	    !str_split(rest, ' ', &head, &rest))
		return STR("");
	return head;
}

static enum check_result result_of(enum truth t)
{
	return t == TRUTH_YES ? CHECK_PASS : t == TRUTH_NO ? CHECK_FAIL : CHECK_UNKNOWN;
}

static const struct {
	const char *id_head, *section, *fix;
	const struct kernel_rule *rules;
	const size_t *count;
} kinds[] = {
	{ "kconfig", "kernel build", "Build the kernel so that ", kconfig_rules, &kconfig_rule_count },
	{ "cmdline", "kernel command line", "Boot the kernel so that ", cmdline_rules, &cmdline_rule_count },
	{ "sysctl", "sysctl", "Set in /etc/sysctl.d so that ", sysctl_rules, &sysctl_rule_count },
};

/* An id is a condition's first name, and told apart where several are about one. */
static struct str rule_id(struct audit *a, size_t kind, size_t i)
{
	const struct kernel_rule *r = &kinds[kind].rules[i];
	unsigned int same = 0;

	for (size_t k = 0; k < i; k++)
		same += strcmp(kinds[kind].rules[k].name, r->name) == 0;
	return same ? arena_fmt(&a->arena, "%s.%s-%u", kinds[kind].id_head, r->name, same + 1)
		    : arena_fmt(&a->arena, "%s.%s", kinds[kind].id_head, r->name);
}

static int judge(struct audit *a, size_t kind, size_t i, const struct expr_values *ev, struct err *e)
{
	const struct kernel_rule *r = &kinds[kind].rules[i];
	struct check *c = vec_add(&a->checks);
	auto_buf struct buf evidence, words;
	enum truth t;
	int result = expr_judge(str_c(r->condition), ev, &t, e);
	struct str condition = str_c(r->condition);

	if (result < 0)
		return result;
	buf_init(&words, EVIDENCE_MAX);
	expr_words(condition, &words);
	buf_init(&evidence, EVIDENCE_MAX);
	expr_evidence(condition, ev, &evidence);
	*c = (struct check){
		.id = rule_id(a, kind, i),
		.section = kinds[kind].section,
		.level = r->level,
		.result = result_of(t),
		.title = arena_str(&a->arena, buf_all(&words)),
		.evidence = arena_str(&a->arena, buf_all(&evidence)),
		.why = group_reasons[r->group],
		.fix = arena_fmt(&a->arena, "%s" STR_FMT, kinds[kind].fix, STR_ARG(buf_all(&words))),
	};
	return 0;
}

int kernel_audit(const struct kernel_input *in, struct audit *a, struct err *e)
{
	struct values v = {
		.arena = &a->arena,
		.has_config = in->config.p,
		.has_cmdline = in->cmdline.p,
		.has_sysctl = in->sysctl.p,
		.proc_sys = in->proc_sys,
	};
	struct expr_values ev = { .get = get, .ctx = &v };
	int r = in->config.p ? read_config(&v, in->config, e) : 0;

	if (in->cmdline.p)
		read_cmdline(&v, in->cmdline);
	if (in->sysctl.p)
		read_sysctl(&v, in->sysctl);
	a->kernel = arena_str(&a->arena, in->release.n ? in->release : config_release(in->config));
	parse_release(a->kernel, ev.version);
	for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++)
		for (size_t i = 0; i < *kinds[kind].count && r == 0; i++)
			r = judge(a, kind, i, &ev, e);
	map_done(&v.map);
	vec_done(&v.value);
	return r;
}

int kernel_read_config(int fd, struct arena *a, struct str *ret, struct err *e)
{
	auto_buf struct buf raw = { 0 }, plain = { 0 };
	int r = fd_read_all(fd, KERNEL_CONFIG_MAX, &raw, e);

	r = r < 0 ? r : inflate_all(buf_all(&raw), KERNEL_CONFIG_MAX, &plain, e);
	if (r == 0)
		*ret = arena_str(a, buf_all(&plain));
	return r < 0 ? r : 0;
}

void kernel_read_host(struct arena *a, struct kernel_input *ret)
{
	auto_buf struct buf cmdline = { 0 };
	struct utsname name;
	char paths[3][NAME_MAX_BYTES] = { "/proc/config.gz" };

	*ret = (struct kernel_input){ .proc_sys = fd_open(AT_FDCWD, "/proc/sys", O_RDONLY | O_DIRECTORY) };
	if (uname(&name) == 0) {
		ret->release = arena_str(a, str_c(name.release));
		snprintf(paths[1], sizeof(paths[1]), "/boot/config-%s", name.release);
		snprintf(paths[2], sizeof(paths[2]), "/lib/modules/%s/config", name.release);
	}
	for (size_t i = 0; i < ARRAY_LEN(paths) && !ret->config.p; i++) {
		auto_close int fd = paths[i][0] ? fd_open(AT_FDCWD, paths[i], O_RDONLY) : -1;

		if (fd >= 0 && kernel_read_config(fd, a, &ret->config, NULL) < 0)
			ret->config = STR_NONE;
	}
	if (file_read(AT_FDCWD, "/proc/cmdline", KERNEL_CMDLINE_MAX, &cmdline, NULL) == 0)
		ret->cmdline = arena_str(a, buf_all(&cmdline));
}
