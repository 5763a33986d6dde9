/* Image configs: diff ids, history, and where the base image is thought to end. */
#include "image/config.h"

#include "tap.h"

#define DIFF "\"sha256:1111111111111111111111111111111111111111111111111111111111111111\""
#define HAS(diffs, history)                                                                                            \
	"{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[" diffs "]},\"history\":[" history "]" \
	"}"
#define STEP(what) "{\"created_by\":\"" what "\"}"
#define EMPTY(what) "{\"created_by\":\"" what "\",\"empty_layer\":true}"
#define NOP "/bin/sh -c #(nop)  "

static const struct {
	const char *name, *text;
	size_t layers;
	int result;
	size_t base;
	const char *last; /* created_by of the topmost layer */
} rows[] = {
	{ "no history", HAS(DIFF, ""), 1, 0, 0, "" },
	{ "one layer", HAS(DIFF, STEP("ADD x")), 1, 0, 0, "ADD x" },
	{ "a base by itself", HAS(DIFF, STEP("ADD x") "," EMPTY("CMD [sh]")), 1, 0, 0, "ADD x" },
	{ "a layer above a base", HAS(DIFF "," DIFF, STEP("ADD x") "," EMPTY(NOP "CMD [sh]") "," STEP("RUN y")), 2, 0,
	  1, "RUN y" },
	{ "with a command of its own",
	  HAS(DIFF "," DIFF,
	      STEP("ADD x") "," EMPTY("CMD [sh]") "," STEP("RUN y") "," EMPTY("ENTRYPOINT [z]") "," EMPTY("CMD [z]")),
	  2, 0, 1, "RUN y" },
	{ "a base with an entry point",
	  HAS(DIFF "," DIFF "," DIFF,
	      STEP("ADD x") "," EMPTY("CMD [sh]") "," STEP("COPY e") "," EMPTY("ENTRYPOINT [e]") "," STEP("RUN y")),
	  3, 0, 2, "RUN y" },
	{ "a word that only begins so", HAS(DIFF "," DIFF, STEP("ADD x") "," EMPTY("CMDLINE") "," STEP("RUN y")), 2, 0,
	  0, "RUN y" },
	{ "a CMD with a layer", HAS(DIFF "," DIFF, STEP("CMD x") "," STEP("RUN y")), 2, 0, 0, "RUN y" },
	{ "history too short", HAS(DIFF "," DIFF, STEP("ADD x")), 2, 0, 0, "" },
	{ "history too long", HAS(DIFF, STEP("ADD x") "," STEP("RUN y")), 1, 0, 0, "" },
	{ "fewer diff ids", HAS(DIFF, ""), 2, -EBADMSG, 0, "" },
	{ "more diff ids", HAS(DIFF "," DIFF, ""), 1, -EBADMSG, 0, "" },
	{ "no rootfs", "{}", 1, -EBADMSG, 0, "" },
	{ "nothing and no layers", "{}", 0, 0, 0, NULL },
	{ "a diff id of another kind", HAS("\"md5:00\"", ""), 1, -EBADMSG, 0, "" },
	{ "a diff id that is a number", HAS("7", ""), 1, -EBADMSG, 0, "" },
	{ "history that is a text", "{\"history\":\"x\"}", 0, -EBADMSG, 0, NULL },
	{ "empty_layer that is a text", "{\"history\":[{\"empty_layer\":\"true\"}]}", 0, -EBADMSG, 0, NULL },
	{ "cut short", "{\"rootfs\":{\"diff_ids\":[" DIFF, 1, -EBADMSG, 0, "" },
	{ "an array", "[]", 0, -EBADMSG, 0, NULL },
};

static size_t base_layers(const struct image_info *info)
{
	size_t n = 0;

	for (size_t i = 0; i < info->layers.n; i++) {
		OK(info->layers.v[i].base == info->layers.v[i].base_inferred);
		n += info->layers.v[i].base;
	}
	return n;
}

TEST(configs)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct image_info info = { 0 };
		auto_config struct config c = { 0 };
		struct err e = { 0 };
		int r;

		row("%s", rows[i].name);
		for (size_t k = 0; k < rows[i].layers; k++)
			(void)vec_add(&info.layers);
		r = config_parse(str_c(rows[i].text), &info.arena, &c, &e);
		if (r >= 0)
			r = config_apply(&c, &info, &e);
		EQ_INT(r, rows[i].result);
		EQ_INT(base_layers(&info), rows[i].base);
		if (info.layers.n)
			EQ_STR(info.layers.v[info.layers.n - 1].created_by, str_c(rows[i].last));
		image_info_done(&info);
	}
}

TEST(the_message_counts)
{
	struct image_info info = { 0 };
	auto_config struct config c = { 0 };
	struct err e = { 0 };

	(void)vec_add(&info.layers);
	(void)vec_add(&info.layers);
	OK_ERR(config_parse(STR(HAS(DIFF, "")), &info.arena, &c, &e), &e);
	EQ_INT(config_apply(&c, &info, &e), -EBADMSG);
	EQ_Z(e.msg, "it lists 1 diff id for 2 layers");
	image_info_done(&info);
}

TEST(base_name_from_label)
{
	struct image_info info = { 0 };
	auto_config struct config c = { 0 };
	struct err e = { 0 };

	OK_ERR(config_parse(STR("{\"config\":{\"Labels\":{\"org.opencontainers.image.base.name\":\"debian:12\"}}}"),
			    &info.arena, &c, &e),
	       &e);
	OK_ERR(config_apply(&c, &info, &e), &e);
	EQ_STR(info.base_name, STR("debian:12"));
	image_info_done(&info);
}

TEST(how_a_container_is_started)
{
	static const char text[] =
		"{\"rootfs\":{\"diff_ids\":[]},\"config\":{\"User\":\"1:2\",\"WorkingDir\":\"/"
		"w\",\"StopSignal\":\"SIGINT\","
		"\"Entrypoint\":[\"/e\"],\"Cmd\":[\"a\",\"b\"],\"Env\":[\"A=1\"],\"ExposedPorts\":{\"80/tcp\":{}}}}";
	struct image_info info = { 0 };
	auto_config struct config c = { 0 };
	struct err e = { 0 };

	OK_ERR(config_parse(str_c(text), &info.arena, &c, &e), &e);
	OK_ERR(config_apply(&c, &info, &e), &e);
	EQ_STR(info.start.user, STR("1:2"));
	EQ_STR(info.start.directory, STR("/w"));
	EQ_STR(info.start.stop_signal, STR("SIGINT"));
	EQ_INT(info.start.entrypoint.n, 1);
	EQ_STR(info.start.entrypoint.v[0], STR("/e"));
	EQ_INT(info.start.command.n, 2);
	EQ_STR(info.start.command.v[1], STR("b"));
	EQ_INT(info.start.env.n, 1);
	image_info_done(&info);
}
