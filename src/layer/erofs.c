/* erofs: a layer as a read-only file system. See erofs.h.
 *
 * Everything lies where it falls: the metadata area of EROFS begins at block 0 here, so that an inode may stand at any
 * multiple of 32 bytes in the image. Whole blocks of a file go out as they come; its inode, attributes and last partial
 * block follow into the open metadata block. Directories are written at the end, when all names are known. */
#include "layer/erofs.h"

#include <assert.h>

#include "base/path.h"
#include "layer/erofs-part.h"

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
#define NO_NODE UINT32_MAX

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

int erofs_block_new(struct erofs *w, uint64_t blocks, uint64_t *ret_at, struct err *e)
{
	if (blocks > EROFS_BYTES_MAX / BLOCK - w->next_block)
		return err_set(e, -E2BIG, "a layer of more than %llu bytes", (unsigned long long)EROFS_BYTES_MAX);
	*ret_at = w->next_block * BLOCK;
	w->next_block += blocks;
	return 0;
}

int erofs_open_flush(struct erofs *w, struct err *e)
{
	return w->sink.write(w->sink.ctx, w->open_at, w->open, w->open_used, e);
}

int erofs_meta_place(struct erofs *w, uint32_t bytes, uint64_t *ret_nid, struct err *e)
{
	uint32_t at = (w->open_used + SLOT - 1) / SLOT * SLOT;
	int r;

	assert(bytes <= BLOCK);
	if (at + bytes > BLOCK) {
		r = erofs_open_flush(w, e);
		r = r < 0 ? r : erofs_block_new(w, 1, &w->open_at, e);
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

int erofs_meta_put(struct erofs *w, uint64_t at, const void *p, size_t n, struct err *e)
{
	if (n && at >= w->open_at && at + n <= w->open_at + BLOCK) {
		memcpy(w->open + (at - w->open_at), p, n);
		return 0;
	}
	return n ? w->sink.write(w->sink.ctx, at, p, n, e) : 0;
}

int erofs_inode_put(struct erofs *w, uint64_t nid, uint32_t number, const struct attributes *a, enum layout layout,
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
	r = erofs_meta_put(w, nid * SLOT, b, sizeof(b), e);
	return r < 0 ? r : erofs_meta_put(w, nid * SLOT + INODE_BYTES, a->xattrs.p, a->xattrs.n, e);
}

/* An inode with what fits behind it. */
static int inode_add(struct erofs *w, uint32_t node, const struct attributes *a, enum layout layout, uint64_t size,
		     uint32_t where, struct str tail, struct err *e)
{
	struct node *n = &w->node.v[node];
	uint32_t head = INODE_BYTES + (uint32_t)a->xattrs.n;
	int r = erofs_meta_place(w, head + (uint32_t)tail.n, &n->nid, e);

	r = r < 0 ? r : erofs_inode_put(w, n->nid, node, a, layout, size, where, 1, e);
	return r < 0 ? r : erofs_meta_put(w, n->nid * SLOT + head, tail.p, tail.n, e);
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
struct str erofs_xattrs_opaque(struct erofs *w, struct str present)
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
		r = erofs_block_new(w, blocks, &w->data_at, e);
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
