/* zip: the members of a zip archive held in memory (APPNOTE 6.3.9), by its central directory.
 *
 * The directory is walked, not loaded: memory does not grow with the number of members. Zip64 is read; encryption and
 * methods other than "stored" and "deflate" give -ENOTSUP for that member only. Names are bytes as stored: callers
 * clean them with path_normal(). Archives in several parts are -ENOTSUP. */
#ifndef CODEC_ZIP_H
#define CODEC_ZIP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/rd.h"

struct zip {
	struct str all;	     /* the archive, borrowed */
	struct rd directory; /* what is left of the central directory */
	uint64_t members;    /* as the end record claims, checked against the directory's size */
	uint64_t base;	     /* bytes in front of the archive (self-extracting files) */
};

struct zip_member {
	struct str name;
	uint16_t method;
	uint32_t crc32;
	uint64_t packed_bytes, plain_bytes; /* as the directory claims */
	uint64_t header_offset;
	bool encrypted;
};

bool zip_probe(struct str head); /* "PK\3\4", "PK\5\6" */
int zip_open(struct zip *ret, struct str all, struct err *e) must_check;
int zip_next(struct zip *z, struct zip_member *ret, struct err *e) must_check; /* 1, 0 at the end, -EBADMSG */
/* The member's bytes: *ret_view points into the archive when it is stored, else into *buf (made by the call, to be
 * freed with buf_done whatever the call returns). At most max_bytes (-E2BIG); size and CRC-32 are verified
 * (-EBADMSG). */
int zip_read(const struct zip *z, const struct zip_member *m, size_t max_bytes, struct buf *buf, struct str *ret_view,
	     struct err *e) must_check;

#endif
