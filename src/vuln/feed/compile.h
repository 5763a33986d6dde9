/* compile: one file of a feed directory, however packed, to statements.
 *
 * What a file is is found by looking: a zip archive, a tar archive, or one document, each plain or compressed (gzip,
 * zstd, xz, bzip2). Archives are read entry by entry, OVAL chunk by chunk; other documents are held whole. Nothing is
 * opened here: the file comes in mapped. Made to run in a confined process, with wire.h's sink.
 *
 * Memory: one document (COMPILE_DOCUMENT_BYTES_MAX), what its reader keeps, and the codec's window. */
#ifndef VULN_FEED_COMPILE_H
#define VULN_FEED_COMPILE_H

#include "vuln/feed/feed.h"

#define COMPILE_DOCUMENT_BYTES_MAX (512u << 20) /* one JSON, YAML or CSV document; Debian's tracker has 75 MB */
#define COMPILE_MEMBER_BYTES_MAX (64u << 20)	/* one document inside an archive */
#define COMPILE_PLAIN_BYTES_MAX (16ull << 30)	/* all that one file may unpack to */
#define COMPILE_DATE_BYTES 11

struct compile_result {
	const char *format; /* of the documents found; NULL: nothing here is a feed, which is no error */
	uint64_t documents; /* read */
	uint64_t ignored;   /* of no known format (licences, listings) */
	uint64_t failed;    /* could not be read: each was a warning */
	uint64_t advisories, vulns, warnings; /* said to the sink */
	uint64_t plain_bytes;
	char date[COMPILE_DATE_BYTES]; /* newest publication date in it, "2024-05-01"; "" when none was said */
};

/* Whether a path of a feed directory belongs to something else that is known (rules, licences, lists of hashes): it
 * need not even be opened. */
bool compile_ignores(struct str path);

/* Reads a whole file. A single document that cannot be read, an archive that is damaged or holds only such documents:
 * -EBADMSG, -E2BIG. *ret is filled in any case. */
int compile_file(struct str path, struct str bytes, const struct feed_sink *sink, struct compile_result *ret,
		 struct err *e) must_check;

#endif
