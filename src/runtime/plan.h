/* plan: what stage 2 is to do, as a flat list of steps that the host's side has thought through.
 *
 * The host's side (runtime/launch.h) reads the configuration and writes steps; stage 2 takes one after the other and
 * knows nothing else. A step is a fixed head, then strings (the first says what it is about, for the error message:
 * "mounts[2] (/dev/pts)"), then padding to 8 bytes, or a block of bytes in place of the further strings. Descriptors
 * are numbered: a step names a slot, the first `passed` slots come over the socket with the plan, the others are filled
 * by steps. Numbers are the machine's own: both sides run on it.
 *
 * plan_check() is the only judge of a plan; it is what stage 2 runs before the first step and what the fuzzer feeds
 * (R4: every length is checked against what is left, no number is narrowed). This header is used by stage 2 too, where
 * there is no C library: nothing here may call one. */
#ifndef RUNTIME_PLAN_H
#define RUNTIME_PLAN_H

#include "base/attr.h"

#define PLAN_MAGIC 0x59505332u
#define PLAN_BYTES_MAX (8u << 20) /* arguments and environment are 2 MiB at most; hooks and mounts the rest */
#define PLAN_STEPS_MAX 65536
#define PLAN_SLOTS_MAX 8192	/* descriptors of one plan: each mount needs one, see CONFIG_MOUNTS_MAX */
#define PLAN_STRINGS_MAX 131072 /* arguments or environment of one program, see CONFIG_ARRAY_MAX */
#define PLAN_CHUNK_BYTES 65536	/* of one message on the socket */
#define PLAN_CHUNK_FDS 200	/* descriptors with one message; the kernel takes 253 */

struct plan_head {
	uint32_t magic, bytes; /* all of it, this head too */
	uint32_t steps;
	uint32_t passed, slots; /* descriptors that come with it; of all */
	uint32_t reserved;
};

/* What the numbers in arg[] are stands beside each. Paths are inside the container unless "host" is said. */
enum plan_kind {
	PLAN_UNSHARE = 1, /* CLONE_NEW... */
	PLAN_JOIN,	  /* slot: a namespace or pidfd; CLONE_NEW... */
	PLAN_FORK,     /* goes on in a child: into the process namespace that was joined; the parent says its number */
	PLAN_ROOT_IDS, /* user and group 0 of the user namespace */
	PLAN_TIME,     /* clock, seconds, nanoseconds: offset of a new time namespace */
	PLAN_TIME_ENTER, /* the new time namespace from now on */
	PLAN_SYNC,	 /* the host's side acts now: enum sync_point */
	PLAN_LOOPBACK,
	PLAN_HOSTNAME,	 /* "name" */
	PLAN_DOMAINNAME, /* "name" */
	PLAN_KEYRING,	 /* "name" of a new session keyring */
	PLAN_PROPAGATE,	 /* MS_...; 1: recursively: of all mounts there are */
	PLAN_TREE,   /* to slot: a copy of the mount at "host path"; 1: with those below, 1: no link followed; if not
		      * 0, its type and its device number must be these */
	PLAN_FS,     /* to slot: a new file system; MOUNT_ATTR_...; "type", then "key", "value" by turns ("", "flag") */
	PLAN_PROC,   /* slot: the procfs that is ours (R2); -1: make one that nobody sees */
	PLAN_ROOT,   /* slot: becomes the root of what follows; "host path": mounted there, "": over all there is */
	PLAN_DETACH, /* the procfs or sysfs at "host path" goes, with what is below it (--no-pivot) */
	PLAN_PIVOT,  /* 1: by moving and chroot (--no-pivot) */
	PLAN_ATTACH, /* slot: mounted at "path"; attributes set, cleared; the same with those below; MS_... */
	PLAN_COPY_UP,	  /* slot: gets what stands at "path" */
	PLAN_TAKE_MODE,	  /* slot: its root gets the mode of the directory at "path", if there is one */
	PLAN_CHANGE,	  /* the mount at "path" again; as PLAN_ATTACH */
	PLAN_NODE,	  /* in slot, a tmpfs of ours: "path" in it; mode with type, device number, uid, gid */
	PLAN_NODE_BIND,	  /* in slot: "path" in it, a file; slot arg[0] mounted there */
	PLAN_NODE_SHOW,	  /* in slot: "name" in it goes away and is mounted at "path" */
	PLAN_LINK,	  /* in slot: "path" in it -> "target" */
	PLAN_MASK,	  /* "path" hidden; slot: a null device, -1: the node made by PLAN_NODE in slot arg[0] */
	PLAN_READ_ONLY,	  /* "path" and what is below */
	PLAN_SYSCTL,	  /* "path below /proc/sys", "value" */
	PLAN_CONSOLE,	  /* slot: devpts, -1: the one of the container; slot of /dev or -1, height, width */
	PLAN_STDIO_OWNER, /* uid: of descriptors 0 to 2 that are no device */
	PLAN_RLIMIT,	  /* RLIMIT_..., soft, hard */
	PLAN_SCHEDULER,	  /* bytes: struct sched_attr */
	PLAN_IO_PRIORITY, /* value for ioprio_set(2) */
	PLAN_AFFINITY,	  /* bytes: the set of CPUs */
	PLAN_MEMORY,	  /* mode; bytes: the set of nodes */
	PLAN_PERSONALITY, /* value for personality(2) */
	PLAN_LABEL,	  /* "file below /proc/self/attr", "text" */
	PLAN_UMASK,	  /* mask */
	PLAN_BOUNDING,	  /* set of capabilities that stay in the bounding set */
	PLAN_USER,	  /* uid, gid, 1: set groups; bytes: uint32_t groups */
	PLAN_DIRECTORY,	  /* 1: made when it is not there; "path": current from now on, checked to be inside (R7) */
	PLAN_NO_NEW_PRIVS,
	PLAN_LANDLOCK,	    /* file system, network rights handled, scopes */
	PLAN_LANDLOCK_PATH, /* "path"; rights left below it */
	PLAN_LANDLOCK_ENTER,
	PLAN_FIND,  /* "name", "directories:of:PATH": the program to run, found now so that errors come early */
	PLAN_READY, /* all is set up: said to the host's side */
	PLAN_WAIT,  /* slot: listening socket; until `start` connects, which then hears of errors; -1: until the host's
		     * side says go on the same socket */
	PLAN_HOOK,  /* seconds; slot: read as its standard input; "path", arguments...; its PLAN_ENV comes before */
	PLAN_SECCOMP,	   /* flags, 1: tell the host's side of the listener, 1: needs the rights that the change of
			    * user took; bytes: struct sock_filter */
	PLAN_CAPABILITIES, /* effective, permitted, inheritable, ambient */
	PLAN_ENV,	   /* strings of the environment of the next PLAN_EXEC or PLAN_HOOK; 1: LISTEN_PID is added */
	PLAN_EXEC,	   /* arguments; the program is the one PLAN_FIND found */
	PLAN_KINDS,
};

struct plan_step {
	uint32_t size; /* of the whole step, a multiple of 8 */
	uint16_t kind;
	uint16_t reserved;
	uint32_t strings; /* NUL-terminated, behind this head */
	uint32_t bytes;	  /* of the block behind the strings, which begins at a multiple of 8 */
	int32_t slot;	  /* -1: none */
	uint32_t text;	  /* bytes of all strings */
	uint64_t arg[5];
};

struct plan_rule {
	uint32_t strings_min, strings_max; /* the first, what it is about, counted */
	uint32_t unit;			   /* the block is a multiple of this, 0: no block */
	bool slot;			   /* it must have one */
};

/* By kind; a kind without a row (strings_min 0) does not exist. */
static const struct plan_rule plan_rules[PLAN_KINDS] = {
	[PLAN_UNSHARE] = { 1, 1, 0, false },
	[PLAN_JOIN] = { 1, 1, 0, true },
	[PLAN_FORK] = { 1, 1, 0, false },
	[PLAN_ROOT_IDS] = { 1, 1, 0, false },
	[PLAN_TIME] = { 1, 1, 0, false },
	[PLAN_TIME_ENTER] = { 1, 1, 0, false },
	[PLAN_SYNC] = { 1, 1, 0, false },
	[PLAN_LOOPBACK] = { 1, 1, 0, false },
	[PLAN_HOSTNAME] = { 2, 2, 0, false },
	[PLAN_DOMAINNAME] = { 2, 2, 0, false },
	[PLAN_KEYRING] = { 2, 2, 0, false },
	[PLAN_PROPAGATE] = { 1, 1, 0, false },
	[PLAN_TREE] = { 2, 2, 0, true },
	[PLAN_FS] = { 2, PLAN_STRINGS_MAX, 0, true },
	[PLAN_PROC] = { 1, 1, 0, false },
	[PLAN_ROOT] = { 2, 2, 0, true },
	[PLAN_DETACH] = { 2, 2, 0, false },
	[PLAN_PIVOT] = { 1, 1, 0, false },
	[PLAN_ATTACH] = { 2, 2, 0, true },
	[PLAN_COPY_UP] = { 2, 2, 0, true },
	[PLAN_TAKE_MODE] = { 2, 2, 0, true },
	[PLAN_CHANGE] = { 2, 2, 0, false },
	[PLAN_NODE] = { 2, 2, 0, true },
	[PLAN_NODE_BIND] = { 2, 2, 0, true },
	[PLAN_NODE_SHOW] = { 3, 3, 0, true },
	[PLAN_LINK] = { 3, 3, 0, true },
	[PLAN_MASK] = { 2, 2, 0, false },
	[PLAN_READ_ONLY] = { 2, 2, 0, false },
	[PLAN_SYSCTL] = { 3, 3, 0, false },
	[PLAN_CONSOLE] = { 1, 1, 0, false },
	[PLAN_STDIO_OWNER] = { 1, 1, 0, false },
	[PLAN_RLIMIT] = { 1, 1, 0, false },
	[PLAN_SCHEDULER] = { 1, 1, 8, false },
	[PLAN_IO_PRIORITY] = { 1, 1, 0, false },
	[PLAN_AFFINITY] = { 1, 1, 8, false },
	[PLAN_MEMORY] = { 1, 1, 8, false },
	[PLAN_PERSONALITY] = { 1, 1, 0, false },
	[PLAN_LABEL] = { 3, 3, 0, false },
	[PLAN_UMASK] = { 1, 1, 0, false },
	[PLAN_BOUNDING] = { 1, 1, 0, false },
	[PLAN_USER] = { 1, 1, 4, false },
	[PLAN_DIRECTORY] = { 2, 2, 0, false },
	[PLAN_NO_NEW_PRIVS] = { 1, 1, 0, false },
	[PLAN_LANDLOCK] = { 1, 1, 0, false },
	[PLAN_LANDLOCK_PATH] = { 2, 2, 0, false },
	[PLAN_LANDLOCK_ENTER] = { 1, 1, 0, false },
	[PLAN_FIND] = { 3, 3, 0, false },
	[PLAN_READY] = { 1, 1, 0, false },
	[PLAN_WAIT] = { 1, 1, 0, false },
	[PLAN_HOOK] = { 2, PLAN_STRINGS_MAX, 0, true },
	[PLAN_SECCOMP] = { 1, 1, 8, false },
	[PLAN_CAPABILITIES] = { 1, 1, 0, false },
	[PLAN_ENV] = { 1, PLAN_STRINGS_MAX, 0, false },
	[PLAN_EXEC] = { 2, PLAN_STRINGS_MAX, 0, false },
};

static inline size_t plan_round(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static inline const char *plan_texts(const struct plan_step *s)
{
	return (const char *)(s + 1);
}

/* The string behind this one. */
static inline const char *plan_after(const char *text)
{
	while (*text)
		text++;
	return text + 1;
}

/* String n of a step; the caller knows from plan_rules that it is there. */
static inline const char *plan_text(const struct plan_step *s, unsigned int n)
{
	const char *at = plan_texts(s);

	while (n--)
		at = plan_after(at);
	return at;
}

static inline const void *plan_block(const struct plan_step *s)
{
	return (const char *)(s + 1) + plan_round(s->text);
}

static inline const struct plan_step *plan_first(const struct plan_head *h)
{
	return (const struct plan_step *)(const void *)(h + 1);
}

static inline const struct plan_step *plan_next(const struct plan_step *s)
{
	return (const struct plan_step *)(const void *)((const char *)s + s->size);
}

/* The strings are as many as it says, end inside their part, and the last one ends it. */
static inline bool plan_texts_ok(const struct plan_step *s)
{
	const char *p = plan_texts(s);
	uint32_t found = 0;

	for (uint32_t i = 0; i < s->text; i++)
		found += p[i] == 0;
	return s->text && p[s->text - 1] == 0 && found == s->strings;
}

static inline bool plan_step_ok(const struct plan_step *s, size_t left, uint32_t slots)
{
	const struct plan_rule *rule;
	size_t used = sizeof(*s);

	if (left < sizeof(*s) || s->size > left || s->size < sizeof(*s) || s->size % 8)
		return false;
	if (s->kind >= PLAN_KINDS || s->reserved)
		return false;
	rule = &plan_rules[s->kind];
	if (!rule->strings_min || s->strings < rule->strings_min || s->strings > rule->strings_max)
		return false;
	if (s->slot < -1 || (s->slot >= 0 && (uint32_t)s->slot >= slots) || (rule->slot && s->slot < 0))
		return false;
	if (s->text > s->size - used)
		return false;
	used += plan_round(
		s->text); /* the sum stays below 2^32 + 2^4: size_t has 64 bits here, and it is checked next */
	if (used > s->size || s->bytes > s->size - used || plan_round(s->bytes) != s->size - used)
		return false;
	if (rule->unit ? s->bytes % rule->unit != 0 : s->bytes != 0)
		return false;
	return plan_texts_ok(s);
}

/* Judges n bytes (aligned to 8) before the first step is taken. */
static inline bool plan_check(const void *bytes, size_t n)
{
	const struct plan_head *h = (const struct plan_head *)bytes;
	const struct plan_step *s;
	size_t left;

	if (n < sizeof(*h) || n > PLAN_BYTES_MAX || h->magic != PLAN_MAGIC || h->bytes != n || h->reserved)
		return false;
	if (h->steps > PLAN_STEPS_MAX || h->slots > PLAN_SLOTS_MAX || h->passed > h->slots)
		return false;
	left = n - sizeof(*h);
	s = plan_first(h);
	for (uint32_t i = 0; i < h->steps; i++) {
		if (!plan_step_ok(s, left, h->slots))
			return false;
		left -= s->size;
		s = plan_next(s);
	}
	return left == 0;
}

/* Beside the first propagation in arg[4] of PLAN_ATTACH: no part of the path may be a link. */
#define PLAN_ATTACH_PLAIN (1u << 31)

/* What goes back and forth on the socket: one message each. */
enum plan_word {
	PLAN_SAY_GO = 1,   /* host: execute stage 2; after PLAN_SYNC: go on */
	PLAN_SAY_ERROR,	   /* stage 2: what failed and the errno */
	PLAN_SAY_WORDS,	   /* the same, and the text says all of it */
	PLAN_SAY_SYNC,	   /* stage 2: at PLAN_SYNC, its enum sync_point */
	PLAN_SAY_CHILD,	   /* stage 2: number of the process made by PLAN_FORK, its pidfd comes with it */
	PLAN_SAY_READY,	   /* all is set up; what is said then is said by the program's start */
	PLAN_SAY_CONSOLE,  /* stage 2: the terminal's master comes with it */
	PLAN_SAY_LISTENER, /* stage 2: the seccomp listener will be descriptor `number` */
};

#define PLAN_SAY_TEXT_MAX 384
struct plan_say {
	uint32_t word;
	int32_t number; /* errno, process */
	char text[PLAN_SAY_TEXT_MAX];
};

#endif
