/* match: which vulnerabilities the packages of an inventory have. The rules are docs/matching.md.
 *
 * Pure: the same database, inventory and options give the same verdict. Both functions fail only when the database is
 * damaged (-EBADMSG). */
#ifndef VULN_MATCH_H
#define VULN_MATCH_H

#include "model/finding.h"
#include "vuln/db.h"

struct match_options {
	bool no_inferred;  /* leave out what is concluded from other branches */
	bool pro_attached; /* the host has Ubuntu Pro: subscription fixes count as available */
};

/* Fills verdict->findings, ->feeds and ->database from the database, and adds what could not be judged to the
 * inventory's notes (unknown or end-of-life release, unparsable version, ecosystem without data). `db` may be NULL:
 * then everything is "not assessed". The verdict's strs point into the database, which must live as long. */
int match_inventory(const struct db *db, struct inventory *inv, const struct match_options *options,
		    struct verdict *ret, struct err *e) must_check;

/* Why: writes the trace of one id for the packages of that name ("" = all): evidence, mapping, statements, comparisons,
 * decision. Returns how many packages were looked at, also when the answer is "not affected". */
int match_explain(const struct db *db, struct inventory *inv, const struct match_options *options, struct str id,
		  struct str package, struct out *out, struct err *e) must_check;

#endif
