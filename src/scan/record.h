/* record: all that is remembered of one layer, so that it need not be read again.
 *
 * Sections, each with the version of what made it: the tree (which paths the layer holds, hides and links) and one
 * section per analyzer (evidence files and their facts). The file is sealed by a SHA-256 over its content; a damaged
 * one is as good as none. Format: docs/formats/cache.md. */
#ifndef SCAN_RECORD_H
#define SCAN_RECORD_H

#include "base/digest.h"
#include "base/fd.h"
#include "base/rd.h"

#define RECORD_BYTES_MAX (1ull << 30) /* of one layer */
#define RECORD_ANALYZERS_MAX 64	      /* as many as bits in a set of analyzers */
#define RECORD_TREE_VERSION 3u

enum tree_part { TREE_FILES, TREE_DIRS, TREE_WHITEOUTS, TREE_OPAQUES, TREE_LINKS, TREE_NOTES, TREE_PARTS };
/* TREE_FILES, TREE_DIRS: u64 path hashes of everything that is not a directory, and of directories.
 * TREE_WHITEOUTS, TREE_OPAQUES: paths. TREE_LINKS: pairs path, target; a symbolic link's path begins with '>', a hard
 * one's with '=', and once more with '?' when it may be evidence and no file of the layer was its target. TREE_NOTES:
 * pairs path, reason: what of this layer could not be judged. All strs with a varint length. */

/* The note of an archive that ends between two entries without its end mark, under an empty path. It counts only where
 * no digest vouches for the bytes. */
#define RECORD_UNMARKED "the archive has no end mark: it may have been cut short"

/* The path in an evidence section: the file's own; where links gave it another name (names.h), its own, a NUL and that
 * name. What lies where is judged by the first, what the file is and what is reported by the second. */
static inline struct str evidence_real(struct str path)
{
	ptrdiff_t nul = str_find(path, 0);

	return nul < 0 ? path : str_head(path, (size_t)nul);
}

static inline struct str evidence_name(struct str path)
{
	return str_from(path, (size_t)(str_find(path, 0) + 1));
}

/* A record being gathered, or one read back. */
struct record {
	struct digest diff_id;
	uint32_t codec;
	uint64_t blob_bytes, plain_bytes, entries;
	struct str tree[TREE_PARTS];
	bool tree_set;
	struct str evidence[RECORD_ANALYZERS_MAX]; /* runs of: path, facts; p NULL: this analyzer has not run */
	struct buf own_tree[TREE_PARTS];	   /* what stands behind the strs while it is gathered */
	struct buf own_evidence[RECORD_ANALYZERS_MAX];
	struct mapping map; /* ... or when it was read back */
};

void record_init(struct record *r);
void record_done(struct record *r);

/* Gathering. */
void record_tree_add(struct record *r, enum tree_part part, struct str raw);
void record_evidence_add(struct record *r, unsigned int analyzer, struct str path, struct str facts);
/* The same for a run of analyzer, path, facts from a worker, up to the end of `in`. False when it is damaged or names
 * an analyzer that is not allowed (bits over the table). */
bool record_evidence_read(struct record *r, struct rd *in, uint64_t allowed) must_check;
/* Marks these analyzers as run, also those that found nothing, and lets the strs point at what was gathered. -E2BIG
 * when more was gathered than RECORD_BYTES_MAX. */
int record_seal(struct record *r, uint64_t analyzers_run, struct err *e) must_check;

/* Takes over from `old` what `r` has not: the sections of analyzers that did not have to run again. */
void record_take_missing(struct record *r, const struct record *old);

/* Whether a path's hash is in TREE_FILES or TREE_DIRS: every one is looked at. */
bool record_holds(const struct record *r, enum tree_part part, uint64_t hash);

/* The analyzers (bits over the table) whose sections are missing. */
uint64_t record_missing(const struct record *r);

/* To and from a file. Reading verifies the seal; sections of other versions than today's are left out. */
int record_write(const struct record *r, int dir_fd, const char *name, struct err *e) must_check;
int record_read(struct record *ret, int dir_fd, const char *name, struct err *e) must_check;
int record_read_fd(struct record *ret, int fd, struct err *e) must_check; /* the file already open */

#endif
