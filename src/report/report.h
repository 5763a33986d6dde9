/* report: a verdict in the format somebody asked for. One file a format, one table of them.
 *
 * Writers are pure: the same verdict and options give the same bytes. They take foreign text (package names, titles)
 * and hand out text that is safe where it goes: no control characters on a terminal, valid UTF-8 in JSON. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/fd.h"
#include "model/finding.h"

#define REPORT_COLUMNS 80     /* when nothing is known of the terminal */
#define REPORT_COLUMNS_MIN 60 /* narrower ones are written to as if they had these */

/* What is shown, and what counts for the exit status. All zero: everything. */
struct report_filter {
	enum severity least;   /* findings rated lower are left out; SEV_UNKNOWN: none. Unrated ones are always kept */
	unsigned int statuses; /* bit (1u << FINDING_...) for each one wanted; 0: all */
	bool fixed_only;       /* only what an upgrade repairs: FINDING_FIXED */
	bool no_unimportant;   /* leave out what the vendor says has no security effect */
	unsigned int checks;   /* of a host: those of this level and below; 0: none */
};

struct report_options {
	struct report_filter filter;
	unsigned int columns; /* of the terminal, 0: REPORT_COLUMNS */
	bool colour;	      /* ANSI colours, for a terminal only */
	bool quiet;	      /* table: no hints */
	const char *version;  /* of the program; NULL: none is named */
	/* Orders versions to find the one that repairs all findings of a package; NULL: only told when they agree. */
	int (*version_compare)(enum pkg_type type, struct str a, struct str b);
};

struct report_format {
	const char *name;
	const char *summary; /* one line for --help */
	void (*write)(const struct verdict *v, const struct report_options *o, struct out *out);
};

extern const struct report_format report_formats[];		  /* ends with a row without a name */
const struct report_format *report_format_named(struct str name); /* NULL when there is none */

bool report_wants(const struct report_filter *f, const struct finding *found);
/* Of a verdict with an audit. */
bool report_wants_check(const struct report_filter *f, const struct check *c);

struct report_counts {
	size_t findings; /* that the filter lets through */
	size_t severity[SEV_CRITICAL + 1];
	size_t fixed, subscription, kev, inferred;
	size_t packages;     /* that have one of them */
	size_t hidden;	     /* that the filter does not let through */
	enum severity worst; /* SEV_UNKNOWN when there is none */
};

struct report_counts report_count(const struct verdict *v, const struct report_filter *f);

/* Whether a finding, or a failed check that nobody excused, that passes the filter is rated `threshold` or worse: exit
 * status 1. SEV_UNKNOWN: any finding. */
bool report_reaches(const struct verdict *v, const struct report_filter *f, enum severity threshold);

#endif
