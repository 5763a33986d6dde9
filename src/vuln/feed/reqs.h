/* reqs: lists of version requirements as package managers write them, turned into ranges.
 *
 * ">= 1.2, < 2", "~> 5.2.4, >= 5.2.4.3", "<=1.0 || >=2.0 <2.4": comparators in a row all hold (and), "||" separates
 * alternatives (or). What a range cannot say exactly (a beginning that is itself excluded) gets the nearest version
 * above it. */
#ifndef VULN_FEED_REQS_H
#define VULN_FEED_REQS_H

#include "base/mem.h"
#include "model/advisory.h"

#define REQS_MAX 256 /* alternatives of one entry */

/* An interval of versions; empty texts are open ends. */
struct req {
	struct str low, high;
	bool low_excluded, high_included;
};

struct reqs {
	struct req v[REQS_MAX];
	size_t n;
	bool bad; /* a comparator that is not understood, or too many: the list must not be used */
};

/* The comparators of one alternative; `gem`: "~>" and commas, else npm's "~", "^" and "1.x". */
void reqs_add(struct reqs *r, struct arena *a, struct str text, bool gem);
/* All alternatives of a text. */
void reqs_add_alternatives(struct reqs *r, struct arena *a, struct str text);
/* As ranges; a point becomes a range that ends with itself. `semver`: npm's versions. */
size_t reqs_ranges(const struct reqs *r, struct arena *a, bool semver, const struct adv_range **ret);
/* What lies in none of them, in an order of versions. */
size_t reqs_complement(struct reqs *r, struct arena *a, int (*compare)(struct str, struct str),
		       const struct adv_range **ret);

#endif
