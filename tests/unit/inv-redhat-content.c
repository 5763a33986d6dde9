/* Unit tests of inventory/redhat_content. */
#include "facts_text.h"

#define EUS(set)                                                                           \
	"note: not assessed: fixes of extended support: packages of " set " are compared " \
	"with the release's own\n"

static const struct {
	const char *name, *text, *want;
} rows[] = {
	{ "the release's own",
	  "{\"content_sets\": [\"rhel-9-for-x86_64-baseos-rpms\", \"rhel-9-for-x86_64-appstream-rpms\"]}", "" },
	{ "extended support",
	  "{\"metadata\": {\"icm_version\": 1}, \"content_sets\": [\"rhel-9-for-x86_64-baseos-eus-rpms__9_2\", "
	  "\"rhel-9-for-x86_64-appstream-rpms\", \"rhel-8-for-x86_64-baseos-e4s-rpms__8_6\"]}",
	  EUS("rhel-9-for-x86_64-baseos-eus-rpms__9_2") EUS("rhel-8-for-x86_64-baseos-e4s-rpms__8_6") },
	{ "none", "{\"content_sets\": []}", "" },
	{ "of another shape", "{\"content_sets\": 1}",
	  "note: not assessed: content manifest: \"content_sets\" is no array\n" },
	{ "no object", "[]", "" },
};

TEST(content_manifests)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		facts_check("redhat-content", "root/buildinfo/content_manifests/ubi9.json", str_c(rows[i].text),
			    rows[i].want);
	}
}
