/* connection: one client of the half that speaks. See connection.h. */
#include "node/agent/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "node/agent/api.h"
#include "node/agent/tls.h"
#include "sandbox/worker.h"

/* ---- the other half ---- */

static int say(const struct connection *c, uint8_t kind, const struct wire *w)
{
	auto_buf struct buf b;

	buf_init(&b, MSG_BYTES_MAX);
	wire_write(kind, w, &b);
	return buf_finish(&b) < 0 ? -E2BIG : msg_send(c->all->other, kind, buf_all(&b), NULL, 0);
}

static bool again(int r)
{
	return r == -EAGAIN || r == -EINTR;
}

/* ---- a connection's end ---- */

/* The other half holds a request's bytes and disk until it hears of its end: it has to. False: not at the moment. */
static bool tell_gone(struct connection *c)
{
	c->saturated = c->begun && again(say(c, WIRE_GONE, &(struct wire){ .id = c->id }));
	c->begun = c->saturated;
	return !c->begun;
}

static void finish(struct connection *c)
{
	if (c->tls) {
		if (c->phase == SENDING)
			agent_tls_bye(c->tls);
		agent_tls_session_free(c->tls);
		c->tls = NULL;
	}
	if (c->fd >= 0)
		fd_close(&c->fd);
	if (c->body_fd >= 0)
		fd_close(&c->body_fd);
	free(take_ptr(c->piece));
	c->all->large -= c->large;
	c->large = c->more = false;
	c->phase = LEAVING;
	c->deadline = UINT64_MAX;
	if (tell_gone(c))
		*c = (struct connection){ .fd = -1, .body_fd = -1 };
}

static void extend(struct connection *c, uint64_t ms)
{
	c->deadline = clock_ms() + ms;
	c->piece_bytes = 0;
}

static void count(struct connection *c, size_t n)
{
	c->piece_bytes += n;
	if (c->piece_bytes >= WIRE_PIECE_MAX)
		extend(c, CONNECTION_PIECE_MS);
}

static void begin_sending(struct connection *c)
{
	c->phase = SENDING;
	c->answer_sent = 0;
	c->wants_write = true;
	c->saturated = c->more = false;
	extend(c, CONNECTION_PIECE_MS);
}

/* Our own answer: the other half has not heard of the request, or need not any more. */
static void refuse(struct connection *c, unsigned int status, const char *why)
{
	char line[ERR_MSG_MAX];
	size_t n = (size_t)snprintf(line, sizeof(line), "%.380s\n", why);

	(void)tell_gone(c); /* or at its end */
	http_answer_head(status, false, n, c->answer);
	c->answer_n = strlen(c->answer);
	memcpy(c->answer + c->answer_n, line, n);
	c->answer_n += n;
	begin_sending(c);
}

/* ---- bytes ---- */

/* Bytes, 0 at the client's end, -EAGAIN. */
static int receive(struct connection *c, void *p, size_t n)
{
	ssize_t r;

	if (c->tls) {
		int got = agent_tls_read(c->tls, p, n);

		c->wants_write = got == -EAGAIN && agent_tls_wants_write(c->tls);
		return got;
	}
	r = recv(c->fd, p, n, 0);
	return r < 0 ? -errno : (int)r;
}

static int transmit(struct connection *c, const void *p, size_t n)
{
	ssize_t r;

	if (c->tls) {
		int sent = agent_tls_write(c->tls, p, n);

		c->wants_write = sent != -EAGAIN || agent_tls_wants_write(c->tls);
		return sent;
	}
	r = send(c->fd, p, n, MSG_NOSIGNAL);
	return r < 0 ? -errno : (int)r;
}

/* ---- requests ---- */

/* Hands a piece over; false when the other half takes none at the moment. */
static bool hand_over(struct connection *c)
{
	int r = say(c, WIRE_DATA, &(struct wire){ .id = c->id, .bytes = str_n(c->piece, c->piece_n) });

	c->saturated = again(r);
	if (c->saturated)
		return false;
	c->piece_n = 0;
	return true;
}

static void end_body(struct connection *c)
{
	int r = say(c, WIRE_END, &(struct wire){ .id = c->id });

	c->saturated = again(r);
	if (c->saturated)
		return;
	c->phase = WAITING;
	extend(c, CONNECTION_ANSWER_MS);
}

static void read_body(struct connection *c)
{
	size_t moved = 0;

	for (c->more = false; c->phase == BODY && !c->more; c->more = moved >= CONNECTION_TURN_BYTES) {
		int n;

		if (c->piece_n && (c->piece_n == WIRE_PIECE_MAX || !c->body_left) && !hand_over(c))
			return;
		if (!c->body_left) {
			end_body(c);
			return;
		}
		n = receive(c, c->piece + c->piece_n,
			    c->body_left < WIRE_PIECE_MAX - c->piece_n ? (size_t)c->body_left
								       : WIRE_PIECE_MAX - c->piece_n);
		if (again(n))
			return;
		if (n <= 0) {
			finish(c);
			return;
		}
		c->piece_n += (size_t)n;
		c->body_left -= (uint64_t)n;
		moved += (size_t)n;
		count(c, (size_t)n);
	}
}

static bool begin_request(struct connection *c, const struct http_head *h, size_t used, const struct api_request *q)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t more = c->head_bytes - used;
	int r = q->large && c->all->large == CONNECTIONS_LARGE_MAX
			? -EAGAIN
			: say(c, WIRE_BEGIN,
			      &(struct wire){ .id = c->id, .op = q->op, .name = q->name, .length = h->length });

	if (r < 0) {
		refuse(c, 503, "busy: try again");
		return false;
	}
	c->all->large += q->large;
	c->large = q->large;
	c->begun = true;
	c->phase = BODY;
	c->body_left = h->length;
	c->piece = xmalloc(WIRE_PIECE_MAX);
	if (more > c->body_left) {
		refuse(c, 400, "there are bytes behind the request");
		return false;
	}
	memcpy(c->piece, c->head + used, more);
	c->piece_n = more;
	c->body_left -= more;
	extend(c, CONNECTION_PIECE_MS);
	/* A few bytes into an empty socket: they fit. */
	return !h->expects_continue || !c->body_left || transmit(c, go_on, sizeof(go_on) - 1) == (int)sizeof(go_on) - 1;
}

static void read_head(struct connection *c)
{
	struct http_head h;
	struct api_request q;
	unsigned int status = 400;
	struct err e = { 0 };
	int n = receive(c, c->head + c->head_bytes, sizeof(c->head) - c->head_bytes), used;

	if (again(n))
		return;
	if (n <= 0) {
		finish(c);
		return;
	}
	c->head_bytes += (size_t)n;
	used = http_head_parse(str_n(c->head, c->head_bytes), &h, &status, &e);
	if (used == 0)
		return;
	if (used < 0 || api_find(&h, &q, &status, &e) < 0) {
		refuse(c, status, e.msg);
		return;
	}
	if (begin_request(c, &h, (size_t)used, &q))
		read_body(c);
	else if (c->phase == BODY)
		finish(c);
}

static void shake_hands(struct connection *c)
{
	int r = agent_tls_handshake(c->tls);

	c->wants_write = again(r) && agent_tls_wants_write(c->tls);
	if (again(r))
		return;
	if (r < 0) {
		finish(c);
		return;
	}
	c->phase = HEAD;
	c->wants_write = false;
	read_head(c);
}

/* ---- answers ---- */

/* The next piece of the answer's file. False: that was all of it, or it cannot be read. */
static bool next_piece(struct connection *c)
{
	uint64_t left = c->body_end - c->body_at;
	size_t want = left < sizeof(c->answer) ? (size_t)left : sizeof(c->answer);
	ssize_t got = fd_pread(c->body_fd, c->answer, want, c->body_at);

	if (got <= 0)
		return false;
	c->body_at += (uint64_t)got;
	c->answer_n = (size_t)got;
	c->answer_sent = 0;
	return true;
}

static void send_answer(struct connection *c)
{
	for (size_t moved = 0; moved < CONNECTION_TURN_BYTES;) {
		int n;

		if (c->answer_sent == c->answer_n && !next_piece(c)) {
			finish(c);
			return;
		}
		n = transmit(c, c->answer + c->answer_sent, c->answer_n - c->answer_sent);
		if (again(n))
			return;
		if (n <= 0) {
			finish(c);
			return;
		}
		c->answer_sent += (size_t)n;
		moved += (size_t)n;
		count(c, (size_t)n);
	}
}

void connection_answer(struct connection *c, const struct wire *w, int *body)
{
	/* An answer may also come early: an upload that cannot be taken. */
	if (w->id != c->id || (c->phase != WAITING && c->phase != BODY))
		return;
	http_answer_head(w->status, w->json, w->length, c->answer);
	c->answer_n = strlen(c->answer);
	c->body_end = *body >= 0 ? w->length : 0;
	c->body_fd = take_fd(body);
	c->begun = false;
	begin_sending(c);
}

/* ---- its owner's ---- */

void connection_begin(struct connection *c, uint32_t id, struct connections *all, int fd, struct tls_session *tls)
{
	*c = (struct connection){
		.phase = tls ? HANDSHAKE : HEAD, .id = id, .all = all, .fd = fd, .body_fd = -1, .tls = tls
	};
	extend(c, CONNECTION_HEAD_MS);
}

void connection_advance(struct connection *c)
{
	switch (c->phase) {
	case HANDSHAKE:
		shake_hands(c);
		return;
	case HEAD:
		read_head(c);
		return;
	case BODY:
		read_body(c);
		return;
	case SENDING:
		send_answer(c);
		return;
	case WAITING: {
		char byte;
		int n = receive(c, &byte, 1);

		/* Nothing is to come any more; the end tells that nobody waits. */
		if (!again(n))
			finish(c);
		return;
	}
	case LEAVING:
		finish(c);
		return;
	case FREE:
	default:
		return;
	}
}

void connection_expire(struct connection *c)
{
	if (c->phase == HEAD && c->head_bytes)
		refuse(c, 408, "the request came too slowly");
	else if (c->phase == BODY)
		refuse(c, 408, "the body came too slowly");
	else
		finish(c);
}

void connection_drop(struct connection *c)
{
	finish(c);
}
