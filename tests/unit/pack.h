/* pack: compressed texts for tests, made by the libraries themselves. */
#ifndef TESTS_UNIT_PACK_H
#define TESTS_UNIT_PACK_H

#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/inflate.h"

#define PACK_ROOM(n) ((n) + (n) / 4 + 4096)

static inline size_t pack_isal(struct str plain, uint16_t wrapper, char *out, size_t room)
{
	auto_free struct isal_zstream *z = xcalloc(1, sizeof(*z));

	isal_deflate_init(z);
	z->gzip_flag = wrapper;
	z->end_of_stream = 1;
	z->next_in = (uint8_t *)(uintptr_t)plain.p;
	z->avail_in = (uint32_t)plain.n;
	z->next_out = (uint8_t *)out;
	z->avail_out = (uint32_t)room;
	if (isal_deflate(z) != COMP_OK || z->internal_state.state != ZSTATE_END)
		abort();
	return z->total_out;
}

static inline size_t pack_xz(struct str plain, char *out, size_t room)
{
	size_t n = 0;

	if (lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, (const uint8_t *)plain.p, plain.n, (uint8_t *)out, &n,
				    room) != LZMA_OK)
		abort();
	return n;
}

static inline size_t pack_bzip2(struct str plain, char *out, size_t room)
{
	unsigned int n = (unsigned int)room;

	if (BZ2_bzBuffToBuffCompress(out, &n, (char *)(uintptr_t)plain.p, (unsigned int)plain.n, 1, 0, 0) != BZ_OK)
		abort();
	return n;
}

/* zstd with its checksum on, so that damage is seen */
static inline size_t pack_zstd(struct str plain, char *out, size_t room)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	size_t n = ZSTD_compress2(c, out, room, plain.p, plain.n);
	if (ZSTD_isError(n))
		abort();
	ZSTD_freeCCtx(c);
	return n;
}

/* Appends the packed form of `plain` to *ret. */
static inline void pack(enum codec c, struct str plain, struct buf *ret)
{
	size_t room = PACK_ROOM(plain.n), n = plain.n;
	auto_free char *out = xmalloc(room);

	if (c == CODEC_GZIP)
		n = pack_isal(plain, IGZIP_GZIP, out, room);
	else if (c == CODEC_ZSTD)
		n = pack_zstd(plain, out, room);
	else if (c == CODEC_XZ)
		n = pack_xz(plain, out, room);
	else if (c == CODEC_BZIP2)
		n = pack_bzip2(plain, out, room);
	else if (plain.n)
		memcpy(out, plain.p, plain.n);
	buf_add(ret, out, n);
}

#endif
