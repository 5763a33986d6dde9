/* http: the one HTTP client. The only file that knows libcurl is http.c, which loads it when the first request is made,
 * because linking it costs every start of the program several milliseconds.
 *
 * Every answer has a ceiling, on its body and on its headers; redirects are followed up to HTTP_REDIRECTS_MAX, never
 * from https to http; Authorization and Cookie headers go to the first origin (scheme, host, port) only; a transfer
 * slower than HTTP_STALL_BYTES a second for HTTP_STALL_SECONDS ends; total time is bounded by the caller. Proxies come
 * from the environment as libcurl has them (http_proxy, https_proxy, no_proxy), trust from SSL_CERT_FILE, SSL_CERT_DIR
 * or CURL_CA_BUNDLE where they are set, else from the system. Bodies are handed out as they travel: no content encoding
 * is asked for. Connections are kept for later requests of the same thread.
 *
 * Semantics: RFC 9110 (ranges section 14, conditional requests section 13, Retry-After section 10.2.3). */
#ifndef FETCH_HTTP_H
#define FETCH_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define HTTP_REDIRECTS_MAX 5
#define HTTP_STALL_SECONDS 30
#define HTTP_STALL_BYTES 1024	     /* a second, on average over the stall time */
#define HTTP_CONNECT_MS 5000	     /* to resolve, connect and agree on TLS */
#define HTTP_HEADERS_MAX (64u << 10) /* bytes of headers of one answer; more is -E2BIG */
#define HTTP_RETRY_AFTER_MAX 60	     /* seconds a server may make us wait; when it asks for more, its answer is final */
#define HTTP_PARALLEL_MAX 32

struct http_request {
	const char *url;	    /* http:// or https:// */
	const char *unix_socket;    /* path: speak to this socket instead; NULL for the network */
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	bool head;		    /* ask for the headers only */
	struct str form; /* when not "": POST this (application/x-www-form-urlencoded); redirects are not followed */
	/* Another method than GET, HEAD or POST of a form ("PUT", "PATCH", "POST"), with `content` as its body, whose
	 * type stands in `headers`; redirects are not followed. Tries are repeated as for others: only for what may be
	 * done twice. */
	const char *method;
	struct str content;
	bool no_redirect_auth; /* kept for readers of calls: Authorization is never sent to a second origin */
	const char *ca_file;   /* additional trust, NULL for the system's */
	bool insecure_tls;     /* do not verify; only ever by an explicit option of the user */
	/* Conditional request: If-None-Match, If-Modified-Since; together with resume_from they become If-Range. */
	const char *etag, *last_modified;
	uint64_t resume_from; /* Range: bytes=N-. The server may answer 200 all the same: look in sink.start */
	uint64_t size_max;    /* bytes of the whole body, what was there before resume_from included; -E2BIG past it */
	unsigned int timeout_ms;    /* whole request with its retries, 0 = only the stall rule */
	unsigned int stall_seconds; /* 0 = HTTP_STALL_SECONDS */
	unsigned int connect_ms;    /* 0 = HTTP_CONNECT_MS */
	unsigned int retries;	    /* further tries after a broken transfer or 429/5xx, with growing pauses;
				     * one at most after a stall */
};

struct http_answer {
	unsigned int status; /* 200, 206, 304, 401, ... */
	struct buf headers;  /* "name: value\n" lines of the last answer, names in lower case */
	uint64_t body_bytes; /* handed to the sink */
};
void http_answer_done(struct http_answer *a);
#define auto_http_answer cleanup_with(http_answer_done)
struct str http_header(const struct http_answer *a, const char *name_lower); /* first value, "" when absent */

/* Where the body goes; a negative return of either ends the transfer with that error. */
struct http_sink {
	void *ctx;
	/* Once, before the first byte of the body (also when it is empty): status and headers are known. May be NULL.
	 */
	int (*start)(void *ctx, const struct http_answer *a);
	int (*body)(void *ctx, const void *p, size_t n);
	bool all; /* answers other than 2xx are wanted too; without it up to 64 KiB of them are passed over unseen */
};

/* One request to its end. 0 when an answer came, whatever its status; negative when none did (e says why, with the
 * host's name). After a failed try that had delivered bytes, a retry asks for the rest (Range, If-Range) or passes over
 * what it delivered before; -EBADMSG when the server by then has something else. */
int http_get(const struct http_request *q, const struct http_sink *sink, struct http_answer *ret,
	     struct err *e) must_check;

/* Body into a buf of at most q->size_max bytes; both are made by the call and left untouched on failure. Bodies of
 * answers other than 2xx are kept too. */
int http_get_buf(const struct http_request *q, struct buf *ret_body, struct http_answer *ret, struct err *e) must_check;

/* Many requests, at most `parallel` at once; `done` is called for each as it ends (its order is that of ending). The
 * answer is valid during that call only; `result` is what http_get() would return. The jobs and what they point to must
 * stay as they are until their `done`. Negative only when nothing could be asked at all (no libcurl). */
struct http_job {
	struct http_request request;
	struct http_sink sink;
	void *ctx;
};
int http_many(struct http_job *jobs, size_t n, unsigned int parallel,
	      void (*done)(struct http_job *job, int result, struct http_answer *answer, const struct err *e),
	      struct err *e) must_check;

#endif
