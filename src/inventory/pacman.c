/* pacman: desc and files. See pacman.h. */
#include "inventory/pacman.h"

#include "base/path.h"
#include "inventory/evidence.h"

#define FIELD_BYTES_MAX 4096   /* one value; Arch's longest is a description */
#define LICENSE_BYTES_MAX 4096 /* all licenses of a package together */

/* Walks the values: true with the field a value belongs to ("NAME") and the value. */
struct walk {
	struct str rest, field;
};

static bool walk_next(struct walk *w, struct str *ret)
{
	for (struct str line; str_cut(&w->rest, '\n', &line);) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n > 2 && line.p[0] == '%' && line.p[line.n - 1] == '%') {
			w->field = str_n(line.p + 1, line.n - 2);
		} else if (!line.n) {
			w->field = STR_NONE;
		} else if (w->field.n) {
			*ret = line;
			return true;
		}
	}
	return false;
}

static struct str *field_of(struct package *p, struct str name)
{
	const struct {
		const char *name;
		struct str *to;
	} rows[] = {
		{ "NAME", &p->name },	{ "VERSION", &p->version }, { "ARCH", &p->arch },
		{ "BASE", &p->source }, { "PACKAGER", &p->vendor },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_is(name, rows[i].name))
			return rows[i].to;
	return NULL;
}

int pacman_desc_read(struct file *f, struct facts *ret, struct err *e)
{
	struct package p = { .type = PKG_ALPM };
	struct walk w = { 0 };
	auto_buf struct buf license = { 0 };
	struct str value;
	int r = evidence_text(f, &w.rest, e);

	if (r < 0)
		return r;
	buf_init(&license, LICENSE_BYTES_MAX);
	while (walk_next(&w, &value)) {
		struct str *to = field_of(&p, w.field);

		if (value.n > FIELD_BYTES_MAX)
			continue;
		if (to && !to->n)
			*to = value;
		if (!str_is(w.field, "LICENSE"))
			continue;
		if (license.n)
			buf_str(&license, STR(" AND "));
		buf_str(&license, value);
	}
	if (!p.name.n || !p.version.n)
		return err_set(e, -EBADMSG, "pacman desc has no %s", p.name.n ? "version" : "name");
	p.license = buf_all(&license);
	facts_package(ret, &p);
	return 0;
}

/* ".../local/bash-5.2.026-2/files": versions hold no '-', so two parts are cut off. */
static bool name_of(struct str path, struct str *ret)
{
	struct str dir = path_base(path_dir(path));

	for (int i = 0; i < 2; i++) {
		ptrdiff_t dash = str_rfind(dir, '-');

		if (dash < 1)
			return false;
		dir = str_head(dir, (size_t)dash);
	}
	*ret = dir;
	return true;
}

int pacman_files_read(struct file *f, struct facts *ret, struct err *e)
{
	struct owned_files o;
	struct walk w = { 0 };
	struct str value, name;
	int r = evidence_text(f, &w.rest, e);

	if (r < 0)
		return r;
	if (!name_of(f->path, &name))
		return err_set(e, -EBADMSG, "directory is not named after a package");
	owned_init(&o, ret, f->size);
	while (walk_next(&w, &value))
		if (str_is(w.field, "FILES"))
			owned_add(&o, value);
	owned_end(&o, name, STR_NONE);
	return 0;
}
