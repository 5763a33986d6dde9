/* front: listeners and connections around one poll(). See front.h. */
#include "node/agent/front.h"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "node/agent/connection.h"
#include "node/agent/tls.h"
#include "sandbox/worker.h"

struct place {
	struct connection c;
	uint32_t turn; /* how often it was given away */
	bool tls;
	uint32_t address; /* whose, of TCP; otherwise 0 */
};

struct front {
	int socket;
	int listeners[FRONT_LISTENERS_MAX];
	bool listener_tls[FRONT_LISTENERS_MAX];
	uint32_t vsock_peer; /* who may connect by vsock */
	size_t listener_count;
	struct tls *tls;
	struct buf key, certificate;
	struct connections all;
	struct place places[FRONT_CONNECTIONS_MAX];
};
_Static_assert(FRONT_CONNECTIONS_MAX <= WIRE_PLACES_MAX, "a connection's place is in its request's id");

static bool again(int r)
{
	return r == -EAGAIN || r == -EINTR;
}

/* ---- who gets a place ---- */

/* Who has come last of those that have not shown a certificate yet has the best prospects of doing it: the one that has
 * waited longest goes first. Of one address; 0: of any. */
static struct place *oldest_stranger(struct front *f, uint32_t address)
{
	struct place *oldest = NULL;

	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX; i++) {
		struct place *p = &f->places[i];

		if (p->c.phase == HANDSHAKE && (!address || p->address == address) &&
		    (!oldest || p->c.deadline < oldest->c.deadline))
			oldest = p;
	}
	return oldest;
}

struct census {
	size_t kind, strangers, neighbours;
};

static struct census count_places(const struct front *f, bool tls, uint32_t address)
{
	struct census n = { 0 };

	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX; i++) {
		const struct place *p = &f->places[i];

		n.kind += p->c.phase != FREE && p->tls == tls;
		n.strangers += p->c.phase == HANDSHAKE;
		n.neighbours += p->c.phase != FREE && p->tls && p->address == address;
	}
	return n;
}

/* Whether another one of that kind could be taken. */
static bool has_room(const struct front *f, bool tls)
{
	const struct census n = count_places(f, tls, 0);
	bool free = false;

	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX; i++)
		free |= f->places[i].c.phase == FREE;
	return (tls && n.strangers) || (free && n.kind < FRONT_KIND_MAX);
}

/* A place for it, somebody else's if need be; NULL: it is turned away. */
static struct place *make_room(struct front *f, bool tls, uint32_t address)
{
	const struct census n = count_places(f, tls, address);
	struct place *p = NULL;

	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX && !p; i++)
		if (f->places[i].c.phase == FREE)
			p = &f->places[i];
	if (tls && n.neighbours >= FRONT_ADDRESS_MAX)
		p = oldest_stranger(f, address);
	else if (tls && (!p || n.kind >= FRONT_KIND_MAX || n.strangers >= FRONT_STRANGERS_MAX))
		p = oldest_stranger(f, 0);
	else if (n.kind >= FRONT_KIND_MAX)
		p = NULL;
	if (p && p->c.phase != FREE)
		connection_drop(&p->c);
	return p;
}

union caller {
	sa_family_t family;
	struct sockaddr_in tcp;
	struct sockaddr_vm vsock;
	struct sockaddr_storage room;
};

/* The host is trusted with its guest. Who else speaks vsock, another guest or a program in this one, is not. */
static bool may_come(const struct front *f, const union caller *from)
{
	return from->family != AF_VSOCK || from->vsock.svm_cid == f->vsock_peer;
}

static void accept_one(struct front *f, size_t listener)
{
	bool speaks_tls = f->listener_tls[listener];
	union caller from = { 0 };
	socklen_t n = sizeof(from);
	int fd = accept4(f->listeners[listener], (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	uint32_t address = from.family == AF_INET ? from.tcp.sin_addr.s_addr : 0;
	struct place *p = fd < 0 || !may_come(f, &from) ? NULL : make_room(f, speaks_tls, address);
	struct tls_session *tls = p && speaks_tls && f->tls ? agent_tls_session_new(f->tls, fd) : NULL;

	if (!p || (speaks_tls && !tls)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	p->tls = speaks_tls;
	p->address = address;
	/* An answer to whom the place had before must not reach this one. */
	connection_begin(&p->c, (uint32_t)(p - f->places) + WIRE_PLACES_MAX * ++p->turn, &f->all, fd, tls);
}

/* ---- the loop ---- */

static void take_reply(struct front *f, struct msg *m)
{
	struct wire w;
	int none = -1;

	if (wire_parse(m->kind, m->payload, &w, NULL) == 0 && m->kind == WIRE_REPLY &&
	    w.id % WIRE_PLACES_MAX < FRONT_CONNECTIONS_MAX)
		connection_answer(&f->places[w.id % WIRE_PLACES_MAX].c, &w, m->fd_count == 1 ? &m->fds[0] : &none);
}

#define POLLS_MAX (1 + FRONT_LISTENERS_MAX + FRONT_CONNECTIONS_MAX)

static size_t fill_polls(struct front *f, struct pollfd *p, int *ret_timeout)
{
	uint64_t now = clock_ms(), next = now + 3600000;
	bool saturated = false, more = false;
	size_t n = 0;

	p[n++] = (struct pollfd){ .fd = f->socket, .events = POLLIN };
	for (size_t i = 0; i < f->listener_count; i++)
		p[n++] = (struct pollfd){ .fd = has_room(f, f->listener_tls[i]) ? f->listeners[i] : -1,
					  .events = POLLIN };
	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX; i++) {
		struct connection *c = &f->places[i].c;

		p[n++] = (struct pollfd){ .fd = c->phase == FREE || c->saturated ? -1 : c->fd,
					  .events = c->wants_write ? POLLOUT : POLLIN };
		if (c->phase != FREE && c->deadline < next)
			next = c->deadline;
		saturated |= c->saturated;
		more |= c->more;
	}
	p[0].events = (short)(saturated ? POLLIN | POLLOUT : POLLIN);
	*ret_timeout = next > now && !more ? (int)(next - now) : 0;
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
		struct connection *c = &f->places[i].c;
		const struct pollfd *its = &p[1 + f->listener_count + i];

		if (c->phase != FREE && c->deadline <= now)
			connection_expire(c);
		else if (c->phase != FREE && (its->revents || c->more || (c->saturated && p[0].revents & POLLOUT)))
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
		f->vsock_peer = w->peer;
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

	f->socket = f->all.other = socket;
	buf_init(&f->key, TLS_PEM_MAX);
	buf_init(&f->certificate, TLS_PEM_MAX);
	for (size_t i = 0; i < FRONT_CONNECTIONS_MAX; i++)
		f->places[i].c.fd = f->places[i].c.body_fd = -1;
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
