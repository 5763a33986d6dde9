/* The matching rules of docs/matching.md, one row per case: a package, statements, the expected finding. */
#include "vuln/match.h"

#include <fcntl.h>
#include <unistd.h>

#include "tap.h"

#define STATEMENTS_MAX 4

struct statement {
	const char *ns, *name, *id, *introduced, *fixed, *last, *module, *arch, *channel;
	enum advisory_status status;
	bool binary, unimportant, no_range;
	const char *version; /* listed by name */
	enum severity severity;
};

struct thing {
	enum pkg_type type;
	const char *name, *version, *source, *source_version, *module, *arch;
	bool foreign;
};

struct rule_case {
	const char *label;
	const char *os;
	struct thing p;
	struct statement s[STATEMENTS_MAX];
	const char *want; /* "status fixed", with " inferred"; NULL: no finding */
	const char *note; /* expected reason, NULL: none for the package */
	bool eol, no_inferred, pro;
};

#define DEB(...)                             \
	{                                    \
		.type = PKG_DEB, __VA_ARGS__ \
	}
#define RPM(...)                             \
	{                                    \
		.type = PKG_RPM, __VA_ARGS__ \
	}
#define APK(...)                             \
	{                                    \
		.type = PKG_APK, __VA_ARGS__ \
	}

static const struct rule_case cases[] = {
	/* Debian */
	{ "debian: older than the fix",
	  "debian:12",
	  DEB("zlib1g", "1:1.2.11-1", "zlib"),
	  { { "debian:12", "zlib", .fixed = "1:1.2.13-1" } },
	  "fixed 1:1.2.13-1" },
	{ "debian: the fix is installed",
	  "debian:12",
	  DEB("zlib1g", "1:1.2.13-1", "zlib"),
	  { { "debian:12", "zlib", .fixed = "1:1.2.13-1" } },
	  NULL },
	{ "debian: the source's version counts, not the binary's",
	  "debian:12",
	  DEB("libx", "2:9.0", "x", "1.0-1"),
	  { { "debian:12", "x", .fixed = "1.0-2" } },
	  "fixed 1.0-2" },
	{ "debian: a binary rebuild is no fix",
	  "debian:12",
	  DEB("libx", "1.0-1+b9", "x", "1.0-1"),
	  { { "debian:12", "x", .fixed = "1.0-1+deb12u1" } },
	  "fixed 1.0-1+deb12u1" },
	{ "debian: source statement and binary of that name from another source",
	  "debian:12",
	  DEB("x", "1.0", "y"),
	  { { "debian:12", "x", .fixed = "2.0" } },
	  NULL },
	{ "debian: fixed 0 is not affected",
	  "debian:12",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .fixed = "0" } },
	  NULL },
	{ "debian: fixed 0 vetoes another feed",
	  "debian:12",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .fixed = "0" }, { "debian:12", "x", .fixed = "2.0" } },
	  NULL },
	{ "debian: another release",
	  "debian:12",
	  DEB("x", "1.0"),
	  { { "debian:11", "x", .fixed = "2.0" }, { "debian:12", "other", .fixed = "1" } },
	  NULL },
	{ "debian: open", "debian:12", DEB("x", "1.0"), { { "debian:12", "x", .no_range = true } }, "affected " },
	{ "debian: ignored",
	  "debian:12",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .status = ADV_WONT_FIX } },
	  "wont-fix " },
	{ "debian: postponed",
	  "debian:12",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .status = ADV_DEFERRED } },
	  "deferred " },
	{ "debian: end of life",
	  "debian:12",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .status = ADV_END_OF_LIFE } },
	  "end-of-life " },
	{ "debian: undetermined",
	  "debian:12",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .status = ADV_INVESTIGATING } },
	  "under-investigation " },
	{ "debian: not affected",
	  "debian:12",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .status = ADV_NOT_AFFECTED }, { "debian:12", "x", .no_range = true } },
	  NULL },
	{ "debian: a later advisory raises the fix",
	  "debian:12",
	  DEB("x", "1.0-2"),
	  { { "debian:12", "x", .fixed = "1.0-2" }, { "debian:12", "x", .fixed = "1.0-3" } },
	  "fixed 1.0-3" },
	{ "debian: an installed fix beats a word that there is none",
	  "debian:12",
	  DEB("x", "1.0-2"),
	  { { "debian:12", "x", .fixed = "1.0-2" }, { "debian:12", "x", .no_range = true } },
	  NULL },
	{ "debian: unimportant is marked",
	  "debian:12",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .unimportant = true } },
	  "affected  unimportant" },
	{ "debian: installed version is none",
	  "debian:12",
	  DEB("x", "no version!"),
	  { { "debian:12", "x", .fixed = "1" } },
	  NULL,
	  "the installed version is not valid" },
	{ "debian: advisory's version is none",
	  "debian:12",
	  DEB("x", "1"),
	  { { "debian:12", "x", .fixed = "no version!" } },
	  NULL,
	  "a version of the advisory is not valid" },
	/* Ubuntu */
	{ "ubuntu: fixed for all",
	  "ubuntu:20.04",
	  DEB("x", "1.0-1"),
	  { { "ubuntu:20.04", "x", .fixed = "1.0-1ubuntu1" } },
	  "fixed 1.0-1ubuntu1" },
	{ "ubuntu: fixed for subscribers only",
	  "ubuntu:16.04",
	  DEB("x", "1.0-1"),
	  { { "ubuntu:16.04", "x", .fixed = "1.0-1+esm1", .channel = "esm-infra" },
	    { "ubuntu:16.04", "x", .no_range = true } },
	  "subscription 1.0-1+esm1" },
	{ "ubuntu: attached to the subscription",
	  "ubuntu:16.04",
	  DEB("x", "1.0-1"),
	  { { "ubuntu:16.04", "x", .fixed = "1.0-1+esm1", .channel = "esm-infra" } },
	  "fixed 1.0-1+esm1",
	  .pro = true },
	{ "ubuntu: the subscribers' fix is installed",
	  "ubuntu:16.04",
	  DEB("x", "1.0-1+esm1"),
	  { { "ubuntu:16.04", "x", .fixed = "1.0-1+esm1", .channel = "esm-infra" },
	    { "ubuntu:16.04", "x", .no_range = true } },
	  NULL },
	{ "ubuntu: channels are not folded: public fix wins",
	  "ubuntu:16.04",
	  DEB("x", "1.0-1"),
	  { { "ubuntu:16.04", "x", .fixed = "1.0-1+esm1", .channel = "esm-infra" },
	    { "ubuntu:16.04", "x", .fixed = "1.0-2" } },
	  "fixed 1.0-2" },
	{ "ubuntu: another product's fix is not this one's",
	  "ubuntu:20.04",
	  DEB("x", "1.0"),
	  { { "ubuntu:20.04", "x", .fixed = "9.0", .channel = "fips" } },
	  NULL },
	{ "ubuntu: statements on binaries",
	  "ubuntu:22.04",
	  DEB("libx1", "1.0", "x"),
	  { { "ubuntu:22.04", "libx1", .fixed = "1.1", .binary = true } },
	  "fixed 1.1" },
	{ "ubuntu: a binary statement is not about the source",
	  "ubuntu:22.04",
	  DEB("libx1", "1.0", "x"),
	  { { "ubuntu:22.04", "x", .fixed = "1.1", .binary = true } },
	  NULL },
	/* Alpine */
	{ "alpine: by origin",
	  "alpine:3.18",
	  APK("libssl3", "3.1.0-r0", "openssl"),
	  { { "alpine:3.18", "openssl", .fixed = "3.1.0-r1" } },
	  "fixed 3.1.0-r1" },
	{ "alpine: by name",
	  "alpine:3.18",
	  APK("libssl3", "3.1.0-r0", "openssl"),
	  { { "alpine:3.18", "libssl3", .fixed = "3.1.0-r1" } },
	  "fixed 3.1.0-r1" },
	{ "alpine: never affected", "alpine:3.18", APK("x", "1.0-r0"), { { "alpine:3.18", "x", .fixed = "0" } }, NULL },
	{ "alpine: newer branches are asked when it is end of life",
	  "alpine:3.2",
	  APK("x", "1.0-r0"),
	  { { "alpine:3.2", "y", .fixed = "1" },
	    { "alpine:3.10", "x", .fixed = "1.2-r0" },
	    { "alpine:3.3", "x", .fixed = "1.1-r0" },
	    { "alpine:edge", "x", .fixed = "9-r0" } },
	  "end-of-life 1.1-r0 inferred",
	  .eol = true },
	{ "alpine: ... and not before",
	  "alpine:3.2",
	  APK("x", "1.0-r0"),
	  { { "alpine:3.2", "y", .fixed = "1" }, { "alpine:3.3", "x", .fixed = "1.1-r0" } },
	  NULL },
	{ "alpine: ... nor when switched off",
	  "alpine:3.2",
	  APK("x", "1.0-r0"),
	  { { "alpine:3.2", "y", .fixed = "1" }, { "alpine:3.3", "x", .fixed = "1.1-r0" } },
	  NULL,
	  .eol = true,
	  .no_inferred = true },
	{ "alpine: older branches are not asked",
	  "alpine:3.5",
	  APK("x", "1.0-r0"),
	  { { "alpine:3.5", "y", .fixed = "1" }, { "alpine:3.3", "x", .fixed = "1.1-r0" } },
	  NULL,
	  .eol = true },
	{ "alpine: the own branch knows better",
	  "alpine:3.2",
	  APK("x", "1.0-r1"),
	  { { "alpine:3.2", "x", .fixed = "1.0-r1" }, { "alpine:3.3", "x", .fixed = "1.1-r0" } },
	  NULL,
	  .eol = true },
	{ "alpine: never affected in the nearest newer branch",
	  "alpine:3.2",
	  APK("x", "1.0-r0"),
	  { { "alpine:3.2", "y", .fixed = "1" },
	    { "alpine:3.3", "x", .fixed = "0" },
	    { "alpine:3.4", "x", .fixed = "1.1-r0" } },
	  NULL,
	  .eol = true },
	{ "alpine: a branch that began behind the fix never had it, and a nearer one had",
	  "alpine:3.2",
	  APK("x", "1.0-r0"),
	  { { "alpine:3.2", "y", .fixed = "1" },
	    { "alpine:3.3", "x", .fixed = "1.1-r0" },
	    { "alpine:3.4", "x", .fixed = "0" } },
	  "end-of-life 1.1-r0 inferred",
	  .eol = true },
	{ "alpine: ... nor does it say anything of the own branch, which had it",
	  "alpine:3.2",
	  APK("x", "1.0-r0"),
	  { { "alpine:3.2", "x", .fixed = "1.1-r0" }, { "alpine:3.4", "x", .fixed = "0" } },
	  "fixed 1.1-r0",
	  .eol = true },
	{ "almalinux: fixed there, whatever the parent was not affected by",
	  "almalinux:9",
	  RPM("x", "1.0-1.el9", "x"),
	  { { "almalinux:9", "x", .fixed = "1.0-2.el9", .binary = true },
	    { "rhel:9", "x", .status = ADV_NOT_AFFECTED, .binary = true } },
	  "fixed 1.0-2.el9" },
	/* rpm */
	{ "rhel: binary name",
	  "rhel:9",
	  RPM("libx", "1.0-1.el9", "x"),
	  { { "rhel:9", "libx", .fixed = "1.0-2.el9", .binary = true } },
	  "fixed 1.0-2.el9" },
	{ "rhel: the highest fix counts",
	  "rhel:9",
	  RPM("libx", "1.0-2.el9"),
	  { { "rhel:9", "libx", .fixed = "1.0-2.el9", .binary = true },
	    { "rhel:9", "libx", .fixed = "1.0-4.el9", .binary = true } },
	  "fixed 1.0-4.el9" },
	{ "rhel: no epoch is epoch 0",
	  "rhel:9",
	  RPM("libx", "1.0-1.el9"),
	  { { "rhel:9", "libx", .fixed = "1:0.1-1.el9", .binary = true } },
	  "fixed 1:0.1-1.el9" },
	{ "rhel: epoch",
	  "rhel:9",
	  RPM("libx", "2:1.0-1.el9"),
	  { { "rhel:9", "libx", .fixed = "1:9.1-1.el9", .binary = true } },
	  NULL },
	{ "rhel: a source rpm's name tells no epoch",
	  "rhel:9",
	  RPM("libx", "4:1.0-1.el9", "x", "1.0-1.el9"),
	  { { "rhel:9", "x", .fixed = "4:1.0-1.el9" } },
	  NULL },
	{ "rhel: ... and is compared without",
	  "rhel:9",
	  RPM("libx", "4:1.0-1.el9", "x", "1.0-1.el9"),
	  { { "rhel:9", "x", .fixed = "4:1.0-2.el9" } },
	  "fixed 4:1.0-2.el9" },
	{ "rhel: architecture",
	  "rhel:9",
	  RPM("libx", "1.0-1", .arch = "aarch64"),
	  { { "rhel:9", "libx", .fixed = "2", .arch = "x86_64", .binary = true } },
	  NULL },
	{ "rhel: same architecture",
	  "rhel:9",
	  RPM("libx", "1.0-1", .arch = "x86_64"),
	  { { "rhel:9", "libx", .fixed = "2", .arch = "x86_64", .binary = true } },
	  "fixed 2" },
	{ "rhel: same module stream",
	  "rhel:8",
	  RPM("nodejs", "12.0-1", .module = "nodejs:12"),
	  { { "rhel:8", "nodejs", .fixed = "12.1-1", .module = "nodejs:12", .binary = true } },
	  "fixed 12.1-1" },
	{ "rhel: another stream",
	  "rhel:8",
	  RPM("nodejs", "12.0-1", .module = "nodejs:12"),
	  { { "rhel:8", "nodejs", .fixed = "14.1-1", .module = "nodejs:14", .binary = true } },
	  NULL },
	{ "rhel: module package, plain statement",
	  "rhel:8",
	  RPM("nodejs", "12.0-1", .module = "nodejs:12"),
	  { { "rhel:8", "nodejs", .fixed = "14.1-1", .binary = true } },
	  NULL },
	{ "rhel: plain package, module statement",
	  "rhel:8",
	  RPM("nodejs", "12.0-1"),
	  { { "rhel:8", "nodejs", .fixed = "14.1-1", .module = "nodejs:14", .binary = true } },
	  NULL },
	{ "rhel: extended support is another product",
	  "rhel:9",
	  RPM("libx", "1.0-1.el9"),
	  { { "rhel:9", "libx", .fixed = "1.0-1.el9_2", .channel = "eus:9.2", .binary = true } },
	  NULL },
	{ "rhel: ... but not to whom packages come from it",
	  "rhel:9+eus:9.2",
	  RPM("libx", "1.0-1.el9"),
	  { { "rhel:9", "libx", .fixed = "1.0-1.el9_2", .channel = "eus:9.2", .binary = true } },
	  "fixed 1.0-1.el9_2" },
	{ "rhel: ... the fix of extended support is one, whatever the release's own is",
	  "rhel:9+eus:9.2",
	  RPM("libx", "1.0-1.el9_2.1"),
	  { { "rhel:9", "libx", .fixed = "1.0-1.el9_2.1", .channel = "eus:9.2", .binary = true },
	    { "rhel:9", "libx", .fixed = "1.0-5.el9", .binary = true } },
	  NULL },
	{ "rhel: ... and where there is none it is the release's",
	  "rhel:9+eus:9.2",
	  RPM("libx", "1.0-1.el9_2.1"),
	  { { "rhel:9", "libx", .fixed = "1.0-1.el9_0.3", .channel = "eus:9.0", .binary = true },
	    { "rhel:9", "libx", .fixed = "1.0-5.el9", .binary = true } },
	  "fixed 1.0-5.el9" },
	{ "rhel: ... of two kinds",
	  "rhel:8+e4s:8.6+aus:8.6",
	  RPM("libx", "1.0-1.el8"),
	  { { "rhel:8", "libx", .fixed = "1.0-1.el8_6.1", .channel = "aus:8.6", .binary = true },
	    { "rhel:8", "libx", .fixed = "1.0-5.el8", .binary = true } },
	  "fixed 1.0-1.el8_6.1" },
	{ "rhel: other vendor's package",
	  "rhel:9",
	  RPM("libx", "1.0-1.el9", .foreign = true),
	  { { "rhel:9", "libx", .fixed = "2", .binary = true } },
	  NULL,
	  "not built by the distribution: its advisories are not about this package" },
	{ "oracle: a fix for what is patched while it runs is not for others",
	  "oracle:8",
	  RPM("glibc", "2.28-189.5.0.2.el8_6"),
	  { { "oracle:8", "glibc", .fixed = "2:2.28-189.1.0.1.ksplice1.el8", .binary = true },
	    { "oracle:8", "glibc", .fixed = "2.28-189.5.0.1.el8_6", .binary = true } },
	  NULL },
	{ "oracle: ... nor the other way round",
	  "oracle:8",
	  RPM("glibc", "2:2.28-189.1.0.1.ksplice1.el8"),
	  { { "oracle:8", "glibc", .fixed = "2:2.28-189.6.0.1.ksplice1.el8", .binary = true },
	    { "oracle:8", "glibc", .fixed = "2.28-189.5.0.1.el8_6", .binary = true } },
	  "fixed 2:2.28-189.6.0.1.ksplice1.el8" },
	{ "oracle: a validated build is a line of its own",
	  "oracle:8",
	  RPM("openssl-libs", "1:1.1.1k-7.el8_6"),
	  { { "oracle:8", "openssl-libs", .fixed = "10:1.1.1k-9.el8_6_fips", .binary = true } },
	  NULL },
	{ "alma: disclosed by Red Hat only",
	  "almalinux:9",
	  RPM("libx", "1.0-1.el9"),
	  { { "rhel:9", "libx", .no_range = true, .binary = true }, { "almalinux:9", "y", .fixed = "1" } },
	  "affected  inferred" },
	{ "alma: fixed by Red Hat, not yet here",
	  "almalinux:9",
	  RPM("libx", "1.0-1.el9"),
	  { { "rhel:9", "libx", .fixed = "1.0-2.el9", .binary = true }, { "almalinux:9", "y", .fixed = "1" } },
	  "affected  inferred" },
	{ "alma: own erratum decides",
	  "almalinux:9",
	  RPM("libx", "1.0-1.el9.alma.1"),
	  { { "rhel:9", "libx", .fixed = "1.0-2.el9", .binary = true },
	    { "almalinux:9", "libx", .fixed = "1.0-1.el9.alma.1", .binary = true } },
	  NULL },
	{ "alma: builds of modules cannot be compared with Red Hat's",
	  "almalinux:8",
	  RPM("n", "1-1", .module = "n:1"),
	  { { "rhel:8", "n", .fixed = "1-2", .module = "n:1", .binary = true }, { "almalinux:8", "y", .fixed = "1" } },
	  NULL },
	{ "alma: another major release of Red Hat",
	  "almalinux:9",
	  RPM("libx", "1.0-1.el9"),
	  { { "rhel:8", "libx", .no_range = true, .binary = true }, { "almalinux:9", "y", .fixed = "1" } },
	  NULL },
	/* Languages */
	{ "pypi: name is normalised",
	  "",
	  { PKG_PYPI, "Foo.Bar", "1.0" },
	  { { "pypi", "foo-bar", .fixed = "1.1" } },
	  "fixed 1.1" },
	{ "pypi: fixed", "", { PKG_PYPI, "foo", "1.1" }, { { "pypi", "foo", .fixed = "1.1" } }, NULL },
	{ "pypi: before it was introduced",
	  "",
	  { PKG_PYPI, "foo", "1.1" },
	  { { "pypi", "foo", .introduced = "1.2", .fixed = "1.3" } },
	  NULL },
	{ "pypi: a local version is the public one to who names none",
	  "",
	  { PKG_PYPI, "torch", "2.7.1+cu118" },
	  { { "pypi", "torch", .introduced = "2.0", .last = "2.7.1" } },
	  "affected " },
	{ "pypi: ... and not older than the fix",
	  "",
	  { PKG_PYPI, "torch", "2.7.1+cu118" },
	  { { "pypi", "torch", .introduced = "2.0", .fixed = "2.7.1" } },
	  NULL },
	{ "pypi: ... and is another where one is named",
	  "",
	  { PKG_PYPI, "torch", "2.7.1+cu118" },
	  { { "pypi", "torch", .introduced = "2.0", .fixed = "2.7.1+cu121" } },
	  "fixed 2.7.1+cu121" },
	{ "pypi: listed in another spelling",
	  "",
	  { PKG_PYPI, "foo", "1.1rc1+local.1" },
	  { { "pypi", "foo", .introduced = "1.2", .fixed = "1.3", .version = "1.1.0-RC.1" } },
	  "fixed 1.3" },
	{ "pypi: listed by name",
	  "",
	  { PKG_PYPI, "foo", "1.1" },
	  { { "pypi", "foo", .introduced = "1.2", .fixed = "1.3", .version = "1.1" } },
	  "fixed 1.3" },
	{ "pypi: last affected, inclusive",
	  "",
	  { PKG_PYPI, "foo", "1.1" },
	  { { "pypi", "foo", .last = "1.1" } },
	  "affected " },
	{ "pypi: before the limit of a range, which is no fix",
	  NULL,
	  { PKG_PYPI, "foo", "1.1" },
	  { { "pypi", "foo", .fixed = "1.2", .last = "1.2" } },
	  "affected " },
	{ "pypi: at the limit",
	  NULL,
	  { PKG_PYPI, "foo", "1.2" },
	  { { "pypi", "foo", .fixed = "1.2", .last = "1.2" } },
	  NULL },
	{ "pypi: after the last affected",
	  "",
	  { PKG_PYPI, "foo", "1.1.1" },
	  { { "pypi", "foo", .last = "1.1" } },
	  NULL },
	{ "pypi: a fix inside the next range is none",
	  "",
	  { PKG_PYPI, "foo", "1.0" },
	  { { "pypi", "foo", .fixed = "1.5" }, { "pypi", "foo", .introduced = "1.4", .fixed = "1.9" } },
	  "fixed 1.9" },
	{ "pypi: a branch that was given up is left for the next that was repaired",
	  "",
	  { PKG_PYPI, "foo", "1.0" },
	  { { "pypi", "foo", .last = "1.2" },
	    { "pypi", "foo", .introduced = "1.4", .fixed = "1.5" },
	    { "pypi", "foo", .introduced = "1.5", .fixed = "1.9" } },
	  "fixed 1.9" },
	{ "pypi: nothing above it was repaired",
	  "",
	  { PKG_PYPI, "foo", "2.0" },
	  { { "pypi", "foo", .fixed = "1.5" }, { "pypi", "foo", .introduced = "1.9" } },
	  "affected " },
	{ "pypi: one record affected, one not",
	  "",
	  { PKG_PYPI, "foo", "1.6" },
	  { { "pypi", "foo", .fixed = "1.5" }, { "pypi", "foo", .fixed = "1.9" } },
	  "fixed 1.9" },
	{ "nuget: any case",
	  "",
	  { PKG_NUGET, "Newtonsoft.Json", "12.0.0" },
	  { { "nuget", "newtonsoft.json", .fixed = "13.0.1" } },
	  "fixed 13.0.1" },
	{ "composer: any case",
	  "",
	  { PKG_COMPOSER, "Twig/Twig", "1.0.0" },
	  { { "composer", "twig/twig", .fixed = "1.1.0" } },
	  "fixed 1.1.0" },
	{ "maven: group and artifact",
	  "",
	  { PKG_MAVEN, "org.x:core", "2.14.1" },
	  { { "maven", "org.x:core", .introduced = "2.0-beta9", .fixed = "2.15.0" } },
	  "fixed 2.15.0" },
	{ "maven: another group",
	  "",
	  { PKG_MAVEN, "org.y:core", "2.14.1" },
	  { { "maven", "org.x:core", .fixed = "2.15.0" } },
	  NULL },
	{ "npm: a prerelease of the fix is older",
	  "",
	  { PKG_NPM, "left", "2.0.0-rc.1" },
	  { { "npm", "left", .fixed = "2.0.0" } },
	  "fixed 2.0.0" },
	{ "go: stdlib",
	  "",
	  { PKG_GOLANG, "stdlib", "go1.20.1" },
	  { { "golang", "stdlib", .fixed = "1.20.2" } },
	  "fixed 1.20.2" },
	{ "go: pseudo-version",
	  "",
	  { PKG_GOLANG, "example.org/m", "v0.0.0-20200101000000-abcdefabcdef" },
	  { { "golang", "example.org/m", .fixed = "0.0.0-20210101000000-abcdefabcdef" } },
	  "fixed 0.0.0-20210101000000-abcdefabcdef" },
	{ "go: development build",
	  "",
	  { PKG_GOLANG, "example.org/m", "(devel)" },
	  { { "golang", "example.org/m", .fixed = "1.0.0" } },
	  NULL,
	  "version unknown" },
	/* What cannot be judged */
	{ "no operating system",
	  "",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .fixed = "2.0" } },
	  NULL,
	  "operating system or release not recognised" },
	{ "no data for the release",
	  "debian:14",
	  DEB("x", "1.0"),
	  { { "debian:12", "x", .fixed = "2.0" } },
	  NULL,
	  "no advisories for debian:14 in the database" },
	{ "no data for the ecosystem",
	  "",
	  { PKG_NPM, "x", "1.0.0" },
	  { { "debian:12", "x", .fixed = "2.0" } },
	  NULL,
	  "no advisories for npm in the database" },
	{ "rpm on Debian",
	  "debian:12",
	  RPM("x", "1.0"),
	  { { "debian:12", "x", .fixed = "2.0" } },
	  NULL,
	  "package manager of another distribution" },
	{ "rpm: any module",
	  "almalinux:8",
	  RPM("nodejs", "1:12.0-1", .module = "nodejs:12"),
	  { { "almalinux:8", "nodejs", .fixed = "1:12.0-2", .module = "*", .binary = true } },
	  "fixed 1:12.0-2" },
	{ "rpm: any module is not none",
	  "almalinux:8",
	  RPM("nodejs", "1:12.0-1"),
	  { { "almalinux:8", "nodejs", .fixed = "1:12.0-2", .module = "*", .binary = true } },
	  NULL },
	{ "alpine: a bad version in a newer branch, which is not asked",
	  "alpine:3.12",
	  APK("x", "1.0-r0"),
	  { { "alpine:3.12", "y", .fixed = "1" }, { "alpine:3.13", "x", .fixed = "1.r9.1" } },
	  NULL,
	  NULL,
	  .eol = true,
	  .no_inferred = true },
	{ "centos stream: what RHEL discloses",
	  "centos-stream:9",
	  RPM("x", "1.0-1"),
	  { { "rhel:9", "x", .fixed = "1.0-2", .binary = true } },
	  "affected  inferred",
	  "no advisories for centos-stream:9 in the database" },
};

static struct db *build(const struct statement *s, size_t n, struct buf *bytes)
{
	struct db_build *b = db_build_new();
	const struct feed_sink *sink = db_build_sink(b);
	struct feed_info feed = { .name = STR("tests"), .date = STR("2024-01-01") };
	struct db *d = NULL;
	struct err e = { 0 };

	db_build_feed(b, &feed);
	for (size_t i = 0; i < n && s[i].ns; i++) {
		struct adv_range r = { str_c(s[i].introduced), str_c(s[i].fixed), str_c(s[i].last) };
		struct str version = str_c(s[i].version);
		struct advisory a = {
			.id = str_c(s[i].id ? s[i].id : "CVE-2024-0001"),
			.ns = str_c(s[i].ns),
			.name = str_c(s[i].name),
			.name_kind = s[i].binary ? ADV_NAME_BINARY : ADV_NAME_SOURCE,
			.status = s[i].status,
			.module = str_c(s[i].module),
			.arch = str_c(s[i].arch),
			.channel = str_c(s[i].channel),
			.unimportant = s[i].unimportant,
			.severity = s[i].severity,
			.ranges = &r,
			.range_count = r.introduced.n || r.fixed.n || r.last_affected.n,
			.versions = &version,
			.version_count = version.n > 0,
		};

		sink->advisory(sink->ctx, &a);
	}
	OK_ERR(db_build_bytes(b, NULL, STR("2026"), bytes, &e), &e);
	OK_ERR(db_open_bytes(&d, buf_all(bytes), &e), &e);
	db_build_free(b);
	return d;
}

static struct inv_package *add(struct inventory *inv, const struct thing *t)
{
	struct inv_package *p = vec_add(&inv->packages);

	*p = (struct inv_package){
		.path = STR("var/lib/packages"), .layer = NO_LAYER, .owner = NO_OWNER, .foreign = t->foreign
	};
	p->p = (struct package){ .type = t->type,
				 .name = str_c(t->name),
				 .version = str_c(t->version),
				 .source = str_c(t->source),
				 .source_version = str_c(t->source_version),
				 .module = str_c(t->module),
				 .arch = str_c(t->arch) };
	return p;
}

static struct str finding_text(struct arena *a, const struct finding *f)
{
	return arena_fmt(a, "%s " STR_FMT "%s%s", finding_status_name(f->status), STR_ARG(f->fixed),
			 f->inferred ? " inferred" : "", f->unimportant ? " unimportant" : "");
}

static bool any_note(const struct inventory *inv, const char *reason)
{
	for (size_t i = 0; i < inv->notes.n; i++)
		if (str_starts(inv->notes.v[i].what, STR("package ")) &&
		    (!reason || str_is(inv->notes.v[i].reason, reason)))
			return true;
	return false;
}

static void run_case(const struct rule_case *c)
{
	struct inventory inv = { .os_ns = str_c(c->os), .os_eol_known = true, .os_eol = c->eol };
	struct match_options options = { c->no_inferred, c->pro };
	struct verdict v = { 0 };
	auto_buf struct buf bytes = { 0 };
	struct db *d = build(c->s, STATEMENTS_MAX, &bytes);
	struct err e = { 0 };

	add(&inv, &c->p);
	OK_ERR(match_inventory(d, &inv, &options, &v, &e), &e);
	EQ_INT(v.findings.n, c->want ? 1 : 0);
	if (c->want && v.findings.n)
		EQ_STR(finding_text(&v.arena, &v.findings.v[0]), str_c(c->want));
	EQ_INT(any_note(&inv, c->note), c->note != NULL);
	verdict_done(&v);
	inventory_done(&inv);
	db_free(d);
}

TEST(rules)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		row("%s", cases[i].label);
		run_case(&cases[i]);
	}
}

/* Siblings of one build, of which advisories name one. */
TEST(siblings)
{
	static const struct statement s[] = {
		{ "rhel:9", "glibc", .fixed = "2-2", .binary = true },
		{ "rhel:9", "glibc-own", .fixed = "2-1", .binary = true },
	};
	static const struct thing t[] = {
		RPM("glibc", "2-1", "glibc", "2-1"),
		RPM("glibc-common", "2-1", "glibc", "2-1"),
		RPM("glibc-old", "1-1", "glibc", "1-1"),
		RPM("glibc-own", "2-1", "glibc", "2-1"),
	};

	for (int off = 0; off < 2; off++) {
		struct inventory inv = { .os_ns = STR("rhel:9") };
		struct verdict v = { 0 };
		auto_buf struct buf bytes = { 0 };
		struct db *d = build(s, ARRAY_LEN(s), &bytes);
		struct err e = { 0 };

		row("%s", off ? "switched off" : "on");
		for (size_t i = 0; i < ARRAY_LEN(t); i++)
			add(&inv, &t[i]);
		OK_ERR(match_inventory(d, &inv, &(struct match_options){ .no_inferred = off }, &v, &e), &e);
		EQ_INT(v.findings.n, off ? 1 : 2);
		EQ_STR(inv.packages.v[v.findings.v[0].package].p.name, STR("glibc"));
		OK(!v.findings.v[0].inferred);
		if (!off && v.findings.n == 2) {
			EQ_STR(inv.packages.v[v.findings.v[1].package].p.name, STR("glibc-common"));
			OK(v.findings.v[1].inferred);
		}
		verdict_done(&v);
		inventory_done(&inv);
		db_free(d);
	}
}

/* What could not be read of a file that the distribution answers for is no gap, unless it has no advisories. */
TEST(owned_notes)
{
	static const struct statement s[] = { { "rhel:9", "other", .fixed = "1" } };
	static const char *const os[] = { "rhel:9", "rhel:7" };

	for (size_t i = 0; i < ARRAY_LEN(os); i++) {
		struct inventory inv = { .os_ns = str_c(os[i]) };
		struct verdict v = { 0 };
		auto_buf struct buf bytes = { 0 };
		struct db *d = build(s, ARRAY_LEN(s), &bytes);
		struct err e = { 0 };

		row("%s", os[i]);
		add(&inv, &(struct thing)RPM("python3-rpm", "4.14-1", .foreign = true));
		inventory_note(&inv, STR("file"), STR("x.jar"), NO_LAYER, "no group");
		inventory_note(&inv, STR("file"), STR("y.jar"), NO_LAYER, "no group");
		inv.notes.v[0].distro_owned = true;
		OK_ERR(match_inventory(d, &inv, &(struct match_options){ 0 }, &v, &e), &e);
		EQ_INT(inv.notes.n, i == 0 ? 2 : 3); /* one is about the package */
		verdict_done(&v);
		inventory_done(&inv);
		db_free(d);
	}
}

/* A language package inside an OS package is the distribution's. */
TEST(ownership)
{
	static const struct statement s[] = { { "pypi", "rpm", .fixed = "5.0" }, { "rhel:9", "other", .fixed = "1" } };
	static const struct {
		const char *label, *os;
		bool owned, foreign;
		size_t findings;
	} rows[] = {
		{ "owned", "rhel:9", true, false, 0 },
		{ "owned by another vendor's package", "rhel:9", true, true, 1 },
		{ "not owned", "rhel:9", false, false, 1 },
		{ "the distribution says nothing here", "rhel:7", true, false, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct inventory inv = { .os_ns = str_c(rows[i].os) };
		struct verdict v = { 0 };
		auto_buf struct buf bytes = { 0 };
		struct db *d = build(s, ARRAY_LEN(s), &bytes);
		struct err e = { 0 };

		row("%s", rows[i].label);
		add(&inv, &(struct thing)RPM("python3-rpm", "4.14-1"));
		struct inv_package *p = add(&inv, &(struct thing){ PKG_PYPI, "rpm", "4.14.3" });
		p->owner = rows[i].owned ? 0 : NO_OWNER;
		p->owner_foreign = rows[i].foreign;
		OK_ERR(match_inventory(d, &inv, &(struct match_options){ 0 }, &v, &e), &e);
		EQ_INT(v.findings.n, rows[i].findings);
		EQ_INT(v.distro_judged, 1 - rows[i].findings);
		verdict_done(&v);
		inventory_done(&inv);
		db_free(d);
	}
}

TEST(severity_and_order)
{
	static const struct statement s[] = {
		{ "debian:12", "x", "CVE-2024-0003", .fixed = "2" },
		{ "debian:12", "x", "CVE-2024-0002", .fixed = "2", .severity = SEV_HIGH },
		{ "debian:12", "x", "CVE-2024-0001", .fixed = "2", .severity = SEV_HIGH },
		{ "debian:12", "a", "CVE-2024-0009", .fixed = "2", .severity = SEV_LOW },
	};
	static const char *const want[] = { "CVE-2024-0009", "CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003" };
	struct inventory inv = { .os_ns = STR("debian:12"), .os_eol_known = true, .os_eol = true };
	struct verdict v = { 0 };
	auto_buf struct buf bytes = { 0 };
	struct db *d = build(s, ARRAY_LEN(s), &bytes);
	struct err e = { 0 };

	add(&inv, &(struct thing)DEB("x", "1"));
	add(&inv, &(struct thing)DEB("a", "1"));
	OK_ERR(match_inventory(d, &inv, &(struct match_options){ 0 }, &v, &e), &e);
	EQ_INT(v.findings.n, ARRAY_LEN(want));
	for (size_t i = 0; i < v.findings.n && i < ARRAY_LEN(want); i++)
		EQ_STR(v.findings.v[i].id, str_c(want[i]));
	EQ_STR(v.findings.v[1].severity_source, STR("tests"));
	EQ_INT(v.feeds.n, 1);
	EQ_INT(inv.notes.n, 1);
	EQ_STR(inv.notes.v[0].what, STR("release"));
	verdict_done(&v);
	inventory_done(&inv);
	db_free(d);
}

/* The feeds at hand may know nothing of a stream: the verdicts are the release's then, and a note says so. */
TEST(extended_support)
{
	static const struct statement s[] = {
		{ "rhel:9", "libx", .fixed = "2", .channel = "eus:9.2", .binary = true },
		{ "rhel:9", "liby", .fixed = "2", .binary = true },
	};
	auto_buf struct buf bytes = { 0 };
	struct db *d = build(s, ARRAY_LEN(s), &bytes);
	static const struct {
		const char *package;
		size_t notes;
	} asked[] = { { "libx", 0 }, { "liby", 1 } };

	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		struct inventory inv = { .os_ns = STR("rhel:9+eus:9.2") };
		struct verdict v = { 0 };
		struct err e = { 0 };

		row("%s", asked[i].package);
		add(&inv, &(struct thing)RPM(asked[i].package, "1"));
		OK_ERR(match_inventory(d, &inv, &(struct match_options){ 0 }, &v, &e), &e);
		EQ_INT(v.findings.n, 1);
		EQ_INT(inv.notes.n, asked[i].notes);
		OK(!inv.notes.n || str_find_str(inv.notes.v[0].reason, STR("(eus:9.2)")) > 0);
		verdict_done(&v);
		inventory_done(&inv);
	}
	db_free(d);
}

TEST(no_database)
{
	struct inventory inv = { .os_ns = STR("debian:12") };
	struct verdict v = { 0 };
	struct err e = { 0 };

	add(&inv, &(struct thing)DEB("x", "1"));
	OK_ERR(match_inventory(NULL, &inv, &(struct match_options){ 0 }, &v, &e), &e);
	EQ_INT(inv.notes.n, 1);
	verdict_done(&v);
	inventory_done(&inv);
}

/* The trace of one id, as text. */
static void explain(struct db *d, struct inventory *inv, const char *id, const char *package, char *text, size_t size,
		    int want)
{
	struct err e = { 0 };
	struct out out;
	int fds[2];
	ssize_t n;

	OK(pipe(fds) == 0);
	out_init(&out, fds[1]);
	EQ_INT(match_explain(d, inv, &(struct match_options){ 0 }, str_c(id), str_c(package), &out, &e), want);
	EQ_INT(out_finish(&out), 0);
	close(fds[1]);
	n = fd_read(fds[0], text, size - 1);
	text[n > 0 ? n : 0] = 0;
	close(fds[0]);
}

TEST(explain)
{
	static const struct statement s[] = { { "debian:12", "zlib", .fixed = "1.2-4" },
					      { "debian:12", "y", "CVE-2024-0002", .fixed = "3" } };
	struct inventory inv = { .os_ns = STR("debian:12") };
	auto_buf struct buf bytes = { 0 };
	struct db *d = build(s, ARRAY_LEN(s), &bytes);
	char text[4096];

	add(&inv, &(struct thing)DEB("zlib1g", "1.2-3", "zlib"));
	row("affected");
	explain(d, &inv, "CVE-2024-0001", "", text, sizeof(text), 1);
	OK(strstr(text, "1.2-3 < 1.2-4 (dpkg)"));
	OK(strstr(text, "var/lib/packages"));
	OK(strstr(text, "(feed tests, of 2024-01-01)"));
	OK(strstr(text, "decision: affected, status fixed, fixed in 1.2-4"));
	row("unknown id");
	explain(d, &inv, "CVE-2000-1", "", text, sizeof(text), 0);
	OK(strstr(text, "nothing is known about CVE-2000-1"));
	row("unknown package");
	explain(d, &inv, "CVE-2024-0001", "nope", text, sizeof(text), 0);
	OK(strstr(text, "there is no package nope here"));
	row("known id, other package");
	explain(d, &inv, "CVE-2024-0002", "zlib1g", text, sizeof(text), 1);
	OK(strstr(text, "nothing is known about this id and this package"));
	OK(strstr(text, "decision: no finding, since no feed names this package"));
	row("the fix is installed");
	inv.packages.v[0].p.version = STR("1.2-4");
	explain(d, &inv, "CVE-2024-0001", "zlib", text, sizeof(text), 1);
	OK(strstr(text, "1.2-4 = 1.2-4 (dpkg)"));
	OK(strstr(text, "decision: not affected"));
	inventory_done(&inv);
	db_free(d);
}
