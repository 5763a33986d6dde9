/* http: the head of one request, and of one answer.
 *
 * The server answers one request a connection and closes it, so there is no framing to be of two minds about: a body
 * has a Content-Length or there is none; Transfer-Encoding, folded lines, bare line feeds, lengths given twice and
 * anything that is not what RFC 9112 wants a client to send is refused. Bytes in, values out. */
#ifndef NODE_AGENT_HTTP_H
#define NODE_AGENT_HTTP_H

#include "base/err.h"
#include "base/str.h"

#define HTTP_HEAD_MAX 8192u  /* bytes of request line and headers with the empty line; more is 431 */
#define HTTP_TARGET_MAX 512u /* bytes of the target: longer is 414 */
#define HTTP_HEADERS_MAX 64u /* header lines */
#define HTTP_ANSWER_HEAD_MAX 256u

struct http_head {
	struct str method, path; /* into the bytes given; path without a query, which nothing here has */
	uint64_t length;	 /* of the body */
	bool has_length;
	bool expects_continue; /* it waits for "100 Continue" before it sends the body */
};

/* How many bytes the head takes; 0: more are needed; -EBADMSG and the status to answer with. */
int http_head_parse(struct str bytes, struct http_head *ret, unsigned int *ret_status, struct err *e) must_check;

/* The head of an answer; the connection is closed behind the body. Returns text. */
char *http_answer_head(unsigned int status, bool json, uint64_t length, char text[HTTP_ANSWER_HEAD_MAX]);
const char *http_reason(unsigned int status);

#endif
