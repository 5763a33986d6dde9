/* layer: lanes side by side against one alone, digests against the library, every codec, limits, and hostile blobs. */
#include "layer/layer.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "tap.h"
#include "unit/pack.h"
#include "unit/tarmake.h"

static const enum codec all[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_XZ, CODEC_BZIP2 };

/* What a test hands in, and what came out of it. */
struct job {
	struct str blob;
	bool positioned;
	uint64_t cut; /* bytes the input claims beyond the blob */
	int fd;
	struct layer_events events;
	struct buf log;
	struct layer_result result;
	unsigned int done, ends, progress;
	uint64_t data_bytes;
	uint64_t stop_after; /* data() says "enough" at this many bytes */
	int entry_fails;
};

struct jobs {
	struct job *job;
	size_t n, next;
};

static int on_entry(void *ctx, const struct tar_entry *t, struct err *e)
{
	struct job *j = ctx;

	if (j->entry_fails)
		return err_set(e, j->entry_fails, "the test wants it so");
	buf_fmt(&j->log, "%s" STR_FMT " %llu\n", t->bad_name ? "bad " : "",
		STR_ARG(t->bad_name ? t->raw_name : t->path), (unsigned long long)t->size);
	return str_starts(t->path, STR("want"));
}

static int on_data(void *ctx, uint64_t offset, const uint8_t *p unused_arg, size_t n, struct err *e unused_arg)
{
	struct job *j = ctx;

	OK(n > 0);
	if (!j->stop_after)
		OK(offset <= 1000000);
	j->data_bytes += n;
	return !j->stop_after || j->data_bytes < j->stop_after;
}

static int on_end(void *ctx, struct err *e unused_arg)
{
	struct job *j = ctx;

	j->ends++;
	return 0;
}

static void on_progress(void *ctx, uint64_t bytes)
{
	struct job *j = ctx;

	OK(bytes <= j->blob.n);
	j->progress++;
}

static int on_next(void *ctx, bool idle unused_arg, struct layer_input *ret, uint32_t *ret_id, struct err *e unused_arg)
{
	struct jobs *s = ctx;
	struct job *j;

	if (s->next == s->n)
		return 0;
	j = &s->job[s->next];
	j->events = (struct layer_events){ j, on_entry, on_data, on_end, on_progress };
	*ret = (struct layer_input){ .fd = j->fd, .events = &j->events };
	if (j->positioned) {
		ret->positioned = true;
		ret->offset = 3;
		ret->size = j->blob.n + j->cut;
	}
	*ret_id = (uint32_t)s->next++;
	return 1;
}

static int on_done(void *ctx, uint32_t id, const struct layer_result *r, struct err *e unused_arg)
{
	struct jobs *s = ctx;

	s->job[id].result = *r;
	s->job[id].done++;
	return 0;
}

static void job_open(struct job *j)
{
	j->fd = memfd_create("layer", MFD_CLOEXEC);
	OK(j->fd >= 0);
	if (j->positioned)
		OK(fd_write(j->fd, "abc", 3) == 0);
	OK(fd_write(j->fd, j->blob.p, j->blob.n) == 0);
	OK(lseek(j->fd, 0, SEEK_SET) == 0);
	buf_init(&j->log, 1u << 20);
}

static void run(struct job *job, size_t n, unsigned int lanes)
{
	struct jobs s = { job, n, 0 };
	struct layer_feed feed = { &s, on_next, on_done };
	struct err e = { 0 };

	for (size_t i = 0; i < n; i++)
		job_open(&job[i]);
	OK_ERR(layers_read(&feed, lanes, &e), &e);
	for (size_t i = 0; i < n; i++) {
		EQ_INT(job[i].done, 1);
		fd_close(&job[i].fd);
	}
}

static void job_done(struct job *j)
{
	buf_done(&j->log);
}

static void small_tar(struct buf *b)
{
	buf_init(b, 4u << 20);
	tarmake_add(b, &(struct tarmake){ "etc/passwd", .body = STR("root:x:0:0") });
	tarmake_add(b, &(struct tarmake){ "../evil", .body = STR("evil") });
	tarmake_add(b, &(struct tarmake){ "want/this", .body = STR("wanted bytes") });
	tarmake_end(b);
}
#define SMALL_LOG "etc/passwd 10\nbad ../evil 4\nwant/this 12\n"

/* About 1.5 MB, so that windows and reads are passed; `salt` makes layers differ. */
static void large_tar(struct buf *b, uint32_t salt)
{
	auto_free char *body = xmalloc(900000);

	for (size_t i = 0; i < 900000; i++) {
		salt = salt * 1664525u + 1013904223u;
		body[i] = (char)(i % 100 < 70 ? 'x' : salt >> 20);
	}
	buf_init(b, 4u << 20);
	tarmake_add(b, &(struct tarmake){ "want/large", .body = str_n(body, 900000) });
	tarmake_add(b, &(struct tarmake){ "other", .body = str_n(body, 500001 + salt % 5000) });
	tarmake_add(b, &(struct tarmake){ "want/empty" });
	tarmake_end(b);
}

TEST(layer_codecs)
{
	for (size_t c = 0; c < ARRAY_LEN(all); c++)
		for (unsigned int positioned = 0; positioned < 2; positioned++) {
			auto_buf struct buf plain, packed;
			struct digest blob, diff_id;

			row("%s%s", codec_name(all[c]), positioned ? ", by position" : "");
			large_tar(&plain, 1);
			buf_init(&packed, 4u << 20);
			pack(all[c], buf_all(&plain), &packed);
			struct job j = { .blob = buf_all(&packed), .positioned = positioned };
			run(&j, 1, 1);
			EQ_INT(j.result.status, 0);
			EQ_Z(j.result.err.msg, "");
			EQ_INT(j.result.codec, all[c]);
			EQ_INT(j.result.blob_bytes, packed.n);
			EQ_INT(j.result.plain_bytes, plain.n);
			EQ_INT(j.result.entries, 3);
			EQ_INT(j.ends, 2);
			EQ_INT(j.data_bytes, 900000);
			OK(j.progress > 0);
			OK(!j.result.end_unmarked);
			sha256_of(buf_all(&packed), &blob);
			sha256_of(buf_all(&plain), &diff_id);
			OK(digest_eq(&j.result.blob, &blob));
			OK(digest_eq(&j.result.diff_id, &diff_id));
			job_done(&j);
		}
}

/* Twelve layers of all codecs, some damaged, by every number of lanes: the results never change. */
TEST(layer_lanes)
{
	enum { LAYERS = 12 };
	struct buf plain[LAYERS], packed[LAYERS];
	struct job alone[LAYERS] = { 0 };

	for (size_t i = 0; i < LAYERS; i++) {
		large_tar(&plain[i], (uint32_t)i);
		buf_init(&packed[i], 4u << 20);
		pack(all[i % 5], buf_all(&plain[i]), &packed[i]);
		if (i % 4 == 3)
			packed[i].p[packed[i].n / 2] ^= 0x55;
		alone[i].blob = buf_all(&packed[i]);
	}
	row("one lane");
	run(alone, LAYERS, 1);
	EQ_INT(alone[0].result.status, 0);
	EQ_INT(alone[7].result.status, -EBADMSG);
	for (unsigned int lanes = 2; lanes <= LAYER_LANES_MAX + 1; lanes++) {
		struct job together[LAYERS] = { 0 };

		row("%u lanes", lanes);
		for (size_t i = 0; i < LAYERS; i++)
			together[i].blob = buf_all(&packed[i]);
		run(together, LAYERS, lanes);
		for (size_t i = 0; i < LAYERS; i++) {
			OK(memcmp(&together[i].result.blob, &alone[i].result.blob, sizeof(struct digest)) == 0);
			OK(memcmp(&together[i].result.diff_id, &alone[i].result.diff_id, sizeof(struct digest)) == 0);
			EQ_INT(together[i].result.status, alone[i].result.status);
			EQ_Z(together[i].result.err.msg, alone[i].result.err.msg);
			EQ_STR(buf_all(&together[i].log), buf_all(&alone[i].log));
			EQ_INT(together[i].data_bytes, alone[i].data_bytes);
			job_done(&together[i]);
		}
	}
	for (size_t i = 0; i < LAYERS; i++) {
		job_done(&alone[i]);
		buf_done(&plain[i]);
		buf_done(&packed[i]);
	}
}

/* A layer cut anywhere: one clear line, and the digest of what was there, so that the cut shows. */
TEST(layer_truncated)
{
	for (size_t c = 0; c < ARRAY_LEN(all); c++) {
		auto_buf struct buf plain, packed;
		size_t accepted = 0, silent = 0, unhashed = 0;

		row("%s", codec_name(all[c]));
		small_tar(&plain);
		buf_init(&packed, 4u << 20);
		pack(all[c], buf_all(&plain), &packed);
		size_t whole = all[c] == CODEC_NONE ? packed.n - 512 : packed.n; /* half an end marker is none */
		for (size_t n = 1; n < whole; n++) {
			struct job j = { .blob = str_head(buf_all(&packed), n) };
			struct digest blob;

			run(&j, 1, 1);
			accepted += j.result.status == 0 && !j.result.end_unmarked;
			silent += j.result.status && !j.result.err.msg[0];
			sha256_of(j.blob, &blob);
			unhashed += !digest_eq(&blob, &j.result.blob);
			job_done(&j);
		}
		EQ_INT(accepted, 0);
		EQ_INT(silent, 0);
		EQ_INT(unhashed, 0);
	}
}

/* A bad tar in a good stream: both digests all the same. */
TEST(layer_bad_tar_is_hashed)
{
	auto_buf struct buf plain, packed;
	struct digest blob, diff_id;

	large_tar(&plain, 9);
	plain.p[512 + (900000 + 511) / 512 * 512 + 10] ^= 1; /* in the second header */
	buf_init(&packed, 4u << 20);
	pack(CODEC_GZIP, buf_all(&plain), &packed);
	struct job j = { .blob = buf_all(&packed) };
	run(&j, 1, 3);
	EQ_INT(j.result.status, -EBADMSG);
	OK(strstr(j.result.err.msg, "wrong checksum"));
	sha256_of(buf_all(&packed), &blob);
	sha256_of(buf_all(&plain), &diff_id);
	OK(digest_eq(&j.result.blob, &blob));
	OK(digest_eq(&j.result.diff_id, &diff_id));
	EQ_INT(j.result.entries, 1);
	job_done(&j);
}

TEST(layer_not_a_tar)
{
	static const struct {
		const char *name;
		struct str blob;
		const char *says;
	} rows[] = {
		{ "text", STR("hello world, this is no tar file at all"), "cut short" },
		{ "gzip of nothing much", STR("\x1f\x8b\x08"), "cut short" },
		{ "garbage behind a gzip magic", STR("\x1f\x8bgarbage garbage garbage"), "gzip" },
		{ "garbage behind a zstd magic", STR("\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff"), "zstd" },
		{ "garbage behind an xz magic",
		  STR("\xfd"
		      "7zXZ\0garbage garbage"),
		  "xz" },
		{ "garbage behind a bzip2 magic", STR("BZh9garbage garbage"), "bzip2" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct job j = { .blob = rows[i].blob };
		struct digest blob;

		row("%s", rows[i].name);
		run(&j, 1, 1);
		EQ_INT(j.result.status, -EBADMSG);
		OK(strstr(j.result.err.msg, rows[i].says));
		sha256_of(j.blob, &blob);
		OK(digest_eq(&j.result.blob, &blob));
		job_done(&j);
	}
}

TEST(layer_empty)
{
	struct job j = { .blob = STR("") };

	run(&j, 1, 1);
	EQ_INT(j.result.status, 0);
	EQ_INT(j.result.entries, 0);
	OK(j.result.end_unmarked);
	job_done(&j);
}

TEST(layer_shorter_than_said)
{
	auto_buf struct buf plain;

	small_tar(&plain);
	struct job j = { .blob = buf_all(&plain), .positioned = true, .cut = 10 };
	run(&j, 1, 1);
	EQ_INT(j.result.status, -EBADMSG);
	OK(strstr(j.result.err.msg, "cut short"));
	OK(!j.result.blob.set);
	job_done(&j);
}

TEST(layer_callers_wishes)
{
	auto_buf struct buf plain, small;

	row("enough");
	large_tar(&plain, 4);
	small_tar(&small);
	struct job enough = { .blob = buf_all(&plain), .stop_after = 100 };
	run(&enough, 1, 1);
	EQ_INT(enough.result.status, 0);
	OK(enough.data_bytes < 900000);
	EQ_INT(enough.ends, 2);
	job_done(&enough);

	row("an entry that fails ends its layer only");
	struct job two[2] = { { .blob = buf_all(&plain), .entry_fails = -EIO }, { .blob = buf_all(&small) } };
	run(two, 2, 2);
	EQ_INT(two[0].result.status, -EIO);
	EQ_Z(two[0].result.err.msg, "the test wants it so");
	OK(!two[0].result.blob.set);
	EQ_INT(two[1].result.status, 0);
	EQ_STR(buf_all(&two[1].log), STR(SMALL_LOG));
	job_done(&two[0]);
	job_done(&two[1]);
}

/* ---- bombs: 10 GB of zeros ---- */

#define BOMB_BYTES (10ull << 30)
#define PIECE (1u << 20)

/* `repeat` pieces of zeros inside one gzip member. */
static void gzip_bomb(struct buf *b)
{
	auto_free struct isal_zstream *z = xcalloc(1, sizeof(*z));
	auto_free uint8_t *level = xmalloc(ISAL_DEF_LVL1_DEFAULT);
	auto_free uint8_t *zeros = xcalloc(1, PIECE), *out = xmalloc(PIECE);

	isal_deflate_init(z);
	z->gzip_flag = IGZIP_GZIP;
	z->level = 1;
	z->level_buf = level;
	z->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	for (uint64_t n = 0; n < BOMB_BYTES; n += PIECE) {
		z->next_in = zeros;
		z->avail_in = PIECE;
		z->end_of_stream = n + PIECE == BOMB_BYTES;
		z->next_out = out;
		z->avail_out = PIECE;
		OK(isal_deflate(z) == COMP_OK);
		buf_add(b, out, PIECE - z->avail_out);
	}
}

/* Members in a row are one stream, so one small member repeated is a bomb too. */
static void repeated_bomb(struct buf *b, enum codec c)
{
	auto_free char *zeros = xcalloc(64, PIECE);
	auto_buf struct buf one;

	buf_init(&one, 1u << 20);
	pack(c, str_n(zeros, 64u * PIECE), &one);
	for (uint64_t n = 0; n < BOMB_BYTES; n += 64u * PIECE)
		buf_str(b, buf_all(&one));
}

TEST(layer_bombs)
{
	for (size_t c = 1; c < ARRAY_LEN(all); c++) {
		auto_buf struct buf bomb;
		struct job j = { 0 };

		row("%s", codec_name(all[c]));
		buf_init(&bomb, 64u << 20);
		if (all[c] == CODEC_GZIP)
			gzip_bomb(&bomb);
		else
			repeated_bomb(&bomb, all[c]);
		OK(!bomb.full && bomb.n < 20u << 20);
		j.blob = buf_all(&bomb);
		run(&j, 1, 1);
		/* zeros are an end marker, so the limit on what stands behind it may come first */
		EQ_INT(j.result.status, -E2BIG);
		OK(strstr(j.result.err.msg, "bomb") || strstr(j.result.err.msg, "behind the end"));
		OK(j.result.plain_bytes < 2ull << 30);
		OK(!j.result.diff_id.set);
		job_done(&j);
	}
}

/* The same zeros as the body of an entry: only the ratio tells. */
TEST(layer_bomb_in_a_file)
{
	auto_buf struct buf head, bomb;
	auto_free char *zeros = xcalloc(64, PIECE);
	auto_buf struct buf one;

	buf_init(&head, 1u << 20);
	buf_init(&one, 1u << 20);
	buf_init(&bomb, 1u << 24);
	tarmake_add(&head, &(struct tarmake){ "zeros", .size = 6ull << 30 });
	pack(CODEC_ZSTD, buf_all(&head), &bomb);
	pack(CODEC_ZSTD, str_n(zeros, 64u * PIECE), &one);
	for (uint64_t n = 0; n < 6ull << 30; n += 64u * PIECE)
		buf_str(&bomb, buf_all(&one));
	struct job j = { .blob = buf_all(&bomb) };
	run(&j, 1, 1);
	EQ_INT(j.result.status, -E2BIG);
	OK(strstr(j.result.err.msg, "bomb"));
	OK(j.result.plain_bytes < 2ull << 30);
	job_done(&j);
}

/* Millions of empty files pack as well as a bomb does, and are none. */
TEST(layer_many_empty_files)
{
	enum { FILES = 65536, REPEATS = 40 };
	auto_buf struct buf head, all_heads, blob;

	buf_init(&head, 1024);
	buf_init(&all_heads, FILES * TAR_BLOCK);
	buf_init(&blob, 1u << 24);
	tarmake_add(&head, &(struct tarmake){ "empty" });
	for (unsigned int i = 0; i < FILES; i++)
		buf_str(&all_heads, buf_all(&head));
	for (unsigned int i = 0; i < REPEATS; i++)
		pack(CODEC_ZSTD, buf_all(&all_heads), &blob);
	OK((uint64_t)FILES * REPEATS * TAR_BLOCK > LAYER_RATIO_FREE_BYTES);
	OK((uint64_t)FILES * REPEATS * TAR_BLOCK / blob.n > LAYER_RATIO_MAX);
	struct job j = { .blob = buf_all(&blob) };
	run(&j, 1, 1);
	EQ_INT(j.result.status, 0);
	EQ_Z(j.result.err.msg, "");
	EQ_INT(j.result.entries, FILES * REPEATS);
	job_done(&j);
}

TEST(layer_gzip_members)
{
	auto_buf struct buf plain, packed;

	small_tar(&plain);
	buf_init(&packed, 4u << 20);
	for (size_t at = 0; at < plain.n; at += 100)
		pack(CODEC_GZIP, str_head(str_from(buf_all(&plain), at), 100), &packed);
	struct job j = { .blob = buf_all(&packed) };
	row("a member every 100 bytes");
	run(&j, 1, 1);
	EQ_INT(j.result.status, 0);
	EQ_STR(buf_all(&j.log), STR(SMALL_LOG));
	job_done(&j);

	row("garbage behind");
	buf_str(&packed, STR("garbage"));
	struct job g = { .blob = buf_all(&packed) };
	run(&g, 1, 1);
	EQ_INT(g.result.status, -EBADMSG);
	OK(strstr(g.result.err.msg, "behind the end"));
	job_done(&g);
}
