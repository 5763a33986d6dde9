/* The table of contents of an archive, in a file made here. */
#include <sys/mman.h>

#include "base/fd.h"
#include "image/members.h"

#include "tap.h"

/* One ustar header (POSIX.1-2017 pax, ustar Interchange Format). */
static void add_header(struct buf *b, const char *name, char type, const char *link, uint64_t size)
{
	char h[TAR_BLOCK] = { 0 };
	unsigned int sum = 0;

	snprintf(h, 100, "%s", name);
	memcpy(h + 100, "0000644", 8);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	snprintf(h + 124, 12, "%011llo", (unsigned long long)size);
	memcpy(h + 136, "00000000000", 12);
	memset(h + 148, ' ', 8);
	h[156] = type;
	snprintf(h + 157, 100, "%s", link);
	memcpy(h + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_add(b, h, sizeof(h));
}

static void add_file(struct buf *b, const char *name, char fill, size_t size)
{
	size_t padded = (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	char *body;

	add_header(b, name, '0', "", size);
	body = buf_room(b, padded);
	memset(body, 0, padded);
	memset(body, fill, size);
}

static int file_of(const struct buf *b)
{
	int fd = memfd_create("members", MFD_CLOEXEC);

	OK(fd >= 0 && fd_write(fd, b->p, b->n) == 0);
	return fd;
}

static void make(struct buf *b)
{
	buf_init(b, 1u << 20);
	add_file(b, "./first", 'a', 3);
	add_file(b, "long/body", 'b', 100000); /* past the window: passed over */
	add_file(b, "empty", 'c', 0);
	add_header(b, "link", '2', "long/../first", 0);
	add_header(b, "dir/up", '2', "../first", 0);
	add_header(b, "hard", '1', "first", 0);
	add_header(b, "self", '2', "self", 0);
	add_header(b, "nowhere", '2', "gone", 0);
	add_header(b, "dir/", '5', "", 0);
	add_header(b, "dir/", '5', "", 0);
	add_file(b, "twice", 'd', 1);
	add_file(b, "twice", 'e', 1);
	add_file(b, "last", 'f', 513);
}

static const struct {
	const char *name;
	int result;
	size_t bytes;
	char fill;
} lookups[] = {
	{ "first", 0, 3, 'a' },		 { "/first", 0, 3, 'a' },      { "./first", 0, 3, 'a' },
	{ "long/body", 0, 100000, 'b' }, { "empty", 0, 0, 0 },	       { "link", 0, 3, 'a' },
	{ "dir/up", 0, 3, 'a' },	 { "hard", 0, 3, 'a' },	       { "last", 0, 513, 'f' },
	{ "self", -ELOOP, 0, 0 },	 { "nowhere", -ENOENT, 0, 0 }, { "gone", -ENOENT, 0, 0 },
	{ "dir", -EBADMSG, 0, 0 },	 { "twice", -EBADMSG, 0, 0 },  { "../first", -EBADMSG, 0, 0 },
	{ "", -EBADMSG, 0, 0 },
};

TEST(look_up)
{
	auto_members struct members m = { 0 };
	auto_buf struct buf archive = { 0 };
	struct err e = { 0 };
	auto_close int fd = -1;

	make(&archive);
	(void)memset(buf_room(&archive, 1024), 0, 1024);
	row("headers");
	fd = file_of(&archive);
	OK_ERR(members_read(&m, fd, archive.n, MEMBERS_MAX, &e), &e);
	EQ_INT(m.list.n, 13);
	OK(members_have(&m, "twice") && !members_have(&m, "gone"));
	for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
		auto_buf struct buf body = { 0 };

		row("\"%s\"", lookups[i].name);
		EQ_INT(members_load(&m, str_c(lookups[i].name), 1u << 20, &body, &e), lookups[i].result);
		EQ_INT(body.n, lookups[i].bytes);
		if (body.n)
			OK(body.p[0] == lookups[i].fill && body.p[body.n - 1] == lookups[i].fill);
	}
}

TEST(limits)
{
	auto_members struct members m = { 0 }, few = { 0 };
	auto_buf struct buf archive = { 0 }, body = { 0 };
	auto_close int fd = -1;

	make(&archive);
	fd = file_of(&archive);
	EQ_INT(members_read(&few, fd, archive.n, 12, NULL), -E2BIG);
	EQ_INT(few.list.n, 12);
	/* No end marker: as some writers leave it. */
	EQ_INT(members_read(&m, fd, archive.n, 13, NULL), 0);
	EQ_INT(members_load(&m, STR("last"), 512, &body, NULL), -E2BIG);
}

/* Cut after so many bytes: what was found before stays, and it is an error unless the cut is between two members. */
TEST(cut_short)
{
	auto_buf struct buf archive = { 0 };
	auto_close int fd = -1;
	static const struct {
		uint64_t bytes;
		int result;
		size_t members;
	} cuts[] = { { 0, -EBADMSG, 0 }, { 300, -EBADMSG, 0 },	{ 512, -EBADMSG, 1 },	{ 514, -EBADMSG, 1 },
		     { 1024, 0, 1 },	 { 1536, -EBADMSG, 2 }, { 50000, -EBADMSG, 2 }, { 1536 + 100352, 0, 2 } };

	make(&archive);
	fd = file_of(&archive);
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		auto_members struct members m = { 0 };

		row("%llu bytes", (unsigned long long)cuts[i].bytes);
		EQ_INT(members_read(&m, fd, cuts[i].bytes, MEMBERS_MAX, NULL), cuts[i].result);
		EQ_INT(m.list.n, cuts[i].members);
	}
}
