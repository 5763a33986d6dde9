/* erofs-read: a file system that erofs.h wrote, read again: where the kernel does not mount it (a user without rights).
 *
 * The image is bytes (a mapped file), and what is read of it are values; every place is checked against the bytes. Only
 * what erofs.h writes is understood: blocks of 4 KiB, 64-byte inodes, no compression; -EBADMSG for anything else. */
#ifndef LAYER_EROFS_READ_H
#define LAYER_EROFS_READ_H

#include "base/err.h"
#include "base/str.h"

enum erofs_kind { EROFS_FILE, EROFS_DIR, EROFS_LINK, EROFS_CHAR, EROFS_BLOCK, EROFS_FIFO };

struct erofs_inode {
	enum erofs_kind kind;
	uint64_t nid; /* the same for names of one file */
	uint32_t mode, uid, gid, links;
	uint32_t major, minor; /* of a device; both 0 of a character device: overlayfs' whiteout */
	int64_t mtime;	       /* s */
	uint64_t size;
	struct str xattrs; /* for erofs_xattr_next() */
	uint64_t data_at, tail_at;
	uint32_t tail; /* bytes of the end that lie at tail_at */
};

/* The root's inode. */
int erofs_root(struct str image, struct erofs_inode *ret, struct err *e) must_check;
int erofs_inode(struct str image, uint64_t nid, struct erofs_inode *ret, struct err *e) must_check;
/* Bytes of a file or a link's target from `offset` on, as many as lie in a row; empty at its end. */
struct str erofs_bytes(struct str image, const struct erofs_inode *i, uint64_t offset);
/* The next name of a directory but "." and ".."; *cursor is 0 at first. A name is one part of a path: not empty, no
 * '/', no NUL. 1, 0 at the end, or a negative errno. */
int erofs_next(struct str image, const struct erofs_inode *dir, uint64_t *cursor, struct str *ret_name,
	       uint64_t *ret_nid, struct err *e) must_check;
/* Cuts an attribute off; *ret_prefix "user.", ...: NULL of a kind that is not known. */
bool erofs_xattr_next(struct str *rest, const char **ret_prefix, struct str *ret_name, struct str *ret_value);

#endif
