/* Unit tests of inventory/executable with elf, go and rust: programs made by hand in all four shapes of ELF, then real
 * ones, with Go's own tool as the oracle. */
#include "facts_text.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/fd.h"
#include "elf_make.h"
#include "inventory/go.h"
#include "zip_make.h"

#define MODULES                                                                                                     \
	"path\texample.org/cmd/tool\nmod\texample.org/tool\tv1.4.0\th1:x=\ndep\tgolang.org/x/text\tv0.3.7\th1:y=\n" \
	"dep\texample.org/old\tv1.0.0\n=>\texample.org/new\tv1.0.1\th1:z=\ndep\texample.org/dir\tv2.0.0\n=>\t./"    \
	"dir\t\n"                                                                                                   \
	"build\t-compiler=gc\n"
#define PACKAGES                                                                                  \
	"golang stdlib 1.20.3\ngolang example.org/tool v1.4.0\ngolang golang.org/x/text v0.3.7\n" \
	"golang example.org/new v1.0.1\ngolang example.org/dir (devel)\n"

static const struct {
	const char *name;
	struct elf_make make;
	bool pointers; /* the format before Go 1.18 */
	size_t before; /* bytes of data before the build information */
	unsigned int passes;
} shapes[] = {
	{ "64 little", { .wide = true, .go_note = true }, false, 0, 1 },
	{ "64 big", { .wide = true, .big = true, .go_note = true }, false, 0, 1 },
	{ "32 little", { .go_note = true }, false, 0, 1 },
	{ "32 big", { .big = true, .go_note = true }, false, 0, 1 },
	{ "a large program", { .wide = true, .go_note = true, .gap = 3u << 20 }, false, 0, 1 },
	{ "behind other data", { .wide = true, .go_note = true, .gap = 1u << 20 }, false, 4096, 1 },
	{ "across the window's end", { .wide = true, .go_note = true }, false, (512u << 10) - 64, 1 },
	{ "no sections", { .wide = true, .no_sections = true }, false, 0, 1 },
	{ "no sections, far behind", { .wide = true, .no_sections = true }, false, 300000 / 16 * 16, 1 },
	{ "found by its section",
	  { .wide = true, .section = ".go.buildinfo", .section_from = 200000 },
	  false,
	  200000,
	  1 },
	{ "pointers, 64 little", { .wide = true, .go_note = true }, true, 0, 1 },
	{ "pointers, 64 big", { .wide = true, .big = true, .go_note = true }, true, 0, 1 },
	{ "pointers, 32 little", { .go_note = true }, true, 0, 1 },
	{ "pointers, 32 big", { .big = true, .go_note = true }, true, 32, 1 },
};

TEST(go_shapes)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		auto_buf struct buf data = { 0 };
		auto_buf struct buf program = { 0 };
		auto_buf struct buf got = { 0 };
		auto_facts struct facts facts = { 0 };
		struct err e = { 0 };
		unsigned int passes;

		row("%s", shapes[i].name);
		buf_init(&data, ELF_MAKE_BYTES_MAX);
		buf_init(&program, ELF_MAKE_BYTES_MAX);
		elf_make_fill(&data, shapes[i].before);
		if (shapes[i].pointers)
			elf_make_go_pointers(&data, &shapes[i].make, "go1.20.3", STR(MODULES));
		else
			elf_make_go_inline(&data, "go1.20.3", STR(MODULES));
		elf_make(&program, &shapes[i].make, buf_all(&data));
		OK_ERR(inventory_read_memory(STR("usr/bin/x"), 0755, buf_all(&program), "executable", &facts, &passes,
					     &e),
		       &e);
		facts_text(&facts, &got);
		EQ_STR(buf_all(&got), STR(PACKAGES));
		EQ_INT(passes, shapes[i].passes);
	}
}

static const struct {
	const char *name, *toolchain, *modules, *want;
} texts[] = {
	{ "no modules", "go1.13", "", "golang stdlib 1.13\n" },
	{ "experiment", "go1.21.5 X:boringcrypto", "", "golang stdlib 1.21.5\n" },
	{ "development version of Go", "devel go1.22-abcdef Mon Nov 6", "", "golang stdlib (devel)\n" },
	{ "no toolchain", "", "", "golang stdlib (devel)\n" },
	{ "development version", "go1.20", "mod\ta.org/b\t(devel)\t\n",
	  "golang stdlib 1.20\ngolang a.org/b (devel)\n" },
	{ "linker flags", "go1.20", "mod\ta.org/b\t(devel)\t\nbuild\t-ldflags=\"-s -w -X main.version=1.2.3\"\n",
	  "golang stdlib 1.20\ngolang a.org/b 1.2.3\n" },
	{ "linker flags, quoted", "go1.20",
	  "mod\ta.org/b\t(devel)\t\nbuild\t\"-ldflags=-X 'main.Version=v2.0.0-rc1'\"\n",
	  "golang stdlib 1.20\ngolang a.org/b v2.0.0-rc1\n" },
	{ "linker flags, a package of the module", "go1.20",
	  "mod\ta.org/b\t(devel)\t\nbuild\t-ldflags=\"-X a.org/b/pkg/version.gitVersion=v1.28.2\"\n",
	  "golang stdlib 1.20\ngolang a.org/b v1.28.2\n" },
	{ "linker flags, no tag in the checkout", "go1.24",
	  "mod\ta.org/b\tv0.0.0-20250102030405-0123456789ab+dirty\t\nbuild\t-ldflags=\"-X main.version=v1.2.3\"\n",
	  "golang stdlib 1.24\ngolang a.org/b v1.2.3\n" },
	{ "no tag in the checkout", "go1.24", "mod\ta.org/b\tv0.0.0-20250102030405-0123456789ab\t\n",
	  "golang stdlib 1.24\ngolang a.org/b v0.0.0-20250102030405-0123456789ab\n" },
	{ "linker flags of somebody else", "go1.20",
	  "mod\ta.org/b\t(devel)\t\nbuild\t-ldflags=\"-X k8s.io/x/version.gitVersion=v1.28.2 -X main.date=2020.1\"\n",
	  "golang stdlib 1.20\ngolang a.org/b (devel)\n" },
	{ "replacement by a directory", "go1.20", "dep\ta.org/b\tv1.0.0\th1:=\n=>\t./b\t(devel)\t\n",
	  "golang stdlib 1.20\ngolang a.org/b (devel)\n" },
	{ "replacement without a dependency", "go1.20", "=>\ta\tv1\n", "golang stdlib 1.20\n" },
	{ "unusable names", "go1.20", "dep\t\tv1\ndep\ta b\tv1\ndep\tx\tv1\n",
	  "golang stdlib 1.20\nnote: not assessed: a Go module without a usable name or version\n"
	  "note: not assessed: a Go module without a usable name or version\ngolang x v1\n" },
};

TEST(go_texts)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		auto_facts struct facts facts = { 0 };
		auto_buf struct buf got = { 0 };

		row("%s", texts[i].name);
		facts_init(&facts);
		go_packages(str_c(texts[i].toolchain), str_c(texts[i].modules), &facts);
		facts_text(&facts, &got);
		EQ_STR(buf_all(&got), str_c(texts[i].want));
	}
}

static void check_data(const struct elf_make *make, struct str data, const char *want)
{
	auto_buf struct buf program = { 0 };

	buf_init(&program, ELF_MAKE_BYTES_MAX);
	elf_make(&program, make, data);
	facts_check("executable", "usr/bin/x", buf_all(&program), want);
}

TEST(go_damaged)
{
	const struct elf_make go = { .wide = true, .go_note = true };
	auto_buf struct buf data = { 0 };

	buf_init(&data, ELF_MAKE_BYTES_MAX);
	row("no build information");
	check_data(&go, STR("some data, but nothing else"),
		   "note: not assessed: a Go program without build information\n");
	row("cut short");
	elf_make_go_mark(&data, 8, 2);
	elf_make_fill(&data, 32);
	buf_str(&data, STR("\x7f"
			   "go"));
	check_data(&go, buf_all(&data), "note: not assessed: Go build information is cut short\n");
	row("length of 2^63");
	data.n = 32;
	buf_varint(&data, 1ull << 63);
	check_data(&go, buf_all(&data), "note: not assessed: Go build information is cut short\n");
	row("pointers to nowhere");
	buf_clear(&data);
	elf_make_go_mark(&data, 8, 0);
	buf_le64(&data, UINT64_MAX - 7);
	buf_le64(&data, 1);
	check_data(&go, buf_all(&data), "note: not assessed: Go build information points outside of the program\n");
	row("pointer to itself, length without end");
	buf_clear(&data);
	elf_make_go_mark(&data, 8, 0);
	buf_le64(&data, ELF_MAKE_DATA_ADDRESS + 16);
	buf_le64(&data, UINT32_MAX);
	check_data(&go, buf_all(&data), "note: not assessed: Go build information of 4294967295 bytes\n");
}

TEST(not_programs)
{
	static const struct {
		const char *name;
		struct str bytes;
		const char *want;
	} rows[] = {
		{ "empty", { "", 0 }, "" },
		{ "a script", { "#!/bin/sh\n", 10 }, "" },
		{ "magic alone", { "\177ELF", 4 }, "" },
		{ "head cut short",
		  { "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0", 18 },
		  "note: not assessed: ELF: cut short\n" },
		{ "unknown class", { "\177ELF\3\1\1\0\0\0\0\0\0\0\0\0\2\0", 18 }, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		facts_check("executable", "usr/bin/x", rows[i].bytes, rows[i].want);
	}
}

/* The common case asks for the head and for the end of the file, and for nothing else. */
TEST(other_programs_cost_little)
{
	const struct elf_make plain = { .wide = true, .gap = 8u << 20 };
	auto_buf struct buf program = { 0 };
	struct inventory_run run;

	buf_init(&program, ELF_MAKE_BYTES_MAX);
	elf_make(&program, &plain, STR("data"));
	inventory_run_start(&run, STR("usr/bin/x"), program.n, 0755, 1ull << analyzer_named(STR("executable")));
	inventory_run_feed(&run, 0, (const uint8_t *)program.p, program.n);
	EQ_INT(inventory_run_wanted_from(&run), UINT64_MAX);
	EQ_INT(run.parts.v[0].facts.packages, 0);
	EQ_INT(run.parts.v[0].facts.notes, 0);
	EQ_INT(run.file.ranges.n, 2);
	OK(run.file.held_bytes < 16384);
	inventory_run_done(&run);
}

static const struct {
	const char *name, *json, *want;
} crates[] = {
	{ "crates",
	  "{\"packages\":[{\"name\":\"adler\",\"version\":\"0.2.3\",\"source\":\"registry\"},"
	  "{\"name\":\"cc\",\"version\":\"1.0.1\",\"source\":\"crates.io\",\"kind\":\"build\"},"
	  "{\"name\":\"tool\",\"version\":\"0.1.0\",\"source\":\"local\",\"dependencies\":[0],\"root\":true}]}",
	  "cargo adler 0.2.3\ncargo tool 0.1.0\n" },
	{ "none", "{\"packages\":[]}", "" },
	{ "one without a version", "{\"packages\":[{\"name\":\"a\"},{\"name\":\"b\",\"version\":\"1.0.0\"}]}",
	  "note: not assessed: a crate without a name or a version\ncargo b 1.0.0\n" },
	{ "another shape", "{\"packages\":{}}", "note: not assessed: list of crates: \"packages\" is no array\n" },
	{ "damaged", "{\"packages\":[", "note: not assessed: list of crates: JSON: cut short at byte 13\n" },
};

TEST(rust)
{
	const struct elf_make make = { .wide = true, .section = ".dep-v0" };

	for (size_t i = 0; i < ARRAY_LEN(crates); i++) {
		uint8_t packed[1024];

		row("%s", crates[i].name);
		check_data(&make, zip_make_deflate(str_c(crates[i].json), IGZIP_ZLIB, packed, sizeof(packed)),
			   crates[i].want);
	}
	row("no zlib stream");
	auto_buf struct buf program = { 0 };
	auto_facts struct facts facts = { 0 };
	struct err e = { 0 };
	buf_init(&program, ELF_MAKE_BYTES_MAX);
	elf_make(&program, &make, STR("{\"packages\":[]}"));
	EQ_INT(inventory_read_memory(STR("x"), 0755, buf_all(&program), "executable", &facts, NULL, &e), -EBADMSG);
}

/* Real programs. What a command prints, "" when it fails. */
static void command(struct buf *ret, const char *fmt, ...) printf_like(2, 3);
static void command(struct buf *ret, const char *fmt, ...)
{
	char line[3 * PATH_MAX], part[4096];
	va_list ap;
	FILE *f;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_init(ret, 16u << 20);
	f = popen(line, "r");
	while (f && (n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(ret, part, n);
	if (f && pclose(f) != 0)
		buf_clear(ret);
}

/* As go_packages() tells it, from the text `go version -m` prints. */
static void oracle_text(struct str printed, struct buf *to)
{
	auto_facts struct facts facts = { 0 };
	auto_buf struct buf modules = { 0 };
	struct str line, toolchain = STR("");
	ptrdiff_t at;

	buf_init(&modules, 1u << 20);
	str_cut(&printed, '\n', &line);
	at = str_find_str(line, STR(": "));
	if (at >= 0)
		toolchain = str_from(line, (size_t)at + 2);
	while (str_cut(&printed, '\n', &line)) {
		buf_str(&modules, str_from(line, 1));
		buf_char(&modules, '\n');
	}
	facts_init(&facts);
	go_packages(toolchain, buf_all(&modules), &facts);
	facts_text(&facts, to);
}

/* How the linker lays a program out, and so how many passes it takes, is Go's version's own matter. */
static void check_real(const char *path, unsigned int most_passes)
{
	auto_buf struct buf program = { 0 };
	auto_buf struct buf printed = { 0 };
	auto_buf struct buf want = { 0 };
	auto_buf struct buf got = { 0 };
	auto_facts struct facts facts = { 0 };
	struct err e = { 0 };
	unsigned int passes;

	OK_ERR(file_read(AT_FDCWD, path, 256u << 20, &program, &e), &e);
	command(&printed, "go version -m '%s' 2>/dev/null", path);
	oracle_text(buf_all(&printed), &want);
	OK_ERR(inventory_read_memory(STR("x"), 0755, buf_all(&program), "executable", &facts, &passes, &e), &e);
	facts_text(&facts, &got);
	EQ_STR(buf_all(&got), buf_all(&want));
	OK(passes && passes <= most_passes);
	printf("# %s: %zu packages\n", path, facts.packages);
}

TEST(go_tool_of_this_machine)
{
	auto_buf struct buf root = { 0 };
	char path[PATH_MAX];

	command(&root, "go env GOROOT 2>/dev/null");
	if (!root.n) {
		tap_skip("go is not installed here");
		return;
	}
	snprintf(path, sizeof(path), STR_FMT "/bin/go", STR_ARG(str_trim(buf_all(&root))));
	check_real(path, 1);
}

static const struct {
	const char *name, *options;
	unsigned int passes;
} builds[] = {
	{ "plain", "", 1 },
	{ "stripped", "-ldflags '-s -w -X main.version=3.2.1'", 1 },
	{ "position independent", "-buildmode=pie", 1 },
	{ "no build id", "-ldflags '-buildid= -X main.version=v1.0.0'", 2 },
};

/* A program without imports, so that only Go's runtime has to be compiled, once a machine. */
TEST(go_built_here)
{
	char dir[] = "/tmp/yagura-go-XXXXXX";
	auto_buf struct buf done = { 0 };
	char path[PATH_MAX];

	OK(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_LEN(builds); i++) {
		row("%s", builds[i].name);
		if (i && !done.n) {
			tap_skip("go is not installed here");
			continue;
		}
		buf_done(&done);
		command(&done,
			"cd %s && printf 'module example.org/tiny\\n' > go.mod && "
			"printf 'package main\\nvar version = \"\"\\nfunc main() { println(version) }\\n' > main.go && "
			"env HOME=\"${HOME:-$PWD}\" CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS= GO111MODULE=on go build "
			"-p 1 %s -o tiny%zu . "
			"2>&1 && "
			"echo done",
			dir, builds[i].options, i);
		if (!done.n) {
			tap_skip("go is not installed here");
			continue;
		}
		snprintf(path, sizeof(path), "%s/tiny%zu", dir, i);
		check_real(path, builds[i].passes);
	}
	auto_buf struct buf removed = { 0 };
	command(&removed, "rm -rf %s", dir);
}

/* A real program with a section added by objcopy, as cargo-auditable's linker does. */
TEST(rust_section_by_objcopy)
{
	char dir[] = "/tmp/yagura-rust-XXXXXX";
	auto_buf struct buf done = { 0 };
	auto_buf struct buf program = { 0 };
	auto_buf struct buf got = { 0 };
	auto_facts struct facts facts = { 0 };
	struct err e = { 0 };
	char path[PATH_MAX];
	uint8_t packed[1024];
	struct str list = zip_make_deflate(str_c(crates[0].json), IGZIP_ZLIB, packed, sizeof(packed));
	FILE *f;

	OK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/list", dir);
	f = fopen(path, "w");
	OK(f && fwrite(list.p, 1, list.n, f) == list.n);
	if (f)
		fclose(f);
	command(&done, "cd %s && objcopy --add-section .dep-v0=list /bin/true program 2>&1 && echo done", dir);
	if (!str_is(str_trim(buf_all(&done)), "done")) {
		tap_skip("objcopy is not installed here");
		return;
	}
	snprintf(path, sizeof(path), "%s/program", dir);
	OK_ERR(file_read(AT_FDCWD, path, 16u << 20, &program, &e), &e);
	OK_ERR(inventory_read_memory(STR("x"), 0755, buf_all(&program), "executable", &facts, NULL, &e), &e);
	facts_text(&facts, &got);
	EQ_STR(buf_all(&got), str_c(crates[0].want));
	buf_done(&done);
	command(&done, "rm -rf %s", dir);
}
