/* Whole feed files through the compile driver: exact counts of ../shared/feeds (its README lists what is in them),
 * statements through the wire and back, and what happens with damaged files. */
#include "vuln/feed/compile.h"

#include <fcntl.h>

#include "base/fd.h"
#include "feed_text.h"
#include "tap.h"
#include "vuln/feed/wire.h"

static const struct {
	const char *path, *format;
	uint64_t documents, advisories, vulns, warnings;
} feeds[] = {
	/* 25,932 definitions, some of which name several CVEs or packages */
	{ "debian/oval-definitions-bookworm.xml.bz2", "oval", 1, 25995, 24011, 0 },
	{ "debian/oval-definitions-wheezy.xml.bz2", "oval", 1, 23836, 437, 0 },
	/* 37,964 pairs of package and CVE, each for several releases */
	{ "debian/tracker-data-json.regenerated.json.zst", "debian-tracker", 1, 139226, 29525, 0 },
	/* one warning counts the notices about the running kernel, 140 and 48 */
	{ "ubuntu/com.ubuntu.jammy.usn.oval.xml.bz2", "oval", 1, 31690, 1817, 1 },
	{ "ubuntu/com.ubuntu.noble.usn.oval.xml.bz2", "oval", 1, 6249, 2002, 1 },
	{ "redhat-family/redhat/com.redhat.rhsa-RHEL9.xml.bz2", "oval", 1, 7234, 560, 0 },
	{ "redhat-family/rocky/org.rockylinux.rlsa-9.xml.bz2", "oval", 1, 8436, 0, 0 },
	{ "kev/known_exploited_vulnerabilities.json", "kev", 1, 0, 1404, 0 },
	{ "kev/known_exploited_vulnerabilities.csv", "kev-csv", 1, 0, 1404, 0 },
	{ "cve/cisa-vulnrichment.tar.zst", "cve", 44130, 0, 44130, 0 },
	{ "osv/AlmaLinux_8/all.zip", "osv", 3237, 138619, 962, 0 },
	{ "osv/AlmaLinux_9/all.zip", "osv", 1783, 110282, 857, 0 },
	{ "osv/AlmaLinux_10/all.zip", "osv", 660, 33199, 328, 0 },
	{ "osv/Bitnami/all.zip", "osv", 7444, 7444, 7444, 0 },
	/* one warning counts the four SwiftURL packages */
	{ "osv/GHSA-subset/all.zip", "osv", 386, 942, 386, 1 },
	/* 6,125 packages less those of 17 withdrawn records */
	{ "osv/Go/all.zip", "osv", 4291, 6106, 4291, 0 },
	{ "osv/PyPI/all.zip", "osv", 2661, 2651, 2661, 0 },
	/* 1,206 less 13 withdrawn */
	{ "osv/crates.io/all.zip", "osv", 1206, 1193, 1206, 0 },
	{ "osv/Ubuntu-USN-regenerated/all.zip", "osv", 7015, 255183, 2646, 0 },
	/* 5,403 announcements */
	{ "debian/DSA-list.2023-04-02.txt.zst", "debian-dsa", 1, 23481, 134, 0 },
	{ "debian/DLA-list.2023-04-02.txt.zst", "debian-dsa", 1, 11311, 304, 0 },
	/* 1,592 advisories; 467 and an index; 1,381 of which 147 are about Ruby itself and two contradict
	 * themselves (cron_parser: unaffected below 1.0.12 and above 0.1.4) */
	{ "lang/FriendsOfPHP-security-advisories.tar.zst", "friendsofphp", 1592, 1592, 1592, 0 },
	{ "lang/nodejs-security-wg-vuln.tar.zst", "nodejs", 467, 477, 477, 0 },
	{ "lang/ruby-advisory-db.tar.zst", "rubysec", 1381, 1232, 1232, 2 },
	/* 76 libraries; 26 have an npm name */
	{ "lang/retire/jsrepository-v6.json.zst", "retire", 1, 375, 375, 2 },
	{ "suse/SUSE-SLES15-regenerated/all.zip", "osv", 2361, 159503, 1122, 0 },
};

static struct str shared_path(struct arena *a, const char *path)
{
	const char *shared = getenv("YAGURA_SHARED");

	return arena_fmt(a, "%s/feeds/%s", shared ? shared : "../shared", path);
}

static bool map_shared(const char *path, struct mapping *ret)
{
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	auto_close int fd = open(shared_path(&a, path).p, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		tap_skip("../shared is not here");
		return false;
	}
	return OK_ERR(mapping_open(fd, ret, &e), &e);
}

TEST(counts)
{
	for (size_t i = 0; i < ARRAY_LEN(feeds); i++) {
		struct feed_text text = { .count_only = true };
		struct feed_sink sink = feed_text_sink(&text);
		auto_mapping struct mapping m = { 0 };
		struct compile_result x;
		struct err e = { 0 };

		row("%s", feeds[i].path);
		if (!map_shared(feeds[i].path, &m))
			continue;
		OK_ERR(compile_file(str_c(feeds[i].path), str_n(m.p, m.n), &sink, &x, &e), &e);
		EQ_Z(x.format, feeds[i].format);
		EQ_INT(x.documents, feeds[i].documents);
		EQ_INT(x.failed, 0);
		EQ_INT(text.advisories, feeds[i].advisories);
		EQ_INT(text.vulns, feeds[i].vulns);
		EQ_INT(text.warnings, feeds[i].warnings);
		EQ_INT(x.advisories, text.advisories);
	}
}

/* Things a person can look up in the files. */
static const struct {
	const char *path, *line;
} items[] = {
	{ "debian/oval-definitions-bookworm.xml.bz2", "A CVE-1999-0199 debian:12 src:glibc affected [,2.2-1)\n" },
	{ "redhat-family/rocky/org.rockylinux.rlsa-9.xml.bz2",
	  "A CVE-2022-1271 rocky:9 bin:gzip affected [,1.10-9.el9_0) sev=high bulletin=RLSA-2022:4582\n" },
	{ "redhat-family/redhat/com.redhat.rhsa-RHEL9.xml.bz2",
	  "A CVE-2022-22721 rhel:9 bin:mod_ssl affected [,1:2.4.53-7.el9) sev=medium bulletin=RHSA-2022:8067\n" },
	{ "alpine/secdb/v3.18/main.json", "A CVE-2017-7659 alpine:3.18 src:apache2 affected [,2.4.26-r0)\n" },
	{ "osv/Go/all.zip",
	  "A GO-2022-0501 golang bin:github.com/kubeedge/kubeedge affected [0,1.9.3) [1.10.0,1.10.1)\n" },
	{ "osv/Ubuntu-USN-regenerated/all.zip",
	  "A CVE-2016-1580 ubuntu:16.04 src:ubuntu-core-launcher affected [0,1.0.27.1) bulletin=USN-2956-1\n" },
	{ "lang/retire/jsrepository-v6.json.zst",
	  "V CVE-2011-4969 alias=GHSA-579v-mp3v-rrw5 title=XSS with location.hash sev=medium cwe=CWE-79\n" },
	{ "lang/ruby-advisory-db.tar.zst", "A CVE-2014-3248 gem bin:mcollective-client affected [,2.5.2)\n" },
	{ "lang/FriendsOfPHP-security-advisories.tar.zst",
	  "A CVE-2022-33154 composer bin:brotkrueml/schema affected [2.0.0,2.5.1) [,1.13.1)\n" },
	{ "debian/DSA-list.2023-04-02.txt.zst",
	  "A CVE-2023-28686 debian:11 src:dino-im affected [,0.2.0-3+deb11u1) bulletin=DSA-5379-1\n" },
	{ "kev/known_exploited_vulnerabilities.csv",
	  "V CVE-2025-48384 title=Git Link Following Vulnerability cwe=CWE-59 cwe=CWE-436 kev=2025-08-25\n" },
};

TEST(items)
{
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		struct feed_text text = { 0 };
		struct feed_sink sink = feed_text_sink(&text);
		auto_mapping struct mapping m = { 0 };
		struct compile_result x;
		struct err e = { 0 };

		row("%s", items[i].path);
		if (!map_shared(items[i].path, &m))
			continue;
		OK_ERR(compile_file(str_c(items[i].path), str_n(m.p, m.n), &sink, &x, &e), &e);
		OK(str_find_str(buf_all(&text.b), str_c(items[i].line)) >= 0);
		buf_done(&text.b);
	}
}

/* 41 files with 85,270 texts, of which some hold several CVEs. */
TEST(secdb_counts)
{
	struct feed_text text = { .count_only = true };
	struct feed_sink sink = feed_text_sink(&text);
	size_t files = 0;
	auto_arena struct arena a = { 0 };

	for (unsigned int v = 1; v <= 21; v++) {
		for (unsigned int r = 0; r < 2; r++) {
			struct str branch = v == 1 ? STR("edge") : arena_fmt(&a, "v3.%u", v);
			struct str path = arena_fmt(&a, "alpine/secdb/" STR_FMT "/%s.json", STR_ARG(branch),
						    r ? "community" : "main");
			auto_mapping struct mapping m = { 0 };
			struct compile_result x;
			struct err e = { 0 };

			if (v == 2 && r) /* had no community repository */
				continue;
			if (!map_shared(path.p, &m))
				return;
			files += OK_ERR(compile_file(path, str_n(m.p, m.n), &sink, &x, &e), &e);
		}
	}
	EQ_INT(files, 41);
	EQ_INT(text.advisories, 85307);
}

struct pieces {
	struct wire_in in;
	size_t step;
	struct err e;
	int r;
};

static void in_pieces(void *ctx, struct str bytes)
{
	struct pieces *p = ctx;

	for (size_t at = 0; at < bytes.n && p->r == 0; at += p->step)
		p->r = wire_in_add(&p->in, str_head(str_from(bytes, at), p->step), &p->e);
}

/* What comes out of the wire is what went in, however the bytes are cut. */
TEST(wire)
{
	static const char *const files[] = { "osv/GHSA-subset/all.zip", "osv/AlmaLinux_10/all.zip",
					     "kev/known_exploited_vulnerabilities.json",
					     "ubuntu/com.ubuntu.noble.usn.oval.xml.bz2" };
	static const size_t steps[] = { 1 << 20, 4093, 7 };

	for (size_t i = 0; i < ARRAY_LEN(files) * ARRAY_LEN(steps); i++) {
		const char *file = files[i / ARRAY_LEN(steps)];
		struct feed_text straight = { 0 }, wired = { 0 };
		struct feed_sink straight_sink = feed_text_sink(&straight), wired_sink = feed_text_sink(&wired);
		struct pieces p = { .step = steps[i % ARRAY_LEN(steps)] };
		auto_mapping struct mapping m = { 0 };
		struct compile_result x;
		struct wire_out out;
		struct err e = { 0 };

		row("%s in pieces of %zu", file, p.step);
		if (!map_shared(file, &m))
			continue;
		wire_in_init(&p.in, &wired_sink);
		wire_out_init(&out, &p, in_pieces);
		OK_ERR(compile_file(str_c(file), str_n(m.p, m.n), &straight_sink, &x, &e), &e);
		OK_ERR(compile_file(str_c(file), str_n(m.p, m.n), &out.sink, &x, &e), &e);
		wire_out_flush(&out);
		OK_ERR(p.r, &p.e);
		OK_ERR(wire_in_end(&p.in, &e), &e);
		OK(straight.b.n > 1000 && str_eq(buf_all(&straight.b), buf_all(&wired.b)));
		wire_out_done(&out);
		wire_in_done(&p.in);
		buf_done(&straight.b);
		buf_done(&wired.b);
	}
}

TEST(damaged)
{
	static const struct {
		const char *path, *bytes;
		size_t n;
		int want;
	} cases[] = {
		{ "empty.json", "", 0, 0 },
		{ "x.txt", "hello", 5, 0 },
		{ "a.zip", "PK\3\4", 4, -EBADMSG },
		{ "a.json.gz", "\x1f\x8b\x08\0", 4, -EBADMSG },
		{ "a.xml.bz2", "BZh91AY&SY", 10, -EBADMSG },
		{ "a.json", "{\"id\":\"X-1\",\"modified\":\"\",\"affected\":[", 37, -EBADMSG },
		{ "a.xml", "<oval_definitions><definition>", 30, -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct feed_text text = { 0 };
		struct feed_sink sink = feed_text_sink(&text);
		struct compile_result x;
		struct err e = { 0 };

		row("%s", cases[i].path);
		EQ_INT(compile_file(str_c(cases[i].path), str_n(cases[i].bytes, cases[i].n), &sink, &x, &e),
		       cases[i].want);
		OK((cases[i].want < 0) == (e.msg[0] != 0));
		EQ_INT(text.advisories, 0);
		buf_done(&text.b);
	}
}

TEST(ignored_paths)
{
	OK(compile_ignores(STR("greenbone/notus/debian_12.notus.zst")));
	OK(compile_ignores(STR("yara/elastic-linux.tar.zst")));
	OK(compile_ignores(STR("malware/x.txt.zst")));
	OK(compile_ignores(STR("README.md")));
	OK(compile_ignores(STR("lang/retire/LICENSE.md")));
	OK(!compile_ignores(STR("alpine/secdb/v3.18/main.json")));
	OK(!compile_ignores(STR("debian/DSA-list.2023-04-02.txt.zst")));
}
