/* stage 2: takes the steps of the plan. */
#include "runtime/stage2/stage2.h"

#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>

static long step_unshare(const struct plan_step *s)
{
	return fail(sys(__NR_unshare, s->arg[0]), "unshare");
}

static long step_join(const struct plan_step *s)
{
	long r = sys(__NR_setns, slots[s->slot], s->arg[0]);

	if (r < 0 || !(s->arg[0] & CLONE_NEWNS))
		return fail(r, "setns");
	/* What later steps name starts there, wherever the working directory is by then. */
	root_fd = (int)sys(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fail(root_fd, "open of the root");
}

/* The child is the caller's child too (CLONE_PARENT); this process has done its part. */
static long step_fork(const struct plan_step *s unused_arg)
{
	int pidfd = -1;
	struct clone_args a = { .flags = CLONE_PARENT | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd };
	long pid = sys(__NR_clone3, &a, sizeof(a));

	if (pid < 0)
		return fail(pid, "clone3");
	if (pid == 0) {
		sys(__NR_setsid);
		return hear(PLAN_SAY_GO);
	}
	leave(say(PLAN_SAY_CHILD, pid, &pidfd) < 0);
}

static long step_root_ids(const struct plan_step *s)
{
	long r = s->arg[0] ? sys(__NR_setgroups, 0, NULL) : 0;

	if (r < 0)
		return fail(r, "setgroups");
	r = sys(__NR_setresgid, 0, 0, 0);
	if (r < 0)
		return fail(r, "setresgid");
	r = sys(__NR_setresuid, 0, 0, 0);
	if (r < 0)
		return fail(r, "setresuid");
	return fail(sys(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0), "PR_SET_DUMPABLE");
}

static long step_sync(const struct plan_step *s)
{
	long r = say(PLAN_SAY_SYNC, (long)s->arg[0], NULL);

	return r < 0 ? r : hear(PLAN_SAY_GO);
}

static long step_hostname(const struct plan_step *s)
{
	return sys(__NR_sethostname, plan_text(s, 1), text_length(plan_text(s, 1)));
}

static long step_domainname(const struct plan_step *s)
{
	return sys(__NR_setdomainname, plan_text(s, 1), text_length(plan_text(s, 1)));
}

/* A kernel without keyrings has nothing to keep apart. */
static long step_keyring(const struct plan_step *s)
{
	long r = sys(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, plan_text(s, 1));

	return r == -ENOSYS ? 0 : fail(r, "keyctl");
}

static long step_rlimit(const struct plan_step *s)
{
	const uint64_t limit[2] = { s->arg[1], s->arg[2] };

	return fail(sys(__NR_prlimit64, 0, s->arg[0], limit, NULL), "prlimit");
}

static long step_scheduler(const struct plan_step *s)
{
	return fail(sys(__NR_sched_setattr, 0, plan_block(s), 0), "sched_setattr");
}

static long step_io_priority(const struct plan_step *s)
{
	return fail(sys(__NR_ioprio_set, 1, 0, s->arg[0]), "ioprio_set");
}

static long step_affinity(const struct plan_step *s)
{
	return fail(sys(__NR_sched_setaffinity, 0, s->bytes, plan_block(s)), "sched_setaffinity");
}

static long step_memory(const struct plan_step *s)
{
	/* The kernel takes one bit less than it is told. */
	return fail(sys(__NR_set_mempolicy, s->arg[0], s->bytes ? plan_block(s) : NULL, s->bytes * 8 + 1),
		    "set_mempolicy");
}

static long step_personality(const struct plan_step *s)
{
	return fail(sys(__NR_personality, s->arg[0]), "personality");
}

static long step_umask(const struct plan_step *s)
{
	sys(__NR_umask, s->arg[0]);
	return 0;
}

static long step_no_new_privs(const struct plan_step *s unused_arg)
{
	return fail(sys(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
}

static void end_by_signal(int signal)
{
	leave(128 + signal);
}

/* The first process of a process namespace is spared what it has no handler for, but who waits for its start can be
 * ended like any other. The program gets the defaults back: execve() does that, for those our caller ignores too
 * (conmon SIGPIPE: a shell could not trap it). */
static void heed_signals(void)
{
	static const uint8_t ending[] = { 1, 2, 3, 6, 10, 12, 13, 14, 15 };
	const struct {
		void (*handler)(int);
		unsigned long flags;
		void (*restorer)(void);
		uint64_t mask;
	} action = { end_by_signal, 0x04000000 /* SA_RESTORER */, NULL, 0 };

	for (size_t i = 0; i < sizeof(ending); i++)
		sys(__NR_rt_sigaction, ending[i], &action, NULL, sizeof(action.mask));
}

static long step_ready(const struct plan_step *s unused_arg)
{
	heed_signals();
	return say(PLAN_SAY_READY, 0, NULL);
}

static long step_wait(const struct plan_step *s)
{
	long r;

	if (s->slot < 0)
		return hear(PLAN_SAY_GO);
	sys(__NR_close, host);
	do {
		r = sys(__NR_accept4, slots[s->slot], NULL, NULL, O_CLOEXEC);
	} while (r == -EINTR || r == -ECONNABORTED);
	if (r < 0)
		leave(1); /* nobody listens any more */
	host = (int)r;
	return say(PLAN_SAY_READY, 0, NULL);
}

static long (*const take[PLAN_KINDS])(const struct plan_step *s) = {
	[PLAN_UNSHARE] = step_unshare,
	[PLAN_JOIN] = step_join,
	[PLAN_FORK] = step_fork,
	[PLAN_ROOT_IDS] = step_root_ids,
	[PLAN_TIME] = step_time,
	[PLAN_TIME_ENTER] = step_time_enter,
	[PLAN_SYNC] = step_sync,
	[PLAN_LOOPBACK] = step_loopback,
	[PLAN_HOSTNAME] = step_hostname,
	[PLAN_DOMAINNAME] = step_domainname,
	[PLAN_KEYRING] = step_keyring,
	[PLAN_PROPAGATE] = step_propagate,
	[PLAN_TREE] = step_tree,
	[PLAN_FS] = step_fs,
	[PLAN_PROC] = step_proc,
	[PLAN_ROOT] = step_root,
	[PLAN_DETACH] = step_detach,
	[PLAN_PIVOT] = step_pivot,
	[PLAN_ATTACH] = step_attach,
	[PLAN_COPY_UP] = step_copy_up,
	[PLAN_TAKE_MODE] = step_take_mode,
	[PLAN_CHANGE] = step_change,
	[PLAN_NODE] = step_node,
	[PLAN_NODE_BIND] = step_node_bind,
	[PLAN_NODE_SHOW] = step_node_show,
	[PLAN_LINK] = step_link,
	[PLAN_MASK] = step_mask,
	[PLAN_READ_ONLY] = step_read_only,
	[PLAN_SYSCTL] = step_sysctl,
	[PLAN_CONSOLE] = step_console,
	[PLAN_STDIO_OWNER] = step_stdio_owner,
	[PLAN_RLIMIT] = step_rlimit,
	[PLAN_SCHEDULER] = step_scheduler,
	[PLAN_IO_PRIORITY] = step_io_priority,
	[PLAN_AFFINITY] = step_affinity,
	[PLAN_MEMORY] = step_memory,
	[PLAN_PERSONALITY] = step_personality,
	[PLAN_LABEL] = step_label,
	[PLAN_UMASK] = step_umask,
	[PLAN_BOUNDING] = step_bounding,
	[PLAN_USER] = step_user,
	[PLAN_DIRECTORY] = step_directory,
	[PLAN_NO_NEW_PRIVS] = step_no_new_privs,
	[PLAN_LANDLOCK] = step_landlock,
	[PLAN_LANDLOCK_PATH] = step_landlock_path,
	[PLAN_LANDLOCK_ENTER] = step_landlock_enter,
	[PLAN_FIND] = step_find,
	[PLAN_READY] = step_ready,
	[PLAN_WAIT] = step_wait,
	[PLAN_HOOK] = step_hook,
	[PLAN_SECCOMP] = step_seccomp,
	[PLAN_CAPABILITIES] = step_capabilities,
	[PLAN_ENV] = step_env,
	[PLAN_EXEC] = step_exec,
};

static int number_of(const char *s)
{
	int n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (*s++ - '0');
	return n;
}

/* argv[1]: the socket, argv[2]: the first descriptor that is not the program's to keep. */
void stage2(const long *stack) __attribute__((noreturn));
void stage2(const long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);
	const struct plan_head *plan;
	const struct plan_step *s;

	if (stack[0] != 3)
		leave(2);
	host = number_of(argv[1]);
	/* R7, and R1: nobody in a container that is joined may look into this process. */
	if (sys(__NR_close_range, number_of(argv[2]), ~0u, CLOSE_RANGE_CLOEXEC) < 0 ||
	    sys(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		leave(2);
	plan = receive();
	if (!plan) {
		report(NULL, -EBADMSG);
		leave(1);
	}
	sys(__NR_umask, 0);
	sys(__NR_setsid);
	s = plan_first(plan);
	for (uint32_t i = 0; i < plan->steps; i++, s = plan_next(s)) {
		long r;

		fresh();
		r = take[s->kind] ? take[s->kind](s) : -ENOSYS;
		if (r < 0) {
			report(s, r);
			leave(1);
		}
	}
	leave(3); /* a plan ends with PLAN_EXEC */
}

#ifdef __x86_64__
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall stage2\n");
#else
__asm__(".globl _start\n_start:\n\tmov x29, xzr\n\tmov x0, sp\n\tbl stage2\n");
#endif
