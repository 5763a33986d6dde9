/* http: the one HTTP client. The only file that knows libcurl is http.c, which loads it when the first request is made,
 * because linking it costs every start of the program several milliseconds.
 *
 * Every answer has a ceiling; redirects are followed up to HTTP_REDIRECTS_MAX, never from https to http; a stalled
 * transfer ends after HTTP_STALL_SECONDS; total time is bounded by the caller. Proxies and CA files come from the
 * environment as libcurl has them. */
#ifndef FETCH_HTTP_H
#define FETCH_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define HTTP_REDIRECTS_MAX 5
#define HTTP_STALL_SECONDS 30
#define HTTP_HEADERS_MAX 64u << 10 /* bytes of headers kept of one answer */

struct http_request {
	const char *url;           /* http:// or https:// */
	const char *unix_socket;   /* path: speak to this socket instead; NULL for the network */
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	bool no_redirect_auth;     /* Authorization is dropped at a redirect to another host (always on for blobs) */
	const char *ca_file;       /* additional trust, NULL for the system's */
	bool insecure_tls;         /* do not verify; only ever by an explicit option of the user */
	const char *etag, *last_modified; /* conditional request; NULL to leave out */
	uint64_t resume_from;      /* Range: bytes=N- */
	uint64_t size_max;         /* bytes of the body; -E2BIG past it */
	unsigned int timeout_ms;   /* whole request, 0 = only the stall rule */
	unsigned int retries;      /* further tries after a broken transfer or 429/5xx, with growing pauses */
};

struct http_answer {
	unsigned int status;       /* 200, 206, 304, 401, ... */
	struct buf headers;        /* "Name: value\n" lines of the last answer, names in lower case */
	uint64_t body_bytes;
};
void http_answer_done(struct http_answer *a);
struct str http_header(const struct http_answer *a, const char *name_lower); /* first value, "" when absent */

/* Where the body goes; a negative return ends the transfer with that error. Called for 2xx answers only, unless `all`. */
struct http_sink {
	void *ctx;
	int (*body)(void *ctx, const void *p, size_t n);
};

/* One request to its end. 0 when an answer came, whatever its status; negative when none did (e says why, with the
 * host's name). After a failed try that had delivered bytes, a retry asks for the rest (Range) or starts over only if
 * nothing was delivered. */
int http_get(const struct http_request *q, const struct http_sink *sink, struct http_answer *ret, struct err *e)
	must_check;

/* Body into a buf of at most q->size_max bytes. */
int http_get_buf(const struct http_request *q, struct buf *ret_body, struct http_answer *ret, struct err *e) must_check;

/* Many requests, at most `parallel` at once; `done` is called for each as it ends (its order is that of ending). */
struct http_job {
	struct http_request request;
	struct http_sink sink;
	void *ctx;
};
int http_many(struct http_job *jobs, size_t n, unsigned int parallel,
	      void (*done)(struct http_job *job, int result, struct http_answer *answer, const struct err *e),
	      struct err *e) must_check;

#endif
