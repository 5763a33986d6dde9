/* layer: a blob read once: digest, inflate, digest, tar entries, all on bytes that are still warm.
 *
 * Several layers go in lockstep in one thread, because hashing several streams side by side is faster (sha256.h).
 * Memory is the window, not the layer. Events come in the order of the tar file.
 *
 * Nothing here opens anything: descriptors are handed in. */
#ifndef LAYER_LAYER_H
#define LAYER_LAYER_H

#include "codec/inflate.h"
#include "codec/sha256.h"
#include "layer/tar.h"

#define LAYER_LANES_MAX 4              /* layers in lockstep */
#define LAYER_BYTES_MAX (1ull << 40)   /* plain bytes of one layer */
#define LAYER_ENTRIES_MAX 20000000u    /* tar entries of one layer */
#define LAYER_RATIO_FREE_BYTES (1ull << 30) /* plain bytes before the ratio is looked at */
#define LAYER_RATIO_MAX 250            /* plain / compressed, from then on: above it is a bomb, not an image */
#define LAYER_TRAILER_MAX (64u << 20)  /* plain bytes behind the tar's end marker */

struct layer_events {
	void *ctx;
	/* An entry begins. Returns 1 when its bytes are wanted, 0 when not, or a negative errno that ends this layer. */
	int (*entry)(void *ctx, const struct tar_entry *t, struct err *e);
	/* Bytes of a wanted entry, in order; `offset` counts in the file as it will be (sparse holes come as zeros only
	 * where cheap: otherwise as a gap in the offsets). Returns 1 to go on, 0 when the rest is not wanted. */
	int (*data)(void *ctx, uint64_t offset, const uint8_t *p, size_t n, struct err *e);
	/* A wanted entry is over, also after data() returned 0. */
	int (*end)(void *ctx, struct err *e);
	/* Compressed bytes read so far, now and then. May be NULL. */
	void (*progress)(void *ctx, uint64_t blob_bytes);
};

struct layer_input {
	int fd;             /* borrowed; read forward with read(), or with pread() where `offset` says so */
	bool positioned;    /* true: the blob is the `size` bytes at `offset` of a regular file */
	uint64_t offset, size;
	const struct layer_events *events;
};

struct layer_result {
	int status;              /* 0 or negative errno: this layer could not be read to its end; see err */
	struct err err;
	struct digest blob;      /* of the bytes as stored; set also when the tar inside was bad, if all could be read */
	struct digest diff_id;   /* of the plain bytes; likewise */
	enum codec codec;
	uint64_t blob_bytes, plain_bytes, entries;
};

/* Reads up to LAYER_LANES_MAX layers to their ends. `next` is asked for a further layer whenever a lane is free: it
 * returns 1 and fills *ret and *ret_id, or 0 when there are no more *now* and at least one lane still runs, or waits
 * itself. `done` gets each layer's result. Returns 0, or a negative errno from next or done. */
struct layer_feed {
	void *ctx;
	int (*next)(void *ctx, bool idle, struct layer_input *ret, uint32_t *ret_id, struct err *e);
	int (*done)(void *ctx, uint32_t id, const struct layer_result *result, struct err *e);
};
int layers_read(const struct layer_feed *feed, unsigned int lanes, struct err *e) must_check;

#endif
