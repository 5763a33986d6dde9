/* verity: the SHA-256 tree over a file system image that lets the kernel check every block before it is used
 * (dm-verity, hash format 1, without a superblock; Linux Documentation/admin-guide/device-mapper/verity.rst).
 *
 * Blocks of data and of the tree are 4,096 bytes. A block of the tree holds the hashes of 128 blocks below it, each of
 * them SHA-256(salt, block); the tree's blocks lie top first. One block of data has no tree: its hash is the root.
 * Reading and writing go through a descriptor in pieces, memory is constant. */
#ifndef NODE_VERITY_H
#define NODE_VERITY_H

#include "base/digest.h"
#include "base/err.h"

#define VERITY_BLOCK 4096u
#define VERITY_BLOCKS_MAX (1ull << 31) /* of data: 8 TiB */
#define VERITY_TABLE_MAX 640	       /* bytes of a table's text with the NUL */

/* Bytes of the tree over so many bytes of data, which is a multiple of VERITY_BLOCK from 1 to VERITY_BLOCKS_MAX of
 * them. */
uint64_t verity_tree_bytes(uint64_t data_bytes);

/* Writes the tree of the first data_bytes of fd at offset tree_at of the same descriptor. */
int verity_write(int fd, uint64_t data_bytes, uint64_t tree_at, const struct digest *salt, struct digest *ret_root,
		 struct err *e) must_check;

/* Whether data and tree are what the root hash says, all of it: -EBADMSG with the block that differs. */
int verity_check(int fd, uint64_t data_bytes, uint64_t tree_at, const struct digest *salt, const struct digest *root,
		 struct err *e) must_check;

/* The parameters of the kernel's target "verity" for data and tree on one device: "1 DEV DEV 4096 4096 ..." up to the
 * option panic_on_corruption, or without an option, when reads of a changed block fail with EIO. Returns text. */
char *verity_table(const char *device, uint64_t data_bytes, uint64_t tree_at, const struct digest *salt,
		   const struct digest *root, bool panic, char text[VERITY_TABLE_MAX]);

#endif
