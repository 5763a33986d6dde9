/* changelog: which version fixed what, and the way to debian/changelog in an archive. */
#include "vuln/update/changelog.h"

#include "tap.h"

/* Versions in these tests order as their bytes do. */
static void check(const char *text, const char *current, const char *want)
{
	auto_arena struct arena a = { 0 };
	struct changelog_fixes f = { 0 };
	auto_buf struct buf got;
	struct err e = { 0 };

	buf_init(&got, 1000);
	OK_ERR(changelog_parse(str_c(text), str_c(current), str_cmp, &a, &f, &e), &e);
	for (size_t i = 0; i < f.all.n; i++)
		buf_fmt(&got, "%s" STR_FMT "%c" STR_FMT, i ? " " : "", STR_ARG(f.all.v[i].cve),
			f.all.v[i].open ? '!' : '<', STR_ARG(f.all.v[i].version));
	EQ_STR(buf_all(&got), str_c(want));
	vec_done(&f.all);
}

#define HEAD(v) "pkg (" v ") bookworm-security; urgency=high\n\n"
#define TAIL "\n -- Some One <one@example.org>  Fri, 20 Nov 2026 00:12:41 +0000\n\n"

TEST(rules)
{
	static const struct {
		const char *what, *text, *current, *want;
	} rows[] = {
		{ "one entry", HEAD("1.2") "  * Fix CVE-2024-1111 and cve-2024-22222.\n" TAIL, "1.2",
		  "CVE-2024-1111<1.2 CVE-2024-22222<1.2" },
		{ "the lowest wins",
		  HEAD("1.3") "  * Regression of CVE-2024-1111\n" TAIL HEAD("1.2") "  * CVE-2024-1111: fix\n" TAIL,
		  "1.3", "CVE-2024-1111<1.2" },
		{ "above the current version",
		  HEAD("9.9") "  * CVE-2024-1111\n" TAIL HEAD("1.2") "  * CVE-2024-2222\n" TAIL, "1.2",
		  "CVE-2024-2222<1.2" },
		{ "a revert takes it back",
		  HEAD("1.3") "  * Revert fix for CVE-2024-1111\n" TAIL HEAD("1.2") "  * CVE-2024-1111\n" TAIL, "1.3",
		  "CVE-2024-1111!1.3" },
		{ "fixed again after a revert",
		  HEAD("1.4") "  * CVE-2024-1111\n" TAIL HEAD("1.3") "  * Revert\n    CVE-2024-1111.patch\n" TAIL HEAD(
			  "1.2") "  * CVE-2024-1111\n" TAIL,
		  "1.4", "CVE-2024-1111<1.4" },
		{ "reverting what introduced it is a fix",
		  HEAD("1.3") "  * Revert change that introduced CVE-2024-3094\n" TAIL, "1.3", "CVE-2024-3094<1.3" },
		{ "the item next to a revert", HEAD("1.3") "  * Revert something\n  * CVE-2024-1111: fix\n" TAIL, "1.3",
		  "CVE-2024-1111<1.3" },
		{ "patterns and other things",
		  HEAD("1.3") "  * CVE-2017-922[4-9] CVE-2016-10092{1,2} XCVE-2020-1234 CVE-20-1 CVE-2020-123\n"
			      "  * d/p/CVE-2020-9999.patch CVE-2020-12345/CVE-2020-12346\n" TAIL,
		  "1.3", "CVE-2020-9999<1.3 CVE-2020-12345<1.3 CVE-2020-12346<1.3" },
		{ "no end of line", "pkg (1) x; y\n\n  * CVE-2020-9999", "1", "CVE-2020-9999<1" },
		{ "text before the first entry", "CVE-2020-1111\n" HEAD("1.1") "  * CVE-2020-9999\n" TAIL, "1.1",
		  "CVE-2020-9999<1.1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].what);
		check(rows[i].text, rows[i].current, rows[i].want);
	}
}

TEST(no_entries)
{
	auto_arena struct arena a = { 0 };
	struct changelog_fixes f = { 0 };
	struct err e = { 0 };

	EQ_INT(changelog_parse(STR("just text\n"), STR("1"), str_cmp, &a, &f, &e), -EBADMSG);
	EQ_INT(changelog_parse(STR(""), STR("1"), str_cmp, &a, &f, &e), -EBADMSG);
}

/* A ustar entry; the number fields are octal (POSIX.1-2017, ustar Interchange Format). */
static void tar_add(struct buf *b, const char *name, const char *text)
{
	char h[512] = { 0 };
	unsigned int sum = 0;
	size_t n = strlen(text);

	snprintf(h, 100, "%s", name);
	snprintf(h + 124, 12, "%011o", (unsigned int)n & 0xffff);
	memset(h + 148, ' ', 8);
	h[156] = '0';
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (uint8_t)h[i];
	snprintf(h + 148, 8, "%06o", sum & 0777777);
	buf_add(b, h, sizeof(h));
	buf_add(b, text, n);
	memset(buf_room(b, (512 - n % 512) % 512), 0, (512 - n % 512) % 512);
}

TEST(tar)
{
	static const struct {
		const char *name;
		int result;
	} rows[] = {
		{ "debian/changelog", 0 },
		{ "./debian/changelog", 0 },
		{ "pkg-1.2/debian/changelog", 0 },
		{ "pkg/vendor/debian/changelog", -ENOENT },
		{ "pkg-1.2/debian/changelog.old", -ENOENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf tar, got = { 0 };
		struct err e = { 0 };
		char end[1024] = { 0 };

		row("%s", rows[i].name);
		buf_init(&tar, 100000);
		tar_add(&tar, "debian/control", "Source: pkg\n");
		tar_add(&tar, rows[i].name, "pkg (1) x; y\n");
		buf_add(&tar, end, sizeof(end));
		EQ_INT(changelog_extract(buf_all(&tar), APT_TAR, &got, &e), rows[i].result);
		if (!rows[i].result)
			EQ_STR(buf_all(&got), STR("pkg (1) x; y\n"));
		if (!rows[i].result) {
			buf_done(&got);
			EQ_INT(changelog_extract(str_head(buf_all(&tar), 1540), APT_TAR, &got, &e), -EBADMSG);
		}
	}
}

TEST(diff)
{
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };

	OK_ERR(changelog_extract(
		       STR("--- pkg-1.orig/debian/control\n+++ pkg-1/debian/control\n@@ -0,0 +1 @@\n+Source: pkg\n"
			   "--- pkg-1.orig/debian/changelog\n+++ pkg-1/debian/changelog\t2020-01-01\n"
			   "@@ -0,0 +1,2 @@\n+pkg (1) x; y\n+\n"
			   "--- pkg-1.orig/debian/rules\n+++ pkg-1/debian/rules\n@@ -0,0 +1 @@\n+#!/usr/bin/make\n"),
		       APT_DIFF, &got, &e),
	       &e);
	EQ_STR(buf_all(&got), STR("pkg (1) x; y\n\n"));
	buf_done(&got);
	EQ_INT(changelog_extract(STR("--- a\n+++ b\n@@\n+c\n"), APT_DIFF, &got, &e), -ENOENT);
}
