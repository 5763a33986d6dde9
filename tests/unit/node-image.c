/* node/image: packages as they should not be, what becomes of files in a tree, which packages are chosen, locks. */
#include <sys/mman.h>

#include "node/image/deb.h"
#include "node/image/lock.h"
#include "node/image/packages.h"
#include "node/image/tree.h"
#include "tap.h"
#include "tarmake.h"

/* -------- deb -------- */

struct part {
	const char *name, *body, *size; /* size NULL: as long as the body */
};

static void ar_make(struct buf *b, const char *magic, const struct part *parts)
{
	buf_init(b, 1u << 20);
	buf_str(b, str_c(magic));
	for (; parts->name; parts++) {
		char size[24];

		snprintf(size, sizeof(size), "%zu", strlen(parts->body));
		buf_fmt(b, "%-16s%-12s%-6s%-6s%-8s%-10s`\n%s", parts->name, "0", "0", "0", "100644",
			parts->size ? parts->size : size, parts->body);
		if (strlen(parts->body) % 2)
			buf_char(b, '\n');
	}
}

#define AR "!<arch>\n"
#define BINARY                                 \
	{                                      \
		"debian-binary", "2.0\n", NULL \
	}
#define CONTROL                              \
	{                                    \
		"control.tar.xz", "cc", NULL \
	}
#define DATA                                \
	{                                   \
		"data.tar.xz", "dddd", NULL \
	}

static const struct {
	const char *name, *magic;
	struct part parts[6];
	int want;
	uint64_t data_bytes;
} debs[] = {
	{ "good", AR, { BINARY, CONTROL, DATA }, 0, 4 },
	{ "names as some writers end them", AR, { { "debian-binary/", "2.0\n", NULL }, CONTROL, DATA }, 0, 4 },
	{ "a member that may be passed over", AR, { BINARY, { "_more", "x", NULL }, CONTROL, DATA }, 0, 4 },
	{ "odd sizes", AR, { BINARY, { "control.tar", "ccc", NULL }, { "data.tar", "ddddd", NULL } }, 0, 5 },
	{ "what follows the data", AR, { BINARY, CONTROL, DATA, { "x", "y", NULL } }, 0, 4 },
	{ "no ar", "!<arcx>\n", { BINARY, CONTROL, DATA }, -EBADMSG, 0 },
	{ "nothing", "", { { NULL, NULL, NULL } }, -EBADMSG, 0 },
	{ "no debian-binary", AR, { CONTROL, DATA }, -EBADMSG, 0 },
	{ "format 3", AR, { { "debian-binary", "3.0\n", NULL }, CONTROL, DATA }, -ENOTSUP, 0 },
	{ "no data", AR, { BINARY, CONTROL }, -EBADMSG, 0 },
	{ "no control", AR, { BINARY, DATA }, -EBADMSG, 0 },
	{ "control twice", AR, { BINARY, CONTROL, CONTROL, DATA }, -EBADMSG, 0 },
	{ "an unknown member", AR, { BINARY, { "extra", "x", NULL }, CONTROL, DATA }, -ENOTSUP, 0 },
	{ "a member longer than the file", AR, { BINARY, CONTROL, { "data.tar", "d", "100" } }, -EBADMSG, 0 },
	{ "a size that wraps", AR, { BINARY, CONTROL, { "data.tar", "d", "9999999999" } }, -EBADMSG, 0 },
	{ "a size that is none", AR, { BINARY, CONTROL, { "data.tar", "d", "-1" } }, -EBADMSG, 0 },
	{ "an empty member", AR, { BINARY, { "control.tar", "", NULL }, DATA }, -EBADMSG, 0 },
};

TEST(deb_members)
{
	for (size_t i = 0; i < ARRAY_LEN(debs); i++) {
		auto_buf struct buf b;
		struct err e = { 0 };
		struct deb d = { 0 };

		row("%s", debs[i].name);
		ar_make(&b, debs[i].magic, debs[i].parts);
		EQ_INT(deb_parse(buf_all(&b), &d, &e), debs[i].want);
		EQ_INT(d.data.size, debs[i].data_bytes);
	}
}

TEST(deb_cut_anywhere)
{
	static const struct part parts[] = { BINARY, CONTROL, DATA, { NULL, NULL, NULL } };
	auto_buf struct buf b;
	struct err e = { 0 };
	struct deb d;

	ar_make(&b, AR, parts);
	for (size_t n = 0; n < b.n; n++)
		OK(deb_parse(str_head(buf_all(&b), n), &d, &e) < 0);
}

/* -------- tree -------- */

/* What two packages bring, one after the other, and what of it is there in the end. */
static const struct {
	const char *name;
	struct tarmake first[4], second[4];
	int want;
	const char *lists; /* "path>link " of all nodes, sorted */
} trees[] = {
	{ "a file", { { .name = "./usr/x", .body = STR("x") } }, { { 0 } }, 0, "usr usr/x " },
	{ "a directory through a link",
	  { { .name = "usr/lib", .type = '5' }, { .name = "lib", .type = '2', .link = "usr/lib" } },
	  { { .name = "lib", .type = '5' }, { .name = "lib/x", .body = STR("x") } },
	  0,
	  "lib>usr/lib usr usr/lib usr/lib/x " },
	{ "a link that leads out stays a name",
	  { { .name = "out", .type = '2', .link = "/../../etc" } },
	  { { .name = "out/passwd", .body = STR("x") } },
	  0,
	  "etc etc/passwd out>/../../etc " },
	{ "\"..\" in a name", { { .name = "../etc/passwd", .body = STR("x") } }, { { 0 } }, -EBADMSG, "" },
	{ "\"..\" in the middle", { { .name = "a/../../x", .body = STR("x") } }, { { 0 } }, -EBADMSG, "" },
	{ "links in a circle",
	  { { .name = "a", .type = '2', .link = "b" }, { .name = "b", .type = '2', .link = "a" } },
	  { { .name = "a/x", .body = STR("x") } },
	  -ELOOP,
	  "a>b b>a " },
	{ "a file as a directory", { { .name = "a", .body = STR("x") } }, { { .name = "a/x" } }, -ENOTDIR, "a " },
	{ "a file of two owners", { { .name = "a" } }, { { .name = "a" } }, -EEXIST, "a " },
	{ "the same link of two owners",
	  { { .name = "a", .type = '2', .link = "x" } },
	  { { .name = "a", .type = '2', .link = "x" } },
	  0,
	  "a>x " },
	{ "another link",
	  { { .name = "a", .type = '2', .link = "x" } },
	  { { .name = "a", .type = '2', .link = "y" } },
	  -EEXIST,
	  "a>x " },
	{ "a hard link",
	  { { .name = "a", .body = STR("x") }, { .name = "b", .type = '1', .link = "a" } },
	  { { 0 } },
	  0,
	  "a b " },
	{ "a hard link out", { { .name = "b", .type = '1', .link = "../a" } }, { { 0 } }, -EBADMSG, "" },
	{ "a hard link to nothing", { { .name = "b", .type = '1', .link = "a" } }, { { 0 } }, -EBADMSG, "" },
	{ "a link to nothing", { { .name = "b", .type = '2', .link = "" } }, { { 0 } }, -EBADMSG, "" },
	{ "a type of its own", { { .name = "b", .type = 'Z' } }, { { 0 } }, -ENOTSUP, "" },
	{ "the root itself", { { .name = "./", .type = '5', .mode = 0777 } }, { { 0 } }, 0, "" },
	{ "a damaged header", { { .name = "a", .wrong_sum = true } }, { { 0 } }, -EBADMSG, "" },
};

static int tar_take(struct tree *t, const char *owner, const struct tarmake *files, struct err *e)
{
	struct layer_events events = tree_events(t);
	auto_close int fd = memfd_create("tar", MFD_CLOEXEC);
	auto_buf struct buf b;

	buf_init(&b, 1u << 20);
	for (size_t i = 0; i < 4 && files[i].name; i++)
		tarmake_add(&b, &files[i]);
	tarmake_end(&b);
	OK(fd_write(fd, b.p, b.n) == 0);
	t->owner = str_c(owner);
	return deb_walk(fd, &(struct deb_member){ 0, b.n }, &events, e);
}

TEST(tree_rules)
{
	for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
		auto_buf struct buf list;
		struct err e = { 0 };
		struct tree t;
		int r;

		row("%s", trees[i].name);
		buf_init(&list, 10000);
		tree_init(&t, memfd_create("scratch", MFD_CLOEXEC));
		r = tar_take(&t, "one", trees[i].first, &e);
		if (r == 0 && trees[i].second[0].name)
			r = tar_take(&t, "two", trees[i].second, &e);
		EQ_INT(r, trees[i].want);
		OK(r == 0 || e.msg[0]);
		tree_sort(&t);
		for (size_t k = 0; k < t.nodes.n; k++)
			buf_fmt(&list, STR_FMT "%s" STR_FMT " ", STR_ARG(t.nodes.v[k].path),
				t.nodes.v[k].link.n ? ">" : "", STR_ARG(t.nodes.v[k].link));
		EQ_STR(buf_all(&list), str_c(trees[i].lists));
		tree_done(&t);
	}
}

static int tar_keep(void *ctx, const void *p, size_t n, struct err *e unused_arg)
{
	buf_add(ctx, p, n);
	return 0;
}

TEST(tree_written)
{
	static const struct tarmake files[4] = { { .name = "b", .body = STR("bytes") },
						 { .name = "c", .type = '1', .link = "b" },
						 { .name = "d", .mode = 04755 } };
	char deep[300];
	auto_buf struct buf tar;
	struct tree_sink sink = { &tar, tar_keep };
	struct err e = { 0 };
	struct tree t;
	struct tar in;
	struct str rest;
	size_t entries = 0;

	memset(deep, 'x', sizeof(deep));
	deep[sizeof(deep) - 1] = 0;
	buf_init(&tar, 1u << 20);
	tree_init(&t, memfd_create("scratch", MFD_CLOEXEC));
	OK_ERR(tar_take(&t, "one", files, &e), &e);
	OK_ERR(tree_put_file(&t, str_c(deep), 0600, STR("long"), &e), &e);
	OK_ERR(tree_put_link(&t, STR("a"), str_c(deep), &e), &e);
	OK_ERR(tree_put_dir(&t, STR("tmp"), 01777, &e), &e);
	OK_ERR(tree_write(&t, 1000, &sink, &e), &e);
	tar_init(&in);
	rest = buf_all(&tar);
	for (int r; (r = tar_step(&in, &rest, &e)) > TAR_MORE && r != TAR_END;) {
		if (r != TAR_ENTRY)
			continue;
		entries++;
		OK(in.entry.mtime <= 1000);
		if (str_is(in.entry.path, "c"))
			OK(in.entry.type == TAR_HARDLINK && str_is(in.entry.link, "b"));
		if (str_is(in.entry.path, "d"))
			EQ_INT(in.entry.mode, 04755);
		if (str_is(in.entry.path, "a"))
			EQ_STR(in.entry.link, str_c(deep));
		if (str_is(in.entry.path, "tmp"))
			EQ_INT(in.entry.mode, 01777);
	}
	EQ_INT(entries, 6);
	tar_done(&in);
	tree_done(&t);
}

/* -------- packages -------- */

#define PACKAGE(name, version, more)                                                                           \
	"Package: " name "\nVersion: " version "\nArchitecture: amd64\nFilename: pool/" name ".deb\nSize: 1\n" \
	"SHA256: 0000000000000000000000000000000000000000000000000000000000000000\n" more "\n"

static const char index_text[] = PACKAGE("base", "1", "Essential: yes\nPre-Depends: libc (>= 2)\n") PACKAGE(
	"libc", "1", "") PACKAGE("libc", "2", "Depends: gcc | other\n") PACKAGE("gcc", "1:0",
										"Provides: cc (= 1), c99\n")
	PACKAGE("tool", "1", "Depends: missing | cc, libc (<< 9) [amd64]\n") PACKAGE(
		"old", "1", "Depends: libc (<< 2)\n") PACKAGE("perl", "1", "Priority: required\nDepends: base:any\n")
		PACKAGE("x", "1", "Depends: y\n") PACKAGE("y", "1", "Depends: x\n") PACKAGE(
			"lost", "1",
			"Depends: nowhere\n") "Package: ../etc\nVersion: 1\nArchitecture: amd64\nFilename: a\nSize: "
					      "1\nSHA256: 00\n\n"
					      "Package: arm\nVersion: 1\nArchitecture: arm64\nFilename: a\nSize: 1\n"
					      "SHA256: "
					      "0000000000000000000000000000000000000000000000000000000000000000\n";

static const struct {
	const char *names; /* parted by a space */
	bool essential, required;
	const char *want; /* "name=version ", or what the error names */
	int error;
} choices[] = {
	{ "", true, false, "base=1 gcc=1:0 libc=2 ", 0 },
	{ "", true, true, "base=1 gcc=1:0 libc=2 perl=1 ", 0 },
	{ "tool", false, false, "gcc=1:0 libc=2 tool=1 ", 0 },
	{ "x", false, false, "x=1 y=1 ", 0 },
	{ "gcc gcc", false, false, "gcc=1:0 ", 0 },
	{ "old", false, false, "libc (<< 2)", -ENOENT },
	{ "lost", false, false, "nowhere", -ENOENT },
	{ "arm", false, false, "no package arm", -ENOENT },
	{ "c99", false, false, "no package c99", -ENOENT },
};

TEST(packages_chosen)
{
	struct packages p = { 0 };
	struct err e = { 0 };

	OK_ERR(packages_parse(str_c(index_text), STR("amd64"), 0, &p, &e), &e);
	packages_index(&p);
	EQ_INT(p.skipped, 1);
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		struct str names[4], rest = str_c(choices[i].names);
		struct packages_wish wish = { choices[i].essential, choices[i].required, names, 0, NULL, NULL };
		struct packages_chosen chosen = { 0 };
		auto_buf struct buf list;

		row("%s %d %d", choices[i].names, choices[i].essential, choices[i].required);
		buf_init(&list, 1000);
		while (rest.n && str_cut(&rest, ' ', &names[wish.name_count]))
			wish.name_count++;
		EQ_INT(packages_choose(&p, &wish, &chosen, &e), choices[i].error);
		for (size_t k = 0; k < chosen.all.n; k++)
			buf_fmt(&list, STR_FMT "=" STR_FMT " ", STR_ARG(chosen.all.v[k]->name),
				STR_ARG(chosen.all.v[k]->version));
		if (choices[i].error)
			OK(str_find_str(str_c(e.msg), str_c(choices[i].want)) >= 0);
		else
			EQ_STR(buf_all(&list), str_c(choices[i].want));
		vec_done(&chosen.all);
	}
	packages_done(&p);
}

/* -------- names and locks -------- */

static const struct {
	const char *text, *codename;
	enum image_variant variant;
} names[] = {
	{ "debian:12", "bookworm", VARIANT_FULL },
	{ "debian:13:static", "trixie", VARIANT_STATIC },
	{ "ubuntu:24.04:minimal", "noble", VARIANT_MINIMAL },
	{ "debian", NULL, VARIANT_FULL },
	{ "debian:", NULL, VARIANT_FULL },
	{ "debian:7", NULL, VARIANT_FULL },
	{ "debian:12:", NULL, VARIANT_FULL },
	{ "debian:12:tiny", NULL, VARIANT_FULL },
	{ "debian:12:static:x", NULL, VARIANT_FULL },
	{ "", NULL, VARIANT_FULL },
};

TEST(image_names)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct image_release *release = NULL;
		enum image_variant variant = VARIANT_FULL;
		struct err e = { 0 };

		row("\"%s\"", names[i].text);
		EQ_INT(image_name_parse(str_c(names[i].text), &release, &variant, &e), names[i].codename ? 0 : -EINVAL);
		if (names[i].codename)
			EQ_Z(release->codename, names[i].codename);
		EQ_INT(variant, names[i].variant);
	}
}

#define DIGEST "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SUITES                                                                                                 \
	"\"suites\": [ { \"uri\": \"http://h/debian\", \"suite\": \"bookworm\", \"components\": \"main\", "    \
	"\"origin\": \"Debian\", \"codename\": \"bookworm\", \"date\": \"2026-01-01\", \"release\": \"" DIGEST \
	"\" } ]"
#define LOCKED(name, path, suite)                                                                                  \
	"{ \"name\": \"" name "\", \"version\": \"1\", \"arch\": \"all\", \"suite\": " suite ", \"path\": \"" path \
	"\", \"size\": 3, \"digest\": \"" DIGEST "\" }"
#define LOCK(version, image, packages)                                                                         \
	"{ \"version\": " version ", \"image\": \"" image "\", \"variant\": \"static\", \"arch\": \"amd64\", " \
	"\"date\": \"2026-01-01T00:00:00Z\", \"include\": [ \"a\" ], " SUITES ", \"packages\": [ " packages " ] }"

static const struct {
	const char *name, *text;
	int want;
} locks[] = {
	{ "good", LOCK("1", "debian:12", LOCKED("a", "pool/a.deb", "0")), 0 },
	{ "two", LOCK("1", "debian:12", LOCKED("a", "pool/a.deb", "0") ", " LOCKED("b", "pool/b.deb", "0")), 0 },
	{ "version 2", LOCK("2", "debian:12", LOCKED("a", "pool/a.deb", "0")), -ENOTSUP },
	{ "no such image", LOCK("1", "debian:99", LOCKED("a", "pool/a.deb", "0")), -EBADMSG },
	{ "no packages", LOCK("1", "debian:12", ""), -EBADMSG },
	{ "the same package twice", LOCK("1", "debian:12", LOCKED("a", "p", "0") ", " LOCKED("a", "p", "0")),
	  -EBADMSG },
	{ "not sorted", LOCK("1", "debian:12", LOCKED("b", "p", "0") ", " LOCKED("a", "p", "0")), -EBADMSG },
	{ "a name that is a path", LOCK("1", "debian:12", LOCKED("../a", "p", "0")), -EBADMSG },
	{ "a path that leads out", LOCK("1", "debian:12", LOCKED("a", "../a", "0")), -EBADMSG },
	{ "a suite that is none", LOCK("1", "debian:12", LOCKED("a", "p", "1")), -EBADMSG },
	{ "a member more", "{ \"version\": 1, \"more\": 1 }", -EBADMSG },
	{ "cut short", "{ \"version\": 1", -EBADMSG },
	{ "another type", "[]", -EBADMSG },
	{ "nothing", "", -EBADMSG },
};

TEST(locks_read)
{
	for (size_t i = 0; i < ARRAY_LEN(locks); i++) {
		auto_buf struct buf text = { 0 };
		struct err e = { 0 };
		struct digest d;
		struct lock l, again;
		int r;

		row("%s", locks[i].name);
		r = lock_parse(str_c(locks[i].text), &l, &e);
		OK(r == locks[i].want || (locks[i].want && r == -ENOTSUP));
		if (r < 0)
			continue;
		OK_ERR(lock_text(&l, &text, &d, &e), &e);
		OK_ERR(lock_parse(buf_all(&text), &again, &e), &e);
		OK(lock_same_packages(&l, &again));
		lock_done(&l);
		lock_done(&again);
	}
}
