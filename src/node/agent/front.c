/* front: connections as small state machines around one poll(). See front.h. */
#include "node/agent/front.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "node/agent/api.h"
#include "node/agent/tls.h"
#include "sandbox/worker.h"

enum phase { FREE, HANDSHAKE, HEAD, BODY, WAITING, SENDING };

struct connection {
	enum phase phase;
	uint32_t turn; /* how often the place was given away */
	int fd;
	struct tls_session *tls;
	bool wants_write;  /* what it waits for on its socket */
	uint64_t deadline; /* monotonic ms */
	char head[HTTP_HEAD_MAX];
	size_t head_bytes;
	uint64_t body_left;
	uint64_t piece_bytes; /* moved since the deadline was set */
	bool begun;	      /* the other half knows of it */
	bool saturated;	      /* the other half takes nothing at the moment */
	/* a piece that waits to be handed over */
	char *piece;
	size_t piece_n;
	/* the answer */
	char answer[HTTP_ANSWER_HEAD_MAX + ERR_MSG_MAX];
	size_t answer_n, answer_sent;
	int body_fd;
	uint64_t body_at, body_end;
};

struct front {
	int socket;
	int listeners[FRONT_LISTENERS_MAX];
	bool listener_tls[FRONT_LISTENERS_MAX];
	size_t listener_count;
	struct tls *tls;
	struct buf key, certificate;
	struct connection connections[FRONT_CONNECTIONS_MAX];
};
_Static_assert(FRONT_CONNECTIONS_MAX <= WIRE_PLACES_MAX, "a connection's place is in its request's id");

/* ---- the other half ---- */

static int say(struct front *f, uint8_t kind, const struct wire *w)
{
	auto_buf struct buf b;

	buf_init(&b, MSG_BYTES_MAX);
	wire_write(kind, w, &b);
	return buf_finish(&b) < 0 ? -E2BIG : msg_send(f->socket, kind, buf_all(&b), NULL, 0);
}

/* Of whoever has the place now: a late answer must not reach the next one. */
static uint32_t id_of(const struct front *f, const struct connection *c)
{
	return (uint32_t)(c - f->connections) + WIRE_PLACES_MAX * c->turn;
}

/* ---- a connection's end ---- */

static void finish(struct front *f, struct connection *c)
{
	if (c->begun && c->phase != SENDING)
		(void)!say(f, WIRE_GONE, &(struct wire){ .id = id_of(f, c) });
	if (c->tls) {
		if (c->phase == SENDING)
			agent_tls_bye(c->tls);
		agent_tls_session_free(c->tls);
	}
	fd_close(&c->fd);
	if (c->body_fd >= 0)
		fd_close(&c->body_fd);
	free(c->piece);
	*c = (struct connection){ .fd = -1, .body_fd = -1, .turn = c->turn };
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
		extend(c, FRONT_PIECE_MS);
}

static void begin_sending(struct connection *c)
{
	c->phase = SENDING;
	c->answer_sent = 0;
	c->wants_write = true;
	extend(c, FRONT_PIECE_MS);
}

/* Our own answer: the other half has not heard of the request, or need not any more. */
static void refuse(struct front *f, struct connection *c, unsigned int status, const char *why)
{
	char line[ERR_MSG_MAX];
	size_t n = (size_t)snprintf(line, sizeof(line), "%.380s\n", why);

	if (c->begun)
		(void)!say(f, WIRE_GONE, &(struct wire){ .id = id_of(f, c) });
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

static bool again(int r)
{
	return r == -EAGAIN || r == -EINTR;
}

/* ---- requests ---- */

/* Hands a piece over; false when the other half takes none at the moment. */
static bool hand_over(struct front *f, struct connection *c)
{
	int r = say(f, WIRE_DATA, &(struct wire){ .id = id_of(f, c), .bytes = str_n(c->piece, c->piece_n) });

	c->saturated = again(r);
	if (c->saturated)
		return false;
	c->piece_n = 0;
	return true;
}

static void end_body(struct front *f, struct connection *c)
{
	int r = say(f, WIRE_END, &(struct wire){ .id = id_of(f, c) });

	c->saturated = again(r);
	if (c->saturated)
		return;
	c->phase = WAITING;
	extend(c, FRONT_ANSWER_MS);
}

static void read_body(struct front *f, struct connection *c)
{
	while (c->phase == BODY) {
		int n;

		if (c->piece_n && (c->piece_n == WIRE_PIECE_MAX || !c->body_left) && !hand_over(f, c))
			return;
		if (!c->body_left) {
			end_body(f, c);
			return;
		}
		n = receive(c, c->piece + c->piece_n,
			    c->body_left < WIRE_PIECE_MAX - c->piece_n ? (size_t)c->body_left
								       : WIRE_PIECE_MAX - c->piece_n);
		if (again(n))
			return;
		if (n <= 0) {
			finish(f, c);
			return;
		}
		c->piece_n += (size_t)n;
		c->body_left -= (uint64_t)n;
		count(c, (size_t)n);
	}
}

static bool begin_request(struct front *f, struct connection *c, const struct http_head *h, size_t used,
			  const struct api_request *q)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t more = c->head_bytes - used;
	int r = say(f, WIRE_BEGIN,
		    &(struct wire){ .id = id_of(f, c), .op = q->op, .name = q->name, .length = h->length });

	if (r < 0) {
		refuse(f, c, 503, "busy: try again");
		return false;
	}
	c->begun = true;
	c->phase = BODY;
	c->body_left = h->length;
	c->piece = xmalloc(WIRE_PIECE_MAX);
	if (more > c->body_left) {
		refuse(f, c, 400, "there are bytes behind the request");
		return false;
	}
	memcpy(c->piece, c->head + used, more);
	c->piece_n = more;
	c->body_left -= more;
	extend(c, FRONT_PIECE_MS);
	/* A few bytes into an empty socket: they fit. */
	return !h->expects_continue || !c->body_left || transmit(c, go_on, sizeof(go_on) - 1) == (int)sizeof(go_on) - 1;
}

static void read_head(struct front *f, struct connection *c)
{
	struct http_head h;
	struct api_request q;
	unsigned int status = 400;
	struct err e = { 0 };
	int n = receive(c, c->head + c->head_bytes, sizeof(c->head) - c->head_bytes), used;

	if (again(n))
		return;
	if (n <= 0) {
		finish(f, c);
		return;
	}
	c->head_bytes += (size_t)n;
	used = http_head_parse(str_n(c->head, c->head_bytes), &h, &status, &e);
	if (used == 0)
		return;
	if (used < 0 || api_find(&h, &q, &status, &e) < 0) {
		refuse(f, c, status, e.msg);
		return;
	}
	if (begin_request(f, c, &h, (size_t)used, &q))
		read_body(f, c);
	else if (c->phase == BODY)
		finish(f, c);
}

static void shake_hands(struct front *f, struct connection *c)
{
	int r = agent_tls_handshake(c->tls);

	c->wants_write = again(r) && agent_tls_wants_write(c->tls);
	if (again(r))
		return;
	if (r < 0) {
		finish(f, c);
		return;
	}
	c->phase = HEAD;
	c->wants_write = false;
	read_head(f, c);
}

/* ---- answers ---- */

static void send_answer(struct front *f, struct connection *c)
{
	for (;;) {
		int n;

		if (c->answer_sent == c->answer_n) {
			size_t want = sizeof(c->answer);
			ssize_t got;

			if (c->body_at == c->body_end) {
				finish(f, c);
				return;
			}
			want = c->body_end - c->body_at < want ? (size_t)(c->body_end - c->body_at) : want;
			got = fd_pread(c->body_fd, c->answer, want, c->body_at);
			if (got <= 0) {
				finish(f, c);
				return;
			}
			c->body_at += (uint64_t)got;
			c->answer_n = (size_t)got;
			c->answer_sent = 0;
		}
		n = transmit(c, c->answer + c->answer_sent, c->answer_n - c->answer_sent);
		if (again(n))
			return;
		if (n <= 0) {
			finish(f, c);
			return;
		}
		c->answer_sent += (size_t)n;
		count(c, (size_t)n);
	}
}

static void take_reply(struct front *f, struct msg *m)
{
	struct connection *c;
	struct wire w;

	if (wire_parse(m->kind, m->payload, &w, NULL) < 0 || m->kind != WIRE_REPLY ||
	    w.id % WIRE_PLACES_MAX >= FRONT_CONNECTIONS_MAX)
		return;
	c = &f->connections[w.id % WIRE_PLACES_MAX];
	/* An answer may also come early: an upload that cannot be taken. */
	if (w.id != id_of(f, c) || (c->phase != WAITING && c->phase != BODY))
		return;
	http_answer_head(w.status, w.json, w.length, c->answer);
	c->answer_n = strlen(c->answer);
	c->body_end = w.length;
	if (m->fd_count == 1)
		c->body_fd = take_fd(&m->fds[0]);
	else
		c->body_end = 0;
	c->begun = false;
	begin_sending(c);
}

/* ---- the loop ---- */

static void accept_one(struct front *f, size_t listener)
{
	int fd = accept4(f->listeners[listener], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *c = NULL;

	if (fd < 0)
		return;
	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX && !c; i++)
		if (f->connections[i].phase == FREE)
			c = &f->connections[i];
	if (!c) {
		close(fd);
		return;
	}
	*c = (struct connection){ .phase = HEAD, .fd = fd, .body_fd = -1, .turn = c->turn + 1 };
	extend(c, FRONT_HEAD_MS);
	if (!f->listener_tls[listener])
		return;
	c->tls = f->tls ? agent_tls_session_new(f->tls, fd) : NULL;
	c->phase = HANDSHAKE;
	if (!c->tls)
		finish(f, c);
}

static void advance(struct front *f, struct connection *c)
{
	switch (c->phase) {
	case HANDSHAKE:
		shake_hands(f, c);
		return;
	case HEAD:
		read_head(f, c);
		return;
	case BODY:
		read_body(f, c);
		return;
	case SENDING:
		send_answer(f, c);
		return;
	case WAITING: {
		char byte;
		int n = receive(c, &byte, 1);

		/* Nothing is to come any more; the end tells that nobody waits. */
		if (!again(n))
			finish(f, c);
		return;
	}
	case FREE:
	default:
		return;
	}
}

static void expire(struct front *f, struct connection *c)
{
	if (c->phase == HEAD && c->head_bytes)
		refuse(f, c, 408, "the request came too slowly");
	else if (c->phase == BODY)
		refuse(f, c, 408, "the body came too slowly");
	else
		finish(f, c);
}

static bool has_room(const struct front *f)
{
	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX; i++)
		if (f->connections[i].phase == FREE)
			return true;
	return false;
}

#define POLLS_MAX (1 + FRONT_LISTENERS_MAX + FRONT_CONNECTIONS_MAX)

static size_t fill_polls(struct front *f, struct pollfd *p, int *ret_timeout)
{
	uint64_t now = clock_ms(), next = now + 3600000;
	bool saturated = false;
	size_t n = 0;

	p[n++] = (struct pollfd){ .fd = f->socket, .events = POLLIN };
	for (size_t i = 0; i < f->listener_count; i++)
		p[n++] = (struct pollfd){ .fd = has_room(f) ? f->listeners[i] : -1, .events = POLLIN };
	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX; i++) {
		struct connection *c = &f->connections[i];

		p[n++] = (struct pollfd){ .fd = c->phase == FREE || c->saturated ? -1 : c->fd,
					  .events = c->wants_write ? POLLOUT : POLLIN };
		if (c->phase != FREE && c->deadline < next)
			next = c->deadline;
		saturated |= c->saturated;
	}
	p[0].events = (short)(saturated ? POLLIN | POLLOUT : POLLIN);
	*ret_timeout = next > now ? (int)(next - now) : 0;
	return n;
}

static int serve_once(struct front *f, struct msg *m)
{
	struct pollfd p[POLLS_MAX];
	int timeout, r = 1;
	size_t n = fill_polls(f, p, &timeout);
	uint64_t now;

	if (poll(p, n, timeout) < 0)
		return errno == EINTR ? 1 : -errno;
	now = clock_ms();
	if (p[0].revents & (POLLIN | POLLHUP)) {
		r = msg_recv(f->socket, m);
		if (again(r))
			return 1;
		if (r <= 0)
			return r;
		take_reply(f, m);
		msg_done(m);
	}
	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX; i++) {
		struct connection *c = &f->connections[i];
		const struct pollfd *its = &p[1 + f->listener_count + i];

		if (c->phase != FREE && c->deadline <= now)
			expire(f, c);
		else if (c->phase != FREE && (its->revents || (c->saturated && p[0].revents & POLLOUT)))
			advance(f, c);
	}
	for (size_t i = 0; i < f->listener_count; i++)
		if (p[1 + i].revents)
			accept_one(f, i);
	return 1;
}

/* ---- what it begins with ---- */

static int take_config(struct front *f, struct msg *m, const struct wire *w, struct err *e)
{
	switch (m->kind) {
	case WIRE_LISTEN:
		if (m->fd_count != 1 || f->listener_count == FRONT_LISTENERS_MAX)
			return err_set(e, -EBADMSG, "no listening socket");
		f->listener_tls[f->listener_count] = w->tls;
		f->listeners[f->listener_count++] = take_fd(&m->fds[0]);
		return 0;
	case WIRE_KEY:
		buf_str(&f->key, w->bytes);
		return 0;
	case WIRE_CERTIFICATE:
		buf_str(&f->certificate, w->bytes);
		return agent_tls_new(buf_all(&f->key), buf_all(&f->certificate), &f->tls, e);
	case WIRE_CLIENT:
		return f->tls ? agent_tls_allow(f->tls, w->bytes, e) : err_set(e, -EBADMSG, "a client before the key");
	default:
		return err_set(e, -EBADMSG, "a message out of turn");
	}
}

static int configure(struct front *f, struct msg *m, struct err *e)
{
	for (;;) {
		struct wire w;
		int r = msg_recv(f->socket, m);

		if (r <= 0)
			return r < 0 ? err_errno(e, r, "agent: front")
				     : err_set(e, -EPIPE, "agent: front: no one there");
		r = wire_parse(m->kind, m->payload, &w, e);
		if (r == 0 && m->kind == WIRE_GO)
			return 0;
		r = r < 0 ? r : take_config(f, m, &w, e);
		msg_done(m);
		if (r < 0)
			return r;
	}
}

static int give_up_rights(struct err *e)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(FRONT_UID, FRONT_UID, FRONT_UID) < 0 ||
			       setresuid(FRONT_UID, FRONT_UID, FRONT_UID) < 0))
		return err_errno(e, -errno, "agent: front: user %u", FRONT_UID);
	return 0;
}

int front_serve(int socket, struct err *e)
{
	const struct confine fences = { .layers = CONFINE_ALL, .memory_bytes = FRONT_MEMORY_MAX, .server = true };
	struct front *f = xcalloc(1, sizeof(*f));
	struct msg *m = xcalloc(1, sizeof(*m));
	int r;

	f->socket = socket;
	buf_init(&f->key, TLS_PEM_MAX);
	buf_init(&f->certificate, TLS_PEM_MAX);
	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX; i++)
		f->connections[i].fd = f->connections[i].body_fd = -1;
	r = configure(f, m, e);
	/* What it hands over must not make it wait: then nobody else would be answered. */
	if (r == 0 && fcntl(socket, F_SETFL, O_NONBLOCK) < 0)
		r = err_errno(e, -errno, "agent: front");
	r = r < 0 ? r : give_up_rights(e);
	if (r == 0) {
		r = worker_confine(&fences, e);
		r = r == -ENOTSUP ? 0
				  : r; /* a kernel without Landlock: the filter of system calls opens nothing either */
	}
	while (r == 0 || r == 1) {
		r = serve_once(f, m);
		if (r == 0)
			break;
	}
	agent_tls_free(f->tls);
	buf_done(&f->key);
	buf_done(&f->certificate);
	free(m);
	free(f);
	return r;
}
