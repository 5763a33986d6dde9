/* Feed readers on hand-made documents: the seeds of their fuzz targets, and what each must say
 * (tests/unit/feed/FORMAT-SEED.txt; feed_text.h says how a line is to be read). */
#include "vuln/feed/feed.h"

#include <fcntl.h>

#include "base/fd.h"
#include "feed_text.h"
#include "tap.h"
#include "vuln/feed/cvss.h"
#include "vuln/feed/format.h"
#include "vuln/feed/ns.h"

static const struct {
	const char *format;
	const char *seed; /* tests/fuzz/feed-..., also the path the document is said to come from */
} documents[] = {
	{ "alpine-secdb", "feed-secdb/main.json" },
	{ "alpine-secdb", "feed-secdb/wolfi.json" },
	{ "alpine-secdb", "feed-secdb/minimos.json" },
	{ "alpine-secdb", "feed-secdb/cut.json" },
	{ "debian-tracker", "feed-tracker/all.json" },
	{ "debian-tracker", "feed-tracker/cut.json" },
	{ "mirror", "feed-mirror/bookworm-security.tsv" },
	{ "mirror", "feed-mirror/damaged.tsv" },
	{ "osv", "feed-osv/pypi.json" },
	{ "osv", "feed-osv/alma.json" },
	{ "osv", "feed-osv/ubuntu.json" },
	{ "osv", "feed-osv/debian.json" },
	{ "osv", "feed-osv/events.json" },
	{ "osv", "feed-osv/pairs.json" },
	{ "osv", "feed-osv/rxsa.json" },
	{ "osv", "feed-osv/GHSA-2345-6789-cfgh.json" },
	{ "osv", "feed-osv/cut.json" },
	{ "oval", "feed-oval/debian.xml" },
	{ "oval", "feed-oval/ubuntu.xml" },
	{ "oval", "feed-oval/redhat.xml" },
	{ "oval", "feed-oval/unpatched.xml" },
	{ "oval", "feed-oval/ubuntu-cve.xml" },
	{ "oval", "feed-oval/rpms.xml" },
	{ "oval", "feed-oval/doctype.xml" },
	{ "oval", "feed-oval/cut.xml" },
	{ "csaf", "feed-csaf/vex.json" },
	{ "csaf", "feed-csaf/shapes.json" },
	{ "csaf", "feed-csaf/nevra.json" },
	{ "csaf", "feed-csaf/deleted.json" },
	{ "csaf", "feed-csaf/cut.json" },
	{ "csaf", "feed-csaf/empty.json" },
	{ "cve", "feed-cve5/full.json" },
	{ "cve", "feed-cve5/rejected.json" },
	{ "cve", "feed-cve5/no-id.json" },
	{ "cve", "feed-cve5/cut.json" },
	{ "kev", "feed-kev/two.json" },
	{ "kev", "feed-kev/empty.json" },
	{ "kev", "feed-kev/cut.json" },
	{ "kev-csv", "feed-kev-csv/two.csv" },
	{ "kev-csv", "feed-kev-csv/heading.csv" },
	{ "kev-csv", "feed-kev-csv/cut.csv" },
	{ "epss", "feed-epss/day.csv" },
	{ "epss", "feed-epss/empty.csv" },
	{ "debian-dsa", "feed-dsa/list.txt" },
	{ "debian-dsa", "feed-dsa/none.txt" },
	{ "debian-dsa", "feed-dsa/cut.txt" },
	{ "retire", "feed-retire/three.json" },
	{ "retire", "feed-retire/empty.json" },
	{ "retire", "feed-retire/cut.json" },
	{ "rubysec", "feed-rubysec/safe.yml" },
	{ "rubysec", "feed-rubysec/nofix.yml" },
	{ "rubysec", "feed-rubysec/ends.yml" },
	{ "rubysec", "feed-rubysec/point.yml" },
	{ "rubysec", "feed-rubysec/engine.yml" },
	{ "rubysec", "feed-rubysec/bad.yml" },
	{ "rubysec", "feed-rubysec/alias.yml" },
	{ "rubysec", "feed-rubysec/cut.yml" },
	{ "friendsofphp", "feed-friendsofphp/two.yaml" },
	{ "friendsofphp", "feed-friendsofphp/nocve.yaml" },
	{ "friendsofphp", "feed-friendsofphp/pear.yaml" },
	{ "friendsofphp", "feed-friendsofphp/bad.yaml" },
	{ "nodejs", "feed-nodejs/or.json" },
	{ "nodejs", "feed-nodejs/all.json" },
	{ "nodejs", "feed-nodejs/none.json" },
	{ "nodejs", "feed-nodejs/bad.json" },
	{ "epss", "feed-epss/cut.csv" },
};

static bool read_source(const char *dir, struct str name, const char *tail, struct buf *ret)
{
	const char *root = getenv("YAGURA_SOURCE");
	struct err e = { 0 };
	auto_arena struct arena a = { 0 };
	struct str path = arena_fmt(&a, "%s/%s/" STR_FMT "%s", root ? root : ".", dir, STR_ARG(name), tail);
	int r = file_read(AT_FDCWD, path.p, 1 << 20, ret, &e);

	return OK_ERR(r, &e);
}

/* "feed-osv/pypi.json" -> "feed-osv-pypi" */
static struct str want_name(struct arena *a, const char *seed)
{
	struct str dir, file;

	(void)str_split(str_c(seed), '/', &dir, &file);
	return arena_fmt(a, STR_FMT "-" STR_FMT, STR_ARG(dir), STR_ARG(str_head(file, (size_t)str_rfind(file, '.'))));
}

static void read_document(const char *format_name, const char *seed, struct str bytes, struct buf *out)
{
	const struct feed_format *format = feed_format_named(str_c(format_name));
	struct feed_text text = { 0 };
	struct feed_sink sink = feed_text_sink(&text);
	struct feed_skips skips = { 0 };
	auto_arena struct arena arena = { 0 };
	struct feed_doc d = { str_c(seed), bytes, &arena, &sink, &skips };
	struct err e = { 0 };

	if (OK(format && format->read)) {
		if (format->read(&d, &e) < 0)
			buf_fmt(&text.b, "E %s\n", e.msg);
		else
			OK(feed_format_of(str_c(seed), str_head(bytes, FEED_HEAD_BYTES)) == format);
		feed_skips_tell(&skips, &sink);
	}
	*out = text.b;
}

TEST(documents)
{
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		auto_buf struct buf bytes = { 0 }, want = { 0 }, got = { 0 };
		auto_arena struct arena a = { 0 };

		row("%s", documents[i].seed);
		if (!read_source("tests/fuzz", str_c(documents[i].seed), "", &bytes))
			continue;
		read_document(documents[i].format, documents[i].seed, buf_all(&bytes), &got);
		if (read_source("tests/unit/feed", want_name(&a, documents[i].seed), ".txt", &want))
			EQ_STR(buf_all(&got), buf_all(&want));
	}
}

TEST(cvss)
{
	static const struct {
		const char *vector;
		int want; /* tenths; < 0: not a vector */
	} cases[] = {
		/* Examples of https://www.first.org/cvss/v3.1/examples and of the v2 guide, section 3.3 */
		{ "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:L/I:L/A:N", 54 },
		{ "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61 },
		{ "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64 },
		{ "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31 },
		{ "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 78 },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100 },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98 },
		{ "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0 },
		{ "CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O/RC:C", 68 },
		{ "AV:N/AC:L/Au:N/C:N/I:N/A:C", 78 },
		{ "AV:N/AC:L/Au:N/C:C/I:C/A:C", 100 },
		{ "AV:L/AC:H/Au:N/C:C/I:C/A:C", 62 },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", -1 },
		{ "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", -1 },
		/* what FIRST's calculator says */
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 100 },
		{ "CVSS:4.0/AV:L/AC:L/AT:P/PR:N/UI:N/VC:L/VI:H/VA:L/SC:N/SI:H/SA:H", 71 },
		{ "CVSS:4.0/AV:P/AC:L/AT:P/PR:L/UI:A/VC:H/VI:L/VA:H/SC:L/SI:L/SA:L", 46 },
		{ "CVSS:4.0/AV:A/AC:L/AT:N/PR:N/UI:A/VC:N/VI:H/VA:L/SC:H/SI:L/SA:N", 82 },
		{ "CVSS:4.0/AV:L/AC:H/AT:N/PR:L/UI:N/VC:L/VI:N/VA:H/SC:N/SI:L/SA:N", 58 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:L/UI:A/VC:N/VI:N/VA:N/SC:H/SI:N/SA:H", 62 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:P/VC:H/VI:L/VA:N/SC:H/SI:H/SA:H", 86 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N/E:U", 69 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N", -1 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:R/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N", -1 },
		{ "CVSS:9.9/AV:N", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double got = -0.1;

		row("\"%s\"", cases[i].vector);
		EQ_INT(cvss_score(str_c(cases[i].vector), &got), cases[i].want >= 0);
		OK(got * 10 > cases[i].want - 0.001 && got * 10 < cases[i].want + 0.001);
	}
}

/* Every base vector of 4.0: how many have each score, as FIRST's calculator counts them (its ties rounded up, which
 * floating point hides there). */
TEST(cvss_4_all)
{
	static const char *const metrics[][2] = { { "AV", "NALP" }, { "AC", "LH" },  { "AT", "NP" },  { "PR", "NLH" },
						  { "UI", "NPA" },  { "VC", "HLN" }, { "VI", "HLN" }, { "VA", "HLN" },
						  { "SC", "HLN" },  { "SI", "HLN" }, { "SA", "HLN" } };
	static const size_t total = 4 * 2 * 2 * 3 * 3 * 729;
	size_t count[101] = { 0 }, sum = 0, order = 0;

	for (size_t i = 0; i < total; i++) {
		char vector[160] = "CVSS:4.0";
		size_t n = strlen(vector), rest = i;
		double got = -1;

		for (size_t k = 0; k < ARRAY_LEN(metrics); k++) {
			size_t letters = strlen(metrics[k][1]);

			n += (size_t)snprintf(vector + n, sizeof(vector) - n, "/%s:%c", metrics[k][0],
					      metrics[k][1][rest % letters]);
			rest /= letters;
		}
		if (cvss_score(str_c(vector), &got) && got >= 0 && got <= 10)
			count[(size_t)(got * 10 + 0.5)]++;
	}
	for (size_t i = 0; i < ARRAY_LEN(count); i++) {
		sum += i * count[i];
		order = (order * 31 + count[i]) % 1000000007;
	}
	EQ_INT(sum, 5964883);
	EQ_INT(order, 693270810);
}

TEST(namespaces)
{
	static const struct {
		const char *ecosystem, *ns, *channel; /* ns NULL: not matched */
	} cases[] = {
		{ "Debian:12", "debian:12", "" },
		{ "Ubuntu:22.04:LTS", "ubuntu:22.04", "" },
		{ "Ubuntu:23.10", "ubuntu:23.10", "" },
		{ "Ubuntu:Pro:16.04:LTS", "ubuntu:16.04", "esm" },
		{ "Ubuntu:Pro:FIPS-updates:20.04:LTS", "ubuntu:20.04", "fips-updates" },
		{ "Alpine:v3.18", "alpine:3.18", "" },
		{ "Wolfi", "wolfi", "" },
		{ "AlmaLinux:8", "almalinux:8", "" },
		{ "Rocky Linux:9", "rocky:9", "" },
		{ "Red Hat:enterprise_linux:9::appstream", "rhel:9", "" },
		{ "Red Hat:rhel_eus:8.4::baseos", "rhel:8", "eus:8.4" },
		{ "Red Hat:openshift:4.14::el9", NULL, "" },
		{ "SUSE:Linux Enterprise Server 15 SP3", "sles:15.3", "" },
		{ "SUSE:Linux Enterprise Module for Basesystem 15 SP5", "sles:15.5", "" },
		{ "SUSE:Linux Enterprise Server 15 SP3-LTSS", "sles:15.3", "ltss" },
		{ "SUSE:Linux Enterprise Micro 5.3", "sle-micro:5.3", "" },
		{ "SUSE:Linux Micro 6.0", "sle-micro:6.0", "" },
		{ "openSUSE:Leap 15.5", "opensuse-leap:15.5", "" },
		{ "openSUSE:Tumbleweed", "opensuse-tumbleweed", "" },
		{ "Mageia:9", "mageia:9", "" },
		{ "Photon OS:5.0", "photon:5", "" },
		{ "Azure Linux:3", "azurelinux:3", "" },
		{ "crates.io", "cargo", "" },
		{ "Go", "golang", "" },
		{ "Packagist", "composer", "" },
		{ "SwiftURL", NULL, "" },
		{ "Debian", NULL, "" },
		{ "", NULL, "" },
	};
	auto_arena struct arena a = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ns ns = { 0 };

		row("\"%s\"", cases[i].ecosystem);
		EQ_INT(ns_of_osv(&a, str_c(cases[i].ecosystem), &ns), cases[i].ns != NULL);
		if (!cases[i].ns)
			continue;
		EQ_STR(ns.name, str_c(cases[i].ns));
		EQ_STR(ns.channel, str_c(cases[i].channel));
	}
}

TEST(package_names)
{
	auto_arena struct arena a = { 0 };

	EQ_STR(ns_package_name(&a, STR("pypi"), STR("Zope._.Interface--X")), STR("zope-interface-x"));
	EQ_STR(ns_package_name(&a, STR("composer"), STR("TYPO3/CMS")), STR("typo3/cms"));
	EQ_STR(ns_package_name(&a, STR("nuget"), STR("Newtonsoft.Json")), STR("newtonsoft.json"));
	EQ_STR(ns_package_name(&a, STR("golang"), STR("std")), STR("stdlib"));
	EQ_STR(ns_package_name(&a, STR("maven"), STR("Org.X:Y")), STR("Org.X:Y"));
}
