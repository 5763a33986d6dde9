/* Unit tests of inventory/composer. */
#include "facts_text.h"

static const struct {
	const char *name, *text, *want;
} rows[] = {
	{ "version 2",
	  "{\"packages\": [{\"name\": \"monolog/monolog\", \"version\": \"2.9.1\", \"version_normalized\": \"2.9.1.0\","
	  "\"license\": [\"MIT\"]}, {\"name\": \"symfony/yaml\", \"version\": \"v5.4.3\"}], \"dev\": true}",
	  "composer monolog/monolog 2.9.1 [MIT]\ncomposer symfony/yaml v5.4.3\n" },
	{ "version 1", "[{\"name\": \"a/b\", \"version\": \"dev-master\", \"license\": [\"MIT\", \"GPL-2.0\"]}]",
	  "composer a/b dev-master [MIT OR GPL-2.0]\n" },
	{ "no packages", "{\"packages\": []}", "" },
	{ "one without a version", "[{\"name\": \"a/b\"}, {\"name\": \"c/d\", \"version\": \"1.0\"}]",
	  "note: not assessed: package a/b without a name or a version\ncomposer c/d 1.0\n" },
	{ "elements of other kinds", "[1, null, \"x\", {\"name\": \"c/d\", \"version\": \"1.0\"}]",
	  "composer c/d 1.0\n" },
	{ "packages is no array", "{\"packages\": 1}",
	  "note: not assessed: installed.json: \"packages\" is no array\n" },
	{ "cut short", "[{\"name\": \"a/b\", \"version\": \"1.0\"}, {\"name\"",
	  "composer a/b 1.0\nnote: not assessed: installed.json: JSON: expected a colon at byte 43\n" },
};

TEST(installed_json)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		facts_check("composer", "app/vendor/composer/installed.json", str_c(rows[i].text), rows[i].want);
	}
}
