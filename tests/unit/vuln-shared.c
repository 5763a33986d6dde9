/* Real feeds, end to end: compiled, written, opened, matched. The data lies beside the checkout (YAGURA_SHARED). */
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "codec/sha256.h"
#include "tap.h"
#include "vuln/feed/compile.h"
#include "vuln/match.h"

#define OPEN_DIRECTORIES 16

static struct db_build *builder;
static size_t root_length;
static struct buf bytes;
static struct db *database;

static int compile(const char *path, const struct stat *st unused_arg, int kind, struct FTW *ftw unused_arg)
{
	struct str name = str_c(path + root_length);
	struct feed_info feed = { .name = name, .source = name };
	struct compile_result r = { 0 };
	struct mapping map = { 0 };
	struct err e = { 0 };
	auto_close int fd = -1;

	if (kind != FTW_F || compile_ignores(name))
		return 0;
	fd = fd_open(AT_FDCWD, path, O_RDONLY);
	OK_ERR(mapping_open(fd, &map, &e), &e);
	db_build_feed(builder, &feed);
	OK_ERR(compile_file(name, str_n(map.p, map.n), db_build_sink(builder), &r, &e), &e);
	db_build_feed_date(builder, str_c(r.date));
	mapping_close(&map);
	return 0;
}

/* False when the data is not here. */
static bool have_database(void)
{
	static const char *const parts[] = { "alpine/secdb", "debian/tracker-data-json.regenerated.json.zst",
					     "osv/PyPI", "osv/Go", "osv/AlmaLinux_8" };
	const char *shared = getenv("YAGURA_SHARED");
	struct err e = { 0 };
	char path[4096];

	if (database)
		return true;
	snprintf(path, sizeof(path), "%s/feeds/alpine", shared ? shared : "");
	if (access(path, R_OK) < 0) {
		tap_skip("../shared is not here");
		return false;
	}
	sha256_setup();
	builder = db_build_new();
	root_length = strlen(shared) + strlen("/feeds/");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		snprintf(path, sizeof(path), "%s/feeds/%s", shared, parts[i]);
		EQ_INT(nftw(path, compile, OPEN_DIRECTORIES, FTW_PHYS), 0);
	}
	OK_ERR(db_build_bytes(builder, NULL, STR("2026-01-01T00:00:00Z"), &bytes, &e), &e);
	builder = db_build_free(builder);
	OK_ERR(db_open_bytes(&database, buf_all(&bytes), &e), &e);
	return database;
}

TEST(counts)
{
	struct err e = { 0 };

	if (!have_database())
		return;
	OK_ERR(db_verify(database, &e), &e);
	OK(db_statement_count(database) > 300000);
	OK(db_statement_count(database) < 1500000);
	OK(bytes.n < 40u << 20);
	OK(db_has_ns(database, STR("debian:12")));
	OK(db_has_ns(database, STR("alpine:3.2")));
	OK(db_has_ns(database, STR("alpine:edge")));
	OK(db_has_ns(database, STR("almalinux:8")));
	OK(db_has_ns(database, STR("pypi")));
	OK(db_has_ns(database, STR("golang")));
}

struct real {
	const char *label, *os;
	bool eol;
	struct package p;
	const char *id; /* must be, or with '!' in front must not be, among the findings */
	const char *fixed;
	bool inferred;
};

static const struct real rows[] = {
	{ "debian: log4j fixed by DSA",
	  "debian:11",
	  false,
	  { PKG_DEB, STR("liblog4j2-java"), STR("2.13.3-1"), STR("all"), .source = STR("apache-log4j2") },
	  "CVE-2021-44228",
	  NULL,
	  false },
	{ "debian: ... and installed",
	  "debian:11",
	  false,
	  { PKG_DEB, STR("liblog4j2-java"), STR("2.17.1-1~deb11u1"), STR("all"), .source = STR("apache-log4j2") },
	  "!CVE-2021-44228",
	  NULL,
	  false },
	{ "alpine: own branch",
	  "alpine:3.15",
	  false,
	  { PKG_APK, STR("zlib"), STR("1.2.11-r3"), STR("x86_64") },
	  "CVE-2018-25032",
	  "1.2.12-r0",
	  false },
	{ "alpine: newer branches",
	  "alpine:3.2",
	  true,
	  { PKG_APK, STR("libcrypto1.0"), STR("1.0.2k-r0"), STR("x86_64"), .source = STR("openssl") },
	  "CVE-2017-3737",
	  "1.0.2n-r0",
	  true },
	{ "pypi: GHSA, PYSEC and CVE are one",
	  "",
	  false,
	  { PKG_PYPI, STR("Jinja2"), STR("2.10") },
	  "CVE-2019-10906",
	  "2.10.1",
	  false },
	{ "pypi: fixed", "", false, { PKG_PYPI, STR("jinja2"), STR("2.10.1") }, "!CVE-2019-10906", NULL, false },
	{ "go: standard library",
	  "",
	  false,
	  { PKG_GOLANG, STR("stdlib"), STR("1.20.1") },
	  "CVE-2023-24532",
	  NULL,
	  false },
	{ "alma: binary of a plain package",
	  "almalinux:8",
	  false,
	  { PKG_RPM, STR("openssl-libs"), STR("1:1.1.1k-4.el8"), STR("x86_64") },
	  "CVE-2022-0778",
	  NULL,
	  false },
};

static void match_row(const struct real *r)
{
	struct inventory inv = { .os_ns = str_c(r->os), .os_eol_known = true, .os_eol = r->eol };
	struct match_options options = { 0 };
	const struct finding *found = NULL;
	bool unwanted = r->id[0] == '!';
	struct verdict v = { 0 };
	struct err e = { 0 };
	struct inv_package *p = vec_add(&inv.packages);

	*p = (struct inv_package){ .p = r->p, .path = STR("x"), .layer = NO_LAYER, .owner = NO_OWNER };
	OK_ERR(match_inventory(database, &inv, &options, &v, &e), &e);
	for (size_t i = 0; i < v.findings.n; i++)
		if (str_is(v.findings.v[i].id, r->id + unwanted))
			found = &v.findings.v[i];
	OK(!found == unwanted);
	if (found && r->fixed)
		EQ_STR(found->fixed, str_c(r->fixed));
	if (found)
		EQ_INT(found->inferred, r->inferred);
	verdict_done(&v);
	inventory_done(&inv);
}

TEST(findings)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].label);
		if (have_database())
			match_row(&rows[i]);
	}
	database = db_free(database);
	buf_done(&bytes);
}
