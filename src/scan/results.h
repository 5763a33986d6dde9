/* results: what was concluded of an image, kept beside its layers: its merged inventory, and the last verdict on it.
 *
 * Merging and matching give the same for the same input, so that doing them again is not needed: a scan of cached
 * layers reads what the last one found. What stands for the input is hashed into the name (an inventory) or into a
 * stamp (a verdict: there is one an image, the last). The build of this program is part of both: another one may
 * conclude otherwise. In the cache's directory, written by rename like all of it:
 *
 *     results/<64 hex>     inventory of an image, or the verdict on it
 *
 * Format: docs/formats/cache.md. */
#ifndef SCAN_RESULTS_H
#define SCAN_RESULTS_H

#include "model/finding.h"
#include "scan/cache.h"
#include "vuln/db.h"
#include "vuln/match.h"

#define RESULTS_BYTES_MAX (256u << 20) /* a longer one is not kept */

/* What the layers with these diff ids, laid over each other, hold. Not set when it cannot be told which build this is:
 * then nothing is kept or found. */
struct digest results_key(const struct digest *diff_ids, size_t n, bool layered);

/* The texts of what is found lie in *ret_map, which is the caller's to close when they are not needed any more. */
bool results_inventory_get(struct cache *c, const struct digest *key, struct inventory *ret, struct mapping *ret_map);
void results_inventory_put(struct cache *c, const struct digest *key, const struct inventory *inv);

/* The verdict on the inventory of that key, as match_inventory() would give it: findings, feeds, notes. False leaves
 * all alone. */
bool results_verdict_get(struct cache *c, const struct digest *key, const struct db *db,
			 const struct match_options *options, struct inventory *inv, struct verdict *ret,
			 struct mapping *ret_map);
void results_verdict_put(struct cache *c, const struct digest *key, const struct db *db,
			 const struct match_options *options, const struct verdict *v);

/* The bytes of both; reading gives -EBADMSG when they are none, and leaves what it began in *ret. */
void results_inventory_write(struct buf *b, const struct inventory *inv);
int results_inventory_read(struct str bytes, struct inventory *ret) must_check;
void results_verdict_write(struct buf *b, const struct verdict *v);
int results_verdict_read(struct str bytes, const struct db *db, struct inventory *inv, struct verdict *ret) must_check;

#endif
