/* Names of feed files, by format and path. */
#include "scan/feed-name.h"

#include "tap.h"

static const struct {
	const char *format, *path, *name;
} rows[] = {
	{ "debian-tracker", "debian/tracker-data-json.regenerated.json.zst", "debian-tracker" },
	{ "osv", "osv/PyPI/all.zip", "osv:PyPI" },
	{ "osv", "osv/PyPI_all.zip", "osv:PyPI" },
	{ "osv", "suse/SUSE-SLES15-regenerated/all.zip", "osv:SUSE-SLES15-regenerated" },
	{ "osv", "GHSA-1.json", "osv:GHSA-1" },
	{ "alpine-secdb", "alpine/secdb/v3.18/main.json", "alpine-secdb:v3.18/main" },
	{ "alpine-secdb", "alpine-secdb/v3.18_main.json", "alpine-secdb:v3.18_main" },
	{ "oval", "debian/oval-definitions-bookworm.xml.bz2", "oval:debian/bookworm" },
	{ "oval", "ubuntu/com.ubuntu.jammy.usn.oval.xml.bz2", "oval:ubuntu/jammy" },
	{ "oval", "x/redhat/com.redhat.rhsa-RHEL9.xml.bz2", "oval:redhat/rhsa-RHEL9" },
	{ "kev-csv", "kev/known_exploited_vulnerabilities.csv", "kev" },
	{ "cve", "cve/cisa-vulnrichment.tar.zst", "cve:cisa-vulnrichment" },
	{ "mirror", "deb.example.org_bookworm", "mirror:deb.example.org_bookworm" },
	{ "", "osv/broken/all.zip", "osv/broken/all.zip" },
	{ "osv", "", "osv" },
	{ "osv", "/", "osv" },
	{ "cve", "cve.json", "cve" },
};

TEST(names)
{
	struct arena a = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str got = feed_name(&a, str_c(rows[i].format), str_c(rows[i].path));

		EQ_STR(got, str_c(rows[i].name));
	}
	arena_done(&a);
}
