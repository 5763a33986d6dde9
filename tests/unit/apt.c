/* apt: repositories, Release, Sources, dates. */
#include "vuln/update/apt.h"

#include "base/date.h"

#include "tap.h"

static const char LIST[] =
	"# a comment\n"
	"deb http://deb.example.org/debian/ bookworm main contrib # and another\n"
	"deb-src [signed-by=/k.gpg arch=amd64] https://deb.example.org/debian bookworm-updates main\n"
	"deb cdrom:[Debian]/ bookworm main\n"
	"deb http://flat.example.org/ ./\n"
	"deb http://flat.example.org/ x/../../y main\n"
	"rpm http://deb.example.org/ x main\n"
	"deb [arch=amd64 http://deb.example.org/debian bookworm main\n"
	"deb http://deb.example.org/debian\n";

static const char SOURCES[] = "# first\n"
			      "Types: deb deb-src\n"
			      "URIs: http://deb.example.org/debian/ http://two.example.org/debian\n"
			      "Suites: bookworm bookworm-updates\n"
			      "# inside\n"
			      "Components: main\n"
			      " contrib\n"
			      "Signed-By: /usr/share/keyrings/a.gpg\n"
			      "\n"
			      "\n"
			      "Enabled: no\n"
			      "Types: deb\nURIs: http://off.example.org\nSuites: bookworm-security\nComponents: main\n"
			      "\n"
			      "types: deb\nuris: https://key.example.org/\nsuites: noble-security\ncomponents: main\n"
			      "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n =abcd\n"
			      " -----END PGP PUBLIC KEY BLOCK-----\n"
			      "\n"
			      "Types: deb\nURIs: http://nosuite.example.org\n";

TEST(one_line_style)
{
	auto_arena struct arena a = { 0 };
	struct apt_entries l = { 0 };

	apt_list_parse(str_c(LIST), STR("sources.list"), &a, &l);
	EQ_INT(l.all.n, 2);
	EQ_INT(l.notes.n, 6);
	EQ_STR(l.all.v[0].uri, STR("http://deb.example.org/debian"));
	EQ_STR(l.all.v[0].suite, STR("bookworm"));
	EQ_INT(l.all.v[0].component_count, 2);
	EQ_STR(l.all.v[0].component[1], STR("contrib"));
	EQ_STR(l.all.v[0].signed_by, STR(""));
	EQ_STR(l.all.v[1].signed_by, STR("/k.gpg"));
	EQ_STR(l.all.v[1].suite, STR("bookworm-updates"));
	apt_entries_done(&l);
}

TEST(deb822_style)
{
	auto_arena struct arena a = { 0 };
	struct apt_entries l = { 0 };

	apt_deb822_parse(str_c(SOURCES), STR("x.sources"), &a, &l);
	EQ_INT(l.all.n, 5);
	EQ_INT(l.notes.n, 1);
	EQ_STR(l.all.v[0].uri, STR("http://deb.example.org/debian"));
	EQ_STR(l.all.v[1].suite, STR("bookworm-updates"));
	EQ_STR(l.all.v[2].uri, STR("http://two.example.org/debian"));
	EQ_INT(l.all.v[3].component_count, 2);
	EQ_STR(l.all.v[3].component[1], STR("contrib"));
	EQ_STR(l.all.v[3].signed_by, STR("/usr/share/keyrings/a.gpg"));
	EQ_STR(l.all.v[4].uri, STR("https://key.example.org"));
	EQ_STR(l.all.v[4].signed_by, STR(""));
	EQ_STR(l.all.v[4].key, STR("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n=abcd\n"
				   "-----END PGP PUBLIC KEY BLOCK-----"));
	apt_entries_done(&l);
}

TEST(suites)
{
	static const struct {
		struct str suite;
		enum apt_suite_kind kind;
		struct str release;
	} rows[] = {
		{ STR("bookworm"), APT_SUITE_RELEASE, STR("bookworm") },
		{ STR("bookworm-security"), APT_SUITE_SECURITY, STR("bookworm") },
		{ STR("noble-updates"), APT_SUITE_UPDATES, STR("noble") },
		{ STR("buster/updates"), APT_SUITE_SECURITY, STR("buster") },
		{ STR("bookworm-backports"), APT_SUITE_OTHER, STR("bookworm-backports") },
		{ STR("bookworm-proposed-updates"), APT_SUITE_OTHER, STR("bookworm-proposed") },
		{ STR("cloud-sdk-bookworm"), APT_SUITE_OTHER, STR("cloud-sdk-bookworm") },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str release;

		row(STR_FMT, STR_ARG(rows[i].suite));
		EQ_INT(apt_suite_kind(rows[i].suite, &release), rows[i].kind);
		EQ_STR(release, rows[i].release);
	}
}

TEST(dates)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "Fri, 20 Nov 2026 00:12:41 UTC", "2026-11-20T00:12:41Z" },
		{ "Fri, 20 Nov 2026  2:30:05 UTC", "2026-11-20T02:30:05Z" },
		{ "Thu, 29 Feb 2024 23:59:59 GMT", "2024-02-29T23:59:59Z" },
		{ "Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z" },
		{ "Fri, 31 Dec 9999 23:59:59 UTC", "9999-12-31T23:59:59Z" },
		{ "Fri, 20 Nov 2026 00:12:41 CET", NULL },
		{ "Fri, 20 anF 2026 00:12:41 UTC", NULL },
		{ "Fri, 20 Nov 2026 24:12:41 UTC", NULL },
		{ "Fri, 0 Nov 2026 00:12:41 UTC", NULL },
		{ "2026-11-20", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[DATE_TEXT_MAX];
		int64_t t;
		bool ok;

		row("\"%s\"", rows[i].text);
		ok = apt_date_parse(str_c(rows[i].text), &t);
		EQ_INT(ok, rows[i].want != NULL);
		if (ok)
			EQ_Z(date_time_text((uint64_t)t, text), rows[i].want);
	}
}

#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char RELEASE[] = "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nVersion: 12\n"
			      "Codename: bookworm-security\nDate: Fri, 20 Nov 2026 00:12:41 UTC\n"
			      "Valid-Until: Fri, 27 Nov 2026 00:12:41 UTC\nAcquire-By-Hash: yes\n"
			      "MD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 main/source/Sources\n"
			      "SHA256:\n"
			      " " HASH "        5 main/Contents-all\n"
			      " " HASH "       10 main/source/Sources\n"
			      " " HASH "       11 main/source/Sources.gz\n"
			      " " HASH "       12 main/source/Sources.xz\n"
			      " " HASH "       13 contrib/source/Sources.gz\n";

TEST(release)
{
	auto_arena struct arena a = { 0 };
	struct apt_release r = { 0 };
	struct err e = { 0 };

	OK_ERR(apt_release_parse(str_c(RELEASE), &a, &r, &e), &e);
	EQ_STR(r.origin, STR("Debian"));
	EQ_INT(r.valid_until - r.date, 7 * 86400);
	OK(r.by_hash);
	EQ_INT(r.indexes.n, 4);
	EQ_INT(apt_release_sources(&r, STR("main"))->size, 12);
	EQ_INT(apt_release_sources(&r, STR("contrib"))->size, 13);
	OK(!apt_release_sources(&r, STR("mai")));
	EQ_STR(apt_release_namespace(&r, &a), STR("debian:12"));
	apt_release_done(&r);
}

TEST(namespaces)
{
	static const struct {
		struct str origin, version, want;
	} rows[] = {
		{ STR("Debian"), STR("12.11"), STR("debian:12") },
		{ STR("Debian"), STR("12-updates"), STR("debian:12") },
		{ STR("Ubuntu"), STR("24.04"), STR("ubuntu:24.04") },
		{ STR("Debian"), STR(""), STR("") },
		{ STR("Example"), STR("12"), STR("") },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		struct apt_release r = { .origin = rows[i].origin, .version = rows[i].version };

		row(STR_FMT " " STR_FMT, STR_ARG(rows[i].origin), STR_ARG(rows[i].version));
		EQ_STR(apt_release_namespace(&r, &a), rows[i].want);
	}
}

TEST(bad_releases)
{
	static const char *const rows[] = {
		"",
		"Origin: Debian\n",
		"Origin: Debian\nDate: yesterday\n",
		"Origin: Debian\nDate: Fri, 20 Nov 2026 00:12:41 UTC\nValid-Until: never\n",
		"Origin: Debian\nDate: Fri, 20 Nov 2026 00:12:41 UTC\nSHA256:\n abc 1 main/source/Sources\n",
		"Origin: Debian\nDate: Fri, 20 Nov 2026 00:12:41 UTC\nSHA256:\n " HASH " -1 main/source/Sources\n",
		"Origin: Debian\nDate: Fri, 20 Nov 2026 00:12:41 UTC\nSHA256:\n " HASH " 1 ../main/source/Sources\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct apt_release r = { 0 };
		struct err e = { 0 };

		row("%zu", i);
		EQ_INT(apt_release_parse(str_c(rows[i]), NULL, &r, &e), -EBADMSG);
		OK(e.msg[0]);
	}
}

static const char INDEX[] =
	"Package: quilt\nVersion: 1:2.0-1\nDirectory: pool/main/q/quilt\nChecksums-Sha256:\n"
	" " HASH " 100 quilt_2.0-1.dsc\n"
	" " HASH " 200 quilt_2.0.orig.tar.xz\n"
	" " HASH " 300 quilt_2.0-1.debian.tar.xz\n"
	"Section: misc\n"
	"\n"
	"Package: old\nVersion: 1-1\nDirectory: pool/main/o/old\nChecksums-Sha256:\n"
	" " HASH " 100 old_1-1.dsc\n " HASH " 200 old_1.orig.tar.gz\n " HASH " 201 old_1-1.diff.gz\n"
	"\n"
	"Package: native\nVersion: 7\nDirectory: pool/main/n/native\nChecksums-Sha256:\n"
	" " HASH " 100 native_7.dsc\n " HASH " 400 native_7.tar.xz\n " HASH " 1 native_7.tar.xz.asc\n"
	"\n"
	"Package: nothing\nVersion: 1\nDirectory: pool/x\n"
	"\n"
	"Package: away\nVersion: 1\nDirectory: ../../etc\nChecksums-Sha256:\n " HASH " 1 away_1.tar.xz\n"
	"\n"
	"Version: 1\nDirectory: pool/x\nChecksums-Sha256:\n " HASH " 1 x_1.tar.xz\n";

TEST(index)
{
	auto_arena struct arena a = { 0 };
	struct apt_packages p = { 0 };
	struct err e = { 0 };

	OK_ERR(apt_packages_parse(str_c(INDEX), &a, &p, &e), &e);
	EQ_INT(p.all.n, 3);
	EQ_INT(p.skipped, 3);
	EQ_STR(p.all.v[0].path, STR("pool/main/q/quilt/quilt_2.0-1.debian.tar.xz"));
	EQ_STR(p.all.v[0].version, STR("1:2.0-1"));
	EQ_INT(p.all.v[0].size, 300);
	EQ_INT(p.all.v[0].packing, APT_TAR);
	EQ_INT(p.all.v[1].packing, APT_DIFF);
	EQ_INT(p.all.v[1].size, 201);
	EQ_INT(p.all.v[2].size, 400);
	apt_packages_done(&p);
}

TEST(installed)
{
	struct apt_installed l = { 0 };

	apt_installed_parse(STR("Package: libc6\nStatus: install ok installed\nSource: glibc (2.36-9)\n\n"
				"Package: bash\nStatus: install ok installed\n\n"
				"Package: gone\nStatus: deinstall ok config-files\n"),
			    &l);
	EQ_INT(l.names.n, 2);
	EQ_STR(l.names.v[0], STR("glibc"));
	EQ_STR(l.names.v[1], STR("bash"));
	vec_done(&l.names);
}
