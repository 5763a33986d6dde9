/* rpm_blobs: where the container readers put what they find. */
#ifndef INVENTORY_RPM_BLOBS_H
#define INVENTORY_RPM_BLOBS_H

#include "base/err.h"
#include "base/str.h"

#define RPM_BLOB_MAX (64u << 20) /* bytes of one header; rpm itself stops at 256 MiB, real ones are below 4 MiB */

struct rpm_blobs {
	void *ctx;
	/* One header. Borrowed until the call returns. */
	void (*header)(void *ctx, struct str blob);
	/* One entry that could not be read; `where` is its number, page or offset, as `what` says. */
	void (*damage)(void *ctx, const char *what, uint64_t where);
};

#endif
