/* plain: HTTP/1.1 without a library. See plain.h. */
#include "fetch/plain.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"
#include "base/num.h"

#define STALL_SECONDS 120 /* the node may be computing a layer's tree */
#define PIECE_BYTES 65536u

/* RFC 9112 4: HTTP/1.1 SP three digits SP. None of 100 to 199: nobody asked for them. */
static int read_status(struct str line, unsigned int *ret, struct err *e)
{
	struct str version, rest, digits;
	uint32_t status;

	if (!str_split(line, ' ', &version, &rest) || !str_starts(version, STR("HTTP/1.")))
		return err_set(e, -EBADMSG, "the answer is not HTTP/1.1");
	digits = str_head(rest, 3);
	if (digits.n != 3 || !num_u32(digits, &status) || status < 200 || status > 599 ||
	    (rest.n > 3 && rest.p[3] != ' '))
		return err_set(e, -EBADMSG, "the answer has no status");
	*ret = status;
	return 0;
}

/* The length it says its body has; one that says none ends with the connection. */
static int check_length(struct str head, size_t body, struct err *e)
{
	struct str line, name, value;
	uint64_t length;

	while (head.n && str_cut(&head, '\n', &line)) {
		if (!str_split(line, ':', &name, &value) || !str_eq_nocase(name, STR("Content-Length")))
			continue;
		if (!num_u64(str_trim(value), 10, &length))
			return err_set(e, -EBADMSG, "the answer's length is no number");
		if (length != body)
			return err_set(e, -EBADMSG, "the answer is cut short");
	}
	return 0;
}

int plain_answer(struct str bytes, struct str *ret_body, unsigned int *ret_status, struct err *e)
{
	ptrdiff_t end = str_find_str(str_head(bytes, PLAIN_HEAD_MAX), STR("\r\n\r\n"));
	struct str head, line, body;
	unsigned int status = 0;
	int r;

	if (end < 0)
		return err_set(e, -EBADMSG, bytes.n ? "the answer has no head" : "there is no answer");
	body = str_from(bytes, (size_t)end + 4);
	head = str_head(bytes, (size_t)end + 2);
	(void)str_cut(&head, '\n', &line);
	r = read_status(str_trim(line), &status, e);
	r = r < 0 ? r : check_length(head, body.n, e);
	if (r < 0)
		return r;
	*ret_body = body;
	*ret_status = status;
	return 0;
}

static int send_all(int socket, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(socket, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		p += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int send_body(int socket, const struct peer_body *body)
{
	auto_free char *piece = xmalloc(PIECE_BYTES);
	int r = 0;

	for (uint64_t at = 0; at < body->bytes && r == 0;) {
		size_t want = body->bytes - at < PIECE_BYTES ? (size_t)(body->bytes - at) : PIECE_BYTES;
		ssize_t n = fd_pread(body->fd, piece, want, at);

		r = n <= 0 ? (n < 0 ? (int)n : -EIO) : send_all(socket, piece, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
	}
	return r;
}

static int send_request(int socket, const char *method, const char *path, const struct peer_body *body)
{
	auto_buf struct buf head;
	int r;

	buf_init(&head, PLAIN_HEAD_MAX);
	buf_fmt(&head, "%s %s HTTP/1.1\r\nHost: node\r\nConnection: close\r\n", method, path);
	if (body)
		buf_fmt(&head, "Content-Length: %llu\r\n", (unsigned long long)body->bytes);
	buf_fmt(&head, "\r\n");
	r = buf_finish(&head) < 0 ? -E2BIG : send_all(socket, head.p, head.n);
	return r == 0 && body ? send_body(socket, body) : r;
}

static int receive_all(int socket, struct buf *to)
{
	auto_free char *piece = xmalloc(PIECE_BYTES);

	for (;;) {
		ssize_t n = recv(socket, piece, PIECE_BYTES, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : buf_finish(to);
		buf_add(to, piece, (size_t)n);
		if (to->full)
			return -E2BIG;
	}
}

int plain_ask(int socket, const char *method, const char *path, const struct peer_body *body, struct buf *ret,
	      unsigned int *ret_status, struct err *e)
{
	const struct timeval patience = { .tv_sec = STALL_SECONDS };
	auto_buf struct buf answer;
	struct str text;
	int sent, received, r;

	buf_init(&answer, PEER_ANSWER_MAX + PLAIN_HEAD_MAX);
	if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return err_errno(e, -errno, "a socket");
	sent = send_request(socket, method, path, body);
	/* Who refuses a body answers and closes: what could not be sent does not matter then. */
	received = receive_all(socket, &answer);
	r = plain_answer(buf_all(&answer), &text, ret_status, e);
	if (r < 0 && (sent == -EAGAIN || received == -EAGAIN))
		return err_set(e, -ETIMEDOUT, "nothing was heard for %d seconds", STALL_SECONDS);
	if (r < 0 && (sent < 0 || received < 0))
		return err_errno(e, sent < 0 ? sent : received, "the connection");
	if (r < 0)
		return r;
	buf_init(ret, PEER_ANSWER_MAX);
	buf_str(ret, text);
	return 0;
}
