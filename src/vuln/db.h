/* db: the vulnerability database: one immutable, sealed, memory-mapped file. Format: docs/formats/db.md.
 *
 * Written whole by db_build_write() to a temporary name and renamed; read through a mapping with every offset checked,
 * so that a damaged file gives an error and never a crash. */
#ifndef VULN_DB_H
#define VULN_DB_H

#include "base/fd.h"
#include "model/advisory.h"
#include "model/finding.h"

struct db;	 /* an open database */
struct db_build; /* one being made */

/* Building. Nothing fails before db_build_write(): what passes a limit is remembered (-E2BIG there), one bad statement
 * (no id, no namespace, text longer than DB_TEXT_MAX) is left out and counted as a warning of its feed.
 *
 * What the builder does beyond keeping: package names get the namespace's canonical spelling (vuln/name.h); ids that
 * are aliases of one CVE become that CVE, with the others as its aliases; a record that names several CVEs counts for
 * each of them and joins none; statements of withdrawn ids are dropped; vulnerabilities no statement speaks of are left
 * out. */
#define DB_TEXT_MAX 4096   /* bytes of one text; titles and reasons are cut there, others make the statement bad */
#define DB_WARNINGS_KEPT 8 /* texts kept per feed; all are counted */

struct db_build *db_build_new(void);
struct db_build *db_build_free(struct db_build *b);
/* All that the sink is given from now on belongs to this feed (the feed_info is copied; a second call with the same
 * name and source goes on with the first). `records` and `warnings` are counted by the builder from there on. */
void db_build_feed(struct db_build *b, const struct feed_info *feed);
/* The newest date in the present feed, once its reader knows it; the latest of several calls is kept. */
void db_build_feed_date(struct db_build *b, struct str date);
/* Of the present feed's file, once it has been read. */
void db_build_feed_digest(struct db_build *b, const struct digest *digest);
/* What the present feed is called, once that is known; it is then no more found by its first name. */
void db_build_feed_name(struct db_build *b, struct str name);
/* Why the present feed could not be read to its end. */
void db_build_feed_failure(struct db_build *b, struct str why);
const struct feed_sink *db_build_sink(struct db_build *b);
/* Writes the file. `previous` (may be NULL) is the database it replaces: the keys whose statements differ are listed in
 * the new file, for matching again only what changed. `built` is the time to record, RFC 3339. Same statements in any
 * order give the same bytes. The builder can only be freed after it. */
int db_build_write(struct db_build *b, const struct db *previous, struct str built, int dir_fd, const char *name,
		   struct err *e) must_check;
/* The same, into memory. */
int db_build_bytes(struct db_build *b, const struct db *previous, struct str built, struct buf *ret,
		   struct err *e) must_check;

/* Opens by name below dir_fd; -ENOENT when there is none, -ENOTSUP for an older or newer format, -EBADMSG when damaged.
 * Costs the same for every size: the seal is checked by db_verify() only. */
int db_open(struct db **ret, int dir_fd, const char *name, struct err *e) must_check;
int db_open_bytes(struct db **ret, struct str bytes, struct err *e) must_check; /* borrowed until db_free() */
struct db *db_free(struct db *d);
/* Gives back the memory of what was read so far once it is more than DB_MEMORY_BYTES; all of it stays readable. A look
 * maps the pages around it as well, up to 2 MiB where the page cache has them in one piece: who looks all over has the
 * whole file before long. */
#define DB_MEMORY_BYTES (16u << 20) /* of mapped files, the program's own among them */
void db_trim(const struct db *d);
int db_verify(const struct db *d, struct err *e) must_check; /* the seal over all bytes; slow (whole file) */

struct str db_built(const struct db *d);
struct digest db_digest(const struct db *d);   /* the seal */
struct digest db_previous(const struct db *d); /* the seal of the database the changes are relative to; maybe not set */
size_t db_size_bytes(const struct db *d);
size_t db_feed_count(const struct db *d);
int db_feed(const struct db *d, size_t i, struct feed_info *ret) must_check; /* strs point into the mapping */
/* One of the first DB_WARNINGS_KEPT warnings of a feed; false when there is no k-th. */
bool db_feed_warning(const struct db *d, size_t i, size_t k, struct str *ret);

/* Lookup. All functions return 0 or more, or -EBADMSG when the file is damaged there. All strs point into the mapping.
 */
struct db_key {
	struct str ns, name;
	uint32_t index;	       /* for db_key_at() */
	uint32_t first, count; /* its statements */
	uint64_t hash;	       /* of all they say: stable over rebuilds and machines */
};

struct db_statement {
	uint32_t vuln;	   /* for db_vuln() */
	struct str said;   /* the id the feed used, where it is not the vulnerability's own */
	uint32_t feed;	   /* for db_feed() */
	struct advisory a; /* id, ns and name are the caller's business (""), ranges and versions NULL: see below */
	uint32_t ranges, versions; /* where they are, for db_range() and db_version() */
};

struct db_vuln {
	struct vuln_info info; /* aliases and cwes NULL: see below */
	uint32_t aliases, cwes;
};

size_t db_key_count(const struct db *d);
size_t db_statement_count(const struct db *d);
size_t db_vuln_count(const struct db *d);
/* 1 and *ret, 0 when no statement names the package. `name` in any spelling the ecosystem takes as the same. */
int db_find(const struct db *d, struct str ns, struct str name, struct db_key *ret) must_check;
int db_key_at(const struct db *d, size_t i, struct db_key *ret) must_check;
int db_statement(const struct db *d, uint32_t i, struct db_statement *ret) must_check;
/* The same without said, bulletin and reason: all that a decision needs. */
int db_statement_brief(const struct db *d, uint32_t i, struct db_statement *ret) must_check;
int db_statement_vuln(const struct db *d, uint32_t i, uint32_t *ret) must_check; /* only which vulnerability */
/* The statements of the key with this hash (db_key_hash() of db-format.h) will be asked for soon: has the memory begin
 * to fetch what leads to them, and the briefs of their vulnerabilities. Each step follows what the one before it
 * fetched, so some work should lie between them. */
#define DB_EXPECT_STEPS 5
void db_expect(const struct db *d, uint64_t hash, unsigned int step);
/* i below a.range_count, a.version_count, info.alias_count, info.cwe_count. */
int db_range(const struct db *d, const struct db_statement *s, size_t i, struct adv_range *ret) must_check;
int db_version(const struct db *d, const struct db_statement *s, size_t i, struct str *ret) must_check;
int db_vuln(const struct db *d, uint32_t i, struct db_vuln *ret) must_check;
/* Which vulnerability it is and how bad: enough to tell whether a verdict changed. */
struct db_brief {
	uint32_t id_hash;
	enum severity severity; /* the score's; where there is none, the feed's own word */
};
int db_brief(const struct db *d, uint32_t i, struct db_brief *ret) must_check;
int db_alias(const struct db *d, const struct db_vuln *v, size_t i, struct str *ret) must_check;
int db_cwe(const struct db *d, const struct db_vuln *v, size_t i, struct str *ret) must_check;
/* Vulnerabilities an id stands for (a record may name several CVEs): how many, the first `max` of them in ret. */
int db_find_id(const struct db *d, struct str id, uint32_t *ret, size_t max) must_check;

/* The namespaces that have statements, sorted by name. */
size_t db_ns_count(const struct db *d);
int db_ns(const struct db *d, size_t i, struct str *ret, uint32_t *ret_keys) must_check;
bool db_has_ns(const struct db *d, struct str ns);

/* Keys whose statements differ from those in the previous database, those that are gone included. */
size_t db_changed_count(const struct db *d);
int db_changed(const struct db *d, size_t i, struct str *ret_ns, struct str *ret_name) must_check;

#endif
