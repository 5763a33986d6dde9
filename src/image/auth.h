/* auth: what a registry asks for (WWW-Authenticate, RFC 9110 section 11.6.1; the token protocol of the distribution
 * project, spec/auth/token.md) and what the user has (the credential files of docker and podman,
 * containers-auth.json(5)). Texts in, values out.
 *
 * Credential helpers (credHelpers, credsStore) are programs and are not run here: an entry that only a helper could
 * give is reported as `helper`. Bounds: AUTH_FILE_MAX, AUTH_HEADER_MAX, AUTH_TOKEN_MAX. */
#ifndef IMAGE_AUTH_H
#define IMAGE_AUTH_H

#include "image/reference.h"

#define AUTH_FILE_MAX (1u << 20)     /* bytes of a credential file */
#define AUTH_HEADER_MAX (16u << 10)  /* bytes of one WWW-Authenticate value */
#define AUTH_TOKEN_MAX (64u << 10)   /* bytes of a token; it becomes a header of every request */
#define AUTH_ANSWER_MAX (256u << 10) /* bytes of a token server's answer */

enum auth_scheme { AUTH_NONE, AUTH_BASIC, AUTH_BEARER };

struct auth_challenge {
	enum auth_scheme scheme;
	struct str realm, service, scope; /* of a bearer challenge; "" when not said */
};

/* Reads one header value, which may hold several challenges: the strongest of those known is taken (Bearer before
 * Basic). AUTH_NONE when it holds no known one. -EBADMSG for what is no list of challenges. */
int auth_challenge_parse(struct str value, struct arena *a, struct auth_challenge *ret, struct err *e) must_check;

struct auth_login {
	struct str user, password;
	struct str identity_token; /* an OAuth2 refresh token in place of a password */
	struct str helper;	   /* name of the helper program that would know; then nothing else is set */
};

/* The entry for a reference: the longest of host/ns/repo, host/ns, host. Returns 1, or 0 when the file has none. */
int auth_file_find(struct str text, const struct reference *ref, struct arena *a, struct auth_login *ret,
		   struct err *e) must_check;

/* The token of a token server's answer ("token" or "access_token"): -EBADMSG when there is none or it cannot be a
 * header value. */
int auth_token_parse(struct str text, struct arena *a, struct str *ret, struct err *e) must_check;

/* "Authorization: Basic ..." */
struct str auth_basic_header(struct arena *a, struct str user, struct str password);

/* realm?service=...&scope=... with everything escaped. */
struct str auth_token_url(struct arena *a, const struct auth_challenge *c, struct str scope, struct str account);

/* A text as part of a URL's query: everything but unreserved characters (RFC 3986 section 2.3) as %XX. */
struct str auth_url_escape(struct arena *a, struct str s);

#endif
