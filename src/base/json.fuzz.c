/* Any bytes as JSON: every str lies inside the text or the arena, reading ends, and what was quoted reads back. */
#include <assert.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned char sink;

static void touch(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		sink ^= (unsigned char)s.p[i];
}

static void read_value(struct json *j)
{
	struct str s;
	double d;

	switch (json_peek(j)) {
	case JSON_OBJECT:
		json_object(j);
		while (json_key(j, &s)) {
			touch(s);
			if (s.n % 3)
				read_value(j);
		}
		return;
	case JSON_ARRAY:
		json_array(j);
		while (json_next(j))
			read_value(j);
		return;
	case JSON_STRING:
		if (json_str(j, &s))
			touch(s);
		return;
	case JSON_NUMBER:
		json_double(j, &d);
		return;
	case JSON_BOOL:
	case JSON_NULL:
	case JSON_BAD:
		json_skip(j);
	}
}

/* A quoted string is valid JSON, and quoting what it reads as gives the same bytes. */
static void quote_twice(struct str s)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf once, twice;
	struct json j;
	struct str back;

	buf_init(&once, 1 << 24);
	buf_init(&twice, 1 << 24);
	json_quote(&once, s);
	json_init(&j, buf_all(&once), &a);
	assert(json_str(&j, &back));
	assert(json_finish(&j, NULL) == 0);
	json_quote(&twice, back);
	assert(str_eq(buf_all(&once), buf_all(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct str text = str_n(data, size);
	struct json j;
	int r;

	if (size > 1 << 20)
		return 0;
	json_init(&j, text, &a);
	read_value(&j);
	r = json_finish(&j, NULL);
	json_init(&j, text, &a);
	json_skip(&j);
	/* Skipping does not look into escapes, so it may accept more, never less. */
	assert(r < 0 || json_finish(&j, NULL) == 0);
	quote_twice(text);
	return 0;
}
