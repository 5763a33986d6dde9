/* osrelease and release: what release files say, and what is made of them. */
#include "inventory/osrelease.h"

#include "evidence.h"
#include "inventory/release.h"

static const struct {
	const char *path, *text, *want; /* id|version|codename|name */
} files[] = {
	{ "etc/os-release",
	  "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n"
	  "VERSION_CODENAME=bookworm\nID=debian\n",
	  "debian|12|bookworm|Debian GNU/Linux 12 (bookworm)" },
	{ "usr/lib/os-release", "ID='Rocky'\n# x\nVERSION_ID = 9.3\nNAME=\"a \\\"b\\\" \\$c\"\n",
	  "rocky|9.3||a \"b\" $c" },
	{ "etc/os-release", "ID=a\nID=b\nrubbish\nVERSION_ID=\"1\n", "b|1||" },
	{ "etc/os-release", "", "|||" },
	{ "etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\nDISTRIB_CODENAME=jammy\n",
	  "ubuntu|22.04|jammy|" },
	{ "etc/debian_version", "12.4\n", "debian|12.4||" },
	{ "etc/debian_version", "trixie/sid\n", "debian||trixie/sid|" },
	{ "etc/alpine-release", "3.18.9\n", "alpine|3.18.9||" },
	{ "etc/arch-release", "", "arch|||" },
	{ "etc/rocky-release", "Rocky Linux release 9.3 (Blue Onyx)\n",
	  "rocky|9.3||Rocky Linux release 9.3 (Blue Onyx)" },
	{ "etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n",
	  "centos|7.9.2009||CentOS Linux release 7.9.2009 (Core)" },
	{ "etc/redhat-release", "CentOS release 6.10 (Final)\n", "centos|6.10||CentOS release 6.10 (Final)" },
	{ "etc/redhat-release", "Red Hat Enterprise Linux Server release 7.9 (Maipo)\n",
	  "rhel|7.9||Red Hat Enterprise Linux Server release 7.9 (Maipo)" },
	{ "etc/system-release", "Amazon Linux AMI release 2018.03\n",
	  "amzn|2018.03||Amazon Linux AMI release 2018.03" },
	{ "etc/oracle-release", "Oracle Linux Server release 8.9\n", "ol|8.9||Oracle Linux Server release 8.9" },
	{ "etc/photon-release", "VMware Photon OS 4.0\nPHOTON_BUILD_NUMBER=1\n", "photon|4.0||VMware Photon OS 4.0" },
	{ "etc/SuSE-release", "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n",
	  "sles|11.4||SUSE Linux Enterprise Server 11 (x86_64)" },
	{ "etc/SuSE-release", "openSUSE 13.2 (x86_64)\nVERSION = 13.2\nCODENAME = Harlequin\n",
	  "opensuse|13.2||openSUSE 13.2 (x86_64)" },
	{ "etc/system-release", "Something Else release 3\n", "|||Something Else release 3" },
};

TEST(release_files)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		auto_facts struct facts facts = { 0 };
		auto_buf struct buf got = { 0 }, want = { 0 };
		struct err e = { 0 };

		row("%s: %s", files[i].path, files[i].want);
		facts_init(&facts);
		buf_init(&got, EVIDENCE_BYTES_MAX);
		buf_init(&want, EVIDENCE_BYTES_MAX);
		buf_fmt(&want, "release %s\n", files[i].want);
		OK_ERR(evidence_run(osrelease_read, files[i].path, str_c(files[i].text), &facts, &e), &e);
		facts_text(&facts, "n", false, &got);
		EQ_STR(buf_all(&got), buf_all(&want));
	}
}

#define OS_RELEASE "etc/os-release"
#define MIRROR "https://dl-cdn.example.org/alpine/"

static const struct {
	const char *want_ns, *want_id;
	struct {
		const char *path, *id, *version, *codename, *name;
	} said[4];
	const char *repositories[4];
	uint32_t types;
	const char *streams[3];
} decisions[] = {
	{ "debian:12", "debian", { { OS_RELEASE, "debian", "12", "bookworm", "" } } },
	{ "debian:13", "debian", { { OS_RELEASE, "debian", "", "trixie", "" } } },
	{ "debian:13", "debian", { { "etc/debian_version", "debian", "", "trixie/sid", "" } } },
	{ "debian:13", "debian", { { OS_RELEASE, "debian", "", "", "Debian GNU/Linux trixie/sid" } } },
	{ "debian:sid", "debian", { { OS_RELEASE, "debian", "", "sid", "" } } },
	{ "", "debian", { { OS_RELEASE, "debian", "", "", "" } } },
	{ "debian:11",
	  "debian",
	  { { OS_RELEASE, "debian", "", "", "" }, { "etc/debian_version", "debian", "11.9", "", "" } } },
	{ "ubuntu:22.04",
	  "ubuntu",
	  { { "etc/debian_version", "debian", "", "bookworm/sid", "" },
	    { "etc/lsb-release", "ubuntu", "22.04", "", "" },
	    { "usr/lib/os-release", "ubuntu", "22.04", "jammy", "" } } },
	{ "alpine:3.18", "alpine", { { OS_RELEASE, "alpine", "3.18.9", "", "" } } },
	{ "alpine:3.19",
	  "alpine",
	  { { OS_RELEASE, "alpine", "3.18.9", "", "" } },
	  { MIRROR "v3.19/main", MIRROR "v3.19/community/", "@edge " MIRROR "edge/main" } },
	{ "alpine:3.18",
	  "alpine",
	  { { OS_RELEASE, "alpine", "3.18.9", "", "" } },
	  { MIRROR "v3.18/main", MIRROR "edge/testing" } },
	{ "alpine:3.10",
	  "alpine",
	  { { OS_RELEASE, "alpine", "3.9.1", "", "" } },
	  { MIRROR "v3.9/main", MIRROR "v3.10/main", MIRROR "edge/community" } },
	{ "alpine:edge", "alpine", { { OS_RELEASE, "alpine", "3.20.0", "", "" } }, { MIRROR "edge/main" } },
	{ "alpine:edge", "alpine", { { OS_RELEASE, "alpine", "3.21_alpha20240807", "", "" } } },
	{ "alpine:3.12", "alpine", { { 0 } }, { MIRROR "v3.12/main" }, 1u << PKG_APK },
	{ "wolfi", "wolfi", { { 0 } }, { "https://packages.wolfi.dev/os" }, 1u << PKG_APK },
	{ "", "", { { 0 } }, { MIRROR "v3.12/main" }, 0 },
	{ "wolfi", "wolfi", { { OS_RELEASE, "wolfi", "20230201", "", "" } } },
	{ "minimos", "minimos", { { OS_RELEASE, "minimos", "20241031", "", "" } } },
	{ "chainguard", "chainguard", { { OS_RELEASE, "chainguard", "20230214", "", "" } } },
	{ "rhel:9", "rhel", { { OS_RELEASE, "rhel", "9.3", "", "" } } },
	{ "rhel:9+eus:9.2", "rhel", { { OS_RELEASE, "rhel", "9.2", "", "" } }, .streams = { "eus", "eus" } },
	{ "rhel:8+e4s:8.6+aus:8.6", "rhel", { { OS_RELEASE, "rhel", "8.6", "", "" } }, .streams = { "aus", "e4s" } },
	{ "rhel:7+els:7", "rhel", { { OS_RELEASE, "rhel", "7.9", "", "" } }, .streams = { "els" } },
	{ "almalinux:9", "almalinux", { { OS_RELEASE, "almalinux", "9.2", "", "" } }, .streams = { "eus" } },
	{ "rhel:10", "rhel", { { "etc/redhat-release", "rhel", "10.0", "", "" } } },
	{ "centos:7", "centos", { { OS_RELEASE, "centos", "7", "", "CentOS Linux 7 (Core)" } } },
	{ "centos-stream:9", "centos", { { OS_RELEASE, "centos", "9", "", "CentOS Stream 9" } } },
	{ "rocky:9",
	  "rocky",
	  { { OS_RELEASE, "rocky", "9.3", "", "" }, { "etc/redhat-release", "rocky", "9.2", "", "" } } },
	{ "almalinux:8", "almalinux", { { OS_RELEASE, "almalinux", "8.10", "", "" } } },
	{ "oracle:9", "ol", { { "etc/redhat-release", "rhel", "9.3", "", "" }, { OS_RELEASE, "ol", "9.3", "", "" } } },
	{ "amazon:1", "amzn", { { OS_RELEASE, "amzn", "2018.03", "", "" } } },
	{ "amazon:2", "amzn", { { OS_RELEASE, "amzn", "2", "", "" } } },
	{ "amazon:2023", "amzn", { { OS_RELEASE, "amzn", "2023", "", "" } } },
	{ "fedora:40", "fedora", { { OS_RELEASE, "fedora", "40", "", "" } } },
	{ "sles:15.3", "sles", { { OS_RELEASE, "sles", "15.3", "", "" } } },
	{ "sles:15", "sles", { { OS_RELEASE, "sles", "15", "", "" } } },
	{ "sle-micro:5.5", "sle-micro", { { OS_RELEASE, "sle-micro", "5.5", "", "" } } },
	{ "sle-micro:6.0", "sl-micro", { { OS_RELEASE, "sl-micro", "6.0", "", "" } } },
	{ "opensuse-leap:15.5", "opensuse-leap", { { OS_RELEASE, "opensuse-leap", "15.5", "", "" } } },
	{ "opensuse-tumbleweed", "opensuse-tumbleweed", { { OS_RELEASE, "opensuse-tumbleweed", "20240101", "", "" } } },
	{ "photon:5", "photon", { { OS_RELEASE, "photon", "5.0", "", "" } } },
	{ "azurelinux:3", "azurelinux", { { OS_RELEASE, "azurelinux", "3.0", "", "" } } },
	{ "mariner:2", "mariner", { { OS_RELEASE, "mariner", "2.0", "", "" } } },
	{ "arch", "arch", { { OS_RELEASE, "arch", "", "", "" } } },
	{ "", "kali", { { OS_RELEASE, "kali", "2024.1", "", "" } } },
	{ "", "rhel", { { OS_RELEASE, "rhel", "nine", "", "" } } },
	{ "", "", { { 0 } } },
	{ "", "", { { "etc/system-release", "", "", "", "Something Else" } } },
};

TEST(decide)
{
	for (size_t i = 0; i < ARRAY_LEN(decisions); i++) {
		struct release_fact facts[4];
		struct fact_pair properties[4 + 3];
		struct release os;
		struct str ns;
		auto_arena struct arena a = { 0 };
		size_t n = 0, m = 0;

		row("%zu %s %s", i, decisions[i].want_id, decisions[i].want_ns);
		for (; n < 4 && decisions[i].said[n].path; n++)
			facts[n] = (struct release_fact){
				.r = { .id = str_c(decisions[i].said[n].id),
				       .version_id = str_c(decisions[i].said[n].version),
				       .codename = str_c(decisions[i].said[n].codename),
				       .name = str_c(decisions[i].said[n].name) },
				.path = str_c(decisions[i].said[n].path),
			};
		for (; m < 4 && decisions[i].repositories[m]; m++)
			properties[m] =
				(struct fact_pair){ STR("apk.repository"), str_c(decisions[i].repositories[m]) };
		for (size_t k = 0; k < 3 && decisions[i].streams[k]; k++)
			properties[m++] = (struct fact_pair){ STR("redhat.stream"), str_c(decisions[i].streams[k]) };
		release_decide(&a, facts, n, properties, m, decisions[i].types, &os, &ns);
		EQ_STR(ns, str_c(decisions[i].want_ns));
		EQ_STR(os.id, str_c(decisions[i].want_id));
	}
}

static const struct {
	const char *ns, *today;
	enum release_life want;
} lives[] = {
	{ "debian:10", "2024-06-30", RELEASE_ALIVE },
	{ "debian:10", "2024-07-01", RELEASE_EOL },
	{ "debian:12", "2026-08-01T00:00:00Z", RELEASE_ALIVE },
	{ "alpine:3.12", "2026-01-01", RELEASE_EOL },
	{ "alpine:edge", "2099-01-01", RELEASE_ALIVE },
	{ "centos:8", "2022-01-01", RELEASE_EOL },
	{ "sles:15.3", "2023-01-01", RELEASE_EOL },
	{ "ubuntu:24.04", "2026-01-01", RELEASE_ALIVE },
	{ "photon:5", "2026-01-01", RELEASE_ALIVE },
	{ "photon:6", "2026-01-01", RELEASE_LIFE_UNKNOWN },
	{ "", "2026-01-01", RELEASE_LIFE_UNKNOWN },
	{ "debian:12", "", RELEASE_LIFE_UNKNOWN },
	{ "debian:12", "yesterday, or so", RELEASE_LIFE_UNKNOWN },
};

TEST(life)
{
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		row("%s on %s", lives[i].ns, lives[i].today);
		EQ_INT(release_eol(str_c(lives[i].ns), str_c(lives[i].today)), lives[i].want);
	}
}

static const struct {
	const char *ns, *vendor, *version;
	enum pkg_type type;
	bool own;
} vendors[] = {
	{ "debian:12", "GNU Libc Maintainers <debian-glibc@lists.debian.org>", "2.36-9", PKG_DEB, true },
	{ "debian:12", "Some Person <person@example.org>", "1.0-1", PKG_DEB, true },
	{ "debian:12", "", "1.0-1", PKG_DEB, true },
	{ "debian:12", "Docker <support@docker.com>", "5:24.0.7-1~debian.12~bookworm", PKG_DEB, false },
	{ "debian:12", "Debian PostgreSQL Maintainers <x@example.org>", "16.1-1.pgdg120+1", PKG_DEB, false },
	{ "ubuntu:22.04", "Ubuntu Developers <x@example.org>", "1.0-1ubuntu1", PKG_DEB, true },
	{ "alpine:3.18", "Natanael Copa <ncopa@example.org>", "1-r0", PKG_APK, true },
	{ "rocky:9", "Rocky Enterprise Software Foundation", "1-1", PKG_RPM, true },
	{ "rocky:9", "Fedora Project", "1-1.el9", PKG_RPM, false },
	{ "rhel:9", "Red Hat, Inc.", "1-1.el9", PKG_RPM, true },
	{ "rhel:9", "", "1-1", PKG_RPM, false },
	{ "fedora:40", "Fedora Project", "1-1.fc40", PKG_RPM, true },
	{ "sles:15.3", "SUSE LLC <https://www.suse.com/>", "1-1", PKG_RPM, true },
	{ "opensuse-leap:15.5", "SUSE LLC <https://www.suse.com/>", "1-1", PKG_RPM, true },
	{ "sle-micro:6.0", "SUSE LLC <https://www.suse.com/>", "1-1", PKG_RPM, true },
	{ "amazon:2023", "Amazon Linux", "1-1", PKG_RPM, true },
	{ "amazon:2023", "", "8.3.0-1.amzn2023.0.2", PKG_RPM, true },
	{ "amazon:2023", "", "8.3.0-1.el9", PKG_RPM, false },
	{ "azurelinux:3", "Microsoft Corporation", "1-1", PKG_RPM, true },
	{ "arch", "Felix <felix@archlinux.org>", "1-1", PKG_ALPM, true },
	{ "arch", "Unknown Packager", "1-1", PKG_ALPM, false },
	{ "", "Red Hat, Inc.", "1-1", PKG_RPM, false },
};

TEST(vendor)
{
	for (size_t i = 0; i < ARRAY_LEN(vendors); i++) {
		const struct package p = { .type = vendors[i].type,
					   .version = str_c(vendors[i].version),
					   .vendor = str_c(vendors[i].vendor) };

		row("%zu %s %s", i, vendors[i].ns, vendors[i].vendor);
		EQ_INT(release_package_is_own(str_c(vendors[i].ns), &p), vendors[i].own);
	}
}
