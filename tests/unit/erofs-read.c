/* What erofs.h writes, read again: names, inodes, bytes, attributes, whiteouts. */
#include "layer/erofs-read.h"

#include "base/buf.h"
#include "base/mem.h"
#include "layer/erofs.h"
#include "tap.h"

#define IMAGE_MAX (4u << 20)

struct memory {
	char *p;
	size_t n;
};

static int keep(void *ctx, uint64_t offset, const void *p, size_t n, struct err *e)
{
	struct memory *m = ctx;

	if (offset + n > IMAGE_MAX)
		return err_set(e, -E2BIG, "larger than the test thinks");
	memcpy(m->p + offset, p, n);
	if (offset + n > m->n)
		m->n = (size_t)(offset + n);
	return 0;
}

struct made {
	const char *path;
	enum tar_type type;
	const char *link;
	uint64_t size;
	uint32_t mode, major, minor;
};

static const struct made entries[] = {
	{ "etc", TAR_DIR, "", 0, 0755, 0, 0 },
	{ "etc/passwd", TAR_FILE, "", 9, 0644, 0, 0 },
	{ "etc/again", TAR_HARDLINK, "etc/passwd", 0, 0, 0, 0 },
	{ "bin/sh", TAR_SYMLINK, "busybox", 0, 0, 0, 0 },
	{ "big", TAR_FILE, "", 3 * 4096 + 5, 04755, 0, 0 },
	{ "whole", TAR_FILE, "", 2 * 4096, 0600, 0, 0 },
	{ "empty", TAR_FILE, "", 0, 0600, 0, 0 },
	{ "dev/null", TAR_CHAR, "", 0, 0666, 1, 3 },
	{ "run/fifo", TAR_FIFO, "", 0, 0640, 0, 0 },
	{ "etc/.wh.gone", TAR_FILE, "", 0, 0, 0, 0 },
	{ "bin/.wh..wh..opq", TAR_FILE, "", 0, 0, 0, 0 },
};

static int add(struct erofs *w, const struct made *m, struct err *e)
{
	struct tar_entry t = { .type = m->type,
			       .path = str_c(m->path),
			       .link = str_c(m->link),
			       .size = m->size,
			       .mode = m->mode,
			       .uid = 7,
			       .gid = 70000,
			       .mtime = 1700000000,
			       .major = m->major,
			       .minor = m->minor };
	int r = erofs_entry(w, &t, e);

	for (uint64_t at = 0; r > 0 && at < m->size; at++) {
		uint8_t byte = (uint8_t)(at * 7 + at / 4096);
		int s = erofs_data(w, at, &byte, 1, e);

		r = s < 0 ? s : 1;
	}
	return r > 0 ? erofs_end(w, e) : r;
}

static bool write_image(struct memory *m, size_t many)
{
	struct erofs_sink sink = { m, keep };
	struct erofs *w = erofs_new(&sink);
	struct err e = { 0 };
	uint64_t bytes;
	int r = 0;

	m->p = xcalloc(1, IMAGE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(entries) && r == 0; i++)
		r = add(w, &entries[i], &e);
	for (size_t i = 0; i < many && r == 0; i++) {
		char name[64];

		snprintf(name, sizeof(name), "many/a-name-that-takes-some-room-%04zu", i);
		r = add(w, &(struct made){ name, TAR_FILE, "", 1, 0600, 0, 0 }, &e);
	}
	r = r < 0 ? r : erofs_finish(w, &bytes, &e);
	erofs_free(w);
	if (r == 0)
		m->n = (size_t)bytes;
	return OK_ERR(r, &e);
}

/* The inode of a path; false when it is not there. */
static bool find(struct str image, const char *path, struct erofs_inode *ret)
{
	struct str rest = str_c(path), name;
	struct err e = { 0 };

	if (erofs_root(image, ret, &e) < 0)
		return false;
	for (struct str part; str_cut(&rest, '/', &part);) {
		uint64_t cursor = 0, nid;
		int r;

		while ((r = erofs_next(image, ret, &cursor, &name, &nid, &e)) > 0 && !str_eq(name, part))
			;
		if (r <= 0 || erofs_inode(image, nid, ret, &e) < 0)
			return false;
	}
	return true;
}

static const struct {
	const char *path;
	enum erofs_kind kind;
	uint64_t size;
	uint32_t mode, links, major, minor;
} wanted[] = {
	{ "etc", EROFS_DIR, 0, 0755, 2, 0, 0 },	       { "etc/passwd", EROFS_FILE, 9, 0644, 2, 0, 0 },
	{ "etc/again", EROFS_FILE, 9, 0644, 2, 0, 0 }, { "bin/sh", EROFS_LINK, 7, 0777, 1, 0, 0 },
	{ "big", EROFS_FILE, 12293, 04755, 1, 0, 0 },  { "whole", EROFS_FILE, 8192, 0600, 1, 0, 0 },
	{ "empty", EROFS_FILE, 0, 0600, 1, 0, 0 },     { "dev/null", EROFS_CHAR, 0, 0666, 1, 1, 3 },
	{ "run/fifo", EROFS_FIFO, 0, 0640, 1, 0, 0 },  { "etc/gone", EROFS_CHAR, 0, 0, 1, 0, 0 },
};

static bool bytes_right(struct str image, const struct erofs_inode *i)
{
	for (uint64_t at = 0; at < i->size;) {
		struct str piece = erofs_bytes(image, i, at);

		if (!piece.n)
			return false;
		for (size_t k = 0; k < piece.n; k++)
			if ((uint8_t)piece.p[k] != (uint8_t)((at + k) * 7 + (at + k) / 4096))
				return false;
		at += piece.n;
	}
	return true;
}

TEST(read_again)
{
	struct memory m = { 0 };
	struct erofs_inode i, other;
	struct str image;

	if (!write_image(&m, 0))
		return;
	image = str_n(m.p, m.n);
	for (size_t k = 0; k < ARRAY_LEN(wanted); k++) {
		row("%s", wanted[k].path);
		if (!OK(find(image, wanted[k].path, &i)))
			continue;
		EQ_INT(i.kind, wanted[k].kind);
		EQ_INT(i.mode, wanted[k].mode);
		EQ_INT(i.major, wanted[k].major);
		EQ_INT(i.minor, wanted[k].minor);
		if (i.kind != EROFS_DIR) {
			EQ_INT(i.size, wanted[k].size);
			EQ_INT(i.links, wanted[k].links);
		}
		if (i.kind == EROFS_FILE)
			OK(bytes_right(image, &i));
		if (i.kind != EROFS_CHAR || i.major)
			EQ_INT(i.gid, 70000);
	}
	row("a hard link is the same file");
	OK(find(image, "etc/passwd", &i) && find(image, "etc/again", &other) && i.nid == other.nid);
	row("a link's target");
	OK(find(image, "bin/sh", &i));
	EQ_STR(erofs_bytes(image, &i, 0), STR("busybox"));
	row("nowhere");
	OK(!find(image, "etc/nothing", &i));
	free(m.p);
}

TEST(opaque)
{
	struct memory m = { 0 };
	struct erofs_inode i;
	struct str rest, name, value;
	const char *prefix = "";

	if (!write_image(&m, 0))
		return;
	OK(find(str_n(m.p, m.n), "bin", &i));
	rest = i.xattrs;
	OK(erofs_xattr_next(&rest, &prefix, &name, &value));
	EQ_Z(prefix, "trusted.");
	EQ_STR(name, STR("overlay.opaque"));
	EQ_STR(value, STR("y"));
	OK(!erofs_xattr_next(&rest, &prefix, &name, &value));
	free(m.p);
}

TEST(directory_of_many_blocks)
{
	struct memory m = { 0 };
	struct erofs_inode i;
	uint64_t cursor = 0, nid;
	struct str name;
	struct err e;
	int n = 0, r;

	if (!write_image(&m, 1000))
		return;
	OK(find(str_n(m.p, m.n), "many", &i));
	while ((r = erofs_next(str_n(m.p, m.n), &i, &cursor, &name, &nid, &e)) > 0)
		n++;
	EQ_INT(r, 0);
	EQ_INT(n, 1000);
	free(m.p);
}

TEST(refused)
{
	struct memory m = { 0 };
	struct erofs_inode i;
	struct err e = { 0 };

	if (!write_image(&m, 0))
		return;
	row("empty");
	EQ_INT(erofs_root(STR(""), &i, &e), -EBADMSG);
	row("cut in front of the root");
	EQ_INT(erofs_root(str_n(m.p, 1100), &i, &e), -EBADMSG);
	row("an inode outside");
	EQ_INT(erofs_inode(str_n(m.p, m.n), UINT64_MAX, &i, &e), -EBADMSG);
	EQ_INT(erofs_inode(str_n(m.p, m.n), m.n / 32, &i, &e), -EBADMSG);
	row("cut anywhere: an error or a tree, nothing else");
	for (size_t n = 0; n < m.n; n += 97) {
		char *copy = xmalloc(n + 1);

		memcpy(copy, m.p, n);
		OK(!find(str_n(copy, n), "etc/passwd", &i) || i.size == 9);
		free(copy);
	}
	row("another magic");
	m.p[1024] = 0;
	EQ_INT(erofs_root(str_n(m.p, m.n), &i, &e), -EBADMSG);
	free(m.p);
}
