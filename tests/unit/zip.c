/* Unit tests of codec/zip: honest archives of every shape, then lying ones. */
#include "codec/zip.h"

#include "tap.h"
#include "zip_make.h"

#define auto_zip cleanup_with(zip_make_done)
#define MAX (1u << 20)

/* "name=content;" of every member that reads, "name!code;" of the others; the last item is a failed walk. */
static void list(struct str all, struct buf *to)
{
	struct zip z;
	struct zip_member m;
	struct err e = { 0 };
	int r = zip_open(&z, all, &e);

	buf_init(to, MAX);
	if (r < 0) {
		buf_fmt(to, "open!%d", r);
		return;
	}
	while ((r = zip_next(&z, &m, &e)) == 1) {
		struct buf b;
		struct str view;
		int got = zip_read(&z, &m, 4096, &b, &view, &e);

		buf_str(to, m.name);
		if (got < 0)
			buf_fmt(to, "!%d;", got);
		else
			buf_fmt(to, "=" STR_FMT ";", STR_ARG(view));
		buf_done(&b);
	}
	if (r < 0)
		buf_fmt(to, "next!%d", r);
}

static void check(struct str all, const char *want)
{
	auto_buf struct buf got = { 0 };

	list(all, &got);
	EQ_STR(buf_all(&got), str_c(want));
}

static void make_two(struct zip_make *z)
{
	zip_make_init(z);
	zip_make_add_how(z, STR("stored"), STR("one"), (struct zip_how){ 0 });
	zip_make_add(z, "dir/packed", STR("twotwotwotwotwotwotwo"));
}

#define TWO "stored=one;dir/packed=twotwotwotwotwotwotwo;"

TEST(honest)
{
	auto_zip struct zip_make z;
	struct str all;
	auto_buf struct buf front = { 0 };

	make_two(&z);
	all = zip_make_end(&z, STR(""));
	row("stored and deflated");
	check(all, TWO);
	row("probe");
	OK(zip_probe(all));
	OK(!zip_probe(STR("PK")));
	row("bytes in front");
	buf_init(&front, MAX);
	buf_str(&front, STR("#!/bin/sh\nexec java -jar \"$0\"\n"));
	buf_str(&front, all);
	check(buf_all(&front), TWO);
	row("bytes behind");
	buf_str(&z.out, STR("trailing"));
	check(buf_all(&z.out), TWO);
}

TEST(comment_with_an_end_record_in_it)
{
	auto_zip struct zip_make z;

	make_two(&z);
	check(zip_make_end(&z, STR("PK\5\6 is how an end record begins, this one is not")), TWO);
}

TEST(empty)
{
	auto_zip struct zip_make z;

	zip_make_init(&z);
	check(zip_make_end(&z, STR("")), "");
}

TEST(zip64)
{
	auto_zip struct zip_make z;
	auto_buf struct buf front = { 0 };

	zip_make_init(&z);
	zip_make_add_how(&z, STR("a"), STR("one"), (struct zip_how){ .zip64 = true });
	zip_make_add_how(&z, STR("b"), STR("two"), (struct zip_how){ .deflate = true, .zip64 = true });
	row("records of 64 bits");
	check(zip_make_end64(&z), "a=one;b=two;");
	row("bytes in front of them");
	buf_init(&front, MAX);
	buf_str(&front, STR("front"));
	buf_str(&front, buf_all(&z.out));
	check(buf_all(&front), "a=one;b=two;");
}

TEST(one_bad_member_does_not_hide_the_others)
{
	static const struct {
		const char *name;
		struct zip_how how;
		const char *want;
	} rows[] = {
		{ "encrypted", { .flags = 1 }, "x!-95;good=yes;" },
		{ "unknown method", { .method = 9 }, "x!-95;good=yes;" },
		{ "wrong checksum", { .crc_flip = 1 }, "x!-74;good=yes;" },
		{ "wrong checksum, deflated", { .deflate = true, .crc_flip = 1 }, "x!-74;good=yes;" },
		{ "stored with two sizes", { .plain_bytes = 5 }, "x!-74;good=yes;" },
		{ "longer than claimed", { .deflate = true, .plain_bytes = 5 }, "x!-74;good=yes;" },
		{ "shorter than claimed", { .deflate = true, .plain_bytes = 50 }, "x!-74;good=yes;" },
		{ "past the caller's limit", { .deflate = true, .plain_bytes = 4097 }, "x!-7;good=yes;" },
		{ "no deflate stream", { .method = 8 }, "x!-74;good=yes;" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_zip struct zip_make z;

		row("%s", rows[i].name);
		zip_make_init(&z);
		zip_make_add_how(&z, STR("x"), STR("\xff\xff content"), rows[i].how);
		zip_make_add(&z, "good", STR("yes"));
		check(zip_make_end(&z, STR("")), rows[i].want);
	}
}

TEST(a_lying_end_record)
{
	static const struct {
		const char *name;
		uint16_t members;
		uint32_t size, offset;
		const char *want;
	} rows[] = {
		{ "too many members", 200, 0, 0, "open!-74" },
		{ "directory larger than the file", 2, 1u << 30, 0, "open!-74" },
		{ "directory elsewhere", 2, 0, 1u << 30, "open!-74" },
		{ "64 bits promised, none there", 65535, UINT32_MAX, UINT32_MAX, "open!-74" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_zip struct zip_make z;
		uint32_t offset;

		row("%s", rows[i].name);
		make_two(&z);
		offset = rows[i].offset ? rows[i].offset : (uint32_t)z.out.n;
		buf_str(&z.out, buf_all(&z.directory));
		zip_make_end_record(&z, rows[i].members, rows[i].size ? rows[i].size : (uint32_t)z.directory.n, offset,
				    STR(""));
		check(buf_all(&z.out), rows[i].want);
	}
}

TEST(cut_short_everywhere)
{
	auto_zip struct zip_make z;
	struct str all;
	unsigned int opened = 0;

	make_two(&z);
	all = zip_make_end(&z, STR(""));
	for (size_t n = 0; n < all.n; n++) {
		/* A copy of the exact size, so that a read past the end shows. */
		auto_free char *copy = xmalloc(n + !n);
		struct zip open;

		memcpy(copy, all.p, n);
		opened += zip_open(&open, str_n(copy, n), NULL) == 0;
	}
	EQ_INT(opened, 0);
}

TEST(directory_cut_inside_an_entry)
{
	auto_zip struct zip_make z;
	uint32_t offset;

	make_two(&z);
	offset = (uint32_t)z.out.n;
	buf_add(&z.out, z.directory.p, z.directory.n - 3);
	zip_make_end_record(&z, 2, (uint32_t)z.directory.n - 3, offset, STR(""));
	check(buf_all(&z.out), "stored=one;next!-74");
}

TEST(many_members)
{
	auto_zip struct zip_make z;
	struct zip open;
	struct zip_member m;
	struct err e = { 0 };
	unsigned int n = 0;

	zip_make_init(&z);
	for (unsigned int i = 0; i < 70000; i++)
		zip_make_add_how(&z, STR("com/example/Name.class"), STR("x"), (struct zip_how){ 0 });
	row("more than the count's 16 bits hold");
	OK_ERR(zip_open(&open, zip_make_end(&z, STR("")), &e), &e);
	while (zip_next(&open, &m, &e) == 1)
		n++;
	EQ_INT(n, 70000);
}
