/* The database: what goes in comes out, whatever the order; damage gives errors and never more. */
#include "vuln/db.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "codec/sha256.h"
#include "tap.h"

struct said {
	const char *feed;
	struct advisory a;
	struct adv_range r;
};

#define NS(n, name_) .ns = STR(n), .name = STR(name_)

static const struct said statements[] = {
	{ "tracker",
	  { .id = STR("CVE-2023-0001"), NS("debian:12", "zlib"), .bulletin = STR("DSA-1-1") },
	  { .fixed = STR("1:1.2-3") } },
	{ "tracker",
	  { .id = STR("CVE-2023-0002"), NS("debian:12", "zlib"), .status = ADV_WONT_FIX, .reason = STR("minor") },
	  { .fixed = STR_NONE } },
	{ "tracker",
	  { .id = STR("CVE-2023-0002"), NS("debian:11", "zlib"), .unimportant = true, .severity = SEV_LOW },
	  { .fixed = STR("0.9") } },
	{ "osv",
	  { .id = STR("GHSA-aaaa"), NS("pypi", "Foo.__Bar") },
	  { .introduced = STR("1.0"), .last_affected = STR("2.0") } },
	{ "osv", { .id = STR("PYSEC-1"), NS("pypi", "foo-bar") }, { .introduced = STR("0"), .fixed = STR("2.1") } },
	{ "osv", { .id = STR("GO-1"), NS("golang", "example.org/m") }, { .fixed = STR("1.2.3") } },
	{ "osv", { .id = STR("GHSA-lone"), NS("npm", "left") }, { .fixed = STR("3.0.0") } },
	{ "osv", { .id = STR("RUSTSEC-lone"), NS("cargo", "under_score") }, { .fixed = STR("3.0.0") } },
	{ "osv", { .id = STR("GHSA-gone"), NS("npm", "left") }, { .fixed = STR("4.0.0") } },
	{ "rhel",
	  { .id = STR("CVE-2023-0003"),
	    NS("rhel:9", "nodejs"),
	    .name_kind = ADV_NAME_BINARY,
	    .module = STR("nodejs:18"),
	    .arch = STR("x86_64"),
	    .channel = STR("x") },
	  { .fixed = STR("1-1") } },
};

static const struct str alias_ghsa[] = { STR("CVE-2023-0010"), STR("PYSEC-1") };
static const struct str alias_go[] = { STR("CVE-2023-0011"), STR("CVE-2023-0012"), STR("GHSA-aaaa") };
static const struct str alias_rust[] = { STR("GHSA-lone") };
static const struct str alias_gone[] = { STR("CVE-2023-0001"), STR("GHSA-lone") };
static const struct str cwes[] = { STR("CWE-79"), STR("CWE-20") };

static const struct vuln_info vulns[] = {
	{ .id = STR("GHSA-aaaa"),
	  .aliases = alias_ghsa,
	  .alias_count = 2,
	  .title = STR("from ghsa"),
	  .cvss_score = 9.8,
	  .cvss_vector = STR("CVSS:3.1/A"),
	  .severity = SEV_CRITICAL,
	  .epss = -1,
	  .epss_percentile = -1 },
	{ .id = STR("CVE-2023-0010"),
	  .title = STR("from cve"),
	  .cvss_score = 5.5,
	  .cvss_vector = STR("CVSS:3.1/B"),
	  .epss = 0.00043,
	  .epss_percentile = 0.5,
	  .cwes = cwes,
	  .cwe_count = 2 },
	{ .id = STR("GO-1"),
	  .aliases = alias_go,
	  .alias_count = 3,
	  .cvss_score = -1,
	  .epss = -1,
	  .epss_percentile = -1,
	  .published = STR("2023-02-02") },
	{ .id = STR("RUSTSEC-lone"),
	  .aliases = alias_rust,
	  .alias_count = 1,
	  .title = STR("rust"),
	  .cvss_score = -1,
	  .epss = -1,
	  .epss_percentile = -1 },
	{ .id = STR("GHSA-gone"),
	  .aliases = alias_gone,
	  .alias_count = 2,
	  .withdrawn = true,
	  .cvss_score = -1,
	  .epss = -1,
	  .epss_percentile = -1 },
	{ .id = STR("CVE-2023-0001"),
	  .kev = true,
	  .kev_date = STR("2023-05-01"),
	  .cvss_score = -1,
	  .epss = -1,
	  .epss_percentile = -1 },
	{ .id = STR("CVE-1999-9999"),
	  .title = STR("nobody has it"),
	  .cvss_score = -1,
	  .epss = 0.9,
	  .epss_percentile = 0.9 },
};

static void give_statement(struct db_build *b, size_t i)
{
	struct feed_info f = { .name = str_c(statements[i].feed), .source = STR("file") };
	struct advisory a = statements[i].a;

	a.ranges = &statements[i].r;
	a.range_count = 1;
	db_build_feed(b, &f);
	db_build_sink(b)->advisory(db_build_sink(b)->ctx, &a);
}

static void give_vuln(struct db_build *b, size_t i)
{
	struct feed_info f = { .name = STR("osv"), .source = STR("file") };

	db_build_feed(b, &f);
	db_build_sink(b)->vuln(db_build_sink(b)->ctx, &vulns[i]);
}

/* All statements and records, starting somewhere and stepping so that each comes once; some of them twice. */
static struct buf build(size_t start, size_t step, size_t leave_out, const struct db *previous)
{
	struct db_build *b = db_build_new();
	size_t n = ARRAY_LEN(statements) + ARRAY_LEN(vulns);
	struct buf bytes = { 0 };
	struct err e = { 0 };

	for (size_t k = 0; k < n; k++) {
		size_t i = (start + k * step) % n;

		if (i == leave_out)
			continue;
		if (i < ARRAY_LEN(statements))
			give_statement(b, i);
		else
			give_vuln(b, i - ARRAY_LEN(statements));
	}
	OK_ERR(db_build_bytes(b, previous, STR("2026-01-01T00:00:00Z"), &bytes, &e), &e);
	db_build_free(b);
	return bytes;
}

static struct db *open_buf(const struct buf *b)
{
	struct db *d = NULL;
	struct err e = { 0 };

	OK_ERR(db_open_bytes(&d, buf_all(b), &e), &e);
	return d;
}

TEST(lookup)
{
	auto_buf struct buf bytes = build(0, 1, SIZE_MAX, NULL);
	struct db *d = open_buf(&bytes);
	struct db_statement s;
	struct adv_range r;
	struct db_brief brief;
	struct db_vuln v;
	struct db_key k;
	struct err e = { 0 };

	OK_ERR(db_verify(d, &e), &e);
	EQ_STR(db_built(d), STR("2026-01-01T00:00:00Z"));
	EQ_INT(db_find(d, STR("debian:12"), STR("zlib"), &k), 1);
	EQ_INT(k.count, 2);
	EQ_INT(db_find(d, STR("debian:13"), STR("zlib"), &k), 0);
	EQ_INT(db_find(d, STR("debian:12"), STR("zlib1g"), &k), 0);
	EQ_INT(db_find(d, STR("debian:11"), STR("zlib"), &k), 1);
	EQ_INT(db_statement(d, k.first, &s), 0);
	OK(s.a.unimportant);
	EQ_INT(s.a.severity, SEV_LOW);
	EQ_INT(db_range(d, &s, 0, &r), 0);
	EQ_STR(r.fixed, STR("0.9"));
	EQ_STR(r.introduced, STR(""));
	EQ_INT(db_range(d, &s, 1, &r), -EBADMSG);
	EQ_INT(db_find(d, STR("rhel:9"), STR("nodejs"), &k), 1);
	EQ_INT(db_statement(d, k.first, &s), 0);
	EQ_STR(s.a.module, STR("nodejs:18"));
	EQ_STR(s.a.arch, STR("x86_64"));
	EQ_STR(s.a.channel, STR("x"));
	EQ_INT(s.a.name_kind, ADV_NAME_BINARY);
	EQ_INT(db_vuln(d, s.vuln, &v), 0);
	EQ_STR(v.info.id, STR("CVE-2023-0003"));
	EQ_INT(db_brief(d, s.vuln, &brief), 0);
	EQ_INT(brief.id_hash, (uint32_t)str_hash(v.info.id, 0));
	EQ_INT(db_brief(d, (uint32_t)db_vuln_count(d), &brief), -EBADMSG);
	OK(db_has_ns(d, STR("pypi")));
	OK(!db_has_ns(d, STR("maven")));
	EQ_INT(db_find(d, STR("cargo"), STR("under-score"), &k), 1);
	db_free(d);
}

TEST(aliases)
{
	auto_buf struct buf bytes = build(0, 1, SIZE_MAX, NULL);
	struct db *d = open_buf(&bytes);
	struct db_statement s;
	uint32_t found[4];
	struct db_vuln v;
	struct db_key k;
	struct str alias = STR_NONE;

	row("two ids of one CVE are one vulnerability");
	EQ_INT(db_find(d, STR("pypi"), STR("FOO_bar"), &k), 1);
	EQ_INT(k.count, 2);
	EQ_INT(db_statement(d, k.first, &s), 0);
	EQ_INT(db_find_id(d, STR("CVE-2023-0010"), found, 4), 1);
	EQ_INT(found[0], s.vuln);
	EQ_INT(db_find_id(d, STR("PYSEC-1"), found, 4), 1);
	EQ_INT(found[0], s.vuln);
	EQ_INT(db_vuln(d, s.vuln, &v), 0);
	EQ_STR(v.info.id, STR("CVE-2023-0010"));
	OK(s.said.n > 0);
	row("the record of the CVE itself decides");
	EQ_STR(v.info.title, STR("from cve"));
	EQ_INT(v.info.cvss_score * 10, 55);
	EQ_STR(v.info.cvss_vector, STR("CVSS:3.1/B"));
	EQ_INT(v.info.severity, SEV_CRITICAL);
	EQ_INT(v.info.epss * 100000 + 0.5, 43);
	EQ_INT(v.info.cwe_count, 2);
	row("a record of several CVEs counts for each and joins none");
	EQ_INT(db_find(d, STR("golang"), STR("example.org/m"), &k), 1);
	EQ_INT(k.count, 2);
	EQ_INT(db_find_id(d, STR("GO-1"), found, 4), 2);
	EQ_INT(db_find_id(d, STR("CVE-2023-0011"), found, 4), 1);
	EQ_INT(db_vuln(d, found[0], &v), 0);
	EQ_INT(v.info.alias_count, 1);
	EQ_INT(db_alias(d, &v, 0, &alias), 0);
	EQ_STR(alias, STR("GO-1"));
	row("without a CVE");
	EQ_INT(db_find_id(d, STR("RUSTSEC-lone"), found, 4), 1);
	EQ_INT(db_vuln(d, found[0], &v), 0);
	EQ_STR(v.info.id, STR("GHSA-lone"));
	EQ_STR(v.info.title, STR("rust"));
	row("withdrawn: no statement, no alias, but known");
	EQ_INT(db_find(d, STR("npm"), STR("left"), &k), 1);
	EQ_INT(k.count, 1);
	EQ_INT(db_find_id(d, STR("GHSA-gone"), found, 4), 1);
	EQ_INT(db_vuln(d, found[0], &v), 0);
	OK(v.info.withdrawn);
	EQ_INT(v.info.alias_count, 0);
	row("exploited, and left out when nobody has it");
	EQ_INT(db_find_id(d, STR("CVE-2023-0001"), found, 4), 1);
	EQ_INT(db_vuln(d, found[0], &v), 0);
	OK(v.info.kev);
	OK(!v.info.withdrawn);
	EQ_INT(db_find_id(d, STR("CVE-1999-9999"), found, 4), 0);
	db_free(d);
}

TEST(order_does_not_matter)
{
	auto_buf struct buf first = build(0, 1, SIZE_MAX, NULL);

	for (size_t step = 1; step < 17; step++) {
		auto_buf struct buf other = build(step * 5, step, SIZE_MAX, NULL);

		row("step %zu", step);
		OK(str_eq(buf_all(&first), buf_all(&other)));
	}
}

TEST(changes)
{
	auto_buf struct buf old_bytes = build(0, 1, SIZE_MAX, NULL);
	struct db *old = open_buf(&old_bytes);
	static const struct {
		size_t leave_out;
		size_t changed;
		const char *ns, *name;
	} rows[] = {
		{ SIZE_MAX, 0, NULL, NULL },	{ 0, 1, "debian:12", "zlib" }, /* a statement less */
		{ 9, 1, "rhel:9", "nodejs" },				       /* the key is gone */
		{ 15, 1, "debian:12", "zlib" },				       /* no longer known as exploited */
		{ 16, 0, NULL, NULL },					       /* about nobody's vulnerability */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf bytes = build(3, 2, rows[i].leave_out, old);
		struct db *d = open_buf(&bytes);
		struct str ns = STR_NONE, name = STR_NONE;

		row("without %zu", rows[i].leave_out);
		EQ_INT(db_changed_count(d), rows[i].changed);
		struct digest before = db_previous(d), seal = db_digest(old);
		OK(digest_eq(&before, &seal));
		if (rows[i].changed) {
			EQ_INT(db_changed(d, 0, &ns, &name), 0);
			EQ_STR(ns, str_c(rows[i].ns));
			EQ_STR(name, str_c(rows[i].name));
		}
		db_free(d);
	}
	db_free(old);
}

static void look_at_everything(const struct db *d)
{
	for (size_t i = 0; i < db_key_count(d); i++) {
		struct db_statement s;
		struct adv_range r;
		struct db_key k;

		if (db_key_at(d, i, &k) < 0)
			continue;
		if (db_find(d, k.ns, k.name, &k) < 0)
			continue;
		for (uint32_t n = 0; n < k.count && db_statement(d, k.first + n, &s) == 0; n++)
			for (size_t j = 0; j < s.a.range_count && db_range(d, &s, j, &r) == 0; j++)
				;
	}
}

TEST(cut_short)
{
	auto_buf struct buf bytes = build(0, 1, SIZE_MAX, NULL);

	for (size_t i = 0; i < 64; i++) {
		struct db *d = NULL;
		struct err e = { 0 };
		size_t n = bytes.n * i / 64;
		auto_free char *copy = xmalloc(n);

		row("%zu of 64", i);
		memcpy(copy, bytes.p, n);
		EQ_INT(db_open_bytes(&d, str_n(copy, n), &e), -EBADMSG);
	}
}

TEST(every_byte_damaged)
{
	auto_buf struct buf bytes = build(0, 1, SIZE_MAX, NULL);
	size_t opened = 0, verified = 0;

	for (size_t i = 0; i < bytes.n; i++)
		for (int how = 0; how < 3; how++) {
			char was = bytes.p[i];
			struct db *d = NULL;
			struct err e = { 0 };

			bytes.p[i] = how == 0 ? (char)(was ^ 1) : how == 1 ? (char)(was ^ 0x80) : (char)~was;
			if (db_open_bytes(&d, buf_all(&bytes), &e) == 0) {
				opened++;
				verified += db_verify(d, &e) == 0;
				look_at_everything(d);
				db_free(d);
			}
			bytes.p[i] = was;
		}
	OK(opened > 0);
	EQ_INT(verified, 0);
}

TEST(other_formats)
{
	auto_buf struct buf bytes = build(0, 1, SIZE_MAX, NULL);
	struct db *d = NULL;
	struct err e = { 0 };

	for (char version = 1; version < 5; version += 2) {
		row("format %d", version);
		bytes.p[8] = version;
		EQ_INT(db_open_bytes(&d, buf_all(&bytes), &e), -ENOTSUP);
		OK(str_find(str_c(e.msg), '\n') < 0 && e.msg[0]);
	}
	row("something else");
	EQ_INT(db_open_bytes(&d, STR("PK\3\4 a zip file"), &e), -EBADMSG);
	EQ_INT(db_open_bytes(&d, STR(""), &e), -EBADMSG);
}

/* A seed of an older format is refused at its first bytes, and the fuzzer would start from nothing. */
TEST(seeds_are_of_this_format)
{
	auto_buf struct buf bytes = { 0 };
	char path[4096];
	struct db *d = NULL;
	struct err e = { 0 };

	snprintf(path, sizeof(path), "%s/tests/fuzz/db/small", getenv("YAGURA_SOURCE") ?: ".");
	OK_ERR(file_read(AT_FDCWD, path, 64 << 10, &bytes, &e), &e);
	OK_ERR(db_open_bytes(&d, buf_all(&bytes), &e), &e);
	OK_ERR(db_verify(d, &e), &e);
	EQ_INT(db_statement_count(d), 4);
	db_free(d);
}

TEST(files)
{
	char dir[] = "/tmp/yagura-db-XXXXXX";
	struct db_build *b = db_build_new();
	struct db *d = NULL;
	struct err e = { 0 };
	struct feed_info f;
	struct str w = STR_NONE;
	auto_close int fd = -1;

	OK(mkdtemp(dir));
	fd = fd_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
	EQ_INT(db_open(&d, fd, "db", &e), -ENOENT);
	give_statement(b, 0);
	db_build_feed_date(b, STR("2023-01-02"));
	db_build_feed_date(b, STR("2023-01-01"));
	db_build_sink(b)->warning(db_build_sink(b)->ctx, STR("bad record"));
	db_build_sink(b)->advisory(db_build_sink(b)->ctx, &(struct advisory){ .id = STR("CVE-1") });
	OK_ERR(db_build_write(b, NULL, STR("2026"), fd, "db", &e), &e);
	OK_ERR(db_open(&d, fd, "db", &e), &e);
	EQ_INT(db_feed_count(d), 1);
	EQ_INT(db_feed(d, 0, &f), 0);
	EQ_STR(f.name, STR("tracker"));
	EQ_STR(f.date, STR("2023-01-02"));
	EQ_INT(f.records, 2);
	EQ_INT(f.warnings, 2);
	OK(db_feed_warning(d, 0, 0, &w));
	EQ_STR(w, STR("bad record"));
	OK(db_feed_warning(d, 0, 1, &w));
	OK(!db_feed_warning(d, 0, 2, &w));
	db_free(d);
	db_build_free(b);
	unlinkat(fd, "db", 0);
	rmdir(dir);
}

TEST(empty)
{
	struct db_build *b = db_build_new();
	auto_buf struct buf bytes = { 0 };
	struct db *d = NULL;
	struct err e = { 0 };
	struct db_key k;

	OK_ERR(db_build_bytes(b, NULL, STR(""), &bytes, &e), &e);
	OK_ERR(db_open_bytes(&d, buf_all(&bytes), &e), &e);
	EQ_INT(db_find(d, STR("a"), STR("b"), &k), 0);
	EQ_INT(db_find_id(d, STR("CVE-1"), NULL, 0), 0);
	db_free(d);
	db_build_free(b);
}
