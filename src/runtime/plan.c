/* plan: the writer's side. See plan-write.h. */
#include "runtime/plan-write.h"

#include <string.h>

void plan_init(struct plan *p)
{
	*p = (struct plan){ 0 };
	buf_init(&p->b, PLAN_BYTES_MAX);
	buf_room(&p->b, sizeof(struct plan_head));
}

void plan_done(struct plan *p)
{
	buf_done(&p->b);
}

int plan_passed(struct plan *p)
{
	if (p->passed + p->made >= PLAN_SLOTS_MAX) {
		p->too_many = true;
		return 0;
	}
	return (int)p->passed++;
}

int plan_made(struct plan *p)
{
	if (p->passed + p->made >= PLAN_SLOTS_MAX) {
		p->too_many = true;
		return 0;
	}
	return (int)(PLAN_SLOTS_MAX - ++p->made);
}

static void add_padding(struct buf *b, size_t n)
{
	static const char zero[8];

	buf_add(b, zero, plan_round(n) - n);
}

void plan_add(struct plan *p, struct plan_step step, const char *const *texts, size_t n, struct str block)
{
	uint64_t text = 0, size;

	for (size_t i = 0; i < n; i++)
		text += strlen(texts[i]) + 1;
	size = sizeof(step) + plan_round(text) + plan_round(block.n);
	if (size > PLAN_BYTES_MAX || n > PLAN_STRINGS_MAX || p->steps >= PLAN_STEPS_MAX) {
		p->too_many = true;
		return;
	}
	step.size = (uint32_t)size;
	step.strings = (uint32_t)n;
	step.text = (uint32_t)text;
	step.bytes = (uint32_t)block.n;
	buf_add(&p->b, &step, sizeof(step));
	for (size_t i = 0; i < n; i++)
		buf_add(&p->b, texts[i], strlen(texts[i]) + 1);
	add_padding(&p->b, text);
	buf_add(&p->b, block.p, block.n);
	add_padding(&p->b, block.n);
	p->steps++;
}

int plan_finish(struct plan *p, struct err *e)
{
	struct plan_head h = { .magic = PLAN_MAGIC, .steps = p->steps, .passed = p->passed, .slots = PLAN_SLOTS_MAX };

	if (p->too_many || buf_finish(&p->b) < 0)
		return err_set(e, -E2BIG,
			       "the container needs more than %u bytes, %d steps or %d descriptors to set up",
			       PLAN_BYTES_MAX, PLAN_STEPS_MAX, PLAN_SLOTS_MAX);
	h.bytes = (uint32_t)p->b.n;
	memcpy(p->b.p, &h, sizeof(h));
	return 0;
}
