/* cache: what was learned of layers, kept between scans and shared by all processes of a user.
 *
 * Keyed only by digests that were computed here. Everything is a small file or symbolic link that appears by rename or
 * not at all, so there are no locks and a killed process leaves nothing half made:
 *
 *     layers/<2>/<62 hex>       the record of the layer with this diff id (record.h);
 *                               "+<16 hex>" behind it when links gave its files other names (names.h)
 *     blobs/<64 hex> -> diff id the compressed blob with this digest holds that layer
 *     files/<64 hex> -> digest  a file of this device, inode, size and times was hashed to that
 *     chains/<64 hex> -> name   the image whose layers make up this chain: a base image for others
 *     inventories/              which packages each image holds, as numbers (interned.h)
 *     results/<64 hex>          what was concluded of an image (results.h)
 *
 * A damaged record is removed and counts as absent. Format: docs/formats/cache.md. */
#ifndef SCAN_CACHE_H
#define SCAN_CACHE_H

#include <sys/stat.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/str.h"
#include "scan/aged.h"
#include "scan/record.h"

struct cache {
	int dir_fd;	  /* -1: no cache; all calls then find and keep nothing */
	uint64_t damaged; /* records found damaged and removed */
};

/* `path` NULL: $YAGURA_CACHE, else $XDG_CACHE_HOME/yagura, else ~/.cache/yagura, made when absent. */
int cache_open(struct cache *ret, const char *path, struct err *e) must_check;
void cache_close(struct cache *c);

/* 1 and *ret, the caller's to end with record_done(), when there is a record, else 0. `names_key`: struct names. */
int cache_layer_get(struct cache *c, const struct digest *diff_id, uint64_t names_key, struct record *ret);
/* Failing to keep something is not an error of a scan: nothing is returned. */
void cache_layer_put(struct cache *c, const struct record *r, uint64_t names_key);

/* Tells that a record was of use, though not read. */
void cache_layer_touch(struct cache *c, const struct digest *diff_id);

/* What was concluded earlier (results.h): bytes under a name, with a stamp that says what they were concluded from.
 * Found only when the stamp is the same and the bytes are whole; they lie in *ret_map. */
bool cache_result_get(struct cache *c, const struct digest *name, const struct digest *stamp, struct mapping *ret_map,
		      struct str *ret);
void cache_result_put(struct cache *c, const struct digest *name, const struct digest *stamp, struct str bytes);

bool cache_blob_get(struct cache *c, const struct digest *blob, struct digest *ret_diff_id);
void cache_blob_put(struct cache *c, const struct digest *blob, const struct digest *diff_id);

/* The digest of a part of a regular file that has not changed since it was hashed. `st` must be of the open descriptor.
 * A file whose times are too near to `now_ns` is not remembered: it could still change without the times showing it. */
bool cache_file_get(struct cache *c, const struct stat *st, uint64_t offset, uint64_t size, struct digest *ret);
void cache_file_put(struct cache *c, const struct stat *st, uint64_t offset, uint64_t size, uint64_t now_ns,
		    const struct digest *digest);

/* Chain ids (OCI image-spec config.md, "Layer ChainID") of images seen before, with their names. */
bool cache_chain_get(struct cache *c, const struct digest *chain, char *name, size_t name_size);
void cache_chain_put(struct cache *c, const struct digest *chain, struct str name);

/* For `yagura cache`. */
struct cache_figures {
	uint64_t layers, layer_bytes, blobs, files, chains, inventories, results, packages, package_bytes;
};
int cache_figures(struct cache *c, struct cache_figures *ret, struct err *e) must_check;
/* Removes records, results and packages by the rule, then links that lead nowhere. */
int cache_prune(struct cache *c, const struct aged_rule *rule, struct cache_figures *ret_removed,
		struct err *e) must_check;

#endif
