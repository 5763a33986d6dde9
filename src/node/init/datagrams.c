/* datagrams: UDP from the host's clients to the container's ports. See init.h.
 *
 * Each client has a socket of its own, so that the container tells them apart. It stays until the host gives the
 * client's number to another, whom it tells by `use`. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/init/init.h"

void datagrams_init(struct datagrams *d)
{
	*d = (struct datagrams){ 0 };
	for (size_t i = 0; i < GUEST_CLIENTS_MAX; i++)
		d->c[i].fd = -1;
}

static int open_to(uint16_t port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -1 : take_fd(&fd);
}

void datagrams_in(struct datagrams *d, const struct frame *f)
{
	struct datagram_client *c = &d->c[f->process - GUEST_FLOWS_MAX];
	const uint8_t *head = (const uint8_t *)f->payload.p;

	if (c->fd < 0 || memcmp(c->head, head, DATAGRAM_HEAD) != 0) {
		fd_close(&c->fd);
		memcpy(c->head, head, DATAGRAM_HEAD);
		c->fd = open_to((uint16_t)(head[0] | head[1] << 8));
	}
	/* Nobody listens, or nobody reads: it is lost. */
	if (c->fd >= 0)
		(void)!send(c->fd, head + DATAGRAM_HEAD, f->payload.n - DATAGRAM_HEAD, MSG_DONTWAIT);
}

void datagrams_out(struct datagrams *d, unsigned int number, struct buf *out)
{
	struct datagram_client *c = &d->c[number];
	uint8_t payload[FRAME_PAYLOAD_MAX];
	ssize_t n = recv(c->fd, payload + DATAGRAM_HEAD, DATAGRAM_BYTES_MAX, MSG_DONTWAIT | MSG_TRUNC);

	d->next = (number + 1) % GUEST_CLIENTS_MAX;
	if (n < 0 || n > DATAGRAM_BYTES_MAX)
		return;
	memcpy(payload, c->head, DATAGRAM_HEAD);
	frame_add(out, FRAME_DATAGRAM, 0, GUEST_FLOWS_MAX + number, str_n(payload, DATAGRAM_HEAD + (size_t)n));
}
