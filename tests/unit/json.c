/* json: the pull reader against good and bad texts, the writer against exact bytes. */
#include "base/json.h"

#include <unistd.h>

#include "tap.h"

/* Reads a text and writes down what was seen: every value, in order. */
static void describe(struct json *j, struct buf *out)
{
	struct str s;
	bool b, first = true;

	switch (json_peek(j)) {
	case JSON_OBJECT:
		json_object(j);
		buf_char(out, '{');
		while (json_key(j, &s)) {
			buf_fmt(out, "%s" STR_FMT ":", first ? "" : ",", STR_ARG(s));
			first = false;
			describe(j, out);
		}
		buf_char(out, '}');
		return;
	case JSON_ARRAY:
		json_array(j);
		buf_char(out, '[');
		while (json_next(j)) {
			if (!first)
				buf_char(out, ',');
			first = false;
			describe(j, out);
		}
		buf_char(out, ']');
		return;
	case JSON_STRING:
		if (json_str(j, &s))
			buf_fmt(out, "'" STR_FMT "'", STR_ARG(s));
		return;
	case JSON_NUMBER:
		if (json_scalar(j, &s))
			buf_str(out, s);
		return;
	case JSON_BOOL:
		if (json_bool(j, &b))
			buf_char(out, b ? 'T' : 'F');
		return;
	case JSON_NULL:
		json_skip(j);
		buf_char(out, 'N');
		return;
	case JSON_BAD:
		json_skip(j);
	}
}

static const struct {
	const char *text, *seen; /* seen NULL: a syntax error */
} rows[] = {
	{ "{}", "{}" },
	{ " [ ] ", "[]" },
	{ "{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"x\"}}", "{a:1,b:[T,F,N],c:{d:'x'}}" },
	{ "\xef\xbb\xbf{\"a\":1}", "{a:1}" },
	{ "\"\\u0041\\n\\/\\\"\\u00e9\\ud83d\\ude00\"", "'A\n/\"\xc3\xa9\xf0\x9f\x98\x80'" },
	{ "\"\\ud800x\"", "'\xef\xbf\xbdx'" },
	{ "[1,-2.5e+3,0.1,0]", "[1,-2.5e+3,0.1,0]" },
	{ "{\"a\":1,\"a\":2}", "{a:1,a:2}" },
	{ "\"0123456789abcdef0123456789abcdef\\t0123456789abcdef\"",
	  "'0123456789abcdef0123456789abcdef\t0123456789abcdef'" },
	{ "", NULL },
	{ "{", NULL },
	{ "[", NULL },
	{ "[1,]", NULL },
	{ "[,1]", NULL },
	{ "[1 2]", NULL },
	{ "{\"a\"}", NULL },
	{ "{\"a\":}", NULL },
	{ "{\"a\":1,}", NULL },
	{ "{a:1}", NULL },
	{ "{1:1}", NULL },
	{ "[1}", NULL },
	{ "{\"a\":1]", NULL },
	{ "01", NULL },
	{ "1.", NULL },
	{ ".5", NULL },
	{ "1e", NULL },
	{ "+1", NULL },
	{ "tru", NULL },
	{ "nul", NULL },
	{ "\"a", NULL },
	{ "\"a\\", NULL },
	{ "\"\\x\"", NULL },
	{ "\"\\u12\"", NULL },
	{ "\"a\nb\"", NULL },
	{ "[] []", NULL },
	{ "1 x", NULL },
};

TEST(reader)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		auto_buf struct buf seen;
		struct json j;
		struct err e = { 0 };
		int r;

		row("%s", rows[i].text);
		buf_init(&seen, 1000);
		json_init(&j, str_c(rows[i].text), &a);
		describe(&j, &seen);
		r = json_finish(&j, &e);
		EQ_INT(r, rows[i].seen ? 0 : -EBADMSG);
		if (rows[i].seen)
			EQ_STR(buf_all(&seen), str_c(rows[i].seen));
		else
			OK(str_starts(str_c(e.msg), STR("JSON: ")));
		/* Passing over a text must judge it as reading it does, escapes apart, which only reading looks into.
		 */
		json_init(&j, str_c(rows[i].text), &a);
		json_skip(&j);
		if (str_find(str_c(rows[i].text), '\\') < 0)
			EQ_INT(json_finish(&j, &e), r);
	}
}

TEST(reader_is_lenient_about_shape)
{
	static const char text[] =
		"{\"skip\":{\"a\":[1,{\"b\":2}]},\"n\":\"text\",\"s\":5,\"list\":{\"x\":1},\"last\":7}";
	auto_arena struct arena a = { 0 };
	struct json j;
	struct err e = { 0 };
	struct str key, s = STR("untouched");
	uint64_t n = 99, last = 0;

	json_init(&j, str_c(text), &a);
	OK(json_object(&j));
	while (json_key(&j, &key)) {
		if (str_is(key, "n"))
			OK(!json_u64(&j, &n));
		else if (str_is(key, "s"))
			OK(!json_str(&j, &s));
		else if (str_is(key, "list"))
			OK(!json_array(&j));
		else if (str_is(key, "last"))
			OK(json_u64(&j, &last));
	}
	OK_ERR(json_finish(&j, &e), &e);
	EQ_INT(n, 99);
	EQ_INT(last, 7);
	EQ_STR(s, STR("untouched"));

	row("leaving a container early");
	json_init(&j, STR("[{\"a\":[1,2,3],\"b\":4},5]"), &a);
	OK(json_array(&j) && json_next(&j) && json_object(&j) && json_key(&j, &key) && json_array(&j) && json_next(&j));
	json_leave(&j);
	json_leave(&j);
	OK(json_next(&j) && json_u64(&j, &n) && n == 5 && !json_next(&j));
	OK_ERR(json_finish(&j, &e), &e);

	row("raw");
	json_init(&j, STR("[ {\"a\": [1]} , 2]"), &a);
	OK(json_array(&j) && json_next(&j));
	EQ_STR(json_raw(&j), STR("{\"a\": [1]}"));
}

TEST(depth)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b;
	struct json j;
	struct err e = { 0 };

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 100000; i++)
		buf_char(&b, '[');
	json_init(&j, buf_all(&b), &a);
	json_skip(&j);
	EQ_INT(json_finish(&j, &e), -EBADMSG);
	EQ_Z(e.msg, "JSON: nested too deeply at byte 64");
}

TEST(writer)
{
	char name[] = "/tmp/yagura-json-XXXXXX";
	auto_close int fd = mkstemp(name);
	auto_buf struct buf got = { 0 };
	struct json_out w;
	struct out o;
	struct err e = { 0 };

	unlink(name);
	out_init(&o, fd);
	json_out_init(&w, &o);
	json_out_object(&w);
	json_out_key_str(&w, "s", STR("q\"\\\n\x01\xc3\xa9\xff\xed\xa0\x80"));
	json_out_key_opt(&w, "none", STR(""));
	json_out_key(&w, "list");
	json_out_array(&w);
	json_out_u64(&w, 18446744073709551615ull);
	json_out_double(&w, 9.8, 1);
	json_out_bool(&w, true);
	json_out_null(&w);
	json_out_end_array(&w);
	json_out_key(&w, "empty");
	json_out_object(&w);
	json_out_end_object(&w);
	json_out_key(&w, "document");
	json_out_document(&w, STR("{\n  \"x\": 1\n}"));
	json_out_end_object(&w);
	EQ_INT(out_finish(&o), 0);
	EQ_INT(lseek(fd, 0, SEEK_SET), 0);
	OK_ERR(fd_read_all(fd, 1000, &got, &e), &e);
	EQ_STR(buf_all(&got),
	       STR("{\n  \"s\": \"q\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\n"
		   "  \"list\": [\n    18446744073709551615,\n    9.8,\n    true,\n    null\n  ],\n  \"empty\": "
		   "{},\n  \"document\": {\n    \"x\": 1\n  }\n}\n"));
}

static void two_blanks(struct json_out *w)
{
	json_out_object(w);
	json_out_key(w, "a");
	json_out_blank(w);
	json_out_key(w, "in\x01");
	json_out_object(w);
	json_out_key(w, "b");
	json_out_blank(w);
	json_out_end_object(w);
	json_out_end_object(w);
}

/* What a form gives is what the plain functions give. */
TEST(form)
{
	struct json_form f;
	struct json_out w;
	struct out o;

	out_init(&o, -1);
	json_out_init(&w, &o);
	json_out_array(&w);
	json_form_init(&f, &w, two_blanks);
	for (unsigned int i = 0; i < 2; i++) {
		json_form_next(&f, &w);
		json_out_u64(&w, i);
		json_form_next(&f, &w);
		json_out_or_null(&w, i ? STR("x") : STR(""));
		json_form_next(&f, &w);
	}
	json_out_end_array(&w);
	json_form_done(&f);
	EQ_STR(buf_all(&o.b), STR("[\n  {\n    \"a\": 0,\n    \"in\\u0001\": {\n      \"b\": null\n    }\n  },\n"
				  "  {\n    \"a\": 1,\n    \"in\\u0001\": {\n      \"b\": \"x\"\n    }\n  }\n]\n"));
	buf_done(&o.b);
}
