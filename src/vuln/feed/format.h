/* format: which reader a document is for, by its path and its first bytes. A new format is a row of the table in
 * format.c; what each means: docs/formats/feeds.md.
 *
 * Pure: nothing is allocated, what is returned is static. */
#ifndef VULN_FEED_FORMAT_H
#define VULN_FEED_FORMAT_H

#include "vuln/feed/feed.h"

struct feed_format {
	const char *name; /* "osv", "alpine-secdb", ... */
	/* Whether the document at `path` whose first bytes are `head` (FEED_HEAD_BYTES, or all) is of this format. */
	bool (*looks)(struct str path, struct str head);
	int (*read)(const struct feed_doc *d, struct err *e);
};

/* NULL when the document is of no known format: it is listed as ignored, which is no error. */
const struct feed_format *feed_format_of(struct str path, struct str head);
const struct feed_format *feed_format_named(struct str name);

#endif
