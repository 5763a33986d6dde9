/* erofs-part: what the files erofs*.c share with each other and with nobody else: sizes of the format (erofs_fs.h),
 * what is known of a tree, and how metadata are placed. */
#ifndef LAYER_EROFS_PART_H
#define LAYER_EROFS_PART_H

#include "base/map.h"
#include "base/mem.h"
#include "layer/erofs.h"

#define BLOCK 4096u
#define SLOT 32u
#define SUPER_AT 1024u
#define SUPER_BYTES 128u
#define ROOT_XATTRS_BYTES 256u /* kept free behind the root's inode */
#define INODE_BYTES 64u
#define INODE_NLINK_AT 44u
#define XATTR_HEADER_BYTES 12u
#define NAME_MAX_BYTES 255u

enum layout { FLAT_PLAIN = 0, FLAT_INLINE = 2 };
#define FORMAT(layout) (uint16_t)(1u | (unsigned int)(layout) << 1) /* 1: the 64-byte inode */

enum file_type { FT_NONE, FT_REG, FT_DIR, FT_CHR, FT_BLK, FT_FIFO, FT_SOCK, FT_SYMLINK };

/* The type bits of a mode on disk (POSIX sys/stat.h has the same values). */
enum mode_type {
	MODE_FIFO = 0010000,
	MODE_CHR = 0020000,
	MODE_DIR = 0040000,
	MODE_BLK = 0060000,
	MODE_REG = 0100000,
	MODE_LNK = 0120000,
};

struct attributes {
	uint32_t uid, gid;
	uint16_t mode; /* with the type */
	int64_t mtime;
	struct str xattrs; /* as they lie behind an inode */
};

struct node {
	struct str name;
	uint32_t parent;
	uint32_t origin; /* the node whose inode this is: itself, or a hard link's target */
	uint32_t nlink;	 /* of an origin */
	uint8_t type;	 /* enum file_type */
	bool dead;	 /* replaced by a later entry */
	bool opaque;
	uint64_t nid;
	union {
		struct attributes *dir; /* NULL: implied by a name below it */
		struct str target;	/* of a symbolic link */
	};
};

struct erofs {
	struct erofs_sink sink;
	struct arena arena;
	VEC(struct node) node;
	struct map by_name; /* parent's number and name -> node */
	uint64_t next_block;
	uint64_t open_at; /* offset of the open metadata block */
	uint32_t open_used;
	uint8_t open[BLOCK];
	uint64_t nids; /* inodes written */

	/* The file under way. */
	uint32_t file;
	struct attributes attr;
	uint64_t size, data_at;
	uint32_t tail; /* bytes of the last block that lie behind the inode; 0: none */
	uint8_t tail_bytes[BLOCK];
};

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v & 0xffff);
	put16(p + 2, v >> 16);
}

static inline void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)v);
	put32(p + 4, (uint32_t)(v >> 32));
}

/* That many blocks behind all others. -E2BIG past EROFS_BYTES_MAX. */
int erofs_block_new(struct erofs *w, uint64_t blocks, uint64_t *ret_at, struct err *e) must_check;
/* Room in one block for an inode and what lies behind it. */
int erofs_meta_place(struct erofs *w, uint32_t bytes, uint64_t *ret_nid, struct err *e) must_check;
/* Bytes at a place given out before: often in the block that is still open. */
int erofs_meta_put(struct erofs *w, uint64_t at, const void *p, size_t n, struct err *e) must_check;
int erofs_open_flush(struct erofs *w, struct err *e) must_check;
/* An inode, with its attributes behind it; `where` is its first block, or the device. */
int erofs_inode_put(struct erofs *w, uint64_t nid, uint32_t number, const struct attributes *a, enum layout layout,
		    uint64_t size, uint32_t where, uint32_t nlink, struct err *e) must_check;
/* Attributes with the mark of an opaque directory among them. */
struct str erofs_xattrs_opaque(struct erofs *w, struct str present);

#endif
