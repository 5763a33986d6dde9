/* origin: where an image and what is said about it are read from. See origin.h. */
#include "node/image/origin.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "codec/sha256.h"
#include "image/manifest.h"
#include "node/image/attest.h"

#define NAME_BYTES 160

static bool is_layout(const char *path)
{
	char name[PATH_BYTES_MAX];

	return snprintf(name, sizeof(name), "%s/oci-layout", path) < (int)sizeof(name) && access(name, F_OK) == 0;
}

static int layout_open(struct origin *o, const char *path, struct err *e)
{
	int r;

	o->dir = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	if (o->dir < 0)
		return err_errno(e, o->dir, "%s", path);
	r = file_read(o->dir, "index.json", IMAGE_MANIFEST_MAX, &o->index, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

int origin_open(struct origin *o, struct str target, const struct image_options *options, struct err *e)
{
	struct str kind = STR("oci:"), path = target;
	int r;

	*o = (struct origin){ .dir = -1 };
	if (str_starts(target, kind))
		path = str_from(target, kind.n);
	path = arena_str(&o->arena, path);
	/* "DIR", or "DIR:NAME" */
	for (struct str dir = path;;) {
		ptrdiff_t at;

		dir = arena_str(&o->arena, dir);
		if (is_layout(dir.p))
			return layout_open(o, dir.p, e);
		at = str_rfind(dir, ':');
		if (at < 0)
			break;
		dir = str_head(dir, (size_t)at);
	}
	if (path.n != target.n)
		return err_set(e, -ENOENT, STR_FMT ": no OCI layout", STR_ARG(path));
	if (str_starts(target, STR("registry:")))
		target = str_from(target, strlen("registry:"));
	o->registry.arena = &o->arena;
	o->registry.actions = "pull";
	r = reference_parse(target, &o->arena, &o->registry.ref, e);
	return r < 0 ? r : registry_open(&o->registry, options, e);
}

void origin_close(struct origin *o)
{
	fd_close(&o->dir);
	buf_done(&o->index);
	arena_done(&o->arena);
}

static int held(struct buf *b, const struct digest *want, struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	struct digest found;

	sha256_of(buf_all(b), &found);
	if (digest_eq(&found, want))
		return 0;
	buf_done(b);
	return err_set(e, -EBADMSG, "%s: the bytes are another's", digest_text(want, text));
}

static int blob_file(struct origin *o, const struct digest *d, size_t max, struct buf *ret, struct err *e)
{
	char name[NAME_BYTES], text[DIGEST_TEXT_MAX];
	auto_close int fd = -1;

	snprintf(name, sizeof(name), "blobs/sha256/%s", digest_text(d, text) + strlen("sha256:"));
	fd = fd_open_inside(o->dir, str_c(name), O_RDONLY);
	return fd < 0 ? err_errno(e, fd, "%s", name) : fd_read_all(fd, max, ret, e);
}

static int registry_take(struct origin *o, const char *what, const char *name, size_t max, struct buf *ret,
			 struct err *e)
{
	auto_http_answer struct http_answer answer = { 0 };
	struct str url = registry_url(&o->registry, what, name);

	return registry_get(&o->registry, url.p, strcmp(what, "manifests") == 0, max, ret, &answer, e);
}

int origin_manifest(struct origin *o, const struct digest *d, struct buf *ret, struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	int r = o->dir >= 0 ? blob_file(o, d, IMAGE_MANIFEST_MAX, ret, e)
			    : registry_take(o, "manifests", digest_text(d, text), IMAGE_MANIFEST_MAX, ret, e);

	return r < 0 ? r : held(ret, d, e);
}

int origin_tagged(struct origin *o, const char *tag, struct buf *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_manifest struct manifest m = { 0 };
	int r;

	if (o->dir < 0)
		return registry_take(o, "manifests", tag, IMAGE_MANIFEST_MAX, ret, e);
	r = manifest_parse(buf_all(&o->index), &a, &m, e);
	for (size_t i = 0; r == 0 && i < m.entries.n; i++)
		if (str_is(m.entries.v[i].ref_name, tag) && m.entries.v[i].digest.set)
			return origin_manifest(o, &m.entries.v[i].digest, ret, e);
	return r < 0 ? r : err_set(e, -ENOENT, "the layout has nothing named %s", tag);
}

int origin_blob(struct origin *o, const struct digest *d, size_t max, struct buf *ret, struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	int r = o->dir >= 0 ? blob_file(o, d, max, ret, e)
			    : registry_take(o, "blobs", digest_text(d, text), max, ret, e);

	return r < 0 ? r : held(ret, d, e);
}

int origin_referrers(struct origin *o, const struct digest *d, struct buf *ret, struct err *e)
{
	char text[DIGEST_TEXT_MAX], tag[NAME_BYTES];
	int r;

	if (o->dir >= 0) {
		buf_init(ret, IMAGE_MANIFEST_MAX);
		buf_str(ret, buf_all(&o->index));
		return buf_finish(ret);
	}
	r = registry_take(o, "referrers", digest_text(d, text), IMAGE_MANIFEST_MAX, ret, e);
	if (r != -ENOENT)
		return r;
	/* distribution-spec 1.1, "Unavailable Referrers API" */
	attest_tag(d, "", tag, sizeof(tag));
	return registry_take(o, "manifests", tag, IMAGE_MANIFEST_MAX, ret, e);
}
