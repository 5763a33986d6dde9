/* tar: headers made by hand, and archives of GNU tar in all its formats against libarchive where that is there. */
#include "layer/tar.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/fd.h"
#include "codec/sha256.h"
#include "tap.h"
#include "unit/tarmake.h"

#if HAVE_LIBARCHIVE
#include <archive.h>
#include <archive_entry.h>
#endif

#define CONTENT_MAX (8u << 20)

/* One line for an entry: "T path -> link mode uid gid size mtime sha256-of-content". */
static void log_entry(struct buf *log, char type, struct str path, struct str link, uint32_t mode, uint64_t uid,
		      uint64_t gid, uint64_t size, int64_t mtime, const struct buf *content)
{
	struct digest d = { 0 };
	char text[DIGEST_TEXT_MAX];

	sha256_of(buf_all(content), &d);
	buf_fmt(log, "%c " STR_FMT " -> " STR_FMT " %o %llu %llu %llu %lld %s\n", type, STR_ARG(path), STR_ARG(link),
		mode, (unsigned long long)uid, (unsigned long long)gid, (unsigned long long)size, (long long)mtime,
		digest_text(&d, text));
}

static void content_put(struct buf *content, uint64_t offset, const void *p, size_t n)
{
	while (content->n < offset && !content->full)
		buf_char(content, 0);
	buf_add(content, p, n);
}

static void log_tar_entry(struct buf *log, const struct tar_entry *n, struct buf *content)
{
	content_put(content, n->size < CONTENT_MAX ? n->size : 0, "", 0);
	if (n->bad_name)
		buf_fmt(log, "bad name '" STR_FMT "'\n", STR_ARG(n->raw_name));
	else
		log_entry(log, "FDLHCBPO"[n->type], n -> path, n -> link, n -> mode, n -> uid, n -> gid, n -> size,
			  n -> mtime, content);
}

/* Reads a whole tar in pieces of `step` bytes (0: of random sizes); 0, or the error. The end is in the log. */
static int read_tar(struct str all, size_t step, struct buf *log, struct err *e)
{
	struct tar t;
	struct buf content;
	uint32_t seed = 3;
	int r = TAR_MORE;

	tar_init(&t);
	buf_init(&content, CONTENT_MAX);
	while (r >= 0 && r != TAR_END && all.n) {
		struct str in;

		seed = seed * 1664525u + 1013904223u;
		in = str_head(all, step ? step : (seed >> 16) % 1300 + 1);
		all = str_from(all, in.n);
		while ((r = tar_step(&t, &in, e)) > TAR_MORE && r != TAR_END) {
			if (r == TAR_ENTRY)
				buf_clear(&content);
			else if (r == TAR_DATA)
				content_put(&content, t.data_offset, t.data.p, t.data.n);
			else
				log_tar_entry(log, &t.entry, &content);
		}
		if (r == TAR_MORE)
			OK(in.n == 0);
	}
	if (r >= 0) {
		r = tar_finish(&t, e);
		if (r >= 0)
			buf_fmt(log, "%s\n", r ? "no end marker" : "end");
	}
	buf_done(&content);
	tar_done(&t);
	return r;
}

/* ---- made by hand ---- */

#define SUM_EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SUM_ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define TAIL_ABC " 644 1000 100 3 1700000000 " SUM_ABC "\n"
#define TAIL_EMPTY " 644 1000 100 0 1700000000 " SUM_EMPTY "\n"
#define ABC .body = STR("abc")

static const struct {
	const char *name;
	struct tarmake make[4];
	const char *log; /* without its last line; NULL: the error below */
	int code;
	const char *says;
} rows[] = {
	{ "file", { { "a/b", ABC } }, "F a/b -> " TAIL_ABC },
	{ "leading dot and slash", { { "./a//b/", ABC } }, "F a/b -> " TAIL_ABC },
	{ "absolute", { { "/etc/passwd", ABC } }, "F etc/passwd -> " TAIL_ABC },
	{ "the root", { { "./", .type = '5' } }, "D  -> " TAIL_EMPTY },
	{ "dot-dot", { { "../../etc/passwd", ABC }, { "x", ABC } }, "bad name '../../etc/passwd'\nF x -> " TAIL_ABC },
	{ "inner dot-dot", { { "a/../b", ABC } }, "bad name 'a/../b'\n" },
	{ "no name", { { "", ABC } }, "bad name ''\n" },
	{ "ustar prefix", { { "b", .prefix = "a/long", ABC } }, "F a/long/b -> " TAIL_ABC },
	{ "GNU has no prefix", { { "b", .prefix = "14524770400", .magic = "ustar  ", ABC } }, "F b -> " TAIL_ABC },
	{ "old Go writes one",
	  { { "b", .prefix = "some/dir", .magic = "ustar  ", ABC } },
	  "F some/dir/b -> " TAIL_ABC },
	{ "V7", { { "b", .type = '-', .prefix = "x", .magic = "\0\0\0\0\0\0\0", ABC } }, "F b -> " TAIL_ABC },
	{ "V7 directory", { { "b/", .type = '-', .magic = "\0\0\0\0\0\0\0" } }, "D b -> " TAIL_EMPTY },
	{ "signed checksum", { { "b\xc3\xa9", .signed_sum = true, ABC } }, "F b\xc3\xa9 -> " TAIL_ABC },
	{ "symlink keeps its target", { { "a", "../../x", .type = '2' } }, "L a -> ../../x" TAIL_EMPTY },
	{ "hardlink", { { "a", "./x/y", .type = '1' } }, "H a -> x/y" TAIL_EMPTY },
	{ "hardlink outside", { { "a", "../y", .type = '1' } }, "H a -> " TAIL_EMPTY },
	{ "link with a size has no body",
	  { { "a", "b", .type = '2', .size = 5 }, { "c", ABC } },
	  "L a -> b" TAIL_EMPTY "F c -> " TAIL_ABC },
	{ "devices and fifo",
	  { { "c", .type = '3' }, { "b", .type = '4' }, { "p", .type = '6' } },
	  "C c -> " TAIL_EMPTY "B b -> " TAIL_EMPTY "P p -> " TAIL_EMPTY },
	{ "contiguous file", { { "a", .type = '7', ABC } }, "F a -> " TAIL_ABC },
	{ "unknown type has a body",
	  { { "v", .type = 'Z', ABC }, { "a", ABC } },
	  "O v -> " TAIL_ABC "F a -> " TAIL_ABC },
	{ "set-id bits",
	  { { "s", .mode = 06755, ABC } },
	  "F s -> "
	  " 6755 1000 100 3 1700000000 " SUM_ABC "\n" },
	{ "GNU long name",
	  { { "././@LongLink", .type = 'L', .body = STR("very/long\0") }, { "cut", ABC } },
	  "F very/long -> " TAIL_ABC },
	{ "GNU long link",
	  { { "././@LongLink", .type = 'K', .body = STR("to/here\0") }, { "a", "cut", .type = '2' } },
	  "L a -> to/here" TAIL_EMPTY },
	{ "long name is for one entry",
	  { { "@", .type = 'L', .body = STR("long") }, { "a", ABC }, { "b", ABC } },
	  "F long -> " TAIL_ABC "F b -> " TAIL_ABC },
	{ "pax record one byte short",
	  { { "x", .type = 'x', .body = STR("16 path=pax/name\n") }, { "a", ABC }, { "b", ABC } },
	  NULL,
	  -EBADMSG,
	  "wrong length" },
	{ "pax path",
	  { { "x", .type = 'x', .body = STR("17 path=pax/name\n") }, { "a", ABC }, { "b", ABC } },
	  "F pax/name -> " TAIL_ABC "F b -> " TAIL_ABC },
	{ "pax path with newline and equals",
	  { { "x", .type = 'x', .body = STR("13 path=a\n=b\n") }, { "a", ABC } },
	  "F a\n=b -> " TAIL_ABC },
	{ "pax path dot-dot",
	  { { "x", .type = 'x', .body = STR("16 path=../../x\n") }, { "a", ABC } },
	  "bad name '../../x'\n" },
	{ "pax path NUL", { { "x", .type = 'x', .body = STR("12 path=a\0b\n") }, { "a", ABC } }, "bad name 'a\0b'\n" },
	{ "pax empty value", { { "x", .type = 'x', .body = STR("8 path=\n") }, { "a", ABC } }, "F a -> " TAIL_ABC },
	{ "pax linkpath",
	  { { "x", .type = 'x', .body = STR("17 linkpath=t/to\n") }, { "a", .type = '2' } },
	  "L a -> t/to" TAIL_EMPTY },
	{ "pax size",
	  { { "x", .type = 'x', .body = STR("9 size=3\n") }, { "a", .size_text = "0", ABC }, { "b", ABC } },
	  "F a -> " TAIL_ABC "F b -> " TAIL_ABC },
	{ "pax ids and time",
	  { { "x", .type = 'x', .body = STR("15 uid=3000000\n15 gid=4000000\n15 mtime=-1.50\n") }, { "a", ABC } },
	  "F a ->  644 3000000 4000000 3 -2 " SUM_ABC "\n" },
	{ "a second pax header replaces the first",
	  { { "x", .type = 'x', .body = STR("9 path=p\n") },
	    { "x", .type = 'x', .body = STR("8 uid=7\n") },
	    { "a", ABC } },
	  "F a ->  644 7 100 3 1700000000 " SUM_ABC "\n" },
	{ "GNU long name goes before pax",
	  { { "x", .type = 'x', .body = STR("11 path=pp\n") }, { "@", .type = 'L', .body = STR("gnu") }, { "a", ABC } },
	  "F gnu -> " TAIL_ABC },
	{ "global header names nothing",
	  { { "g", .type = 'g', .body = STR("11 path=pg\n") }, { "a", ABC } },
	  "F a -> " TAIL_ABC },
	{ "damaged global header",
	  { { "g", .type = 'g', .body = STR("99 path=pg\n") }, { "a", ABC } },
	  NULL,
	  -EBADMSG,
	  "wrong length" },
	{ "wrong checksum", { { "a", ABC }, { "b", .wrong_sum = true, ABC } }, NULL, -EBADMSG, "wrong checksum" },
	{ "size 2^63", { { "a", .size_text = "\x80\0\0\0\x80\0\0\0\0\0\0\0" } }, NULL, -EBADMSG, "63 bits" },
	{ "size of letters", { { "a", .size_text = "12x" } }, NULL, -EBADMSG, "63 bits" },
	{ "size negative",
	  { { "a", .size_text = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" } },
	  NULL,
	  -EBADMSG,
	  "63 bits" },
	{ "size 2^62 and nothing there", { { "a", .size = 1ull << 32 } }, NULL, -EBADMSG, "cut short" },
	{ "pax header of 2^32 bytes", { { "x", .type = 'x', .size = 1ull << 32 } }, NULL, -E2BIG, "4294967296" },
	{ "long name of 2 MiB", { { "x", .type = 'L', .size = 2u << 20 } }, NULL, -E2BIG, "extension" },
	{ "pax record longer than its header",
	  { { "x", .type = 'x', .body = STR("9999 path=x\n") } },
	  NULL,
	  -EBADMSG,
	  "wrong length" },
	{ "pax record of length 0",
	  { { "x", .type = 'x', .body = STR("0 path=x\n") } },
	  NULL,
	  -EBADMSG,
	  "wrong length" },
	{ "pax record of 20 digits",
	  { { "x", .type = 'x', .body = STR("18446744073709551626 path=x\n") } },
	  NULL,
	  -EBADMSG,
	  "wrong length" },
	{ "pax record without a key",
	  { { "x", .type = 'x', .body = STR("5 =a\n") } },
	  NULL,
	  -EBADMSG,
	  "without a key" },
	{ "pax size of letters",
	  { { "x", .type = 'x', .body = STR("11 size=3x\n") }, { "a" } },
	  NULL,
	  -EBADMSG,
	  "63 bits" },
	{ "pax size 2^64",
	  { { "x", .type = 'x', .body = STR("29 size=18446744073709551616\n") }, { "a" } },
	  NULL,
	  -EBADMSG,
	  "63 bits" },
	{ "extension without an entry", { { "x", .type = 'x', .body = STR("12 path=abc\n") } }, "" },
};

TEST(tar_by_hand)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const size_t steps[] = { 1u << 20, 512, 1, 0 };
		auto_buf struct buf all;

		buf_init(&all, 1u << 20);
		for (size_t k = 0; k < ARRAY_LEN(rows[i].make) && rows[i].make[k].name; k++)
			tarmake_add(&all, &rows[i].make[k]);
		if (rows[i].log || rows[i].code == -E2BIG)
			tarmake_end(&all);
		for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
			auto_buf struct buf log;
			struct err e = { 0 };
			int r;

			row("%s, step %zu", rows[i].name, steps[k]);
			buf_init(&log, 1u << 20);
			r = read_tar(buf_all(&all), steps[k], &log, &e);
			EQ_INT(r, rows[i].code);
			if (!rows[i].log) {
				OK(strstr(e.msg, rows[i].says));
				continue;
			}
			/* the row with a NUL in it is compared up to there */
			OK(str_starts(buf_all(&log), str_c(rows[i].log)));
			OK(str_ends(buf_all(&log), STR("end\n")));
		}
	}
}

/* A tar that ends between two entries is told from one that has its end marker; any other cut is an error. */
TEST(tar_cut)
{
	auto_buf struct buf all;
	size_t whole = 0, unmarked = 0, cut = 0;

	buf_init(&all, 1u << 20);
	tarmake_add(&all, &(struct tarmake){ "a", ABC });
	tarmake_add(&all, &(struct tarmake){ "x", .type = 'x', .body = STR("17 path=pax/name\n") });
	tarmake_add(&all, &(struct tarmake){ "b", ABC });
	tarmake_end(&all);
	for (size_t n = 0; n <= all.n; n++) {
		auto_buf struct buf log;
		struct err e = { 0 };
		int r;

		buf_init(&log, 1u << 20);
		r = read_tar(str_head(buf_all(&all), n), 0, &log, &e);
		whole += r == 0;
		unmarked += r == 1;
		cut += r == -EBADMSG && strstr(e.msg, "cut short");
	}
	EQ_INT(whole, 1);
	/* nothing; behind "a" with any part of its padding; behind "b" likewise; one zero block */
	EQ_INT(unmarked, 1 + 510 + 510 + 1);
	EQ_INT(cut, all.n + 1 - whole - unmarked);
}

TEST(tar_extension_loop)
{
	auto_buf struct buf all, log;
	struct err e = { 0 };

	buf_init(&all, 1u << 20);
	buf_init(&log, 1u << 20);
	for (unsigned int i = 0; i <= TAR_EXTENSIONS_MAX; i++)
		tarmake_add(&all, &(struct tarmake){ "g", .type = 'g', .body = STR("13 comment=x\n") });
	tarmake_add(&all, &(struct tarmake){ "a", ABC });
	EQ_INT(read_tar(buf_all(&all), 0, &log, &e), -E2BIG);
}

/* Old GNU sparse header by hand: damaged maps. */
static void sparse_header(struct buf *all, const char *map, size_t map_bytes, const char *real, bool more,
			  struct str body)
{
	char *block;

	tarmake_add(all, &(struct tarmake){ "s", .type = 'S', .magic = "ustar  ", .body = body });
	block = all->p + all->n - 512 - (body.n + 511) / 512 * 512;
	memcpy(block + 386, map, map_bytes);
	block[482] = more;
	memcpy(block + 483, real, strlen(real));
	tarmake_sum(block, false, false);
}

TEST(tar_old_sparse)
{
	static const struct {
		const char *name, *map, *real;
		int code;
		const char *says;
	} maps[] = {
		{ "data, hole, data",
		  "00000000001\0"
		  "00000000002\0"
		  "00000000010\0"
		  "00000000001",
		  "00000000020", 0, "F s ->  644 1000 100 16 1700000000" },
		{ "overlap",
		  "00000000001\0"
		  "00000000002\0"
		  "00000000002\0"
		  "00000000001",
		  "00000000020", -EBADMSG, "overlap" },
		{ "backwards",
		  "00000000010\0"
		  "00000000002\0"
		  "00000000001\0"
		  "00000000001",
		  "00000000020", -EBADMSG, "overlap" },
		{ "beyond the file",
		  "00000000001\0"
		  "00000000002\0"
		  "00000000010\0"
		  "00000000001",
		  "00000000010", -EBADMSG, "beyond" },
		{ "less than stored",
		  "00000000001\0"
		  "00000000001\0"
		  "00000000010\0"
		  "00000000001",
		  "00000000020", -EBADMSG, "stored" },
		{ "2^63",
		  "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"
		  "00000000002\0"
		  "00000000010\0"
		  "00000000001",
		  "00000000020", -EBADMSG, "overlap" },
	};

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		auto_buf struct buf all, log;
		struct err e = { 0 };

		row("%s", maps[i].name);
		buf_init(&all, 1u << 20);
		buf_init(&log, 1u << 20);
		sparse_header(&all, maps[i].map, 47, maps[i].real, false, STR("abc"));
		tarmake_end(&all);
		EQ_INT(read_tar(buf_all(&all), 0, &log, &e), maps[i].code);
		OK(maps[i].code ? strstr(e.msg, maps[i].says) != NULL : str_starts(buf_all(&log), str_c(maps[i].says)));
	}
}

/* ---- against libarchive ---- */

#if HAVE_LIBARCHIVE

static char oracle_type(struct archive_entry *a)
{
	static const struct {
		unsigned int kind;
		char type;
	} kinds[] = { { AE_IFREG, 'F' }, { AE_IFDIR, 'D' }, { AE_IFLNK, 'L' },
		      { AE_IFCHR, 'C' }, { AE_IFBLK, 'B' }, { AE_IFIFO, 'P' } };

	if (archive_entry_hardlink(a))
		return 'H';
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (archive_entry_filetype(a) == kinds[i].kind)
			return kinds[i].type;
	return 'O';
}

static void oracle_entry(struct archive *in, struct archive_entry *a, struct buf *log)
{
	char room[PATH_BYTES_MAX], link_room[PATH_BYTES_MAX];
	char type = oracle_type(a);
	struct str path = STR_NONE, link = STR_NONE;
	struct buf content;
	uint64_t size = type == 'F' ? (uint64_t)archive_entry_size(a) : 0;
	const void *p;
	size_t n;
	la_int64_t offset;

	buf_init(&content, CONTENT_MAX);
	OK(path_normal(str_c(archive_entry_pathname(a)), room, &path) == 0);
	if (type == 'H')
		OK(path_normal(str_c(archive_entry_hardlink(a)), link_room, &link) == 0);
	else if (type == 'L')
		link = str_c(archive_entry_symlink(a));
	while (archive_read_data_block(in, &p, &n, &offset) == ARCHIVE_OK)
		content_put(&content, (uint64_t)offset, p, n);
	content_put(&content, size, "", 0);
	log_entry(log, type, path, link, archive_entry_perm(a), (uint64_t)archive_entry_uid(a),
		  (uint64_t)archive_entry_gid(a), size, archive_entry_mtime(a), &content);
	buf_done(&content);
}

static void oracle_read(struct str all, struct buf *log)
{
	struct archive *in = archive_read_new();
	struct archive_entry *a;
	int r;

	archive_read_support_format_tar(in);
	OK(archive_read_open_memory(in, all.p, all.n) == ARCHIVE_OK);
	/* ARCHIVE_WARN is what it says of names that are not ASCII */
	while ((r = archive_read_next_header(in, &a)) == ARCHIVE_OK || r == ARCHIVE_WARN)
		oracle_entry(in, a, log);
	tap_check(r == ARCHIVE_EOF, __FILE__, __LINE__, "libarchive: %s", archive_error_string(in));
	archive_read_free(in);
	buf_str(log, STR("end\n"));
}

/* Directory, files, long names and links of all lengths around the limits of the formats, sparse files, a fifo. */
static const char make_tree[] =
	"set -e; cd \"$T\"; mkdir -p d/sub; echo hello >d/a; ln d/a d/hard; ln -s ../a d/sub/link; mkfifo d/fifo; : "
	">d/empty;"
	"for n in 98 99 100 101 154 155 156 200; do x=$(printf \"%${n}s\" | tr ' ' n); echo $n >d/$x; ln -s $x "
	"d/sub/l$n;"
	" ln d/$x d/h$n; mkdir -p d/$x.d/$x; echo deep >d/$x.d/$x/f; done;"
	"printf x >'d/na\303\257ve'; printf y >'d/new\nline'; chmod 4755 d/empty;"
	"head -c 70000 /dev/urandom >d/random;"
	"truncate -s 3M d/hole; truncate -s 1M d/holes; i=0; while [ $i -lt 60 ]; do printf data$i |"
	" dd of=d/holes bs=1 seek=$((i*16384+5)) conv=notrunc 2>/dev/null; i=$((i+1)); done; printf end >>d/holes;"
	"touch -d @-5 d/old; touch -d '@1700000000.75' d/fraction;";

static const struct {
	const char *name, *options;
} writers[] = {
	{ "gnu", "--format=gnu" },
	{ "oldgnu", "--format=oldgnu" },
	{ "pax", "--format=pax" },
	{ "ustar", "--format=ustar" },
	{ "v7", "--format=v7" },
	{ "gnu sparse", "--format=gnu -S" },
	{ "pax sparse 0.0", "--format=pax -S --sparse-version=0.0" },
	{ "pax sparse 0.1", "--format=pax -S --sparse-version=0.1" },
	{ "pax sparse 1.0", "--format=pax -S --sparse-version=1.0" },
	{ "pax, all of it by options",
	  "--format=pax --pax-option=globexthdr.name=g,comment=x --xattrs --numeric-owner" },
	{ "large ids", "--format=gnu --owner=:3000000000 --group=:2097152" },
	{ "large ids in pax", "--format=pax --owner=:3000000000 --group=:2097152" },
	{ "absolute names", "--format=gnu -P --transform=s,^,/," },
	{ "blocked by 1", "--format=pax -b 1" },
};

static int shell(const char *dir, const char *fmt, ...) printf_like(2, 3);
static int shell(const char *dir, const char *fmt, ...)
{
	char command[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	setenv("T", dir, 1);
	return system(command);
}

TEST(tar_against_libarchive)
{
	char dir[] = "/tmp/yagura-tar-XXXXXX";

	if (!mkdtemp(dir) || shell(dir, "%s", make_tree) != 0) {
		tap_check(false, __FILE__, __LINE__, "the tree could not be made");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
		auto_buf struct buf all = { 0 };
		auto_buf struct buf want, got;
		struct err e = { 0 };
		char name[128];

		row("%s", writers[i].name);
		/* names that a format cannot hold are left out by tar, which says so and fails */
		(void)!shell(dir, "cd $T && tar -c -f all.tar %s d 2>/dev/null", writers[i].options);
		snprintf(name, sizeof(name), "%s/all.tar", dir);
		OK_ERR(file_read(AT_FDCWD, name, 64u << 20, &all, &e), &e);
		buf_init(&want, 1u << 20);
		buf_init(&got, 1u << 20);
		oracle_read(buf_all(&all), &want);
		OK_ERR(read_tar(buf_all(&all), 0, &got, &e), &e);
		OK(got.n > 1000);
		EQ_STR(buf_all(&got), buf_all(&want));
	}
	(void)!shell(dir, "rm -rf \"$T\"");
}

#else

TEST(tar_against_libarchive)
{
	tap_skip("libarchive was not found when this was configured");
}

#endif
