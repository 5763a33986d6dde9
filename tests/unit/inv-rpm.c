/* rpm: the three containers against what rpm itself says of them, headers made by hand, and the manifest. */
#include "inventory/rpm.h"

#include "evidence.h"
#include "inventory/rpm_header.h"

/* Reads a database of ../shared; false when it is not there. */
static bool read_shared(const char *name, struct facts *facts)
{
	static char path[4096];
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	if (!evidence_shared(name, path))
		return false;
	OK_ERR(file_read(AT_FDCWD, path, EVIDENCE_BYTES_MAX, &b, &e), &e);
	OK_ERR(evidence_run(rpm_database_read, "var/lib/rpm/x", buf_all(&b), facts, &e), &e);
	EQ_INT(facts->notes, 0);
	return true;
}

static void compare(const struct facts *facts, const char *columns, struct str want)
{
	auto_buf struct buf got = { 0 };

	buf_init(&got, EVIDENCE_BYTES_MAX);
	facts_text(facts, columns, true, &got);
	evidence_same_lines(buf_all(&got), want);
}

/* rpm -qa's answer brought to our columns: epoch only where it is not 0, module without its last parts. */
#define FROM_QUERY                                                                                               \
	"awk -F'\\t' '{ split($7, m, \":\"); s = $6; sub(/\\.(no)?src\\.rpm$/, \"\", s);"                        \
	" n = s; sub(/-[^-]*-[^-]*$/, \"\", n);"                                                                 \
	" print $1 \"|\" ($2 == \"0\" || $2 == \"(none)\" ? \"\" : $2 \":\") $3 \"-\" $4 \"|\" $5 \"|\" n \"|\"" \
	" substr(s, length(n) + 2) \"|\" ($7 == \"(none)\" ? \"\" : m[1] \":\" m[2]) \"|\" $8 }'"

TEST(rocky_sqlite)
{
	static char path[4096], command[8192];
	auto_buf struct buf want = { 0 }, db = { 0 };
	auto_facts struct facts facts = { 0 };
	struct err e = { 0 };

	if (!evidence_shared("images/rpm/rocky-9.3-synth.tar.zst", path))
		return;
	facts_init(&facts);
	snprintf(command, sizeof(command), "zstd -dc '%s' | tar -xOf - ./var/lib/rpm/rpmdb.sqlite", path);
	OK(evidence_command(command, &db));
	OK_ERR(evidence_run(rpm_database_read, "var/lib/rpm/rpmdb.sqlite", buf_all(&db), &facts, &e), &e);
	EQ_INT(facts.notes, 0);
	OK(evidence_shared("images/rpm/rocky-9.3-synth.expected.tsv", path));
	snprintf(command, sizeof(command), FROM_QUERY " '%s'", path);
	OK(evidence_command(command, &want));
	EQ_INT(facts.packages, 142);
	compare(&facts, "nvasSmV", buf_all(&want));
}

TEST(amazon_sqlite)
{
	static char path[4096], command[8192];
	auto_buf struct buf want = { 0 };
	auto_facts struct facts facts = { 0 };

	facts_init(&facts);
	if (!read_shared("images/rpm/amazonlinux2023/rpmdb.sqlite", &facts))
		return;
	OK(evidence_shared("images/rpm/amazonlinux2023/packages.csv", path));
	snprintf(command, sizeof(command),
		 "grep -v gpg-pubkey '%s' | sed 's/¶/\\t/g' | awk -F'\\t' '{ s = $6; sub(/\\.src\\.rpm$/, \"\", "
		 "s); n = s;"
		 " sub(/-[^-]*-[^-]*$/, \"\", n); print $2 \"|\" ($1 == \"\" ? \"\" : $1 \":\") $3 \"-\" $4 \"|\" $5 "
		 "\"|\""
		 " n \"|\" substr(s, length(n) + 2) \"|\" $9 \"|\" $8 }'",
		 path);
	OK(evidence_command(command, &want));
	compare(&facts, "nvasSVL", buf_all(&want));
}

/* What rpm 4.18 says of the same blobs, asked once when the test was written. */
static const char sles_packages[] =
#include "inv-rpm-sles.h"
	;

TEST(sles_ndb)
{
	auto_facts struct facts facts = { 0 };
	struct rd r;
	struct fact f;
	size_t owned = 0;

	facts_init(&facts);
	if (!read_shared("images/rpm/sle15-bci-a/Packages.db", &facts))
		return;
	compare(&facts, "nvasSmV", str_c(sles_packages));
	r = rd_of(buf_all(&facts.b));
	while (facts_next(&r, &f, NULL) > 0)
		owned += f.kind == FACT_OWNS ? f.owns.hashes.n / 8 : 0;
	EQ_INT(owned, 2884); /* lines of `rpm -qal` */
}

TEST(rhel8_bdb)
{
	auto_facts struct facts facts = { 0 };

	facts_init(&facts);
	if (!read_shared("images/rpm/libuuid-bdb/Packages", &facts))
		return;
	compare(&facts, "nvasSmV", STR("libuuid|2.32.1-42.el8_8|x86_64|util-linux|2.32.1-42.el8_8||Red Hat, Inc.\n"));
}

/* Containers made by tests/fuzz/make-inv-seeds: they need no ../shared, and have what real ones above lack. */
static const struct {
	const char *name;
	size_t packages;
	bool notes;
	int result;
} made[] = {
	{ "inv-rpm-sqlite/empty", 0, false, 0 },     { "inv-rpm-sqlite/many", 20, false, 0 }, /* a tree of pages */
	{ "inv-rpm-sqlite/page-4096", 3, false, 0 }, { "inv-rpm-ndb/empty", 0, false, 0 },
	{ "inv-rpm-ndb/many", 20, false, 0 },	     { "inv-rpm-ndb/damaged", 1, true, 0 }, /* one checksum is wrong */
	{ "inv-rpm-bdb/empty", 0, false, 0 },	     { "inv-rpm-bdb/many", 20, false, 0 },
	{ "inv-rpm-bdb/big-endian", 2, false, 0 },   { "inv-rpm-bdb/loop", 0, true, 0 },
	{ "inv-rpm-bdb/cut", 16, true, -EBADMSG },
};

TEST(containers_made)
{
	const char *source = getenv("YAGURA_SOURCE");

	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		char path[4096];
		auto_buf struct buf b = { 0 };
		auto_facts struct facts facts = { 0 };
		struct err e = { 0 };

		row("%s", made[i].name);
		snprintf(path, sizeof(path), "%s/tests/fuzz/%s", source ? source : ".", made[i].name);
		OK_ERR(file_read(AT_FDCWD, path, EVIDENCE_BYTES_MAX, &b, &e), &e);
		facts_init(&facts);
		EQ_INT(evidence_run(rpm_database_read, "var/lib/rpm/x", buf_all(&b), &facts, &e), made[i].result);
		EQ_INT(facts.packages, made[i].packages);
		EQ_INT(facts.notes > 0, made[i].notes);
	}
}

/* Headers by hand: entries as { tag, type, count, data }. */
struct part {
	uint32_t tag, type, count;
	struct str data;
};

static void be32(struct buf *b, uint32_t v)
{
	const uint8_t bytes[] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	buf_add(b, bytes, sizeof(bytes));
}

static void make_header(struct buf *b, const struct part *parts, size_t n)
{
	uint32_t offset = 0;

	for (size_t i = 0; i < n; i++)
		offset += (uint32_t)parts[i].data.n;
	be32(b, (uint32_t)n);
	be32(b, offset);
	offset = 0;
	for (size_t i = 0; i < n; i++) {
		be32(b, parts[i].tag);
		be32(b, parts[i].type);
		be32(b, offset);
		be32(b, parts[i].count);
		offset += (uint32_t)parts[i].data.n;
	}
	for (size_t i = 0; i < n; i++)
		buf_str(b, parts[i].data);
}

#define NVR                                                     \
	{ 1000, 6, 1, STR("a\0") }, { 1001, 6, 1, STR("1\0") }, \
	{                                                       \
		1002, 6, 1, STR("2\0")                          \
	}

static const struct {
	const char *name;
	struct part parts[8];
	const char *want; /* "name epoch module" and a line per file; NULL: refused */
	int files;
} header_rows[] = {
	{ "least", { NVR }, "a - ", 0 },
	{ "epoch 0", { NVR, { 1003, 4, 1, STR("\0\0\0\0") } }, "a 0 ", 0 },
	{ "epoch", { NVR, { 1003, 4, 1, STR("\0\0\0\2") } }, "a 2 ", 0 },
	{ "the last of a tag", { NVR, { 1000, 6, 1, STR("b\0") } }, "b - ", 0 },
	{ "old file names", { NVR, { 1027, 8, 2, STR("/x\0/y/z\0") } }, "a - \n/x\n/y/z", 0 },
	{ "file names",
	  { NVR,
	    { 1118, 8, 2, STR("/u/\0/v/\0") },
	    { 1117, 8, 3, STR("p\0q\0r\0") },
	    { 1116, 4, 3, STR("\0\0\0\1\0\0\0\0\0\0\0\1") } },
	  "a - \n/v/p\n/u/q\n/v/r",
	  0 },
	{ "directory that is not there",
	  { NVR, { 1118, 8, 1, STR("/u/\0") }, { 1117, 8, 2, STR("p\0q\0") }, { 1116, 4, 2, STR("\0\0\0\0\0\0\0\1") } },
	  "a - \n/u/p",
	  -EBADMSG },
	{ "fewer indexes than names",
	  { NVR, { 1118, 8, 1, STR("/u/\0") }, { 1117, 8, 2, STR("p\0q\0") }, { 1116, 4, 1, STR("\0\0\0\0") } },
	  "a - ",
	  -EBADMSG },
	{ "no release", { { 1000, 6, 1, STR("a\0") }, { 1001, 6, 1, STR("1\0") } }, NULL, 0 },
	{ "name without an end", { { 1001, 6, 1, STR("1\0") }, { 1000, 6, 1, STR("a") } }, NULL, 0 },
	{ "name that is a number", { NVR, { 1000, 4, 1, STR("\0\0\0\1") } }, NULL, 0 },
	{ "more names than bytes", { NVR, { 1117, 8, 1000, STR("p\0") } }, NULL, 0 },
};

static void add_file(void *ctx, struct str dir, struct str base)
{
	buf_fmt(ctx, "\n" STR_FMT STR_FMT, STR_ARG(dir), STR_ARG(base));
}

TEST(header)
{
	for (size_t i = 0; i < ARRAY_LEN(header_rows); i++) {
		auto_buf struct buf b = { 0 }, text = { 0 };
		struct rpm_header h = { 0 };
		struct err e = { 0 };
		size_t n = 0;

		row("%s", header_rows[i].name);
		buf_init(&b, 1 << 20);
		buf_init(&text, 1 << 20);
		while (n < ARRAY_LEN(header_rows[i].parts) && header_rows[i].parts[n].tag)
			n++;
		make_header(&b, header_rows[i].parts, n);
		if (!header_rows[i].want) {
			EQ_INT(rpm_header_read(buf_all(&b), &h, &e), -EBADMSG);
			continue;
		}
		OK_ERR(rpm_header_read(buf_all(&b), &h, &e), &e);
		buf_fmt(&text, STR_FMT " ", STR_ARG(h.name));
		if (h.has_epoch)
			buf_fmt(&text, "%u ", h.epoch);
		else
			buf_str(&text, STR("- "));
		EQ_INT(rpm_header_files(&h, &text, add_file, &e), header_rows[i].files);
		EQ_STR(buf_all(&text), str_c(header_rows[i].want));
		for (size_t cut = 0; cut < b.n; cut++) /* cut anywhere: refused, never read past */
			OK(rpm_header_read(str_head(buf_all(&b), cut), &h, NULL) == -EBADMSG);
	}
}

static const struct {
	const char *name, *path, *text, *want;
	int result;
} file_rows[] = {
	{ "empty log", "var/lib/rpm/rpmdb.sqlite-wal", "", "", 0 },
	{ "log", "var/lib/rpm/rpmdb.sqlite-wal", "0123456789012345678901234567890123456789",
	  "note write-ahead log of 40 bytes was not merged into the rpm database: the newest changes may not be seen\n",
	  0 },
	{ "neither of the three", "var/lib/rpm/Packages", "rubbish that is no database", "", -ENOTSUP },
	{ "SQLite cut short", "var/lib/rpm/rpmdb.sqlite", "SQLite format 3", "", -ENOTSUP },
	{ "ndb cut short", "var/lib/rpm/Packages.db", "RpmP\0", "", -EBADMSG },
};

TEST(files)
{
	for (size_t i = 0; i < ARRAY_LEN(file_rows); i++) {
		auto_facts struct facts facts = { 0 };
		auto_buf struct buf text = { 0 };
		struct err e = { 0 };

		row("%s", file_rows[i].name);
		facts_init(&facts);
		buf_init(&text, EVIDENCE_BYTES_MAX);
		EQ_INT(evidence_run(rpm_database_read, file_rows[i].path, str_c(file_rows[i].text), &facts, &e),
		       file_rows[i].result);
		facts_text(&facts, "nv", false, &text);
		EQ_STR(buf_all(&text), str_c(file_rows[i].want));
	}
}

TEST(manifest)
{
	static const char text[] =
		"openssl-libs\t3.3.0-1.azl3\t1700000000\t1700000000\tMicrosoft Corporation\t(none)\t1\tx86_64\t0\t"
		"openssl-3.3.0-1.azl3.src.rpm\n"
		"tzdata\t2024a-1.azl3\t1\t1\tMicrosoft Corporation\t2\t1\tnoarch\t2\ttzdata-2024a-1.azl3.src.rpm\n"
		"rubbish\n";
	auto_facts struct facts facts = { 0 };
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };

	facts_init(&facts);
	buf_init(&got, EVIDENCE_BYTES_MAX);
	OK_ERR(evidence_run(rpm_manifest_read, "var/lib/rpmmanifest/container-manifest-2", str_c(text), &facts, &e),
	       &e);
	facts_text(&facts, "nvasSV", false, &got);
	EQ_STR(buf_all(&got),
	       STR("package openssl-libs|3.3.0-1.azl3|x86_64|openssl|3.3.0-1.azl3|Microsoft Corporation\n"
		   "package tzdata|2:2024a-1.azl3|noarch|tzdata|2024a-1.azl3|Microsoft Corporation\n"
		   "note line 3 is not of ten fields\n"));
}

/* A database damaged anywhere: an error or notes, never more packages than it has. */
TEST(damaged)
{
	static const char *const names[] = { "images/rpm/libuuid-bdb/Packages", "images/rpm/sle15-bci-a/Packages.db",
					     "images/rpm/amazonlinux2023/rpmdb.sqlite" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		static char path[4096];
		auto_buf struct buf b = { 0 };
		struct err e = { 0 };

		row("%s", names[i]);
		if (!evidence_shared(names[i], path))
			continue;
		OK_ERR(file_read(AT_FDCWD, path, EVIDENCE_BYTES_MAX, &b, &e), &e);
		for (size_t cut = 1; cut < 16; cut++) {
			auto_facts struct facts facts = { 0 };

			facts_init(&facts);
			OK(evidence_run(rpm_database_read, "var/lib/rpm/x", str_head(buf_all(&b), b.n / 16 * cut),
					&facts, &e) < 0 ||
			   facts.notes > 0);
		}
	}
}
