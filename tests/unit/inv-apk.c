/* apk: entries, repositories, and the databases of real Alpine releases. */
#include "inventory/apk.h"

#include "base/path.h"
#include "evidence.h"

#define INSTALLED "lib/apk/db/installed"

static const struct {
	const char *name, *text, *want;
	int result;
} rows[] = {
	{ "one", "C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\no:musl\nm:M <m@x>\nL:MIT\nF:\nF:lib\nR:ld.so\nR:x\nZ:Q1\n\n",
	  "owns musl|x86_64|3\npackage musl|1.2.4-r2|x86_64|musl|M <m@x>|MIT\n" },
	{ "origin", "P:libcrypto3\nV:3.1.1-r0\no:openssl\n", "package libcrypto3|3.1.1-r0||openssl||\n" },
	{ "two", "P:a\nV:1\n\nP:b\nV:2\n\n", "package a|1||a||\npackage b|2||b||\n" },
	{ "file in the root", "P:a\nV:1\nF:\nR:x\n", "owns a||1\npackage a|1||a||\n" },
	{ "no version", "P:a\n\nP:b\nV:1\n", "note entry at line 1 has no version\npackage b|1||b||\n" },
	{ "rubbish", "P:a\nV:1\nrubbish\n", "note damaged entry at line 1 (package \"a\")\npackage a|1||a||\n" },
	{ "climbing out", "P:a\nV:1\nF:../etc\nR:x\n",
	  "note 2 file names of package \"a\" cannot be paths\npackage a|1||a||\n" },
	{ "binary", "ADB.xyz", "", -ENOTSUP },
	{ "empty", "", "" },
};

TEST(installed)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_facts struct facts facts = { 0 };
		auto_buf struct buf text = { 0 };
		struct err e = { 0 };

		row("%s", rows[i].name);
		facts_init(&facts);
		buf_init(&text, EVIDENCE_BYTES_MAX);
		EQ_INT(evidence_run(apk_installed_read, INSTALLED, str_c(rows[i].text), &facts, &e), rows[i].result);
		facts_text(&facts, "nvasVL", false, &text);
		evidence_same_lines(buf_all(&text), str_c(rows[i].want));
	}
}

/* A long directory named once and used a thousand times. */
TEST(names_are_bounded)
{
	auto_buf struct buf text = { 0 };
	auto_facts struct facts facts = { 0 };
	struct err e = { 0 };
	struct rd r;
	struct fact f;
	size_t owned = 0;

	buf_init(&text, EVIDENCE_BYTES_MAX);
	buf_str(&text, STR("P:a\nV:1\nF:"));
	for (int i = 0; i < 500; i++)
		buf_str(&text, STR("abc/"));
	buf_str(&text, STR("d\n"));
	for (int i = 0; i < 1000; i++)
		buf_str(&text, STR("R:x\n"));
	facts_init(&facts);
	OK_ERR(evidence_run(apk_installed_read, INSTALLED, buf_all(&text), &facts, &e), &e);
	EQ_INT(facts.packages, 1);
	EQ_INT(facts.notes, 1);
	r = rd_of(buf_all(&facts.b));
	while (facts_next(&r, &f, NULL) > 0)
		owned += f.kind == FACT_OWNS ? f.owns.hashes.n / 8 : 0;
	OK(owned > 0 && owned < 100);
}

TEST(repositories)
{
	auto_facts struct facts facts = { 0 };
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };

	facts_init(&facts);
	buf_init(&text, EVIDENCE_BYTES_MAX);
	OK_ERR(evidence_run(apk_repositories_read, "etc/apk/repositories",
			    STR("# mirrors\nhttps://example.org/v3.18/main\n\n @t https://example.org/edge/main \n"),
			    &facts, &e),
	       &e);
	facts_text(&facts, "n", false, &text);
	EQ_STR(buf_all(&text), STR("property apk.repository=https://example.org/v3.18/main\n"
				   "property apk.repository=@t https://example.org/edge/main\n"));
}

/* The hashes of the owned files, a line each, so that they can be compared like other lines. */
static void owned_text(const struct facts *facts, struct buf *out)
{
	struct rd r = rd_of(buf_all(&facts->b));
	struct fact f;

	while (facts_next(&r, &f, NULL) > 0) {
		struct rd h = rd_of(f.kind == FACT_OWNS ? f.owns.hashes : STR_NONE);

		while (rd_left(&h))
			buf_fmt(out, STR_FMT " %016llx\n", STR_ARG(f.owns.package), (unsigned long long)rd_le64(&h));
	}
}

/* "package path" lines become "package hash". */
static void hash_lines(struct str text, struct buf *out)
{
	for (struct str line, package, path; str_cut(&text, '\n', &line);)
		if (str_split(line, ' ', &package, &path))
			buf_fmt(out, STR_FMT " %016llx\n", STR_ARG(package),
				(unsigned long long)path_hash_merged(path));
}

TEST(alpine_releases)
{
	static const char *const releases[] = { "3.12.12", "3.18.9", "3.20.3" };

	for (size_t i = 0; i < ARRAY_LEN(releases); i++) {
		auto_buf struct buf installed = { 0 }, want = { 0 }, files = { 0 }, hashes = { 0 }, got = { 0 };
		auto_facts struct facts facts = { 0 };
		char name[256];
		static char path[4096], command[8192];
		struct err e = { 0 };

		row("%s", releases[i]);
		snprintf(name, sizeof(name), "images/alpine/alpine-minirootfs-%s-x86_64.tar.gz", releases[i]);
		if (!evidence_shared(name, path))
			continue;
		snprintf(command, sizeof(command), "tar -xzOf '%s' ./lib/apk/db/installed", path);
		OK(evidence_command(command, &installed));
		snprintf(
			command, sizeof(command),
			"tar -xzOf '%s' ./lib/apk/db/installed | awk -v RS= -F'\\n' '{ for (k in v) delete v[k];"
			" for (i = 1; i <= NF; i++) v[substr($i, 1, 1)] = substr($i, 3);"
			" print v[\"P\"] \"|\" v[\"V\"] \"|\" v[\"A\"] \"|\" v[\"o\"] \"|\" v[\"m\"] \"|\" v[\"L\"] }'",
			path);
		OK(evidence_command(command, &want));
		snprintf(command, sizeof(command),
			 "tar -xzOf '%s' ./lib/apk/db/installed | awk '/^P:/ { p = substr($0, 3) } /^F:/ { d = "
			 "substr($0, 3); if (d != \"\") print p \" \" d } /^R:/ { print p \" \" (d == \"\" ? \"\" : d "
			 "\"/\") substr($0, 3) }'",
			 path);
		OK(evidence_command(command, &files));
		facts_init(&facts);
		buf_init(&got, EVIDENCE_BYTES_MAX);
		buf_init(&hashes, EVIDENCE_BYTES_MAX);
		OK_ERR(evidence_run(apk_installed_read, INSTALLED, buf_all(&installed), &facts, &e), &e);
		EQ_INT(facts.notes, 0);
		OK(facts.packages >= 14);
		facts_text(&facts, "nvasVL", true, &got);
		evidence_same_lines(buf_all(&got), buf_all(&want));
		buf_clear(&got);
		owned_text(&facts, &got);
		hash_lines(buf_all(&files), &hashes);
		evidence_same_lines(buf_all(&got), buf_all(&hashes));
	}
}
