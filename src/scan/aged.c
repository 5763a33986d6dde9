/* aged: what has to go. See aged.h. */
#include "scan/aged.h"

#include <stdlib.h>
#include <string.h>

static int older_first(const void *va, const void *vb)
{
	const struct aged *a = va, *b = vb;

	if (a->used_s != b->used_s)
		return a->used_s < b->used_s ? -1 : 1;
	return strcmp(a->name, b->name);
}

size_t aged_first(struct aged *v, size_t n, const struct aged_rule *rule)
{
	uint64_t left = 0;
	size_t go = 0;

	for (size_t i = 0; i < n; i++)
		left += v[i].bytes;
	if (n)
		qsort(v, n, sizeof(*v), older_first);
	while (go < n && (v[go].used_s + rule->max_age_s < rule->now_s || left > rule->max_bytes))
		left -= v[go++].bytes;
	return go;
}
