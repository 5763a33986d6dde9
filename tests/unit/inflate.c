/* inflate: every codec in steps of every kind, several members, padding, truncation, damage, bombs. */
#include "codec/inflate.h"
#include "tap.h"
#include "unit/pack.h"

static const enum codec all[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_XZ, CODEC_BZIP2 };

#define PLAIN_BYTES 300000u /* more than the decoders' own buffers */

/* Half text that packs well, half noise. */
static void make_plain(struct buf *b, size_t n)
{
	uint32_t seed = 5;

	buf_init(b, n);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		buf_char(b, (char)(i % 1000 < 500 ? 'a' + i % 7 : seed >> 16));
	}
}

/* Unpacks with pieces of the given sizes; returns 0 or the error. */
static int unpack(enum codec c, struct str packed, size_t in_step, size_t out_step, struct buf *ret, struct err *e)
{
	struct inflate *z;
	auto_free char *out = xmalloc(out_step);
	bool end = false;
	size_t used = 0;
	int r = inflate_new(&z, c, e);

	while (r >= 0 && !end) {
		struct str in = str_head(str_from(packed, used), in_step);
		bool last = in.n == packed.n - used;

		for (ssize_t n = 1; n && !end;) {
			size_t before = in.n;

			n = inflate_step(z, &in, last, out, out_step, &end, e);
			r = n < 0 ? (int)n : 0;
			if (n < 0)
				break;
			used += before - in.n;
			buf_add(ret, out, (size_t)n);
		}
		if (r == 0 && !end && (last || in.n)) {
			r = err_set(e, -EPROTO, "stands still: %zu bytes left, last %d", in.n, last);
			break;
		}
	}
	inflate_free(z);
	if (r >= 0 && used != packed.n)
		return err_set(e, -EPROTO, "%zu bytes of %zu were taken", used, packed.n);
	return r;
}

TEST(inflate_steps)
{
	static const struct {
		size_t in, out;
	} steps[] = {
		{ 1u << 20, 1u << 20 }, { 1, 65536 }, { 7, 100 }, { 65536, 262144 }, { 1000, 1 }, { 4096, 33000 }
	};
	auto_buf struct buf plain;

	make_plain(&plain, PLAIN_BYTES);
	for (size_t c = 0; c < ARRAY_LEN(all); c++) {
		auto_buf struct buf packed;

		buf_init(&packed, 1u << 20);
		pack(all[c], buf_all(&plain), &packed);
		for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
			auto_buf struct buf got;
			struct err e = { 0 };

			row("%s in %zu out %zu", codec_name(all[c]), steps[i].in, steps[i].out);
			EQ_INT(inflate_probe(buf_all(&packed)), all[c]);
			buf_init(&got, 1u << 20);
			OK_ERR(unpack(all[c], buf_all(&packed), steps[i].in, steps[i].out, &got, &e), &e);
			OK(str_eq(buf_all(&got), buf_all(&plain)));
		}
	}
}

TEST(inflate_members_and_what_follows)
{
	static const struct {
		const char *name;
		struct str between, tail;
		int want; /* of gzip, zstd and bzip2 */
		int want_xz;
	} rows[] = {
		{ "two members", STR(""), STR(""), 0, 0 },
		{ "zeros behind", STR(""), STR("\0\0\0\0\0\0\0\0"), 0, 0 },
		{ "five zeros behind", STR(""), STR("\0\0\0\0\0"), 0, -EBADMSG }, /* .xz 2.2: multiples of four */
		{ "garbage behind", STR(""), STR("garbage"), -EBADMSG, -EBADMSG },
		{ "garbage behind zeros", STR(""), STR("\0\0\0\0x"), -EBADMSG, -EBADMSG },
		{ "half a magic behind", STR(""), STR("\x1f"), -EBADMSG, -EBADMSG },
		{ "a member behind zeros", STR("\0\0\0\0"), STR(""), -EBADMSG, 0 },
	};
	auto_buf struct buf plain, twice;

	make_plain(&plain, 70000);
	buf_init(&twice, 1u << 20);
	buf_str(&twice, buf_all(&plain));
	buf_str(&twice, buf_all(&plain));
	for (size_t c = 1; c < ARRAY_LEN(all); c++)
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			for (size_t step = 1; step < 1u << 20; step *= 4096) {
				auto_buf struct buf packed, got;
				struct err e = { 0 };

				row("%s %s, step %zu", codec_name(all[c]), rows[i].name, step);
				buf_init(&packed, 1u << 20);
				buf_init(&got, 1u << 20);
				pack(all[c], buf_all(&plain), &packed);
				buf_str(&packed, rows[i].between);
				pack(all[c], buf_all(&plain), &packed);
				buf_str(&packed, rows[i].tail);
				EQ_INT(unpack(all[c], buf_all(&packed), step, 50000, &got, &e),
				       all[c] == CODEC_XZ ? rows[i].want_xz : rows[i].want);
				if (!e.code)
					OK(str_eq(buf_all(&got), buf_all(&twice)));
				else
					OK(e.msg[0]);
			}
}

/* Header with every optional field (RFC 1952 2.3): text hint, CRC of the header, extra field, name, comment. */
TEST(inflate_gzip_header_fields)
{
	auto_buf struct buf simple, full;
	char field[] = "\x1f\x8b\x08\x1f\1\2\3\4\0\3"
		       "\x05\0abcde"
		       "name.tar\0comment text\0";
	struct str head = str_n(field, sizeof(field) - 1);

	buf_init(&simple, 1000);
	buf_init(&full, 1000);
	pack(CODEC_GZIP, STR("hello, hello, hello"), &simple);
	/* one of all the CRC-16 there are must be right for this header */
	for (uint32_t crc = 0; crc < 65536; crc++) {
		char sum[2] = { (char)crc, (char)(crc >> 8) };
		struct err e = { 0 };

		auto_buf struct buf got = { 0 };

		buf_clear(&full);
		buf_str(&full, head);
		buf_add(&full, sum, 2);
		buf_str(&full, str_from(buf_all(&simple), 10));
		if (inflate_all(buf_all(&full), 100, &got, &e) == 0)
			break;
		buf_clear(&full);
	}
	OK(full.n);
	for (size_t step = 1; step < 60; step++) {
		auto_buf struct buf got;
		struct err e = { 0 };

		buf_init(&got, 1000);
		OK_ERR(unpack(CODEC_GZIP, buf_all(&full), step, 1000, &got, &e), &e);
		EQ_STR(buf_all(&got), STR("hello, hello, hello"));
	}
}

/* No truncation is taken for a whole. */
TEST(inflate_truncated)
{
	auto_buf struct buf plain;

	make_plain(&plain, 3000);
	for (size_t c = 1; c < ARRAY_LEN(all); c++) {
		auto_buf struct buf packed;
		size_t accepted = 0, silent = 0;

		row("%s", codec_name(all[c]));
		buf_init(&packed, 1u << 20);
		pack(all[c], buf_all(&plain), &packed);
		for (size_t n = 0; n < packed.n; n++)
			for (size_t step = 1; step <= 4096; step *= 64) {
				auto_buf struct buf got;
				struct err e = { 0 };

				buf_init(&got, 1u << 20);
				accepted +=
					unpack(all[c], str_head(buf_all(&packed), n), step, 1000, &got, &e) != -EBADMSG;
				silent += !e.msg[0];
			}
		EQ_INT(accepted, 0);
		EQ_INT(silent, 0);
	}
}

/* One changed byte: never other bytes than the right ones without an error. (gzip's header has bytes that say nothing:
 * time, system, name.) */
TEST(inflate_damaged)
{
	auto_buf struct buf plain;

	make_plain(&plain, 3000);
	for (size_t c = 1; c < ARRAY_LEN(all); c++) {
		auto_buf struct buf packed;
		size_t lies = 0;

		row("%s", codec_name(all[c]));
		buf_init(&packed, 1u << 20);
		pack(all[c], buf_all(&plain), &packed);
		for (size_t i = 0; i < packed.n; i++) {
			auto_buf struct buf got;
			struct err e = { 0 };

			buf_init(&got, 1u << 20);
			packed.p[i] ^= 0x10;
			lies += unpack(all[c], buf_all(&packed), 100, 1000, &got, &e) >= 0 &&
				!str_eq(buf_all(&got), buf_all(&plain));
			packed.p[i] ^= 0x10;
		}
		EQ_INT(lies, 0);
	}
}

TEST(inflate_whole_texts)
{
	auto_buf struct buf plain;

	make_plain(&plain, PLAIN_BYTES);
	for (size_t c = 0; c < ARRAY_LEN(all); c++) {
		auto_buf struct buf packed, got, small;
		struct err e = { 0 };

		row("%s", codec_name(all[c]));
		buf_init(&packed, 1u << 20);
		pack(all[c], buf_all(&plain), &packed);
		OK_ERR(inflate_all(buf_all(&packed), PLAIN_BYTES, &got, &e), &e);
		OK(str_eq(buf_all(&got), buf_all(&plain)));
		EQ_INT(inflate_all(buf_all(&packed), PLAIN_BYTES - 1, &small, &e), -E2BIG);
	}
}

TEST(inflate_raw_and_zlib)
{
	static const struct {
		const char *name;
		uint16_t wrapper;
		int (*fn)(struct str, size_t, struct buf *, struct err *);
	} rows[] = { { "raw", IGZIP_DEFLATE, inflate_raw }, { "zlib", IGZIP_ZLIB, inflate_zlib } };
	auto_buf struct buf plain;

	make_plain(&plain, PLAIN_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *out = xmalloc(PACK_ROOM(PLAIN_BYTES));
		struct str packed =
			str_n(out, pack_isal(buf_all(&plain), rows[i].wrapper, out, PACK_ROOM(PLAIN_BYTES)));
		auto_buf struct buf got = { 0 }, more = { 0 };
		struct err e = { 0 };
		size_t accepted = 0;

		row("%s", rows[i].name);
		OK_ERR(rows[i].fn(packed, PLAIN_BYTES, &got, &e), &e);
		OK(str_eq(buf_all(&got), buf_all(&plain)));
		EQ_INT(rows[i].fn(packed, PLAIN_BYTES - 1, &more, &e), -E2BIG);
		for (size_t n = 0; n < packed.n; n += 997)
			accepted += rows[i].fn(str_head(packed, n), PLAIN_BYTES, &more, &e) != -EBADMSG;
		EQ_INT(accepted, 0);
	}
}

TEST(inflate_empty_and_foreign)
{
	auto_buf struct buf got = { 0 }, bad = { 0 };
	struct err e = { 0 };

	OK_ERR(inflate_all(STR(""), 10, &got, &e), &e);
	EQ_INT(got.n, 0);
	EQ_INT(inflate_probe(STR("\x1f")), CODEC_NONE);
	EQ_INT(inflate_probe(STR("\x5a\x2a\x4d\x18")), CODEC_ZSTD);
	EQ_INT(inflate_all(STR("\x1f\x8b garbage"), 10, &bad, &e), -EBADMSG);
	OK(e.msg[0]);
}

/* A window larger than INFLATE_WINDOW_MAX in a zstd frame header (RFC 8878 3.1.1.1.2): refused before it is reserved.
 */
TEST(inflate_zstd_window)
{
	/* descriptor 0: no single segment; window byte: exponent 18 -> 2^28 */
	static const char frame[] = "\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00";
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };

	OK(inflate_all(str_n(frame, sizeof(frame) - 1), 10, &got, &e) < 0);
	OK(strstr(e.msg, "zstd: "));
}
