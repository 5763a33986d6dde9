/* intern: every run of bytes once, under a number; the numbers count from 0, which is the empty run.
 *
 * The bytes stay where they are until intern_done(). Past its limits it remembers `full` and gives 0. The table's seed
 * is random: an enemy who picks the bytes cannot make them collide. */
#ifndef VULN_INTERN_H
#define VULN_INTERN_H

#include "base/mem.h"

struct intern_entry {
	char *p;
	uint32_t n;
	uint32_t tag; /* high half of the hash */
};

struct intern {
	VEC(struct intern_entry) all;
	uint32_t *slot; /* number + 1; 0: free */
	size_t slots;	/* a power of two */
	uint64_t seed;
	struct intern_page *page;
	size_t bytes, bytes_max; /* held, and how many may be */
	bool full;
};

void intern_init(struct intern *in, size_t bytes_max);
void intern_done(struct intern *in);
uint32_t intern_put(struct intern *in, const void *p, size_t n);

static inline struct str intern_str(const struct intern *in, uint32_t i)
{
	return str_n(in->all.v[i].p, in->all.v[i].n);
}

/* The entries in an order that depends on their bytes only: by hash[i] (of entry i), then by bytes. The caller frees.
 */
uint32_t *intern_order(const struct intern *in, const uint64_t *hash);

#endif
