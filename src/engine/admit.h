/* admit: may an image run, going by what is known against it? */
#ifndef ENGINE_ADMIT_H
#define ENGINE_ADMIT_H

#include "model/finding.h"

enum admit_action { ADMIT_WARN, ADMIT_DENY, ADMIT_OFF };

struct admit_policy {
	enum admit_action action;
	enum severity severity; /* findings of this severity and worse count; those nobody rated count always */
	bool fixed_only;	/* only what an upgrade repairs counts */
	bool unassessed; /* what could not be assessed counts too: no database, a release past its end of life, ... */
};

#define ADMIT_LINE_MAX 300
/* True: it may. `line` says what was found and what follows, for a person. */
bool admit_judge(const struct admit_policy *p, const struct verdict *v, char line[ADMIT_LINE_MAX]);

#endif
