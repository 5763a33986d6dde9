/* base: err, str, buf, rd, mem, map, num, path, digest, fd. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/map.h"
#include "base/num.h"
#include "base/path.h"
#include "base/rd.h"
#include "tap.h"

TEST(err)
{
	struct err e = { 0 };
	char longer[2 * ERR_MSG_MAX];

	EQ_INT(err_set(&e, -EBADMSG, "bad byte %d", 7), -EBADMSG);
	EQ_INT(err_wrap(&e, e.code, "layer %d", 3), -EBADMSG);
	EQ_Z(e.msg, "layer 3: bad byte 7");
	EQ_INT(err_errno(&e, -ENOENT, "/x"), -ENOENT);
	EQ_Z(e.msg, "/x: No such file or directory");
	EQ_INT(err_set(NULL, -1, "nobody listens"), -1);
	EQ_INT(err_wrap(NULL, -1, "nobody listens"), -1);

	row("controls are tamed");
	err_set(&e, -1, "a\x1b[31mb\nc");
	EQ_Z(e.msg, "a?[31mb?c");
	err_set(&e, -1, "%s",
		"a\xc2\x9b"
		"31m\xc3\xa9 \xc2\xa0\x7f");
	EQ_Z(e.msg, "a\xc2?31m\xc3\xa9 \xc2\xa0?");

	row("a long place does not push the cause out");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	err_set(&e, -1, "the cause");
	err_wrap(&e, -1, "%s", longer);
	OK(str_find_str(str_c(e.msg), STR(": the cause")) > 0);
	for (int i = 0; i < 20; i++)
		err_wrap(&e, -1, "%s", longer);
	OK(strlen(e.msg) < ERR_MSG_MAX);
}

TEST(glob)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} rows[] = {
		{ "*.jar", "a.jar", true },
		{ "*.jar", "a.jar.txt", false },
		{ "*.jar", "x/a.jar", false },
		{ "**.jar", "x/a.jar", true },
		{ "a*b*c", "aXbYc", true },
		{ "a*b*c", "aXbY", false },
		{ "?", "a", true },
		{ "?", "/", false },
		{ "", "", true },
		{ "*", "", true },
		{ "var/lib/pacman/local/*/desc", "var/lib/pacman/local/x-1/desc", true },
		{ "var/lib/pacman/local/*/desc", "var/lib/pacman/local/x/y/desc", false },
		{ "**/node_modules/**/package.json", "a/node_modules/b/package.json", true },
		{ "**/node_modules/**/package.json", "node_modules/package.json", false },
		{ "a**b*c", "a/x/b/y/byc", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s of %s", rows[i].pattern, rows[i].text);
		EQ_INT(str_glob(str_c(rows[i].pattern), str_c(rows[i].text)), rows[i].fits);
	}
}

TEST(str)
{
	struct str rest = STR("a,,b,"), part;
	char all[64] = { 0 };
	size_t parts = 0;

	while (str_cut(&rest, ',', &part)) {
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "<" STR_FMT ">", STR_ARG(part));
		parts++;
	}
	EQ_Z(all, "<a><><b>");
	EQ_INT(parts, 3);
	EQ_STR(str_trim(STR(" \t x y\r\n")), STR("x y"));
	EQ_STR(str_trim(STR(" ")), STR(""));
	EQ_STR(str_from(STR("abc"), 9), STR(""));
	OK(str_cmp(STR("a"), STR("ab")) < 0 && str_cmp(STR("b"), STR("ab")) > 0 && str_cmp(STR(""), STR_NONE) == 0);
	EQ_INT(str_rfind(STR("a/b/c"), '/'), 3);
	OK(str_eq_nocase(STR("AbC"), STR("aBc")) && !str_eq_nocase(STR("a"), STR("ab")));

	row("hash: the values of the XXH64 specification");
	EQ_INT(str_hash(STR(""), 0), 0xef46db3751d8e999ull);
	EQ_INT(str_hash(STR("a"), 0), 0xd24ec4f1a98c6e5bull);
	EQ_INT(str_hash(STR("abc"), 0), 0x44bc2cf5ad770999ull);
	EQ_INT(str_hash(STR("Nobody inspects the spammish repetition"), 0), 0xfbcea83c8a378bf1ull);
}

TEST(buf_and_rd)
{
	auto_buf struct buf b;
	static const uint64_t numbers[] = { 0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX };
	struct rd r;

	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		buf_varint(&b, numbers[i]);
	buf_var_str(&b, STR("text"));
	buf_le32(&b, 0x01020304);
	buf_le64(&b, 0x0102030405060708ull);
	buf_fmt(&b, "%s-%d", "x", 5);
	EQ_INT(buf_finish(&b), 0);
	r = rd_of(buf_all(&b));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		EQ_INT(rd_varint(&r), numbers[i]);
	EQ_STR(rd_var_str(&r), STR("text"));
	EQ_INT(rd_le32(&r), 0x01020304);
	EQ_INT(rd_le64(&r), 0x0102030405060708ull);
	EQ_STR(rd_str(&r, 3), STR("x-5"));
	OK(rd_ok(&r) && rd_left(&r) == 0);
	EQ_INT(rd_u8(&r), 0);
	OK(!rd_ok(&r));

	row("a varint of more than 64 bits is bad");
	r = rd_of(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
	rd_varint(&r);
	OK(!rd_ok(&r));

	row("a length past the end is bad");
	r = rd_of(STR("\x05"
		      "abc"));
	EQ_STR(rd_var_str(&r), STR(""));
	OK(!rd_ok(&r));

	row("a buf stops at its maximum and says so");
	auto_buf struct buf small;
	buf_init(&small, 4);
	buf_str(&small, STR("abc"));
	buf_str(&small, STR("de"));
	buf_str(&small, STR("f"));
	EQ_STR(buf_all(&small), STR("abc"));
	EQ_INT(buf_finish(&small), -E2BIG);
}

TEST(map_and_mem)
{
	auto_map struct map m = { 0 };
	auto_arena struct arena a = { 0 };
	VEC(uint32_t) v = { 0 };
	uint32_t wrong = 0;
	bool added;

	for (uint32_t i = 0; i < 10000; i++)
		map_put(&m, arena_fmt(&a, "key %u", i), i, NULL);
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t *at = map_get(&m, arena_fmt(&a, "key %u", i));

		wrong += !at || *at != i;
		vec_push(&v, i);
	}
	EQ_INT(wrong, 0);
	EQ_INT(m.n, 10000);
	EQ_INT(v.n, 10000);
	EQ_INT(v.v[9999], 9999);
	OK(!map_get(&m, STR("key")));
	EQ_INT(*map_put(&m, STR("key 5"), 77, &added), 5);
	OK(!added);
	*map_put(&m, STR(""), 3, &added) = 4;
	OK(added);
	EQ_INT(*map_get(&m, STR("")), 4);
	vec_done(&v);
	arena_reset(&a);
	EQ_INT(a.used_bytes, 0);
	EQ_STR(arena_str(&a, STR("again")), STR("again"));
}

TEST(num)
{
	static const struct {
		const char *text;
		bool ok;
		double value;
	} doubles[] = {
		{ "0.00043", true, 0.00043 },
		{ "9.8", true, 9.8 },
		{ "10", true, 10 },
		{ "-1.5", true, -1.5 },
		{ "1e-4", true, 1e-4 },
		{ "2E+2", true, 200 },
		{ ".5", true, 0.5 },
		{ "5.", true, 5 },
		{ "", false, 0 },
		{ "x", false, 0 },
		{ "1.2.3", false, 0 },
		{ "1e999", false, 0 },
		{ " 1", false, 0 },
	};
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
	} wholes[] = {
		{ "0", true, 0 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ "1 ", false, 0 },
		{ "0x10", false, 0 },
	};
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = { { 0, "0 B" },	    { 999, "999 B" },	      { 1000, "1.0 kB" },     { 12345, "12 kB" },
		      { 999999, "1.0 MB" }, { 1750000000, "1.8 GB" }, { UINT64_MAX, "18 EB" } };

	for (size_t i = 0; i < ARRAY_LEN(doubles); i++) {
		double got = 0;

		row("%s", doubles[i].text);
		EQ_INT(num_double(str_c(doubles[i].text), &got), doubles[i].ok);
		OK(!doubles[i].ok || (got > doubles[i].value - 1e-12 && got < doubles[i].value + 1e-12));
	}
	for (size_t i = 0; i < ARRAY_LEN(wholes); i++) {
		uint64_t got = 0;

		row("whole %s", wholes[i].text);
		EQ_INT(num_u64(str_c(wholes[i].text), 10, &got), wholes[i].ok);
		EQ_INT(got, wholes[i].value);
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char text[NUM_BYTES_TEXT_MAX];

		row("%s", sizes[i].text);
		EQ_Z(num_bytes_text(sizes[i].bytes, text), sizes[i].text);
	}
}

TEST(num_digits)
{
	static const struct {
		uint64_t v;
		const char *text;
	} rows[] = { { 0, "0" }, { 9, "9" }, { 10, "10" }, { UINT64_MAX, "18446744073709551615" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char room[NUM_DIGITS_MAX];

		row("%s", rows[i].text);
		EQ_STR(num_digits(rows[i].v, room), str_c(rows[i].text));
	}
}

TEST(num_set)
{
	static const struct {
		const char *list;
		bool ok;
		uint64_t first, last; /* words */
		size_t words;
	} rows[] = {
		{ "0", true, 1, 1, 1 },
		{ "0-3,8", true, 0x10f, 0x10f, 1 },
		{ " 1 , 3 - 4 ,\n", true, 0x1a, 0x1a, 1 },
		{ "", true, 0, 0, 1 },
		{ "0,,64", true, 1, 1, 2 },
		{ "63-64", true, 1ull << 63, 1, 2 },
		{ "8191", true, 0, 1ull << 63, NUM_SET_MAX / 64 },
		{ "8192", false, 0, 0, 0 },
		{ "3-1", false, 0, 0, 0 },
		{ "1-", false, 0, 0, 0 },
		{ "-1", false, 0, 0, 0 },
		{ "1-2-3", false, 0, 0, 0 },
		{ "a", false, 0, 0, 0 },
		{ "0-4294967296", false, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct num_set got;

		row("\"%s\"", rows[i].list);
		EQ_INT(num_set(str_c(rows[i].list), &got), rows[i].ok);
		if (!rows[i].ok)
			continue;
		EQ_INT(got.words, rows[i].words);
		EQ_INT(got.bits[0], rows[i].first);
		EQ_INT(got.bits[got.words - 1], rows[i].last);
	}
}

TEST(path)
{
	static const struct {
		const char *name, *normal; /* NULL: refused */
	} rows[] = {
		{ "etc/passwd", "etc/passwd" },
		{ "/etc/passwd", "etc/passwd" },
		{ "./usr//lib/", "usr/lib" },
		{ "./", "" },
		{ "", "" },
		{ "a/./b", "a/b" },
		{ "../x", NULL },
		{ "a/../b", NULL },
		{ "a/..", NULL },
		{ "..a/b..", "..a/b.." },
	};
	static const struct {
		const char *dir, *target, *want;
	} links[] = {
		{ "etc", "../usr/lib/os-release", "usr/lib/os-release" },
		{ "var/lib", "/data/dpkg", "data/dpkg" },
		{ "", "../../../etc", "etc" },
		{ "a/b", ".", "a/b" },
		{ "a/b", "c/./../d", "a/b/d" },
	};
	auto_arena struct arena a = { 0 };
	char room[PATH_BYTES_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str got = STR_NONE;

		row("normal %s", rows[i].name);
		EQ_INT(path_normal(str_c(rows[i].name), room, &got), rows[i].normal ? 0 : -EBADMSG);
		EQ_STR(got, str_c(rows[i].normal));
	}
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		row("%s from %s", links[i].target, links[i].dir);
		EQ_STR(path_resolve(&a, str_c(links[i].dir), str_c(links[i].target)), str_c(links[i].want));
	}
	row("parts and relations");
	EQ_STR(path_base(STR("a/b")), STR("b"));
	EQ_STR(path_dir(STR("a/b")), STR("a"));
	EQ_STR(path_dir(STR("a")), STR(""));
	OK(path_under(STR("a/b"), STR("a")) && path_under(STR("a"), STR("")) && !path_under(STR("ab"), STR("a")));
	OK(path_hash_merged(STR("bin/sh")) == path_hash(STR("usr/bin/sh")));
	OK(path_hash_merged(STR("binary/sh")) == path_hash(STR("binary/sh")));
	OK(path_normal(str_n("a\0b", 3), room, &(struct str){ 0 }) < 0);
}

TEST(digest)
{
	static const char text[] = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	struct digest d = { 0 }, other = { 0 };
	char back[DIGEST_TEXT_MAX];

	OK(digest_parse(str_c(text), &d));
	EQ_Z(digest_text(&d, back), text);
	OK(digest_eq(&d, &d) && !digest_eq(&d, &other) && !digest_eq(&other, &other));
	EQ_Z(digest_text(&other, back), "");
	OK(!digest_parse(STR("sha512:00"), &d) && !digest_parse(str_head(str_c(text), 70), &d));
	OK(!digest_parse(STR("sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"), &d));
}

TEST(files)
{
	char dir[] = "/tmp/yagura-unit-XXXXXX";
	struct err e = { 0 };
	auto_buf struct buf b = { 0 };
	auto_close int at = -1;
	auto_close int inside = -1;
	struct mapping map;

	OK(mkdtemp(dir));
	at = fd_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
	OK(at >= 0);
	OK_ERR(file_write(at, "f", STR("first"), true, &e), &e);
	OK_ERR(file_write(at, "f", STR("second"), false, &e), &e);
	EQ_INT(symlinkat("f", at, "link"), 0);
	EQ_INT(file_write(at, "link", STR("third"), false, &e), -EINVAL);
	OK_ERR(file_read(at, "f", 6, &b, &e), &e);
	EQ_STR(buf_all(&b), STR("second"));
	EQ_INT(file_read(at, "f", 5, &(struct buf){ 0 }, &e), -E2BIG);
	EQ_INT(file_read(at, "missing", 5, &(struct buf){ 0 }, &e), -ENOENT);
	EQ_INT(dir_make(at, "a/b/c"), 0);
	EQ_INT(dir_make(at, "a/b/c"), 0);

	row("links inside a tree never lead out of it");
	EQ_INT(symlinkat("/etc/passwd", at, "a/out"), 0);
	EQ_INT(symlinkat("../../f", at, "a/b/in"), 0);
	EQ_INT(symlinkat("loop", at, "loop"), 0);
	EQ_INT(fd_open_inside(at, STR("a/out"), O_RDONLY), -ENOENT);
	EQ_INT(fd_open_inside(at, STR("loop"), O_RDONLY), -ELOOP);
	EQ_INT(fd_open_inside(at, STR("../../../../../../etc/passwd"), O_RDONLY), -ENOENT);
	inside = fd_open_inside(at, STR("a/b/in"), O_RDONLY);
	OK(inside >= 0);
	OK_ERR(mapping_open(inside, &map, &e), &e);
	EQ_STR(str_n(map.p, map.n), STR("second"));
	mapping_close(&map);
	EQ_INT(mkfifoat(at, "fifo", 0600), 0);
	EQ_INT(fd_open_inside(at, STR("fifo"), O_RDONLY), -ENXIO);

	row("what killed writes left is removed, and nothing else");
	static const char *const left[] = { "f.tmp-12-0", "f.json.tmp-1-345" };
	static const char *const others[] = { "f.tmp-",		 "f.tmp-12", "f.tmp-12-",
					      "f.tmp-12-0.json", "f.tmp--1", "f.tmp-x-1" };
	for (size_t i = 0; i < ARRAY_LEN(left); i++)
		OK(file_write(at, left[i], STR("x"), false, &e) == 0);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		OK(file_write(at, others[i], STR("x"), true, &e) == 0);
	EQ_INT(file_write_sweep(at), 0);
	for (size_t i = 0; i < ARRAY_LEN(left); i++)
		EQ_INT(faccessat(at, left[i], F_OK, 0), -1);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		EQ_INT(file_remove(at, others[i]), 0);
	EQ_INT(file_remove(at, others[0]), -ENOENT);

	row("a failed write leaves the old file and no other");
	EQ_INT(file_write(at, "no/such/dir", STR("x"), false, &e), -ENOENT);
	static const char *const names[] = { "fifo", "link", "loop", "a/out", "a/b/in", "f" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		EQ_INT(unlinkat(at, names[i], 0), 0);
	static const char *const dirs[] = { "a/b/c", "a/b", "a" };
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		EQ_INT(unlinkat(at, dirs[i], AT_REMOVEDIR), 0);
	EQ_INT(rmdir(dir), 0); /* fails if anything else were left */
}
