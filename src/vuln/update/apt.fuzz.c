/* Fuzz target: whatever a mirror or a configuration file holds. What comes out must lie inside what it says. */
#include <assert.h>

#include "base/date.h"
#include "vuln/update/apt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(struct str s)
{
	volatile char sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum = (char)(sum + s.p[i]);
}

static void entries(struct str text)
{
	auto_arena struct arena a = { 0 };
	struct apt_entries l = { 0 };

	apt_list_parse(text, STR("list"), &a, &l);
	apt_deb822_parse(text, STR("sources"), &a, &l);
	assert(l.all.n <= APT_ENTRIES_MAX && l.notes.n <= APT_NOTES_MAX);
	for (size_t i = 0; i < l.all.n; i++) {
		assert(l.all.v[i].uri.n && l.all.v[i].suite.n);
		assert(!str_starts(l.all.v[i].suite, STR("../")));
		assert(str_find_str(l.all.v[i].suite, STR("/../")) < 0);
		touch(l.all.v[i].key);
	}
	apt_entries_done(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct str text = str_n(data, size);
	struct apt_release release;
	struct apt_packages packages = { 0 };
	struct apt_installed installed = { 0 };

	entries(text);
	if (apt_release_parse(text, &a, &release, NULL) == 0) {
		char when[DATE_TEXT_MAX];

		touch(apt_release_namespace(&release, &a));
		touch(str_c(date_time_text((uint64_t)release.date, when)));
		touch(str_c(date_time_text((uint64_t)release.valid_until, when)));
		for (size_t i = 0; i < release.indexes.n; i++)
			assert(release.indexes.v[i].digest.set);
		apt_release_done(&release);
	}
	if (apt_packages_parse(text, &a, &packages, NULL) == 0)
		for (size_t i = 0; i < packages.all.n; i++) {
			assert(packages.all.v[i].digest.set && packages.all.v[i].path.n);
			touch(packages.all.v[i].path);
		}
	apt_packages_done(&packages);
	apt_installed_parse(text, &installed);
	vec_done(&installed.names);
	return 0;
}
