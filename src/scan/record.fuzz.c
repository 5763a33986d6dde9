/* Fuzz target of record: bytes behind a seal that fits, read as a cache file, and merged when they are a record. */
#include "scan/record.h"

#include <sys/mman.h>
#include <unistd.h>

#include "codec/sha256.h"
#include "scan/merge.h"

#define MAGIC "YGLAYER1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is what stands behind the seal. */
static int sealed(const uint8_t *data, size_t size)
{
	struct digest seal;
	int fd = memfd_create("record", MFD_CLOEXEC);

	sha256_of(str_n(data, size), &seal);
	if (fd < 0 || fd_write(fd, MAGIC, 8) < 0 || fd_write(fd, seal.byte, sizeof(seal.byte)) < 0 ||
	    fd_write(fd, data, size) < 0)
		abort();
	return fd;
}

static void must_lie_inside(const struct record *r, struct str s)
{
	if (s.n && ((const uint8_t *)s.p < r->map.p || (const uint8_t *)s.p + s.n > r->map.p + r->map.n))
		abort();
}

static void lay_over_itself(const struct record *r)
{
	const struct record *all[] = { r, r };
	struct inventory inv = { 0 };
	struct merge *m = NULL;
	struct err e = { 0 };

	if (merge_open(&m, all, ARRAY_LEN(all), &e) == 0 && merge_inventory(m, true, &inv, &e) < 0 && !e.msg[0])
		abort();
	inventory_done(&inv);
	merge_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_close int fd = sealed(data, size);
	struct record r;
	struct err e = { 0 };

	if (record_read_fd(&r, fd, &e) < 0) {
		if (!e.msg[0])
			abort();
		return 0;
	}
	for (size_t i = 0; i < TREE_PARTS; i++)
		must_lie_inside(&r, r.tree[i]);
	for (size_t i = 0; i < RECORD_ANALYZERS_MAX; i++)
		must_lie_inside(&r, r.evidence[i]);
	if (r.tree_set)
		lay_over_itself(&r);
	record_done(&r);
	return 0;
}
