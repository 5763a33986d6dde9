/* plan-write: the writer's side of a plan (runtime/plan.h). Steps are added in a row; plan_finish() says once whether
 * all of it fits. */
#ifndef RUNTIME_PLAN_WRITE_H
#define RUNTIME_PLAN_WRITE_H

#include "base/buf.h"
#include "runtime/plan.h"

struct plan {
	struct buf b;
	uint32_t steps, passed, made; /* descriptors that come with the plan; that its steps make */
	bool too_many;
};
void plan_init(struct plan *p);
void plan_done(struct plan *p);
#define auto_plan cleanup_with(plan_done)

int plan_passed(struct plan *p); /* the next slot of those that come with the plan, in the order they are sent */
int plan_made(struct plan *p);	 /* a slot that a step will fill */

void plan_add(struct plan *p, struct plan_step step, const char *const *texts, size_t n, struct str block);

#define plan_text_step(p, head, ...)                                                \
	plan_add((p), (struct plan_step)head, (const char *const[]){ __VA_ARGS__ }, \
		 sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), STR_NONE)

/* 0, or -E2BIG. */
int plan_finish(struct plan *p, struct err *e) must_check;

#endif
