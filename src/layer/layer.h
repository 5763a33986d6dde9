/* layer: a blob read once: digest, inflate, digest, tar entries, all on bytes that are still warm.
 *
 * Several layers go in lockstep in one thread, because hashing several streams side by side is faster (sha256.h).
 * Memory is the window, not the layer: about 0.5 MiB a lane, and what a zstd or xz layer demands to be unpacked. Events
 * come in the order of the tar file.
 *
 * Nothing here opens anything: descriptors are handed in. What goes wrong with one layer is in its result, with a
 * message; the other lanes go on. A damaged tar is hashed to its end, and a damaged compressed stream is hashed as it
 * is stored, so that a caller can tell "not what the digest says" from "what the digest says, but bad". Past a limit
 * (-E2BIG) a layer ends at once, without digests. */
#ifndef LAYER_LAYER_H
#define LAYER_LAYER_H

#include "codec/inflate.h"
#include "codec/sha256.h"
#include "layer/tar.h"

#define LAYER_LANES_MAX 4		    /* layers in lockstep */
#define LAYER_BYTES_MAX (1ull << 40)	    /* plain bytes of one layer */
#define LAYER_ENTRIES_MAX 20000000u	    /* tar entries of one layer */
#define LAYER_RATIO_FREE_BYTES (1ull << 30) /* plain bytes before the ratio is looked at */
#define LAYER_RATIO_MAX 250	      /* plain / compressed, from then on, entries' headers aside: above it is a bomb */
#define LAYER_TRAILER_MAX (64u << 20) /* plain bytes behind the tar's end marker */

struct layer_events {
	void *ctx;
	/* An entry begins. Returns 1 when its bytes are wanted, 0 when not, or a negative errno that ends this layer.
	 */
	int (*entry)(void *ctx, const struct tar_entry *t, struct err *e);
	/* Bytes of a wanted entry, in order; `offset` counts in the file as it will be (sparse holes come as zeros only
	 * where cheap: otherwise as a gap in the offsets). Returns 1 to go on, 0 when the rest is not wanted. */
	int (*data)(void *ctx, uint64_t offset, const uint8_t *p, size_t n, struct err *e);
	/* A wanted entry is over, also after data() returned 0. Does not come when the layer ends inside the entry:
	 * what was begun is then to be dropped in done(). */
	int (*end)(void *ctx, struct err *e);
	/* Compressed bytes read so far, about once a MiB. May be NULL. */
	void (*progress)(void *ctx, uint64_t blob_bytes);
};

struct layer_input {
	int fd;		 /* borrowed; blocking; read forward with read() to its end, or with pread() */
	bool positioned; /* true: pread(); the blob is the `size` bytes at `offset` of a regular file */
	uint64_t offset, size;
	const struct layer_events *events;
};

struct layer_result {
	int status; /* 0 or negative errno: this layer could not be read to its end; see err */
	struct err err;
	struct digest blob;    /* of the bytes as stored; set also when the tar inside was bad, if all could be read */
	struct digest diff_id; /* of the plain bytes; likewise */
	enum codec codec;
	uint64_t blob_bytes, plain_bytes, entries;
	/* The tar ended between two entries but without its end marker. Some writers leave it out, so this is no error;
	 * where no digest vouches for the bytes, the layer may have been cut there: say so. */
	bool end_unmarked;
};

/* Reads up to LAYER_LANES_MAX layers to their ends. `next` is asked for a further layer whenever a lane is free: it
 * returns 1 and fills *ret and *ret_id, or 0 when there are no more *now* and at least one lane still runs, or waits
 * itself (`idle`: none runs; 0 then ends layers_read). `done` gets each layer's result, in the order they end. Returns
 * 0, or a negative errno from next or done, upon which the layers under way are dropped. */
struct layer_feed {
	void *ctx;
	int (*next)(void *ctx, bool idle, struct layer_input *ret, uint32_t *ret_id, struct err *e);
	int (*done)(void *ctx, uint32_t id, const struct layer_result *result, struct err *e);
};
int layers_read(const struct layer_feed *feed, unsigned int lanes, struct err *e) must_check;

#endif
