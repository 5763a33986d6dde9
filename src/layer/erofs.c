/* erofs: a layer as a read-only file system. See erofs.h.
 *
 * Everything lies where it falls: the metadata area of EROFS begins at block 0 here, so that an inode may stand at any
 * multiple of 32 bytes in the image. Whole blocks of a file go out as they come; its inode, attributes and last partial
 * block follow into the open metadata block. Directories are written at the end, when all names are known. */
#include "layer/erofs.h"

#include <assert.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/path.h"

/* erofs_fs.h: sizes, magic and offsets of the format */
#define BLOCK 4096u
#define SLOT 32u
#define SUPER_AT 1024u
#define SUPER_BYTES 128u
#define SUPER_MAGIC 0xE0F5E1E2u
#define ROOT_NID 36u	       /* right behind the super block: the number has 16 bits there */
#define ROOT_XATTRS_BYTES 256u /* kept free behind it */
#define INODE_BYTES 64u
#define INODE_NLINK_AT 44u
#define XATTR_HEADER_BYTES 12u
#define DIRENT_BYTES 12u
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

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
#define NO_NODE UINT32_MAX

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

struct erofs *erofs_new(const struct erofs_sink *sink)
{
	struct erofs *w = xcalloc(1, sizeof(*w));
	struct node *root = vec_add(&w->node);

	w->sink = *sink;
	w->file = NO_NODE;
	root->type = FT_DIR;
	root->nlink = 2;
	w->next_block = 1;
	w->open_used = SUPER_AT + SUPER_BYTES + INODE_BYTES + ROOT_XATTRS_BYTES;
	return w;
}

void erofs_free(struct erofs *w)
{
	if (!w)
		return;
	map_done(&w->by_name);
	vec_done(&w->node);
	arena_done(&w->arena);
	free(w);
}

/* ---- names ---- */

static struct str name_key(uint32_t parent, struct str name, char room[4 + NAME_MAX_BYTES])
{
	memcpy(room, &parent, sizeof(parent));
	memcpy(room + sizeof(parent), name.p, name.n);
	return str_n(room, sizeof(parent) + name.n);
}

static uint32_t child_find(struct erofs *w, uint32_t parent, struct str name)
{
	char room[4 + NAME_MAX_BYTES];
	const uint32_t *found;

	if (name.n > NAME_MAX_BYTES)
		return NO_NODE;
	found = map_get(&w->by_name, name_key(parent, name, room));
	return found ? *found : NO_NODE;
}

/* A new node under this name; what was there before is no longer. */
static int child_add(struct erofs *w, uint32_t parent, struct str name, uint8_t type, uint32_t *ret, struct err *e)
{
	char room[4 + NAME_MAX_BYTES];
	struct str key;
	struct node *n;
	uint32_t *slot;
	bool added;

	if (!name.n || name.n > NAME_MAX_BYTES)
		return err_set(e, -EBADMSG, "a file name of %zu bytes", name.n);
	if (w->node.n >= EROFS_ENTRIES_MAX)
		return err_set(e, -E2BIG, "more than %u names in one layer", EROFS_ENTRIES_MAX);
	key = arena_str(&w->arena, name_key(parent, name, room));
	slot = map_put(&w->by_name, key, 0, &added);
	if (!added)
		w->node.v[*slot].dead = true;
	*slot = *ret = (uint32_t)w->node.n;
	n = vec_add(&w->node);
	n->name = str_from(key, sizeof(parent));
	n->parent = parent;
	n->type = type;
	n->origin = *ret;
	n->nlink = type == FT_DIR ? 2 : 0; /* names are counted at the end, when it is known which remain */
	return 0;
}

/* The directory that a path's last part lies in, made where the layer leaves it out. Links on the way are followed
 * inside the layer, as somebody who unpacks it would. */
static int parent_of(struct erofs *w, struct str path, bool make, uint32_t *ret_dir, struct str *ret_name,
		     struct err *e)
{
	auto_arena struct arena room = { 0 };
	struct str done = STR(""), rest = path, part;
	unsigned int followed = 0;
	uint32_t dir = 0;

	while (str_cut(&rest, '/', &part) && rest.p && rest.n) {
		uint32_t next = child_find(w, dir, part);
		int r;

		if (next == NO_NODE && !make)
			return -ENOENT;
		if (next == NO_NODE) {
			r = child_add(w, dir, part, FT_DIR, &next, e);
			if (r < 0)
				return r;
		}
		if (w->node.v[next].type == FT_SYMLINK) {
			if (++followed > EROFS_FOLLOW_MAX)
				return err_set(e, -ELOOP, STR_FMT ": too many links", STR_ARG(path));
			done = path_resolve(&room, done, w->node.v[next].target);
			rest = done.n ? arena_fmt(&room, STR_FMT "/" STR_FMT, STR_ARG(done), STR_ARG(rest)) : rest;
			done = STR("");
			dir = 0;
			continue;
		}
		if (w->node.v[next].type != FT_DIR)
			return err_set(e, -ENOTDIR, STR_FMT ": lies below something that is no directory",
				       STR_ARG(path));
		done = done.n ? arena_fmt(&room, STR_FMT "/" STR_FMT, STR_ARG(done), STR_ARG(part)) : part;
		dir = next;
	}
	*ret_dir = dir;
	*ret_name = str_n(path.p + path.n - part.n, part.n); /* `rest` always ends as the path does */
	return 0;
}

/* ---- metadata ---- */

static int block_new(struct erofs *w, uint64_t blocks, uint64_t *ret_at, struct err *e)
{
	if (blocks > EROFS_BYTES_MAX / BLOCK - w->next_block)
		return err_set(e, -E2BIG, "a layer of more than %llu bytes", (unsigned long long)EROFS_BYTES_MAX);
	*ret_at = w->next_block * BLOCK;
	w->next_block += blocks;
	return 0;
}

static int open_flush(struct erofs *w, struct err *e)
{
	return w->sink.write(w->sink.ctx, w->open_at, w->open, w->open_used, e);
}

/* Room in one block for an inode and what lies behind it. */
static int meta_place(struct erofs *w, uint32_t bytes, uint64_t *ret_nid, struct err *e)
{
	uint32_t at = (w->open_used + SLOT - 1) / SLOT * SLOT;
	int r;

	assert(bytes <= BLOCK);
	if (at + bytes > BLOCK) {
		r = open_flush(w, e);
		r = r < 0 ? r : block_new(w, 1, &w->open_at, e);
		if (r < 0)
			return r;
		memset(w->open, 0, sizeof(w->open));
		at = 0;
	}
	w->open_used = at + bytes;
	*ret_nid = (w->open_at + at) / SLOT;
	w->nids++;
	return 0;
}

/* Bytes at a place given out before: often in the block that is still open. */
static int meta_put(struct erofs *w, uint64_t at, const void *p, size_t n, struct err *e)
{
	if (n && at >= w->open_at && at + n <= w->open_at + BLOCK) {
		memcpy(w->open + (at - w->open_at), p, n);
		return 0;
	}
	return n ? w->sink.write(w->sink.ctx, at, p, n, e) : 0;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v & 0xffff);
	put16(p + 2, v >> 16);
}

static void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)v);
	put32(p + 4, (uint32_t)(v >> 32));
}

static int inode_put(struct erofs *w, uint64_t nid, uint32_t number, const struct attributes *a, enum layout layout,
		     uint64_t size, uint32_t where, uint32_t nlink, struct err *e)
{
	uint8_t b[INODE_BYTES] = { 0 };
	int r;

	put16(b, FORMAT(layout));
	put16(b + 2, a->xattrs.n ? (uint32_t)(a->xattrs.n - XATTR_HEADER_BYTES) / 4 + 1 : 0);
	put16(b + 4, a->mode);
	put64(b + 8, size);
	put32(b + 16, where); /* first block, or the device */
	put32(b + 20, number + 1);
	put32(b + 24, a->uid);
	put32(b + 28, a->gid);
	put64(b + 32, (uint64_t)a->mtime);
	put32(b + INODE_NLINK_AT, nlink);
	r = meta_put(w, nid * SLOT, b, sizeof(b), e);
	return r < 0 ? r : meta_put(w, nid * SLOT + INODE_BYTES, a->xattrs.p, a->xattrs.n, e);
}

/* An inode with what fits behind it. */
static int inode_add(struct erofs *w, uint32_t node, const struct attributes *a, enum layout layout, uint64_t size,
		     uint32_t where, struct str tail, struct err *e)
{
	struct node *n = &w->node.v[node];
	uint32_t head = INODE_BYTES + (uint32_t)a->xattrs.n;
	int r = meta_place(w, head + (uint32_t)tail.n, &n->nid, e);

	r = r < 0 ? r : inode_put(w, n->nid, node, a, layout, size, where, 1, e);
	return r < 0 ? r : meta_put(w, n->nid * SLOT + head, tail.p, tail.n, e);
}

/* ---- attributes ---- */

/* erofs_fs.h EROFS_XATTR_INDEX_...; what is not here is left out. */
static const struct {
	const char *prefix;
	uint8_t index;
	bool whole; /* nothing follows the prefix */
} xattr_kinds[] = {
	{ "user.", 1, false },
	{ "system.posix_acl_access", 2, true },
	{ "system.posix_acl_default", 3, true },
	{ "security.", 6, false },
};

static void xattr_put(struct buf *b, uint8_t index, struct str name, struct str value)
{
	uint8_t head[4] = { (uint8_t)name.n, index };

	put16(head + 2, (uint32_t)value.n);
	buf_add(b, head, sizeof(head));
	buf_str(b, name);
	buf_str(b, value);
	while (b->n % 4)
		buf_char(b, 0);
}

static void xattr_take(struct buf *b, struct str name, struct str value)
{
	if (str_is(name, "security.selinux") || str_starts(name, STR("user.overlay.")))
		return;
	for (size_t i = 0; i < ARRAY_LEN(xattr_kinds); i++) {
		struct str prefix = str_c(xattr_kinds[i].prefix);
		struct str rest = str_from(name, prefix.n);

		if (!str_starts(name, prefix) || xattr_kinds[i].whole != !rest.n || rest.n > NAME_MAX_BYTES)
			continue;
		xattr_put(b, xattr_kinds[i].index, rest, value);
		return;
	}
}

static const char xattr_header[XATTR_HEADER_BYTES];

static int xattrs_of(struct erofs *w, const struct tar_entry *t, struct str *ret, struct err *e)
{
	struct str rest = t->pax, name, value;
	auto_buf struct buf b;

	buf_init(&b, EROFS_XATTRS_MAX);
	buf_add(&b, xattr_header, sizeof(xattr_header));
	while (tar_xattr_next(&rest, &name, &value))
		xattr_take(&b, name, value);
	if (buf_finish(&b) < 0)
		return err_set(e, -E2BIG, STR_FMT ": more than %u bytes of extended attributes", STR_ARG(t->path),
			       EROFS_XATTRS_MAX);
	*ret = b.n > sizeof(xattr_header) ? arena_str(&w->arena, buf_all(&b)) : STR_NONE;
	return 0;
}

/* A directory's attributes with overlayfs' word for "nothing from below". */
static struct str xattrs_opaque(struct erofs *w, struct str present)
{
	auto_buf struct buf b;

	buf_init(&b, 2 * EROFS_XATTRS_MAX);
	buf_add(&b, xattr_header, sizeof(xattr_header));
	xattr_put(&b, 4, STR("overlay.opaque"), STR("y")); /* EROFS_XATTR_INDEX_TRUSTED */
	buf_str(&b, str_from(present, XATTR_HEADER_BYTES));
	return arena_str(&w->arena, buf_all(&b));
}

static uint32_t id_of(uint64_t id)
{
	return id > UINT32_MAX ? 0 : (uint32_t)id;
}

static int attributes_of(struct erofs *w, const struct tar_entry *t, uint32_t type, struct attributes *ret,
			 struct err *e)
{
	*ret = (struct attributes){
		.uid = id_of(t->uid), .gid = id_of(t->gid), .mode = (uint16_t)(type | t->mode), .mtime = t->mtime
	};
	return xattrs_of(w, t, &ret->xattrs, e);
}

/* ---- entries ---- */

static int add_dir(struct erofs *w, const struct tar_entry *t, uint32_t parent, struct str name, struct err *e)
{
	struct attributes a;
	uint32_t node = name.n ? child_find(w, parent, name) : 0;
	int r = attributes_of(w, t, MODE_DIR, &a, e);

	if (r == 0 && (node == NO_NODE || w->node.v[node].type != FT_DIR))
		r = child_add(w, parent, name, FT_DIR, &node, e);
	if (r < 0)
		return r;
	if (!w->node.v[node].dir)
		w->node.v[node].dir = arena_new(&w->arena, struct attributes);
	*w->node.v[node].dir = a;
	return 0;
}

static int add_symlink(struct erofs *w, const struct tar_entry *t, uint32_t parent, struct str name, struct err *e)
{
	struct attributes a;
	uint32_t node;
	int r = attributes_of(w, t, MODE_LNK | 0777, &a, e);

	/* What lies behind an inode lies in its block. */
	if (r == 0 && (!t->link.n || INODE_BYTES + a.xattrs.n + t->link.n > BLOCK))
		r = err_set(e, -EBADMSG, STR_FMT ": a link to a name of %zu bytes", STR_ARG(t->path), t->link.n);
	r = r < 0 ? r : child_add(w, parent, name, FT_SYMLINK, &node, e);
	if (r < 0)
		return r;
	w->node.v[node].target = arena_str(&w->arena, t->link);
	return inode_add(w, node, &a, FLAT_INLINE, t->link.n, 0, t->link, e);
}

static int add_hardlink(struct erofs *w, const struct tar_entry *t, uint32_t parent, struct str name, struct err *e)
{
	uint32_t dir, target = NO_NODE, node;
	struct str base;
	int r = t->link.n ? parent_of(w, t->link, false, &dir, &base, e) : -ENOENT;

	if (r == 0)
		target = child_find(w, dir, base);
	else if (r != -ENOENT)
		return r;
	if (target == NO_NODE || w->node.v[target].type == FT_DIR)
		return err_set(e, -EBADMSG, STR_FMT ": a hard link to " STR_FMT ", which is no file of this layer",
			       STR_ARG(t->path), STR_ARG(t->link));
	if (target == child_find(w, parent, name))
		return 0; /* to itself */
	target = w->node.v[target].origin;
	r = child_add(w, parent, name, w->node.v[target].type, &node, e);
	if (r < 0)
		return r;
	w->node.v[node].origin = target;
	w->node.v[node].target = w->node.v[target].target;
	return 0;
}

/* new_encode_dev() of the kernel */
static uint32_t device_number(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffu) << 12;
}

static int add_special(struct erofs *w, const struct tar_entry *t, uint32_t parent, struct str name, struct err *e)
{
	bool block = t->type == TAR_BLOCK_DEVICE, fifo = t->type == TAR_FIFO;
	struct attributes a;
	uint32_t node;
	int r = attributes_of(w, t, fifo ? MODE_FIFO : block ? MODE_BLK : MODE_CHR, &a, e);

	/* A device 0:0 would be a whiteout. */
	if (r == 0 && t->type == TAR_CHAR && !t->major && !t->minor)
		return err_set(e, -EBADMSG, STR_FMT ": a character device 0:0", STR_ARG(t->path));
	r = r < 0 ? r : child_add(w, parent, name, fifo ? FT_FIFO : block ? FT_BLK : FT_CHR, &node, e);
	return r < 0 ? r
		     : inode_add(w, node, &a, FLAT_PLAIN, 0, fifo ? 0 : device_number(t->major, t->minor), STR_NONE, e);
}

static int add_whiteout(struct erofs *w, uint32_t parent, struct str name, struct err *e)
{
	struct attributes a = { .mode = MODE_CHR };
	uint32_t node;
	int r = child_find(w, parent, name) == NO_NODE ? child_add(w, parent, name, FT_CHR, &node, e) : 1;

	/* What the layer itself holds under the name stays: a whiteout speaks of lower layers (image-spec layer.md). */
	return r ? (r > 0 ? 0 : r) : inode_add(w, node, &a, FLAT_PLAIN, 0, 0, STR_NONE, e);
}

/* Where the bytes will lie is known from the size: whole blocks in a row, the rest behind the inode if it fits there.
 */
static int file_begin(struct erofs *w, const struct tar_entry *t, uint32_t parent, struct str name, struct err *e)
{
	uint64_t blocks;
	int r = attributes_of(w, t, MODE_REG, &w->attr, e);

	if (r == 0 && t->size > EROFS_BYTES_MAX)
		r = err_set(e, -E2BIG, STR_FMT ": a file of %llu bytes", STR_ARG(t->path), (unsigned long long)t->size);
	r = r < 0 ? r : child_add(w, parent, name, FT_REG, &w->file, e);
	if (r < 0)
		return r;
	w->size = t->size;
	w->tail = (uint32_t)(t->size % BLOCK);
	blocks = t->size / BLOCK;
	if (INODE_BYTES + w->attr.xattrs.n + w->tail > BLOCK) {
		w->tail = 0;
		blocks++;
	}
	w->data_at = 0;
	if (blocks)
		r = block_new(w, blocks, &w->data_at, e);
	memset(w->tail_bytes, 0, w->tail);
	return r < 0 ? r : 1;
}

int erofs_entry(struct erofs *w, const struct tar_entry *t, struct err *e)
{
	uint32_t parent = 0;
	struct str name = STR("");
	int r;

	if (t->bad_name)
		return err_set(e, -EBADMSG, "a name that cannot be: " STR_FMT,
			       STR_ARG(str_head(t->raw_name, NAME_MAX_BYTES)));
	r = t->path.n ? parent_of(w, t->path, true, &parent, &name, e) : 0;
	if (r < 0)
		return r;
	if (str_is(name, OPAQUE)) {
		w->node.v[parent].opaque = true;
		return 0;
	}
	if (str_starts(name, STR(WHITEOUT ".wh.")))
		return 0; /* AUFS's own book-keeping */
	if (str_starts(name, STR(WHITEOUT)))
		return add_whiteout(w, parent, str_from(name, sizeof(WHITEOUT) - 1), e);
	switch (t->type) {
	case TAR_FILE:
		return file_begin(w, t, parent, name, e);
	case TAR_DIR:
		return add_dir(w, t, parent, name, e);
	case TAR_SYMLINK:
		return add_symlink(w, t, parent, name, e);
	case TAR_HARDLINK:
		return add_hardlink(w, t, parent, name, e);
	case TAR_CHAR:
	case TAR_BLOCK_DEVICE:
	case TAR_FIFO:
		return add_special(w, t, parent, name, e);
	case TAR_OTHER:
		break;
	}
	return 0; /* a kind of entry that engines pass over too */
}

int erofs_data(struct erofs *w, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	uint64_t whole = w->size - w->tail;
	size_t first;
	int r = 0;

	if (offset > w->size || n > w->size - offset)
		return err_set(e, -EBADMSG, "more bytes than the file has");
	first = offset >= whole ? 0 : n < whole - offset ? n : (size_t)(whole - offset);
	if (first)
		r = w->sink.write(w->sink.ctx, w->data_at + offset, p, first, e);
	if (n > first)
		memcpy(w->tail_bytes + (offset + first - whole), p + first, n - first);
	return r;
}

int erofs_end(struct erofs *w, struct err *e)
{
	struct str tail = str_n(w->tail_bytes, w->tail);
	uint32_t file = w->file;

	w->file = NO_NODE;
	return inode_add(w, file, &w->attr, w->tail ? FLAT_INLINE : FLAT_PLAIN, w->size, (uint32_t)(w->data_at / BLOCK),
			 tail, e);
}

/* ---- directories ---- */

struct child {
	struct str name;
	uint32_t node;
};

struct dir {
	uint32_t node;
	size_t first, n; /* of the children */
	uint64_t bytes, data_at;
	uint32_t tail; /* bytes of the last block, behind the inode; 0: none */
};

struct finish {
	struct erofs *w;
	struct child *child; /* by parent and name */
	size_t n;
	VEC(struct dir) dir;
};

static bool is_alive(const struct erofs *w, uint32_t node)
{
	for (; node; node = w->node.v[node].parent)
		if (w->node.v[node].dead)
			return false;
	return true;
}

static int by_parent_and_name(const void *va, const void *vb, void *ctx)
{
	const struct node *node = ctx;
	const struct child *a = va, *b = vb;
	uint32_t pa = node[a->node].parent, pb = node[b->node].parent;

	return pa != pb ? (pa > pb) - (pa < pb) : str_cmp(a->name, b->name);
}

/* The names of one directory in order, "." and ".." among them. */
struct walk {
	const struct finish *f;
	const struct dir *d;
	size_t at;
	unsigned int dots; /* of "." and ".." given */
};

static bool walk_next(struct walk *k, struct str *ret_name, uint32_t *ret_node)
{
	static const struct str dots[] = { { ".", 1 }, { "..", 2 } };
	const struct child *c = k->at < k->d->n ? &k->f->child[k->d->first + k->at] : NULL;

	if (k->dots < 2 && (!c || str_cmp(dots[k->dots], c->name) < 0)) {
		*ret_name = dots[k->dots];
		*ret_node = k->dots ? k->f->w->node.v[k->d->node].parent : k->d->node;
		k->dots++;
		return true;
	}
	if (!c)
		return false;
	*ret_name = c->name;
	*ret_node = c->node;
	k->at++;
	return true;
}

/* How many bytes the names of a directory take: blocks are filled one after the other, no name crosses. */
static uint64_t dir_bytes(const struct finish *f, const struct dir *d)
{
	struct walk k = { f, d, 0, 0 };
	uint64_t whole = 0;
	uint32_t used = 0, node;
	struct str name;

	while (walk_next(&k, &name, &node)) {
		uint32_t more = DIRENT_BYTES + (uint32_t)name.n;

		if (used + more > BLOCK) {
			whole += BLOCK;
			used = 0;
		}
		used += more;
	}
	return whole + used;
}

static int dir_place(struct finish *f, struct dir *d, struct err *e)
{
	struct erofs *w = f->w;
	struct node *n = &w->node.v[d->node];
	uint64_t blocks;
	uint32_t head;
	int r = 0;

	d->bytes = dir_bytes(f, d);
	d->tail = (uint32_t)(d->bytes % BLOCK);
	if (!n->dir) {
		n->dir = arena_new(&w->arena, struct attributes);
		n->dir->mode = MODE_DIR | 0755;
	}
	if (n->opaque)
		n->dir->xattrs = xattrs_opaque(w, n->dir->xattrs);
	if (n->dir->xattrs.n > (d->node ? EROFS_XATTRS_MAX : ROOT_XATTRS_BYTES))
		return err_set(e, -E2BIG, "/" STR_FMT ": too many extended attributes", STR_ARG(n->name));
	blocks = d->bytes / BLOCK;
	head = INODE_BYTES + (uint32_t)n->dir->xattrs.n;
	/* The root's place is fixed, and only big enough for the inode. */
	if (head + d->tail > BLOCK || !d->node) {
		blocks += d->tail > 0;
		d->tail = 0;
	}
	if (blocks)
		r = block_new(w, blocks, &d->data_at, e);
	if (r < 0)
		return r;
	n->nid = ROOT_NID;
	return d->node ? meta_place(w, head + d->tail, &n->nid, e) : 0;
}

static int dir_block_put(struct finish *f, const struct dir *d, uint64_t offset, const uint8_t *block, uint32_t n,
			 struct err *e)
{
	struct erofs *w = f->w;
	const struct node *node = &w->node.v[d->node];

	if (offset < d->bytes - d->tail)
		return w->sink.write(w->sink.ctx, d->data_at + offset, block, n, e);
	return meta_put(w, node->nid * SLOT + INODE_BYTES + node->dir->xattrs.n, block, n, e);
}

static int dir_block(struct finish *f, const struct dir *d, struct walk *k, uint64_t offset, struct err *e)
{
	struct walk ahead = *k;
	uint8_t block[BLOCK] = { 0 };
	uint32_t entries = 0, used = 0, node, name_at;
	struct str name;

	for (struct walk next = ahead; walk_next(&next, &name, &node) && used + DIRENT_BYTES + name.n <= BLOCK;
	     ahead = next) {
		used += DIRENT_BYTES + (uint32_t)name.n;
		entries++;
	}
	name_at = entries * DIRENT_BYTES;
	for (uint32_t i = 0; i < entries && walk_next(k, &name, &node); i++) {
		const struct node *n = &f->w->node.v[node];
		uint8_t *entry = block + i * DIRENT_BYTES;

		put64(entry, f->w->node.v[n->origin].nid);
		put16(entry + 8, name_at);
		entry[10] = n->type;
		memcpy(block + name_at, name.p, name.n);
		name_at += (uint32_t)name.n;
	}
	return dir_block_put(f, d, offset, block, used, e);
}

static int dir_write(struct finish *f, const struct dir *d, struct err *e)
{
	struct erofs *w = f->w;
	const struct node *n = &w->node.v[d->node];
	struct walk k = { f, d, 0, 0 };
	int r = inode_put(w, n->nid, d->node, n->dir, d->tail ? FLAT_INLINE : FLAT_PLAIN, d->bytes,
			  (uint32_t)(d->data_at / BLOCK), n->nlink, e);

	for (uint64_t at = 0; r == 0 && at < d->bytes; at += BLOCK)
		r = dir_block(f, d, &k, at, e);
	return r;
}

/* The living, by parent; every living directory, with its children. */
static void finish_collect(struct finish *f)
{
	struct erofs *w = f->w;
	size_t at = 0;

	f->child = xcalloc(w->node.n, sizeof(*f->child));
	for (uint32_t i = 1; i < w->node.n; i++) {
		if (!is_alive(w, i))
			continue;
		f->child[f->n++] = (struct child){ w->node.v[i].name, i };
		if (w->node.v[i].type != FT_DIR)
			w->node.v[w->node.v[i].origin].nlink++;
	}
	qsort_r(f->child, f->n, sizeof(*f->child), by_parent_and_name, w->node.v);
	for (uint32_t i = 0; i < w->node.n; i++) {
		struct dir *d;

		if (w->node.v[i].type != FT_DIR || !is_alive(w, i))
			continue;
		d = vec_add(&f->dir);
		d->node = i;
		d->first = at;
		for (; at < f->n && w->node.v[f->child[at].node].parent == i; at++)
			w->node.v[i].nlink += w->node.v[f->child[at].node].type == FT_DIR;
		d->n = at - d->first;
	}
}

static int super_write(struct erofs *w, struct err *e)
{
	uint8_t b[SUPER_BYTES] = { 0 };

	put32(b, SUPER_MAGIC);
	b[12] = 12; /* log2 of the block size */
	put16(b + 14, ROOT_NID);
	put64(b + 16, w->nids + 1);
	put32(b + 36, (uint32_t)w->next_block);
	return w->sink.write(w->sink.ctx, SUPER_AT, b, sizeof(b), e);
}

static int links_write(struct erofs *w, struct err *e)
{
	int r = 0;

	for (size_t i = 1; i < w->node.n && r == 0; i++) {
		const struct node *n = &w->node.v[i];
		uint8_t b[4];

		if (n->type == FT_DIR || n->nlink < 2)
			continue;
		put32(b, n->nlink);
		r = meta_put(w, n->nid * SLOT + INODE_NLINK_AT, b, sizeof(b), e);
	}
	return r;
}

int erofs_finish(struct erofs *w, uint64_t *ret_bytes, struct err *e)
{
	struct finish f = { .w = w };
	int r = 0;

	finish_collect(&f);
	for (size_t i = 0; i < f.dir.n && r == 0; i++)
		r = dir_place(&f, &f.dir.v[i], e);
	for (size_t i = 0; i < f.dir.n && r == 0; i++)
		r = dir_write(&f, &f.dir.v[i], e);
	r = r < 0 ? r : links_write(w, e);
	r = r < 0 ? r : open_flush(w, e);
	r = r < 0 ? r : super_write(w, e);
	*ret_bytes = w->next_block * BLOCK;
	free(f.child);
	vec_done(&f.dir);
	return r;
}
