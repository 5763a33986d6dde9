/* ext4: an empty ext4 file system made on a block device or file, without other programs: a node carries none.
 *
 * What it has: 4 KiB blocks, extents, a journal, checksums of all metadata, sparse copies of the superblock. No resize
 * inode: the kernel grows it while it is mounted (EXT4_IOC_RESIZE_FS) by descriptors in each new group. Inode tables
 * of the groups behind the first are left to the kernel, which clears them in the background: making 1 TB writes some
 * megabytes. From the first write to the last a mark stands in the boot sector (which ext4 does not use): a making that
 * was cut short is known by it, and done again.
 *
 * Document: kernel Documentation/filesystems/ext4. Checked against e2fsck in tests/unit/ext4.c. */
#ifndef FS_EXT4_H
#define FS_EXT4_H

#include "base/err.h"
#include "base/str.h"

#define EXT4_BYTES_MIN (12ull << 20) /* below, the journal leaves no room worth the name */
#define EXT4_SCRATCH_MIN (1ull << 20)
#define EXT4_BYTES_MAX (1ull << 44) /* 16 TiB, blocks have 32-bit numbers */

struct ext4_make {
	uint8_t uuid[16]; /* new for each file system: old journals must not fit */
	uint8_t hash_seed[16];
	uint32_t time;	    /* seconds since 1970 */
	const char *name;   /* volume name, at most 16 bytes; NULL: none */
	uint32_t root_mode; /* permissions of the root directory, and its owner */
	uint32_t root_uid, root_gid;
	uint64_t inodes; /* at most so many; 0: one for 16 KiB */
	bool scratch;	 /* a file of zeroes that nobody keeps: no journal, nothing reserved to root, not synced */
};

/* UUID, hash seed (by chance) and time; the rest is left as it is. */
int ext4_identify(struct ext4_make *m) must_check;

/* `size_bytes` of the descriptor become a file system; synced when it returns. -E2BIG: smaller or larger than above;
 * -ENOTSUP: so few inodes are not possible. */
int ext4_make(int fd, uint64_t size_bytes, const struct ext4_make *m, struct err *e) must_check;

enum ext4_state {
	EXT4_EMPTY,   /* nothing but zeroes where ext4 has its head, nor a copy of a superblock: may be made */
	EXT4_CUT,     /* its making was cut short: may be made */
	EXT4_SOUND,   /* a superblock whose checksum is right */
	EXT4_ERRORS,  /* the same, but the kernel has marked it as having errors */
	EXT4_DAMAGED, /* something is there and it is no sound superblock: not ours to make anew */
};
struct ext4_probe {
	enum ext4_state state;
	uint64_t size_bytes; /* of a sound one */
};
/* By what stands on it. It reads the first MiB and one block. */
int ext4_probe(int fd, uint64_t size_bytes, struct ext4_probe *ret, struct err *e) must_check;

/* A superblock's 1024 bytes judged; EXT4_SOUND, EXT4_ERRORS or EXT4_DAMAGED. */
enum ext4_state ext4_judge(struct str superblock, uint64_t *ret_size_bytes);

#endif
