/* from_registry: images in a registry, without a daemon (OCI distribution-spec). How it is spoken to: registry.h. */
#include "base/fd.h"
#include "base/num.h"
#include "codec/sha256.h"
#include "image/registry.h"
#include "image/source.h"

#define BLOB_UNSIZED_MAX (1ull << 40)

/* What an image remembers of its registry. */
struct image_registry {
	struct registry registry;
	struct image *img; /* whose arena all of this lives in */
	const char *blob_headers[2];
};

static int registry_read(void *ctx, const struct descriptor *d, enum blob_role role, size_t max, struct buf *ret,
			 struct err *e)
{
	struct image_registry *from = ctx;
	struct registry *reg = &from->registry;
	char text[DIGEST_TEXT_MAX];
	auto_http_answer struct http_answer answer = { 0 };
	bool manifest = role == ROLE_MANIFEST;
	struct str url = registry_url(reg, manifest ? "manifests" : "blobs", digest_text(&d->digest, text));

	return registry_get(reg, url.p, manifest, max, ret, &answer, e);
}

static int registry_layer(void *ctx, const struct descriptor *d, struct blob_source *ret, struct err *e unused_arg)
{
	struct image_registry *from = ctx;
	struct registry *reg = &from->registry;
	char text[DIGEST_TEXT_MAX];

	*ret = (struct blob_source){ .place = BLOB_URL,
				     .fd = -1,
				     .size = d->size_bytes,
				     .url = registry_url(reg, "blobs", digest_text(&d->digest, text)) };
	return 0;
}

/* The manifest the reference names, held to the digest it names or the registry claims. */
static int top_manifest(struct registry *reg, struct buf *ret, struct err *e)
{
	auto_http_answer struct http_answer answer = { 0 };
	char text[DIGEST_TEXT_MAX];
	struct digest want = reg->ref.digest, computed;
	const char *name = want.set ? digest_text(&want, text) : arena_str(reg->arena, reg->ref.tag).p;
	int r = registry_get(reg, registry_url(reg, "manifests", name).p, true, IMAGE_MANIFEST_MAX, ret, &answer, e);

	if (r < 0)
		return r;
	if (!want.set && !digest_parse(http_header(&answer, "docker-content-digest"), &want))
		return 0;
	sha256_of(buf_all(ret), &computed);
	if (digest_eq(&computed, &want))
		return 0;
	return err_set(e, -EBADMSG, "the registry sent another manifest than %s", digest_text(&want, text));
}

static void spread_authorization(struct image_registry *from)
{
	struct str authorization = from->registry.authorization;

	from->blob_headers[0] = authorization.n ? authorization.p : NULL;
	for (size_t i = 0; i < from->img->blobs.n; i++)
		from->img->blobs.v[i].token_header = authorization;
}

static int open_reference(struct image_registry *from, const struct image_options *o, struct err *e)
{
	struct blob_reader reader = { .ctx = from, .read = registry_read, .layer = registry_layer };
	auto_buf struct buf top = { 0 };
	int r = registry_open(&from->registry, o, e);

	if (r >= 0)
		r = top_manifest(&from->registry, &top, e);
	if (r >= 0)
		r = oci_assemble(from->img, &reader, buf_all(&top), STR_NONE, o, e);
	if (r < 0)
		return r;
	spread_authorization(from);
	return 0;
}

int from_registry(struct image *img, struct str target, const struct image_options *o, struct err *e)
{
	struct arena *a = &img->info.arena;
	struct image_registry *from = arena_new(a, struct image_registry);
	int r;

	from->img = img;
	from->registry.arena = a;
	from->registry.actions = "pull";
	img->registry = from;
	r = reference_parse(target, a, &from->registry.ref, e);
	if (r < 0)
		return r;
	img->info.reference = reference_text(a, &from->registry.ref);
	r = open_reference(from, o, e);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(img->info.reference)) : 0;
}

/* -------- layers, later -------- */

void image_blob_request(const struct image *img, size_t layer, struct http_request *ret)
{
	const struct blob_source *blob = &img->blobs.v[layer];

	registry_request(&img->registry->registry, ret);
	ret->timeout_ms = 0; /* a layer may take as long as it moves */
	ret->url = blob->url.p;
	ret->headers = img->registry->blob_headers;
	ret->size_max = blob->size ? blob->size : BLOB_UNSIZED_MAX;
}

int image_blob_refresh(struct image *img, struct err *e)
{
	struct image_registry *from = img->registry;
	int r;

	if (!from || from->registry.challenge.scheme == AUTH_NONE)
		return err_set(e, -EACCES, "the registry refused a layer");
	r = registry_log_in(&from->registry, e);
	if (r < 0)
		return err_wrap(e, r, "logging in again");
	spread_authorization(from);
	return 0;
}

int image_blob_get(struct image *img, size_t layer, const struct http_sink *sink, struct err *e)
{
	const struct blob_source *blob = &img->blobs.v[layer];
	unsigned int status = 0;
	uint64_t bytes = 0;
	int r = 0;

	for (int tries = 0; tries < 2; tries++) {
		auto_http_answer struct http_answer answer = { 0 };
		struct http_request q;

		image_blob_request(img, layer, &q);
		r = http_get(&q, sink, &answer, e);
		status = answer.status;
		bytes = answer.body_bytes;
		if (r < 0 || status != 401)
			break;
		r = image_blob_refresh(img, e);
		if (r < 0)
			break;
	}
	if (r >= 0 && status != 200)
		r = registry_bad_status(&img->registry->registry, status, STR_NONE, e);
	else if (r >= 0 && blob->size && bytes != blob->size)
		r = err_set(e, -EBADMSG, "the blob is %llu bytes long, not %llu as the manifest says",
			    (unsigned long long)bytes, (unsigned long long)blob->size);
	return r < 0 ? err_wrap(e, r, "layer %zu", layer) : 0;
}
