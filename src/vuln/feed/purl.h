/* purl: a package URL as feeds write them, pkg:TYPE/NAMESPACE/NAME@VERSION?KEY=VALUE&...
 * https://github.com/package-url/purl-spec (written by report/purl.h) */
#ifndef VULN_FEED_PURL_H
#define VULN_FEED_PURL_H

#include "base/mem.h"

struct feed_purl {
	struct str name, version;	/* without percent-encoding */
	struct str arch, epoch, module; /* the qualifiers arch, epoch and rpmmod */
};

/* What is not there is empty; there is no text that is refused. Strs point into the text or the arena. */
struct feed_purl feed_purl(struct arena *a, struct str text);

#endif
