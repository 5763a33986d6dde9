/* artifact: a manifest that is about another. See artifact.h. */
#include "node/image/artifact.h"

#include "image/field.h"
#include "node/image/attest.h"

void artifact_done(struct artifact_manifest *m)
{
	vec_done(&m->layers);
}

/* A descriptor, whose digest must be one that is known. */
static void layer_read(struct fields *f, struct artifact_layer *ret)
{
	struct str digest = STR_NONE;

	while (field_next(f)) {
		if (field_str(f, "digest", &digest) || field_u64(f, "size", &ret->size) ||
		    field_str(f, "mediaType", &ret->media_type) || !field_object(f, "annotations"))
			continue;
		while (field_next(f))
			(void)field_str(f, ATTEST_SIGNATURE_KEY, &ret->signature);
	}
	if (!digest_parse(digest, &ret->digest))
		field_bad(f, "digest");
}

static void layers_read_all(struct fields *f, struct artifact_manifest *m)
{
	while (json_next(f->json)) {
		struct artifact_layer t = { 0 };

		if (!json_object(f->json) || m->layers.n >= ARTIFACT_LAYERS_MAX) {
			field_bad(f, "layers");
			continue;
		}
		layer_read(f, &t);
		vec_push(&m->layers, t);
	}
}

static void top_read(struct fields *f, struct artifact_manifest *m)
{
	struct artifact_layer subject = { 0 };

	while (field_next(f)) {
		if (field_str(f, "artifactType", &m->type) || field_str(f, "mediaType", &m->media_type))
			continue;
		if (field_object(f, "config")) {
			layer_read(f, &m->config);
		} else if (field_object(f, "subject")) {
			layer_read(f, &subject);
			m->subject = subject.digest;
		} else if (field_array(f, "layers")) {
			layers_read_all(f, m);
		}
	}
}

int artifact_parse(struct str text, struct arena *a, struct artifact_manifest *ret, struct err *e)
{
	struct artifact_manifest m = { 0 };
	struct json j;
	struct fields f = { .json = &j };
	int r = 0;

	json_init(&j, text, a);
	if (!json_object(&j))
		field_bad(&f, "manifest");
	else
		top_read(&f, &m);
	if (fields_finish(&f, e) < 0)
		r = err_wrap(e, -EBADMSG, "manifest");
	else if (!m.config.digest.set)
		r = err_set(e, -EBADMSG, "manifest: no config");
	if (r < 0) {
		artifact_done(&m);
		return r;
	}
	if (!m.type.n)
		m.type = m.config.media_type;
	*ret = m;
	return 0;
}
