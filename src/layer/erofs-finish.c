/* erofs-finish: what is written when all names are known: directories, counts of links, the super block. See erofs.h.
 */
#include "layer/erofs-part.h"

#define SUPER_MAGIC 0xE0F5E1E2u
#define DIRENT_BYTES 12u
#define ROOT_NID 36u /* right behind the super block: the number has 16 bits there */

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
		n->dir->xattrs = erofs_xattrs_opaque(w, n->dir->xattrs);
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
		r = erofs_block_new(w, blocks, &d->data_at, e);
	if (r < 0)
		return r;
	n->nid = ROOT_NID;
	return d->node ? erofs_meta_place(w, head + d->tail, &n->nid, e) : 0;
}

static int dir_block_put(struct finish *f, const struct dir *d, uint64_t offset, const uint8_t *block, uint32_t n,
			 struct err *e)
{
	struct erofs *w = f->w;
	const struct node *node = &w->node.v[d->node];

	if (offset < d->bytes - d->tail)
		return w->sink.write(w->sink.ctx, d->data_at + offset, block, n, e);
	return erofs_meta_put(w, node->nid * SLOT + INODE_BYTES + node->dir->xattrs.n, block, n, e);
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
	int r = erofs_inode_put(w, n->nid, d->node, n->dir, d->tail ? FLAT_INLINE : FLAT_PLAIN, d->bytes,
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
		r = erofs_meta_put(w, n->nid * SLOT + INODE_NLINK_AT, b, sizeof(b), e);
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
	r = r < 0 ? r : erofs_open_flush(w, e);
	r = r < 0 ? r : super_write(w, e);
	*ret_bytes = w->next_block * BLOCK;
	free(f.child);
	vec_done(&f.dir);
	return r;
}
