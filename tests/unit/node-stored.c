/* Records of images and settings: what is taken, and why the rest is not. */
#include "node/stored.h"
#include "node/settings.h"

#include "tap.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LAYER "{\"root\":\"" HEX "\",\"bytes\":8192}"
#define R(name, layers, more) "{\"version\":1,\"name\":\"" name "\",\"layers\":[" layers "]" more "}"

static const struct {
	const char *text, *why;
} records[] = {
	{ R("demo/web:1", LAYER, ""), NULL },
	{ R("demo/web", LAYER "," LAYER, ",\"env\":[\"A=\"],\"directory\":\"/x\",\"user\":\"1:2\""), NULL },
	{ "{}", "version: must be 1" },
	{ "{\"version\":2}", "version" },
	{ R("", LAYER, ""), "is no name of an image" },
	{ R("../etc", LAYER, ""), "is no name of an image" },
	{ R("a//b", LAYER, ""), "is no name of an image" },
	{ R("a b", LAYER, ""), "is no name of an image" },
	{ R("a", "", ""), "layers: is missing" },
	{ R("a", "{\"bytes\":4096}", ""), "layers[0]: root and bytes" },
	{ R("a", "{\"root\":\"" HEX "\"}", ""), "layers[0]: root and bytes" },
	{ R("a", "{\"root\":\"" HEX "\",\"bytes\":4097}", ""), "layers[0].bytes: must be a multiple" },
	{ R("a", "{\"root\":\"" HEX "0\",\"bytes\":4096}", ""), "layers[0].root: must be 64" },
	{ R("a", LAYER, ",\"env\":[\"A\"]"), "env[0]" },
	{ R("a", LAYER, ",\"directory\":\"x\""), "directory: must be absolute" },
	{ R("a", LAYER, ",\"labels\":{}"), "\"labels\" is not known" },
};

TEST(records)
{
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		auto_arena struct arena a = { 0 };
		struct err e = { 0 };
		struct stored r;
		int result = stored_parse(str_c(records[i].text), &a, &r, &e);

		row("%s", records[i].why ? records[i].why : records[i].text);
		if (!records[i].why)
			OK_ERR(result, &e);
		else if (!OK(result < 0) || !OK(strstr(e.msg, records[i].why)))
			printf("# %s\n", e.msg);
	}
}

static const struct {
	const char *text, *why;
} settings[] = {
	{ "{\"version\":1}", NULL },
	{ "{\"version\":1,\"hostname\":\"a\",\"dns\":[\"10.0.0.1\"],\"hosts\":[{\"name\":\"b\",\"address\":\"10.0.0."
	  "2\"}]}",
	  NULL },
	{ "{}", "version: must be 1" },
	{ "{\"version\":1,\"hostname\":\"A B\"}", "hostname: must be" },
	{ "{\"version\":1,\"hostname\":\"a\\nb\"}", "hostname: must be" },
	{ "{\"version\":1,\"dns\":[\"::1\"]}", "dns[0]: \"::1\" is no IPv4" },
	{ "{\"version\":1,\"dns\":[\"10.0.0.1\",\"10.0.0.1\",\"10.0.0.1\",\"10.0.0.1\",\"10.0.0.1\",\"10.0.0.1\",\"10."
	  "0.0.1\",\"10.0.0.1\",\"10.0.0.1\"]}",
	  "dns: more than 8" },
	{ "{\"version\":1,\"hosts\":[{\"name\":\"b\"}]}", "hosts[0]: name and address" },
	{ "{\"version\":1,\"sysctl\":{}}", "\"sysctl\" is not known" },
};

TEST(what_may_be_set)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		auto_arena struct arena a = { 0 };
		struct err e = { 0 };
		struct settings s;
		int r = settings_parse(str_c(settings[i].text), &a, &s, &e);

		row("%s", settings[i].why ? settings[i].why : settings[i].text);
		if (!settings[i].why)
			OK_ERR(r, &e);
		else if (!OK(r < 0) || !OK(strstr(e.msg, settings[i].why)))
			printf("# %s\n", e.msg);
	}
}
