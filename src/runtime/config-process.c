/* config: `process` of an OCI runtime configuration. See config.h. */
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include "base/capability.h"
#include "runtime/config-part.h"

#define CAPABILITY_NAME_MAX 64	/* longer ones are no capability anybody will define */
#define RLIMITS_MAX 64		/* there are sixteen */
#define TERMINAL_SIZE_MAX 65535 /* as struct winsize */
#define POLICY_ISO 4		/* SCHED_ISO: reserved, never done */

static bool capability_form(struct str name)
{
	if (!str_starts(name, STR("CAP_")) || name.n == 4 || name.n > CAPABILITY_NAME_MAX)
		return false;
	for (size_t i = 4; i < name.n; i++)
		if (name.p[i] != '_' && !is_digit(name.p[i]) && !(name.p[i] >= 'A' && name.p[i] <= 'Z'))
			return false;
	return true;
}

static void warn_capability(struct decode *d, struct str name)
{
	struct oci_warnings *w = d->arg;

	if (w)
		vec_push(&w->lines, arena_fmt(d->arena, "%s: this runtime does not know " STR_FMT "; it is dropped",
					      d->path, STR_ARG(str_head(name, CAPABILITY_NAME_MAX))));
}

/* Whether what we do not know is dropped with a warning, or an error. */
static bool may_drop(const struct decode *d, struct str name)
{
	const struct oci_warnings *w = d->arg;

	return capability_form(name) || (w && w->compat);
}

static int read_caps(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	uint64_t all = 0, bit;
	struct str name;
	int r = 0;

	if (!json_array(&d->json))
		return decode_bad(d, "must be an array");
	while (r >= 0 && json_next(&d->json)) {
		r = decode_str(d, CONFIG_STRING_MAX, &name);
		if (r < 0)
			return r;
		if (str_starts(name, STR("CAP_")) && capability_bit(name, &bit))
			all |= bit;
		else if (may_drop(d, name))
			warn_capability(d, name);
		else
			r = decode_bad(d, "\"" STR_FMT "\" is no capability", STR_ARG(name));
	}
	*(uint64_t *)to = all;
	return r;
}

static const struct decode_member caps_members[] = {
	ROW(oci_caps, "bounding", read_caps, bounding),	      ROW(oci_caps, "effective", read_caps, effective),
	ROW(oci_caps, "inheritable", read_caps, inheritable), ROW(oci_caps, "permitted", read_caps, permitted),
	ROW(oci_caps, "ambient", read_caps, ambient),	      { .name = NULL },
};

static int read_capabilities(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	((struct oci_caps *)to)->set = true;
	return decode_members(d, caps_members, to);
}

static const struct decode_word rlimit_types[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
	{ NULL, 0 },
};

struct rlimit_row {
	int64_t type;
	struct opt_u64 soft, hard;
};

static const struct decode_member rlimit_members[] = {
	ROW(rlimit_row, "type", decode_word, type, .words = rlimit_types),
	ROW(rlimit_row, "soft", decode_opt_u64, soft),
	ROW(rlimit_row, "hard", decode_opt_u64, hard),
	{ .name = NULL },
};

static int read_rlimit(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct rlimit_row row = { .type = -1 };
	int r = decode_members(d, rlimit_members, &row);

	if (r < 0)
		return r;
	if (row.type < 0 || !row.soft.set || !row.hard.set)
		return config_missing(d, row.type < 0 ? "type" : row.soft.set ? "hard" : "soft");
	if (row.soft.v > row.hard.v)
		return decode_bad(d, "\"soft\" is above \"hard\"");
	*(struct oci_rlimit *)to = (struct oci_rlimit){ (int)row.type, row.soft.v, row.hard.v };
	return 0;
}

static const struct decode_list rlimit_list = LIST(struct oci_rlimit, read_rlimit, RLIMITS_MAX);

/* "The runtime MUST generate an error if the list contains duplicated entries with same type." */
static int read_rlimits(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct {
		struct oci_rlimit *v;
		size_t n;
	} s;
	int r = decode_array(d, &(struct decode_member){ .list = &rlimit_list }, &s);

	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n; i++)
		for (size_t k = 0; k < i; k++)
			if (s.v[k].type == s.v[i].type)
				return decode_bad(d, "[%zu] and [%zu] are of one type", k, i);
	memcpy(to, &s, sizeof(s));
	return 0;
}

static const struct decode_list group_list = LIST(uint32_t, decode_u32, CONFIG_ARRAY_MAX);

static const struct decode_member user_members[] = {
	ROW(oci_process, "uid", decode_u32, uid),
	ROW(oci_process, "gid", decode_u32, gid),
	ROW(oci_process, "umask", decode_opt_u64, umask, .max = 0777),
	ROW(oci_process, "additionalGids", decode_array, groups, .list = &group_list),
	{ .name = NULL },
};

static const struct decode_member console_members[] = {
	ROW(oci_box, "height", decode_u32, height, .max = TERMINAL_SIZE_MAX),
	ROW(oci_box, "width", decode_u32, width, .max = TERMINAL_SIZE_MAX),
	{ .name = NULL },
};

static const struct decode_word policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_ISO", POLICY_ISO },
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ NULL, 0 },
};
static const struct decode_word scheduler_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};

struct scheduler_row {
	int64_t policy;
	struct oci_scheduler s;
};
static const struct decode_member scheduler_members[] = {
	ROW(scheduler_row, "policy", decode_word, policy, .words = policies),
	ROW(scheduler_row, "nice", decode_i32, s.nice, .min = -20, .max = 19),
	ROW(scheduler_row, "priority", decode_i32, s.priority, .max = 99),
	ROW(scheduler_row, "flags", decode_flags, s.flags, .words = scheduler_flags),
	ROW(scheduler_row, "runtime", decode_u64, s.runtime),
	ROW(scheduler_row, "deadline", decode_u64, s.deadline),
	ROW(scheduler_row, "period", decode_u64, s.period),
	{ .name = NULL },
};

static int read_scheduler(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct scheduler_row row = { .policy = -1 };
	int r = decode_members(d, scheduler_members, &row);

	if (r < 0)
		return r;
	if (row.policy < 0)
		return config_missing(d, "policy");
	if (row.s.priority && row.policy != SCHED_FIFO && row.policy != SCHED_RR)
		return decode_bad(d, "\"priority\" is for SCHED_FIFO and SCHED_RR");
	if ((row.s.runtime || row.s.deadline || row.s.period) && row.policy != SCHED_DEADLINE)
		return decode_bad(d, "\"runtime\", \"deadline\" and \"period\" are for SCHED_DEADLINE");
	row.s.policy = (uint32_t)row.policy;
	row.s.set = true;
	*(struct oci_scheduler *)to = row.s;
	return 0;
}

static const struct decode_word io_classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	{ NULL, 0 },
};

struct io_priority_row {
	int64_t class;
	int32_t priority;
};
static const struct decode_member io_priority_members[] = {
	ROW(io_priority_row, "class", decode_word, class, .words = io_classes),
	ROW(io_priority_row, "priority", decode_i32, priority, .max = 7),
	{ .name = NULL },
};

static int read_io_priority(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct io_priority_row row = { .class = -1 };
	struct oci_process *p = to;
	int r = decode_members(d, io_priority_members, &row);

	if (r < 0)
		return r;
	if (row.class < 0)
		return config_missing(d, "class");
	p->io_priority.set = true;
	p->io_priority.class = (int)row.class;
	p->io_priority.priority = row.priority;
	return 0;
}

static const struct decode_member affinity_members[] = {
	ROW(oci_process, "initial", decode_string, cpu_affinity_initial),
	ROW(oci_process, "final", decode_string, cpu_affinity_final),
	{ .name = NULL },
};

static const struct decode_member process_members[] = {
	ROW(oci_process, "terminal", decode_bool, terminal),
	ROW(oci_process, "consoleSize", decode_object, console, .members = console_members),
	{ .name = "user", .read = decode_object, .members = user_members },
	ROW(oci_process, "args", decode_strings, args, .max = CONFIG_ARGS_BYTES_MAX),
	ROW(oci_process, "env", decode_strings, env, .max = CONFIG_ARGS_BYTES_MAX),
	ROW(oci_process, "cwd", decode_path, cwd, .max = PATH_MAX_BYTES),
	ROW(oci_process, "capabilities", read_capabilities, caps),
	ROW(oci_process, "rlimits", read_rlimits, rlimits),
	ROW(oci_process, "noNewPrivileges", decode_bool, no_new_privileges),
	ROW(oci_process, "apparmorProfile", decode_string, apparmor),
	ROW(oci_process, "selinuxLabel", decode_string, selinux),
	ROW(oci_process, "oomScoreAdj", decode_opt_i64, oom_score_adj, .min = -1000, .max = 1000),
	ROW(oci_process, "scheduler", read_scheduler, scheduler),
	{ .name = "ioPriority", .read = read_io_priority },
	{ .name = "execCPUAffinity", .read = decode_object, .members = affinity_members },
	{ .name = NULL },
};

static int check_args(struct decode *d, const struct oci_process *p)
{
	const struct strings *lists[] = { &p->args, &p->env };
	size_t bytes = 0;

	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; i < lists[l]->n; i++)
			bytes += strlen(lists[l]->v[i]) + 1 + sizeof(char *);
	if (bytes > CONFIG_ARGS_BYTES_MAX)
		return decode_too_big(d, "\"args\" and \"env\" together take more than %u bytes",
				      CONFIG_ARGS_BYTES_MAX);
	if (p->args.n && !*p->args.v[0])
		return decode_bad(d, "args[0] is empty");
	return 0;
}

/* What the kernel would refuse (capabilities(7)), others leave out without a word; buildah asks for it. */
static void narrow_ambient(const struct decode *d, struct oci_caps *c)
{
	const struct oci_warnings *w = d->arg;

	if (w && w->compat)
		c->ambient &= c->permitted & c->inheritable;
}

int config_read_process(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_process *p = to;
	int r = decode_members(d, process_members, p);

	if (r < 0)
		return r;
	narrow_ambient(d, &p->caps);
	if (!p->cwd)
		return config_missing(d, "cwd");
	return check_args(d, p);
}
