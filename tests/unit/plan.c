/* plan: what is written can be read; what is cut, stretched or turned is refused. */
#include "runtime/plan-write.h"

#include "base/mem.h"
#include "tap.h"

static void write_some(struct plan *p)
{
	static const uint32_t groups[3] = { 1, 2, 3 };
	const char *about = "process.user";

	plan_init(p);
	EQ_INT(plan_passed(p), 0);
	EQ_INT(plan_passed(p), 1);
	EQ_INT(plan_made(p), PLAN_SLOTS_MAX - 1);
	plan_text_step(p, ((struct plan_step){ .kind = PLAN_HOSTNAME, .slot = -1 }), "hostname", "box");
	plan_text_step(p, ((struct plan_step){ .kind = PLAN_ATTACH, .slot = 1 }), "mounts[0]", "dev/pts");
	plan_add(p, (struct plan_step){ .kind = PLAN_USER, .slot = -1, .arg = { 7, 8 } }, &about, 1,
		 str_n(groups, sizeof(groups)));
	plan_text_step(p, ((struct plan_step){ .kind = PLAN_EXEC, .slot = -1 }), "", "sh", "", "-c");
}

TEST(written_is_read)
{
	struct plan p;
	const struct plan_step *s;

	write_some(&p);
	EQ_INT(plan_finish(&p, NULL), 0);
	OK(plan_check(p.b.p, p.b.n));
	s = plan_first((const void *)p.b.p);
	EQ_Z(plan_text(s, 0), "hostname");
	EQ_Z(plan_text(s, 1), "box");
	s = plan_next(s);
	EQ_INT(s->slot, 1);
	s = plan_next(s);
	EQ_INT(s->bytes, 12);
	EQ_INT(((const uint32_t *)plan_block(s))[2], 3);
	s = plan_next(s);
	EQ_INT(s->strings, 4);
	EQ_Z(plan_text(s, 2), "");
	EQ_Z(plan_text(s, 3), "-c");
	plan_done(&p);
}

/* Every byte turned in turn: refused, or still a plan whose strings and blocks are inside (the fuzz target's promise);
 * every shorter length: refused. */
TEST(damage)
{
	struct plan p;
	unsigned int refused = 0;

	write_some(&p);
	EQ_INT(plan_finish(&p, NULL), 0);
	for (size_t n = 0; n < p.b.n; n++)
		OK(!plan_check(p.b.p, n));
	for (size_t i = 0; i < p.b.n; i++) {
		p.b.p[i] = (char)(p.b.p[i] ^ 0x80);
		refused += !plan_check(p.b.p, p.b.n);
		p.b.p[i] = (char)(p.b.p[i] ^ 0x80);
	}
	OK(refused > p.b.n / 4);
	OK(plan_check(p.b.p, p.b.n));
	plan_done(&p);
}

struct bad_row {
	const char *name;
	struct plan_step step;
	const char *texts[3];
	size_t n;
};
static const struct bad_row bad[] = {
	{ "no such kind", { .kind = PLAN_KINDS, .slot = -1 }, { "a" }, 1 },
	{ "kind 0", { .kind = 0, .slot = -1 }, { "a" }, 1 },
	{ "too few strings", { .kind = PLAN_HOSTNAME, .slot = -1 }, { "a" }, 1 },
	{ "too many strings", { .kind = PLAN_HOSTNAME, .slot = -1 }, { "a", "b", "c" }, 3 },
	{ "needs a slot", { .kind = PLAN_ATTACH, .slot = -1 }, { "a", "b" }, 2 },
	{ "slot beyond", { .kind = PLAN_ATTACH, .slot = PLAN_SLOTS_MAX }, { "a", "b" }, 2 },
	{ "slot below", { .kind = PLAN_PROC, .slot = -2 }, { "a" }, 1 },
};

TEST(refused)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct plan p;

		row("%s", bad[i].name);
		plan_init(&p);
		plan_add(&p, bad[i].step, bad[i].texts, bad[i].n, STR_NONE);
		EQ_INT(plan_finish(&p, NULL), 0);
		OK(!plan_check(p.b.p, p.b.n));
		plan_done(&p);
	}
}

TEST(too_large)
{
	struct plan p;
	auto_free char *text = xcalloc(PLAN_BYTES_MAX, 1);

	plan_init(&p);
	memset(text, 'x', PLAN_BYTES_MAX - 1);
	plan_text_step(&p, ((struct plan_step){ .kind = PLAN_HOSTNAME, .slot = -1 }), "hostname", text);
	EQ_INT(plan_finish(&p, NULL), -E2BIG);
	plan_done(&p);
	plan_init(&p);
	for (int i = 0; i < PLAN_SLOTS_MAX; i++)
		plan_passed(&p);
	EQ_INT(plan_finish(&p, NULL), 0);
	plan_made(&p);
	EQ_INT(plan_finish(&p, NULL), -E2BIG);
	plan_done(&p);
}
