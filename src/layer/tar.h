/* tar: a stepping reader of tar streams: ustar, pax (POSIX.1-2017 pax Interchange Format), GNU long names and sparse
 * files (GNU tar manual, "Basic Tar Format" and "Storing Sparse Files"), star and V7 headers. Bytes are put in as they
 * come; entries come out. Nothing is kept but one entry's names and its map of regions; bodies are never copied.
 *
 *     while ((event = tar_step(&t, &in, &e)) > TAR_MORE) ...
 *
 * Where readers of tar disagree, this one sees what a container engine would unpack (docs/formats/tar.md lists the
 * cases): a link, directory, device or fifo has no body whatever its size field says; a GNU long name goes before a pax
 * path; global pax headers are checked, but name and size no entry.
 *
 * Bad input: a header with a wrong checksum, a size that is no number or past what 63 bits hold, a damaged pax header
 * or sparse map end the stream with -EBADMSG; an extension larger than TAR_EXTENSION_MAX, a sparse map of more than
 * TAR_SPARSE_MAX regions with -E2BIG. A name that cannot be a path in an image ("..", NUL, too long) is handed out with
 * `bad_name` set and an empty path: the caller counts it, the stream goes on. */
#ifndef LAYER_TAR_H
#define LAYER_TAR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define TAR_BLOCK 512
#define TAR_EXTENSION_MAX (1u << 20) /* bytes of one pax header or GNU long name */
#define TAR_EXTENSIONS_MAX 64u	     /* extension headers in front of one entry */
#define TAR_SPARSE_MAX 65536u	     /* regions of one sparse file */

enum tar_type { TAR_FILE, TAR_DIR, TAR_SYMLINK, TAR_HARDLINK, TAR_CHAR, TAR_BLOCK_DEVICE, TAR_FIFO, TAR_OTHER };

struct tar_entry {
	enum tar_type type;
	struct str path;       /* normal (base/path.h); borrowed until the next entry */
	struct str link;       /* raw target of a symlink; of a hardlink the normal path, "" when that was a bad name */
	uint32_t mode;	       /* permission and set-id bits */
	uint64_t uid, gid;     /* these and mtime: 0 when the field is no number */
	uint64_t size;	       /* of the file as it will be */
	int64_t mtime;	       /* whole seconds, rounded down */
	uint32_t major, minor; /* of a device; 0 when the field is no number of 32 bits */
	struct str pax;	       /* its pax records, for tar_xattr_next(); borrowed until the next entry */
	bool bad_name;	       /* `path` is empty; raw_name says what stood there */
	struct str raw_name;   /* up to TAR_EXTENSION_MAX bytes: cut it before it is shown */
	bool sparse;
};

enum tar_event {
	TAR_MORE,      /* *in is used up: put in more, or ask tar_finish() */
	TAR_ENTRY,     /* an entry begins: tar.entry */
	TAR_DATA,      /* bytes of it: tar.data, which points into *in, at tar.data_offset of the file as it will be */
	TAR_ENTRY_END, /* it is over; comes for every entry */
	TAR_END,       /* the end marker was seen; what *in still holds is not looked at */
};

struct tar_region {
	uint64_t offset, bytes;
};

struct tar {
	struct tar_entry entry;
	struct str data;
	uint64_t data_offset;
	uint64_t entries;     /* seen so far */
	uint64_t bytes_taken; /* of the stream */

	/* The rest is the reader's own. */
	int state;
	unsigned int zero_blocks;
	uint32_t extensions;   /* headers since the last entry */
	bool skip;	       /* no TAR_DATA any more for this entry */
	uint64_t body_left;    /* stored bytes of an entry or extension */
	uint32_t padding_left; /* up to the next block */
	size_t block_used;
	uint8_t block[TAR_BLOCK]; /* a block that came in pieces */
	struct buf *extension;	  /* being filled: one of these three */
	struct buf pax, long_name, long_link;
	struct {
		struct str path, linkpath, sparse_name;
		uint64_t size, uid, gid, sparse_size;
		int64_t mtime;
		bool has_size, has_uid, has_gid, has_mtime, has_sparse_size, has_map;
		uint32_t sparse_major, sparse_minor;
		bool has_sparse_version;
	} over; /* what the pax header of this entry says */
	VEC(struct tar_region) map;
	size_t region;	      /* present one, when entry.sparse */
	uint64_t region_done; /* bytes of it handed out */
	uint64_t half_region; /* offset of a region whose length has not come yet */
	bool has_half;
	uint64_t number; /* decimal number of a 1.0 map under way */
	uint32_t digits;
	uint64_t map_regions; /* as a 1.0 map says */
	bool has_map_regions;
	char name[TAR_BLOCK], link[TAR_BLOCK];
	char path_room[PATH_BYTES_MAX], link_room[PATH_BYTES_MAX];
};

void tar_init(struct tar *t);
void tar_done(struct tar *t);
#define auto_tar cleanup_with(tar_done)

/* The next event, or a negative errno, after which the stream is over. Moves *in forward over what was taken. */
int tar_step(struct tar *t, struct str *in, struct err *e) must_check;

/* The extended attributes of an entry, one after the other: *rest begins as entry.pax. star's way of writing them,
 * which container engines use: pax records "SCHILY.xattr.NAME" with the bytes as they are. False when there are no
 * more. */
bool tar_xattr_next(struct str *rest, struct str *ret_name, struct str *ret_value);

/* The rest of the present entry's bytes is not wanted: TAR_ENTRY_END comes next. Also right after TAR_ENTRY. */
void tar_skip(struct tar *t);

/* The input is over. 0: the end marker was seen; 1: it was not, but the stream ended between two entries, as some
 * writers leave it (the input may have been cut there: say so); -EBADMSG: cut short inside an entry. */
int tar_finish(const struct tar *t, struct err *e) must_check;

#endif
