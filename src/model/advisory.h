/* advisory: what a feed says, one statement at a time, and what is known about a vulnerability.
 *
 * A feed reader (vuln/feed) turns upstream bytes into these and hands them to a sink; the database builder keeps them.
 * Nothing here decides anything. Strs are borrowed until the sink returns. */
#ifndef MODEL_ADVISORY_H
#define MODEL_ADVISORY_H

#include "base/err.h"
#include "base/str.h"

enum severity { SEV_UNKNOWN, SEV_NEGLIGIBLE, SEV_LOW, SEV_MEDIUM, SEV_HIGH, SEV_CRITICAL };
const char *severity_name(enum severity s);	       /* "unknown", "negligible", ... */
bool severity_parse(struct str s, enum severity *ret); /* those names, any case; also "moderate", "important" */
enum severity severity_of_cvss(double score);	       /* CVSS qualitative rating scale */

/* What the vendor says of the package in that namespace. */
enum advisory_status {
	ADV_AFFECTED,	   /* affected; `fixed` of a range says since when no longer */
	ADV_NOT_AFFECTED,  /* vetoes every other statement about the same id, package and namespace */
	ADV_WONT_FIX,	   /* affected, and the vendor decided not to fix it */
	ADV_DEFERRED,	   /* affected, fix postponed */
	ADV_END_OF_LIFE,   /* affected, the branch gets no fixes any more */
	ADV_INVESTIGATING, /* the vendor does not know yet */
};
const char *advisory_status_name(enum advisory_status s);

/* Which name of an installed package is compared. */
enum advisory_name {
	ADV_NAME_SOURCE, /* deb source, apk origin or name */
	ADV_NAME_BINARY, /* the installed package itself */
};

/* Half-open interval of versions in the namespace's own order. */
struct adv_range {
	struct str introduced;	  /* "" or "0": from the beginning */
	struct str fixed;	  /* "" : no fix known */
	struct str last_affected; /* "" : none; inclusive upper end where there is no `fixed`. The same as `fixed`: the
				   * range ends before that version, which repairs nothing (OSV's "limit") */
};

static inline bool adv_range_is_limited(const struct adv_range *r)
{
	return r->last_affected.n && r->fixed.n;
}

struct advisory {
	struct str id;	     /* "CVE-2023-1234", "GHSA-...", "DSA-5000-1" when there is no CVE */
	struct str bulletin; /* vendor's own number: "DSA-5000-1", "USN-6000-1", "RHSA-2023:1234"; "" none */
	struct str ns;	     /* "debian:12", "ubuntu:22.04", "alpine:3.18", "pypi", ... docs/formats/db.md lists them */
	struct str name;     /* package name in the namespace's canonical spelling */
	enum advisory_name name_kind;
	enum advisory_status status;
	enum severity severity; /* the vendor's, SEV_UNKNOWN when it gives none */
	struct str module;	/* rpm "name:stream"; "" = only packages outside modules where the family has modules;
				 * "*" = packages of any module: the feed says modular and not which */
	struct str arch;	/* "" = all */
	struct str channel;	/* "" = everybody gets the fix; "esm-infra", "esm-apps", ...: subscribers only */
	struct str reason;	/* vendor's words for its status, one line */
	bool unimportant;	/* Debian's urgency "unimportant": no security effect in this build */
	const struct adv_range *ranges; /* affected when inside any; none and no versions = every version */
	size_t range_count;
	const struct str *versions; /* affected also when equal to one of these */
	size_t version_count;
};

/* About a vulnerability, whoever has it. Several feeds may speak of one id; the builder merges them. */
struct vuln_info {
	struct str id;
	const struct str *aliases; /* the same vulnerability under other names; "related" ones do not belong here */
	size_t alias_count;
	struct str title;	/* one line, <= 200 bytes is what reports show */
	struct str cvss_vector; /* "CVSS:3.1/AV:N/..." */
	double cvss_score;	/* < 0 unknown */
	enum severity severity;
	const struct str *cwes; /* "CWE-79" */
	size_t cwe_count;
	double epss, epss_percentile; /* < 0 unknown */
	bool kev;		      /* in CISA's catalogue of exploited vulnerabilities */
	struct str kev_date;	      /* "2024-05-01" */
	struct str published;	      /* "2024-05-01" or RFC 3339 */
	bool withdrawn;		      /* the record was taken back: it and its statements do not count */
};

#define VULN_INFO_NONE                                              \
	{                                                           \
		.cvss_score = -1, .epss = -1, .epss_percentile = -1 \
	}

/* Where a feed reader's statements go. */
struct feed_sink {
	void *ctx;
	void (*advisory)(void *ctx, const struct advisory *a);
	void (*vuln)(void *ctx, const struct vuln_info *v);
	/* One bad part of an otherwise good feed: counted and shown by `yagura db status`. */
	void (*warning)(void *ctx, struct str what);
};

#endif
