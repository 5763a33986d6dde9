/* manifest: read, refused, written. */
#include "node/manifest.h"

#include "tap.h"

#define D "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "{\"version\":1,\"name\":\"demo\",\"release\":\"1.0\",\"epoch\":3,"
#define KERNEL "\"kernel\":{\"digest\":\"" D "\",\"size\":10,\"sealed\":false},"
#define LINE "\"command_line\":\"console=ttyS0 dm-mod.create=\\\"x\\\"\","
#define ROOT "\"root\":{\"hash\":\"" D "\",\"image\":\"" D "\",\"size\":4096}}"

TEST(parse)
{
	static const struct {
		const char *name, *text;
		int result;
	} rows[] = {
		{ "whole", HEAD KERNEL LINE ROOT, 0 },
		{ "another version", "{\"version\":2,\"name\":\"demo\",\"release\":\"1\",\"epoch\":3," KERNEL LINE ROOT,
		  -EBADMSG },
		{ "no version", "{\"name\":\"demo\",\"release\":\"1\",\"epoch\":3," KERNEL LINE ROOT, -EBADMSG },
		{ "no kernel", HEAD LINE ROOT, -EBADMSG },
		{ "no line", HEAD KERNEL ROOT, -EBADMSG },
		{ "a member nobody knows", HEAD "\"more\":1," KERNEL LINE ROOT, -EBADMSG },
		{ "a member twice", HEAD LINE KERNEL LINE ROOT, -EBADMSG },
		{ "a line's end in the line", HEAD KERNEL "\"command_line\":\"a\\nb\"," ROOT, -EBADMSG },
		{ "no digest", HEAD "\"kernel\":{\"digest\":\"md5:00\",\"size\":10,\"sealed\":false}," LINE ROOT,
		  -EBADMSG },
		{ "something behind it", HEAD KERNEL LINE ROOT "x", -EBADMSG },
		{ "nothing", "", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		struct node_manifest m;
		struct err e = { 0 };

		row("%s", rows[i].name);
		EQ_INT(node_manifest_parse(str_c(rows[i].text), &a, &m, &e), rows[i].result);
		if (rows[i].result < 0) {
			OK(e.msg[0]);
			continue;
		}
		EQ_Z(m.name, "demo");
		EQ_INT(m.epoch, 3);
		EQ_Z(m.command_line, "console=ttyS0 dm-mod.create=\"x\"");
		EQ_INT(m.root.size_bytes, 4096);
	}
}

TEST(write)
{
	auto_arena struct arena a = { 0 };
	struct out once, twice;
	struct node_manifest m, again;
	struct err e = { 0 };

	OK_ERR(node_manifest_parse(STR(HEAD KERNEL LINE ROOT), &a, &m, &e), &e);
	out_init(&once, -1);
	out_init(&twice, -1);
	node_manifest_write(&m, &once);
	OK_ERR(node_manifest_parse(buf_all(&once.b), &a, &again, &e), &e);
	node_manifest_write(&again, &twice);
	EQ_STR(buf_all(&once.b), buf_all(&twice.b));
	OK(out_finish(&once) == 0 && out_finish(&twice) == 0);
}
