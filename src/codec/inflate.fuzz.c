/* Fuzz target of inflate: whatever the sizes of the pieces, the same bytes or the same refusal. The first two bytes of
 * the input pick the sizes; the rest is the compressed stream. */
#include "base/mem.h"
#include "codec/inflate.h"

#define PLAIN_MAX (1u << 20) /* bytes; enough to pass every decoder's own buffers */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct buf plain;
	bool ok, full;
};

static void unpack(struct str packed, size_t in_step, size_t out_step, struct outcome *o)
{
	auto_free char *out = xmalloc(out_step);
	struct inflate *z = NULL;
	struct err e = { 0 };
	bool end = false;
	size_t used = 0;

	buf_init(&o->plain, PLAIN_MAX);
	if (inflate_new(&z, inflate_probe(packed), &e) < 0)
		abort();
	for (bool failed = false; !end && !failed && !o->full;) {
		struct str in = str_head(str_from(packed, used), in_step);
		bool last = in.n == packed.n - used;
		ssize_t n = 1;

		for (; n > 0 && !end && !o->full;) {
			size_t before = in.n;

			n = inflate_step(z, &in, last, out, out_step, &end, &e);
			used += before - in.n;
			buf_add(&o->plain, out, n > 0 ? (size_t)n : 0);
			o->full = o->plain.full || o->plain.n > PLAIN_MAX - out_step;
		}
		failed = n < 0;
		if (failed && !e.msg[0])
			abort();
		if (!failed && !end && !o->full && (last || in.n)) /* stands still */
			abort();
	}
	o->ok = end;
	inflate_free(z);
}

static void whole_texts(struct str packed)
{
	static int (*const fn[])(struct str, size_t, struct buf *, struct err *) = { inflate_all, inflate_raw,
										     inflate_zlib };

	for (size_t i = 0; i < ARRAY_LEN(fn); i++) {
		struct buf b;
		struct err e = { 0 };

		if (fn[i](packed, 100000, &b, &e) < 0)
			continue;
		if (b.n > 100000)
			abort();
		buf_done(&b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome one = { 0 }, two = { 0 };
	struct str packed;

	if (size < 2)
		return 0;
	packed = str_n(data + 2, size - 2);
	unpack(packed, 1u << 20, 1u << 18, &one);
	unpack(packed, (size_t)data[0] + 1, (size_t)data[1] * 16 + 1, &two);
	if (!one.full && !two.full && one.ok != two.ok)
		abort();
	size_t n = one.plain.n < two.plain.n ? one.plain.n : two.plain.n;
	if (one.ok && two.ok && !str_eq(buf_all(&one.plain), buf_all(&two.plain)))
		abort();
	if ((one.ok || two.ok) && n && memcmp(one.plain.p, two.plain.p, n) != 0)
		abort();
	buf_done(&one.plain);
	buf_done(&two.plain);
	whole_texts(packed);
	return 0;
}
