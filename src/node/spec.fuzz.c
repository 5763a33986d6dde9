/* Any text as a specification, as YAML and as JSON: what is read is written, read again, and written the same. */
#include <assert.h>

#include "codec/yaml.h"
#include "node/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write(const struct spec *s, struct buf *ret)
{
	struct out o;

	out_init(&o, -1);
	spec_write(s, &o);
	*ret = o.b;
	o.b = (struct buf){ 0 };
}

static void round_trip(struct str json)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf first = { 0 }, second = { 0 };
	struct spec s, again;
	struct err e = { 0 };

	if (spec_parse(json, &a, &s, &e) < 0) {
		assert(*e.msg);
		return;
	}
	write(&s, &first);
	if (first.n > SPEC_BYTES_MAX)
		return;
	assert(spec_parse(buf_all(&first), &a, &again, &e) == 0);
	write(&again, &second);
	assert(str_eq(buf_all(&first), buf_all(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf json = { 0 };

	round_trip(str_n(data, size));
	if (yaml_to_json(str_n(data, size), &json, NULL) == 0)
		round_trip(buf_all(&json));
	return 0;
}
