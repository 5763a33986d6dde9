/* oval: the definitions of Debian, Ubuntu, Red Hat, Rocky, Oracle, AlmaLinux, Photon and Leap, read as a stream.
 * https://oval.mitre.org/language/version5.11/, docs/formats/feeds.md "oval".
 *
 * A definition says which ids are fixed when none of its tests is true; what a test compares stands behind all
 * definitions, so they are kept, as compactly as can be, until the end. Memory: OVAL_KEPT_BYTES_MAX, else -E2BIG.
 * Debian's definitions carry package and version in their comments and are told at once. */
#ifndef VULN_FEED_OVAL_H
#define VULN_FEED_OVAL_H

#include "vuln/feed/feed.h"

#define OVAL_KEPT_BYTES_MAX (256u << 20) /* all of RHEL 8 needs 30 MB */

struct oval;

struct oval *oval_new(const struct feed_sink *sink, struct feed_skips *skips); /* skips may be NULL */
struct oval *oval_free(struct oval *o);					       /* NULL is fine; returns NULL */
/* The next bytes of the document, `last` with the last of them (which may be none). -EBADMSG, -E2BIG. */
int oval_add(struct oval *o, struct str bytes, bool last, struct err *e) must_check;

int feed_oval(const struct feed_doc *d, struct err *e) must_check; /* a document in memory */

#endif
