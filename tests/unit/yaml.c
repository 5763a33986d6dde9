/* YAML as JSON: what is taken becomes the same value, what is not of one meaning is refused with its line. */
#include "codec/yaml.h"

#include "tap.h"

static const struct {
	const char *name, *text, *json; /* or, where it begins with '!', what the error says */
} rows[] = {
	{ "empty", "", "null" },
	{ "comment alone", "# x\n", "null" },
	{ "scalar", "x", "\"x\"" },
	{ "mapping", "a: 1\nb: x y\n", "{\"a\":1,\"b\":\"x y\"}" },
	{ "sequence", "- a\n- 2\n-\n", "[\"a\",2,null]" },
	{ "nested", "a:\n- b: { c: [1, 2] }\n- d\n", "{\"a\":[{\"b\":{\"c\":[1,2]}},\"d\"]}" },
	{ "flow", "{ a: [], b: {} }", "{\"a\":[],\"b\":{}}" },
	{ "JSON is YAML", "{\"a\": [1, true, null, \"x\"]}", "{\"a\":[1,true,null,\"x\"]}" },
	{ "words", "[true, True, FALSE, ~, null]", "[true,true,false,null,null]" },
	{ "quoted words", "['true', \"null\", '1', \"\"]", "[\"true\",\"null\",\"1\",\"\"]" },
	{ "numbers", "[0, -1, 1.5, 1e3, 1.5E-3]", "[0,-1,1.5,1e3,1.5E-3]" },
	{ "texts that begin like numbers", "[1.2.3, 10.0.0.1, 2026-01-01, 1Gi, 10m, -, 0.0.0.0/0, 12:30]",
	  "[\"1.2.3\",\"10.0.0.1\",\"2026-01-01\",\"1Gi\",\"10m\",\"-\",\"0.0.0.0/0\",\"12:30\"]" },
	{ "a number as key", "1: a", "{\"1\":\"a\"}" },
	{ "literal block", "a: |\n  x\n  y\nb: >\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\\n\"}" },
	{ "literal that looks like a number", "a: |-\n  0755\n", "{\"a\":\"0755\"}" },
	{ "document marks", "---\na: 1\n...\n", "{\"a\":1}" },
	{ "escapes", "\"\\u00e9\\t\\\"\"", "\"\xc3\xa9\\t\\\"\"" },
	{ "same key in two mappings", "[{a: 1}, {a: 2}]", "[{\"a\":1},{\"a\":2}]" },

	{ "alias", "a: &x 1\nb: *x\n", "!line 1: 1: anchors and tags are not taken" },
	{ "alias alone", "[*x]", "!line 1: aliases are not taken" },
	{ "anchor of a mapping", "a: &x\n  b: 1\n", "!line 1: anchors and tags are not taken" },
	{ "anchor of a sequence", "a: &x [1]\n", "!line 1: anchors and tags are not taken" },
	{ "tag", "a: !!str 1", "!line 1: 1: anchors and tags are not taken" },
	{ "local tag", "a: !x {}", "!line 1: anchors and tags are not taken" },
	{ "merge key", "a:\n  <<: {b: 1}\n", "!line 2: <<: merge keys are not taken" },
	{ "twice", "a: 1\nb: 2\na: 3\n", "!line 3: a: given twice" },
	{ "twice, quoted", "a: 1\n\"a\": 3\n", "!line 2: a: given twice" },
	{ "mapping as key", "? {a: 1}\n: 2\n", "!line 1: a key must be one word or text" },
	{ "sequence as key", "[a]: 2\n", "!line 1: a key must be one word or text" },
	{ "two documents", "a: 1\n---\nb: 1\n", "!line 2: a second document: one is taken" },
	{ "yes", "a: yes", "!line 1: yes: not every reader" },
	{ "Off", "a: Off", "!line 1: Off: not every reader" },
	{ "tRue", "a: tRue", "!line 1: tRue: not every reader" },
	{ "octal", "a: 0755", "!line 1: 0755: not every reader" },
	{ "hexadecimal", "a: 0x1F", "!line 1: 0x1F: not every reader" },
	{ "new octal", "a: 0o17", "!line 1: 0o17: not every reader" },
	{ "underscores", "a: 1_000", "!line 1: 1_000: not every reader" },
	{ "plus", "a: +1", "!line 1: +1: not every reader" },
	{ "point first", "a: .5", "!line 1: .5: not every reader" },
	{ "point last", "a: 5.", "!line 1: 5.: not every reader" },
	{ "power behind a point", "a: +1.e5", "!line 1: +1.e5: not every reader" },
	{ "no number to anybody", "[0xZZ, 00x1, 1e, 1e+, _1, 1.2.3e4]",
	  "[\"0xZZ\",\"00x1\",\"1e\",\"1e+\",\"_1\",\"1.2.3e4\"]" },
	{ "infinity", "a: -.inf", "!line 1: -.inf: not every reader" },
	{ "tab", "a:\n\tb: 1\n", "!line 2: " },
	{ "unclosed", "a: [1, 2\n", "!line 2: " },
	{ "no UTF-8", "a: \"\xff\"", "!line 1: " },
	{ "NUL", "a: \"\\0\"", "!line 1: has a NUL inside" },
};

TEST(conversion)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf out = { 0 };
		struct err e = { 0 };
		int r = yaml_to_json(str_c(rows[i].text), &out, &e);

		row("%s", rows[i].name);
		if (*rows[i].json == '!') {
			EQ_INT(r, -EBADMSG);
			EQ_STR(str_head(str_c(e.msg), strlen(rows[i].json) - 1), str_c(rows[i].json + 1));
		} else if (OK_ERR(r, &e)) {
			EQ_STR(buf_all(&out), str_c(rows[i].json));
		}
	}
}

TEST(limits)
{
	auto_buf struct buf text, out = { 0 };
	struct err e;

	buf_init(&text, 4u << 20);
	row("deepest");
	for (int i = 0; i < YAML_NESTING_MAX; i++)
		buf_char(&text, '[');
	for (int i = 0; i < YAML_NESTING_MAX; i++)
		buf_char(&text, ']');
	OK_ERR(yaml_to_json(buf_all(&text), &out, &e), &e);
	row("too deep");
	buf_clear(&text);
	for (int i = 0; i <= YAML_NESTING_MAX; i++)
		buf_char(&text, '[');
	EQ_INT(yaml_to_json(buf_all(&text), &out, &e), -E2BIG);
	row("too many values");
	buf_clear(&text);
	for (unsigned int i = 0; i <= YAML_NODES_MAX; i++)
		buf_str(&text, STR("- 1\n"));
	EQ_INT(yaml_to_json(buf_all(&text), &out, &e), -E2BIG);
	row("too long");
	buf_clear(&text);
	while (text.n <= YAML_BYTES_MAX)
		buf_str(&text, STR("# a comment\n"));
	EQ_INT(yaml_to_json(buf_all(&text), &out, &e), -E2BIG);
}
