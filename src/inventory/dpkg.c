/* dpkg: status, status.d and .list files. See dpkg.h. */
#include "inventory/dpkg.h"

#include "base/deb822.h"
#include "base/path.h"
#include "inventory/evidence.h"

enum { F_PACKAGE, F_VERSION, F_ARCH, F_SOURCE, F_STATUS, F_MAINTAINER, FIELD_COUNT };

/* Names as deb-control(5) spells them; dpkg compares them without regard to case. */
static const char *const field_name[FIELD_COUNT] = {
	[F_PACKAGE] = "Package", [F_VERSION] = "Version", [F_ARCH] = "Architecture",
	[F_SOURCE] = "Source",	 [F_STATUS] = "Status",	  [F_MAINTAINER] = "Maintainer",
};

struct paragraph {
	struct str field[FIELD_COUNT];
	size_t line;  /* number of its first line */
	bool damaged; /* it has a line that is no field, or a field past DPKG_FIELD_MAX */
};

/* The third word of Status. */
static bool is_on_disk(struct str status)
{
	struct str state;

	if (!status.n)
		return true;
	status = str_trim(status);
	state = str_from(status, (size_t)(str_rfind(status, ' ') + 1));
	return !str_eq(state, STR("config-files")) && !str_eq(state, STR("not-installed"));
}

/* "glibc (2.36-9)": the version only where it differs from the binary's (deb-control(5), Source). */
static void split_source(struct str text, struct package *p)
{
	struct str version;

	if (str_split(text, '(', &text, &version)) {
		p->source_version = str_trim(version);
		if (str_ends(p->source_version, STR(")")))
			p->source_version.n--;
	}
	p->source = str_trim(text);
}

static void take_field(struct paragraph *g, struct str name, struct str value)
{
	struct str line = STR_NONE; /* none of ours has more than one */

	(void)str_cut(&value, '\n', &line);
	for (int i = 0; i < FIELD_COUNT; i++) {
		if (!str_eq_nocase(name, str_c(field_name[i])))
			continue;
		/* Twice the same field: dpkg refuses such a file. The first is kept. */
		if (line.n > DPKG_FIELD_MAX || g->field[i].n)
			g->damaged = true;
		else
			g->field[i] = str_trim(line);
		return;
	}
}

static void end_paragraph(const struct paragraph *g, struct facts *ret)
{
	const struct str *v = g->field;
	struct package p = { .type = PKG_DEB, .name = v[F_PACKAGE], .version = v[F_VERSION], .arch = v[F_ARCH] };

	if (g->damaged)
		facts_note(ret, "damaged paragraph at line %zu (package \"" STR_FMT "\")", g->line,
			   STR_ARG(str_head(p.name, 100)));
	if (!is_on_disk(v[F_STATUS]))
		return;
	p.vendor = v[F_MAINTAINER];
	split_source(v[F_SOURCE], &p);
	if (p.name.n && p.version.n)
		facts_package(ret, &p);
	else
		facts_note(ret, "paragraph at line %zu has no %s", g->line, p.name.n ? "Version" : "Package");
}

static size_t line_feeds(const char *from, const char *to)
{
	size_t n = 0;

	for (; (from = memchr(from, '\n', (size_t)(to - from))) != NULL; from++)
		n++;
	return n;
}

static void read_paragraphs(struct str text, struct facts *ret)
{
	const char *counted = text.p;
	size_t number = 1;

	for (struct str paragraph; deb822_paragraph(&text, &paragraph);) {
		struct paragraph g = { 0 };
		struct str name, value;

		number += line_feeds(counted, paragraph.p);
		counted = paragraph.p;
		g.line = number;
		while (deb822_field(&paragraph, &name, &value)) {
			g.damaged |= !name.n;
			take_field(&g, name, value);
		}
		end_paragraph(&g, ret);
	}
}

/* md5sums: "0123...ef  usr/bin/x", a line per file. */
static void read_md5sums(struct str text, struct str path, struct facts *ret)
{
	struct str name = path_base(path), sum, file;
	struct owned_files o;

	owned_init(&o, ret, text.n);
	name.n -= strlen(".md5sums");
	for (struct str rest = text, line; str_cut(&rest, '\n', &line);)
		if (str_split(line, ' ', &sum, &file))
			owned_add(&o, str_trim(file));
	owned_end(&o, name, STR_NONE);
}

int dpkg_status_read(struct file *f, struct facts *ret, struct err *e)
{
	struct str text;
	int r = evidence_text(f, &text, e);

	if (r < 0)
		return r;
	if (str_ends(path_base(f->path), STR(".md5sums")))
		read_md5sums(text, f->path, ret);
	else
		read_paragraphs(text, ret);
	return 0;
}

int dpkg_list_read(struct file *f, struct facts *ret, struct err *e)
{
	struct owned_files o;
	struct str text, arch = STR_NONE, name = path_base(f->path);
	int r = evidence_text(f, &text, e);

	if (r < 0)
		return r;
	owned_init(&o, ret, text.n);
	if (str_ends(name, STR(".list")))
		name.n -= strlen(".list");
	str_split(name, ':', &name, &arch);
	for (struct str rest = text, line; str_cut(&rest, '\n', &line);)
		owned_add(&o, line);
	owned_end(&o, name, arch);
	return 0;
}
