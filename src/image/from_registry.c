/* from_registry: images in a registry, without a daemon (OCI distribution-spec, Docker Registry HTTP API V2; token
 * protocol: distribution project, spec/auth/token.md and oauth.md).
 *
 * Nothing is asked twice that need not be: the first request is the one for the manifest, its 401 says how to log in.
 * Only for loopback registries and with --insecure a ping comes first, to see whether TLS is spoken there at all; no
 * credential is sent before that is known. */
#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/num.h"
#include "codec/sha256.h"
#include "image/auth.h"
#include "image/field.h"
#include "image/source.h"

#define REQUEST_TIMEOUT_MS 60000u /* manifests, configs, tokens; blobs have the stall rule only */
#define REQUEST_RETRIES 4
#define PING_BYTES_MAX 65536
#define ERROR_TEXT_MAX 160 /* bytes of a registry's own words in a message */
#define BLOB_UNSIZED_MAX (1ull << 40)

#define ACCEPT                                                                                          \
	"Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, " \
	"application/vnd.docker.distribution.manifest.v2+json, "                                        \
	"application/vnd.docker.distribution.manifest.list.v2+json"

struct registry {
	struct image *img; /* whose arena all of this lives in */
	struct reference ref;
	const char *scheme; /* "https" or "http" */
	const char *ca_file;
	bool insecure_tls;
	struct auth_login login;
	bool has_login;
	struct auth_challenge challenge; /* the last one met */
	struct str authorization;	 /* "Authorization: ..." or "" */
	const char *blob_headers[2];
};

static struct arena *arena_of(const struct registry *reg)
{
	return &reg->img->info.arena;
}

static void request_init(const struct registry *reg, struct http_request *q)
{
	*q = (struct http_request){ .ca_file = reg->ca_file,
				    .insecure_tls = reg->insecure_tls,
				    .timeout_ms = REQUEST_TIMEOUT_MS,
				    .retries = REQUEST_RETRIES };
}

/* -------- credentials -------- */

static int login_from_file(struct registry *reg, const char *path, bool must_exist, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = file_read(AT_FDCWD, path, AUTH_FILE_MAX, &text, e);

	if (r == -ENOENT && !must_exist)
		return 0;
	if (r >= 0) {
		/* Found strs may point into the text. */
		struct str kept = arena_str(arena_of(reg), buf_all(&text));

		r = auth_file_find(kept, &reg->ref, arena_of(reg), &reg->login, e);
	}
	if (r < 0)
		return err_wrap(e, r, "credential file %s", path);
	reg->has_login = r && !reg->login.helper.n;
	return r;
}

/* The usual places of podman and docker, each only when its variable is set. */
static int login_from_usual_files(struct registry *reg, struct err *e)
{
	static const struct {
		const char *variable, *below;
	} places[] = {
		{ "XDG_RUNTIME_DIR", "containers/auth.json" },
		{ "XDG_CONFIG_HOME", "containers/auth.json" },
		{ "HOME", ".config/containers/auth.json" },
		{ "DOCKER_CONFIG", "config.json" },
		{ "HOME", ".docker/config.json" },
	};
	struct auth_login helper = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const char *dir = secure_getenv(places[i].variable);
		int r;

		if (!dir || dir[0] != '/')
			continue;
		r = login_from_file(reg, arena_fmt(arena_of(reg), "%s/%s", dir, places[i].below).p, false, e);
		if (r < 0 || reg->has_login)
			return r;
		if (r)
			helper = reg->login;
	}
	reg->login = helper;
	return 0;
}

static int find_login(struct registry *reg, const struct image_options *o, struct err *e)
{
	const char *file = o->auth_file ? o->auth_file : secure_getenv("REGISTRY_AUTH_FILE");
	int r;

	if (o->user.n) {
		reg->login.user = arena_str(arena_of(reg), o->user);
		reg->login.password = arena_str(arena_of(reg), o->password);
		reg->has_login = true;
		return 0;
	}
	r = file && *file ? login_from_file(reg, file, true, e) : login_from_usual_files(reg, e);
	return r < 0 ? r : 0;
}

static int denied(const struct registry *reg, const char *what, struct err *e)
{
	if (reg->login.helper.n)
		return err_set(e, -EACCES,
			       "%s; only the credential helper \"" STR_FMT
			       "\" knows a password, and helpers are not run: log in with a file (--auth-file)",
			       what, STR_ARG(str_head(reg->login.helper, 64)));
	if (!reg->has_login)
		return err_set(e, -EACCES, "%s, and no credential file has any for " STR_FMT, what,
			       STR_ARG(reg->ref.host));
	return err_set(e, -EACCES, "%s", what);
}

/* -------- tokens -------- */

/* A password or token goes to a realm without TLS only when the registry itself has none, or on this machine. */
static bool realm_ok(const struct registry *reg, struct str realm)
{
	struct str plain = STR("http://"), host, rest;
	struct reference at = { 0 };

	if (str_starts(realm, STR("https://")))
		return true;
	if (!str_starts(realm, plain))
		return false;
	host = str_from(realm, plain.n);
	if (str_split(host, '/', &at.host, &rest))
		host = at.host;
	at.host = host;
	return !reg->has_login || str_is(str_c(reg->scheme), "http") || reference_is_loopback(&at);
}

static int ask_token(struct registry *reg, struct http_request *q, struct err *e)
{
	auto_buf struct buf body = { 0 };
	auto_http_answer struct http_answer answer = { 0 };
	struct str token;
	int r;

	q->size_max = AUTH_ANSWER_MAX;
	r = http_get_buf(q, &body, &answer, e);
	if (r < 0)
		return err_wrap(e, r, "token server");
	if (answer.status == 401 || answer.status == 403)
		return denied(reg,
			      reg->has_login ? "the token server refused the credentials"
					     : "the registry wants credentials",
			      e);
	if (answer.status != 200)
		return err_set(e, -EIO, "token server: status %u", answer.status);
	r = auth_token_parse(buf_all(&body), arena_of(reg), &token, e);
	if (r < 0)
		return r;
	reg->authorization = arena_fmt(arena_of(reg), "Authorization: Bearer " STR_FMT, STR_ARG(token));
	return 0;
}

static int get_token(struct registry *reg, struct err *e)
{
	struct arena *a = arena_of(reg);
	const struct auth_challenge *c = &reg->challenge;
	struct str scope = arena_fmt(a, "repository:" STR_FMT ":pull", STR_ARG(reg->ref.repository));
	const char *headers[2] = { 0 };
	struct http_request q;

	if (!realm_ok(reg, c->realm))
		return err_set(e, -EPROTO,
			       "the registry names \"" STR_FMT "\" as its token server, which is no https one",
			       STR_ARG(str_head(c->realm, 128)));
	request_init(reg, &q);
	q.headers = headers;
	if (reg->has_login && reg->login.identity_token.n) {
		q.form = arena_fmt(a,
				   "grant_type=refresh_token&client_id=yagura&service=" STR_FMT "&scope=" STR_FMT
				   "&refresh_token=" STR_FMT,
				   STR_ARG(auth_url_escape(a, c->service)), STR_ARG(auth_url_escape(a, scope)),
				   STR_ARG(auth_url_escape(a, reg->login.identity_token)));
		q.url = arena_str(a, c->realm).p;
		return ask_token(reg, &q, e);
	}
	if (reg->has_login)
		headers[0] = auth_basic_header(a, reg->login.user, reg->login.password).p;
	q.url = auth_token_url(a, c, scope, reg->has_login ? reg->login.user : STR_NONE).p;
	return ask_token(reg, &q, e);
}

static int log_in(struct registry *reg, struct err *e)
{
	switch (reg->challenge.scheme) {
	case AUTH_BEARER:
		return get_token(reg, e);
	case AUTH_BASIC:
		if (!reg->has_login)
			return denied(reg, "the registry wants credentials", e);
		reg->authorization = auth_basic_header(arena_of(reg), reg->login.user, reg->login.password);
		return 0;
	case AUTH_NONE:
		break;
	}
	return denied(reg, "the registry wants a login of an unknown kind", e);
}

/* All WWW-Authenticate lines of an answer as one list. */
static int take_challenge(struct registry *reg, const struct http_answer *answer, struct err *e)
{
	struct str name = STR("www-authenticate:");
	auto_buf struct buf all = { 0 };

	buf_init(&all, AUTH_HEADER_MAX);
	for (struct str rest = buf_all(&answer->headers), line; str_cut(&rest, '\n', &line);) {
		if (!str_starts(line, name))
			continue;
		buf_str(&all, all.n ? STR(", ") : STR_NONE);
		buf_str(&all, str_from(line, name.n));
	}
	if (buf_finish(&all) < 0)
		return err_set(e, -E2BIG, "WWW-Authenticate is longer than %u bytes", AUTH_HEADER_MAX);
	return auth_challenge_parse(arena_str(arena_of(reg), buf_all(&all)), arena_of(reg), &reg->challenge, e);
}

/* -------- requests -------- */

/* What the registry says itself: { "errors": [ { "code", "message" } ] } */
static struct str error_text(struct str body, struct arena *a)
{
	struct str code = STR_NONE, message = STR_NONE;
	struct json j;
	struct fields f = { .json = &j };

	json_init(&j, body, a);
	if (json_peek(&j) != JSON_OBJECT)
		return STR_NONE;
	json_object(&j);
	while (field_next(&f)) {
		if (!field_array(&f, "errors"))
			continue;
		while (json_next(&j)) {
			if (!json_object(&j))
				continue;
			while (field_next(&f))
				if (!field_str(&f, "code", &code))
					(void)field_str(&f, "message", &message);
		}
	}
	return str_head(message.n ? message : code, ERROR_TEXT_MAX);
}

static int bad_status(const struct registry *reg, unsigned int status, struct str body, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct str said = error_text(body, &a);
	int code = status == 404 ? -ENOENT : status == 401 || status == 403 ? -EACCES : -EIO;

	if (code == -EACCES)
		return denied(reg,
			      reg->has_login ? "the registry refused the credentials"
					     : "the registry refused the request",
			      e);
	return err_set(e, code, "the registry answered %u%s" STR_FMT, status, said.n ? ": " : "", STR_ARG(said));
}

static int get_once(struct registry *reg, const char *url, bool manifest, size_t max, struct buf *body,
		    struct http_answer *answer, struct err *e)
{
	const char *headers[3] = { 0 };
	struct http_request q;
	size_t n = 0;

	request_init(reg, &q);
	q.url = url;
	q.size_max = max;
	q.headers = headers;
	if (manifest)
		headers[n++] = ACCEPT;
	if (reg->authorization.n)
		headers[n] = reg->authorization.p;
	return http_get_buf(&q, body, answer, e);
}

/* A GET below /v2/REPOSITORY/, logging in when the registry asks for it. */
static int registry_get(struct registry *reg, const char *url, bool manifest, size_t max, struct buf *ret,
			struct http_answer *answer, struct err *e)
{
	auto_buf struct buf body = { 0 };
	int r = get_once(reg, url, manifest, max, &body, answer, e);

	if (r >= 0 && answer->status == 401) {
		r = take_challenge(reg, answer, e);
		if (r >= 0)
			r = log_in(reg, e);
		if (r < 0)
			return r;
		http_answer_done(answer);
		buf_done(&body);
		r = get_once(reg, url, manifest, max, &body, answer, e);
	}
	if (r < 0)
		return r;
	if (answer->status != 200)
		return bad_status(reg, answer->status, buf_all(&body), e);
	*ret = body;
	body = (struct buf){ 0 };
	return 0;
}

static int ping_once(struct registry *reg, const char *scheme, struct err *e)
{
	struct str host = reference_api_host(&reg->ref);
	auto_buf struct buf body = { 0 };
	auto_http_answer struct http_answer answer = { 0 };
	struct http_request q;
	int r;

	request_init(reg, &q);
	q.size_max = PING_BYTES_MAX;
	q.url = arena_fmt(arena_of(reg), "%s://" STR_FMT "/v2/", scheme, STR_ARG(host)).p;
	r = http_get_buf(&q, &body, &answer, e);
	if (r < 0)
		return r;
	if (answer.status != 200 && answer.status != 401)
		return err_set(e, -EPROTO, "no registry there: status %u", answer.status);
	return 0;
}

/* https or http? Where plain http may be tried, and no TLS answers, and a registry answers without: http. */
static int choose_scheme(struct registry *reg, const struct image_options *o, struct err *e)
{
	reg->scheme = o->plain_http ? "http" : "https";
	if (o->plain_http || !(reference_is_loopback(&reg->ref) || o->insecure_tls))
		return 0;
	if (ping_once(reg, "https", e) >= 0)
		return 0;
	if (ping_once(reg, "http", NULL) < 0)
		return e ? e->code : -EPROTO; /* the reason why https failed is the one to tell */
	reg->scheme = "http";
	return 0;
}

static struct str blob_url(const struct registry *reg, const char *what, const char *name)
{
	struct str host = reference_api_host(&reg->ref);

	return arena_fmt(arena_of(reg), "%s://" STR_FMT "/v2/" STR_FMT "/%s/%s", reg->scheme, STR_ARG(host),
			 STR_ARG(reg->ref.repository), what, name);
}

static int registry_read(void *ctx, const struct descriptor *d, enum blob_role role, size_t max, struct buf *ret,
			 struct err *e)
{
	struct registry *reg = ctx;
	char text[DIGEST_TEXT_MAX];
	auto_http_answer struct http_answer answer = { 0 };
	bool manifest = role == ROLE_MANIFEST;
	struct str url = blob_url(reg, manifest ? "manifests" : "blobs", digest_text(&d->digest, text));

	return registry_get(reg, url.p, manifest, max, ret, &answer, e);
}

static int registry_layer(void *ctx, const struct descriptor *d, struct blob_source *ret, struct err *e unused_arg)
{
	struct registry *reg = ctx;
	char text[DIGEST_TEXT_MAX];

	*ret = (struct blob_source){ .place = BLOB_URL,
				     .fd = -1,
				     .size = d->size_bytes,
				     .url = blob_url(reg, "blobs", digest_text(&d->digest, text)) };
	return 0;
}

/* The manifest the reference names, held to the digest it names or the registry claims. */
static int top_manifest(struct registry *reg, struct buf *ret, struct err *e)
{
	auto_http_answer struct http_answer answer = { 0 };
	char text[DIGEST_TEXT_MAX];
	struct digest want = reg->ref.digest, computed;
	const char *name = want.set ? digest_text(&want, text) : arena_str(arena_of(reg), reg->ref.tag).p;
	int r = registry_get(reg, blob_url(reg, "manifests", name).p, true, IMAGE_MANIFEST_MAX, ret, &answer, e);

	if (r < 0)
		return r;
	if (!want.set && !digest_parse(http_header(&answer, "docker-content-digest"), &want))
		return 0;
	sha256_of(buf_all(ret), &computed);
	if (digest_eq(&computed, &want))
		return 0;
	return err_set(e, -EBADMSG, "the registry sent another manifest than %s", digest_text(&want, text));
}

static void spread_authorization(struct registry *reg)
{
	reg->blob_headers[0] = reg->authorization.n ? reg->authorization.p : NULL;
	for (size_t i = 0; i < reg->img->blobs.n; i++)
		reg->img->blobs.v[i].token_header = reg->authorization;
}

static int open_reference(struct registry *reg, const struct image_options *o, struct err *e)
{
	struct blob_reader reader = { .ctx = reg, .read = registry_read, .layer = registry_layer };
	auto_buf struct buf top = { 0 };
	int r = find_login(reg, o, e);

	if (r >= 0)
		r = choose_scheme(reg, o, e);
	if (r >= 0)
		r = top_manifest(reg, &top, e);
	if (r >= 0)
		r = oci_assemble(reg->img, &reader, buf_all(&top), STR_NONE, o, e);
	if (r < 0)
		return r;
	spread_authorization(reg);
	return 0;
}

int from_registry(struct image *img, struct str target, const struct image_options *o, struct err *e)
{
	struct arena *a = &img->info.arena;
	struct registry *reg = arena_new(a, struct registry);
	int r;

	reg->img = img;
	reg->insecure_tls = o->insecure_tls;
	reg->ca_file = o->ca_file ? arena_str(a, str_c(o->ca_file)).p : NULL;
	img->registry = reg;
	r = reference_parse(target, a, &reg->ref, e);
	if (r < 0)
		return r;
	img->info.reference = reference_text(a, &reg->ref);
	r = open_reference(reg, o, e);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(img->info.reference)) : 0;
}

/* -------- layers, later -------- */

void image_blob_request(const struct image *img, size_t layer, struct http_request *ret)
{
	const struct blob_source *blob = &img->blobs.v[layer];

	request_init(img->registry, ret);
	ret->timeout_ms = 0; /* a layer may take as long as it moves */
	ret->url = blob->url.p;
	ret->headers = img->registry->blob_headers;
	ret->size_max = blob->size ? blob->size : BLOB_UNSIZED_MAX;
}

int image_blob_refresh(struct image *img, struct err *e)
{
	struct registry *reg = img->registry;
	int r;

	if (!reg || reg->challenge.scheme == AUTH_NONE)
		return err_set(e, -EACCES, "the registry refused a layer");
	r = log_in(reg, e);
	if (r < 0)
		return err_wrap(e, r, "logging in again");
	spread_authorization(reg);
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
		r = bad_status(img->registry, status, STR_NONE, e);
	else if (r >= 0 && blob->size && bytes != blob->size)
		r = err_set(e, -EBADMSG, "the blob is %llu bytes long, not %llu as the manifest says",
			    (unsigned long long)bytes, (unsigned long long)blob->size);
	return r < 0 ? err_wrap(e, r, "layer %zu", layer + 1) : 0;
}
