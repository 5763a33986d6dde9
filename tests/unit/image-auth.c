/* What registries ask for, and what credential files answer. */
#include "image/auth.h"

#include "tap.h"

static const struct {
	const char *value;
	int result;
	enum auth_scheme scheme;
	const char *realm, *service, *scope;
} challenges[] = {
	{ "Bearer realm=\"https://auth.example.org/token\",service=\"registry\",scope=\"repository:x:pull\"", 0,
	  AUTH_BEARER, "https://auth.example.org/token", "registry", "repository:x:pull" },
	{ "bearer Realm = \"https://a/t\" , SERVICE=s", 0, AUTH_BEARER, "https://a/t", "s", "" },
	{ "Basic realm=\"Registry Realm\"", 0, AUTH_BASIC, "Registry Realm", "", "" },
	{ "Basic", 0, AUTH_BASIC, "", "", "" },
	{ "Basic realm=\"x, Bearer y\"", 0, AUTH_BASIC, "x, Bearer y", "", "" },
	{ "Basic realm=\"a\\\"b\\\\c\"", 0, AUTH_BASIC, "a\"b\\c", "", "" },
	{ "Basic realm=\"b\", Bearer realm=\"https://t\",service=\"s\"", 0, AUTH_BEARER, "https://t", "s", "" },
	{ "Bearer realm=\"https://t\", Basic realm=\"b\"", 0, AUTH_BEARER, "https://t", "", "" },
	{ "Negotiate YWJjZA==, Basic realm=\"b\"", 0, AUTH_BASIC, "b", "", "" },
	{ "Digest realm=\"b\", nonce=\"c\"", 0, AUTH_NONE, "", "", "" },
	{ "", 0, AUTH_NONE, "", "", "" },
	{ " , ", 0, AUTH_NONE, "", "", "" },
	{ "Bearer realm=\"https://t", -EBADMSG, AUTH_NONE, "", "", "" },
	{ "Bearer realm=\"x\\", -EBADMSG, AUTH_NONE, "", "", "" },
	{ "=\"x\"", -EBADMSG, AUTH_NONE, "", "", "" },
	{ "\x01", -EBADMSG, AUTH_NONE, "", "", "" },
};

TEST(www_authenticate)
{
	for (size_t i = 0; i < ARRAY_LEN(challenges); i++) {
		auto_arena struct arena a = { 0 };
		struct auth_challenge c = { 0 };
		struct err e = { 0 };

		row("%zu: %s", i, challenges[i].result ? "refused" : challenges[i].value);
		EQ_INT(auth_challenge_parse(str_c(challenges[i].value), &a, &c, &e), challenges[i].result);
		EQ_INT(c.scheme, challenges[i].scheme);
		if (challenges[i].scheme == AUTH_NONE)
			continue;
		EQ_STR(c.realm, str_c(challenges[i].realm));
		EQ_STR(c.service, str_c(challenges[i].service));
		EQ_STR(c.scope, str_c(challenges[i].scope));
	}
}

TEST(a_challenge_with_nul)
{
	auto_arena struct arena a = { 0 };
	struct auth_challenge c = { 0 };

	EQ_INT(auth_challenge_parse(str_n("Bearer realm=\"x\0y\"", 18), &a, &c, NULL), -EBADMSG);
	EQ_INT(c.scheme, AUTH_NONE);
}

/* "dTpw" is u:p, "dTpwOnc=" is u:p:w, "dTpwAA==" is u:p and a NUL */
static const struct {
	const char *text, *reference;
	int result;
	const char *user, *password, *helper;
} files[] = {
	{ "{\"auths\":{\"example.org\":{\"auth\":\"dTpw\"}}}", "example.org/x", 1, "u", "p", "" },
	{ "{\"auths\":{\"example.org\":{\"auth\":\"dTpwOnc=\"}}}", "example.org/x", 1, "u", "p:w", "" },
	{ "{\"auths\":{\"example.org\":{\"auth\":\"dTpwAA==\"}}}", "example.org/x", 1, "u", "p", "" },
	{ "{\"auths\":{\"example.org:5000\":{\"auth\":\"dTpw\"}}}", "example.org/x", 0, "", "", "" },
	{ "{\"auths\":{\"example.or\":{\"auth\":\"dTpw\"}}}", "example.org/x", 0, "", "", "" },
	{ "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dTpw\"}}}", "busybox", 1, "u", "p", "" },
	{ "{\"auths\":{\"https://example.org/v2/\":{\"auth\":\"dTpw\"}}}", "example.org/x", 1, "u", "p", "" },
	{ "{\"auths\":{\"example.org\":{\"auth\":\"eDp5\"},\"example.org/a\":{\"auth\":\"dTpw\"}}}", "example.org/a/b",
	  1, "u", "p", "" },
	{ "{\"auths\":{\"example.org/a\":{\"auth\":\"dTpw\"},\"example.org\":{\"auth\":\"eDp5\"}}}", "example.org/a", 1,
	  "u", "p", "" },
	{ "{\"auths\":{\"example.org/a\":{\"auth\":\"dTpw\"}}}", "example.org/ab", 0, "", "", "" },
	{ "{\"auths\":{\"example.org\":{\"username\":\"u\",\"password\":\"p\"}}}", "example.org/x", 1, "u", "p", "" },
	{ "{\"credHelpers\":{\"example.org\":\"cloud\"}}", "example.org/x", 1, "", "", "cloud" },
	{ "{\"credHelpers\":{\"example.com\":\"cloud\"}}", "example.org/x", 0, "", "", "" },
	{ "{\"auths\":{\"example.org\":{}},\"credsStore\":\"desktop\"}", "example.org/x", 1, "", "", "desktop" },
	{ "{\"auths\":{},\"credsStore\":\"desktop\"}", "example.org/x", 0, "", "", "" },
	{ "{\"auths\":{\"example.org\":{\"auth\":\"dTpw\"}},\"credHelpers\":{\"example.org\":\"cloud\"}}",
	  "example.org/x", 1, "u", "p", "" },
	{ "{}", "example.org/x", 0, "", "", "" },
	{ "{\"auths\":{\"example.org\":{\"auth\":\"***\"}}}", "example.org/x", -EBADMSG, "", "", "" },
	{ "{\"auths\":{\"example.com\":{\"auth\":\"***\"}}}", "example.org/x", 0, "", "", "" },
	{ "{\"auths\":{\"example.org\":{\"auth\":\"dXA=\"}}}", "example.org/x", -EBADMSG, "", "", "" },
	{ "{\"auths\":[]}", "example.org/x", -EBADMSG, "", "", "" },
	{ "{\"auths\":", "example.org/x", -EBADMSG, "", "", "" },
	{ "", "example.org/x", -EBADMSG, "", "", "" },
};

TEST(credential_files)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		auto_arena struct arena a = { 0 };
		struct reference ref = { 0 };
		struct auth_login login = { 0 };
		struct err e = { 0 };

		row("%zu: %s", i, files[i].reference);
		OK_ERR(reference_parse(str_c(files[i].reference), &a, &ref, &e), &e);
		EQ_INT(auth_file_find(str_c(files[i].text), &ref, &a, &login, &e), files[i].result);
		EQ_STR(login.user, str_c(files[i].user));
		EQ_STR(login.password, str_c(files[i].password));
		EQ_STR(login.helper, str_c(files[i].helper));
	}
}

TEST(tokens)
{
	static const struct {
		const char *text, *token;
	} rows[] = {
		{ "{\"token\":\"abc\"}", "abc" },
		{ "{\"access_token\":\"abc\"}", "abc" },
		{ "{\"access_token\":\"x\",\"token\":\"abc\",\"expires_in\":60}", "abc" },
		{ "{\"token\":\"\"}", NULL },
		{ "{\"token\":\"a\\r\\nX-Header: b\"}", NULL },
		{ "{\"token\":\"a b\"}", NULL },
		{ "{\"token\":7}", NULL },
		{ "{}", NULL },
		{ "[]", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		struct str token = STR_NONE;

		row("%zu: %s", i, rows[i].text);
		EQ_INT(auth_token_parse(str_c(rows[i].text), &a, &token, NULL), rows[i].token ? 0 : -EBADMSG);
		EQ_STR(token, str_c(rows[i].token));
	}
}

TEST(what_is_sent)
{
	auto_arena struct arena a = { 0 };
	struct auth_challenge c = { .realm = STR("https://t/x?a=b"), .service = STR("a b&c") };

	EQ_STR(auth_basic_header(&a, STR("u"), STR("p")), STR("Authorization: Basic dTpw"));
	EQ_STR(auth_token_url(&a, &c, STR("repository:x/y:pull"), STR("me@x")),
	       STR("https://t/x?a=b&service=a%20b%26c&scope=repository%3Ax%2Fy%3Apull&account=me%40x"));
	c.realm = STR("https://t/x");
	c.service = STR("s");
	EQ_STR(auth_token_url(&a, &c, STR("z"), STR_NONE), STR("https://t/x?service=s&scope=z"));
}
