/* file: one file as an analyzer sees it. See file.h. */
#include "inventory/file.h"

void file_init(struct file *f, struct str path, uint64_t size, uint32_t mode, uint64_t held_max)
{
	*f = (struct file){ .path = path, .size = size, .mode = mode, .held_max = held_max };
}

void file_done(struct file *f)
{
	for (size_t i = 0; i < f->ranges.n; i++)
		free(f->ranges.v[i].p);
	vec_done(&f->ranges);
}

static struct file_range *range_over(const struct file *f, uint64_t offset, uint64_t n)
{
	for (size_t i = 0; i < f->ranges.n; i++) {
		struct file_range *r = &f->ranges.v[i];

		if (offset >= r->offset && offset - r->offset <= r->size && n <= r->size - (offset - r->offset))
			return r;
	}
	return NULL;
}

const uint8_t *file_at(struct file *f, uint64_t offset, uint64_t n)
{
	static const uint8_t nothing;
	struct file_range *r;

	if (offset > f->size || n > f->size - offset)
		return NULL;
	if (!n)
		return &nothing;
	r = range_over(f, offset, n);
	if (r && r->filled >= offset - r->offset + n)
		return r->p + (offset - r->offset);
	f->wanting = true;
	if (r)
		return NULL;
	if (f->ranges.n >= FILE_RANGES_MAX || f->held_bytes > f->held_max || n > f->held_max - f->held_bytes) {
		f->refused = true;
		return NULL;
	}
	r = vec_add(&f->ranges);
	r->offset = offset;
	r->size = n;
	f->held_bytes += n;
	return NULL;
}

bool file_all(struct file *f, struct str *ret)
{
	const uint8_t *p = file_at(f, 0, f->size);

	if (!p)
		return false;
	*ret = str_n(p, f->size);
	return true;
}

void file_put(struct file *f, uint64_t offset, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < f->ranges.n; i++) {
		struct file_range *r = &f->ranges.v[i];
		uint64_t at = r->offset + r->filled; /* ranges fill from their start, without gaps */
		uint64_t part;

		if (r->filled == r->size || at < offset || at - offset >= n)
			continue;
		part = n - (at - offset);
		if (part > r->size - r->filled)
			part = r->size - r->filled;
		if (!r->p)
			r->p = xmalloc(r->size);
		memcpy(r->p + r->filled, p + (at - offset), part);
		r->filled += part;
	}
}

uint64_t file_wanted_from(const struct file *f)
{
	uint64_t low = UINT64_MAX;

	for (size_t i = 0; i < f->ranges.n; i++) {
		const struct file_range *r = &f->ranges.v[i];

		if (r->filled < r->size && r->offset + r->filled < low)
			low = r->offset + r->filled;
	}
	return low;
}
