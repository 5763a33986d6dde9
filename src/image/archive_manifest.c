/* archive_manifest: manifest.json of a docker-archive. See archive_manifest.h. */
#include "image/archive_manifest.h"

#include "base/buf.h"
#include "base/num.h"
#include "image/field.h"
#include "image/image.h"
#include "image/reference.h"

#define LIST_TEXT_MAX 240 /* bytes of the list of tags in a message */

static int read_names(struct fields *f, struct archive_names *v, size_t max, const char *what, struct err *e)
{
	v->n = 0;
	while (json_next(f->json)) {
		struct str s = STR_NONE;

		if (v->n == max)
			return err_set(e, -E2BIG, "manifest.json: more than %zu of %s", max, what);
		if (!json_str(f->json, &s))
			field_bad(f, what);
		vec_push(v, s);
	}
	return 0;
}

static int read_image(struct fields *f, struct archive_image *image, struct err *e)
{
	int r = 0;

	while (r >= 0 && field_next(f)) {
		if (field_str(f, "Config", &image->config))
			continue;
		if (field_array(f, "RepoTags"))
			r = read_names(f, &image->tags, ARCHIVE_TAGS_MAX, "RepoTags", e);
		else if (field_array(f, "Layers"))
			r = read_names(f, &image->layers, IMAGE_LAYERS_MAX, "Layers", e);
	}
	return r;
}

static int read_images(struct fields *f, struct archive_manifest *m, struct err *e)
{
	int r = 0;

	while (r >= 0 && json_next(f->json)) {
		struct archive_image *image;

		if (m->images.n == IMAGE_INDEX_MAX)
			return err_set(e, -E2BIG, "manifest.json: more than %d images", IMAGE_INDEX_MAX);
		image = vec_add(&m->images);
		if (json_object(f->json))
			r = read_image(f, image, e);
		else
			field_bad(f, "an image");
	}
	return r;
}

int archive_manifest_parse(struct str text, struct arena *a, struct archive_manifest *ret, struct err *e)
{
	struct archive_manifest m = { 0 };
	struct json j;
	struct fields f = { .json = &j };
	int r;

	json_init(&j, text, a);
	if (json_peek(&j) != JSON_ARRAY)
		return err_set(e, -EBADMSG, "manifest.json is no JSON array");
	json_array(&j);
	r = read_images(&f, &m, e);
	if (r >= 0)
		r = fields_finish(&f, e);
	if (r >= 0 && !m.images.n)
		r = err_set(e, -EBADMSG, "manifest.json lists no image");
	if (r < 0) {
		archive_manifest_done(&m);
		return r;
	}
	*ret = m;
	return 0;
}

void archive_manifest_done(struct archive_manifest *m)
{
	for (size_t i = 0; i < m->images.n; i++) {
		vec_done(&m->images.v[i].tags);
		vec_done(&m->images.v[i].layers);
	}
	vec_done(&m->images);
}

static bool image_fits(const struct archive_image *image, size_t number, struct str want)
{
	uint32_t wanted;

	if (want.n && want.p[0] == '@')
		return num_u32(str_from(want, 1), &wanted) && wanted == number;
	for (size_t i = 0; i < image->tags.n; i++)
		if (reference_name_fits(image->tags.v[i], want))
			return true;
	return false;
}

static void list_tags(const struct archive_manifest *m, struct buf *list)
{
	for (size_t i = 0; i < m->images.n && list->n < LIST_TEXT_MAX; i++) {
		const struct archive_image *image = &m->images.v[i];

		buf_fmt(list, "%s@%zu", list->n ? ", " : "", i);
		for (size_t k = 0; k < image->tags.n && list->n < LIST_TEXT_MAX; k++)
			buf_fmt(list, " " STR_FMT, STR_ARG(str_head(image->tags.v[k], LIST_TEXT_MAX)));
	}
}

int archive_manifest_choose(const struct archive_manifest *m, struct str tag, const struct archive_image **ret,
			    struct err *e)
{
	auto_buf struct buf list = { 0 };

	if (!tag.n && m->images.n == 1) {
		*ret = &m->images.v[0];
		return 0;
	}
	for (size_t i = 0; tag.n && i < m->images.n; i++) {
		if (!image_fits(&m->images.v[i], i, tag))
			continue;
		*ret = &m->images.v[i];
		return 0;
	}
	buf_init(&list, 4u * LIST_TEXT_MAX);
	list_tags(m, &list);
	if (!tag.n)
		return err_set(e, -ENOENT, "the archive holds %zu images, name one as FILE:TAG or FILE:@N: " STR_FMT,
			       m->images.n, STR_ARG(str_head(buf_all(&list), LIST_TEXT_MAX)));
	return err_set(e, -ENOENT, "the archive holds no image " STR_FMT "; it holds: " STR_FMT,
		       STR_ARG(str_head(tag, 128)), STR_ARG(str_head(buf_all(&list), LIST_TEXT_MAX)));
}
