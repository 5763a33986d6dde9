/* file: one file as an analyzer sees it, wherever its bytes come from.
 *
 * An analyzer asks for the ranges it needs with file_at() or file_all(). When a range is not at hand the call notes the
 * wish and gives nothing; the analyzer then returns -EAGAIN and is called again, from its beginning, once the bytes
 * are there. In a layer the bytes stream past once: a wish that lies behind the stream is served by a second pass over
 * that layer; in a directory, by pread(). So one analyzer serves both, and holds only what it asked for.
 *
 * Ask for everything you know you need before returning -EAGAIN, and ask in the same order each time. */
#ifndef INVENTORY_FILE_H
#define INVENTORY_FILE_H

#include "base/mem.h"

#define FILE_RANGES_MAX 64 /* ranges one analyzer may ask of one file */

struct file_range {
	uint64_t offset;
	uint64_t size;
	uint8_t *p;	 /* owned; NULL until wanted bytes arrive */
	uint64_t filled; /* bytes of it that have arrived, from its start */
};

struct file {
	struct str path; /* normal; borrowed */
	uint64_t size;
	uint32_t mode; /* permission bits */
	VEC(struct file_range) ranges;
	bool wanting; /* a wish was noted that is not filled yet */
	bool refused; /* too many ranges or bytes were asked for */
	uint64_t held_bytes, held_max;
};

void file_init(struct file *f, struct str path, uint64_t size, uint32_t mode, uint64_t held_max);
void file_done(struct file *f);

/* `n` bytes at `offset`; NULL when they are not at hand (return -EAGAIN) or lie past the end of the file, or would pass
 * held_max (then `refused` is set: return -E2BIG). Reading past the end is the caller's mistake: check f->size first.
 */
const uint8_t *file_at(struct file *f, uint64_t offset, uint64_t n);

/* The whole file; false when it is not at hand. */
bool file_all(struct file *f, struct str *ret);

/* For whoever brings the bytes: those at [offset, offset+n) go into the ranges that want them. */
void file_put(struct file *f, uint64_t offset, const uint8_t *p, size_t n);

/* The lowest offset that is still wanted, UINT64_MAX when nothing is. */
uint64_t file_wanted_from(const struct file *f);

#endif
