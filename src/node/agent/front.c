/* front: listeners and connections around one poll(). See front.h. */
#include "node/agent/front.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "node/agent/connection.h"
#include "node/agent/tls.h"
#include "sandbox/worker.h"

struct front {
	int socket;
	int listeners[FRONT_LISTENERS_MAX];
	bool listener_tls[FRONT_LISTENERS_MAX];
	size_t listener_count;
	struct tls *tls;
	struct buf key, certificate;
	struct connection connections[FRONT_CONNECTIONS_MAX];
	uint32_t turns[FRONT_CONNECTIONS_MAX]; /* how often each place was given away */
};
_Static_assert(FRONT_CONNECTIONS_MAX <= WIRE_PLACES_MAX, "a connection's place is in its request's id");

static bool again(int r)
{
	return r == -EAGAIN || r == -EINTR;
}

/* ---- the loop ---- */

/* Of whoever has the place now: a late answer must not reach the next one. */
static uint32_t next_id(struct front *f, size_t place)
{
	return (uint32_t)place + WIRE_PLACES_MAX * ++f->turns[place];
}

static void accept_one(struct front *f, size_t listener)
{
	int fd = accept4(f->listeners[listener], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct tls_session *tls = NULL;
	size_t place = 0;

	if (fd < 0)
		return;
	while (place < FRONT_CONNECTIONS_MAX && f->connections[place].phase != FREE)
		place++;
	if (f->listener_tls[listener])
		tls = f->tls ? agent_tls_session_new(f->tls, fd) : NULL;
	if (place == FRONT_CONNECTIONS_MAX || (f->listener_tls[listener] && !tls)) {
		agent_tls_session_free(tls);
		close(fd);
		return;
	}
	connection_begin(&f->connections[place], next_id(f, place), f->socket, fd, tls);
}

static void take_reply(struct front *f, struct msg *m)
{
	struct wire w;
	int none = -1;

	if (wire_parse(m->kind, m->payload, &w, NULL) == 0 && m->kind == WIRE_REPLY &&
	    w.id % WIRE_PLACES_MAX < FRONT_CONNECTIONS_MAX)
		connection_answer(&f->connections[w.id % WIRE_PLACES_MAX], &w, m->fd_count == 1 ? &m->fds[0] : &none);
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
			connection_expire(c);
		else if (c->phase != FREE && (its->revents || (c->saturated && p[0].revents & POLLOUT)))
			connection_advance(c);
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
