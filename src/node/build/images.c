/* images: container images of the specification on the verified root, in the form of the node's store
 * (docs/formats/node-store.md). Their files are covered by the root's own tree; each layer has its own as well, as
 * everywhere in a store. See part.h. */
#include <fcntl.h>
#include <unistd.h>

#include "node/build/part.h"
#include "node/verity.h"

#define STORE "usr/lib/yagura/images/"
#define FILE_MODE 0444u
#define COPY_MS 600000

/* A copy with the layer's tree behind it, mapped. */
static int copy_layer(struct build *b, int from, struct stored_layer *l, struct str *ret, struct err *e)
{
	const char *name = arena_fmt(&b->arena, "layer-%zu.erofs", b->files.n).p;
	auto_close int to = openat(b->part_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	auto_mapping struct mapping m = { 0 };
	int r = to < 0 ? err_errno(e, -errno, "%s", name) : mapping_open(from, &m, e);

	if (r < 0)
		return r;
	if (!m.n || m.n % VERITY_BLOCK || m.n > BUILD_FILE_MAX)
		return err_set(e, -E2BIG, "a layer of %zu bytes", m.n);
	r = fd_write(to, m.p, m.n);
	if (r < 0)
		return err_errno(e, r, "%s", name);
	l->bytes = m.n;
	r = verity_write(to, m.n, m.n, &stored_salt, &l->root, e);
	return r < 0 ? r : build_map(b, part_path(b, name), ret, e);
}

static bool is_there(const struct build *b, struct str path)
{
	for (size_t i = 0; i < b->files.n; i++)
		if (str_eq(b->files.v[i].path, path))
			return true;
	return false;
}

static int put_file(struct build *b, const struct spec_image *s, const struct stored *record, const char *path,
		    struct str bytes, struct err *e)
{
	const struct root_file f = { .path = arena_fmt(&b->arena, STORE "%s", path),
				     .mode = FILE_MODE,
				     .bytes = bytes,
				     .origin = { "image", s->source, record->image, "", "" } };

	return is_there(b, f.path) ? 0 : root_put(b, &f, e); /* two images may share a layer */
}

static int put_layers(struct build *b, const struct spec_image *s, struct stored *record, const int *fds, struct err *e)
{
	char path[STORED_PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < record->layer_count && r == 0; i++) {
		struct str bytes;

		r = copy_layer(b, fds[i], &record->layers[i], &bytes, e);
		stored_layer_path(&record->layers[i].root, path);
		r = r < 0 ? r : put_file(b, s, record, path, bytes, e);
	}
	return r;
}

static int put_record(struct build *b, const struct spec_image *s, const struct stored *record, struct err *e)
{
	char path[STORED_PATH_MAX];
	struct str text;
	struct out o;

	out_init(&o, -1);
	stored_write(record, &o);
	text = arena_str(&b->arena, buf_all(&o.b));
	buf_done(&o.b);
	stored_path(str_c(record->name), path);
	input_add(b, "image", s->source, record->image, text);
	return put_file(b, s, record, path, text, e);
}

static int put_image(struct build *b, const struct spec_image *s, struct err *e)
{
	struct stored record = { 0 };
	int fds[STORED_LAYERS_MAX];
	int r;

	if (!stored_name_ok(str_c(s->name)))
		return err_set(e, -EBADMSG, "%s: no name of an image in a store", s->name);
	r = b->o->image(s, &b->arena, &record, fds, e);
	if (r < 0)
		return r;
	r = put_layers(b, s, &record, fds, e);
	for (size_t i = 0; i < record.layer_count; i++)
		fd_close(&fds[i]);
	return r < 0 ? r : put_record(b, s, &record, e);
}

int build_images(struct build *b, struct err *e)
{
	int r = 0;

	if (b->spec.image_count)
		say(b, "adding container images");
	for (size_t i = 0; i < b->spec.image_count && r == 0; i++) {
		r = put_image(b, &b->spec.images[i], e);
		if (r < 0)
			r = err_wrap(e, r, "images[%zu]", i);
	}
	return r;
}
