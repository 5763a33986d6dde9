/* oci: from an index or manifest to an opened image, wherever the blobs are kept. See source.h. */
#include "codec/sha256.h"
#include "image/config.h"
#include "image/source.h"

#define NESTING_MAX 4 /* indexes inside indexes */

int oci_read(const struct blob_reader *reader, const struct descriptor *d, enum blob_role role, struct buf *ret,
	     struct err *e)
{
	size_t max = role == ROLE_CONFIG ? IMAGE_CONFIG_MAX : IMAGE_MANIFEST_MAX;
	const char *what = role == ROLE_CONFIG ? "config" : "manifest";
	char text[DIGEST_TEXT_MAX], found[DIGEST_TEXT_MAX];
	struct digest computed;
	int r;

	digest_text(&d->digest, text);
	if (d->size_bytes > max)
		return err_set(e, -E2BIG, "%s %s is %llu bytes long, the limit is %zu", what, text,
			       (unsigned long long)d->size_bytes, max);
	r = reader->read(reader->ctx, d, role, max, ret, e);
	if (r < 0)
		return err_wrap(e, r, "%s %s", what, text);
	sha256_of(buf_all(ret), &computed);
	if (!digest_eq(&computed, &d->digest)) {
		buf_done(ret);
		return err_set(e, -EBADMSG, "%s %s: the bytes are another's, their digest is %s", what, text,
			       digest_text(&computed, found));
	}
	return 0;
}

/* Goes down through indexes. `text` is replaced by the manifest's own bytes; *m is its content. */
static int descend(const struct blob_reader *reader, struct arena *a, struct buf *text, struct str ref_name,
		   const struct platform *want, struct manifest *m, struct err *e)
{
	int r = manifest_parse(buf_all(text), a, m, e);

	for (int depth = 0; r >= 0 && m->index; depth++) {
		const struct descriptor *chosen;
		struct descriptor d;
		auto_buf struct buf next = { 0 };

		if (depth == NESTING_MAX)
			return err_set(e, -ELOOP, "more than %d indexes inside each other", NESTING_MAX);
		r = manifest_choose(m, want, ref_name, &chosen, e);
		if (r < 0)
			return r;
		ref_name = STR_NONE;
		d = *chosen;
		r = oci_read(reader, &d, ROLE_MANIFEST, &next, e);
		if (r < 0)
			return r;
		/* The old manifest's strs point into the text that goes now. */
		manifest_done(m);
		buf_done(text);
		*text = next;
		next = (struct buf){ 0 };
		r = manifest_parse(buf_all(text), a, m, e);
	}
	return r;
}

static int take_config(struct image *img, const struct blob_reader *reader, const struct manifest *m,
		       const struct platform *want, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct image_info *info = &img->info;
	int r = oci_read(reader, &m->config, ROLE_CONFIG, &text, e);

	if (r < 0)
		return r;
	info->config = m->config.digest;
	return config_take(buf_all(&text), want, info, e);
}

static int take_layers(struct image *img, const struct blob_reader *reader, const struct manifest *m, struct err *e)
{
	for (size_t i = 0; i < m->entries.n; i++) {
		const struct descriptor *d = &m->entries.v[i];
		struct blob_source source = { .fd = -1, .size = d->size_bytes };
		size_t same = 0;
		int r = 0;

		/* The same layer twice is legal, and one descriptor is enough for it. */
		while (same < i && !digest_eq(&m->entries.v[same].digest, &d->digest))
			same++;
		if (same < i)
			source = img->blobs.v[same];
		else
			r = reader->layer(reader->ctx, d, &source, e);
		if (r < 0)
			return err_wrap(e, r, "layer %zu", i);
		image_add_layer(img, &d->digest, &source);
	}
	return 0;
}

int oci_assemble(struct image *img, const struct blob_reader *reader, struct str top, struct str ref_name,
		 const struct image_options *o, struct err *e)
{
	auto_manifest struct manifest m = { 0 };
	auto_buf struct buf text = { 0 };
	auto_arena struct arena scratch = { 0 };
	struct platform want;
	int r = platform_parse(o->platform, &want, e);

	if (r < 0)
		return r;
	buf_init(&text, IMAGE_MANIFEST_MAX);
	buf_str(&text, top);
	if (buf_finish(&text) < 0)
		return err_set(e, -E2BIG, "the manifest is longer than %u bytes", IMAGE_MANIFEST_MAX);
	r = descend(reader, &scratch, &text, ref_name, &want, &m, e);
	if (r < 0)
		return r;
	sha256_of(buf_all(&text), &img->info.manifest);
	img->info.base_name = arena_str(&img->info.arena, m.base_name);
	r = take_layers(img, reader, &m, e);
	return r < 0 ? r : take_config(img, reader, &m, &want, e);
}
