/* A tar stream as a file system: it fails with a reason, or every byte lies inside the size that is told. */
#include <assert.h>

#include "layer/erofs.h"

struct image {
	uint64_t end;
};

static int take(void *ctx, uint64_t offset, const void *p, size_t n, struct err *e)
{
	struct image *image = ctx;
	volatile uint8_t touched = 0;

	(void)e;
	for (size_t i = 0; i < n; i++)
		touched = touched ^ ((const uint8_t *)p)[i];
	if (offset + n > image->end)
		image->end = offset + n;
	return 0;
}

static int event(struct erofs *w, struct tar *t, int what, bool *wanted, struct err *e)
{
	int r = 0;

	if (what == TAR_ENTRY) {
		r = erofs_entry(w, &t->entry, e);
		*wanted = r > 0;
		if (!*wanted)
			tar_skip(t);
	} else if (what == TAR_DATA && *wanted) {
		r = erofs_data(w, t->data_offset, (const uint8_t *)t->data.p, t->data.n, e);
	} else if (what == TAR_ENTRY_END && *wanted) {
		*wanted = false;
		r = erofs_end(w, e);
	}
	return r < 0 ? r : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image = { 0 };
	struct erofs_sink sink = { &image, take };
	struct erofs *w = erofs_new(&sink);
	struct str in = str_n(data, size);
	struct err e = { 0 };
	bool wanted = false;
	uint64_t bytes;
	struct tar t;
	int r = 0, what = 0;

	tar_init(&t);
	while (r == 0 && (what = tar_step(&t, &in, &e)) > TAR_MORE && what != TAR_END)
		r = event(w, &t, what, &wanted, &e);
	if (r == 0 && what >= 0 && !wanted && erofs_finish(w, &bytes, &e) == 0)
		assert(bytes % 4096 == 0 && image.end <= bytes);
	else
		assert(r == 0 || e.msg[0]);
	tar_done(&t);
	erofs_free(w);
	return 0;
}
