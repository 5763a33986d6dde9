/* python: METADATA of dist-info directories (PEP 376, PEP 566), PKG-INFO of egg-info, egg-info files, and eggs, which
 * are zip archives that are installed as they are (https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html).
 * https://packaging.python.org/en/latest/specifications/core-metadata/
 *
 * The header is RFC 822 like; behind its empty line comes the description, which may be long and is not looked at. */
#include "codec/zip.h"
#include "inventory/field.h"
#include "inventory/readers.h"

#define EGG_MEMBERS_MAX 100000u	       /* of one egg */
#define EGG_INFO_BYTES_MAX (16u << 20) /* of its PKG-INFO */
#define HEAD_BYTES 65536u	       /* the header ends before, in nearly all files */

/* What stands before the empty line; false when there is none. */
static bool cut_header(struct str *text)
{
	ptrdiff_t end = str_find_str(*text, STR("\n\n"));

	if (end < 0)
		end = str_find_str(*text, STR("\n\r\n"));
	if (end >= 0)
		*text = str_head(*text, (size_t)end);
	return end >= 0;
}

/* The header: up to the empty line, or the whole file. */
static bool header(struct file *f, struct str *ret)
{
	uint64_t n = f->size < HEAD_BYTES ? f->size : HEAD_BYTES;
	const uint8_t *p = file_at(f, 0, n);

	if (!p)
		return false;
	*ret = str_n(p, n);
	return cut_header(ret) || n == f->size || file_all(f, ret);
}

/* "License :: OSI Approved :: MIT License": what stands last, unless it is only the family. */
static struct str classifier_license(struct str value)
{
	ptrdiff_t colon = str_rfind(value, ':');

	if (!str_starts(value, STR("License ::")) || colon < 0)
		return STR("");
	value = str_trim(str_from(value, (size_t)colon + 1));
	return str_is(value, "OSI Approved") ? STR("") : value;
}

struct metadata {
	struct str name, version, license, expression, classifier;
};

static void take_line(struct metadata *m, struct str line)
{
	const struct {
		struct str key;
		struct str *to;
	} keys[] = {
		{ STR("Name"), &m->name },
		{ STR("Version"), &m->version },
		{ STR("License"), &m->license },
		{ STR("License-Expression"), &m->expression },
	};
	struct str key, value;

	if (!line.n || is_space(line.p[0]) || !str_split(line, ':', &key, &value))
		return; /* a continuation line */
	value = str_trim(value);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eq_nocase(key, keys[i].key) && !keys[i].to->n)
			*keys[i].to = value;
	if (str_eq_nocase(key, STR("Classifier")) && !m->classifier.n)
		m->classifier = classifier_license(value);
}

static int take_header(struct str rest, struct facts *ret, struct err *e)
{
	struct metadata m = { 0 };
	struct package p = { .type = PKG_PYPI };

	for (struct str line; str_cut(&rest, '\n', &line);)
		take_line(&m, line);
	if (!field_ok(m.name))
		return err_set(e, -EBADMSG, "Python metadata without a name");
	if (!field_ok(m.version))
		return err_set(e, -EBADMSG, "Python package " STR_FMT ": no version", STR_ARG(m.name));
	p.name = m.name;
	p.version = m.version;
	p.license = field_license(m.expression.n ? m.expression : m.license);
	if (!p.license.n)
		p.license = field_license(m.classifier);
	facts_package(ret, &p);
	return 0;
}

int python_read(struct file *f, struct facts *ret, struct err *e)
{
	struct str text;

	return header(f, &text) ? take_header(text, ret, e) : -EAGAIN;
}

/* What is no zip archive, or one without metadata, is something else that is called so. */
int egg_read(struct file *f, struct facts *ret, struct err *e)
{
	auto_buf struct buf buf = { 0 };
	struct zip_member m;
	struct zip z;
	struct str bytes;
	int r;

	if (!file_all(f, &bytes))
		return -EAGAIN;
	if (!zip_probe(bytes))
		return 0;
	r = zip_open(&z, bytes, e);
	for (unsigned int n = 0; r >= 0 && (r = zip_next(&z, &m, e)) == 1; n++) {
		if (n >= EGG_MEMBERS_MAX)
			return err_set(e, -E2BIG, "Python egg has more than %u members", EGG_MEMBERS_MAX);
		if (!str_is(m.name, "EGG-INFO/PKG-INFO"))
			continue;
		r = zip_read(&z, &m, EGG_INFO_BYTES_MAX, &buf, &bytes, e);
		if (r < 0)
			return r;
		(void)cut_header(&bytes);
		return take_header(bytes, ret, e);
	}
	return r;
}
