/* http: a request's head, strictly. See http.h. */
#include "node/agent/http.h"

#include "base/num.h"

static const struct {
	unsigned int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 422, "Unprocessable Content" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

const char *http_reason(unsigned int status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Answer";
}

char *http_answer_head(unsigned int status, bool json, uint64_t length, char text[HTTP_ANSWER_HEAD_MAX])
{
	snprintf(text, HTTP_ANSWER_HEAD_MAX,
		 "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %llu\r\nConnection: close\r\n"
		 "Cache-Control: no-store\r\n\r\n",
		 status, http_reason(status), json ? "application/json" : "text/plain; charset=utf-8",
		 (unsigned long long)length);
	return text;
}

static int refuse(unsigned int status, unsigned int *ret_status, struct err *e, const char *why)
{
	*ret_status = status;
	return err_set(e, -EBADMSG, "%s", why);
}

/* RFC 9110 5.6.2: what names of methods and headers are made of. */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && (!s.p[i] || !strchr("!#$%&'*+-.^_`|~", s.p[i])))
			return false;
	return s.n > 0;
}

/* RFC 9110 5.5: visible characters, bytes above them, spaces and tabs. */
static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
			return false;
	return s.n == 0 || !memchr(s.p, 0x7f, s.n);
}

/* Plain paths only: nothing is decoded, so that nothing can be decoded twice. */
static bool is_path(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && (!s.p[i] || !strchr("/-._:@+", s.p[i])))
			return false;
	return s.n && s.p[0] == '/' && str_find_str(s, STR("//")) < 0 && str_find_str(s, STR("/../")) < 0 &&
	       !str_ends(s, STR("/.."));
}

static int read_request_line(struct str line, struct http_head *h, unsigned int *ret_status, struct err *e)
{
	struct str rest, version;

	if (!str_split(line, ' ', &h->method, &rest) || !str_split(rest, ' ', &h->path, &version) ||
	    !is_token(h->method))
		return refuse(400, ret_status, e, "the request line is not METHOD TARGET VERSION");
	if (!str_is(version, "HTTP/1.1") && !str_is(version, "HTTP/1.0"))
		return str_starts(version, STR("HTTP/")) ? refuse(505, ret_status, e, "HTTP/1.1 is spoken here")
							 : refuse(400, ret_status, e, "no version of HTTP");
	if (h->path.n > HTTP_TARGET_MAX)
		return refuse(414, ret_status, e, "the target is too long");
	if (!is_path(h->path))
		return refuse(400, ret_status, e, "the target is no plain path");
	return 0;
}

static int read_length(struct str value, struct http_head *h, unsigned int *ret_status, struct err *e)
{
	if (h->has_length)
		return refuse(400, ret_status, e, "Content-Length is given twice");
	if (!num_u64(value, 10, &h->length))
		return refuse(400, ret_status, e, "Content-Length is no number");
	h->has_length = true;
	return 0;
}

static int read_header(struct str line, struct http_head *h, bool *host, unsigned int *ret_status, struct err *e)
{
	struct str name, value;

	if (!str_split(line, ':', &name, &value) || !is_token(name) || !is_value(value))
		return refuse(400, ret_status, e, "a header line is not NAME: VALUE");
	value = str_trim(value);
	if (str_eq_nocase(name, STR("Content-Length")))
		return read_length(value, h, ret_status, e);
	if (str_eq_nocase(name, STR("Transfer-Encoding")))
		return refuse(501, ret_status, e, "a body needs a Content-Length");
	if (str_eq_nocase(name, STR("Expect"))) {
		if (!str_eq_nocase(value, STR("100-continue")))
			return refuse(400, ret_status, e, "what is expected is not known");
		h->expects_continue = true;
	}
	if (str_eq_nocase(name, STR("Host"))) {
		if (*host)
			return refuse(400, ret_status, e, "Host is given twice");
		*host = true;
	}
	return 0;
}

int http_head_parse(struct str bytes, struct http_head *ret, unsigned int *ret_status, struct err *e)
{
	ptrdiff_t end = str_find_str(str_head(bytes, HTTP_HEAD_MAX), STR("\r\n\r\n"));
	struct http_head h = { 0 };
	struct str rest, line;
	unsigned int lines = 0;
	bool host = false;
	int r = 0;

	if (end < 0)
		return bytes.n >= HTTP_HEAD_MAX ? refuse(431, ret_status, e, "the head is too long") : 0;
	rest = str_head(bytes, (size_t)end + 2);
	for (; r == 0 && rest.n; lines++) {
		ptrdiff_t at = str_find_str(rest, STR("\r\n"));

		line = str_head(rest, (size_t)at);
		rest = str_from(rest, (size_t)at + 2);
		if (lines > HTTP_HEADERS_MAX)
			return refuse(431, ret_status, e, "too many headers");
		r = lines ? read_header(line, &h, &host, ret_status, e) : read_request_line(line, &h, ret_status, e);
	}
	if (r < 0)
		return r;
	if (!host)
		return refuse(400, ret_status, e, "there is no Host");
	*ret = h;
	return (int)end + 4;
}
