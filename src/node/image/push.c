/* push: a layout's image with everything that is said about it, to a registry. See push.h. */
#include "node/image/push.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/num.h"
#include "codec/sha256.h"
#include "image/manifest.h"
#include "image/registry.h"
#include "node/image/artifact.h"
#include "node/image/attest.h"
#include "node/image/layout.h"
#include "node/image/origin.h"

#define ANSWER_MAX (1u << 20)
#define PAUSE_MS 250
#define NAME_BYTES 160

struct push {
	struct origin from;
	struct registry to;
	struct arena arena;
	const struct push_options *o;
	struct push_report *report;
	uint8_t *room; /* PUSH_CHUNK */
	struct str image_tag;
};

static void pause_before(unsigned int try)
{
	uint64_t ms = (uint64_t)PAUSE_MS << try;

	nanosleep(&(struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 }, NULL);
}

/* -------- one blob -------- */

struct upload {
	const struct artifact_layer *blob;
	int fd;
	struct str location; /* "": none yet */
	uint64_t done;
};

/* The place of an upload: on this registry, and nowhere else may the login go. */
static int location_take(struct push *p, const struct http_answer *answer, struct upload *u, struct err *e)
{
	struct str to = http_header(answer, "location"), own = registry_url(&p->to, "blobs", "");
	size_t origin = strlen(p->to.scheme) + 3;

	while (origin < own.n && own.p[origin] != '/')
		origin++;
	own = str_head(own, origin);
	if (str_starts(to, STR("/")) && !str_starts(to, STR("//")))
		u->location = arena_fmt(&p->arena, STR_FMT STR_FMT, STR_ARG(own), STR_ARG(to));
	else if (str_starts(to, own) && to.n > own.n && to.p[own.n] == '/')
		u->location = arena_str(&p->arena, to);
	else
		return err_set(e, -EPROTO,
			       "the registry wants the upload at \"" STR_FMT "\", which is not its own place",
			       STR_ARG(str_head(to, 120)));
	return 0;
}

static int ask(struct push *p, const char *method, struct str url, const char *const *headers, struct str content,
	       bool again, struct buf *body, struct http_answer *answer, struct err *e)
{
	struct http_request q;

	registry_request(&p->to, &q);
	q.method = method;
	q.url = url.p;
	q.headers = headers;
	q.content = content;
	q.size_max = ANSWER_MAX;
	q.timeout_ms = 0; /* the stall rule: a chunk may take as long as it moves */
	if (!again)
		q.retries = 0;
	return registry_ask(&p->to, &q, body, answer, e);
}

static bool blob_there(struct push *p, const struct digest *d)
{
	auto_http_answer struct http_answer answer = { 0 };
	auto_buf struct buf body = { 0 };
	char text[DIGEST_TEXT_MAX];
	struct http_request q;

	registry_request(&p->to, &q);
	q.url = registry_url(&p->to, "blobs", digest_text(d, text)).p;
	q.head = true;
	return registry_ask(&p->to, &q, &body, &answer, NULL) == 0 && answer.status == 200;
}

/* 1: mounted, there is nothing to send. 0: an upload has begun. */
static int upload_begin(struct push *p, struct upload *u, struct err *e)
{
	static const char *const headers[] = { "Content-Type: application/octet-stream", NULL };
	auto_http_answer struct http_answer answer = { 0 };
	auto_buf struct buf body = { 0 };
	char text[DIGEST_TEXT_MAX];
	struct str url = registry_url(&p->to, "blobs", "uploads/");
	int r;

	u->done = 0;
	if (p->o->mount)
		url = arena_fmt(&p->arena, STR_FMT "?mount=%s&from=" STR_FMT, STR_ARG(url),
				digest_text(&u->blob->digest, text),
				STR_ARG(auth_url_escape(&p->arena, str_c(p->o->mount))));
	r = ask(p, "POST", url, headers, STR_NONE, true, &body, &answer, e);
	if (r < 0)
		return r;
	if (answer.status == 201)
		return 1;
	if (answer.status != 202)
		return registry_bad_status(&p->to, answer.status, buf_all(&body), e);
	return location_take(p, &answer, u, e);
}

/* How far the registry got: "Range: 0-N". An upload it does not know any more begins again. */
static int upload_resume(struct push *p, struct upload *u, struct err *e)
{
	auto_http_answer struct http_answer answer = { 0 };
	auto_buf struct buf body = { 0 };
	struct http_request q;
	struct str first, last;
	uint64_t end = 0;

	registry_request(&p->to, &q);
	q.url = u->location.p;
	q.size_max = ANSWER_MAX;
	if (registry_ask(&p->to, &q, &body, &answer, NULL) < 0 || answer.status != 204 ||
	    !str_split(http_header(&answer, "range"), '-', &first, &last) || !num_u64(last, 10, &end) ||
	    end >= u->blob->size || (http_header(&answer, "location").n && location_take(p, &answer, u, NULL) < 0))
		return upload_begin(p, u, e);
	u->done = end ? end + 1 : 0;
	return 0;
}

/* The next chunk, or the last one with the digest that ends the upload. 1 when it ended. */
static int chunk_send(struct push *p, struct upload *u, struct err *e)
{
	auto_http_answer struct http_answer answer = { 0 };
	auto_buf struct buf body = { 0 };
	uint64_t left = u->blob->size - u->done;
	bool last = left <= PUSH_CHUNK;
	size_t n = last ? (size_t)left : PUSH_CHUNK;
	char text[DIGEST_TEXT_MAX], range[64];
	const char *const headers[] = { "Content-Type: application/octet-stream", n ? range : NULL, NULL };
	struct str url = u->location;
	ssize_t got = fd_pread(u->fd, p->room, n, u->done);
	int r;

	if (got != (ssize_t)n)
		return err_errno(e, got < 0 ? (int)got : -EIO, "reading the blob");
	snprintf(range, sizeof(range), "Content-Range: %llu-%llu", (unsigned long long)u->done,
		 (unsigned long long)(u->done + n - 1));
	if (last)
		url = arena_fmt(&p->arena, STR_FMT "%cdigest=%s", STR_ARG(u->location),
				str_find(u->location, '?') < 0 ? '?' : '&', digest_text(&u->blob->digest, text));
	r = ask(p, last ? "PUT" : "PATCH", url, headers, str_n(p->room, n), false, &body, &answer, e);
	if (r < 0)
		return r;
	if (answer.status != (last ? 201u : 202u))
		return registry_bad_status(&p->to, answer.status, buf_all(&body), e);
	u->done += n;
	p->report->bytes_sent += n;
	return last ? 1 : location_take(p, &answer, u, e);
}

/* Goes on where it broke off, as long as there is some progress. Refusals are final. */
static int blob_upload(struct push *p, struct upload *u, struct err *e)
{
	unsigned int failures = 0;
	int r = upload_begin(p, u, e);

	if (r == 1)
		p->report->blobs_mounted++;
	while (r == 0) {
		uint64_t before = u->done;

		r = chunk_send(p, u, e);
		if (r > 0)
			p->report->blobs_sent++;
		if (r >= 0 || r == -EACCES || r == -ENOTSUP || r == -EPROTO)
			continue;
		failures = u->done > before ? 0 : failures + 1;
		if (failures == PUSH_TRIES)
			return r;
		pause_before(failures);
		r = upload_resume(p, u, e);
	}
	return r < 0 ? r : 0;
}

static int blob_push(struct push *p, const struct artifact_layer *blob, struct err *e)
{
	char name[NAME_BYTES], text[DIGEST_TEXT_MAX];
	auto_close int fd = -1;
	struct upload u = { .blob = blob };
	int r;

	if (blob_there(p, &blob->digest)) {
		p->report->blobs_there++;
		return 0;
	}
	snprintf(name, sizeof(name), "blobs/sha256/%s", digest_text(&blob->digest, text) + strlen("sha256:"));
	fd = fd_open_inside(p->from.dir, str_c(name), O_RDONLY);
	if (fd < 0)
		return err_errno(e, fd, "%s", name);
	u.fd = fd;
	r = blob_upload(p, &u, e);
	return r < 0 ? err_wrap(e, r, "blob %s", text) : 0;
}

/* -------- manifests -------- */

static int manifest_put(struct push *p, const char *name, const char *type, struct str text, bool *ret_subject_known,
			struct err *e)
{
	auto_http_answer struct http_answer answer = { 0 };
	auto_buf struct buf body = { 0 };
	char header[200];
	const char *const headers[] = { header, NULL };
	int r;

	snprintf(header, sizeof(header), "Content-Type: %s", type);
	r = ask(p, "PUT", registry_url(&p->to, "manifests", name), headers, text, true, &body, &answer, e);
	if (r == 0 && answer.status != 201)
		r = registry_bad_status(&p->to, answer.status, buf_all(&body), e);
	if (r < 0)
		return err_wrap(e, r, "manifest %s", name);
	*ret_subject_known = http_header(&answer, "oci-subject").n > 0;
	return 0;
}

/* The descriptors of an index as they stand there, but for one of the digest given. */
static void others_write(struct str index, const struct digest *but, struct json_out *w)
{
	auto_arena struct arena a = { 0 };
	struct json j;
	struct str key;

	json_init(&j, index, &a);
	if (!json_object(&j))
		return;
	while (json_key(&j, &key)) {
		if (!str_is(key, "manifests") || !json_array(&j))
			continue;
		while (json_next(&j)) {
			struct str raw = json_raw(&j), digest = STR_NONE, member;
			struct digest d = { 0 };
			struct json one;

			json_init(&one, raw, &a);
			if (json_object(&one))
				while (json_key(&one, &member))
					if (str_is(member, "digest"))
						(void)!json_str(&one, &digest);
			if (digest_parse(digest, &d) && !digest_eq(&d, but))
				json_out_raw(w, raw);
		}
	}
}

/* distribution-spec 1.1, "Referrers Tag Schema". */
static int referrer_add(struct push *p, const struct digest *subject, const struct oci_blob *referrer, struct err *e)
{
	auto_buf struct buf had = { 0 };
	auto_http_answer struct http_answer answer = { 0 };
	char tag[NAME_BYTES];
	struct json_out w;
	struct out out;
	bool known;
	int r;

	attest_tag(subject, "", tag, sizeof(tag));
	r = registry_get(&p->to, registry_url(&p->to, "manifests", tag).p, true, IMAGE_MANIFEST_MAX, &had, &answer, e);
	if (r < 0 && r != -ENOENT)
		return r;
	out_init(&out, -1);
	json_out_init(&w, &out);
	oci_index_begin(&w);
	others_write(buf_all(&had), &referrer->digest, &w);
	oci_blob_write(&w, referrer);
	oci_index_end(&w);
	r = out.b.n > IMAGE_MANIFEST_MAX ? err_set(e, -E2BIG, "%s: more than %u bytes", tag, IMAGE_MANIFEST_MAX)
					 : manifest_put(p, tag, OCI_INDEX_TYPE, buf_all(&out.b), &known, e);
	buf_done(&out.b);
	return r;
}

/* One manifest of the layout: its blobs, then itself by its digest, then where it is listed. */
static int manifest_push(struct push *p, const struct descriptor *d, struct err *e)
{
	auto_arena struct arena a = { 0 };
	auto_artifact struct artifact_manifest m = { 0 };
	auto_buf struct buf text = { 0 };
	char digest[DIGEST_TEXT_MAX], type[120];
	bool known = false;
	int r = origin_manifest(&p->from, &d->digest, &text, e);

	if (r == 0)
		r = artifact_parse(buf_all(&text), &a, &m, e);
	if (r == 0)
		r = blob_push(p, &m.config, e);
	for (size_t i = 0; r == 0 && i < m.layers.n; i++)
		r = blob_push(p, &m.layers.v[i], e);
	snprintf(type, sizeof(type), STR_FMT, STR_ARG(m.media_type.n ? m.media_type : STR(OCI_MANIFEST_TYPE)));
	if (r == 0)
		r = manifest_put(p, digest_text(&d->digest, digest), type, buf_all(&text), &known, e);
	if (r == 0 && str_ends(d->ref_name, STR(".sig")))
		r = manifest_put(p, arena_str(&p->arena, d->ref_name).p, type, buf_all(&text), &known, e);
	if (r == 0 && m.subject.set && !known)
		r = referrer_add(p, &m.subject,
				 &(struct oci_blob){ .digest = d->digest,
						     .size = text.n,
						     .media_type = str_c(type),
						     .artifact_type = m.type },
				 e);
	p->report->manifests += r == 0;
	return r;
}

/* The image is the one with a platform; what is about it comes behind it, so that subjects are there first. */
static int all_push(struct push *p, const struct manifest *index, struct err *e)
{
	const struct descriptor *image = NULL;
	auto_buf struct buf text = { 0 };
	bool known;
	int r = 0;

	for (size_t i = 0; i < index->entries.n; i++)
		if (index->entries.v[i].os.n && !image)
			image = &index->entries.v[i];
	if (!image)
		return err_set(e, -ENOENT, "the layout has no image");
	p->report->manifest = image->digest;
	for (size_t i = 0; i < index->entries.n && r == 0; i++)
		r = manifest_push(p, &index->entries.v[i], e);
	if (r == 0)
		r = origin_manifest(&p->from, &image->digest, &text, e);
	if (r == 0)
		r = manifest_put(p, p->image_tag.p, OCI_MANIFEST_TYPE, buf_all(&text), &known, e);
	return r;
}

static int push_open(struct push *p, const char *layout, struct str target, struct err *e)
{
	int r = origin_open(&p->from, arena_fmt(&p->arena, "oci:%s", layout), &p->o->image, e);

	if (r < 0)
		return r;
	p->to.arena = &p->arena;
	p->to.actions = "pull,push";
	r = reference_parse(target, &p->arena, &p->to.ref, e);
	if (r == 0 && p->to.ref.digest.set)
		r = err_set(e, -EINVAL, STR_FMT ": name a tag, not a digest", STR_ARG(target));
	if (r < 0)
		return r;
	p->image_tag = arena_str(&p->arena, p->to.ref.tag);
	return registry_open(&p->to, &p->o->image, e);
}

int image_push(const char *layout, struct str target, const struct push_options *options, struct push_report *ret,
	       struct err *e)
{
	struct push p = { .from = { .dir = -1 }, .o = options, .report = ret, .room = xmalloc(PUSH_CHUNK) };
	auto_manifest struct manifest index = { 0 };
	int r = push_open(&p, layout, target, e);

	*ret = (struct push_report){ 0 };
	if (r == 0)
		r = manifest_parse(buf_all(&p.from.index), &p.arena, &index, e);
	if (r == 0 && !index.index)
		r = err_set(e, -EBADMSG, "index.json is no index");
	if (r == 0)
		r = all_push(&p, &index, e);
	origin_close(&p.from);
	arena_done(&p.arena);
	free(p.room);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(target)) : 0;
}
