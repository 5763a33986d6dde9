/* intern: every run of bytes once. See intern.h. */
#include "vuln/intern.h"

#include <sys/random.h>

#define INTERN_FIRST_SLOTS 1024
#define INTERN_PAGE_BYTES (1u << 20)
#define INTERN_COUNT_MAX (1u << 27) /* entries */
#define INTERN_ALIGN 4		    /* entries may be arrays of u32 */

struct intern_page {
	struct intern_page *next;
	size_t used, size;
	char bytes[];
};

void intern_init(struct intern *in, size_t bytes_max)
{
	*in = (struct intern){ .bytes_max = bytes_max, .slots = INTERN_FIRST_SLOTS };
	in->slot = xcalloc(in->slots, sizeof(*in->slot));
	if (getrandom(&in->seed, sizeof(in->seed), GRND_NONBLOCK) != (ssize_t)sizeof(in->seed))
		in->seed = (uint64_t)(uintptr_t)in->slot;
	intern_put(in, "", 0);
}

void intern_done(struct intern *in)
{
	while (in->page) {
		struct intern_page *next = in->page->next;

		free(in->page);
		in->page = next;
	}
	free(in->slot);
	vec_done(&in->all);
	*in = (struct intern){ 0 };
}

static char *intern_keep(struct intern *in, const void *p, size_t n)
{
	size_t need = (n + INTERN_ALIGN - 1) & ~(size_t)(INTERN_ALIGN - 1);
	struct intern_page *page = in->page;
	char *to;

	if (!page || page->size - page->used < need) {
		size_t size = need > INTERN_PAGE_BYTES ? need : INTERN_PAGE_BYTES;

		page = xmalloc(sizeof(*page) + size);
		*page = (struct intern_page){ .next = in->page, .size = size };
		in->page = page;
	}
	to = page->bytes + page->used;
	page->used += need;
	if (n)
		memcpy(to, p, n);
	return to;
}

static void intern_grow(struct intern *in)
{
	in->slots *= 2;
	free(in->slot);
	in->slot = xcalloc(in->slots, sizeof(*in->slot));
	for (uint32_t i = 0; i < in->all.n; i++) {
		size_t at = str_hash(intern_str(in, i), in->seed) & (in->slots - 1);

		while (in->slot[at])
			at = (at + 1) & (in->slots - 1);
		in->slot[at] = i + 1;
	}
}

uint32_t intern_put(struct intern *in, const void *p, size_t n)
{
	uint64_t h = str_hash(str_n(p, n), in->seed);
	uint32_t tag = (uint32_t)(h >> 32);
	size_t at = h & (in->slots - 1);

	for (; in->slot[at]; at = (at + 1) & (in->slots - 1)) {
		const struct intern_entry *x = &in->all.v[in->slot[at] - 1];

		if (x->tag == tag && x->n == n && (n == 0 || memcmp(x->p, p, n) == 0))
			return in->slot[at] - 1;
	}
	if (n > in->bytes_max - in->bytes || in->all.n >= INTERN_COUNT_MAX) {
		in->full = true;
		return 0;
	}
	in->bytes += n;
	vec_push(&in->all, ((struct intern_entry){ intern_keep(in, p, n), (uint32_t)n, tag }));
	in->slot[at] = (uint32_t)in->all.n;
	if (in->all.n * 2 > in->slots)
		intern_grow(in);
	return (uint32_t)in->all.n - 1;
}

struct ordered {
	uint64_t hash;
	uint32_t i;
};

static int compare_ordered(const void *va, const void *vb, void *ctx)
{
	const struct ordered *a = va, *b = vb;
	const struct intern *in = ctx;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->i == b->i ? 0 : str_cmp(intern_str(in, a->i), intern_str(in, b->i));
}

uint32_t *intern_order(const struct intern *in, const uint64_t *hash)
{
	auto_free struct ordered *o = xcalloc(in->all.n, sizeof(*o));
	uint32_t *order = xcalloc(in->all.n, sizeof(*order));

	for (uint32_t i = 0; i < in->all.n; i++)
		o[i] = (struct ordered){ hash[i], i };
	qsort_r(o, in->all.n, sizeof(*o), compare_ordered, (void *)(uintptr_t)in);
	for (uint32_t i = 0; i < in->all.n; i++)
		order[i] = o[i].i;
	return order;
}
