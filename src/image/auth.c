/* auth: challenges of registries and credentials of users. See auth.h. */
#include "image/auth.h"

#include "codec/base64.h"
#include "image/field.h"

#define PASSWORD_MAX (16u << 10) /* bytes; some clouds hand out passwords of several KiB */

static bool is_space_or_comma(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

static struct str skip_while(struct str s, bool (*test)(char))
{
	while (s.n && test(s.p[0]))
		s = str_from(s, 1);
	return s;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* token of RFC 9110 section 5.6.2, and the characters of a token68 ('/' and '+') */
static bool is_token_char(char c)
{
	return is_digit(c) || is_alpha(c) || (c && strchr("!#$%&'*+-.^_`|~/:", c));
}

static struct str take_token(struct str *s)
{
	struct str start = *s;

	*s = skip_while(*s, is_token_char);
	return str_head(start, start.n - s->n);
}

/* quoted-string of RFC 9110 section 5.6.4; the opening quote is taken already. Copied only when it has escapes. */
static int take_quoted(struct str *s, struct arena *a, struct str *ret, struct err *e)
{
	size_t end = 0, escapes = 0, n = 0;
	char *out;

	for (; end < s->n && s->p[end] != '"'; end++)
		if (s->p[end] == '\\') {
			escapes++;
			end++;
		}
	if (end >= s->n)
		return err_set(e, -EBADMSG, "WWW-Authenticate: a quoted text has no end");
	*ret = str_head(*s, end);
	*s = str_from(*s, end + 1);
	if (!escapes)
		return 0;
	out = arena_alloc(a, ret->n);
	for (size_t i = 0; i < ret->n; i++) {
		i += ret->p[i] == '\\';
		out[n++] = ret->p[i];
	}
	*ret = str_n(out, n);
	return 0;
}

/* What stands behind a '=': a quoted string, or anything up to the next comma or blank. */
static int take_value(struct str *s, struct arena *a, struct str *ret, struct err *e)
{
	struct str start;

	*s = skip_while(*s, is_blank);
	if (s->n && s->p[0] == '"') {
		*s = str_from(*s, 1);
		return take_quoted(s, a, ret, e);
	}
	start = *s;
	while (s->n && !is_space_or_comma(s->p[0]))
		*s = str_from(*s, 1);
	*ret = str_head(start, start.n - s->n);
	return 0;
}

static enum auth_scheme scheme_of(struct str word)
{
	if (str_eq_nocase(word, STR("Bearer")))
		return AUTH_BEARER;
	return str_eq_nocase(word, STR("Basic")) ? AUTH_BASIC : AUTH_NONE;
}

static void set_parameter(struct auth_challenge *c, struct str name, struct str value)
{
	if (str_eq_nocase(name, STR("realm")))
		c->realm = value;
	else if (str_eq_nocase(name, STR("service")))
		c->service = value;
	else if (str_eq_nocase(name, STR("scope")))
		c->scope = value;
}

static void keep_best(struct auth_challenge *best, const struct auth_challenge *now)
{
	if (now->scheme > best->scheme)
		*best = *now;
}

int auth_challenge_parse(struct str value, struct arena *a, struct auth_challenge *ret, struct err *e)
{
	struct auth_challenge best = { 0 }, now = { 0 };
	struct str rest = value, word, text;
	bool any = false;
	int r;

	if (value.n > AUTH_HEADER_MAX)
		return err_set(e, -E2BIG, "WWW-Authenticate is longer than %u bytes", AUTH_HEADER_MAX);
	/* RFC 9110 section 5.5: no control characters; what stands here becomes part of a URL. */
	for (size_t i = 0; i < value.n; i++)
		if (((unsigned char)value.p[i] < ' ' && value.p[i] != '\t') || value.p[i] == 0x7f)
			return err_set(e, -EBADMSG, "WWW-Authenticate holds control characters");
	for (rest = skip_while(rest, is_space_or_comma); rest.n; rest = skip_while(rest, is_space_or_comma)) {
		word = take_token(&rest);
		if (!word.n && !(any && rest.p[0] == '='))
			return err_set(e, -EBADMSG, "WWW-Authenticate is no list of challenges");
		rest = skip_while(rest, is_blank);
		if (any && rest.n && rest.p[0] == '=') {
			rest = str_from(rest, 1);
			r = take_value(&rest, a, &text, e);
			if (r < 0)
				return r;
			set_parameter(&now, word, text);
			continue;
		}
		keep_best(&best, &now);
		now = (struct auth_challenge){ .scheme = scheme_of(word) };
		any = true;
	}
	keep_best(&best, &now);
	*ret = best;
	return 0;
}

/* The forms in which tools write a registry's name, as a reference has it. */
static struct str key_normal(struct str key)
{
	static const char *const docker_names[] = { "index.docker.io", "registry-1.docker.io",
						    "registry.hub.docker.com" };
	struct str head = key, tail;

	if (str_starts(key, STR("https://")) || str_starts(key, STR("http://"))) {
		key = str_from(key, (size_t)str_find_str(key, STR("://")) + 3);
		if (str_split(key, '/', &head, &tail))
			key = head;
	}
	while (key.n && key.p[key.n - 1] == '/')
		key.n--;
	if (str_ends(key, STR("/v1")) || str_ends(key, STR("/v2")))
		key.n -= 3;
	for (size_t i = 0; i < ARRAY_LEN(docker_names); i++)
		if (str_is(key, docker_names[i]))
			return STR("docker.io");
	return key;
}

/* Length of the key that fits the reference, 0 when it does not. */
static size_t key_fits(struct str key, const struct reference *ref)
{
	struct str tail;

	if (str_eq(key, ref->host))
		return key.n;
	if (!str_starts(key, ref->host) || key.n < ref->host.n + 2 || key.p[ref->host.n] != '/')
		return 0;
	tail = str_from(key, ref->host.n + 1);
	if (!str_starts(ref->repository, tail))
		return 0;
	return tail.n == ref->repository.n || ref->repository.p[tail.n] == '/' ? key.n : 0;
}

struct entry {
	struct str auth; /* base64 of user:password */
	struct auth_login login;
};

static int decode_auth(const struct entry *found, struct arena *a, struct auth_login *login, struct err *e)
{
	auto_buf struct buf b = { 0 };
	struct str user, password;
	int r;

	*login = found->login;
	if (!found->auth.n)
		return 0;
	buf_init(&b, PASSWORD_MAX);
	r = base64_decode(str_trim(found->auth), &b, e);
	if (r < 0)
		return r;
	if (!str_split(buf_all(&b), ':', &user, &password))
		return err_set(e, -EBADMSG, "\"auth\" is no user:password");
	/* Docker pads some passwords with NUL. */
	while (password.n && !password.p[password.n - 1])
		password.n--;
	login->user = arena_str(a, user);
	login->password = arena_str(a, password);
	return 0;
}

static struct entry read_entry(struct fields *f)
{
	struct entry entry = { 0 };

	if (!json_object(f->json))
		return entry;
	while (field_next(f)) {
		if (field_str(f, "auth", &entry.auth) || field_str(f, "username", &entry.login.user) ||
		    field_str(f, "password", &entry.login.password))
			continue;
		(void)field_str(f, "identitytoken", &entry.login.identity_token);
	}
	return entry;
}

struct search {
	const struct reference *ref;
	size_t best; /* length of the best key in auths */
	struct entry entry;
	struct str helper; /* of credHelpers for this host */
	struct str store;  /* credsStore: asked for every host */
};

static void read_auths(struct fields *f, struct search *s)
{
	while (field_next(f)) {
		size_t length = key_fits(key_normal(f->key), s->ref);

		if (!length || length < s->best)
			continue;
		s->best = length;
		s->entry = read_entry(f);
	}
}

static void read_helpers(struct fields *f, struct search *s)
{
	while (field_next(f))
		if (key_fits(key_normal(f->key), s->ref))
			(void)json_str(f->json, &s->helper);
}

int auth_file_find(struct str text, const struct reference *ref, struct arena *a, struct auth_login *ret, struct err *e)
{
	struct search s = { .ref = ref };
	struct json j;
	struct fields f = { .json = &j };
	int r;

	json_init(&j, text, a);
	if (json_peek(&j) != JSON_OBJECT)
		return err_set(e, -EBADMSG, "a credential file is a JSON object, and this is none");
	json_object(&j);
	while (field_next(&f)) {
		if (field_object(&f, "auths"))
			read_auths(&f, &s);
		else if (field_object(&f, "credHelpers"))
			read_helpers(&f, &s);
		else
			(void)field_str(&f, "credsStore", &s.store);
	}
	r = fields_finish(&f, e);
	if (r < 0)
		return r;
	*ret = (struct auth_login){ 0 };
	if (s.entry.auth.n || s.entry.login.user.n || s.entry.login.identity_token.n) {
		r = decode_auth(&s.entry, a, ret, e);
		return r < 0 ? err_wrap(e, r, "credentials of " STR_FMT, STR_ARG(ref->host)) : 1;
	}
	/* Docker leaves an empty entry in auths for what it gave to the store. */
	ret->helper = s.helper.n ? s.helper : s.best ? s.store : STR_NONE;
	return ret->helper.n > 0;
}

static bool token_ok(struct str token)
{
	for (size_t i = 0; i < token.n; i++)
		if (token.p[i] <= ' ' || token.p[i] > '~')
			return false;
	return token.n > 0 && token.n <= AUTH_TOKEN_MAX;
}

int auth_token_parse(struct str text, struct arena *a, struct str *ret, struct err *e)
{
	struct str token = STR_NONE, access = STR_NONE;
	struct json j;
	struct fields f = { .json = &j };
	int r;

	json_init(&j, text, a);
	if (json_peek(&j) == JSON_OBJECT) {
		json_object(&j);
		while (field_next(&f))
			if (!field_str(&f, "token", &token))
				(void)field_str(&f, "access_token", &access);
	}
	r = fields_finish(&f, e);
	if (r < 0)
		return err_wrap(e, r, "token server's answer");
	if (!token.n)
		token = access;
	if (!token_ok(token))
		return err_set(e, -EBADMSG, "the token server's answer holds no usable token");
	*ret = token;
	return 0;
}

struct str auth_basic_header(struct arena *a, struct str user, struct str password)
{
	auto_buf struct buf plain = { 0 };
	auto_buf struct buf text = { 0 };

	buf_init(&plain, 4u * PASSWORD_MAX);
	buf_init(&text, 8u * PASSWORD_MAX);
	buf_str(&plain, user);
	buf_char(&plain, ':');
	buf_str(&plain, password);
	base64_encode(buf_all(&plain), &text);
	return arena_fmt(a, "Authorization: Basic " STR_FMT, STR_ARG(buf_all(&text)));
}

static bool is_unreserved(char c)
{
	return is_digit(c) || is_alpha(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

struct str auth_url_escape(struct arena *a, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, s.n * 3 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_unreserved(s.p[i])) {
			out[n++] = s.p[i];
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return str_n(out, n);
}

struct str auth_token_url(struct arena *a, const struct auth_challenge *c, struct str scope, struct str account)
{
	struct str service = auth_url_escape(a, c->service), what = auth_url_escape(a, scope);
	struct str who = auth_url_escape(a, account);

	return arena_fmt(a, STR_FMT "%cservice=" STR_FMT "&scope=" STR_FMT "%s" STR_FMT, STR_ARG(c->realm),
			 str_find(c->realm, '?') >= 0 ? '&' : '?', STR_ARG(service), STR_ARG(what),
			 who.n ? "&account=" : "", STR_ARG(who));
}
