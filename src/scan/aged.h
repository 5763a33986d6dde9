/* aged: which of the files that could be made again have to go: the rule of `yagura cache prune`. */
#ifndef SCAN_AGED_H
#define SCAN_AGED_H

#include "base/attr.h"
#include "base/mem.h"

struct aged {
	const char *name;
	uint64_t bytes, used_s; /* when it was used last */
};
struct aged_rule {
	uint64_t now_s, max_age_s; /* older than that: goes */
	uint64_t max_bytes;	   /* then the least recently used, until so many are left */
};

/* Sorts them, the least recently used first; so many of the first have to go. */
size_t aged_first(struct aged *v, size_t n, const struct aged_rule *rule);

#endif
