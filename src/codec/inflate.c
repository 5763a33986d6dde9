/* inflate: one stepping interface over ISA-L (gzip, zlib, DEFLATE), libzstd, liblzma and libbz2. See inflate.h. */
#include "codec/inflate.h"

#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <zstd.h>

#include "base/mem.h"

#define STEP_BYTES_MAX (1u << 30) /* of one library call, whose counters have 32 bits */
#define GROW_BYTES (64u << 10)	  /* inflate_all() asks for room in such pieces */
#define ZSTD_WINDOW_LOG_MAX 27	  /* log2 of INFLATE_WINDOW_MAX */

_Static_assert(1u << ZSTD_WINDOW_LOG_MAX == INFLATE_WINDOW_MAX, "one limit, two forms");

struct inflate {
	enum codec codec;
	bool open;    /* inside a member, frame or stream: the end of the input would cut it short */
	bool any;     /* at least one was complete */
	bool padding; /* zero bytes behind the last one were seen: nothing else may follow */
	union {
		struct {
			struct inflate_state state;
			struct isal_gzip_header header; /* kept: a header may come in several pieces */
			bool in_header;
		} gzip;
		ZSTD_DStream *zstd;
		lzma_stream xz;
		struct {
			bz_stream stream;
			bool live; /* the library holds memory for it */
		} bzip2;
	};
};

/* What the library of one codec does with one piece. Moves *in forward, sets *ret_written. 1: the member is complete,
 * 0: not yet, or -EBADMSG and its kin. */
typedef int step_fn(struct inflate *z, struct str *in, bool last, void *out, size_t out_size, size_t *ret_written,
		    struct err *e);

static int gzip_failed(int code, const char *what, struct err *e)
{
	static const struct {
		int code;
		const char *text;
	} rows[] = {
		{ ISAL_INVALID_BLOCK, "an invalid block" },
		{ ISAL_INVALID_SYMBOL, "an invalid code" },
		{ ISAL_INVALID_LOOKBACK, "a distance beyond the start" },
		{ ISAL_INVALID_WRAPPER, "a bad header" },
		{ ISAL_UNSUPPORTED_METHOD, "an unknown method" },
		{ ISAL_INCORRECT_CHECKSUM, "a wrong checksum or length" },
		{ ISAL_NEED_DICT, "a dictionary that is not here" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].code == code)
			return err_set(e, -EBADMSG, "%s: %s", what, rows[i].text);
	return err_set(e, -EBADMSG, "%s: damaged (%d)", what, code);
}

/* Hands *in and out to ISA-L's state, and takes them back. The cast: the library's input pointer lacks a const. */
static void isal_lend(struct inflate_state *s, const struct str *in, void *out, size_t out_size)
{
	s->next_in = (uint8_t *)(uintptr_t)in->p;
	s->avail_in = (uint32_t)(in->n < STEP_BYTES_MAX ? in->n : STEP_BYTES_MAX);
	s->next_out = out;
	s->avail_out = (uint32_t)(out_size < STEP_BYTES_MAX ? out_size : STEP_BYTES_MAX);
}

static void gzip_begin(struct inflate *z)
{
	/* reset() leaves the 64 KiB history alone, so many small members do not cost their clearing */
	if (z->any)
		isal_inflate_reset(&z->gzip.state);
	else
		isal_inflate_init(&z->gzip.state);
	z->gzip.state.crc_flag = ISAL_GZIP_NO_HDR_VER;
	isal_gzip_header_init(&z->gzip.header);
	z->gzip.in_header = true;
}

static int gzip_step(struct inflate *z, struct str *in, bool last unused_arg, void *out, size_t out_size,
		     size_t *ret_written, struct err *e)
{
	struct inflate_state *s = &z->gzip.state;
	int r;

	if (!z->open)
		gzip_begin(z);
	isal_lend(s, in, out, out_size);
	r = z->gzip.in_header ? isal_read_gzip_header(s, &z->gzip.header) : ISAL_DECOMP_OK;
	if (r == ISAL_DECOMP_OK) {
		z->gzip.in_header = false;
		r = isal_inflate(s);
	}
	*in = str_from(*in, (size_t)(s->next_in - (const uint8_t *)in->p));
	*ret_written = (size_t)(s->next_out - (uint8_t *)out);
	if (r == ISAL_END_INPUT) /* of a header */
		return 0;
	if (r != ISAL_DECOMP_OK)
		return gzip_failed(r, "gzip", e);
	return s->block_state == ISAL_BLOCK_FINISH;
}

static int zstd_step(struct inflate *z, struct str *in, bool last unused_arg, void *out, size_t out_size,
		     size_t *ret_written, struct err *e)
{
	ZSTD_inBuffer from = { in->p, in->n, 0 };
	ZSTD_outBuffer to = { out, out_size, 0 };
	size_t r = ZSTD_decompressStream(z->zstd, &to, &from);

	*in = str_from(*in, from.pos);
	*ret_written = to.pos;
	if (ZSTD_isError(r))
		return err_set(e, -EBADMSG, "zstd: %s", ZSTD_getErrorName(r));
	return r == 0;
}

static int xz_failed(lzma_ret r, struct err *e)
{
	switch ((int)r) {
	case LZMA_MEM_ERROR:
		return err_set(e, -ENOMEM, "xz: out of memory");
	case LZMA_MEMLIMIT_ERROR:
		return err_set(e, -E2BIG, "xz: needs more than %u MiB to unpack", INFLATE_XZ_MEMORY_MAX >> 20);
	case LZMA_UNSUPPORTED_CHECK:
		return err_set(e, -ENOTSUP, "xz: a kind of checksum this library does not know");
	case LZMA_OPTIONS_ERROR:
		return err_set(e, -ENOTSUP, "xz: options or filters this library does not know");
	case LZMA_FORMAT_ERROR:
		return err_set(e, -EBADMSG, "xz: a bad header");
	case LZMA_BUF_ERROR:
		return err_set(e, -EBADMSG, "xz: cut short");
	default:
		return err_set(e, -EBADMSG, "xz: damaged (%d)", (int)r);
	}
}

/* The library itself goes from stream to stream (and over their padding), so "complete" is the end of everything. */
static int xz_step(struct inflate *z, struct str *in, bool last, void *out, size_t out_size, size_t *ret_written,
		   struct err *e)
{
	lzma_stream *s = &z->xz;
	lzma_ret r;

	s->next_in = (const uint8_t *)in->p;
	s->avail_in = in->n;
	s->next_out = out;
	s->avail_out = out_size;
	r = lzma_code(s, last ? LZMA_FINISH : LZMA_RUN);
	*in = str_from(*in, in->n - s->avail_in);
	*ret_written = out_size - s->avail_out;
	if (r == LZMA_BUF_ERROR && !last) /* asked twice without input or room: no damage */
		return 0;
	if (r != LZMA_OK && r != LZMA_STREAM_END)
		return xz_failed(r, e);
	return r == LZMA_STREAM_END;
}

static void bzip2_close(struct inflate *z)
{
	if (z->bzip2.live)
		BZ2_bzDecompressEnd(&z->bzip2.stream);
	z->bzip2.live = false;
}

static int bzip2_open(struct inflate *z, struct err *e)
{
	bzip2_close(z);
	z->bzip2.stream = (bz_stream){ 0 };
	if (BZ2_bzDecompressInit(&z->bzip2.stream, 0, 0) != BZ_OK)
		return err_set(e, -ENOMEM, "bzip2: out of memory");
	z->bzip2.live = true;
	return 0;
}

static int bzip2_step(struct inflate *z, struct str *in, bool last unused_arg, void *out, size_t out_size,
		      size_t *ret_written, struct err *e)
{
	bz_stream *s = &z->bzip2.stream;
	int r = z->open ? 0 : bzip2_open(z, e);

	if (r < 0)
		return r;
	s->next_in = (char *)(uintptr_t)in->p; /* the library's pointer lacks a const */
	s->avail_in = (unsigned int)(in->n < STEP_BYTES_MAX ? in->n : STEP_BYTES_MAX);
	s->next_out = out;
	s->avail_out = (unsigned int)(out_size < STEP_BYTES_MAX ? out_size : STEP_BYTES_MAX);
	r = BZ2_bzDecompress(s);
	*in = str_from(*in, (size_t)(s->next_in - in->p));
	*ret_written = (size_t)(s->next_out - (char *)out);
	if (r == BZ_MEM_ERROR)
		return err_set(e, -ENOMEM, "bzip2: out of memory");
	if (r != BZ_OK && r != BZ_STREAM_END)
		return err_set(e, -EBADMSG, "bzip2: %s", r == BZ_DATA_ERROR_MAGIC ? "a bad header" : "damaged");
	return r == BZ_STREAM_END;
}

static int none_step(struct inflate *z unused_arg, struct str *in, bool last, void *out, size_t out_size,
		     size_t *ret_written, struct err *e unused_arg)
{
	size_t n = in->n < out_size ? in->n : out_size;

	if (n)
		memcpy(out, in->p, n);
	*in = str_from(*in, n);
	*ret_written = n;
	return last && !in->n;
}

/* One row per codec. `magic` is what a member starts with; `own_members` says that the library goes on by itself. */
static const struct {
	const char *name;
	step_fn *step;
	struct str magic;
	bool own_members;
} codecs[] = {
	[CODEC_NONE] = { "none", none_step, STR(""), true },
	[CODEC_GZIP] = { "gzip", gzip_step, STR("\x1f\x8b"), false },
	[CODEC_ZSTD] = { "zstd", zstd_step, STR("\x28\xb5\x2f\xfd"), false },
	[CODEC_XZ] = { "xz", xz_step,
		       STR("\xfd"
			   "7zXZ\0"),
		       true },
	[CODEC_BZIP2] = { "bzip2", bzip2_step, STR("BZh"), false },
};

/* A skippable frame is a zstd stream too (RFC 8878 3.1.2): 0x184D2A50 to 0x184D2A5F, little-endian. */
static bool is_skippable_frame(struct str head)
{
	return head.n >= 4 && (head.p[0] & 0xf0) == 0x50 && str_starts(str_from(head, 1), STR("\x2a\x4d\x18"));
}

/* Between two members. 1: another one starts here, 0: nothing more to do with this input, or -EBADMSG.
 *
 * Zero bytes are padding (tapes, images of whole blocks). Anything else is refused, where gzip(1) would warn and go
 * on: bytes that one tool shows and another one hides are a place to hide things from a scanner. */
static int between(struct inflate *z, struct str *in, struct err *e)
{
	if (z->any && in->n && !in->p[0])
		z->padding = true;
	if (z->padding)
		while (in->n && !in->p[0])
			*in = str_from(*in, 1);
	if (!in->n)
		return 0;
	if (z->padding || (z->any && z->codec != CODEC_ZSTD && in->p[0] != codecs[z->codec].magic.p[0]))
		return err_set(e, -EBADMSG, "%s: other bytes behind the end of the compressed stream",
			       codec_name(z->codec));
	return 1;
}

/* The input is over: is that where the stream may end? */
static int at_end(const struct inflate *z, bool *ret_end, struct err *e)
{
	if (z->open || !z->any)
		return err_set(e, -EBADMSG, "%s: the compressed stream is cut short", codec_name(z->codec));
	*ret_end = true;
	return 0;
}

const char *codec_name(enum codec c)
{
	return c < ARRAY_LEN(codecs) ? codecs[c].name : "unknown";
}

enum codec inflate_probe(struct str head)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (codecs[i].magic.n && str_starts(head, codecs[i].magic))
			return (enum codec)i;
	return is_skippable_frame(head) ? CODEC_ZSTD : CODEC_NONE;
}

int inflate_new(struct inflate **ret, enum codec c, struct err *e)
{
	struct inflate *z = xcalloc(1, sizeof(*z));
	bool ok = true;

	z->codec = c;
	if (c == CODEC_ZSTD) {
		z->zstd = ZSTD_createDStream();
		ok = z->zstd &&
		     !ZSTD_isError(ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX));
	} else if (c == CODEC_XZ) {
		z->xz = (lzma_stream)LZMA_STREAM_INIT;
		ok = lzma_stream_decoder(&z->xz, INFLATE_XZ_MEMORY_MAX,
					 LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK) == LZMA_OK;
	}
	if (!ok) {
		inflate_free(z);
		return err_set(e, -EIO, "%s: cannot start the library", codec_name(c));
	}
	*ret = z;
	return 0;
}

struct inflate *inflate_free(struct inflate *z)
{
	if (!z)
		return NULL;
	if (z->codec == CODEC_ZSTD)
		ZSTD_freeDStream(z->zstd);
	if (z->codec == CODEC_XZ)
		lzma_end(&z->xz);
	if (z->codec == CODEC_BZIP2)
		bzip2_close(z);
	free(z);
	return NULL;
}

ssize_t inflate_step(struct inflate *z, struct str *in, bool last, void *out, size_t out_size, bool *ret_end,
		     struct err *e)
{
	bool own_members = codecs[z->codec].own_members;

	for (;;) {
		size_t before = in->n, written = 0;
		int r = own_members || z->open ? 1 : between(z, in, e);

		if (r < 0)
			return r;
		if (r == 0)
			return last ? at_end(z, ret_end, e) : 0;
		r = codecs[z->codec].step(z, in, last, out, out_size, &written, e);
		if (r < 0)
			return r;
		z->open = r == 0;
		z->any |= r == 1;
		if (r == 1 && own_members)
			*ret_end = true;
		if (written || (r == 1 && own_members))
			return (ssize_t)written;
		if (r == 0 && !in->n)
			return last ? at_end(z, ret_end, e) : 0;
		if (r == 0 && in->n == before) /* a library that neither takes nor gives; none is known to */
			return out_size ? err_set(e, -EBADMSG, "%s: the stream stands still", codec_name(z->codec)) : 0;
	}
}

/* ---- whole texts in memory ---- */

/* Gives the next bytes of a stream: how many, 0 with *ret_end at its end. */
typedef ssize_t source_fn(void *ctx, void *out, size_t out_size, bool *ret_end, struct err *e);

static int drain(source_fn *source, void *ctx, size_t max_bytes, struct buf *ret, struct err *e)
{
	bool end = false;

	buf_init(ret, max_bytes);
	while (!end) {
		char beyond;
		size_t room = max_bytes - ret->n < GROW_BYTES ? max_bytes - ret->n : GROW_BYTES;
		char *to = room ? buf_room(ret, room) : &beyond;
		ssize_t n = source(ctx, to, room ? room : 1, &end, e);

		if (n > 0 && !room)
			n = err_set(e, -E2BIG, "more than %zu bytes when unpacked", max_bytes);
		if (n < 0) {
			buf_done(ret);
			return (int)n;
		}
		ret->n -= room - (room ? (size_t)n : 0);
	}
	return 0;
}

struct whole {
	struct inflate *z;
	struct str in;
};

static ssize_t whole_source(void *ctx, void *out, size_t out_size, bool *ret_end, struct err *e)
{
	struct whole *w = ctx;

	return inflate_step(w->z, &w->in, true, out, out_size, ret_end, e);
}

int inflate_all(struct str in, size_t max_bytes, struct buf *ret, struct err *e)
{
	struct whole w = { .in = in };
	int r = inflate_new(&w.z, inflate_probe(in), e);

	if (r < 0)
		return r;
	r = drain(whole_source, &w, max_bytes, ret, e);
	inflate_free(w.z);
	return r;
}

static ssize_t isal_source(void *ctx, void *out, size_t out_size, bool *ret_end, struct err *e)
{
	struct inflate_state *s = ctx;
	uint32_t before = s->avail_in;
	size_t written;
	int r;

	s->next_out = out;
	s->avail_out = (uint32_t)out_size;
	r = isal_inflate(s);
	written = (size_t)(s->next_out - (uint8_t *)out);
	if (r != ISAL_DECOMP_OK)
		return gzip_failed(r, "deflate", e);
	*ret_end = s->block_state == ISAL_BLOCK_FINISH;
	if (!*ret_end && !written && s->avail_in == before)
		return err_set(e, -EBADMSG, "deflate: the compressed stream is cut short");
	return (ssize_t)written;
}

static int isal_whole(struct str in, uint32_t wrapper, size_t max_bytes, struct buf *ret, struct err *e)
{
	auto_free struct inflate_state *s = NULL;

	if (in.n > UINT32_MAX)
		return err_set(e, -E2BIG, "deflate: more than 4 GiB of compressed bytes");
	s = xmalloc(sizeof(*s));
	isal_inflate_init(s);
	s->crc_flag = wrapper;
	isal_lend(s, &in, NULL, 0);
	s->avail_in = (uint32_t)in.n;
	return drain(isal_source, s, max_bytes, ret, e);
}

int inflate_raw(struct str in, size_t max_bytes, struct buf *ret, struct err *e)
{
	return isal_whole(in, ISAL_DEFLATE, max_bytes, ret, e);
}

int inflate_zlib(struct str in, size_t max_bytes, struct buf *ret, struct err *e)
{
	return isal_whole(in, ISAL_ZLIB, max_bytes, ret, e);
}
