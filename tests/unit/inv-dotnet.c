/* Unit tests of inventory/dotnet. */
#include "facts_text.h"

static const struct {
	const char *name, *text, *want;
} rows[] = {
	{ "application",
	  "{\"runtimeTarget\": {\"name\": \".NETCoreApp,Version=v6.0\"}, \"targets\": {\".NETCoreApp,Version=v6.0\": {"
	  "\"App/1.0.0\": {\"dependencies\": {\"Newtonsoft.Json\": \"12.0.1\"}}}}, \"libraries\": {"
	  "\"App/1.0.0\": {\"type\": \"project\", \"serviceable\": false, \"sha512\": \"\"},"
	  "\"Newtonsoft.Json/12.0.1\": {\"type\": \"package\", \"serviceable\": true}}}",
	  "nuget Newtonsoft.Json 12.0.1\n" },
	{ "resolved and not shipped",
	  "{\"libraries\": {\"A/1.0\": {\"type\": \"package\"}, \"B/1.0\": {\"type\": \"package\"}, \"C/1.0\": "
	  "{\"type\": "
	  "\"package\"}, \"D/1.0\": {\"type\": \"package\"}, \"E/1.0\": {\"type\": \"package\"}, \"F/1.0\": {\"type\": "
	  "\"package\"}}, \"targets\": {\"other\": {\"A/1.0\": {}}, \"net8.0/linux-x64\": {"
	  "\"A/1.0\": {\"runtime\": {\"lib/net6.0/A.dll\": {}}}, \"B/1.0\": {\"dependencies\": {\"A\": \"1.0\"}}, "
	  "\"C/1.0\": {\"runtime\": {\"lib/net45/_._\": {}}}, \"D/1.0\": {\"native\": {\"libd.so\": {}}}, \"E/1.0\": {"
	  "\"runtimeTargets\": {\"runtimes/linux/e.so\": {}}}}}, \"runtimeTarget\": {\"name\": \"net8.0/linux-x64\"}}",
	  "nuget A 1.0\nnuget D 1.0\nnuget E 1.0\nnuget F 1.0\n" },
	{ "targets without the one that runs",
	  "{\"runtimeTarget\": {\"name\": \"x\"}, \"targets\": {\"y\": {\"A/1.0\": {}}}, \"libraries\": {\"A/1.0\": "
	  "{\"type\": "
	  "\"package\"}}}",
	  "nuget A 1.0\n" },
	{ "with its runtime",
	  "{\"libraries\": {\"runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.1\": {\"type\": "
	  "\"runtimepack\"}}}",
	  "nuget Microsoft.NETCore.App.Runtime.linux-x64 6.0.1\n" },
	{ "a runtime without a name", "{\"libraries\": {\"runtimepack./6.0.1\": {\"type\": \"runtimepack\"}}}",
	  "note: not assessed: a library without a name and a version\n" },
	{ "reference", "{\"libraries\": {\"X/1.0\": {\"type\": \"reference\"}}}", "" },
	{ "no version", "{\"libraries\": {\"X\": {\"type\": \"package\"}, \"Y/2.0\": {\"type\": \"package\"}}}",
	  "note: not assessed: a library without a name and a version\nnuget Y 2.0\n" },
	{ "a library that is no object", "{\"libraries\": {\"X/1\": 1, \"Y/2.0\": {\"type\": \"package\"}}}",
	  "nuget Y 2.0\n" },
	{ "libraries is no object", "{\"libraries\": []}",
	  "note: not assessed: deps.json: \"libraries\" is no object\n" },
	{ "no libraries", "{}", "" },
	{ "damaged", "{\"libraries\": {\"Y/2.0\": {\"type\": \"package\"}",
	  "nuget Y 2.0\nnote: not assessed: deps.json: JSON: cut short at byte 43\n" },
	{ "empty", "", "note: not assessed: deps.json: no object\n" },
};

TEST(deps_json)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		facts_check("dotnet", "app/App.deps.json", str_c(rows[i].text), rows[i].want);
	}
}
