/* inflate: compressed bytes in, plain bytes out, one interface over gzip, zstd, xz, bzip2 and "not compressed".
 *
 * The kind is found by looking at the first bytes, never by a media type or a file name. Several gzip members, zstd
 * frames, xz or bzip2 streams in a row are one stream, as the tools of these formats see it. Zero bytes behind the end
 * are padding; anything else there is -EBADMSG. Every checksum and length the formats have is verified. Memory is
 * bounded: zstd windows up to INFLATE_WINDOW_MAX, xz dictionaries up to INFLATE_XZ_MEMORY_MAX (-E2BIG), 4 MiB for
 * bzip2, 0.1 MiB for gzip. RFC 1952, RFC 8878, the .xz File Format 1.1.0. docs/formats/compression.md says more. */
#ifndef CODEC_INFLATE_H
#define CODEC_INFLATE_H

#include "base/err.h"
#include "base/buf.h"
#include "base/str.h"

#define INFLATE_WINDOW_MAX (128u << 20)	   /* bytes; what `zstd -d --long=27` takes */
#define INFLATE_XZ_MEMORY_MAX (128u << 20) /* bytes; xz -9 needs 65 MiB */
#define INFLATE_PROBE_BYTES 6		   /* inflate_probe() wants this many, if there are so many */

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_XZ, CODEC_BZIP2 };
const char *codec_name(enum codec c); /* "none", "gzip", ... */
enum codec inflate_probe(struct str head);

struct inflate;

int inflate_new(struct inflate **ret, enum codec c, struct err *e) must_check;
struct inflate *inflate_free(struct inflate *z); /* NULL is fine; returns NULL */

/* Takes from *in (which is moved forward) and writes at most out_size bytes to out. Returns how many were written;
 * *ret_end is set when the compressed stream is complete and nothing follows. `last` says that no input follows
 * *in: a stream that is not complete then is -EBADMSG ("cut short"). Zero bytes written without *ret_end means: more
 * input is needed. Never loops without progress. */
ssize_t inflate_step(struct inflate *z, struct str *in, bool last, void *out, size_t out_size, bool *ret_end,
		     struct err *e) must_check;

/* The whole of a small text, at most max_bytes of it (-E2BIG), unpacked or, when it is not compressed, as it stands. */
int inflate_all(struct str in, size_t max_bytes, struct buf *ret, struct err *e) must_check;

/* Raw DEFLATE (RFC 1951), as zip members have it, and zlib (RFC 1950, Adler-32 verified); same bounds. Bytes behind the
 * end of the stream are ignored. *ret is made by the call; on failure there is nothing to free. */
int inflate_raw(struct str in, size_t max_bytes, struct buf *ret, struct err *e) must_check;
int inflate_zlib(struct str in, size_t max_bytes, struct buf *ret, struct err *e) must_check;

#endif
