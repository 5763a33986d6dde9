/* unread: upstream's files that people have and that are not read here, so that they are told so and what to take
 * instead. docs/formats/feeds.md "not read". */
#include "vuln/feed/feed.h"

/* All marks stand in the head. Of JSON they have their quotes: inside a text these would be escaped. */
static const struct {
	const char *what, *instead;
	const char *mark[3];
} files[] = {
	{ "AlmaLinux errata", "take its OSV records or OVAL", { "\"issued_date\"", "\"updated_date\"" } },
	{ "AlmaLinux errata", "take its OSV records or OVAL", { "\"updateinfo_id\"", "\"bs_repo_id\"" } },
	{ "a page of Rocky Linux errata", "take its OSV records or OVAL", { "\"advisories\"", "\"synopsis\"" } },
	{ "a page of Rocky Linux errata",
	  "take its OSV records or OVAL",
	  { "\"advisories\"", "\"affectedProducts\"" } },
	{ "a package repository's updateinfo", NULL, { "<updates", "<id>" } },
	{ "an NVD feed", "take the records of CVE JSON 5", { "\"NVD_CVE\"" } },
	{ "an NVD feed", "take the records of CVE JSON 5", { "\"CVE_data_type\"" } },
	{ "OpenVEX", NULL, { "\"statements\"", "openvex.dev/ns" } },
	{ "an SBOM of CycloneDX", NULL, { "\"bomFormat\"" } },
	{ "an SBOM of SPDX", NULL, { "\"spdxVersion\"" } },
	{ "a list of Arch Linux", NULL, { "\"AVG-", "\"packages\"" } },
	{ "a list of Photon OS", "take its OVAL", { "\"cve_id\"", "\"res_ver\"" } },
	{ "CVRF", "take the vendor's OSV records or CSAF", { "<cvrfdoc" } },
	{ "a notice of Gentoo", NULL, { "<glsa " } },
	{ "an OSV record in YAML", "take it as JSON", { "\nmodified:", "\naffected:" } },
};

static bool has_all(struct str head, size_t row)
{
	for (size_t i = 0; i < ARRAY_LEN(files[row].mark) && files[row].mark[i]; i++)
		if (str_find_str(head, str_c(files[row].mark[i])) < 0)
			return false;
	return true;
}

static size_t find(struct str head)
{
	size_t i = 0;

	while (i < ARRAY_LEN(files) && !has_all(head, i))
		i++;
	return i;
}

bool feed_looks_unread(unused_arg struct str path, struct str head)
{
	return find(head) < ARRAY_LEN(files);
}

int feed_unread(const struct feed_doc *d, struct err *e)
{
	size_t i = find(str_head(d->bytes, FEED_HEAD_BYTES));

	return err_set(e, -ENOTSUP, "of a format that is not read: %s%s%s", files[i].what, files[i].instead ? "; " : "",
		       files[i].instead ? files[i].instead : "");
}
