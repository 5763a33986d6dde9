/* members: the table of contents of an archive of files. See members.h. */
#include "image/members.h"

#include "base/fd.h"

#define WINDOW_BYTES 16384u /* read at once: a header and, mostly, small bodies up to the next one */

struct walk {
	struct members *m;
	struct tar tar;
	uint64_t start; /* of the file: where `tar` began to read */
	uint64_t size;
	size_t max;
};

static int add_member(struct walk *w, struct err *e)
{
	struct members *m = w->m;
	const struct tar_entry *t = &w->tar.entry;
	struct member *member;
	uint32_t *slot;
	bool added;

	if (m->list.n == w->max)
		return err_set(e, -E2BIG, "the archive has more than %zu members", w->max);
	if (t->bad_name)
		return 0;
	member = vec_add(&m->list);
	*member = (struct member){
		.name = arena_str(&m->arena, t->path),
		.link = arena_str(&m->arena, t->link),
		.type = t->type,
		.offset = w->start + w->tar.bytes_taken,
		.size = t->type == TAR_FILE ? t->size : 0,
		.sparse = t->sparse,
	};
	slot = map_put(&m->by_name, member->name, (uint32_t)m->list.n - 1, &added);
	if (!added) {
		*slot = (uint32_t)m->list.n - 1;
		/* Directories stand there twice in good archives. */
		member->twice = member->type != TAR_DIR;
	}
	if (!member->sparse && (member->size > w->size || member->offset > w->size - member->size))
		return err_set(e, -EBADMSG, "the archive is cut short inside " STR_FMT, STR_ARG(member->name));
	return 0;
}

/* Where to read on when the body of the entry just seen is long; 0 to just read through it. */
static uint64_t jump_over(const struct walk *w, uint64_t window_end)
{
	const struct tar_entry *t = &w->tar.entry;
	uint64_t after = w->start + w->tar.bytes_taken;

	if (t->type != TAR_FILE || t->sparse)
		return 0;
	after += (t->size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	return after > window_end ? after : 0;
}

/* 1: the archive is over, 0: go on at *offset. */
static int walk_window(struct walk *w, struct str in, uint64_t *offset, struct err *e)
{
	uint64_t end = *offset + in.n, after;
	int r;

	for (;;) {
		r = tar_step(&w->tar, &in, e);
		if (r < 0 || r == TAR_END)
			return r < 0 ? r : 1;
		if (r == TAR_MORE)
			break;
		if (r != TAR_ENTRY)
			continue;
		r = add_member(w, e);
		if (r < 0)
			return r;
		after = jump_over(w, end);
		if (after) {
			/* Between two entries nothing is carried over: a new reader at the next header. */
			tar_done(&w->tar);
			tar_init(&w->tar);
			w->start = *offset = after;
			return 0;
		}
		tar_skip(&w->tar);
	}
	*offset = end;
	return 0;
}

static int walk_all(struct walk *w, struct err *e)
{
	auto_free char *window = xmalloc(WINDOW_BYTES);
	uint64_t offset = 0;
	int r = 0;

	while (!r && offset < w->size) {
		uint64_t left = w->size - offset;
		size_t want = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
		ssize_t n = fd_pread(w->m->fd, window, want, offset);

		if (n < 0)
			return err_errno(e, (int)n, "reading the archive");
		if ((size_t)n < want)
			return err_set(e, -EBADMSG, "the archive became shorter while it was read");
		r = walk_window(w, str_n(window, want), &offset, e);
	}
	if (r)
		return r < 0 ? r : 0;
	return offset > w->size ? 0 : tar_finish(&w->tar, e);
}

int members_read(struct members *ret, int fd, uint64_t size, size_t max, struct err *e)
{
	struct walk w = { .m = ret, .size = size, .max = max };
	int r;

	*ret = (struct members){ .fd = fd };
	tar_init(&w.tar);
	r = walk_all(&w, e);
	tar_done(&w.tar);
	if (r >= 0 && !ret->list.n)
		return err_set(e, -EBADMSG, "the archive is empty or no tar archive");
	return r < 0 ? r : 0;
}

void members_done(struct members *m)
{
	vec_done(&m->list);
	map_done(&m->by_name);
	arena_done(&m->arena);
}

bool members_have(const struct members *m, const char *name)
{
	return map_get(&m->by_name, str_c(name)) != NULL;
}

int members_find(struct members *m, struct str name, const struct member **ret, struct err *e)
{
	char room[PATH_BYTES_MAX];
	struct str at = STR_NONE;

	if (path_normal(name, room, &at) < 0 || !at.n)
		return err_set(e, -EBADMSG, "\"" STR_FMT "\" cannot be the name of a member",
			       STR_ARG(str_head(name, 128)));
	for (int hops = 0; hops <= MEMBERS_LINKS_MAX; hops++) {
		const uint32_t *slot = map_get(&m->by_name, at);
		const struct member *member = slot ? &m->list.v[*slot] : NULL;

		if (!member)
			return err_set(e, -ENOENT, "the archive has no member " STR_FMT, STR_ARG(at));
		if (member->twice)
			return err_set(e, -EBADMSG, "the member " STR_FMT " stands in the archive twice", STR_ARG(at));
		if (member->type == TAR_SYMLINK) {
			at = path_resolve(&m->arena, path_dir(at), member->link);
			continue;
		}
		if (member->type == TAR_HARDLINK) {
			at = member->link;
			continue;
		}
		if (member->type != TAR_FILE || member->sparse)
			return err_set(e, -EBADMSG, "the member " STR_FMT " is no plain file", STR_ARG(at));
		*ret = member;
		return 0;
	}
	return err_set(e, -ELOOP, "the member " STR_FMT " is a link that leads nowhere", STR_ARG(str_head(name, 128)));
}

int members_load(struct members *m, struct str name, size_t max, struct buf *ret, struct err *e)
{
	const struct member *member;
	struct buf b;
	ssize_t n;
	int r = members_find(m, name, &member, e);

	if (r < 0)
		return r;
	if (member->size > max)
		return err_set(e, -E2BIG, "the member " STR_FMT " is longer than %zu bytes", STR_ARG(member->name),
			       max);
	buf_init(&b, max + 1);
	n = member->size ? fd_pread(m->fd, buf_room(&b, (size_t)member->size), (size_t)member->size, member->offset)
			 : 0;
	if (n < 0 || (size_t)n != member->size) {
		buf_done(&b);
		return n < 0 ? err_errno(e, (int)n, "reading the archive")
			     : err_set(e, -EBADMSG, "the archive is cut short inside " STR_FMT, STR_ARG(member->name));
	}
	*ret = b;
	return 0;
}
