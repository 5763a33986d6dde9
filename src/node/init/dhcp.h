/* dhcp: the messages of a DHCPv4 client, written and read. No socket, no clock.
 *
 * Messages are whole IPv4 packets, for a packet socket: before there is an address nothing else can carry them.
 * Addresses are in host order. Documents: RFC 2131, RFC 2132, RFC 3442 (not used: one default route is enough). */
#ifndef NODE_INIT_DHCP_H
#define NODE_INIT_DHCP_H

#include "base/buf.h"

#define DHCP_DNS_MAX 3
#define DHCP_PACKET_MAX 1500

enum dhcp_kind {
	DHCP_DISCOVER = 1,
	DHCP_OFFER = 2,
	DHCP_REQUEST = 3,
	DHCP_ACK = 5,
	DHCP_NAK = 6,
};

struct dhcp_lease {
	uint32_t address, server; /* server: its identifier */
	uint8_t prefix;		  /* bits of the network, 1 to 32 */
	uint32_t gateway;	  /* 0: none */
	uint32_t dns[DHCP_DNS_MAX];
	unsigned int dns_count;
	uint32_t lease_s, renew_s, rebind_s;
};

struct dhcp_ask {
	enum dhcp_kind kind; /* DHCP_DISCOVER or DHCP_REQUEST */
	uint8_t mac[6];
	uint32_t transaction;
	uint16_t seconds;     /* since it began to ask */
	const char *hostname; /* may be NULL */
	uint32_t requested;   /* address asked for, 0: none */
	uint32_t server;      /* of the offer that is taken, 0: none */
	uint32_t own;	      /* the address already held (renewal), 0: none */
	uint32_t destination; /* of the packet; UINT32_MAX: everybody */
};
void dhcp_write(struct buf *b, const struct dhcp_ask *a);

/* A packet that came. 1 when it is an answer to `mac` and `transaction`: its kind and (offer, acknowledgement) what it
 * gives. 0 when it is not for us; -EBADMSG when it is and makes no sense. */
int dhcp_read(struct str packet, const uint8_t mac[6], uint32_t transaction, enum dhcp_kind *ret_kind,
	      struct dhcp_lease *ret) must_check;

/* The Internet checksum (RFC 1071), to be stored as it is. */
uint16_t inet_checksum(struct str bytes, uint32_t start);

#endif
