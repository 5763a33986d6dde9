/* The HTTP client against tests/e2e/http-server.py, whose address is in YAGURA_TEST_URL. Started by http.sh. */
#include "fetch/http.h"

#include "tap.h"

#define BODY_BYTES (1u << 20)

static const char *url(const char *path)
{
	static char text[8][300];
	static unsigned int turn;
	char *to = text[turn++ % 8];

	snprintf(to, 300, "%s%s", getenv("YAGURA_TEST_URL"), path);
	return to;
}

/* What came: every byte is checked against the server's pattern as it arrives. */
struct seen {
	uint64_t n, base;
	bool wrong;
	unsigned int starts, status;
	int refuse_after; /* bytes, 0 = never */
};

static int seen_start(void *ctx, const struct http_answer *a)
{
	struct seen *s = ctx;

	s->starts++;
	s->status = a->status;
	return 0;
}

static int seen_body(void *ctx, const void *p, size_t n)
{
	struct seen *s = ctx;

	for (size_t i = 0; i < n; i++)
		s->wrong |= ((const uint8_t *)p)[i] != (uint8_t)(s->base + s->n + i);
	s->n += n;
	return s->refuse_after && s->n >= (uint64_t)s->refuse_after ? -ECANCELED : 0;
}

static int fetch(struct http_request q, struct seen *s, struct http_answer *a, struct err *e)
{
	struct http_sink sink = { .ctx = s, .start = seen_start, .body = seen_body };

	if (!q.size_max)
		q.size_max = 2 * BODY_BYTES;
	return http_get(&q, &sink, a, e);
}

TEST(small_answers)
{
	static const struct {
		const char *path;
		unsigned int status;
		const char *body;
	} rows[] = {
		{ "/hello", 200, "hello\n" },
		{ "/empty", 200, "" },
		{ "/nothing", 404, "no such thing\n" },
		{ "/hops?5", 200, "hello\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_request q = { .url = url(rows[i].path), .size_max = 1000 };
		struct http_answer a = { 0 };
		struct buf b = { 0 };
		struct err e = { 0 };

		row("%s", rows[i].path);
		OK_ERR(http_get_buf(&q, &b, &a, &e), &e);
		EQ_INT(a.status, rows[i].status);
		EQ_STR(buf_all(&b), str_c(rows[i].body));
		buf_done(&b);
		http_answer_done(&a);
	}
}

TEST(headers)
{
	struct http_request q = { .url = url("/hello"), .size_max = 1000 };
	struct http_answer a = { 0 };
	struct buf b = { 0 };
	struct err e = { 0 };

	OK_ERR(http_get_buf(&q, &b, &a, &e), &e);
	EQ_STR(http_header(&a, "x-case"), STR("Kept As It Is"));
	EQ_STR(http_header(&a, "content-length"), STR("6"));
	EQ_STR(http_header(&a, "absent"), STR(""));
	buf_done(&b);
	http_answer_done(&a);
}

TEST(credentials_stay_with_the_origin)
{
	static const char *const headers[] = { "Authorization: Bearer secret", "Cookie: a=b", "X-Other: kept", NULL };
	static const struct {
		const char *path;
		bool sent;
	} rows[] = { { "/here", true }, { "/away", false } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_request q = { .url = url(rows[i].path), .headers = headers, .size_max = 10000 };
		struct http_answer a = { 0 };
		struct buf b = { 0 };
		struct err e = { 0 };

		row("%s", rows[i].path);
		OK_ERR(http_get_buf(&q, &b, &a, &e), &e);
		EQ_INT(str_find_str(buf_all(&b), STR("Bearer secret")) >= 0, rows[i].sent);
		EQ_INT(str_find_str(buf_all(&b), STR("cookie")) >= 0, rows[i].sent);
		OK(str_find_str(buf_all(&b), STR("x-other: kept")) >= 0);
		buf_done(&b);
		http_answer_done(&a);
	}
}

TEST(refusals)
{
	static const struct {
		const char *path;
		int error;
		const char *why;
		unsigned int stall;
		unsigned int timeout_ms;
	} rows[] = {
		{ "/endless", -E2BIG, "longer than 2097152", 0, 0 },
		{ "/claims", -E2BIG, "the limit is 2097152", 0, 0 },
		{ "/loop", -ELOOP, "more than 5 redirects", 0, 0 },
		{ "/hops?6", -ELOOP, "more than 5 redirects", 0, 0 },
		{ "/tofile", 0, "", 0, 0 },
		{ "/headers", -E2BIG, "65536 bytes of headers", 0, 0 },
		{ "/slow", -ETIMEDOUT, "127.0.0.1", 1, 0 },
		{ "/slow", -ETIMEDOUT, "127.0.0.1", 0, 600 },
		{ "/slowhead", -ETIMEDOUT, "127.0.0.1", 1, 0 },
		{ "/otherrange", -EBADMSG, "another range", 0, 0 },
		{ "/broken?never", -ECONNRESET, "127.0.0.1", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_request q = { .url = url(rows[i].path),
					  .stall_seconds = rows[i].stall,
					  .timeout_ms = rows[i].timeout_ms };
		struct http_answer a = { 0 };
		struct seen s = { 0 };
		struct err e = { 0 };
		int r;

		row("%s stall %u timeout %u", rows[i].path, rows[i].stall, rows[i].timeout_ms);
		r = fetch(q, &s, &a, &e);
		if (!rows[i].error) {
			/* "file:" is never followed: curl is told of http and https only */
			OK(r < 0 || a.status == 302);
			EQ_INT(s.n, 0);
		} else {
			EQ_INT(r, rows[i].error);
			if (!OK(str_find_str(str_c(e.msg), str_c(rows[i].why)) >= 0))
				EQ_Z(e.msg, rows[i].why);
		}
		http_answer_done(&a);
	}
}

TEST(endless_error_page)
{
	struct http_answer a = { 0 };
	struct seen s = { 0 };
	struct err e = { 0 };

	OK_ERR(fetch((struct http_request){ .url = url("/endless404") }, &s, &a, &e), &e);
	EQ_INT(a.status, 404);
	EQ_INT(s.n, 0);
	http_answer_done(&a);
}

TEST(head_only)
{
	struct http_answer a = { 0 };
	struct seen s = { 0 };
	struct err e = { 0 };

	OK_ERR(fetch((struct http_request){ .url = url("/range"), .head = true }, &s, &a, &e), &e);
	EQ_INT(a.status, 200);
	EQ_STR(http_header(&a, "content-length"), STR("1048576"));
	EQ_INT(s.n, 0);
	http_answer_done(&a);
}

TEST(conditional)
{
	struct http_answer a = { 0 };
	struct buf b = { 0 };
	struct err e = { 0 };
	char etag[100];
	struct http_request q = { .url = url("/condition"), .size_max = 100 };

	OK_ERR(http_get_buf(&q, &b, &a, &e), &e);
	EQ_INT(a.status, 200);
	snprintf(etag, sizeof(etag), STR_FMT, STR_ARG(http_header(&a, "etag")));
	buf_done(&b);
	http_answer_done(&a);
	q.etag = etag;
	OK_ERR(http_get_buf(&q, &b, &a, &e), &e);
	EQ_INT(a.status, 304);
	EQ_INT(b.n, 0);
	buf_done(&b);
	http_answer_done(&a);
}

TEST(resume)
{
	static const struct {
		const char *etag;
		unsigned int status;
		uint64_t n;
	} rows[] = { { NULL, 206, BODY_BYTES - 1000 }, { "\"old\"", 200, BODY_BYTES } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_answer a = { 0 };
		struct seen s = { .base = rows[i].status == 206 ? 1000 : 0 };
		struct err e = { 0 };
		struct http_request q = { .url = url("/range"), .resume_from = 1000, .etag = rows[i].etag };

		row("validator %s", rows[i].etag ? rows[i].etag : "none");
		OK_ERR(fetch(q, &s, &a, &e), &e);
		EQ_INT(a.status, rows[i].status);
		EQ_INT(s.status, rows[i].status);
		EQ_INT(s.n, rows[i].n);
		EQ_INT(a.body_bytes, rows[i].n);
		OK(!s.wrong);
		http_answer_done(&a);
	}
}

TEST(retries)
{
	static const struct {
		const char *path;
		int result;
		unsigned int status;
		uint64_t resume_from;
	} rows[] = {
		{ "/broken?a", 0, 200, 0 },
		{ "/broken?b", 0, 206, 1000 },
		{ "/brokenplain", 0, 200, 0 },
		{ "/changed", -EBADMSG, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_answer a = { 0 };
		struct seen s = { .base = rows[i].resume_from };
		struct err e = { 0 };
		struct http_request q = { .url = url(rows[i].path), .retries = 2, .resume_from = rows[i].resume_from };
		int r;

		row("%s", rows[i].path);
		r = fetch(q, &s, &a, &e);
		EQ_INT(r, rows[i].result);
		OK(!s.wrong);
		EQ_INT(s.starts, 1);
		if (r == 0) {
			EQ_INT(a.status, rows[i].status);
			EQ_INT(s.n, BODY_BYTES - rows[i].resume_from);
		}
		http_answer_done(&a);
	}
}

TEST(busy_server)
{
	static const struct {
		const char *path;
		unsigned int retries, status;
		const char *body;
	} rows[] = {
		{ "/busy?a", 0, 429, "later\n" },
		{ "/busy?b", 1, 200, "hello\n" },
		{ "/longbusy", 3, 429, "much later\n" },
		{ "/fails", 1, 503, "failed 2\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_request q = { .url = url(rows[i].path), .retries = rows[i].retries, .size_max = 100 };
		struct http_answer a = { 0 };
		struct buf b = { 0 };
		struct err e = { 0 };

		row("%s with %u retries", rows[i].path, rows[i].retries);
		OK_ERR(http_get_buf(&q, &b, &a, &e), &e);
		EQ_INT(a.status, rows[i].status);
		EQ_STR(buf_all(&b), str_c(rows[i].body));
		buf_done(&b);
		http_answer_done(&a);
	}
}

TEST(sink_refuses)
{
	struct http_answer a = { 0 };
	struct seen s = { .refuse_after = 100 };
	struct err e = { 0 };

	EQ_INT(fetch((struct http_request){ .url = url("/range"), .retries = 3 }, &s, &a, &e), -ECANCELED);
	EQ_INT(s.starts, 1);
}

TEST(unix_socket)
{
	struct http_request q = { .url = "http://d/hello",
				  .unix_socket = getenv("YAGURA_TEST_SOCKET"),
				  .size_max = 100 };
	struct http_answer a = { 0 };
	struct buf b = { 0 };
	struct err e = { 0 };

	OK_ERR(http_get_buf(&q, &b, &a, &e), &e);
	EQ_STR(buf_all(&b), STR("hello\n"));
	buf_done(&b);
	http_answer_done(&a);
}

TEST(nobody_there)
{
	static const struct {
		const char *url;
		int error;
	} rows[] = {
		{ "http://127.0.0.1:1/", -ECONNREFUSED },
		{ "http://does-not-exist.invalid/", -EHOSTUNREACH },
		{ "ftp://127.0.0.1/", -EINVAL },
		{ "file:///etc/passwd", -EINVAL },
		{ "", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_answer a = { 0 };
		struct seen s = { 0 };
		struct err e = { 0 };

		row("\"%s\"", rows[i].url);
		EQ_INT(fetch((struct http_request){ .url = rows[i].url, .retries = 3 }, &s, &a, &e), rows[i].error);
		OK(e.msg[0]);
	}
}

struct tally {
	unsigned int good, bad;
};

static void tally_done(struct http_job *job, int result, struct http_answer *a, const struct err *e unused_arg)
{
	struct tally *t = job->ctx;

	if (result == 0 && a->status == 200)
		t->good++;
	else
		t->bad++;
}

TEST(many)
{
	struct http_job jobs[40];
	struct seen seen[40] = { 0 };
	struct tally t = { 0 };
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		jobs[i] = (struct http_job){
			.request = { .url = url(i % 10 == 3 ? "/nothing" : "/range"), .size_max = BODY_BYTES },
			.sink = { .ctx = &seen[i], .body = seen_body },
			.ctx = &t,
		};
	/* url() has eight buffers in turn, and both texts must live on. */
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		jobs[i].request.url = xstrdup(str_c(url(i % 10 == 3 ? "/nothing" : "/range")));
	OK_ERR(http_many(jobs, ARRAY_LEN(jobs), 8, tally_done, &e), &e);
	EQ_INT(t.good, 36);
	EQ_INT(t.bad, 4);
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		EQ_INT(seen[i].n, i % 10 == 3 ? 0 : BODY_BYTES);
		OK(!seen[i].wrong);
		free((void *)(uintptr_t)jobs[i].request.url);
	}
}
