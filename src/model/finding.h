/* finding: a package of the inventory has a vulnerability; with everything a person needs to believe it.
 * verdict: all that a report prints. */
#ifndef MODEL_FINDING_H
#define MODEL_FINDING_H

#include "model/advisory.h"
#include "model/check.h"
#include "model/image.h"
#include "model/inventory.h"

enum finding_status {
	FINDING_FIXED,	  /* a fixed version can be had */
	FINDING_AFFECTED, /* no fix yet */
	FINDING_WONT_FIX,
	FINDING_DEFERRED,
	FINDING_END_OF_LIFE,
	FINDING_SUBSCRIPTION, /* fixed, but only for subscribers (Ubuntu Pro) */
	FINDING_INVESTIGATING,
	FINDING_STATUS_COUNT,
};
const char *finding_status_name(enum finding_status s); /* "fixed", "affected", "wont-fix", ... */

struct finding {
	uint32_t package;	   /* index into the inventory */
	struct str id;		   /* CVE when there is one */
	const struct str *aliases; /* all other ids, sorted */
	size_t alias_count;
	enum finding_status status;
	struct str fixed; /* version to upgrade to, "" when none */
	enum severity severity;
	struct str severity_source; /* who rated it: feed name or "cvss" */
	struct str cvss_vector;
	double cvss_score; /* < 0 unknown */
	double epss, epss_percentile;
	bool kev;
	struct str title;
	struct str bulletin; /* "DSA-5000-1" */
	struct str ns;	     /* namespace of the advisory that decided */
	struct str feed;     /* name of the feed that decided */
	struct str reason;   /* vendor's words */
	struct str channel;  /* "esm-infra"... for FINDING_SUBSCRIPTION */
	bool inferred;	     /* concluded from another branch (docs/matching.md) */
	bool unimportant;
};

/* A feed the database was built from. */
struct feed_info {
	struct str name;    /* "debian-tracker" */
	struct str source;  /* URL or file */
	struct str date;    /* newest data in it, RFC 3339 date; "" unknown */
	struct str fetched; /* when it was fetched, RFC 3339; "" from a directory */
	struct digest digest;
	uint64_t records, warnings;
	struct str failure; /* why the last update of it failed; "" */
	bool consulted;	    /* a verdict's: it speaks of packages or vulnerabilities of this target */
};

struct verdict {
	const struct image_info *image;
	const struct inventory *inventory;
	struct arena arena;	      /* owns the findings' strs and arrays */
	VEC(struct finding) findings; /* sorted: package, severity downwards, id */
	VEC(struct feed_info) feeds;
	size_t distro_judged;	   /* language packages inside OS packages: left to the distribution's advisories */
	size_t unjudged;	   /* packages of which no feed could say anything: each is a note */
	const struct audit *audit; /* of the host that was scanned; NULL: it was not held to anything */
	struct digest database;
	struct str database_built; /* RFC 3339; "" when there is no database */
};

void verdict_done(struct verdict *v);

#endif
