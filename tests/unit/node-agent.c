/* Heads of requests, and which request they are. */
#include "node/agent/api.h"

#include "tap.h"

#define H "Host: n\r\n"
#define END "\r\n"

static const struct {
	const char *text;
	unsigned int status; /* 0: taken; 1: more is needed */
} heads[] = {
	{ "GET /v1/status HTTP/1.1\r\n" H END, 0 },
	{ "GET /v1/status HTTP/1.0\r\n" H END, 0 },
	{ "PUT /v1/pods/web HTTP/1.1\r\n" H "Content-Length: 5\r\n" END, 0 },
	{ "GET /v1/status HTTP/1.1\r\n" H, 1 },
	{ "", 1 },
	{ "GET /v1/status HTTP/1.1\r\n" END, 400 },
	{ "GET /v1/status HTTP/1.1\r\n" H H END, 400 },
	{ "GET /v1/status HTTP/2.0\r\n" H END, 505 },
	{ "GET /v1/status\r\n" H END, 400 },
	{ "GET  /v1/status HTTP/1.1\r\n" H END, 400 },
	{ "G(T /v1/status HTTP/1.1\r\n" H END, 400 },
	{ "GET v1/status HTTP/1.1\r\n" H END, 400 },
	{ "GET http://n/v1/status HTTP/1.1\r\n" H END, 400 },
	{ "GET /v1/../status HTTP/1.1\r\n" H END, 400 },
	{ "GET /v1//status HTTP/1.1\r\n" H END, 400 },
	{ "GET /v1/%2e%2e HTTP/1.1\r\n" H END, 400 },
	{ "GET /v1/status?x HTTP/1.1\r\n" H END, 400 },
	{ "GET /v1/status HTTP/1.1\r\n" H " folded\r\n" END, 400 },
	{ "GET /v1/status HTTP/1.1\r\n" H "A : b\r\n" END, 400 },
	{ "GET /v1/status HTTP/1.1\r\n" H "A: b\nC: d\r\n" END, 400 },
	{ "GET /v1/status HTTP/1.1\r\n" H "A: b\rc\r\n" END, 400 },
	{ "PUT /v1/settings HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n" END, 400 },
	{ "PUT /v1/settings HTTP/1.1\r\n" H "Content-Length: +5\r\n" END, 400 },
	{ "PUT /v1/settings HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n" END, 400 },
	{ "PUT /v1/settings HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n" END, 400 },
	{ "PUT /v1/settings HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END, 501 },
	{ "PUT /v1/settings HTTP/1.1\r\n" H "Expect: miracles\r\n" END, 400 },
};

TEST(request_heads)
{
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct http_head h;
		unsigned int status = 0;
		struct err e = { 0 };
		int n = http_head_parse(str_c(heads[i].text), &h, &status, &e);

		row("head %zu: %.40s", i, heads[i].text[0] ? heads[i].text : "nothing");
		if (heads[i].status == 0)
			EQ_INT(n, strlen(heads[i].text));
		else if (heads[i].status == 1)
			EQ_INT(n, 0);
		else if (OK(n < 0))
			EQ_INT(status, heads[i].status);
	}
}

TEST(a_head_that_is_too_long)
{
	auto_buf struct buf b;
	struct http_head h;
	unsigned int status = 0;

	buf_init(&b, 1u << 20);
	buf_fmt(&b, "GET /v1/status HTTP/1.1\r\nA: ");
	while (b.n < HTTP_HEAD_MAX)
		buf_char(&b, 'a');
	EQ_INT(http_head_parse(buf_all(&b), &h, &status, NULL), -EBADMSG);
	EQ_INT(status, 431);
	buf_clear(&b);
	buf_fmt(&b, "GET /v1/status HTTP/1.1\r\n" H);
	for (unsigned int i = 0; i < HTTP_HEADERS_MAX; i++)
		buf_fmt(&b, "A: b\r\n");
	buf_fmt(&b, "\r\n");
	EQ_INT(http_head_parse(buf_all(&b), &h, &status, NULL), -EBADMSG);
	EQ_INT(status, 431);
}

static const struct {
	const char *method, *path;
	bool has_length;
	uint64_t length;
	unsigned int status; /* 0: found */
	enum api_op op;
	const char *name;
} requests[] = {
	{ "GET", "/v1/status", false, 0, 0, API_STATUS, "" },
	{ "GET", "/v1/status/", false, 0, 404, API_NONE, NULL },
	{ "GET", "/v1/pods/web", false, 0, 0, API_POD_GET, "web" },
	{ "PUT", "/v1/pods/web", true, 10, 0, API_POD_PUT, "web" },
	{ "PUT", "/v1/pods/web", false, 0, 411, API_NONE, NULL },
	{ "PUT", "/v1/pods/web", true, API_JSON_MAX + 1, 413, API_NONE, NULL },
	{ "PUT", "/v1/layers/x", true, API_LAYER_MAX, 0, API_LAYER_PUT, "x" },
	{ "PUT", "/v1/layers/x", true, API_LAYER_MAX + 1, 413, API_NONE, NULL },
	{ "PUT", "/v1/images/demo/web:1", true, 1, 0, API_IMAGE_PUT, "demo/web:1" },
	{ "GET", "/v1/status", true, 1, 400, API_NONE, NULL },
	{ "PUT", "/v1/status", true, 1, 405, API_NONE, NULL },
	{ "POST", "/v1/reboot", false, 0, 0, API_REBOOT, "" },
	{ "GET", "/v1/reboot", false, 0, 405, API_NONE, NULL },
	{ "get", "/v1/status", false, 0, 405, API_NONE, NULL },
	{ "GET", "/", false, 0, 404, API_NONE, NULL },
	{ "GET", "/v2/status", false, 0, 404, API_NONE, NULL },
};

TEST(requests_are_found)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		const struct http_head h = { str_c(requests[i].method), str_c(requests[i].path), requests[i].length,
					     requests[i].has_length, false };
		struct api_request q = { 0 };
		unsigned int status = 0;
		struct err e = { 0 };
		int r = api_find(&h, &q, &status, &e);

		row("%s %s %llu", requests[i].method, requests[i].path, (unsigned long long)requests[i].length);
		EQ_INT(r, requests[i].status ? -EBADMSG : 0);
		EQ_INT(status, requests[i].status);
		EQ_INT(q.op, requests[i].op);
		if (r == 0)
			EQ_STR(q.name, str_c(requests[i].name));
	}
}
