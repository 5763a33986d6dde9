/* rules: what the database says of one package. The rules are docs/matching.md; match, explain and rematch stand on it.
 */
#ifndef VULN_RULES_H
#define VULN_RULES_H

#include "model/inventory.h"
#include "vuln/db.h"
#include "vuln/version/version.h"

#define RULES_FALLBACKS_MAX 64 /* other namespaces asked for one package: Alpine has some thirty branches */

#define RULES_VALID_MAX 16384 /* a power of two */

struct rules_valid {
	const char *p;
	uint32_t n;
	enum pkg_type type; /* by whose scheme */
};

/* What is asked. */
struct subject {
	const struct package *p;
	struct str ns;
	const struct version_scheme *scheme;
	bool os;
	bool version_valid, source_version_valid;
};

/* How a namespace relates to the package's own. */
enum rules_origin {
	RULES_OWN,
	RULES_NEWER,  /* a newer branch of a distribution that is end of life */
	RULES_PARENT, /* the distribution this one is rebuilt from */
};

/* What one statement says of one version. */
enum rules_outcome {
	RULES_SKIP,	 /* about another architecture, module, product: does not count */
	RULES_VETO,	 /* not affected, whatever others say */
	RULES_FIX,	 /* affected, and `fix` is the version that ends it */
	RULES_OPEN,	 /* affected, no fix known */
	RULES_CLEARED,	 /* the fix is installed */
	RULES_OUTSIDE,	 /* the version lies in no affected range */
	RULES_UNDECIDED, /* one of the versions is none in the scheme */
};

struct rules_eval {
	enum rules_outcome outcome;
	const char *why;      /* RULES_SKIP, RULES_UNDECIDED */
	struct str installed; /* the version that was compared */
	struct str other;     /* with this one; "" when nothing was compared */
	struct str fix;
	bool subscription; /* the fix is for subscribers only */
};

/* The verdict on one (package, vulnerability). */
struct rules_decision {
	uint32_t vuln;
	uint32_t statement; /* that decided */
	enum rules_origin origin;
	struct str ns; /* of that statement */
	enum finding_status status;
	struct str fixed;
	enum severity severity; /* that statement's */
	bool unimportant;
	bool affected, inferred;
};

#define RULES_FEEDS_MAX 4096 /* feeds past this are taken as judging */

struct rules {
	const struct db *db;
	bool pro_attached, no_inferred;
	struct str os_ns;   /* without the streams */
	struct str streams; /* channels the packages come from: "eus:9.2", "eus:9.2+e4s:9.2" */
	bool stream_spoke;  /* a statement of theirs was met */
	bool os_eol;
	enum rules_origin fallback_origin;
	struct str fallback[RULES_FALLBACKS_MAX]; /* nearest first */
	size_t fallbacks;
	/* Called for every affected (package, vulnerability); when `only` is set, for that one also when not affected.
	 */
	void (*decided)(void *ctx, const struct rules_decision *d);
	/* Called for every statement looked at; may be NULL. */
	void (*seen)(void *ctx, struct str ns, uint32_t statement, const struct rules_eval *eval);
	void *ctx;
	bool only;
	uint32_t only_vuln;
	VEC(struct rules_ref) refs;    /* room */
	bool hearsay[RULES_FEEDS_MAX]; /* feeds that mention and do not judge */
	bool any_hearsay;
	struct rules_valid *valid; /* versions of the database lately found valid */
};

/* One statement that may be about the subject. */
struct rules_ref {
	uint32_t vuln, statement;
	uint16_t rank;	     /* 0: own namespace, else 1 + index of the fallback */
	bool source, binary; /* found by the source's, by the installed package's name */
};

/* Finds the fallback namespaces of an operating system, `os_ns` as inventory/release.h has it. All else in `r` is set
 * by the caller. */
void rules_init(struct rules *r, const struct db *db, struct str os_ns, bool os_eol);
void rules_done(struct rules *r);

/* Namespace and scheme of a package; false when there is none, *ret_why then says so. */
bool rules_subject(const struct rules *r, const struct package *p, struct subject *ret, const char **ret_why);

/* rpm packages of one source and one version. Advisories name the installed packages they found worth naming; the
 * others of the same build have the same code. */
bool rules_siblings(const struct inv_package *a, const struct inv_package *b);

/* Whether the versions of a package are valid in its scheme: a matter of the package alone, so that it can be kept. */
void rules_versions_valid(const struct package *p, bool *ret_version, bool *ret_source_version);

/* The same as rules_subject() for a package of which that is known. */
bool rules_subject_known(const struct rules *r, const struct package *p, bool version_valid, bool source_version_valid,
			 struct subject *ret, const char **ret_why);

/* Whether statements of a namespace can be about packages of this operating system, its own namespace included; also
 * when the database at hand has none of them. */
bool rules_ask(const struct rules *r, struct str ns);

/* Whether a feed mentions and does not judge: it is made of changelogs. */
bool rules_hearsay(const struct rules *r, uint32_t feed);

/* Judges one package. Returns how many statements were looked at, or -EBADMSG when the database is damaged.
 * *ret_undecided is set when a version was invalid and a verdict hung on it. */
int rules_judge(struct rules *r, const struct subject *s, const char **ret_undecided) must_check;

/* Any statement about (namespace, package name, vulnerability)? 1, 0, -EBADMSG. */
int rules_speaks(const struct db *db, struct str ns, struct str name, uint32_t vuln) must_check;

#endif
