/* spec: the specification read, and what of it lies on the root: itself, its pods, its files. See part.h. */
#include <fcntl.h>

#include "base/path.h"
#include "codec/yaml.h"
#include "node/build/part.h"

#define LIB "usr/lib/yagura/"

static int read_yaml(struct build *b, const char *path, struct buf *ret, struct str *ret_text, struct err *e)
{
	struct str text;
	int r = build_map(b, path, &text, e);

	if (r < 0)
		return r;
	r = yaml_to_json(text, ret, e);
	*ret_text = text;
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

/* A path beside the specification. */
static const char *beside(struct build *b, const char *path)
{
	return *path == '/' ? path : arena_fmt(&b->arena, "%s/%s", b->spec_dir, path).p;
}

static int put_text(struct build *b, const char *path, struct str bytes, struct err *e)
{
	const struct root_file f = { .path = str_c(path),
				     .mode = 0444,
				     .bytes = bytes,
				     .origin = { "specification", b->o->spec, b->spec.release, "", "" } };

	return root_put(b, &f, e);
}

/* pod.yaml becomes /usr/lib/yagura/pods/NN-NAME.json: the node has no YAML. */
static int put_pod(struct build *b, size_t i, struct err *e)
{
	auto_buf struct buf json = { 0 };
	const char *path = beside(b, b->spec.pods.v[i]);
	struct str text, base = path_base(str_c(b->spec.pods.v[i])), stem;
	int r = read_yaml(b, path, &json, &text, e);

	if (r < 0)
		return r;
	if (!str_split(base, '.', &stem, &base))
		stem = base;
	input_add(b, "pod", b->spec.pods.v[i], "", text);
	b->spec.pods.v[i] = arena_fmt(&b->arena, "/" LIB "pods/%02zu-" STR_FMT ".json", i, STR_ARG(stem)).p;
	return put_text(b, b->spec.pods.v[i] + 1, arena_str(&b->arena, buf_all(&json)), e);
}

static int put_file(struct build *b, const struct spec_file *s, struct err *e)
{
	struct root_file f = { .path = str_c(s->path + 1),
			       .mode = s->mode,
			       .origin = { "specification", s->source, b->spec.release, "", "" } };
	int r = build_map(b, beside(b, s->source), &f.bytes, e);

	if (r < 0)
		return err_wrap(e, r, "files");
	input_add(b, "file", s->source, "", f.bytes);
	return root_put(b, &f, e);
}

/* The form in which the node reads it. */
static int put_spec(struct build *b, struct err *e)
{
	struct out o;
	int r;

	out_init(&o, -1);
	spec_write(&b->spec, &o);
	r = o.b.n > SPEC_BYTES_MAX ? err_set(e, -E2BIG, "%s: larger than %u bytes as JSON", b->o->spec, SPEC_BYTES_MAX)
				   : put_text(b, LIB "spec.json", arena_str(&b->arena, buf_all(&o.b)), e);
	buf_done(&o.b);
	return r;
}

int build_spec(struct build *b, struct err *e)
{
	auto_buf struct buf json = { 0 };
	struct str text, dir = path_dir(str_c(b->o->spec));
	int r = read_yaml(b, b->o->spec, &json, &text, e);

	if (r < 0)
		return r;
	/* The structs point into the JSON where it has no escapes. */
	r = spec_parse(arena_str(&b->arena, buf_all(&json)), &b->arena, &b->spec, e);
	if (r < 0)
		return err_wrap(e, r, "%s", b->o->spec);
	b->spec_dir = dir.n ? arena_str(&b->arena, dir).p : *b->o->spec == '/' ? "/" : ".";
	input_add(b, "specification", path_base(str_c(b->o->spec)).p, "", text);
	for (size_t i = 0; i < b->spec.pods.n && r == 0; i++)
		r = put_pod(b, i, e);
	for (size_t i = 0; i < b->spec.file_count && r == 0; i++)
		r = put_file(b, &b->spec.files[i], e);
	return r < 0 ? r : put_spec(b, e);
}
