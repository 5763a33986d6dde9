/* http: requests as small state machines over libcurl's multi interface. See http.h.
 *
 * A transfer goes through tries. A try ends with an answer, a redirect (the next try goes to another URL) or a failure
 * (the next try comes after a pause and asks for what is missing). Redirects are followed here and not by libcurl,
 * because the rules about schemes and credentials are ours. */
#include "fetch/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/num.h"

#define OTHER_BODY_MAX (64u << 10) /* bytes of an error page that are read before the connection is given up */
#define URL_MAX 8192
#define HOST_TEXT_MAX 128
#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS 8000
#define POLL_MS 1000
#define STALLS_MAX 1 /* tries that may end because nothing moved, before one more would be a waste of time */

/* The parts of libcurl in use; the types are the library's own. */
#define CURL_FUNCTIONS(X)           \
	X(curl_global_init)         \
	X(curl_easy_init)           \
	X(curl_easy_reset)          \
	X(curl_easy_setopt)         \
	X(curl_easy_getinfo)        \
	X(curl_easy_cleanup)        \
	X(curl_easy_strerror)       \
	X(curl_multi_init)          \
	X(curl_multi_add_handle)    \
	X(curl_multi_remove_handle) \
	X(curl_multi_perform)       \
	X(curl_multi_poll)          \
	X(curl_multi_info_read)     \
	X(curl_multi_cleanup)       \
	X(curl_slist_append)        \
	X(curl_slist_free_all)

static struct {
#define MEMBER(name) __typeof__(name) *fn_##name;
	CURL_FUNCTIONS(MEMBER)
#undef MEMBER
	bool loaded;
} curl;

enum state { IDLE, PAUSED, RUNNING };

struct transfer {
	enum state state;
	struct http_job *job;
	CURL *easy;
	struct curl_slist *list;
	struct http_answer answer;
	struct err err;
	char why[CURL_ERROR_SIZE];
	char url[URL_MAX];
	unsigned int redirects, tries, stalls;
	bool other_origin;  /* a redirect left the first origin: no credentials from then on */
	uint64_t deadline;  /* monotonic ms, 0 none */
	uint64_t resume_at; /* monotonic ms, while PAUSED */
	/* of the present try */
	size_t header_bytes;
	bool body_begun;
	uint64_t pass_over; /* body bytes that an earlier try delivered */
	uint64_t other_bytes;
	bool enough; /* an error page was cut at OTHER_BODY_MAX */
	int stopped; /* our own reason to end the transfer */
	/* over all tries */
	bool started; /* sink.start was called */
	uint64_t delivered;
	uint64_t first_total; /* bytes of the whole body as the first answer claims; UINT64_MAX unknown */
	unsigned int first_status;
	struct buf validator; /* strong ETag or Last-Modified of the first answer, NUL-terminated; empty: none */
};

/* -------- the library -------- */

static void curl_load(void)
{
	void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		lib = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return;
#define LOAD(name)                                              \
	curl.fn_##name = (__typeof__(name) *)dlsym(lib, #name); \
	if (!curl.fn_##name)                                    \
		return;
	CURL_FUNCTIONS(LOAD)
#undef LOAD
	curl.loaded = curl.fn_curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static int curl_ready(struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, curl_load);
	return curl.loaded ? 0 : err_set(e, -ENOTSUP, "libcurl.so.4 (7.85 or later) is needed and could not be loaded");
}

/* -------- texts -------- */

/* Scheme, host and port as they stand in the URL: all before the path. */
static struct str url_origin(const char *url)
{
	struct str s = str_c(url);
	ptrdiff_t at = str_find_str(s, STR("://"));
	size_t end = at < 0 ? s.n : (size_t)at + 3;

	while (end < s.n && !memchr("/?#", s.p[end], 3))
		end++;
	return str_head(s, end);
}

static bool url_is_https(const char *url)
{
	return str_eq_nocase(str_head(str_c(url), 8), STR("https://"));
}

/* The host for messages: without user, password and scheme. */
static const char *url_host(const char *url, char text[HOST_TEXT_MAX])
{
	struct str o = url_origin(url);
	ptrdiff_t at = str_find_str(o, STR("://"));
	ptrdiff_t user;

	if (at >= 0)
		o = str_from(o, (size_t)at + 3);
	user = str_rfind(o, '@');
	if (user >= 0)
		o = str_from(o, (size_t)user + 1);
	snprintf(text, HOST_TEXT_MAX, STR_FMT, STR_ARG(o));
	return text;
}

static const char *transfer_host(const struct transfer *t, char text[HOST_TEXT_MAX])
{
	const struct http_request *q = &t->job->request;

	return q->unix_socket ? q->unix_socket : url_host(t->url, text);
}

struct str http_header(const struct http_answer *a, const char *name_lower)
{
	struct str name = str_c(name_lower);

	for (struct str rest = buf_all(&a->headers), line; str_cut(&rest, '\n', &line);)
		if (line.n > name.n && line.p[name.n] == ':' && str_starts(line, name))
			return str_trim(str_from(line, name.n + 1));
	return STR_NONE;
}

void http_answer_done(struct http_answer *a)
{
	buf_done(&a->headers);
	*a = (struct http_answer){ 0 };
}

/* Content-Range: bytes FIRST-LAST/TOTAL (RFC 9110 14.4). TOTAL may be "*". */
static bool content_range(struct str s, uint64_t *ret_first, uint64_t *ret_total)
{
	struct str first, rest, last, total;

	if (!str_starts(s, STR("bytes ")) || !str_split(str_from(s, 6), '-', &first, &rest) ||
	    !str_split(rest, '/', &last, &total))
		return false;
	if (str_is(total, "*"))
		*ret_total = UINT64_MAX;
	else if (!num_u64(total, 10, ret_total))
		return false;
	return num_u64(first, 10, ret_first);
}

/* -------- what libcurl calls -------- */

static int stop(struct transfer *t, int code)
{
	t->stopped = code;
	return code;
}

static bool status_ok(unsigned int status)
{
	return status >= 200 && status < 300;
}

static bool status_redirects(unsigned int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool status_retried(unsigned int status)
{
	return status == 429 || (status >= 500 && status < 600);
}

static unsigned int transfer_status(struct transfer *t)
{
	long status = 0;

	curl.fn_curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status > 0 ? (unsigned int)status : 0;
}

/* Remembers what tells the same body from another, for a later try. */
static void keep_validator(struct transfer *t)
{
	struct str v = http_header(&t->answer, "etag");

	if (!v.n || str_starts(v, STR("W/"))) /* RFC 9110 13.1.5: no weak validator in If-Range */
		v = http_header(&t->answer, "last-modified");
	buf_clear(&t->validator);
	if (v.n) {
		buf_str(&t->validator, v);
		buf_char(&t->validator, 0);
	}
}

static bool validator_same(const struct transfer *t)
{
	struct str had = buf_all(&t->validator);
	struct str etag = http_header(&t->answer, "etag");
	struct str date = http_header(&t->answer, "last-modified");

	if (!had.n)
		return t->first_total != UINT64_MAX;
	had = str_head(had, had.n - 1);
	return str_eq(had, etag) || str_eq(had, date);
}

/* Where in the whole body this answer begins, and how long the whole is. */
static int answer_extent(struct transfer *t, uint64_t asked, uint64_t *ret_first, uint64_t *ret_total)
{
	*ret_first = 0;
	if (!num_u64(http_header(&t->answer, "content-length"), 10, ret_total))
		*ret_total = UINT64_MAX;
	if (t->answer.status != 206)
		return 0;
	if (!content_range(http_header(&t->answer, "content-range"), ret_first, ret_total) || *ret_first != asked ||
	    !asked)
		return stop(t, err_set(&t->err, -EBADMSG, "the answer is another range than was asked for"));
	return 0;
}

/* The headers of a 2xx answer are complete: checks that it is the body that is wanted and tells the sink. */
static int body_begin(struct transfer *t)
{
	const struct http_request *q = &t->job->request;
	const struct http_sink *sink = &t->job->sink;
	uint64_t asked = q->resume_from + t->delivered;
	uint64_t first, total;
	int r;

	t->body_begun = true;
	t->answer.status = transfer_status(t);
	r = answer_extent(t, asked, &first, &total);
	if (r < 0)
		return r;
	if (!q->head && total != UINT64_MAX && total > q->size_max)
		return stop(t, err_set(&t->err, -E2BIG, "the answer is %llu bytes long, the limit is %llu",
				       (unsigned long long)total, (unsigned long long)q->size_max));
	if (!t->started) {
		t->started = true;
		t->first_status = t->answer.status;
		t->first_total = total;
		keep_validator(t);
		r = sink->start ? sink->start(sink->ctx, &t->answer) : 0;
		return r < 0 ? stop(t, err_errno(&t->err, r, "the answer was refused")) : 0;
	}
	if (!t->delivered)
		return 0;
	if (total != t->first_total || !validator_same(t))
		return stop(t, err_set(&t->err, -EBADMSG, "the file changed on the server while it was fetched"));
	/* 200 where the rest was asked for: pass over what the sink has already. */
	t->pass_over = (t->first_status == 206 ? q->resume_from : 0) + t->delivered - first;
	return 0;
}

/* Each header line, the status line and the empty one of each answer too; curl takes anything but n for a failure. */
static size_t on_header(char *p, size_t size unused_arg, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct str line = str_trim(str_n(p, n));
	struct buf *h = &t->answer.headers;
	struct str name, value;

	if (!line.n && !t->body_begun && status_ok(transfer_status(t)))
		return body_begin(t) < 0 ? 0 : n;
	t->header_bytes += n;
	if (t->header_bytes > HTTP_HEADERS_MAX) {
		stop(t, err_set(&t->err, -E2BIG, "more than %u bytes of headers", HTTP_HEADERS_MAX));
		return 0;
	}
	if (str_starts(line, STR("HTTP/"))) {
		buf_clear(h);
		return n;
	}
	if (!str_split(line, ':', &name, &value))
		return n;
	for (size_t i = 0; i < name.n; i++)
		buf_char(h, to_lower(name.p[i]));
	buf_fmt(h, ": " STR_FMT "\n", STR_ARG(str_trim(value)));
	return n;
}

static int body_give(struct transfer *t, const char *p, size_t n)
{
	const struct http_request *q = &t->job->request;
	const struct http_sink *sink = &t->job->sink;
	uint64_t before = t->first_status == 206 ? q->resume_from : 0;
	size_t skip = t->pass_over < n ? (size_t)t->pass_over : n;
	int r;

	t->pass_over -= skip;
	if (n == skip)
		return 0;
	if (n - skip > q->size_max || before + t->delivered > q->size_max - (n - skip))
		return stop(t, err_set(&t->err, -E2BIG, "the answer is longer than %llu bytes",
				       (unsigned long long)q->size_max));
	t->delivered += n - skip;
	r = sink->body(sink->ctx, p + skip, n - skip);
	return r < 0 ? stop(t, err_errno(&t->err, r, "the answer was refused")) : 0;
}

/* How long to wait before a further try, in ms; 0 when there is none: out of tries, of time, or of the server's mind.
 */
static uint64_t retry_pause(const struct transfer *t)
{
	unsigned int shift = t->tries < 8 ? t->tries : 8;
	uint64_t pause = (uint64_t)PAUSE_FIRST_MS << shift;
	uint64_t ask = 0;
	curl_off_t date = 0;

	/* A number of seconds, or a date, which libcurl turns into seconds. */
	if (!num_u64(http_header(&t->answer, "retry-after"), 10, &ask) &&
	    curl.fn_curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &date) == CURLE_OK && date > 0)
		ask = (uint64_t)date;
	if (t->tries >= t->job->request.retries || ask > HTTP_RETRY_AFTER_MAX)
		return 0;
	if (pause > PAUSE_MAX_MS)
		pause = PAUSE_MAX_MS;
	if (pause < ask * 1000)
		pause = ask * 1000;
	return t->deadline && clock_ms() + pause >= t->deadline ? 0 : pause;
}

/* A body that is no 2xx one: of interest to few, and never long. */
static int other_give(struct transfer *t, const char *p, size_t n, unsigned int status)
{
	const struct http_sink *sink = &t->job->sink;
	size_t room = OTHER_BODY_MAX - (size_t)t->other_bytes;
	bool last_try = !status_redirects(status) && !(status_retried(status) && retry_pause(t));
	size_t take = n < room ? n : room;
	int r = 0;

	t->other_bytes += take;
	if (sink->all && last_try && !t->delivered && take)
		r = sink->body(sink->ctx, p, take);
	if (r < 0)
		return stop(t, err_errno(&t->err, r, "the answer was refused"));
	t->enough = take < n;
	return t->enough ? -E2BIG : 0;
}

static size_t on_body(char *p, size_t size unused_arg, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	unsigned int status = transfer_status(t);

	if (!status_ok(status))
		return other_give(t, p, n, status) < 0 ? CURL_WRITEFUNC_ERROR : n;
	return body_give(t, p, n) < 0 ? CURL_WRITEFUNC_ERROR : n;
}

/* -------- one try -------- */

static void header_add(struct transfer *t, const char *line)
{
	struct curl_slist *more = curl.fn_curl_slist_append(t->list, line);

	if (more)
		t->list = more;
}

static void header_fmt(struct transfer *t, const char *name, const char *value)
{
	struct buf b;

	buf_init(&b, URL_MAX);
	buf_fmt(&b, "%s: %s", name, value);
	buf_char(&b, 0);
	if (buf_finish(&b) == 0 && !strpbrk(b.p, "\r\n"))
		header_add(t, b.p);
	buf_done(&b);
}

static bool header_is_secret(const char *line)
{
	struct str name, value;

	return str_split(str_c(line), ':', &name, &value) &&
	       (str_eq_nocase(name, STR("Authorization")) || str_eq_nocase(name, STR("Cookie")));
}

static void set_conditions(struct transfer *t)
{
	const struct http_request *q = &t->job->request;
	uint64_t from = q->resume_from + t->delivered;
	const char *validator = t->delivered && t->validator.n ? t->validator.p : NULL;
	char range[48];

	/* The server had begun anew with 200: what the caller had before does not count. */
	if (t->delivered && t->first_status != 206)
		from = t->delivered;
	if (from) {
		snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)from);
		header_fmt(t, "Range", range);
		if (!t->delivered)
			validator = q->etag && !str_starts(str_c(q->etag), STR("W/")) ? q->etag : q->last_modified;
		if (validator)
			header_fmt(t, "If-Range", validator);
		return;
	}
	if (q->etag)
		header_fmt(t, "If-None-Match", q->etag);
	if (q->last_modified)
		header_fmt(t, "If-Modified-Since", q->last_modified);
}

static void set_headers(struct transfer *t)
{
	const struct http_request *q = &t->job->request;

	curl.fn_curl_slist_free_all(t->list);
	t->list = NULL;
	for (const char *const *h = q->headers; h && *h; h++)
		if (!t->other_origin || !header_is_secret(*h))
			header_add(t, *h);
	if (q->method)
		header_add(t, "Expect:"); /* no waiting for "100 Continue" */
	set_conditions(t);
	curl.fn_curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->list);
}

static void set_trust(CURL *c, const struct http_request *q)
{
	const char *file = q->ca_file;
	const char *dir = secure_getenv("SSL_CERT_DIR");

	if (!file)
		file = secure_getenv("CURL_CA_BUNDLE");
	if (!file)
		file = secure_getenv("SSL_CERT_FILE");
	if (file)
		curl.fn_curl_easy_setopt(c, CURLOPT_CAINFO, file);
	if (dir)
		curl.fn_curl_easy_setopt(c, CURLOPT_CAPATH, dir);
	if (q->insecure_tls) {
		curl.fn_curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl.fn_curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void set_limits(struct transfer *t)
{
	const struct http_request *q = &t->job->request;
	CURL *c = t->easy;
	uint64_t now = clock_ms();

	curl.fn_curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(q->connect_ms ? q->connect_ms : HTTP_CONNECT_MS));
	curl.fn_curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_STALL_BYTES);
	curl.fn_curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
				 (long)(q->stall_seconds ? q->stall_seconds : HTTP_STALL_SECONDS));
	if (t->deadline)
		curl.fn_curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(t->deadline > now ? t->deadline - now : 1));
}

static int try_launch(struct transfer *t, CURLM *multi)
{
	const struct http_request *q = &t->job->request;
	CURL *c = t->easy;

	curl.fn_curl_easy_reset(c);
	t->header_bytes = 0;
	t->body_begun = t->enough = false;
	t->pass_over = t->other_bytes = 0;
	t->stopped = 0;
	t->why[0] = 0;
	buf_clear(&t->answer.headers);
	curl.fn_curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	curl.fn_curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
	curl.fn_curl_easy_setopt(c, CURLOPT_URL, t->url);
	curl.fn_curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.fn_curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl.fn_curl_easy_setopt(c, CURLOPT_NOBODY, q->head ? 1L : 0L);
	if (q->form.n) {
		curl.fn_curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->form.n);
		curl.fn_curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->form.p);
	}
	if (q->method) {
		/* also with nothing in it: Content-Length: 0 */
		curl.fn_curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->content.n);
		curl.fn_curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->content.n ? q->content.p : "");
		curl.fn_curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	}
	curl.fn_curl_easy_setopt(c, CURLOPT_USERAGENT, "yagura/" YAGURA_VERSION);
	curl.fn_curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl.fn_curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl.fn_curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl.fn_curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl.fn_curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (q->unix_socket) {
		curl.fn_curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, q->unix_socket);
		curl.fn_curl_easy_setopt(c, CURLOPT_PROXY, "");
	}
	set_trust(c, q);
	set_limits(t);
	set_headers(t);
	if (curl.fn_curl_multi_add_handle(multi, c) != CURLM_OK)
		return err_set(&t->err, -EIO, "libcurl refused the request");
	t->state = RUNNING;
	return 0;
}

/* -------- after a try -------- */

static const struct {
	CURLcode code;
	int error;
	bool again; /* another try may well go better */
} FAILURES[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH, false },
	{ CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH, false },
	{ CURLE_COULDNT_CONNECT, -ECONNREFUSED, false },
	{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, true },
	{ CURLE_PARTIAL_FILE, -ECONNRESET, true },
	{ CURLE_RECV_ERROR, -ECONNRESET, true },
	{ CURLE_SEND_ERROR, -ECONNRESET, true },
	{ CURLE_GOT_NOTHING, -ECONNRESET, true },
	{ CURLE_HTTP2, -ECONNRESET, true },
	{ CURLE_HTTP2_STREAM, -ECONNRESET, true },
	{ CURLE_URL_MALFORMAT, -EINVAL, false },
	{ CURLE_UNSUPPORTED_PROTOCOL, -EINVAL, false },
	{ CURLE_PEER_FAILED_VERIFICATION, -EPROTO, false },
	{ CURLE_SSL_CONNECT_ERROR, -EPROTO, false },
	{ CURLE_SSL_CACERT_BADFILE, -EPROTO, false },
	{ CURLE_WEIRD_SERVER_REPLY, -EBADMSG, false },
};

static int failure_error(CURLcode code, bool *ret_again)
{
	*ret_again = false;
	for (size_t i = 0; i < ARRAY_LEN(FAILURES); i++) {
		if (FAILURES[i].code != code)
			continue;
		*ret_again = FAILURES[i].again;
		return FAILURES[i].error;
	}
	return -EIO;
}

static bool pause_for_retry(struct transfer *t)
{
	uint64_t pause = retry_pause(t);

	if (!pause)
		return false;
	t->resume_at = clock_ms() + pause;
	t->tries++;
	t->state = PAUSED;
	return true;
}

/* 1: the next try is prepared, 0: this answer is the last, negative: the redirect may not be followed. */
static int follow_redirect(struct transfer *t)
{
	const char *to = NULL;

	curl.fn_curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
	if (!to || !*to || t->job->request.form.n || t->job->request.method)
		return 0;
	if (++t->redirects > HTTP_REDIRECTS_MAX)
		return err_set(&t->err, -ELOOP, "more than %d redirects", HTTP_REDIRECTS_MAX);
	if (strlen(to) >= URL_MAX)
		return err_set(&t->err, -E2BIG, "redirect to a URL of more than %d bytes", URL_MAX);
	if (url_is_https(t->url) && !url_is_https(to))
		return err_set(&t->err, -EPROTO, "redirect from https to something else");
	if (!str_eq_nocase(url_origin(to), url_origin(t->url)))
		t->other_origin = true;
	memcpy(t->url, to, strlen(to) + 1);
	t->state = PAUSED;
	t->resume_at = 0;
	return 1;
}

/* An answer came whole. 1: go on with another try, 0: done, negative: done, failed. */
static int answer_came(struct transfer *t)
{
	t->answer.status = transfer_status(t);
	if (status_redirects(t->answer.status))
		return follow_redirect(t);
	if (status_retried(t->answer.status) && pause_for_retry(t))
		return 1;
	if (t->delivered && !status_ok(t->answer.status))
		return err_set(&t->err, -ECONNRESET, "broke off after %llu bytes, then status %u",
			       (unsigned long long)t->delivered, t->answer.status);
	if (t->delivered && t->first_status)
		t->answer.status = t->first_status;
	return 0;
}

static int try_failed(struct transfer *t, CURLcode code)
{
	bool again;
	int error = failure_error(code, &again);
	double connected = 0;

	if (t->stopped)
		return t->stopped;
	curl.fn_curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME, &connected);
	if (code == CURLE_OPERATION_TIMEDOUT && connected <= 0)
		again = false; /* nobody is there */
	if (code == CURLE_OPERATION_TIMEDOUT && t->stalls++ >= STALLS_MAX)
		again = false;
	if (again && pause_for_retry(t))
		return 1;
	return err_set(&t->err, error, "%s", t->why[0] ? t->why : curl.fn_curl_easy_strerror(code));
}

/* 1: the transfer goes on, 0 or negative: its end. */
static int try_ended(struct transfer *t, CURLcode code)
{
	char host[HOST_TEXT_MAX];
	int r = code == CURLE_OK || (t->enough && !t->stopped) ? answer_came(t) : try_failed(t, code);

	t->answer.body_bytes = t->delivered;
	return r < 0 ? err_wrap(&t->err, r, "%s", transfer_host(t, host)) : r;
}

/* -------- many transfers -------- */

static int transfer_begin(struct transfer *t, struct http_job *job)
{
	const struct http_request *q = &job->request;
	CURL *easy = t->easy;

	*t = (struct transfer){ .job = job, .easy = easy, .state = PAUSED };
	buf_init(&t->answer.headers, 2 * HTTP_HEADERS_MAX);
	buf_init(&t->validator, HTTP_HEADERS_MAX);
	if (q->timeout_ms)
		t->deadline = clock_ms() + q->timeout_ms;
	if (strlen(q->url) >= URL_MAX)
		return err_set(&t->err, -E2BIG, "a URL of more than %d bytes", URL_MAX);
	memcpy(t->url, q->url, strlen(q->url) + 1);
	if (!url_is_https(q->url) && !str_eq_nocase(str_head(str_c(q->url), 7), STR("http://")))
		return err_set(&t->err, -EINVAL, "%.200s: not an http or https URL", q->url);
	if (!t->easy)
		t->easy = curl.fn_curl_easy_init();
	return t->easy ? 0 : err_set(&t->err, -ENOMEM, "libcurl is out of memory");
}

struct many {
	struct transfer *slot;
	unsigned int slots;
	struct http_job *jobs;
	size_t n, next, ended;
	CURLM *multi;
	void (*done)(struct http_job *job, int result, struct http_answer *answer, const struct err *e);
};

static void transfer_end(struct many *m, struct transfer *t, int result)
{
	t->state = IDLE;
	m->ended++;
	m->done(t->job, result, &t->answer, &t->err);
	http_answer_done(&t->answer);
	buf_done(&t->validator);
	curl.fn_curl_slist_free_all(t->list);
	t->list = NULL;
}

/* Fills free slots and launches what is due. Returns how long it may be waited at most, in ms. */
static int many_launch(struct many *m)
{
	uint64_t now = clock_ms();
	uint64_t wait = POLL_MS;

	for (unsigned int i = 0; i < m->slots; i++) {
		struct transfer *t = &m->slot[i];
		int r = 0;

		while (t->state == IDLE && m->next < m->n) {
			r = transfer_begin(t, &m->jobs[m->next++]);
			if (r < 0)
				transfer_end(m, t, r);
		}
		if (t->state == PAUSED && t->resume_at <= now)
			r = try_launch(t, m->multi);
		else if (t->state == PAUSED && t->resume_at - now < wait)
			wait = t->resume_at - now;
		if (r < 0 && t->state != IDLE)
			transfer_end(m, t, r);
	}
	return (int)wait;
}

static bool many_collect(struct many *m)
{
	CURLMsg *msg;
	int left;
	bool any = false;

	while ((msg = curl.fn_curl_multi_info_read(m->multi, &left))) {
		struct transfer *t = NULL;
		CURLcode code = msg->data.result;
		int r;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl.fn_curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		r = try_ended(t, code);
		curl.fn_curl_multi_remove_handle(m->multi, t->easy);
		if (r <= 0)
			transfer_end(m, t, r);
		any = true;
	}
	return any;
}

static int many_run(struct many *m, struct err *e)
{
	while (m->ended < m->n) {
		int running, wait = many_launch(m);

		if (curl.fn_curl_multi_perform(m->multi, &running) != CURLM_OK)
			return err_set(e, -EIO, "libcurl failed");
		if (many_collect(m) || m->ended == m->n)
			continue;
		if (curl.fn_curl_multi_poll(m->multi, NULL, 0, wait, NULL) != CURLM_OK)
			return err_set(e, -EIO, "libcurl failed");
	}
	return 0;
}

/* Whoever is still under way when libcurl itself failed. */
static void many_abandon(struct many *m)
{
	for (unsigned int i = 0; i < m->slots; i++) {
		struct transfer *t = &m->slot[i];

		if (t->state == RUNNING)
			curl.fn_curl_multi_remove_handle(m->multi, t->easy);
		if (t->state != IDLE)
			transfer_end(m, t, err_set(&t->err, -EIO, "libcurl failed"));
	}
}

/* The thread's connections, kept from one call to the next; NULL while a call has them. */
static _Thread_local CURLM *kept;

int http_many(struct http_job *jobs, size_t n, unsigned int parallel,
	      void (*done)(struct http_job *job, int result, struct http_answer *answer, const struct err *e),
	      struct err *e)
{
	struct many m = { .jobs = jobs, .n = n, .done = done };
	int r = curl_ready(e);

	if (r < 0 || !n)
		return r;
	m.multi = kept ? take_ptr(kept) : curl.fn_curl_multi_init();
	if (!m.multi)
		return err_set(e, -ENOMEM, "libcurl is out of memory");
	m.slots = !parallel ? 1 : parallel < HTTP_PARALLEL_MAX ? parallel : HTTP_PARALLEL_MAX;
	if (m.slots > n)
		m.slots = (unsigned int)n;
	m.slot = xcalloc(m.slots, sizeof(*m.slot));
	r = many_run(&m, e);
	if (r < 0)
		many_abandon(&m);
	for (unsigned int i = 0; i < m.slots; i++)
		if (m.slot[i].easy)
			curl.fn_curl_easy_cleanup(m.slot[i].easy);
	free(m.slot);
	if (kept || r < 0)
		curl.fn_curl_multi_cleanup(m.multi);
	else
		kept = m.multi;
	return r;
}

struct one {
	int result;
	struct http_answer *answer;
	struct err *e;
};

static void one_done(struct http_job *job, int result, struct http_answer *answer, const struct err *e)
{
	struct one *o = job->ctx;

	o->result = result;
	if (result < 0 && o->e)
		*o->e = *e;
	if (result >= 0) {
		*o->answer = *answer;
		*answer = (struct http_answer){ 0 };
	}
}

int http_get(const struct http_request *q, const struct http_sink *sink, struct http_answer *ret, struct err *e)
{
	struct one o = { .answer = ret, .e = e };
	struct http_job job = { .request = *q, .sink = *sink, .ctx = &o };
	int r = http_many(&job, 1, 1, one_done, e);

	return r < 0 ? r : o.result;
}

static int buf_sink(void *ctx, const void *p, size_t n)
{
	struct buf *b = ctx;

	buf_add(b, p, n);
	return buf_finish(b);
}

int http_get_buf(const struct http_request *q, struct buf *ret_body, struct http_answer *ret, struct err *e)
{
	struct http_sink sink = { .body = buf_sink, .all = true };
	struct buf b;
	int r;

	buf_init(&b, q->size_max > OTHER_BODY_MAX ? (size_t)q->size_max : OTHER_BODY_MAX);
	sink.ctx = &b;
	r = http_get(q, &sink, ret, e);
	if (r < 0) {
		buf_done(&b);
		return r;
	}
	*ret_body = b;
	return 0;
}
