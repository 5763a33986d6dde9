/* sha256: SHA-256 (FIPS 180-4) of one stream, or of several side by side.
 *
 * The CPU's SHA unit is bound by latency, so independent streams in one thread go 1.7 to 2.5 times as fast as one:
 * sha256_many() interleaves them. The implementation is chosen once at run time; without a SHA unit the library's
 * is used (OpenSSL, loaded by sha256_setup() and only then), and plain C where the library is not there. */
#ifndef CODEC_SHA256_H
#define CODEC_SHA256_H

#include "base/digest.h"

struct sha256 {
	uint32_t h[8];
	uint64_t bytes;	  /* taken so far */
	uint8_t tail[64]; /* bytes of an unfinished block */
	void *library;	  /* the library's context where that is in use */
};

/* Chooses the implementation; call once, before a worker is confined (sha256_init() does it otherwise). Safe to call
 * again. */
void sha256_setup(void);
const char *sha256_implementation(void); /* "sha-ni-avx512 x3", "sha-ni-avx2 x3", "openssl", "plain" */
/* For tests and benchmarks: takes the implementation of that name, while no stream is under way; NULL: the best. False
 * when it cannot run here. */
bool sha256_choose(const char *name);

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_end(struct sha256 *s, struct digest *ret); /* frees; *s may be started again with sha256_init() */
void sha256_of(struct str bytes, struct digest *ret);

/* Bytes to add to a stream. All jobs of one call belong to different streams; their order in the array is not kept. */
struct sha256_job {
	struct sha256 *s;
	const uint8_t *p;
	size_t n;
};
void sha256_many(struct sha256_job *jobs, size_t n);

#endif
