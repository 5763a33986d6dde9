/* progress: how far a long piece of work has come, told to whoever shows it.
 *
 * Library code calls progress_at() as often as it likes; the callback (cmd/ makes it) decides what is shown and when.
 * A NULL progress is allowed everywhere. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include "base/str.h"

struct progress {
	/* `what` names the work ("layer 3/5", "debian tracker"); done of total in bytes or items, total 0 when unknown.
	 */
	void (*at)(void *ctx, struct str what, uint64_t done, uint64_t total);
	void *ctx;
};

static inline void progress_at(const struct progress *p, struct str what, uint64_t done, uint64_t total)
{
	if (p && p->at)
		p->at(p->ctx, what, done, total);
}

#endif
