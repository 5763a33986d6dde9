/* Unit tests of inventory/python. */
#include "facts_text.h"

#include <fcntl.h>
#include <glob.h>

#include "base/fd.h"
#include "zip_make.h"

#define SITE "usr/lib/python3.11/site-packages/"

static const struct {
	const char *name, *path, *text, *want;
} rows[] = {
	{ "dist-info", SITE "requests-2.31.0.dist-info/METADATA",
	  "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nLicense: Apache 2.0\n\nName: not this\n",
	  "pypi requests 2.31.0 [Apache 2.0]\n" },
	{ "name is kept as written", SITE "x.dist-info/METADATA", "Name: Zope.Interface_x\nVersion: 5.0\n",
	  "pypi Zope.Interface_x 5.0\n" },
	{ "line ends of Windows", SITE "x.dist-info/METADATA", "Name: a\r\nVersion: 1\r\n\r\nVersion: 2\r\n",
	  "pypi a 1\n" },
	{ "unknown licence, classifier", SITE "x.egg-info/PKG-INFO",
	  "Name: a\nVersion: 1\nLicense: UNKNOWN\nClassifier: License :: OSI Approved\n"
	  "Classifier: License :: OSI Approved :: BSD License\n",
	  "pypi a 1 [BSD License]\n" },
	{ "licence expression before licence", SITE "x.dist-info/METADATA",
	  "Name: a\nVersion: 1\nLicense: long\n  text\nLicense-Expression: MIT OR BSD-3-Clause\n",
	  "pypi a 1 [MIT OR BSD-3-Clause]\n" },
	{ "continuation that looks like a field", SITE "x.dist-info/METADATA",
	  "License: text\n Name: wrong\n\tVersion: wrong\nName: a\nVersion: 1\n", "pypi a 1 [text]\n" },
	{ "egg-info file", SITE "a-1.egg-info", "Name: a\nVersion: 1.0.post1\n", "pypi a 1.0.post1\n" },
	{ "no name", SITE "x.dist-info/METADATA", "Version: 1\n",
	  "note: not assessed: Python metadata without a name\n" },
	{ "no version", SITE "x.dist-info/METADATA", "Name: a\n",
	  "note: not assessed: Python package a: no version\n" },
	{ "empty", SITE "x.dist-info/METADATA", "", "note: not assessed: Python metadata without a name\n" },
	{ "name with a space", SITE "x.dist-info/METADATA", "Name: a b\nVersion: 1\n",
	  "note: not assessed: Python metadata without a name\n" },
};

TEST(metadata)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		facts_check("python", rows[i].path, str_c(rows[i].text), rows[i].want);
	}
}

/* A header of ordinary size is all that is asked for; a longer one is read to its end. */
TEST(long_files)
{
	auto_buf struct buf b = { 0 };

	buf_init(&b, 1u << 22);
	row("long description");
	buf_str(&b, STR("Name: a\nVersion: 1\n\n"));
	for (unsigned int i = 0; i < 50000; i++)
		buf_str(&b, STR("line of the description\n"));
	facts_check("python", SITE "a-1.dist-info/METADATA", buf_all(&b), "pypi a 1\n");

	row("long header");
	buf_clear(&b);
	for (unsigned int i = 0; i < 5000; i++)
		buf_str(&b, STR("Requires-Dist: something-with-a-name\n"));
	buf_str(&b, STR("Name: a\nVersion: 1\n"));
	auto_facts struct facts facts = { 0 };
	struct err e = { 0 };
	OK_ERR(inventory_read_memory(STR(SITE "a-1.dist-info/METADATA"), 0644, buf_all(&b), "python", &facts, NULL, &e),
	       &e);
	EQ_INT(facts.packages, 1);
}

TEST(eggs)
{
	static const struct {
		const char *name, *member, *text, *want;
	} eggs[] = {
		{ "metadata", "EGG-INFO/PKG-INFO", "Name: a\nVersion: 1.0\n\nName: b\n", "pypi a 1.0\n" },
		{ "no name", "EGG-INFO/PKG-INFO", "Version: 1.0\n",
		  "note: not assessed: Python metadata without a name\n" },
		{ "some other archive", "a.txt", "Name: a\nVersion: 1.0\n", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(eggs); i++) {
		struct zip_make z;

		row("%s", eggs[i].name);
		zip_make_init(&z);
		zip_make_add(&z, "a/__init__.py", STR("pass"));
		zip_make_add(&z, eggs[i].member, str_c(eggs[i].text));
		zip_make_end(&z, STR(""));
		facts_check("egg", SITE "a-1.0-py2.7.egg", buf_all(&z.out), eggs[i].want);
		zip_make_done(&z);
	}
	row("no archive");
	facts_check("egg", SITE "bird.egg", STR("yellow"), "");
}

/* Every installed distribution of this machine is one package, named like its directory. */
TEST(python_of_this_machine)
{
	glob_t found;
	unsigned int n = 0;

	if (glob("/usr/lib/python3*/*-packages/*.dist-info/METADATA", 0, NULL, &found) != 0) {
		tap_absent("no Python packages are installed here");
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		auto_buf struct buf b = { 0 };
		auto_facts struct facts facts = { 0 };
		struct err e = { 0 };
		struct str path = str_c(found.gl_pathv[i] + 1);
		struct rd r;
		struct fact fact;

		OK_ERR(file_read(AT_FDCWD, found.gl_pathv[i], 1u << 22, &b, &e), &e);
		OK(analyzers_for_path(path) & 1ull << analyzer_named(STR("python")));
		OK_ERR(inventory_read_memory(path, 0644, buf_all(&b), "python", &facts, NULL, &e), &e);
		EQ_INT(facts.packages, 1);
		r = rd_of(buf_all(&facts.b));
		if (facts_next(&r, &fact, &e) != 1)
			continue;
		/* NAME-VERSION.dist-info: the name may be spelt in another way, the version not. */
		OK(str_find_str(path, fact.package.version) > 0);
		n++;
	}
	printf("# %u packages\n", n);
	globfree(&found);
}
