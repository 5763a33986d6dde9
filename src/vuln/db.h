/* db: the vulnerability database: one immutable, sealed, memory-mapped file. Format: docs/formats/db.md.
 *
 * Written whole by db_build_write() to a temporary name and renamed; read through a mapping with every offset checked, so
 * that a damaged file gives an error and never a crash. */
#ifndef VULN_DB_H
#define VULN_DB_H

#include "base/fd.h"
#include "model/advisory.h"
#include "model/finding.h"

struct db;        /* an open database */
struct db_build;  /* one being made */

struct db_build *db_build_new(void);
struct db_build *db_build_free(struct db_build *b);
/* All that the sink is given from now on belongs to this feed (a struct feed_info is copied). */
void db_build_feed(struct db_build *b, const struct feed_info *feed);
const struct feed_sink *db_build_sink(struct db_build *b);
/* Writes the file. `previous` (may be NULL) is the database it replaces: the keys whose statements differ are listed in
 * the new file, for matching again only what changed. `built` is the time to record, RFC 3339. Same statements in any
 * order give the same bytes. */
int db_build_write(struct db_build *b, const struct db *previous, struct str built, int dir_fd, const char *name,
		   struct err *e) must_check;

/* Opens by name below dir_fd; -ENOENT when there is none, -ENOTSUP for an older or newer format, -EBADMSG when damaged. */
int db_open(struct db **ret, int dir_fd, const char *name, struct err *e) must_check;
struct db *db_free(struct db *d);
int db_verify(const struct db *d, struct err *e) must_check; /* the seal over all bytes; slow (whole file) */

struct str db_built(const struct db *d);
struct digest db_digest(const struct db *d); /* the seal */
size_t db_feed_count(const struct db *d);
int db_feed(const struct db *d, size_t i, struct feed_info *ret) must_check; /* strs point into the mapping */

#endif
