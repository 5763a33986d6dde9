/* tar: a stepping reader of tar streams: ustar, pax (POSIX.1-2017 pax Interchange Format), GNU long names and sparse
 * files, star and V7 headers. Bytes are put in as they come; entries come out. Nothing is kept but one entry's name.
 *
 * Bad input: a header with a wrong checksum, a size past what 63 bits hold, or an extension larger than
 * TAR_EXTENSION_MAX ends the stream with -EBADMSG. A name that cannot be a path in an image (absolute after cleaning,
 * "..", NUL, too long) is handed out with `bad_name` set and an empty path: the caller counts it, the stream goes on. */
#ifndef LAYER_TAR_H
#define LAYER_TAR_H

#include "base/err.h"
#include "base/path.h"
#include "base/str.h"

#define TAR_BLOCK 512
#define TAR_EXTENSION_MAX (1u << 20) /* bytes of one pax header or GNU long name */
#define TAR_SPARSE_MAX 65536         /* regions of one sparse file */

enum tar_type { TAR_FILE, TAR_DIR, TAR_SYMLINK, TAR_HARDLINK, TAR_CHAR, TAR_BLOCK_DEVICE, TAR_FIFO, TAR_OTHER };

struct tar_entry {
	enum tar_type type;
	struct str path;    /* normal (base/path.h); borrowed until the next entry */
	struct str link;    /* raw target of a symlink; of a hardlink the normal path, "" when that was a bad name */
	uint32_t mode;      /* permission and set-id bits */
	uint64_t uid, gid;
	uint64_t size;      /* of the file as it will be */
	int64_t mtime;
	bool bad_name;      /* `path` is empty; raw_name says what stood there */
	struct str raw_name;
	bool sparse;
};

#endif
