/* deflate: bytes in, a gzip stream out (RFC 1951, RFC 1952), the same on every machine and in every release.
 *
 * Libraries give other bytes for the same input from one version, and even one processor, to the next. What is named by
 * the digest of its compressed form needs an encoder that never changes: integers only, no option, no time, no name in
 * the header. LZ77 with hash chains and one lazy step, a dynamic Huffman code for each DEFLATE_BLOCK bytes.
 * About 30 MB/s; between gzip -5 and -6 in size. */
#ifndef CODEC_DEFLATE_H
#define CODEC_DEFLATE_H

#include "base/err.h"
#include "base/str.h"

struct deflate_sink {
	void *ctx;
	int (*write)(void *ctx, const void *p, size_t n, struct err *e);
};

struct deflate;
struct deflate *deflate_new(const struct deflate_sink *sink); /* the sink is copied */
void deflate_free(struct deflate *z);			      /* NULL is fine */
int deflate_add(struct deflate *z, const void *p, size_t n, struct err *e) must_check;
int deflate_end(struct deflate *z, struct err *e) must_check; /* nothing may follow */

#endif
