/* launch-process: from what set a container up to the program in it, as steps. See launch-part.h. The order is the
 * kernel's: what needs rights comes before they are given up, the filter last. */
#include <sys/resource.h>

#include "base/num.h"
#include "runtime/landlock.h"
#include "runtime/launch-part.h"

#define UMASK_DEFAULT 0022
#define IOPRIO_CLASS_SHIFT 13
#define SCHED_ATTR_BYTES 48 /* SCHED_ATTR_SIZE_VER0 */

void steps_console(struct launch_steps *s, const struct oci_process *p, int devpts, int dev)
{
	plan_text_step(&s->plan,
		       ((struct plan_step){ .kind = PLAN_CONSOLE,
					    .slot = devpts,
					    .arg = { (uint64_t)(int64_t)dev, p->console.height, p->console.width } }),
		       "process.terminal");
}

void steps_directory(struct launch_steps *s, const char *about, const char *path, bool make)
{
	plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_DIRECTORY, .slot = -1, .arg = { make } }), about,
		       path);
}

static void simple(struct launch_steps *s, enum plan_kind kind, const char *about, uint64_t arg)
{
	plan_text_step(&s->plan, ((struct plan_step){ .kind = (uint16_t)kind, .slot = -1, .arg = { arg } }), about);
}

static void with_block(struct launch_steps *s, struct plan_step step, const char *about, const void *p, size_t n)
{
	plan_add(&s->plan, step, &about, 1, str_n(p, n));
}

/* A step with a list of processors or memory nodes, as the kernel's words of 64 bits; an empty list has none. */
static int with_set(struct launch_steps *s, struct plan_step step, const char *about, const char *list, struct err *e)
{
	struct num_set set;

	if (!list || !*list)
		with_block(s, step, about, NULL, 0);
	else if (num_set(str_c(list), &set))
		with_block(s, step, about, set.bits, set.words * sizeof(set.bits[0]));
	else
		return err_set(e, -EBADMSG, "%s: \"%s\" is no list of numbers below %d", about, list, NUM_SET_MAX);
	return 0;
}

static void add_scheduler(struct launch_steps *s, const struct oci_scheduler *o)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { SCHED_ATTR_BYTES,	  o->policy,  o->flags,	   o->nice,
		   (uint32_t)o->priority, o->runtime, o->deadline, o->period };

	_Static_assert(sizeof(attr) == SCHED_ATTR_BYTES, "struct sched_attr, version 0");
	if (o->set)
		with_block(s, (struct plan_step){ .kind = PLAN_SCHEDULER, .slot = -1 }, "process.scheduler", &attr,
			   sizeof(attr));
}

static int add_affinity(struct launch_steps *s, const struct oci_process *p, struct err *e)
{
	const char *list = p->cpu_affinity_final ? p->cpu_affinity_final : p->cpu_affinity_initial;

	if (!list || !*list)
		return 0;
	return with_set(s, (struct plan_step){ .kind = PLAN_AFFINITY, .slot = -1 }, "process.execCPUAffinity.final",
			list, e);
}

static int add_memory(struct launch_steps *s, const struct oci_config *c, struct err *e)
{
	if (!c->memory_policy.set)
		return 0;
	return with_set(
		s, (struct plan_step){ .kind = PLAN_MEMORY, .slot = -1, .arg = { (uint64_t)c->memory_policy.mode } },
		"linux.memoryPolicy", c->memory_policy.nodes, e);
}

static void add_label(struct launch_steps *s, const char *about, const char *file, const char *text)
{
	if (text && *text)
		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_LABEL, .slot = -1 }), about, file, text);
}

static int add_labels(struct launch_steps *s, const struct oci_process *p, struct err *e)
{
	if (p->apparmor && *p->apparmor && p->selinux && *p->selinux)
		return err_set(e, -EBADMSG, "process: apparmorProfile and selinuxLabel exclude each other");
	if (p->apparmor && *p->apparmor)
		add_label(s, arena_fmt(s->a, "process.apparmorProfile \"%.64s\"", p->apparmor).p, "apparmor/exec",
			  arena_fmt(s->a, "exec %s", p->apparmor).p);
	add_label(s, "process.selinuxLabel", "exec", p->selinux);
	return 0;
}

static void add_rlimit(struct launch_steps *s, const char *about, int type, uint64_t soft, uint64_t hard)
{
	plan_text_step(&s->plan,
		       ((struct plan_step){ .kind = PLAN_RLIMIT, .slot = -1, .arg = { (uint64_t)type, soft, hard } }),
		       about);
}

static void add_rlimits(struct launch_steps *s, const struct process_steps *p)
{
	bool core = false;

	for (size_t i = 0; i < p->process->rlimit_count; i++) {
		const struct oci_rlimit *r = &p->process->rlimits[i];

		core |= r->type == RLIMIT_CORE;
		add_rlimit(s, arena_fmt(s->a, "process.rlimits[%zu]", i).p, r->type, r->soft, r->hard);
	}
	if (p->strict.core_off && !core)
		add_rlimit(s, "core dumps", RLIMIT_CORE, 0, 0);
}

static int add_user(struct launch_steps *s, const struct process_steps *p, struct err *e)
{
	const struct oci_process *o = p->process;
	bool keep = p->config->keep_groups;

	if (!p->groups && o->group_count && !keep)
		return err_set(e, -ENOTSUP, "process.user.additionalGids: cannot be set in a rootless container");
	with_block(s,
		   (struct plan_step){ .kind = PLAN_USER, .slot = -1, .arg = { o->uid, o->gid, p->groups && !keep } },
		   "process.user", o->groups, keep ? 0 : o->group_count * sizeof(*o->groups));
	return 0;
}

static const char *path_of(const struct oci_process *p)
{
	static const char head[] = "PATH=";
	const char *found = "";

	for (size_t i = 0; i < p->env.n; i++)
		if (strncmp(p->env.v[i], head, strlen(head)) == 0)
			found = p->env.v[i] + strlen(head);
	return found;
}

static void add_find(struct launch_steps *s, const struct oci_process *p)
{
	plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_FIND, .slot = -1 }), "", p->args.v[0], path_of(p));
}

static int add_landlock(struct launch_steps *s, const struct process_steps *p, struct err *e)
{
	int version = p->strict.landlock ? landlock_version() : 0;
	struct landlock l;

	if (!p->strict.landlock)
		return 0;
	if (version < LANDLOCK_ABI_MIN)
		return err_set(e, -ENOTSUP, "landlock: this kernel has none, or it is switched off");
	landlock_rules(p->config, version, s->a, &l);
	plan_text_step(&s->plan,
		       ((struct plan_step){ .kind = PLAN_LANDLOCK, .slot = -1, .arg = { l.fs, l.net, l.scoped } }),
		       "landlock");
	for (size_t i = 0; i < l.n; i++)
		plan_text_step(
			&s->plan,
			((struct plan_step){ .kind = PLAN_LANDLOCK_PATH, .slot = -1, .arg = { l.rules[i].rights } }),
			arena_fmt(s->a, "landlock (%s)", l.rules[i].path).p, l.rules[i].path);
	simple(s, PLAN_LANDLOCK_ENTER, "landlock", 0);
	return 0;
}

static bool has_filter(const struct process_steps *p)
{
	return p->seccomp && p->seccomp->bytes.n;
}

static void add_filter(struct launch_steps *s, const struct process_steps *p)
{
	const struct seccomp_program *f = p->seccomp;

	if (has_filter(p))
		with_block(s,
			   (struct plan_step){
				   .kind = PLAN_SECCOMP,
				   .slot = -1,
				   .arg = { f->flags, f->notify || f->watched, !p->process->no_new_privileges } },
			   "linux.seccomp", f->bytes.p, f->bytes.n);
}

static void add_capabilities(struct launch_steps *s, const struct oci_caps *c)
{
	plan_text_step(&s->plan,
		       ((struct plan_step){ .kind = PLAN_CAPABILITIES,
					    .slot = -1,
					    .arg = { c->effective, c->permitted, c->inheritable, c->ambient } }),
		       "process.capabilities");
}

static void add_strings(struct launch_steps *s, struct plan_step step, const char *about, const struct strings *v,
			const char *const more[2])
{
	size_t n = 0;
	const char **texts = arena_array(s->a, const char *, v->n + 3);

	texts[n++] = about;
	for (size_t i = 0; i < v->n; i++)
		texts[n++] = v->v[i];
	for (int i = 0; more && i < 2; i++)
		if (more[i])
			texts[n++] = more[i];
	plan_add(&s->plan, step, texts, n, STR_NONE);
}

static void add_environment(struct launch_steps *s, const struct process_steps *p)
{
	const char *const more[2] = { p->listen_fds ? arena_fmt(s->a, "LISTEN_FDS=%u", p->listen_fds).p : NULL,
				      s->home };

	add_strings(s, (struct plan_step){ .kind = PLAN_ENV, .slot = -1, .arg = { p->listen_fds > 0 } }, "process.env",
		    &p->process->env, more);
}

static int add_attributes(struct launch_steps *s, const struct process_steps *p, struct err *e)
{
	const struct oci_process *o = p->process;
	int r = add_labels(s, o, e);

	if (r >= 0)
		r = add_affinity(s, o, e);
	if (r >= 0)
		r = add_memory(s, p->config, e);
	if (r < 0)
		return r;
	add_scheduler(s, &o->scheduler);
	if (o->io_priority.set)
		simple(s, PLAN_IO_PRIORITY, "process.ioPriority",
		       (uint64_t)(o->io_priority.class << IOPRIO_CLASS_SHIFT | o->io_priority.priority));
	if (p->config->personality.set)
		simple(s, PLAN_PERSONALITY, "linux.personality", p->config->personality.domain);
	simple(s, PLAN_STDIO_OWNER, "process.user", o->uid);
	steps_directory(s, "process.cwd", o->cwd, p->creates);
	simple(s, PLAN_UMASK, "process.user.umask", o->umask.set ? o->umask.v : UMASK_DEFAULT);
	add_rlimits(s, p);
	return 0;
}

int steps_process(struct launch_steps *s, const struct process_steps *p, struct err *e)
{
	const struct oci_process *o = p->process;
	int r;

	if (!o->args.n)
		return err_set(e, -EBADMSG, "process.args: empty");
	r = add_attributes(s, p, e);
	if (r < 0)
		return r;
	simple(s, PLAN_BOUNDING, "process.capabilities.bounding", o->caps.bounding);
	if (o->no_new_privileges)
		simple(s, PLAN_NO_NEW_PRIVS, "process.noNewPrivileges", 0);
	r = add_landlock(s, p, e);
	if (r >= 0)
		r = add_user(s, p, e);
	if (r < 0)
		return r;
	add_find(s, o);
	/* With a listener the host's side must still be there when the filter is loaded; without, it is loaded after
	 * the wait, which then needs no permission of it. */
	if (has_filter(p) && p->seccomp->notify)
		add_filter(s, p);
	if (o->oom_score_adj.set)
		simple(s, PLAN_SYNC, "process.oomScoreAdj", SYNC_LATE);
	simple(s, PLAN_READY, "", 0);
	if (p->waits) {
		int slot = p->own_start
				   ? -1
				   : steps_source(s, (struct launch_source){ .kind = SOURCE_START, .about = "start" });

		plan_text_step(&s->plan, ((struct plan_step){ .kind = PLAN_WAIT, .slot = slot }), "");
	}
	if (has_filter(p) && !p->seccomp->notify && !o->no_new_privileges)
		add_filter(s, p);
	add_capabilities(s, &o->caps);
	if (has_filter(p) && !p->seccomp->notify && o->no_new_privileges)
		add_filter(s, p);
	if (p->creates) /* programs of the image's choice: with no more rights than the container's own */
		r = steps_hooks(s, &p->config->hooks[HOOK_START_CONTAINER], "hooks.startContainer", p->has_state, e);
	if (r < 0)
		return r;
	add_environment(s, p);
	add_strings(s, (struct plan_step){ .kind = PLAN_EXEC, .slot = -1 }, "", &o->args, NULL);
	return 0;
}
