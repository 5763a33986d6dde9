/* Fuzz target of layer: a blob read alone and in two lanes at once gives the same events, digests and error. */
#include <sys/mman.h>
#include <unistd.h>

#include "layer/layer.h"

#define BLOB_MAX 100000 /* bytes; larger ones say nothing new */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	struct layer_events events;
	struct layer_result result;
	uint64_t hash;
	bool inside;
	int fd;
	size_t size;
};

struct readings {
	struct reading *v;
	size_t n, next, done;
};

static int on_entry(void *ctx, const struct tar_entry *t, struct err *e unused_arg)
{
	struct reading *r = ctx;

	if (r->inside)
		abort();
	r->hash = str_hash(t->path, r->hash) ^ t->size;
	r->inside = t->size % 3 > 0;
	return r->inside;
}

static int on_data(void *ctx, uint64_t offset, const uint8_t *p, size_t n, struct err *e unused_arg)
{
	struct reading *r = ctx;

	if (!r->inside || !n)
		abort();
	for (size_t i = 0; i < n; i++)
		r->hash = (r->hash ^ p[i] ^ (offset + i)) * 1099511628211u;
	return offset < 50000;
}

static int on_end(void *ctx, struct err *e unused_arg)
{
	struct reading *r = ctx;

	if (!r->inside)
		abort();
	r->inside = false;
	r->hash++;
	return 0;
}

static int on_next(void *ctx, bool idle unused_arg, struct layer_input *ret, uint32_t *ret_id, struct err *e unused_arg)
{
	struct readings *s = ctx;
	struct reading *r = &s->v[s->next];

	if (s->next == s->n)
		return 0;
	r->events = (struct layer_events){ r, on_entry, on_data, on_end, NULL };
	*ret = (struct layer_input){ r->fd, true, 0, r->size, &r->events };
	*ret_id = (uint32_t)s->next++;
	return 1;
}

static int on_done(void *ctx, uint32_t id, const struct layer_result *result, struct err *e unused_arg)
{
	struct readings *s = ctx;

	s->v[id].result = *result;
	s->done++;
	return 0;
}

static void read_all(struct reading *v, size_t n, int fd, size_t size)
{
	struct readings s = { v, n, 0, 0 };
	struct layer_feed feed = { &s, on_next, on_done };

	for (size_t i = 0; i < n; i++)
		v[i] = (struct reading){ .fd = fd, .size = size };
	if (layers_read(&feed, (unsigned int)n, NULL) < 0 || s.done != n)
		abort();
}

static void must_agree(const struct reading *a, const struct reading *b)
{
	const struct layer_result *x = &a->result, *y = &b->result;

	if (a->hash != b->hash || x->status != y->status || x->entries != y->entries ||
	    memcmp(&x->blob, &y->blob, sizeof(x->blob)) != 0 || memcmp(&x->diff_id, &y->diff_id, sizeof(x->blob)) != 0)
		abort();
	if (x->status < 0 && !x->err.msg[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading alone[1], two[2];
	int fd;

	if (size > BLOB_MAX)
		return 0;
	fd = memfd_create("blob", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	read_all(alone, 1, fd, size);
	read_all(two, 2, fd, size);
	must_agree(&alone[0], &two[0]);
	must_agree(&alone[0], &two[1]);
	close(fd);
	return 0;
}
