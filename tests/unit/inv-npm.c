/* Unit tests of inventory/npm: package.json as npm leaves them, and what only looks like one. */
#include "facts_text.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

#include "base/fd.h"

#define ROOT "usr/lib/node_modules/"

static const struct {
	const char *name, *path, *text, *want;
} rows[] = {
	{ "plain", ROOT "left-pad/package.json",
	  "{\"name\": \"left-pad\", \"version\": \"1.3.0\", \"license\": \"WTFPL\"}", "npm left-pad 1.3.0 [WTFPL]\n" },
	{ "scope", ROOT "@babel/core/package.json", "{\"version\": \"7.23.2\", \"name\": \"@babel/core\"}",
	  "npm @babel/core 7.23.2\n" },
	{ "licence as an object", ROOT "a/package.json",
	  "{\"name\": \"a\", \"version\": \"1.0.0\", \"license\": {\"type\": \"MIT\", \"url\": \"x\"}}",
	  "npm a 1.0.0 [MIT]\n" },
	{ "old list of licences", ROOT "a/package.json",
	  "{\"name\": \"a\", \"version\": \"1.0.0\", \"licenses\": [{\"type\": \"MIT\"}, \"GPL\"]}",
	  "npm a 1.0.0 [MIT OR GPL]\n" },
	{ "nothing behind the last wanted member is read", ROOT "a/package.json",
	  "{\"name\": \"a\", \"version\": \"1.0.0\", \"license\": \"MIT\", !!!", "npm a 1.0.0 [MIT]\n" },
	{ "escapes", ROOT "a/package.json", "{\"name\": \"\\u0061bc\", \"version\": \"1.0.0\"}", "npm abc 1.0.0\n" },
	{ "byte order mark", ROOT "a/package.json", "\xef\xbb\xbf{\"name\": \"a\", \"version\": \"1.0.0\"}",
	  "npm a 1.0.0\n" },
	{ "marker of a directory", ROOT "a/esm/package.json", "{\"type\": \"module\"}", "" },
	{ "no version", ROOT "a/package.json", "{\"name\": \"a\"}", "" },
	{ "version is no string", ROOT "a/package.json", "{\"name\": \"a\", \"version\": 1}", "" },
	{ "name with a control byte", ROOT "a/package.json", "{\"name\": \"a\\u0007\", \"version\": \"1.0.0\"}", "" },
	{ "damaged where a package should be", ROOT "a/package.json", "{\"name\": \"a\",,",
	  "note: not assessed: package.json: JSON: expected a key at byte 13\n" },
	{ "the same in a scope", ROOT "@a/b/package.json", "{\"name\": \"a\",,",
	  "note: not assessed: package.json: JSON: expected a key at byte 13\n" },
	{ "damaged test data of a package", ROOT "resolve/test/malformed/package.json", "{", "" },
	{ "an array", ROOT "a/package.json", "[]", "note: not assessed: package.json: no object\n" },
	{ "empty", ROOT "a/package.json", "", "note: not assessed: package.json: no object\n" },
};

TEST(package_json)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		facts_check("npm", rows[i].path, str_c(rows[i].text), rows[i].want);
	}
}

/* Every directory of npm's own packages gives one package, whose name is the directory's. */
static unsigned int check_installed(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned int n = 0;

	for (struct dirent *ent; d && (ent = readdir(d));) {
		char path[PATH_MAX];
		auto_buf struct buf b = { 0 };
		auto_facts struct facts facts = { 0 };
		struct err e = { 0 };
		struct rd r;
		struct fact fact;

		if (ent->d_name[0] == '.' || ent->d_name[0] == '@')
			continue;
		snprintf(path, sizeof(path), "%s/%s/package.json", dir, ent->d_name);
		if (file_read(AT_FDCWD, path, 1u << 20, &b, &e) < 0)
			continue;
		OK_ERR(inventory_read_memory(str_c(path + 1), 0644, buf_all(&b), "npm", &facts, NULL, &e), &e);
		EQ_INT(facts.packages, 1);
		r = rd_of(buf_all(&facts.b));
		EQ_INT(facts_next(&r, &fact, &e), 1);
		EQ_STR(fact.package.name, str_c(ent->d_name));
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

TEST(npm_of_this_machine)
{
	unsigned int n = check_installed("/usr/lib/node_modules/npm/node_modules");

	if (!n)
		tap_absent("npm is not installed here");
	printf("# %u packages\n", n);
}
