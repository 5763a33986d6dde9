/* stage 2: what comes from the host's side and what is said to it: the plan, the words, the reason of a failure. */
#include "runtime/stage2/stage2.h"

#include <linux/uio.h>

#define SOL_SOCKET_LEVEL 1
#define SCM_RIGHTS_TYPE 1
#define FLAG_NOSIGNAL 0x4000
#define FLAG_CTRUNC 8
#define FLAG_CMSG_CLOEXEC 0x40000000

struct message {
	void *name;
	int name_bytes;
	struct iovec *parts;
	size_t part_count;
	void *control;
	size_t control_bytes;
	unsigned int flags;
};
struct control {
	size_t bytes;
	int level, type;
	int fds[PLAN_CHUNK_FDS];
};

int slots[PLAN_SLOTS_MAX];
int root_fd = AT_FDCWD;

static union {
	struct plan_head head;
	uint8_t bytes[PLAN_BYTES_MAX];
} plan __attribute__((aligned(16)));
static uint32_t arrived; /* descriptors */

int host;
static const char *tried;
static char noted[PLAN_SAY_TEXT_MAX];
static bool whole;

long fail(long r, const char *what)
{
	tried = what;
	return r;
}

void note(const char *text)
{
	noted[0] = 0;
	text_add(noted, sizeof(noted), 0, text);
}

void fresh(void)
{
	tried = NULL;
	noted[0] = 0;
}

void note_whole(const char *text)
{
	note(text);
	whole = true;
}

void leave(int status)
{
	for (;;)
		sys(__NR_exit_group, status);
}

static long send_say(const struct plan_say *m, const int *fd)
{
	struct iovec part = { (void *)(uintptr_t)m, sizeof(*m) };
	struct control c = { sizeof(size_t) + 3 * sizeof(int), SOL_SOCKET_LEVEL, SCM_RIGHTS_TYPE, { fd ? *fd : -1 } };
	struct message msg = { 0 };
	long r;

	msg.parts = &part;
	msg.part_count = 1;
	if (fd) {
		msg.control = &c;
		msg.control_bytes = (c.bytes + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1);
	}
	do {
		/* The plain call where it does: of all it is the likeliest to be left by a filter. */
		r = fd ? sys(__NR_sendmsg, host, &msg, FLAG_NOSIGNAL) : sys(__NR_write, host, m, sizeof(*m));
	} while (r == -EINTR);
	return r < 0 ? r : 0;
}

long say(uint32_t word, long number, const int *fd)
{
	struct plan_say m = { .word = word, .number = (int32_t)number };

	return send_say(&m, fd);
}

/* The host's side is gone, or says something else: then nothing may happen any more. */
long hear(uint32_t word)
{
	struct plan_say m;
	long r;

	do {
		r = sys(__NR_read, host, &m, sizeof(m));
	} while (r == -EINTR);
	if (r != sizeof(m) || m.word != word)
		leave(1);
	return 0;
}

void report(const struct plan_step *s, long r)
{
	struct plan_say m = { .word = whole ? PLAN_SAY_WORDS : PLAN_SAY_ERROR, .number = (int32_t)-r };
	size_t at = text_add(m.text, sizeof(m.text), 0, s ? plan_text(s, 0) : "plan");

	if (tried) {
		at = text_add(m.text, sizeof(m.text), at, at ? ": " : "");
		at = text_add(m.text, sizeof(m.text), at, tried);
	}
	if (noted[0]) {
		at = text_add(m.text, sizeof(m.text), at, at ? " " : "");
		text_add(m.text, sizeof(m.text), at, noted);
	}
	send_say(&m, NULL);
}

/* One part of the plan and the descriptors that come with it. */
static long receive_part(size_t at)
{
	static struct control c;
	struct iovec part = { plan.bytes + at, sizeof(plan.bytes) - at };
	struct message msg = { 0 };
	size_t n = 0;
	long r;

	msg.parts = &part;
	msg.part_count = 1;
	msg.control = &c;
	msg.control_bytes = sizeof(c);
	do {
		r = sys(__NR_recvmsg, host, &msg, FLAG_CMSG_CLOEXEC);
	} while (r == -EINTR);
	if (r <= 0 || (msg.flags & FLAG_CTRUNC))
		leave(1);
	if (msg.control_bytes && c.level == SOL_SOCKET_LEVEL && c.type == SCM_RIGHTS_TYPE)
		n = (c.bytes - sizeof(size_t) - 2 * sizeof(int)) / sizeof(int);
	for (size_t i = 0; i < n && arrived < PLAN_SLOTS_MAX; i++)
		slots[arrived++] = c.fds[i];
	return r;
}

const struct plan_head *receive(void)
{
	size_t at = 0;

	for (uint32_t i = 0; i < PLAN_SLOTS_MAX; i++)
		slots[i] = -1;
	do {
		at += (size_t)receive_part(at);
	} while (at < sizeof(plan.head) || (at < plan.head.bytes && at < sizeof(plan.bytes)));
	return plan_check(plan.bytes, at) && arrived == plan.head.passed ? &plan.head : NULL;
}
