/* interned: which packages every image holds, as numbers, so that all of them can be matched again at once
 * (vuln/rematch.h).
 *
 * In the cache's directory:
 *
 *     inventories/packages    every distinct package once; its number is its place. Only ever appended to.
 *     inventories/<64 hex>    one scanned image: its name, its chain id, the sorted numbers of its packages
 *
 * Appending is done under flock; reading needs no lock: bytes before the committed length in the header never change,
 * and the length is written after them. A process killed while appending leaves bytes behind that length, which the
 * next one writes over. A file that is damaged before it is replaced by an empty one with another random generation;
 * images of an earlier generation count as not there until they are scanned again. An image's file is named by its
 * layers and by the versions of all analyzers: a scan that finds it there has nothing to do.
 *
 * Left out, as rematch.h wants it: packages the distribution did not build, language packages that belong to it.
 * Format: docs/formats/cache.md. */
#ifndef SCAN_INTERNED_H
#define SCAN_INTERNED_H

#include "base/fd.h"
#include "model/inventory.h"
#include "scan/cache.h"
#include "vuln/rematch.h"

#define INTERNED_DIR "inventories"
#define INTERNED_BYTES_MAX (2047u << 20)  /* of the file of packages: some 20 million */
#define INTERNED_PACKAGE_BYTES_MAX 65536u /* of one; a longer one is left out, its image then says so */
#define INTERNED_IMAGES_MAX 1000000u
#define INTERNED_PER_IMAGE_MAX 10000000u

/* Remembers what an image holds, unless that is known already. Like all of the cache, failing is no error of a scan. */
void interned_put(struct cache *c, const struct digest *chain, struct str name, const struct inventory *inv);

/* One image read back. */
struct interned_image {
	struct str name;
	struct digest chain;
	bool incomplete; /* packages were left out because they are longer than INTERNED_PACKAGE_BYTES_MAX */
	struct mapping map;
};

/* Everything there is: plain arrays for rematch.h, images[i] beside set.inventories[i]. */
struct interned {
	struct rematch_set set;
	VEC(struct rematch_os) os;
	VEC(struct rematch_package) packages;
	VEC(struct rematch_inventory) inventories;
	VEC(struct interned_image) images; /* sorted by chain id, then by name of the file */
	uint64_t damaged;		   /* files of images that could not be used */
	struct mapping map;
};

/* `today` is YYYY-MM-DD: ends of life are judged by it. An empty cache gives an empty set; -EBADMSG when the file of
 * packages is damaged. What was begun is to be freed in any case. */
int interned_load(struct interned *ret, const struct cache *c, struct str today, struct err *e) must_check;
void interned_free(struct interned *s);

#endif
