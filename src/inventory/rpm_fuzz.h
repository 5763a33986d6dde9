/* rpm_fuzz: what a fuzz target of an rpm container does with the headers found: reads each, touches every byte, and
 * holds the reader to its promise that a small file does not give much. */
#ifndef INVENTORY_RPM_FUZZ_H
#define INVENTORY_RPM_FUZZ_H

#include <assert.h>

#include "inventory/rpm_blobs.h"
#include "inventory/rpm_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rpm_fuzz {
	uint64_t blob_bytes, damages;
	uint64_t sum; /* so that every byte is read */
};

static inline void rpm_fuzz_file(void *ctx, struct str dir, struct str base)
{
	struct rpm_fuzz *z = ctx;

	z->sum += str_hash(dir, 1) + str_hash(base, 2);
}

static inline void rpm_fuzz_header(void *ctx, struct str blob)
{
	struct rpm_fuzz *z = ctx;
	struct rpm_header h;
	struct err e = { 0 };

	z->blob_bytes += blob.n;
	z->sum += str_hash(blob, 0);
	if (rpm_header_read(blob, &h, &e) < 0) {
		assert(e.msg[0]);
		return;
	}
	assert(h.name.n && h.version.n && h.release.n);
	assert(rpm_header_files(&h, z, rpm_fuzz_file, &e) == 0 || e.msg[0]);
}

static inline void rpm_fuzz_damage(void *ctx, const char *what, uint64_t where unused_arg)
{
	struct rpm_fuzz *z = ctx;

	assert(what[0]);
	z->damages++;
}

static inline int rpm_fuzz_container(int (*read)(struct str, const struct rpm_blobs *, struct err *),
				     const uint8_t *data, size_t size)
{
	struct rpm_fuzz z = { 0 };
	const struct rpm_blobs to = { &z, rpm_fuzz_header, rpm_fuzz_damage };
	struct err e = { 0 };

	assert(read(str_n(data, size), &to, &e) == 0 || e.msg[0]);
	assert(z.blob_bytes <= 2 * (uint64_t)size);
	return 0;
}

#endif
