/* registry: a conversation with one repository of a registry: whether it speaks TLS, the login, requests (OCI
 * distribution-spec 1.1, Docker Registry HTTP API V2; token protocol: distribution project, spec/auth/token.md and
 * oauth.md).
 *
 * Nothing is asked twice that need not be: the first request's 401 says how to log in. Only for loopback registries and
 * with --insecure a ping comes first, to see whether TLS is spoken there at all; no credential is sent before that is
 * known. */
#ifndef IMAGE_REGISTRY_H
#define IMAGE_REGISTRY_H

#include "fetch/http.h"
#include "image/auth.h"
#include "image/image.h"

#define REGISTRY_TIMEOUT_MS 60000u /* manifests, configs, tokens; blobs have the stall rule only */
#define REGISTRY_RETRIES 4
#define REGISTRY_ACCEPT                                                                                 \
	"Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, " \
	"application/vnd.docker.distribution.manifest.v2+json, "                                        \
	"application/vnd.docker.distribution.manifest.list.v2+json"

struct registry {
	struct arena *arena; /* borrowed: all of this lives in it */
	struct reference ref;
	const char *actions; /* what a token is asked for: "pull", "pull,push" */
	const char *scheme;  /* "https" or "http" */
	const char *ca_file;
	bool insecure_tls;
	struct auth_login login;
	bool has_login;
	struct auth_challenge challenge; /* the last one met */
	struct str authorization;	 /* "Authorization: ..." or "" */
};

/* Finds the login and the scheme; ref and arena are set. */
int registry_open(struct registry *reg, const struct image_options *o, struct err *e) must_check;

/* https://HOST/v2/REPOSITORY/WHAT/NAME; in the arena. */
struct str registry_url(const struct registry *reg, const char *what, const char *name);
/* Fills in TLS options, time and retries. */
void registry_request(const struct registry *reg, struct http_request *q);
/* Logs in, or again. */
int registry_log_in(struct registry *reg, struct err *e) must_check;

/* A request with the Authorization header added to at most three of the caller's (NULL-terminated), logging in when the
 * registry asks for it. Whatever the status, 0; body and answer are made by the call. */
int registry_ask(struct registry *reg, struct http_request *q, struct buf *ret, struct http_answer *answer,
		 struct err *e) must_check;
/* A GET that must be answered with 200. */
int registry_get(struct registry *reg, const char *url, bool manifest, size_t max, struct buf *ret,
		 struct http_answer *answer, struct err *e) must_check;
/* What an answer that is no success means, with the registry's own words. */
int registry_bad_status(const struct registry *reg, unsigned int status, struct str body, struct err *e);

#endif
