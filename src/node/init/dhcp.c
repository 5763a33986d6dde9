/* dhcp: messages. See dhcp.h. */
#include "node/init/dhcp.h"

#include "base/rd.h"

#define IP_HEAD 20u
#define UDP_HEAD 8u
#define BOOTP_HEAD 236u
#define MAGIC 0x63825363u
#define SERVER_PORT 67
#define CLIENT_PORT 68
#define UDP 17
#define BROADCAST 0x8000u /* we cannot hear what is sent to an address that we do not have yet */
#define LEASE_MIN_S 60	  /* shorter ones are taken for this long, so that nobody keeps us busy */
#define LEASE_DEFAULT_S 3600
#define OPTIONS_MAX 128 /* of one message that are looked at */

enum {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_DNS = 6,
	OPTION_HOSTNAME = 12,
	OPTION_REQUESTED = 50,
	OPTION_LEASE = 51,
	OPTION_KIND = 53,
	OPTION_SERVER = 54,
	OPTION_WANTED = 55,
	OPTION_SIZE = 57,
	OPTION_RENEW = 58,
	OPTION_REBIND = 59,
	OPTION_CLIENT = 61,
	OPTION_END = 255,
};

static void put16(struct buf *b, uint32_t v)
{
	buf_char(b, (char)(v >> 8));
	buf_char(b, (char)v);
}

static void put32(struct buf *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xffff);
}

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return be16(p) << 16 | be16(p + 2);
}

uint16_t inet_checksum(struct str bytes, uint32_t start)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	uint64_t sum = start;

	for (size_t i = 0; i + 1 < bytes.n; i += 2)
		sum += be16(p + i);
	if (bytes.n & 1)
		sum += (uint32_t)p[bytes.n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void option(struct buf *b, uint8_t kind, const void *p, size_t n)
{
	buf_char(b, (char)kind);
	buf_char(b, (char)n);
	buf_add(b, p, n);
}

static void option_u32(struct buf *b, uint8_t kind, uint32_t v)
{
	const uint8_t p[] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	if (v)
		option(b, kind, p, sizeof(p));
}

static void put_message(struct buf *b, const struct dhcp_ask *a)
{
	static const uint8_t wanted[] = { OPTION_MASK,	OPTION_ROUTER, OPTION_DNS,
					  OPTION_LEASE, OPTION_RENEW,  OPTION_REBIND },
			     size[] = { DHCP_PACKET_MAX >> 8, DHCP_PACKET_MAX & 0xff };
	static const char zero[10 + 192];
	const uint8_t kind = (uint8_t)a->kind;
	uint8_t client[7] = { 1 };

	memcpy(client + 1, a->mac, 6);
	buf_add(b, "\1\1\6", 4); /* request, Ethernet, 6 bytes of address, no hops */
	put32(b, a->transaction);
	put16(b, a->seconds);
	put16(b, a->own ? 0 : BROADCAST);
	put32(b, a->own);
	buf_add(b, zero, 12); /* yours, next server's, relay's */
	buf_add(b, a->mac, 6);
	buf_add(b, zero, sizeof(zero)); /* rest of the address, names of server and file */
	put32(b, MAGIC);
	option(b, OPTION_KIND, &kind, 1);
	option(b, OPTION_CLIENT, client, sizeof(client));
	option_u32(b, OPTION_REQUESTED, a->requested);
	option_u32(b, OPTION_SERVER, a->server);
	option(b, OPTION_SIZE, size, sizeof(size));
	if (a->hostname && a->hostname[0])
		option(b, OPTION_HOSTNAME, a->hostname, strnlen(a->hostname, 63));
	option(b, OPTION_WANTED, wanted, sizeof(wanted));
	buf_char(b, (char)OPTION_END);
}

void dhcp_write(struct buf *b, const struct dhcp_ask *a)
{
	auto_buf struct buf message = { 0 }, head = { 0 };
	uint32_t n;

	buf_init(&message, DHCP_PACKET_MAX);
	buf_init(&head, IP_HEAD);
	put_message(&message, a);
	n = (uint32_t)(UDP_HEAD + message.n);
	put16(&head, 0x4510); /* version 4, 5 words; low delay */
	put16(&head, IP_HEAD + n);
	put32(&head, 0);
	put16(&head, 64 << 8 | UDP);
	put16(&head, 0);
	put32(&head, a->own);
	put32(&head, a->destination);
	n = inet_checksum(buf_all(&head), 0);
	head.p[10] = (char)(n >> 8);
	head.p[11] = (char)n;
	buf_str(b, buf_all(&head));
	put16(b, CLIENT_PORT);
	put16(b, SERVER_PORT);
	put16(b, (uint32_t)(UDP_HEAD + message.n));
	put16(b, 0); /* without a checksum: RFC 768 */
	buf_str(b, buf_all(&message));
}

/* The payload of a UDP packet from a server's port to a client's; false for anything else. */
static bool open_packet(struct str packet, struct str *ret)
{
	const uint8_t *p = (const uint8_t *)packet.p;
	size_t head, total, udp;

	if (packet.n < IP_HEAD || p[0] >> 4 != 4)
		return false;
	head = (size_t)(p[0] & 15) * 4;
	total = be16(p + 2);
	if (head < IP_HEAD || total < head + UDP_HEAD || total > packet.n || p[9] != UDP || (be16(p + 6) & 0x3fff) ||
	    inet_checksum(str_head(packet, head), 0) != 0)
		return false;
	p += head;
	udp = be16(p + 4);
	if (be16(p) != SERVER_PORT || be16(p + 2) != CLIENT_PORT || udp < UDP_HEAD || udp > total - head)
		return false;
	*ret = str_n(p + UDP_HEAD, udp - UDP_HEAD);
	return true;
}

static unsigned int read_addresses(struct str value, uint32_t *ret, unsigned int max)
{
	unsigned int n = 0;

	for (size_t i = 0; i + 4 <= value.n && n < max; i += 4)
		ret[n++] = be32((const uint8_t *)value.p + i);
	return n;
}

static int read_mask(uint32_t mask, uint8_t *ret)
{
	unsigned int bits = (unsigned int)__builtin_popcount(mask);

	if (!bits || (bits < 32 && mask != ~(UINT32_MAX >> bits)))
		return -EBADMSG;
	*ret = (uint8_t)bits;
	return 0;
}

static int read_option(uint8_t kind, struct str value, enum dhcp_kind *what, struct dhcp_lease *l)
{
	const uint8_t *p = (const uint8_t *)value.p;
	uint32_t n = value.n >= 4 ? be32(p) : 0;

	switch (kind) {
	case OPTION_KIND:
		*what = value.n == 1 ? (enum dhcp_kind)p[0] : *what;
		return value.n == 1 ? 0 : -EBADMSG;
	case OPTION_MASK:
		return value.n == 4 ? read_mask(n, &l->prefix) : -EBADMSG;
	case OPTION_ROUTER:
		l->gateway = n;
		return 0;
	case OPTION_DNS:
		l->dns_count = read_addresses(value, l->dns, DHCP_DNS_MAX);
		return 0;
	case OPTION_LEASE:
		l->lease_s = n;
		return 0;
	case OPTION_SERVER:
		l->server = n;
		return 0;
	case OPTION_RENEW:
		l->renew_s = n;
		return 0;
	case OPTION_REBIND:
		l->rebind_s = n;
		return 0;
	default:
		return 0;
	}
}

static int read_options(struct str options, enum dhcp_kind *what, struct dhcp_lease *l)
{
	struct rd r = rd_of(options);

	for (unsigned int i = 0; i < OPTIONS_MAX && rd_left(&r);) {
		uint8_t kind = rd_u8(&r);
		struct str value;
		uint8_t n;

		if (kind == OPTION_PAD)
			continue;
		if (kind == OPTION_END)
			return 0;
		n = rd_u8(&r);
		value = rd_str(&r, n);
		if (!rd_ok(&r) || read_option(kind, value, what, l) < 0)
			return -EBADMSG;
		i++;
	}
	return 0;
}

/* An address that one machine can have: no network 0 or 127, no group, not everybody. */
static bool is_unicast(uint32_t a)
{
	return a >> 24 && a >> 24 != 127 && a >> 24 < 224;
}

/* Times in the order that RFC 2131 4.4.5 wants, none too short. */
static void settle_times(struct dhcp_lease *l)
{
	if (!l->lease_s)
		l->lease_s = LEASE_DEFAULT_S;
	if (l->lease_s < LEASE_MIN_S)
		l->lease_s = LEASE_MIN_S;
	if (!l->renew_s || l->renew_s >= l->lease_s || l->renew_s < LEASE_MIN_S / 2)
		l->renew_s = l->lease_s / 2;
	if (l->rebind_s <= l->renew_s || l->rebind_s >= l->lease_s)
		l->rebind_s = l->renew_s + (l->lease_s - l->renew_s) / 4 * 3;
}

static int judge(struct dhcp_lease *l)
{
	if (!is_unicast(l->address) || !l->server)
		return -EBADMSG;
	if (!l->prefix)
		l->prefix = 24;
	/* One that cannot be reached, or ourselves, is none. */
	if (!is_unicast(l->gateway) || l->gateway == l->address)
		l->gateway = 0;
	settle_times(l);
	return 0;
}

int dhcp_read(struct str packet, const uint8_t mac[6], uint32_t transaction, enum dhcp_kind *ret_kind,
	      struct dhcp_lease *ret)
{
	struct dhcp_lease l = { 0 };
	enum dhcp_kind kind = 0;
	struct str message;
	const uint8_t *p;

	if (!open_packet(packet, &message))
		return 0;
	p = (const uint8_t *)message.p;
	if (message.n < BOOTP_HEAD + 4 || p[0] != 2 || p[1] != 1 || p[2] != 6 || be32(p + 4) != transaction ||
	    memcmp(p + 28, mac, 6) != 0 || be32(p + BOOTP_HEAD) != MAGIC)
		return 0;
	l.address = be32(p + 16);
	if (read_options(str_from(message, BOOTP_HEAD + 4), &kind, &l) < 0)
		return -EBADMSG;
	if (kind != DHCP_OFFER && kind != DHCP_ACK && kind != DHCP_NAK)
		return 0;
	if (kind != DHCP_NAK && judge(&l) < 0)
		return -EBADMSG;
	*ret_kind = kind;
	*ret = l;
	return 1;
}
