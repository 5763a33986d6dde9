/* go: build information of Go programs. See go.h; the format is that of Go's src/debug/buildinfo and
 * src/runtime/debug/mod.go. */
#include "inventory/go.h"

#include "inventory/field.h"

#define INFO_BYTES_MAX (4u << 20) /* build information of one program; the largest seen has 60 KiB */
#define WINDOW_BYTES (512u << 10) /* asked of each data segment of a Go program, with its section headers */
#define WINDOWS_MAX 3		  /* data segments looked into */
#define SCAN_BYTES (1u << 20)	  /* searched where there are no section headers, as Go does */
#define INFO_HEADER_BYTES 32u
#define INFO_ALIGNMENT 16u
#define SENTINEL_BYTES 16u /* before and after the modules' text */
#define TOOLCHAIN_BYTES_MAX 512u
#define FLAG_BIG_ENDIAN 1u
#define FLAG_INLINE 2u

static const struct str magic = { "\xff Go buildinf:", 14 };

/* A note section: name size, value size, type, name, value, each padded to 4 bytes. */
static bool has_go_note(const struct elf *elf, struct str notes)
{
	return str_find_str(notes, elf->big ? STR("\0\0\0\4Go\0\0") : STR("\4\0\0\0Go\0\0")) >= 0;
}

bool go_noted(const struct elf *elf)
{
	struct elf_segment s;

	for (uint32_t i = 0; elf_segment(elf, i, &s); i++)
		if (s.type == ELF_NOTE && s.offset < elf->head.n &&
		    has_go_note(elf, str_head(str_from(elf->head, s.offset), s.size)))
			return true;
	return false;
}

/* What -ldflags="-X main.version=1.2.3" says of a main module without a version. */
struct ldflags_version {
	struct str of_main;   /* -X main.version */
	struct str of_module; /* -X MODULE/...version */
};

static bool names_a_version(struct str variable)
{
	static const char *const names[] = { "version", "appversion", "buildversion", "gitversion", "semver" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(variable, str_c(names[i])))
			return true;
	return false;
}

/* Like a version: 1.2 or v1.2.3 and more. */
static bool looks_like_version(struct str s)
{
	size_t i = str_starts(s, STR("v")) ? 1 : 0;
	size_t digits = i;

	while (i < s.n && is_digit(s.p[i]))
		i++;
	return i > digits && i + 1 < s.n && s.p[i] == '.' && is_digit(s.p[i + 1]) && field_ok(s);
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '\\' || c == '`';
}

/* The text up to a space or quote, *s moved behind it. */
static struct str flag_word(struct str *s)
{
	size_t n = 0;
	struct str word;

	while (s->n && (is_space(s->p[0]) || is_quote(s->p[0]) || s->p[0] == '='))
		*s = str_from(*s, 1);
	while (n < s->n && !is_space(s->p[n]) && !is_quote(s->p[n]))
		n++;
	word = str_head(*s, n);
	*s = str_from(*s, n);
	return word;
}

static void take_ldflags(struct str flags, struct str module, struct ldflags_version *ret)
{
	static const struct str option = { "-X", 2 };
	ptrdiff_t at;

	while ((at = str_find_str(flags, option)) >= 0) {
		struct str word, name, value, variable;
		ptrdiff_t dot;

		flags = str_from(flags, (size_t)at + option.n);
		word = flag_word(&flags);
		if (!str_split(word, '=', &name, &value) || !looks_like_version(value))
			continue;
		dot = str_rfind(name, '.');
		variable = str_from(name, (size_t)(dot + 1));
		if (dot < 0 || !names_a_version(variable))
			continue;
		name = str_head(name, (size_t)dot);
		if (str_is(name, "main"))
			ret->of_main = value;
		else if (module.n && str_starts(name, module))
			ret->of_module = value;
	}
}

/* One line of the modules' text: "dep\tPATH\tVERSION\tSUM". */
struct module_line {
	struct str word, path, version;
};

static struct module_line module_line(struct str line)
{
	struct module_line m = { 0 };

	str_cut(&line, '\t', &m.word);
	str_cut(&line, '\t', &m.path);
	str_cut(&line, '\t', &m.version);
	return m;
}

static void add_module(struct str path, struct str version, struct facts *ret)
{
	/* A replacement by a directory has no version; neither has a main module built outside of a checkout. */
	struct package p = { .type = PKG_GOLANG, .name = path, .version = version.n ? version : STR("(devel)") };

	if (field_ok(p.name) && field_ok(p.version))
		facts_package(ret, &p);
	else
		facts_note(ret, "not assessed: a Go module without a usable name or version");
}

static void add_toolchain(struct str toolchain, struct facts *ret)
{
	struct package p = { .type = PKG_GOLANG, .name = STR("stdlib") };
	struct str version = toolchain;

	/* "go1.21.5 X:boringcrypto", "devel go1.22-d8117459 Mon ..." */
	if (str_starts(version, STR("devel ")))
		version = STR("");
	if (str_starts(version, STR("go")))
		version = str_from(version, 2);
	str_cut(&version, ' ', &p.version);
	if (!p.version.n || !is_digit(p.version.p[0]) || !field_ok(p.version))
		p.version = STR("(devel)");
	facts_package(ret, &p);
}

/* The main module's version, when the linker flags tell it. */
static struct str main_version(struct str modules, struct str path)
{
	static const struct str key = { "-ldflags=", 9 };
	struct ldflags_version v = { 0 };

	for (struct str line; str_cut(&modules, '\n', &line);) {
		struct module_line m = module_line(line);

		/* "build\t-ldflags=..." or, quoted as a whole, "build\t\"-ldflags=...\"" */
		if (str_is(m.word, "build") && str_find_str(m.path, key) >= 0 && str_find_str(m.path, key) <= 1)
			take_ldflags(m.path, path, &v);
	}
	return v.of_main.n ? v.of_main : v.of_module;
}

static void add_main(struct str modules, struct module_line m, struct facts *ret)
{
	bool none = !m.version.n || str_is(m.version, "(devel)");

	/* "v0.0.0-20250102030405-0123456789ab": a checkout without tags; the flags may know more. */
	if (none || str_starts(m.version, STR("v0.0.0-"))) {
		struct str said = main_version(modules, m.path);

		m.version = none || said.n ? said : m.version;
	}
	add_module(m.path, m.version, ret);
}

void go_packages(struct str toolchain, struct str modules, struct facts *ret)
{
	struct module_line pending = { 0 }; /* a dependency the next line may replace */
	struct str rest = modules;

	add_toolchain(toolchain, ret);
	for (struct str line; str_cut(&rest, '\n', &line);) {
		struct module_line m = module_line(line);

		/* Replaced: what was built in is the replacement. A directory (its version is "(devel)") has no name
		 * others know. */
		if (str_is(m.word, "=>") && pending.word.n) {
			if (m.version.n && !str_is(m.version, "(devel)"))
				pending.path = m.path;
			pending.version = m.version;
			continue;
		}
		if (pending.word.n)
			add_module(pending.path, pending.version, ret);
		pending = (struct module_line){ 0 };
		if (str_is(m.word, "mod"))
			add_main(modules, m, ret);
		else if (str_is(m.word, "dep"))
			pending = m;
	}
	if (pending.word.n)
		add_module(pending.path, pending.version, ret);
}

/* The text stands between two marks of 16 bytes, so that it can be found in a core, too. */
static struct str without_sentinels(struct str s)
{
	if (s.n <= 2 * SENTINEL_BYTES || s.p[s.n - SENTINEL_BYTES - 1] != '\n')
		return STR("");
	return str_head(str_from(s, SENTINEL_BYTES), s.n - 2 * SENTINEL_BYTES);
}

static int inline_read(struct str info, struct facts *ret, struct err *e)
{
	struct rd r = rd_of(str_from(info, INFO_HEADER_BYTES));
	struct str toolchain = rd_var_str(&r);
	struct str modules = rd_var_str(&r);

	if (!rd_ok(&r) || toolchain.n > TOOLCHAIN_BYTES_MAX)
		return err_set(e, -EBADMSG, "Go build information is cut short");
	go_packages(toolchain, without_sentinels(modules), ret);
	return 1;
}

/* A Go string header (pointer, length) at an address, and the bytes it points to. */
static int string_at(const struct elf *elf, uint64_t address, uint64_t max, struct str *ret, struct err *e)
{
	uint64_t header_bytes = elf->wide ? 16 : 8;
	uint64_t at, n;
	const uint8_t *p;
	struct rd r;

	if (!elf_offset(elf, address, header_bytes, &at))
		return err_set(e, -EBADMSG, "Go build information points outside of the program");
	p = file_at(elf->f, at, header_bytes);
	if (!p)
		return -EAGAIN;
	r = rd_of(str_n(p, header_bytes));
	address = elf_word(elf, &r);
	n = elf_word(elf, &r);
	if (n > max)
		return err_set(e, -E2BIG, "Go build information of %llu bytes", (unsigned long long)n);
	if (!elf_offset(elf, address, n, &at))
		return err_set(e, -EBADMSG, "Go build information points outside of the program");
	p = file_at(elf->f, at, n);
	if (!p)
		return -EAGAIN;
	*ret = str_n(p, n);
	return 0;
}

static int pointers_read(const struct elf *elf, struct str info, struct facts *ret, struct err *e)
{
	struct rd r = rd_of(str_from(info, 16));
	uint64_t toolchain_at = elf_word(elf, &r);
	uint64_t modules_at = elf_word(elf, &r);
	struct str toolchain = STR(""), modules = STR("");
	int a, b = 0;

	if (((uint8_t)info.p[15] & FLAG_BIG_ENDIAN) != elf->big || info.p[14] != (elf->wide ? 8 : 4))
		return err_set(e, -EBADMSG, "Go build information of another machine");
	/* Both are asked for before either is waited for. */
	a = string_at(elf, toolchain_at, TOOLCHAIN_BYTES_MAX, &toolchain, e);
	if (a == 0 || a == -EAGAIN)
		b = modules_at ? string_at(elf, modules_at, INFO_BYTES_MAX, &modules, e) : 0;
	if (a < 0 || b < 0)
		return b < 0 ? b : a;
	go_packages(toolchain, without_sentinels(modules), ret);
	return 1;
}

static int info_read(const struct elf *elf, struct str info, struct facts *ret, struct err *e)
{
	if (info.n < INFO_HEADER_BYTES || !str_starts(info, magic))
		return err_set(e, -EBADMSG, "Go build information without its mark");
	if ((uint8_t)info.p[15] & FLAG_INLINE)
		return inline_read(info, ret, e);
	return pointers_read(elf, info, ret, e);
}

/* The program's data: a writable segment, from *i on. Position independent programs have one for relocated constants
 * first. */
static bool data_segment(const struct elf *elf, uint32_t *i, struct elf_segment *ret)
{
	while (elf_segment(elf, (*i)++, ret))
		if (ret->type == ELF_LOAD && ret->flags & ELF_WRITABLE && ret->size)
			return true;
	return false;
}

/* Position of the build information in the head of a data segment, or -1; its address is a round one. */
static ptrdiff_t info_find(struct str data, uint64_t address)
{
	size_t from = 0;
	ptrdiff_t at;

	while ((at = str_find_str(str_from(data, from), magic)) >= 0) {
		from += (size_t)at;
		if ((address + from) % INFO_ALIGNMENT == 0)
			return (ptrdiff_t)from;
		from++;
	}
	return -1;
}

/* The build information found in the head of the data segment, which may end before it does. */
static int window_read(const struct elf *elf, struct str window, struct elf_segment data, struct facts *ret,
		       struct err *e)
{
	ptrdiff_t at = info_find(window, data.address);
	uint64_t left;
	const uint8_t *p;
	int r;

	if (at < 0)
		return 0;
	r = info_read(elf, str_from(window, (size_t)at), ret, e);
	if (r != -EBADMSG || window.n == data.size)
		return r;
	left = data.size - (uint64_t)at;
	if (left > INFO_BYTES_MAX)
		left = INFO_BYTES_MAX;
	p = file_at(elf->f, data.offset + (uint64_t)at, left);
	return p ? info_read(elf, str_n(p, left), ret, e) : -EAGAIN;
}

static int section_read(struct elf *elf, struct facts *ret, struct err *e)
{
	struct elf_section s;
	const uint8_t *p;
	int r = elf_find(elf, STR(".go.buildinfo"), &s);

	if (r <= 0)
		return r;
	if (s.size > INFO_BYTES_MAX)
		return err_set(e, -E2BIG, "Go build information of %llu bytes", (unsigned long long)s.size);
	p = file_at(elf->f, s.offset, s.size);
	return p ? info_read(elf, str_n(p, s.size), ret, e) : -EAGAIN;
}

/* Looks into the first bytes of the data segments: all of them are asked for before one is waited for. */
static int windows_read(const struct elf *elf, uint64_t bytes_max, struct facts *ret, struct err *e)
{
	struct elf_segment data;
	bool waiting = false;
	uint32_t i = 0;
	int r = 0;

	for (unsigned int n = 0; r == 0 && n < WINDOWS_MAX && data_segment(elf, &i, &data); n++) {
		uint64_t bytes = bytes_max < data.size ? bytes_max : data.size;
		const uint8_t *p = file_at(elf->f, data.offset, bytes);

		if (p && !waiting)
			r = window_read(elf, str_n(p, bytes), data, ret, e);
		waiting |= !p;
	}
	return r == 0 && waiting ? -EAGAIN : r;
}

int go_read(struct elf *elf, struct facts *ret, struct err *e)
{
	bool noted = go_noted(elf);
	int r = 0;

	if (noted || !elf->section_count)
		r = windows_read(elf, noted ? WINDOW_BYTES : SCAN_BYTES, ret, e);
	if (r == 0)
		r = section_read(elf, ret, e);
	if (r == 0 && noted)
		facts_note(ret, "not assessed: a Go program without build information");
	return r;
}
