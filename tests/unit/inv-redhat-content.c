/* Unit tests of inventory/redhat_content. */
#include "facts_text.h"

static const struct {
	const char *name, *text, *want;
} rows[] = {
	{ "the release's own",
	  "{\"content_sets\": [\"rhel-9-for-x86_64-baseos-rpms\", \"rhel-9-for-x86_64-appstream-rpms\"]}", "" },
	{ "extended support",
	  "{\"metadata\": {\"icm_version\": 1}, \"content_sets\": [\"rhel-9-for-x86_64-baseos-eus-rpms__9_2\", "
	  "\"rhel-9-for-x86_64-appstream-rpms\", \"rhel-8-for-x86_64-baseos-e4s-rpms__8_6\"]}",
	  "property: redhat.stream=eus\nproperty: redhat.stream=e4s\n" },
	{ "the word alone counts", "{\"content_sets\": [\"rhel-9-nexus-rpms\", \"rhel-7-server-els-rpms\", \"eus\"]}",
	  "property: redhat.stream=eus\nproperty: redhat.stream=els\n" },
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

static const struct {
	const char *name, *text, *want;
} repos[] = {
	{ "those switched on",
	  "# x\n[rhel-9-for-x86_64-baseos-rpms]\nenabled = 1\n\n"
	  "[rhel-9-for-x86_64-baseos-eus-rpms]\nname = EUS\nenabled = 1\n[rhel-9-for-x86_64-baseos-aus-rpms]\nenabled "
	  "= 0\n",
	  "property: redhat.stream=eus\n" },
	{ "on where nothing is said", "[a-eus-rpms]\n[b-tus-rpms]",
	  "property: redhat.stream=eus\nproperty: redhat.stream=tus\n" },
	{ "no section", "enabled=1\n", "" },
	{ "none", "", "" },
};

TEST(repositories)
{
	for (size_t i = 0; i < ARRAY_LEN(repos); i++) {
		row("%s", repos[i].name);
		facts_check("redhat-repo", "etc/yum.repos.d/redhat.repo", str_c(repos[i].text), repos[i].want);
	}
}
