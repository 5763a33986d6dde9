/* dpkg: paragraphs, lists, and the database of the machine that runs the test. */
#include "inventory/dpkg.h"

#include <dirent.h>

#include "evidence.h"

#define STATUS "var/lib/dpkg/status"

static const struct {
	const char *name, *path, *text, *want;
	int result;
} rows[] = {
	{ "plain", STATUS, "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n",
	  "package a|1.0-1|amd64|a|1.0-1|\n" },
	{ "source with version", STATUS,
	  "Package: libc6\nStatus: install ok installed\nMaintainer: G <g@x>\nArchitecture: amd64\n"
	  "Source: glibc (2.36-9)\nVersion: 2.36-9+b1\nDescription: x\n more: text\n .\n Package: no\n",
	  "package libc6|2.36-9+b1|amd64|glibc|2.36-9|G <g@x>\n" },
	{ "states", STATUS,
	  "Package: a\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: b\nStatus: install ok unpacked\n"
	  "Version: 2\n\nPackage: c\nStatus: purge ok not-installed\n\nPackage: d\nStatus: install reinstreq "
	  "half-installed\nVersion: 4\n\nPackage: e\nStatus: hold ok triggers-awaited\nVersion: 5\n",
	  "package b|2||b|2|\npackage d|4||d|4|\npackage e|5||e|5|\n" },
	{ "two in a row, blank lines, CRLF", STATUS, "\n\nPackage: a\r\nVersion: 1\r\n\r\n\n\nPackage: b\nVersion: 2",
	  "package a|1||a|1|\npackage b|2||b|2|\n" },
	{ "field names in any case", STATUS,
	  "PACKAGE: a\nversion: 1\nstatus: x y config-files\n\npackage: b\nVERSION:2\n", "package b|2||b|2|\n" },
	{ "no version", STATUS, "Package: a\nStatus: install ok installed\n\nPackage: b\nVersion: 1\n",
	  "note paragraph at line 1 has no Version\npackage b|1||b|1|\n" },
	{ "no name", STATUS, "Version: 1\n", "note paragraph at line 1 has no Package\n" },
	{ "a line that is no field", STATUS, "Package: a\nrubbish\nVersion: 1\n",
	  "note damaged paragraph at line 1 (package \"a\")\npackage a|1||a|1|\n" },
	{ "a field twice", STATUS, "Package: a\nVersion: 1\nVersion: 2\n",
	  "note damaged paragraph at line 1 (package \"a\")\npackage a|1||a|1|\n" },
	{ "empty", STATUS, "", "" },
	{ "distroless", "var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n",
	  "package base-files|12.4|amd64|base-files|12.4|\n" },
	{ "distroless sums", "var/lib/dpkg/status.d/base-files.md5sums",
	  "0123456789abcdef0123456789abcdef  usr/bin/x\n0123456789abcdef0123456789abcdef  etc/y\n",
	  "owns base-files||2\n" },
};

TEST(status)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		evidence_check(dpkg_status_read, rows[i].path, rows[i].text, "nvasSV", rows[i].result, rows[i].want);
	}
}

static const struct {
	const char *name, *path, *text, *want;
} list_rows[] = {
	{ "no arch", "var/lib/dpkg/info/bash.list", "/.\n/bin\n/bin/bash\n", "owns bash||2\n" },
	{ "arch", "var/lib/dpkg/info/libc6:amd64.list", "/usr/lib/x.so\n", "owns libc6|amd64|1\n" },
	{ "bad names", "var/lib/dpkg/info/a.list", "/../x\n/y\n",
	  "note 1 file names of package \"a\" cannot be paths\nowns a||1\n" },
	{ "empty", "var/lib/dpkg/info/a.list", "", "" },
};

TEST(list)
{
	for (size_t i = 0; i < ARRAY_LEN(list_rows); i++) {
		row("%s", list_rows[i].name);
		evidence_check(dpkg_list_read, list_rows[i].path, list_rows[i].text, "n", 0, list_rows[i].want);
	}
}

/* A file of nothing but damage does not give as many notes as it has lines. */
TEST(notes_are_bounded)
{
	auto_buf struct buf text = { 0 };
	auto_facts struct facts facts = { 0 };
	struct err e = { 0 };

	buf_init(&text, EVIDENCE_BYTES_MAX);
	for (int i = 0; i < 5000; i++)
		buf_str(&text, STR("Package: a\n\n"));
	buf_str(&text, STR("Package: b\nVersion: 1\n"));
	facts_init(&facts);
	OK_ERR(evidence_run(dpkg_status_read, STATUS, buf_all(&text), &facts, &e), &e);
	EQ_INT(facts.notes, FACTS_NOTES_MAX + 1);
	EQ_INT(facts.packages, 1);
}

TEST(this_machine)
{
	auto_buf struct buf status = { 0 }, want = { 0 }, got = { 0 };
	auto_facts struct facts facts = { 0 };
	struct err e = { 0 };

	if (!evidence_command("dpkg-query -W -f '${db:Status-Status} ${Package}|${Version}|${Architecture}|"
			      "${source:Package}|${source:Version}|${Maintainer}\\n' 2>/dev/null"
			      " | sed -n 's/^\\(config-files\\|not-installed\\) .*//; s/^[a-z-]* //p'",
			      &want) ||
	    file_read(AT_FDCWD, "/var/lib/dpkg/status", EVIDENCE_BYTES_MAX, &status, &e) < 0) {
		tap_skip("dpkg-query is not here");
		return;
	}
	facts_init(&facts);
	buf_init(&got, EVIDENCE_BYTES_MAX);
	OK_ERR(evidence_run(dpkg_status_read, STATUS, buf_all(&status), &facts, &e), &e);
	EQ_INT(facts.notes, 0);
	facts_text(&facts, "nvasSV", true, &got);
	evidence_same_lines(buf_all(&got), buf_all(&want));
}

/* Every file name dpkg knows of is owned: as many as its own listing has lines. */
TEST(lists_of_this_machine)
{
	DIR *d = opendir("/var/lib/dpkg/info");
	uint64_t got = 0, want = 0;

	if (!d) {
		tap_skip("no dpkg database here");
		return;
	}
	for (struct dirent *ent; (ent = readdir(d));) {
		auto_buf struct buf b = { 0 };
		auto_facts struct facts facts = { 0 };
		struct err e = { 0 };
		struct fact f;
		struct str rest;
		struct rd r;

		if (!str_ends(str_c(ent->d_name), STR(".list")) ||
		    file_read(dirfd(d), ent->d_name, EVIDENCE_BYTES_MAX, &b, &e) < 0)
			continue;
		rest = buf_all(&b);
		for (struct str line; str_cut(&rest, '\n', &line);)
			want += line.n > 0 && !str_eq(line, STR("/."));
		facts_init(&facts);
		OK_ERR(evidence_run(dpkg_list_read, ent->d_name, buf_all(&b), &facts, &e), &e);
		r = rd_of(buf_all(&facts.b));
		while (facts_next(&r, &f, &e) > 0)
			got += f.kind == FACT_OWNS ? f.owns.hashes.n / 8 : 0;
	}
	closedir(d);
	EQ_INT(got, want);
}
