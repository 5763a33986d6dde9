/* scan: a target from its name to a verdict. The only place that knows image, layer, inventory and vuln together.
 *
 *     scan_inventory(&s, "debian:12", &options, &e), then scan_match(&s, db, &match, &e), a report of s.verdict,
 *     scan_done(&s)
 *
 * The bytes of layers and files are read by confined workers. What could not be judged is in the inventory's notes. */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include "image/image.h"
#include "model/finding.h"
#include "scan/cache.h"
#include "vuln/db.h"
#include "vuln/match.h"

struct scan_options {
	struct image_options image;
	const char *cache_path; /* NULL: the default place */
	bool no_cache;
	uint64_t now_s; /* seconds since 1970: ends of life are judged by it */
	const struct progress *progress;
};

/* Everything that belongs to one target; the verdict refers to the rest. */
struct scan {
	struct image image;
	struct inventory inventory;
	struct verdict verdict;
	uint64_t layers_cached, layers_read;
	struct cache cache;	/* open while results may be kept or found */
	struct digest key;	/* of the inventory in it (results.h); not set: it has none */
	struct mapping kept[2]; /* what the inventory and the verdict point into when they come from there */
};

/* Opens the target and finds out what it holds. A layer that cannot be read, or whose bytes are not what the manifest
 * or the config says, is an error: the image could not run either. On failure there is nothing to end;
 * errors are those of image_open(), -EBADMSG for digests, and what a worker died of. */
int scan_inventory(struct scan *ret, struct str target, const struct scan_options *options, struct err *e) must_check;

/* Matches it; `db` may be NULL (then everything is "not assessed") and must outlive the scan. Errors are the
 * database's (-EBADMSG); the scan is still to be ended. */
int scan_match(struct scan *s, const struct db *db, const struct match_options *options, struct err *e) must_check;
void scan_done(struct scan *s); /* closes and frees all of it, the verdict too */

#endif
