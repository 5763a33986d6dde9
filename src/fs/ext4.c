/* ext4: making one, and seeing what is there. See ext4.h. Numbers are offsets of the document's structures. */
#include "fs/ext4.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define BLOCK 4096u
#define PER_GROUP 32768u /* blocks: what one bitmap block says */
#define INODE 256u	 /* bytes */
#define PER_BLOCK (BLOCK / INODE)
#define INODES_MAX 8192u       /* of a group: one for 16 KiB */
#define DESC 32u	       /* bytes of a group descriptor */
#define GROUP_ROOM 64u	       /* a last group with fewer blocks behind its own tables is left out */
#define PROBE_BYTES (1u << 20) /* zeroes here, and no copy behind: empty */
#define SUPER 1024u	       /* offset and size */
#define MARK "yagura: this file system is being made\n"

#define MAGIC 0xef53u
#define HAS_JOURNAL 0x4u
#define EXT_ATTR 0x8u
#define DIR_INDEX 0x20u
#define FILETYPE 0x2u
#define EXTENTS 0x40u
#define RECOVER 0x4u
#define META_BG 0x10u
#define SPARSE_SUPER 0x1u
#define LARGE_FILE 0x2u
#define HUGE_FILE 0x8u
#define DIR_NLINK 0x20u
#define EXTRA_ISIZE 0x40u
#define METADATA_CSUM 0x400u

#define INODE_UNINIT 1u
#define BLOCK_UNINIT 2u
#define INODE_ZEROED 4u

#define ROOT_INODE 2u
#define JOURNAL_INODE 8u
#define FIRST_INODE 11u /* lost+found */

struct layout {
	uint64_t blocks;
	uint32_t groups, inodes, table; /* inodes and blocks of inode table in each group */
	uint32_t desc_blocks;
	uint32_t root, lost, journal, journal_blocks; /* block numbers, all in group 0 */
	uint32_t seed;				      /* of checksums */
};

static uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	static uint32_t table[256];
	const uint8_t *b = p;

	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
		table[i] = c;
	}
	while (n--)
		crc = crc >> 8 ^ table[(crc ^ *b++) & 0xff];
	return crc;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v);
	put16(p + 2, v >> 16);
}

static void put32_be(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool power_of(uint32_t n, uint32_t base)
{
	while (n > 1 && n % base == 0)
		n /= base;
	return n == 1;
}

/* sparse_super: groups 0 and 1 and the powers of 3, 5 and 7. */
static bool has_super(uint32_t group)
{
	return group <= 1 || power_of(group, 3) || power_of(group, 5) || power_of(group, 7);
}

static uint32_t group_blocks(const struct layout *l, uint32_t group)
{
	return group + 1 < l->groups ? PER_GROUP : (uint32_t)(l->blocks - (uint64_t)group * PER_GROUP);
}

/* Blocks of a group that its own tables take. */
static uint32_t group_head(const struct layout *l, uint32_t group)
{
	return (has_super(group) ? 1 + l->desc_blocks : 0) + 2 + l->table;
}

/* Of each group: whole blocks of the table. A table has at most an inode for each block of its group. */
static uint32_t group_inodes(const struct layout *l, uint64_t wanted)
{
	uint64_t blocks = l->blocks < PER_GROUP ? l->blocks : PER_GROUP, most = wanted ? blocks : INODES_MAX;
	uint64_t n = wanted ? wanted / l->groups : blocks / 4;

	return (uint32_t)(n < most ? n : most) / PER_BLOCK * PER_BLOCK;
}

static uint32_t journal_blocks(const struct layout *l)
{
	return l->blocks < 32768 ? 1024 : l->blocks < 262144 ? 4096 : 8192;
}

static int plan(uint64_t size_bytes, const struct ext4_make *m, struct layout *ret, struct err *e)
{
	struct layout l = { .blocks = size_bytes / BLOCK };
	bool small = size_bytes < (m->scratch ? EXT4_SCRATCH_MIN : EXT4_BYTES_MIN);
	uint32_t first;

	if (small || size_bytes > EXT4_BYTES_MAX)
		return err_set(e, -E2BIG, "%llu bytes are too %s for a file system", (unsigned long long)size_bytes,
			       small ? "few" : "many");
	if (l.blocks > UINT32_MAX)
		l.blocks = UINT32_MAX;
	l.groups = (uint32_t)((l.blocks + PER_GROUP - 1) / PER_GROUP);
	l.inodes = group_inodes(&l, m->inodes);
	if (!l.inodes)
		return err_set(e, -ENOTSUP, "%llu inodes are too few for %llu bytes, %u are the fewest",
			       (unsigned long long)m->inodes, (unsigned long long)size_bytes, l.groups * PER_BLOCK);
	l.table = l.inodes / PER_BLOCK;
	l.desc_blocks = (l.groups * DESC + BLOCK - 1) / BLOCK;
	if (l.groups > 1 && group_blocks(&l, l.groups - 1) < group_head(&l, l.groups - 1) + GROUP_ROOM) {
		l.groups--;
		l.blocks = (uint64_t)l.groups * PER_GROUP;
	}
	first = group_head(&l, 0);
	l.root = first;
	l.lost = first + 1;
	l.journal = first + 2;
	l.journal_blocks = m->scratch ? 0 : journal_blocks(&l);
	l.seed = crc32c(UINT32_MAX, m->uuid, 16);
	*ret = l;
	return 0;
}

/* Used blocks of a group; all of them lie at its start. */
static uint32_t group_used(const struct layout *l, uint32_t group)
{
	return group ? group_head(l, group) : l->journal + l->journal_blocks;
}

static uint64_t free_blocks(const struct layout *l)
{
	uint64_t n = 0;

	for (uint32_t g = 0; g < l->groups; g++)
		n += group_blocks(l, g) - group_used(l, g);
	return n;
}

static int write_blocks(int fd, uint64_t block, const void *p, size_t n)
{
	const char *at = p;

	for (uint64_t offset = block * BLOCK; n;) {
		ssize_t done = pwrite(fd, at, n, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENOSPC;
		at += done;
		offset += (size_t)done;
		n -= (size_t)done;
	}
	return 0;
}

/* Bits 0 to n-1 set, and those from `end` on, which stand for nothing. */
static void fill_bitmap(uint8_t map[BLOCK], uint32_t n, uint32_t end)
{
	memset(map, 0, BLOCK);
	for (uint32_t i = 0; i < BLOCK * 8; i++)
		if (i < n || i >= end)
			map[i / 8] |= (uint8_t)(1 << i % 8);
}

/* ---- superblock and descriptors ---- */

/* The extent tree in an inode: one run of blocks. */
static void put_extent(uint8_t tree[60], uint32_t block, uint32_t n)
{
	put16(tree, 0xf30a);
	put16(tree + 2, 1); /* entries */
	put16(tree + 4, 4); /* of at most so many */
	put16(tree + 16, n);
	put32(tree + 20, block);
}

/* Its inode, and a copy of what that says. */
static void name_journal(const struct layout *l, uint8_t s[SUPER])
{
	put32(s + 0xe0, JOURNAL_INODE);
	s[0xfd] = 1; /* the copy is below */
	put_extent(s + 0x10c, l->journal, l->journal_blocks);
	put32(s + 0x10c + 64, l->journal_blocks * BLOCK);
}

static void make_super(const struct layout *l, const struct ext4_make *m, uint32_t group, uint8_t s[SUPER])
{
	uint64_t inodes = (uint64_t)l->groups * l->inodes;

	memset(s, 0, SUPER);
	put32(s + 0x00, (uint32_t)inodes);
	put32(s + 0x04, (uint32_t)l->blocks);
	put32(s + 0x08, m->scratch ? 0 : (uint32_t)(l->blocks / 100)); /* reserved to root: logs of a full partition */
	put32(s + 0x0c, (uint32_t)free_blocks(l));
	put32(s + 0x10, (uint32_t)inodes - FIRST_INODE);
	put32(s + 0x18, 2); /* log2(block / 1024), and of clusters */
	put32(s + 0x1c, 2);
	put32(s + 0x20, PER_GROUP);
	put32(s + 0x24, PER_GROUP);
	put32(s + 0x28, l->inodes);
	put32(s + 0x30, m->time);
	put16(s + 0x36, UINT16_MAX); /* no count of mounts */
	put16(s + 0x38, MAGIC);
	put16(s + 0x3a, 1); /* clean */
	put16(s + 0x3c, 2); /* errors: read-only from then on */
	put32(s + 0x40, m->time);
	put32(s + 0x4c, 1); /* revision */
	put32(s + 0x54, FIRST_INODE);
	put16(s + 0x58, INODE);
	put16(s + 0x5a, group);
	put32(s + 0x5c, (m->scratch ? 0 : HAS_JOURNAL) | EXT_ATTR | DIR_INDEX);
	put32(s + 0x60, FILETYPE | EXTENTS);
	put32(s + 0x64, SPARSE_SUPER | LARGE_FILE | HUGE_FILE | DIR_NLINK | EXTRA_ISIZE | METADATA_CSUM);
	memcpy(s + 0x68, m->uuid, 16);
	if (m->name)
		memcpy(s + 0x78, m->name, strnlen(m->name, 16));
	memcpy(s + 0xec, m->hash_seed, 16);
	s[0xfc] = 1;	       /* half MD4 */
	put32(s + 0x100, 0xc); /* acl, user_xattr */
	put32(s + 0x108, m->time);
	if (!m->scratch)
		name_journal(l, s);
	put16(s + 0x15c, 32); /* bytes beyond the old inode */
	put16(s + 0x15e, 32);
	put32(s + 0x160, 1); /* signed hashes */
	s[0x175] = 1;	     /* checksums are CRC32C */
	put32(s + 0x3fc, crc32c(UINT32_MAX, s, 0x3fc));
}

static void make_desc(const struct layout *l, uint32_t group, uint8_t d[DESC])
{
	uint32_t start = group * PER_GROUP, at = start + (has_super(group) ? 1 + l->desc_blocks : 0), crc;
	uint32_t free_inodes = group ? l->inodes : l->inodes - FIRST_INODE;
	uint8_t map[BLOCK], number[4];
	bool last = group == l->groups - 1;

	memset(d, 0, DESC);
	put32(d, at);
	put32(d + 4, at + 1);
	put32(d + 8, at + 2);
	put16(d + 0x0c, group_blocks(l, group) - group_used(l, group));
	put16(d + 0x0e, free_inodes);
	put16(d + 0x10, group ? 0 : 2); /* directories */
	put16(d + 0x12, group ? INODE_UNINIT | (last ? 0 : BLOCK_UNINIT) : INODE_ZEROED);
	if (!group || last) {
		fill_bitmap(map, group_used(l, group), group_blocks(l, group));
		put16(d + 0x18, crc32c(l->seed, map, PER_GROUP / 8));
	}
	if (!group) {
		fill_bitmap(map, FIRST_INODE, l->inodes);
		put16(d + 0x1a, crc32c(l->seed, map, l->inodes / 8));
	}
	put16(d + 0x1c, group ? l->inodes : free_inodes); /* of the table, at its end: never used */
	put32(number, group);
	crc = crc32c(l->seed, number, 4);
	put16(d + 0x1e, crc32c(crc, d, DESC));
}

/* ---- inodes and directories of group 0 ---- */

static uint32_t inode_seed(const struct layout *l, uint32_t inode)
{
	uint8_t b[8] = { 0 }; /* number and generation 0 */

	put32(b, inode);
	return crc32c(l->seed, b, 8);
}

static void seal_inode(const struct layout *l, uint32_t number, uint8_t i[INODE])
{
	uint32_t crc;

	put16(i + 0x7c, 0);
	put16(i + 0x82, 0);
	crc = crc32c(inode_seed(l, number), i, INODE);
	put16(i + 0x7c, crc);
	put16(i + 0x82, crc >> 16);
}

static void make_inode(const struct layout *l, uint32_t number, uint32_t mode, uint32_t links, uint32_t block,
		       uint32_t n, uint32_t time, uint8_t *tables)
{
	uint8_t *i = tables + (number - 1) * INODE;

	put16(i, mode);
	put32(i + 0x04, n * BLOCK);
	for (int t = 0x08; t <= 0x10; t += 4)
		put32(i + t, time);
	put16(i + 0x1a, links);
	put32(i + 0x1c, n * (BLOCK / 512));
	put32(i + 0x20, 0x80000); /* extents */
	put_extent(i + 0x28, block, n);
	put16(i + 0x80, 32);
	put32(i + 0x90, time);
	seal_inode(l, number, i);
}

static void own_inode(const struct layout *l, uint32_t number, uint32_t uid, uint32_t gid, uint8_t *tables)
{
	uint8_t *i = tables + (number - 1) * INODE;

	put16(i + 0x02, uid);
	put16(i + 0x18, gid);
	put16(i + 0x78, uid >> 16);
	put16(i + 0x7a, gid >> 16);
	seal_inode(l, number, i);
}

static uint8_t *put_entry(uint8_t *at, uint32_t inode, uint32_t length, const char *name)
{
	put32(at, inode);
	put16(at + 4, length);
	at[6] = (uint8_t)strlen(name);
	at[7] = 2; /* directory */
	memcpy(at + 8, name, strlen(name));
	return at + length;
}

static void make_directory(const struct layout *l, uint32_t inode, uint8_t b[BLOCK])
{
	uint32_t tail = BLOCK - 12; /* with the checksum */
	uint8_t *at;

	memset(b, 0, BLOCK);
	at = put_entry(b, inode, 12, ".");
	if (inode == ROOT_INODE) {
		at = put_entry(at, ROOT_INODE, 12, "..");
		put_entry(at, FIRST_INODE, tail - 24, "lost+found");
	} else {
		put_entry(at, ROOT_INODE, tail - 12, "..");
	}
	put16(b + tail + 4, 12);
	b[tail + 7] = 0xde;
	put32(b + tail + 8, crc32c(inode_seed(l, inode), b, tail));
}

/* jbd2's superblock, big-endian: empty. The sequence begins by chance, so that what lies there fits nothing. */
static void make_journal(const struct layout *l, const struct ext4_make *m, uint8_t b[BLOCK])
{
	memset(b, 0, BLOCK);
	put32_be(b, 0xc03b3998u);
	put32_be(b + 4, 4); /* superblock, version 2 */
	put32_be(b + 0x0c, BLOCK);
	put32_be(b + 0x10, l->journal_blocks);
	put32_be(b + 0x14, 1); /* first block of the log */
	put32_be(b + 0x18, (get32(m->hash_seed) & 0x3fffffff) | 1);
	memcpy(b + 0x30, m->uuid, 16);
	put32_be(b + 0x40, 1); /* users */
}

static int write_journal(int fd, const struct layout *l, const struct ext4_make *m)
{
	uint8_t b[BLOCK];

	make_journal(l, m, b);
	return write_blocks(fd, l->journal, b, BLOCK);
}

static int write_first_group(int fd, const struct layout *l, const struct ext4_make *m)
{
	uint32_t at = 1 + l->desc_blocks, table = m->scratch ? 1 : l->table; /* zeroes are there already */
	auto_free uint8_t *tables = xcalloc(table, BLOCK);
	uint8_t b[BLOCK];
	int r;

	fill_bitmap(b, group_used(l, 0), group_blocks(l, 0));
	r = write_blocks(fd, at, b, BLOCK);
	fill_bitmap(b, FIRST_INODE, l->inodes);
	r = r < 0 ? r : write_blocks(fd, at + 1, b, BLOCK);
	make_inode(l, ROOT_INODE, S_IFDIR | m->root_mode, 3, l->root, 1, m->time, tables);
	own_inode(l, ROOT_INODE, m->root_uid, m->root_gid, tables);
	if (!m->scratch)
		make_inode(l, JOURNAL_INODE, S_IFREG | 0600, 1, l->journal, l->journal_blocks, m->time, tables);
	make_inode(l, FIRST_INODE, S_IFDIR | 0700, 2, l->lost, 1, m->time, tables);
	r = r < 0 ? r : write_blocks(fd, at + 2, tables, (size_t)table * BLOCK);
	make_directory(l, ROOT_INODE, b);
	r = r < 0 ? r : write_blocks(fd, l->root, b, BLOCK);
	make_directory(l, FIRST_INODE, b);
	r = r < 0 ? r : write_blocks(fd, l->lost, b, BLOCK);
	return r < 0 || m->scratch ? r : write_journal(fd, l, m);
}

/* Descriptors in every group that has copies; the superblock too but in group 0, where it comes last. */
static int write_heads(int fd, const struct layout *l, const struct ext4_make *m)
{
	auto_free uint8_t *descs = xcalloc(l->desc_blocks, BLOCK);
	uint8_t b[BLOCK] = { 0 };
	int r = 0;

	for (uint32_t g = 0; g < l->groups; g++)
		make_desc(l, g, descs + (size_t)g * DESC);
	for (uint32_t g = 0; g < l->groups && r == 0; g++) {
		if (!has_super(g))
			continue;
		make_super(l, m, g, b);
		if (g)
			r = write_blocks(fd, (uint64_t)g * PER_GROUP, b, BLOCK);
		r = r < 0 ? r : write_blocks(fd, (uint64_t)g * PER_GROUP + 1, descs, (size_t)l->desc_blocks * BLOCK);
	}
	return r;
}

static int write_last_bitmap(int fd, const struct layout *l)
{
	uint32_t g = l->groups - 1;
	uint8_t b[BLOCK];

	if (!g)
		return 0;
	fill_bitmap(b, group_used(l, g), group_blocks(l, g));
	return write_blocks(fd, (uint64_t)g * PER_GROUP + (has_super(g) ? 1 + l->desc_blocks : 0), b, BLOCK);
}

/* In the order that the mark is worth something. */
static int sync_after(int fd, const struct ext4_make *m, int r)
{
	return r < 0 || m->scratch ? r : fdatasync(fd) < 0 ? -errno : 0;
}

int ext4_identify(struct ext4_make *m)
{
	if (getrandom(m->uuid, sizeof(m->uuid), 0) != sizeof(m->uuid) ||
	    getrandom(m->hash_seed, sizeof(m->hash_seed), 0) != sizeof(m->hash_seed))
		return -EIO;
	m->uuid[6] = (uint8_t)((m->uuid[6] & 0x0f) | 0x40); /* RFC 4122, version 4 */
	m->uuid[8] = (uint8_t)((m->uuid[8] & 0x3f) | 0x80);
	m->time = (uint32_t)time(NULL);
	return 0;
}

int ext4_make(int fd, uint64_t size_bytes, const struct ext4_make *m, struct err *e)
{
	uint8_t first[BLOCK] = MARK;
	struct layout l;
	int r = plan(size_bytes, m, &l, e);

	if (r < 0)
		return r;
	r = sync_after(fd, m, write_blocks(fd, 0, first, BLOCK));
	r = r < 0 ? r : write_first_group(fd, &l, m);
	r = r < 0 ? r : write_heads(fd, &l, m);
	r = r < 0 ? r : write_last_bitmap(fd, &l);
	r = sync_after(fd, m, r);
	make_super(&l, m, 0, first + SUPER);
	r = r < 0 ? r : sync_after(fd, m, write_blocks(fd, 0, first, BLOCK));
	/* Complete but for the mark. */
	memset(first, 0, sizeof(MARK));
	r = r < 0 ? r : sync_after(fd, m, write_blocks(fd, 0, first, BLOCK));
	return r < 0 ? err_errno(e, r, "cannot make the file system") : 0;
}

/* ---- what is there ---- */

enum ext4_state ext4_judge(struct str superblock, uint64_t *ret_size_bytes)
{
	const uint8_t *s = (const uint8_t *)superblock.p;
	uint64_t blocks;

	if (superblock.n < SUPER || (s[0x38] | s[0x39] << 8) != MAGIC ||
	    get32(s + 0x3fc) != crc32c(UINT32_MAX, s, 0x3fc) || get32(s + 0x18) != 2)
		return EXT4_DAMAGED;
	blocks = get32(s + 4);
	*ret_size_bytes = blocks * BLOCK;
	return (s[0x3a] & 2) ? EXT4_ERRORS : EXT4_SOUND;
}

int ext4_probe(int fd, uint64_t size_bytes, struct ext4_probe *ret, struct err *e)
{
	auto_free uint8_t *head = xcalloc(1, PROBE_BYTES);
	ssize_t n = fd_pread(fd, head, PROBE_BYTES, 0);
	struct ext4_probe p = { EXT4_EMPTY, 0 };
	uint8_t copy[SUPER] = { 0 };

	if (n >= 0 && size_bytes >= ((uint64_t)PER_GROUP + 1) * BLOCK &&
	    fd_pread(fd, copy, SUPER, (uint64_t)PER_GROUP * BLOCK) < 0)
		n = -errno;
	if (n < 0)
		return err_errno(e, (int)n, "cannot read it");
	if (memcmp(head, MARK, sizeof(MARK) - 1) == 0)
		p.state = EXT4_CUT;
	else if ((size_t)n >= 2 * SUPER && (head[SUPER + 0x38] | head[SUPER + 0x39] << 8) == MAGIC)
		p.state = ext4_judge(str_n(head + SUPER, SUPER), &p.size_bytes);
	else if ((copy[0x38] | copy[0x39] << 8) == MAGIC)
		p.state = EXT4_DAMAGED;
	for (ssize_t i = 0; p.state == EXT4_EMPTY && i < n; i++)
		if (head[i])
			p.state = EXT4_DAMAGED;
	*ret = p;
	return 0;
}
