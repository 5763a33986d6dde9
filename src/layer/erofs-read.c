/* erofs-read: inodes, names and bytes of an image. See erofs-read.h; erofs.c has the format. */
#include "layer/erofs-read.h"

#include "base/rd.h"

#define BLOCK 4096u
#define SLOT 32u
#define SUPER_AT 1024u
#define SUPER_MAGIC 0xE0F5E1E2u
#define BLOCK_BITS 12
#define INODE_BYTES 64u
#define XATTR_HEADER_BYTES 12u
#define DIRENT_BYTES 12u

enum layout { FLAT_PLAIN = 0, FLAT_INLINE = 2 };

static const struct {
	uint16_t type; /* of a mode */
	enum erofs_kind kind;
} kinds[] = {
	{ 0100000, EROFS_FILE }, { 0040000, EROFS_DIR },   { 0120000, EROFS_LINK },
	{ 0020000, EROFS_CHAR }, { 0060000, EROFS_BLOCK }, { 0010000, EROFS_FIFO },
};

/* erofs_fs.h EROFS_XATTR_INDEX_... */
static const char *const prefixes[] = {
	NULL, "user.", "system.posix_acl_access", "system.posix_acl_default", "trusted.", NULL, "security."
};

static int bad(struct err *e, const char *what)
{
	return err_set(e, -EBADMSG, "erofs: %s", what);
}

/* Bytes at a place, or none when they are not all there. */
static struct str at(struct str image, uint64_t offset, uint64_t n)
{
	if (offset > image.n || n > image.n - offset)
		return STR_NONE;
	return str_n(image.p + offset, (size_t)n);
}

int erofs_root(struct str image, struct erofs_inode *ret, struct err *e)
{
	struct rd r = rd_of(at(image, SUPER_AT, 128));
	uint32_t magic = rd_le32(&r);
	uint16_t nid;
	uint8_t bits;

	(void)rd_take(&r, 8);
	bits = rd_u8(&r);
	(void)rd_u8(&r);
	nid = rd_le16(&r);
	if (!rd_ok(&r) || magic != SUPER_MAGIC || bits != BLOCK_BITS)
		return bad(e, "no image of ours");
	return erofs_inode(image, nid, ret, e);
}

static bool kind_of(uint16_t mode, enum erofs_kind *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].type == (mode & 0170000)) {
			*ret = kinds[i].kind;
			return true;
		}
	return false;
}

/* Everything the inode says lies in the image. */
static bool data_inside(struct str image, struct erofs_inode *i, unsigned int layout, uint32_t where)
{
	if (layout != FLAT_PLAIN && layout != FLAT_INLINE)
		return false;
	i->tail = layout == FLAT_INLINE ? (uint32_t)(i->size % BLOCK) : 0;
	i->data_at = (uint64_t)where * BLOCK;
	if (i->tail && at(image, i->tail_at, i->tail).n != i->tail)
		return false;
	return i->size == i->tail || at(image, i->data_at, i->size - i->tail).n == i->size - i->tail;
}

int erofs_inode(struct str image, uint64_t nid, struct erofs_inode *ret, struct err *e)
{
	struct erofs_inode i = { .nid = nid };
	struct rd r;
	uint16_t format, attributes, mode;
	uint32_t where, bytes;
	uint64_t place;

	if (!mul_ok(nid, (uint64_t)SLOT, &place))
		return bad(e, "an inode outside");
	r = rd_of(at(image, place, INODE_BYTES));
	format = rd_le16(&r);
	attributes = rd_le16(&r);
	mode = rd_le16(&r);
	(void)rd_le16(&r);
	i.size = rd_le64(&r);
	where = rd_le32(&r);
	(void)rd_le32(&r);
	i.uid = rd_le32(&r);
	i.gid = rd_le32(&r);
	i.mtime = (int64_t)rd_le64(&r);
	(void)rd_le32(&r);
	i.links = rd_le32(&r);
	bytes = attributes ? XATTR_HEADER_BYTES + (attributes - 1u) * 4 : 0;
	if (!rd_ok(&r) || !(format & 1) || !kind_of(mode, &i.kind))
		return bad(e, "a bad inode");
	i.xattrs = str_from(at(image, place + INODE_BYTES, bytes), XATTR_HEADER_BYTES);
	i.tail_at = place + INODE_BYTES + bytes;
	i.mode = mode & 07777;
	if (i.kind == EROFS_CHAR || i.kind == EROFS_BLOCK) { /* new_encode_dev() */
		i.major = where >> 8 & 0xfff;
		i.minor = (where & 0xff) | (where >> 12 & ~0xffu);
		i.size = 0;
	} else if (!data_inside(image, &i, format >> 1, where)) {
		return bad(e, "bytes outside the image");
	}
	*ret = i;
	return 0;
}

struct str erofs_bytes(struct str image, const struct erofs_inode *i, uint64_t offset)
{
	uint64_t whole = i->size - i->tail;

	if (offset < whole)
		return at(image, i->data_at + offset, whole - offset);
	return offset < i->size ? at(image, i->tail_at + (offset - whole), i->size - offset) : STR_NONE;
}

static bool name_ok(struct str name)
{
	return name.n && name.n <= 255 && str_find(name, '/') < 0 && !memchr(name.p, 0, name.n);
}

/* One entry of a block. -ERANGE: it has no more. */
static int entry_of(struct str block, uint64_t n, struct str *ret_name, uint64_t *ret_nid)
{
	struct rd first = rd_of(at(block, 0, DIRENT_BYTES)), r, next;
	uint32_t names, from, to;
	size_t count;

	(void)rd_le64(&first);
	names = rd_le16(&first);
	count = names / DIRENT_BYTES;
	if (!rd_ok(&first) || !count || names % DIRENT_BYTES || names > block.n)
		return -EBADMSG;
	if (n >= count)
		return -ERANGE;
	r = rd_of(at(block, n * DIRENT_BYTES, DIRENT_BYTES));
	*ret_nid = rd_le64(&r);
	from = rd_le16(&r);
	next = rd_of(at(block, (n + 1) * DIRENT_BYTES, DIRENT_BYTES));
	(void)rd_le64(&next);
	to = n + 1 < count ? rd_le16(&next) : (uint32_t)block.n;
	if (!rd_ok(&r) || from < names || to < from || to > block.n)
		return -EBADMSG;
	*ret_name = at(block, from, to - from);
	/* The last of a block ends where its padding begins. */
	if (n + 1 == count && str_find(*ret_name, 0) >= 0)
		*ret_name = str_head(*ret_name, (size_t)str_find(*ret_name, 0));
	return 0;
}

int erofs_next(struct str image, const struct erofs_inode *dir, uint64_t *cursor, struct str *ret_name,
	       uint64_t *ret_nid, struct err *e)
{
	for (;;) {
		uint64_t offset = (*cursor >> 16) * BLOCK, entry = *cursor & 0xffff;
		struct str block = str_head(erofs_bytes(image, dir, offset), BLOCK);
		int r;

		if (!block.n)
			return 0;
		r = entry_of(block, entry, ret_name, ret_nid);
		if (r == -ERANGE) {
			*cursor = ((*cursor >> 16) + 1) << 16;
			continue;
		}
		if (r < 0)
			return bad(e, "a bad directory");
		++*cursor;
		if (str_is(*ret_name, ".") || str_is(*ret_name, ".."))
			continue;
		return name_ok(*ret_name) ? 1 : bad(e, "a name that cannot be");
	}
}

bool erofs_xattr_next(struct str *rest, const char **ret_prefix, struct str *ret_name, struct str *ret_value)
{
	struct rd r = rd_of(*rest);
	uint8_t n = rd_u8(&r), index = rd_u8(&r);
	uint16_t bytes = rd_le16(&r);
	size_t whole;

	*ret_name = rd_str(&r, n);
	*ret_value = rd_str(&r, bytes);
	if (!rd_ok(&r))
		return false;
	whole = (4u + n + bytes + 3u) / 4 * 4;
	*rest = str_from(*rest, whole);
	*ret_prefix = index < ARRAY_LEN(prefixes) ? prefixes[index] : NULL;
	return true;
}
