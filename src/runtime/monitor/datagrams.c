/* datagrams: UDP to the container's ports and back. See monitor.h.
 *
 * A client is an address that sent something to one of the ports. Datagrams have no credit: what finds no place is
 * dropped here, as by any network, so that a flood neither gathers nor keeps streams waiting. A client's place is given
 * to another when none is free, to whom did not answer an answer before; `use` counts that, so that what the guest says
 * late to the one before reaches nobody. */
#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/rd.h"
#include "runtime/monitor/monitor.h"

#define BATCH 16	    /* taken at once: then it is the streams' turn */
#define WAITING_MAX 64	    /* datagrams for the guest */
#define WAITING_BYTES 32768 /* of them, heads and all */
#define WAITING_EACH 16	    /* of them, of one client */
#define SPOKE_MS 120000	    /* after a client's last datagram the guest has nothing to say to it any more */
#define PKTINFO_BYTES 20    /* struct in6_pktinfo; in_pktinfo is shorter */

struct client {
	bool used;
	bool answered, talks; /* talks: it has answered an answer */
	uint8_t port;	      /* which of the job's */
	uint16_t use;
	unsigned int waiting;
	int64_t spoke_ms;
	struct sockaddr_storage address;
	socklen_t address_n;
	/* To which of our addresses it spoke, as the kernel says it and wants it said again. */
	char to[CMSG_SPACE(PKTINFO_BYTES)];
	size_t to_n;
};

struct waiting {
	uint64_t end; /* when so many bytes are sent, it is */
	size_t bytes;
	unsigned int client;
};

struct datagrams {
	const struct job *job;
	const int *sockets;
	struct client c[GUEST_CLIENTS_MAX];
	struct waiting w[WAITING_MAX]; /* in order, from `first` on, round the end */
	size_t first, n, bytes;
};

struct datagrams *datagrams_new(const struct job *j, const int *sockets)
{
	struct datagrams *d = xcalloc(1, sizeof(*d));

	d->job = j;
	d->sockets = sockets;
	return d;
}

bool datagrams_room(const struct datagrams *d)
{
	return d->n < WAITING_MAX && d->bytes + FRAME_HEAD + FRAME_PAYLOAD_MAX <= WAITING_BYTES;
}

void datagrams_sent(struct datagrams *d, uint64_t sent)
{
	while (d->n && d->w[d->first].end <= sent) {
		d->c[d->w[d->first].client].waiting--;
		d->bytes -= d->w[d->first].bytes;
		d->first = (d->first + 1) % WAITING_MAX;
		d->n--;
	}
}

static bool is_of(const struct client *c, const struct client *who)
{
	return c->used && c->port == who->port && c->address_n == who->address_n &&
	       memcmp(&c->address, &who->address, who->address_n) == 0;
}

/* True when a's place is rather taken than b's. */
static bool rather(const struct client *a, const struct client *b)
{
	if (a->used != b->used)
		return !a->used;
	return a->talks != b->talks ? !a->talks : a->spoke_ms < b->spoke_ms;
}

static struct client *place_of(struct datagrams *d, const struct client *who)
{
	struct client *best = &d->c[0];
	uint16_t use;

	for (size_t i = 0; i < GUEST_CLIENTS_MAX; i++) {
		if (is_of(&d->c[i], who))
			return &d->c[i];
		if (rather(&d->c[i], best))
			best = &d->c[i];
	}
	if (best->waiting) /* its own are still on their way: a flood from everywhere */
		return NULL;
	use = (uint16_t)(best->use + 1);
	*best = *who;
	best->used = true;
	best->use = use;
	return best;
}

/* A read that truncates is a datagram that is too long: it is dropped. */
static ssize_t receive(int fd, char *bytes, size_t size, struct client *ret)
{
	struct iovec v = { bytes, size };
	struct msghdr m = { &ret->address, sizeof(ret->address), &v, 1, ret->to, sizeof(ret->to), 0 };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	ret->address_n = m.msg_namelen < sizeof(ret->address) ? m.msg_namelen : sizeof(ret->address);
	ret->to_n = m.msg_flags & MSG_CTRUNC ? 0 : m.msg_controllen;
	return n >= 0 && m.msg_flags & MSG_TRUNC ? -EMSGSIZE : n < 0 ? -errno : n;
}

static void queue(struct datagrams *d, struct client *c, struct str bytes, uint64_t sent, struct buf *out)
{
	unsigned int number = (unsigned int)(c - d->c);
	uint16_t port = d->job->ports[c->port].number;
	uint8_t payload[FRAME_PAYLOAD_MAX] = { (uint8_t)port, (uint8_t)(port >> 8), (uint8_t)c->use,
					       (uint8_t)(c->use >> 8) };
	size_t before = out->n;

	if (bytes.n)
		memcpy(payload + DATAGRAM_HEAD, bytes.p, bytes.n);
	frame_add(out, FRAME_DATAGRAM, 0, GUEST_FLOWS_MAX + number, str_n(payload, DATAGRAM_HEAD + bytes.n));
	c->waiting++;
	d->bytes += out->n - before;
	d->w[(d->first + d->n++) % WAITING_MAX] = (struct waiting){ sent + out->n, out->n - before, number };
}

void datagrams_take(struct datagrams *d, size_t port, int64_t now_ms, uint64_t sent, struct buf *out)
{
	char bytes[DATAGRAM_BYTES_MAX];

	for (int i = 0; i < BATCH && datagrams_room(d); i++) {
		struct client who = { .port = (uint8_t)port }, *c;
		ssize_t n = receive(d->sockets[port], bytes, sizeof(bytes), &who);

		if (n == -EAGAIN)
			return;
		c = n < 0 ? NULL : place_of(d, &who);
		if (!c)
			continue;
		c->talks |= c->answered;
		c->spoke_ms = now_ms;
		if (c->waiting < WAITING_EACH)
			queue(d, c, str_n(bytes, (size_t)n), sent, out);
	}
}

int datagrams_give(struct datagrams *d, const struct frame *f, int64_t now_ms)
{
	struct client *c = &d->c[f->process - GUEST_FLOWS_MAX];
	struct rd r = rd_of(f->payload);
	uint16_t use;
	struct str bytes;
	struct iovec v;
	struct msghdr m;

	(void)rd_le16(&r);
	use = rd_le16(&r);
	bytes = str_from(f->payload, DATAGRAM_HEAD);
	if (!c->used)
		return -EPROTO; /* a client that never was */
	if (use != c->use || now_ms - c->spoke_ms > SPOKE_MS)
		return 0;
	c->answered = true;
	v = (struct iovec){ (void *)(uintptr_t)bytes.p, bytes.n };
	m = (struct msghdr){ &c->address, c->address_n, &v, 1, c->to_n ? c->to : NULL, c->to_n, 0 };
	(void)sendmsg(d->sockets[c->port], &m, MSG_DONTWAIT | MSG_NOSIGNAL); /* or it is lost */
	return 0;
}
