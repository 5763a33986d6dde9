/* tree: the files of an image before they become a layer. See tree.h. */
#include "node/image/tree.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"

#define COPY_BYTES (256u << 10)
#define NONE UINT32_MAX
#define OCTAL_SIZE_MAX 077777777777ull /* 11 digits of a ustar field */
#define OCTAL_ID_MAX 07777777u

/* What containers may need; the rest (SELinux labels, overlayfs' own) is of the machine it was made on. */
static const char *const xattrs_kept[] = { "security.capability", "user." };

void tree_init(struct tree *t, int scratch)
{
	*t = (struct tree){ .scratch = scratch, .open = NONE };
}

void tree_done(struct tree *t)
{
	vec_done(&t->nodes);
	map_done(&t->by_path);
	arena_done(&t->arena);
	fd_close(&t->scratch);
}

struct tree_node *tree_find(struct tree *t, struct str path)
{
	uint32_t *at = map_get(&t->by_path, path);

	return at && !t->nodes.v[*at].gone ? &t->nodes.v[*at] : NULL;
}

/* -------- names -------- */

static struct str join(struct arena *a, struct str dir, struct str name)
{
	return dir.n ? arena_fmt(a, STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(name)) : arena_str(a, name);
}

/* Where a name leads: links on the way are followed, the last part's own only with `last`. */
static int resolve(struct tree *t, struct str path, bool last, struct str *ret, struct err *e)
{
	struct str done = STR_NONE, rest = path, part;
	unsigned int followed = 0;

	while (rest.n && str_cut(&rest, '/', &part)) {
		struct str here = join(&t->arena, done, part);
		const struct tree_node *n = tree_find(t, here);

		if (!n || n->type != TAR_SYMLINK || (!rest.n && !last)) {
			if (n && n->type != TAR_DIR && rest.n)
				return err_set(e, -ENOTDIR, STR_FMT ": " STR_FMT " is no directory", STR_ARG(path),
					       STR_ARG(here));
			done = here;
			continue;
		}
		if (++followed > TREE_FOLLOW_MAX)
			return err_set(e, -ELOOP, STR_FMT ": more than %u links", STR_ARG(path), TREE_FOLLOW_MAX);
		struct str target = path_resolve(&t->arena, done, n->link);

		rest = rest.n ? join(&t->arena, target, rest) : target;
		if (rest.n > PATH_BYTES_MAX)
			return err_set(e, -ENAMETOOLONG, STR_FMT, STR_ARG(path));
		done = STR_NONE;
	}
	*ret = done;
	return 0;
}

/* -------- nodes -------- */

static int node_add(struct tree *t, struct str path, enum tar_type type, struct tree_node **ret, struct err *e)
{
	struct tree_node *n;
	bool added;
	uint32_t *at;

	if (t->nodes.n >= TREE_NODES_MAX)
		return err_set(e, -E2BIG, "more than %u files", TREE_NODES_MAX);
	at = map_put(&t->by_path, path, (uint32_t)t->nodes.n, &added);
	if (added)
		vec_add(&t->nodes);
	n = &t->nodes.v[*at];
	*n = (struct tree_node){ .path = path, .type = type, .owner = t->owner, .file = NONE, .mtime = INT64_MAX };
	*ret = n;
	return 0;
}

static int parents_make(struct tree *t, struct str path, struct err *e)
{
	struct tree_node *n;

	for (size_t i = 0; i < path.n; i++) {
		struct str dir = str_head(path, i);
		int r;

		if (path.p[i] != '/' || tree_find(t, dir))
			continue;
		r = node_add(t, arena_str(&t->arena, dir), TAR_DIR, &n, e);
		if (r < 0)
			return r;
		n->mode = 0755;
	}
	return 0;
}

static void xattrs_take(struct tree *t, struct tree_node *n, struct str pax)
{
	auto_buf struct buf b;
	struct str name, value;

	buf_init(&b, TAR_EXTENSION_MAX);
	while (tar_xattr_next(&pax, &name, &value)) {
		for (size_t i = 0; i < ARRAY_LEN(xattrs_kept); i++) {
			struct str kept = str_c(xattrs_kept[i]);
			size_t body = strlen("SCHILY.xattr.") + name.n + value.n + 3, digits = 1;

			if (!(str_ends(kept, STR(".")) ? str_starts(name, kept) : str_eq(name, kept)))
				continue;
			/* a record's length counts its own digits */
			for (size_t limit = 10; body + digits >= limit; limit *= 10)
				digits++;
			buf_fmt(&b, "%zu SCHILY.xattr." STR_FMT "=", body + digits, STR_ARG(name));
			buf_str(&b, value);
			buf_char(&b, '\n');
		}
	}
	n->xattrs = arena_str(&t->arena, buf_all(&b));
}

/* What is there already where something comes: 1 it stays and that was all, 0 it is replaced. */
static int meet(struct tree *t, struct tree_node *was, const struct tar_entry *entry, struct err *e)
{
	if (was->type == TAR_DIR && entry->type == TAR_DIR)
		return 1;
	if (was->type == TAR_SYMLINK && entry->type == TAR_SYMLINK && str_eq(was->link, entry->link))
		return 1;
	if (str_eq(was->owner, t->owner) && was->type != TAR_DIR && entry->type != TAR_DIR)
		return 0;
	return err_set(e, -EEXIST, STR_FMT " is brought by " STR_FMT " and by " STR_FMT, STR_ARG(was->path),
		       STR_ARG(was->owner.n ? was->owner : STR("the image itself")),
		       STR_ARG(t->owner.n ? t->owner : STR("the image itself")));
}

static int hardlink_take(struct tree *t, struct str path, struct str target, struct err *e)
{
	struct str real;
	struct tree_node *n, *of;
	int r = resolve(t, target, false, &real, e);

	if (r < 0)
		return r;
	of = tree_find(t, real);
	if (!target.n || !of || of->type != TAR_FILE)
		return err_set(e, -EBADMSG, STR_FMT " is a hard link to " STR_FMT ", which is no file here",
			       STR_ARG(path), STR_ARG(target.n ? target : STR("a bad name")));
	if (str_eq(real, path))
		return 0;
	struct tree_node copy = *of;

	r = node_add(t, path, TAR_FILE, &n, e);
	if (r < 0)
		return r;
	*n = copy;
	n->path = path;
	n->owner = t->owner;
	return 0;
}

static int entry_check(const struct tar_entry *entry, struct err *e)
{
	if (entry->bad_name)
		return err_set(e, -EBADMSG, "a file named " STR_FMT ", which leads out or is no name",
			       STR_ARG(str_head(entry->raw_name, 120)));
	if (entry->type == TAR_OTHER)
		return err_set(e, -ENOTSUP, STR_FMT " is of an unknown type", STR_ARG(entry->path));
	if (entry->type == TAR_SYMLINK && (!entry->link.n || entry->link.n > TREE_LINK_MAX))
		return err_set(e, -EBADMSG, STR_FMT " is a link to nothing, or to more than %u bytes",
			       STR_ARG(entry->path), TREE_LINK_MAX);
	return 0;
}

/* Where an entry goes: below what its parents lead to, and, for a directory, where a link at its own name leads to. */
static int entry_place(struct tree *t, const struct tar_entry *entry, struct str *ret, struct err *e)
{
	int r = resolve(t, entry->path, false, ret, e);

	if (r < 0 || entry->type != TAR_DIR)
		return r;
	return resolve(t, *ret, true, ret, e);
}

static int entry_begin(void *ctx, const struct tar_entry *entry, struct err *e)
{
	struct tree *t = ctx;
	struct str path;
	struct tree_node *n;
	int r = entry_check(entry, e);

	if (r < 0 || !entry->path.n) /* the root: what it is is ours to say */
		return r;
	r = entry_place(t, entry, &path, e);
	if (r < 0 || !path.n)
		return r;
	path = arena_str(&t->arena, path);
	n = tree_find(t, path);
	r = n ? meet(t, n, entry, e) : parents_make(t, path, e);
	if (r)
		return r < 0 ? r : 0;
	if (entry->type == TAR_HARDLINK)
		return hardlink_take(t, path, entry->link, e);
	r = node_add(t, path, entry->type, &n, e);
	if (r < 0)
		return r;
	n->mode = entry->mode & 07777;
	n->uid = entry->uid;
	n->gid = entry->gid;
	n->mtime = entry->mtime;
	n->major = entry->major;
	n->minor = entry->minor;
	if (entry->type == TAR_SYMLINK)
		n->link = arena_str(&t->arena, entry->link);
	xattrs_take(t, n, entry->pax);
	if (entry->type != TAR_FILE)
		return 0;
	if (entry->size > TREE_BYTES_MAX - t->scratch_bytes)
		return err_set(e, -E2BIG, STR_FMT ": more than %llu bytes of files", STR_ARG(path), TREE_BYTES_MAX);
	n->size = entry->size;
	n->offset = t->scratch_bytes;
	n->file = t->files++;
	t->open = (uint32_t)(n - t->nodes.v);
	t->scratch_bytes += entry->size;
	return 1;
}

static int scratch_write(struct tree *t, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	while (n) {
		ssize_t done = pwrite(t->scratch, p, n, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_errno(e, done < 0 ? -errno : -EIO, "writing the scratch file");
		p += done;
		n -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

static int entry_data(void *ctx, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	struct tree *t = ctx;
	int r = scratch_write(t, t->nodes.v[t->open].offset + offset, p, n, e);

	return r < 0 ? r : 1;
}

/* A sparse file's holes, and one that ends in a hole, are there as zeros. */
static int entry_end(void *ctx, struct err *e)
{
	struct tree *t = ctx;

	t->open = NONE;
	return ftruncate(t->scratch, (off_t)t->scratch_bytes) < 0 ? err_errno(e, -errno, "the scratch file") : 0;
}

struct layer_events tree_events(struct tree *t)
{
	return (struct layer_events){ t, entry_begin, entry_data, entry_end, NULL };
}

/* -------- made here -------- */

static int put(struct tree *t, struct str path, enum tar_type type, struct tree_node **ret, struct err *e)
{
	struct str real;
	int r = resolve(t, path, type == TAR_DIR, &real, e);

	if (r == 0)
		r = parents_make(t, real, e);
	*ret = r == 0 && type == TAR_DIR ? tree_find(t, real) : NULL;
	if (r == 0 && !*ret)
		r = node_add(t, arena_str(&t->arena, real), type, ret, e);
	return r;
}

int tree_put_dir(struct tree *t, struct str path, uint32_t mode, struct err *e)
{
	struct tree_node *n;
	int r = put(t, path, TAR_DIR, &n, e);

	if (r == 0)
		n->mode = mode;
	return r;
}

int tree_put_link(struct tree *t, struct str path, struct str target, struct err *e)
{
	struct tree_node *n;
	int r = put(t, path, TAR_SYMLINK, &n, e);

	if (r < 0)
		return r;
	n->mode = 0777;
	n->link = arena_str(&t->arena, target);
	return 0;
}

int tree_put_file(struct tree *t, struct str path, uint32_t mode, struct str bytes, struct err *e)
{
	struct tree_node *n;
	int r = put(t, path, TAR_FILE, &n, e);

	if (r < 0)
		return r;
	if (bytes.n > TREE_BYTES_MAX - t->scratch_bytes)
		return err_set(e, -E2BIG, STR_FMT ": more than %llu bytes of files", STR_ARG(path), TREE_BYTES_MAX);
	n->mode = mode;
	n->size = bytes.n;
	n->offset = t->scratch_bytes;
	n->file = t->files++;
	t->scratch_bytes += bytes.n;
	return scratch_write(t, n->offset, (const uint8_t *)bytes.p, bytes.n, e);
}

void tree_chown(struct tree *t, struct str path, uint64_t uid, uint64_t gid)
{
	struct tree_node *n = tree_find(t, path);

	if (!n)
		return;
	n->uid = uid;
	n->gid = gid;
}

int tree_read(struct tree *t, const struct tree_node *n, size_t max, struct buf *ret, struct err *e)
{
	ssize_t got;
	void *p;

	if (n->type != TAR_FILE || n->size > max)
		return err_set(e, n->type != TAR_FILE ? -EINVAL : -E2BIG, STR_FMT ": no file of at most %zu bytes",
			       STR_ARG(n->path), max);
	buf_init(ret, max + 1);
	if (!n->size)
		return 0;
	p = buf_room(ret, (size_t)n->size);
	got = fd_pread(t->scratch, p, (size_t)n->size, n->offset);
	if (got == (ssize_t)n->size)
		return 0;
	buf_done(ret);
	return err_errno(e, got < 0 ? (int)got : -EIO, "reading the scratch file");
}

void tree_drop(struct tree *t, struct str glob)
{
	for (size_t i = 0; i < t->nodes.n; i++) {
		struct tree_node *n = &t->nodes.v[i];

		for (size_t k = 1; k <= n->path.n && !n->gone; k++)
			if (k == n->path.n || n->path.p[k] == '/')
				n->gone = str_glob(glob, str_head(n->path, k));
	}
}

static int by_path(const void *a, const void *b)
{
	return str_cmp(((const struct tree_node *)a)->path, ((const struct tree_node *)b)->path);
}

void tree_sort(struct tree *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nodes.n; i++)
		if (!t->nodes.v[i].gone)
			t->nodes.v[n++] = t->nodes.v[i];
	t->nodes.n = n;
	if (n)
		qsort(t->nodes.v, n, sizeof(*t->nodes.v), by_path);
	map_done(&t->by_path);
	for (size_t i = 0; i < n; i++)
		map_put(&t->by_path, t->nodes.v[i].path, (uint32_t)i, NULL);
}

/* -------- the tar -------- */

static void octal(char *field, size_t size, uint64_t v)
{
	field[size - 1] = 0;
	for (size_t i = size - 1; i-- > 0; v >>= 3)
		field[i] = (char)('0' + (v & 7));
}

static void text(char *field, size_t size, struct str s)
{
	if (s.n)
		memcpy(field, s.p, s.n < size ? s.n : size);
}

/* POSIX.1-2017 ustar Interchange Format. What does not fit is in the pax header in front. */
struct head {
	struct str name, link;
	char type;
	uint32_t mode;
	uint64_t uid, gid, size;
	int64_t mtime;
	uint32_t major, minor;
};

static int head_write(const struct tree_sink *sink, const struct head *h, struct err *e)
{
	char b[TAR_BLOCK] = { 0 };
	uint32_t sum = 0;

	text(b, 100, h->name);
	octal(b + 100, 8, h->mode);
	octal(b + 108, 8, h->uid <= OCTAL_ID_MAX ? h->uid : 0);
	octal(b + 116, 8, h->gid <= OCTAL_ID_MAX ? h->gid : 0);
	octal(b + 124, 12, h->size <= OCTAL_SIZE_MAX ? h->size : 0);
	octal(b + 136, 12, (uint64_t)h->mtime);
	memset(b + 148, ' ', 8);
	b[156] = h->type;
	text(b + 157, 100, h->link);
	memcpy(b + 257,
	       "ustar\0"
	       "00",
	       8);
	octal(b + 329, 8, h->major);
	octal(b + 337, 8, h->minor);
	for (size_t i = 0; i < sizeof(b); i++)
		sum += (uint8_t)b[i];
	octal(b + 148, 7, sum);
	return sink->write(sink->ctx, b, sizeof(b), e);
}

static int pad_write(const struct tree_sink *sink, uint64_t bytes, struct err *e)
{
	static const char zeros[TAR_BLOCK];
	size_t n = (size_t)(-bytes & (TAR_BLOCK - 1));

	return n ? sink->write(sink->ctx, zeros, n, e) : 0;
}

static void pax_record(struct buf *b, const char *key, struct str value)
{
	size_t body = strlen(key) + value.n + 3, digits = 1;

	for (size_t limit = 10; body + digits >= limit; limit *= 10)
		digits++;
	buf_fmt(b, "%zu %s=", body + digits, key);
	buf_str(b, value);
	buf_char(b, '\n');
}

static void pax_number(struct buf *b, const char *key, uint64_t v)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)v);
	pax_record(b, key, str_c(number));
}

static int pax_write(const struct tree_sink *sink, const struct head *h, struct str xattrs, struct err *e)
{
	struct head own = { .name = STR("PaxHeader"), .type = 'x', .mode = 0644, .mtime = h->mtime };
	auto_buf struct buf b;
	int r;

	buf_init(&b, 4 * TAR_EXTENSION_MAX);
	if (h->name.n > 100)
		pax_record(&b, "path", h->name);
	if (h->link.n > 100)
		pax_record(&b, "linkpath", h->link);
	if (h->size > OCTAL_SIZE_MAX)
		pax_number(&b, "size", h->size);
	if (h->uid > OCTAL_ID_MAX)
		pax_number(&b, "uid", h->uid);
	if (h->gid > OCTAL_ID_MAX)
		pax_number(&b, "gid", h->gid);
	buf_str(&b, xattrs);
	if (!b.n)
		return 0;
	own.size = b.n;
	r = buf_finish(&b) < 0 ? err_set(e, -E2BIG, STR_FMT ": attributes too long", STR_ARG(h->name))
			       : head_write(sink, &own, e);
	if (r == 0)
		r = sink->write(sink->ctx, b.p, b.n, e);
	return r < 0 ? r : pad_write(sink, b.n, e);
}

static int body_write(struct tree *t, const struct tree_node *n, const struct tree_sink *sink, uint8_t *room,
		      struct err *e)
{
	for (uint64_t at = 0; at < n->size;) {
		size_t want = n->size - at < COPY_BYTES ? (size_t)(n->size - at) : COPY_BYTES;
		ssize_t got = fd_pread(t->scratch, room, want, n->offset + at);
		int r;

		if (got != (ssize_t)want)
			return err_errno(e, got < 0 ? (int)got : -EIO, "reading the scratch file");
		r = sink->write(sink->ctx, room, want, e);
		if (r < 0)
			return r;
		at += want;
	}
	return pad_write(sink, n->size, e);
}

/* `first` has for each file the path under which it was written, or nothing yet. */
static int node_write(struct tree *t, const struct tree_node *n, int64_t epoch, struct str *first, uint8_t *room,
		      const struct tree_sink *sink, struct err *e)
{
	static const char types[] = {
		[TAR_FILE] = '0', [TAR_DIR] = '5',	    [TAR_SYMLINK] = '2', [TAR_HARDLINK] = '1',
		[TAR_CHAR] = '3', [TAR_BLOCK_DEVICE] = '4', [TAR_FIFO] = '6',	 [TAR_OTHER] = '0'
	};
	struct head h = { .name = n->path,
			  .link = n->link,
			  .type = types[n->type],
			  .mode = n->mode,
			  .uid = n->uid,
			  .gid = n->gid,
			  .mtime = n->mtime < 0	      ? 0
				   : n->mtime < epoch ? n->mtime
						      : epoch,
			  .major = n->major,
			  .minor = n->minor };
	bool body = n->type == TAR_FILE && !first[n->file].p;
	int r;

	if (n->type == TAR_DIR) {
		h.name = arena_fmt(&t->arena, STR_FMT "/", STR_ARG(n->path));
	} else if (body) {
		first[n->file] = n->path;
		h.size = n->size;
	} else if (n->type == TAR_FILE) {
		h.type = types[TAR_HARDLINK];
		h.link = first[n->file];
	}
	r = pax_write(sink, &h, h.type == types[TAR_HARDLINK] ? STR_NONE : n->xattrs, e);
	if (r == 0)
		r = head_write(sink, &h, e);
	return r < 0 || !body ? r : body_write(t, n, sink, room, e);
}

int tree_write(struct tree *t, int64_t epoch, const struct tree_sink *sink, struct err *e)
{
	static const char end[2 * TAR_BLOCK];
	struct str *first = xcalloc(t->files + 1, sizeof(*first));
	uint8_t *room = xmalloc(COPY_BYTES);
	int r = 0;

	tree_sort(t);
	for (size_t i = 0; i < t->nodes.n && r == 0; i++)
		r = node_write(t, &t->nodes.v[i], epoch, first, room, sink, e);
	if (r == 0)
		r = sink->write(sink->ctx, end, sizeof(end), e);
	free(first);
	free(room);
	return r;
}
