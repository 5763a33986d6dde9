/* registry: a conversation with one repository of a registry. See registry.h. */
#include "image/registry.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "image/field.h"

#define PING_BYTES_MAX 65536
#define ERROR_TEXT_MAX 160 /* bytes of a registry's own words in a message */
#define HEADERS_MAX 3

static struct arena *arena_of(const struct registry *reg)
{
	return reg->arena;
}

void registry_request(const struct registry *reg, struct http_request *q)
{
	*q = (struct http_request){ .ca_file = reg->ca_file,
				    .insecure_tls = reg->insecure_tls,
				    .timeout_ms = REGISTRY_TIMEOUT_MS,
				    .retries = REGISTRY_RETRIES };
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
			       "\" knows a password, and helpers are not run: log in with a file (--authfile)",
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
	struct str scope = arena_fmt(a, "repository:" STR_FMT ":%s", STR_ARG(reg->ref.repository), reg->actions);
	const char *headers[2] = { 0 };
	struct http_request q;

	if (!realm_ok(reg, c->realm))
		return err_set(e, -EPROTO,
			       "the registry names \"" STR_FMT "\" as its token server, which is no https one",
			       STR_ARG(str_head(c->realm, 128)));
	registry_request(reg, &q);
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

int registry_log_in(struct registry *reg, struct err *e)
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

int registry_bad_status(const struct registry *reg, unsigned int status, struct str body, struct err *e)
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

static int ask_once(struct registry *reg, const struct http_request *q, struct buf *ret, struct http_answer *answer,
		    struct err *e)
{
	const char *headers[HEADERS_MAX + 2] = { 0 };
	struct http_request t = *q;
	size_t n = 0;

	for (; q->headers && n < HEADERS_MAX && q->headers[n]; n++)
		headers[n] = q->headers[n];
	if (reg->authorization.n)
		headers[n] = reg->authorization.p;
	t.headers = headers;
	return http_get_buf(&t, ret, answer, e);
}

int registry_ask(struct registry *reg, struct http_request *q, struct buf *ret, struct http_answer *answer,
		 struct err *e)
{
	auto_buf struct buf body = { 0 };
	int r = ask_once(reg, q, &body, answer, e);

	if (r >= 0 && answer->status == 401) {
		r = take_challenge(reg, answer, e);
		if (r >= 0)
			r = registry_log_in(reg, e);
		if (r < 0)
			return r;
		http_answer_done(answer);
		buf_done(&body);
		r = ask_once(reg, q, &body, answer, e);
	}
	if (r < 0)
		return r;
	*ret = body;
	body = (struct buf){ 0 };
	return 0;
}

int registry_get(struct registry *reg, const char *url, bool manifest, size_t max, struct buf *ret,
		 struct http_answer *answer, struct err *e)
{
	static const char *const headers[] = { REGISTRY_ACCEPT, NULL };
	struct http_request q;
	int r;

	registry_request(reg, &q);
	q.url = url;
	q.size_max = max;
	q.headers = manifest ? headers : NULL;
	r = registry_ask(reg, &q, ret, answer, e);
	if (r == 0 && answer->status != 200) {
		r = registry_bad_status(reg, answer->status, buf_all(ret), e);
		buf_done(ret);
	}
	return r;
}

static int ping_once(struct registry *reg, const char *scheme, struct err *e)
{
	struct str host = reference_api_host(&reg->ref);
	auto_buf struct buf body = { 0 };
	auto_http_answer struct http_answer answer = { 0 };
	struct http_request q;
	int r;

	registry_request(reg, &q);
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

struct str registry_url(const struct registry *reg, const char *what, const char *name)
{
	struct str host = reference_api_host(&reg->ref);

	return arena_fmt(arena_of(reg), "%s://" STR_FMT "/v2/" STR_FMT "/%s/%s", reg->scheme, STR_ARG(host),
			 STR_ARG(reg->ref.repository), what, name);
}

int registry_open(struct registry *reg, const struct image_options *o, struct err *e)
{
	int r;

	reg->insecure_tls = o->insecure_tls;
	reg->ca_file = o->ca_file ? arena_str(reg->arena, str_c(o->ca_file)).p : NULL;
	r = find_login(reg, o, e);
	return r < 0 ? r : choose_scheme(reg, o, e);
}
