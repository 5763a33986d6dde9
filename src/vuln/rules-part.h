/* rules-part: what the files of the rules (rules*.c) share; nobody else's. */
#ifndef VULN_RULES_PART_H
#define VULN_RULES_PART_H

#include "vuln/rules.h"

/* An installed version, and by what it is compared. */
struct rules_versions {
	const struct version_scheme *scheme;
	enum pkg_type type;
	struct rules_valid *memo;
	struct str installed;
	bool valid;
	bool no_epoch; /* the installed one comes without an epoch that may be there: compare without */
};

/* A statement, the versions it is about, and what it says of them. Large, and filled whole: not to be zeroed first. */
struct rules_judged {
	struct db_statement st;
	struct rules_versions v;
	struct rules_eval eval;
};

/* Of the package itself, or of the source it was built from. */
struct rules_versions rules_versions_of(const struct rules *r, const struct subject *s, bool by_source);
int rules_compare(const struct rules_versions *v, struct str a, struct str b); /* <0, 0, >0 */
bool rules_valid_for(const struct rules_versions *v, struct str version);

/* Whether a statement's channel is one the packages of this system come from. */
bool rules_own_stream(const struct rules *r, const struct advisory *a);

/* What the statement `ref` says of the subject: 0, or -EBADMSG when the database is damaged. */
int rules_eval_ref(const struct rules *r, const struct subject *s, const struct rules_ref *ref,
		   struct rules_judged *ret) must_check;

/* Of a language package: the version that all statements about one vulnerability leave alone goes into *d, if there is
 * one. 0 or -EBADMSG. */
int rules_repair(const struct rules *r, const struct subject *s, const struct rules_ref *ref, size_t n,
		 struct rules_decision *d) must_check;

#endif
