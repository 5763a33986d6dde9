/* deflate: what goes in comes out again, whatever it is and however it is cut; and the bytes never change. */
#include "codec/deflate.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/inflate.h"
#include "codec/sha256.h"
#include "tap.h"

#define INPUT_MAX 1000000u

static int take(void *ctx, const void *p, size_t n, struct err *e unused_arg)
{
	struct buf *b = ctx;

	buf_add(b, p, n);
	return buf_finish(b);
}

/* Numbers as a generator gives them: the same on every machine. */
static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

enum content { ZEROS, NOISE, WORDS, FAR, CONTENTS };

static void fill(uint8_t *p, size_t n, enum content what)
{
	static const char words[] = "usr/share/doc/ lib/x86_64-linux-gnu/ copyright changelog.Debian.gz\n";
	uint32_t state = 7;

	for (size_t i = 0; i < n; i++) {
		if (what == ZEROS)
			p[i] = 0;
		else if (what == NOISE)
			p[i] = (uint8_t)next(&state);
		else if (what == WORDS)
			p[i] = (uint8_t)words[(i + (next(&state) % 40 == 0)) % (sizeof(words) - 1)];
		else
			p[i] = i < 32768 ? (uint8_t)next(&state) : p[i - 32768]; /* as far back as a match may reach */
	}
}

static void pack(struct buf *ret, const uint8_t *p, size_t n, size_t piece)
{
	struct deflate_sink sink = { ret, take };
	struct deflate *z = deflate_new(&sink);
	struct err e = { 0 };

	buf_init(ret, 2 * INPUT_MAX);
	for (size_t at = 0; at < n; at += piece)
		OK_ERR(deflate_add(z, p + at, n - at < piece ? n - at : piece, &e), &e);
	OK_ERR(deflate_end(z, &e), &e);
	deflate_free(z);
}

TEST(deflate_round_trips)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 258, 32768, 32769, 131072, 131073, 163840, 400000 };
	uint8_t *p = xmalloc(INPUT_MAX);

	for (int what = 0; what < CONTENTS; what++) {
		fill(p, INPUT_MAX, (enum content)what);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			auto_buf struct buf packed = { 0 }, again = { 0 }, plain = { 0 };
			struct err e = { 0 };

			row("content %d, %zu bytes", what, sizes[i]);
			pack(&packed, p, sizes[i], INPUT_MAX);
			pack(&again, p, sizes[i], 1000);
			EQ_STR(buf_all(&again), buf_all(&packed));
			OK_ERR(inflate_all(buf_all(&packed), INPUT_MAX, &plain, &e), &e);
			EQ_STR(buf_all(&plain), str_n(p, sizes[i]));
		}
	}
	free(p);
}

/* Images are named by these bytes: a change of them renames every image. */
TEST(deflate_never_changes)
{
	static const char *const digests[CONTENTS] = {
		"sha256:9dd9a32d0c0ce8d2c5c20a25dee11cc50e9b21500cda0c1049235703fc7a0e90",
		"sha256:2c5efe2f5eaeb01ba634e42567d372095010de6d4b1523c86224310fdc2d1f65",
		"sha256:38a9bfad12f65da3c1131d863b0feb821b1611092036976ae7a9a8cf06b8483c",
		"sha256:7a478b439c88e065aeea472d0b0e893d6e7f21c052d943b9d11910a74fe7c99f",
	};
	uint8_t *p = xmalloc(INPUT_MAX);

	for (int what = 0; what < CONTENTS; what++) {
		auto_buf struct buf packed = { 0 };
		char text[DIGEST_TEXT_MAX];
		struct digest d;

		row("content %d", what);
		fill(p, INPUT_MAX, (enum content)what);
		pack(&packed, p, INPUT_MAX, INPUT_MAX);
		sha256_of(buf_all(&packed), &d);
		EQ_STR(str_c(digest_text(&d, text)), str_c(digests[what]));
	}
	free(p);
}
