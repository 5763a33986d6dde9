/* rematch: many inventories against a changed database, without opening one of them.
 *
 * The cache interns packages: an inventory is a sorted array of numbers of distinct packages. A distinct package is
 * judged once, whatever the number of inventories that hold it (full), or only when the database says something else
 * about it (delta). The result tells which inventories are dirty and how many findings each has; the findings
 * themselves are match_inventory()'s job, for the dirty ones. Left out here: what depends on the company a package
 * keeps (rpm siblings, which change only together with the sibling that stands in the same inventory). Whoever interns
 * leaves out what is not judged: foreign packages and language packages that belong to the distribution. */
#ifndef VULN_REMATCH_H
#define VULN_REMATCH_H

#include "vuln/db.h"
#include "vuln/match.h"

#define REMATCH_SEVERITIES 8 /* room for SEV_UNKNOWN to SEV_CRITICAL */

struct rematch_os {
	struct str ns; /* "debian:12"; "" for language packages */
	bool eol;
};

struct rematch_package {
	struct package p;
	uint32_t os; /* index into os */
};

struct rematch_inventory {
	const uint32_t *packages; /* sorted */
	size_t count;
};

/* All borrowed. */
struct rematch_set {
	const struct rematch_os *os;
	size_t os_count;
	const struct rematch_package *packages;
	size_t package_count;
	const struct rematch_inventory *inventories;
	size_t inventory_count;
};

/* What was found on one distinct package: `hash` stands for ids, statuses and fixes. */
struct rematch_sum {
	uint64_t hash;
	uint16_t findings[REMATCH_SEVERITIES]; /* by severity; 65,535 means that many or more */
};

struct rematch_total {
	uint32_t findings[REMATCH_SEVERITIES];
};

/* What a delta needs to find its way: which packages a name means, which inventories hold a package. Independent of the
 * database; made once for a set, some 350 bytes a package and 4 bytes for each package of each inventory. */
struct rematch_index;
struct rematch_index *rematch_index_new(const struct rematch_set *set);
struct rematch_index *rematch_index_free(struct rematch_index *x);

/* Judges every distinct package, then adds up every inventory. Arrays as long as the set's. */
int rematch_full(const struct db *db, const struct rematch_set *set, const struct rematch_index *x,
		 const struct match_options *options, struct rematch_sum *packages, struct rematch_total *inventories,
		 struct err *e) must_check;

/* The same result from the arrays as they were for the previous database (db_previous()), touching only what the
 * changes of `db` name. dirty[i] is set for inventories in which a finding changed. Returns how many those are. */
int rematch_delta(const struct db *db, const struct rematch_set *set, const struct rematch_index *x,
		  const struct match_options *options, struct rematch_sum *packages, struct rematch_total *inventories,
		  bool *dirty, struct err *e) must_check;

#endif
