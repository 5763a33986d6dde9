/* verify: an image held to its signature, byte for byte. See verify.h. */
#include "node/image/verify.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "codec/base64.h"
#include "codec/sha256.h"
#include "image/manifest.h"
#include "node/image/artifact.h"
#include "node/image/attest.h"
#include "node/image/origin.h"

#define NAME_BYTES 160
#define READ_BYTES (256u << 10)
#define STATEMENT_MAX (64u << 20) /* bytes of an SBOM or provenance */

/* -------- one signature -------- */

static int signature_check(struct origin *o, const struct artifact_layer *layer, const struct digest *about,
			   const struct ecdsa_key *key, struct attest_text *ret, struct err *e)
{
	auto_buf struct buf payload = { 0 }, signature;
	char text[DIGEST_TEXT_MAX];
	int r;

	buf_init(&signature, ECDSA_SIGNATURE_MAX);
	r = base64_decode(layer->signature, &signature, e);
	if (r == 0)
		r = origin_blob(o, &layer->digest, ATTEST_PAYLOAD_MAX, &payload, e);
	if (r == 0)
		r = ecdsa_verify(key, buf_all(&payload), buf_all(&signature), e);
	if (r == 0)
		r = attest_payload_read(buf_all(&payload), ret, e);
	if (r == 0 && !digest_eq(&ret->manifest, about))
		r = err_set(e, -EBADMSG, "the signature is about %s", digest_text(&ret->manifest, text));
	return r;
}

/* One good signature by the key is enough: others may have signed too. */
static int signed_by(struct origin *o, const struct digest *d, const struct ecdsa_key *key, struct attest_text *ret,
		     struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_artifact struct artifact_manifest m = { 0 };
	auto_buf struct buf text = { 0 };
	char tag[NAME_BYTES];
	int r;

	attest_tag(d, ".sig", tag, sizeof(tag));
	r = origin_tagged(o, tag, &text, e);
	if (r < 0)
		return r == -ENOENT ? err_set(e, r, "it is not signed") : r;
	r = artifact_parse(buf_all(&text), &a, &m, e);
	if (r < 0)
		return err_wrap(e, r, "%s", tag);
	r = err_set(e, -EBADMSG, "it is not signed");
	for (size_t i = 0; r < 0 && i < m.layers.n; i++)
		if (str_is(m.layers.v[i].media_type, ATTEST_PAYLOAD_TYPE) && m.layers.v[i].signature.n)
			r = signature_check(o, &m.layers.v[i], d, key, ret, e);
	return r;
}

/* -------- layers -------- */

struct hashing {
	struct sha256 sha;
	uint64_t bytes;
};

static int hash_take(void *ctx, const void *p, size_t n)
{
	struct hashing *h = ctx;

	sha256_add(&h->sha, p, n);
	h->bytes += n;
	return 0;
}

static int file_hash(const struct blob_source *b, struct hashing *h, struct err *e)
{
	auto_free uint8_t *room = xmalloc(READ_BYTES);

	for (uint64_t at = 0; at < b->size;) {
		size_t want = b->size - at < READ_BYTES ? (size_t)(b->size - at) : READ_BYTES;
		ssize_t n = fd_pread(b->fd, room, want, b->offset + at);

		if (n != (ssize_t)want)
			return err_errno(e, n < 0 ? (int)n : -EIO, "reading a layer");
		(void)hash_take(h, room, want);
		at += want;
	}
	return 0;
}

static int layer_check(struct image *img, size_t i, struct image_verified *ret, struct err *e)
{
	struct hashing h = { 0 };
	struct http_sink sink = { .ctx = &h, .body = hash_take };
	struct digest found;
	int r;

	sha256_init(&h.sha);
	r = img->blobs.v[i].place == BLOB_FILE ? file_hash(&img->blobs.v[i], &h, e) : image_blob_get(img, i, &sink, e);
	sha256_end(&h.sha, &found);
	ret->layers++;
	ret->bytes += h.bytes;
	if (r == 0 && !digest_eq(&found, &img->info.layers.v[i].blob))
		r = err_set(e, -EBADMSG, "layer %zu: the bytes are not those that were signed", i);
	return r;
}

/* -------- what is said about it -------- */

static int statement_check(struct origin *o, const struct digest *d, const struct digest *image,
			   const struct ecdsa_key *key, struct image_verified *ret, struct err *e)
{
	struct attest_text own; /* its signature's */
	auto_arena struct arena a = { 0 };
	auto_artifact struct artifact_manifest m = { 0 };
	auto_buf struct buf text = { 0 };
	int r = origin_manifest(o, d, &text, e);

	if (r == 0)
		r = artifact_parse(buf_all(&text), &a, &m, e);
	if (r < 0 || !digest_eq(&m.subject, image) ||
	    !(str_is(m.type, ATTEST_SPDX_TYPE) || str_is(m.type, ATTEST_STATEMENT_TYPE)))
		return r;
	for (size_t i = 0; r == 0 && i < m.layers.n; i++) {
		auto_buf struct buf bytes = { 0 };

		r = origin_blob(o, &m.layers.v[i].digest, STATEMENT_MAX, &bytes, e);
	}
	if (r == 0)
		r = signed_by(o, d, key, &own, e);
	if (r < 0)
		return err_wrap(e, r, STR_FMT, STR_ARG(m.type));
	ret->statements++;
	return 0;
}

static bool is_listed(const struct manifest *m, const struct digest *d)
{
	for (size_t i = 0; m->index && i < m->entries.n; i++)
		if (digest_eq(&m->entries.v[i].digest, d))
			return true;
	return false;
}

/* Each that is there must be signed, and each that the image's signature names must be there. */
static int statements_check(struct origin *o, const struct attest_text *said, const struct ecdsa_key *key,
			    struct image_verified *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_manifest struct manifest m = { 0 };
	auto_buf struct buf text = { 0 };
	const struct digest *image = &said->manifest;
	char missing[DIGEST_TEXT_MAX];
	int r = origin_referrers(o, image, &text, e);

	if (r == 0)
		r = manifest_parse(buf_all(&text), &a, &m, e);
	else if (r == -ENOENT) /* nothing is said about it */
		r = 0;
	for (size_t i = 0; r == 0 && i < said->statement_count; i++)
		if (!is_listed(&m, &said->statements[i]))
			r = err_set(e, -EBADMSG, "the statement %s is not there any more",
				    digest_text(&said->statements[i], missing));
	for (size_t i = 0; r == 0 && m.index && i < m.entries.n; i++)
		if (m.entries.v[i].digest.set && !digest_eq(&m.entries.v[i].digest, image))
			r = statement_check(o, &m.entries.v[i].digest, image, key, ret, e);
	return r;
}

int image_verify(struct str target, const struct ecdsa_key *key, const struct image_options *options,
		 struct image_verified *ret, struct err *e)
{
	struct attest_text said;
	struct image img;
	struct origin o;
	int r = origin_open(&o, target, options, e);

	*ret = (struct image_verified){ 0 };
	if (r == 0) {
		r = image_open(&img, target, options, e);
		if (r == 0) {
			ret->manifest = img.info.manifest;
			r = signed_by(&o, &img.info.manifest, key, &said, e);
			for (size_t i = 0; r == 0 && i < img.info.layers.n; i++)
				r = layer_check(&img, i, ret, e);
			image_close(&img);
		}
	}
	if (r == 0)
		r = statements_check(&o, &said, key, ret, e);
	origin_close(&o);
	return r;
}
