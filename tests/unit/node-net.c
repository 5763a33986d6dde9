/* dhcp, sntp, audit: messages written and read. */
#include <linux/audit.h>

#include "node/init/audit.h"
#include "node/init/dhcp.h"
#include "node/init/sntp.h"
#include "tap.h"

static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
#define TRANSACTION 0x12345678u

/* A server's answer: head, then these options. */
static void make_answer(struct buf *b, uint32_t transaction, const uint8_t *hardware, struct str options)
{
	uint8_t head[20] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 2, 2, 255, 255, 255, 255 };
	uint8_t bootp[240] = { 2, 1, 6, 0 };
	uint16_t total = (uint16_t)(20 + 8 + 240 + options.n), udp = (uint16_t)(total - 20), sum;
	const uint8_t ports[8] = { 0, 67, 0, 68, (uint8_t)(udp >> 8), (uint8_t)udp, 0, 0 };

	head[2] = (uint8_t)(total >> 8);
	head[3] = (uint8_t)total;
	sum = inet_checksum(str_n(head, 20), 0);
	head[10] = (uint8_t)(sum >> 8);
	head[11] = (uint8_t)sum;
	for (int i = 0; i < 4; i++)
		bootp[4 + i] = (uint8_t)(transaction >> (24 - 8 * i));
	memcpy(bootp + 16, "\x0a\x00\x02\x0f", 4);
	memcpy(bootp + 28, hardware, 6);
	memcpy(bootp + 236, "\x63\x82\x53\x63", 4);
	buf_add(b, head, sizeof(head));
	buf_add(b, ports, sizeof(ports));
	buf_add(b, bootp, sizeof(bootp));
	buf_str(b, options);
}

#define OFFER "\x35\x01\x02"
#define ACK "\x35\x01\x05"
#define NAK "\x35\x01\x06"
#define SERVER "\x36\x04\x0a\x00\x02\x02"
#define MASK "\x01\x04\xff\xff\xff\x00"
#define ROUTER "\x03\x04\x0a\x00\x02\x02"
#define DNS "\x06\x08\x0a\x00\x02\x03\x08\x08\x08\x08"
#define LEASE "\x33\x04\x00\x01\x51\x80"
#define END "\xff"

TEST(dhcp_read)
{
	static const uint8_t other[6] = { 2 };
	static const struct {
		const char *name;
		struct str options;
		int result;
		enum dhcp_kind kind;
		uint8_t prefix;
		uint32_t gateway, lease_s, renew_s;
		unsigned int dns;
	} rows[] = {
		{ "offer", STR(OFFER SERVER MASK ROUTER DNS LEASE END), 1, DHCP_OFFER, 24, 0x0a000202, 86400, 43200,
		  2 },
		{ "acknowledgement", STR(ACK SERVER LEASE END), 1, DHCP_ACK, 24, 0, 86400, 43200, 0 },
		{ "refusal", STR(NAK SERVER END), 1, DHCP_NAK, 0, 0, 0, 0, 0 },
		{ "padding between", STR("\0\0" ACK "\0" SERVER END), 1, DHCP_ACK, 24, 0, 3600, 1800, 0 },
		{ "a lease of a second", STR(ACK SERVER "\x33\x04\0\0\0\1" END), 1, DHCP_ACK, 24, 0, 60, 30, 0 },
		{ "renewal after the end", STR(ACK SERVER LEASE "\x3a\x04\xff\xff\xff\xff" END), 1, DHCP_ACK, 24, 0,
		  86400, 43200, 0 },
		{ "the router is ourselves", STR(ACK SERVER "\x03\x04\x0a\x00\x02\x0f" END), 1, DHCP_ACK, 24, 0, 3600,
		  1800, 0 },
		{ "the router is a group", STR(ACK SERVER "\x03\x04\xe0\x00\x00\x01" END), 1, DHCP_ACK, 24, 0, 3600,
		  1800, 0 },
		{ "no server", STR(ACK LEASE END), -EBADMSG, 0, 0, 0, 0, 0, 0 },
		{ "no kind", STR(SERVER LEASE END), 0, 0, 0, 0, 0, 0, 0 },
		{ "a question", STR("\x35\x01\x01" SERVER END), 0, 0, 0, 0, 0, 0, 0 },
		{ "a mask with a hole", STR(ACK SERVER "\x01\x04\xff\x00\xff\x00" END), -EBADMSG, 0, 0, 0, 0, 0, 0 },
		{ "a mask of nothing", STR(ACK SERVER "\x01\x04\0\0\0\0" END), -EBADMSG, 0, 0, 0, 0, 0, 0 },
		{ "an option beyond the end", STR(ACK SERVER "\x06\xf0\x0a"), -EBADMSG, 0, 0, 0, 0, 0, 0 },
		{ "an option without a length", STR(ACK SERVER "\x06"), -EBADMSG, 0, 0, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = { 0 };
		enum dhcp_kind kind = 0;
		struct dhcp_lease l = { 0 };

		row("%s", rows[i].name);
		buf_init(&b, DHCP_PACKET_MAX);
		make_answer(&b, TRANSACTION, mac, rows[i].options);
		EQ_INT(dhcp_read(buf_all(&b), mac, TRANSACTION, &kind, &l), rows[i].result);
		if (rows[i].result != 1)
			continue;
		EQ_INT(kind, rows[i].kind);
		EQ_INT(l.prefix, rows[i].prefix);
		EQ_INT(l.gateway, rows[i].gateway);
		EQ_INT(l.lease_s, rows[i].lease_s);
		EQ_INT(l.renew_s, rows[i].renew_s);
		EQ_INT(l.dns_count, rows[i].dns);
		/* Every shorter packet is none of ours or bad, and read within its bounds. */
		for (size_t n = 0; n < b.n; n++)
			OK(dhcp_read(buf_all(&b).n > n ? str_n(b.p, n) : STR_NONE, mac, TRANSACTION, &kind, &l) <= 0);
		OK(dhcp_read(buf_all(&b), other, TRANSACTION, &kind, &l) == 0);
		OK(dhcp_read(buf_all(&b), mac, TRANSACTION + 1, &kind, &l) == 0);
		b.p[15] = (char)(b.p[15] + 1); /* the head's checksum no longer fits */
		OK(dhcp_read(buf_all(&b), mac, TRANSACTION, &kind, &l) == 0);
	}
}

TEST(dhcp_write)
{
	struct dhcp_ask a = {
		.kind = DHCP_DISCOVER, .transaction = TRANSACTION, .hostname = "node", .destination = UINT32_MAX
	};
	auto_buf struct buf b = { 0 };

	memcpy(a.mac, mac, 6);
	buf_init(&b, DHCP_PACKET_MAX);
	dhcp_write(&b, &a);
	EQ_INT(inet_checksum(str_n(b.p, 20), 0), 0);
	EQ_INT((uint8_t)b.p[2] << 8 | (uint8_t)b.p[3], b.n);
	EQ_INT((uint8_t)b.p[28], 1);
	EQ_INT(memcmp(b.p + 28 + 236, "\x63\x82\x53\x63\x35\x01\x01", 7), 0);
	EQ_INT(memcmp(b.p + 28 + 28, mac, 6), 0);
	OK(str_find_str(buf_all(&b), STR("\x0c\x04node")) > 0);
}

TEST(sntp)
{
	const uint64_t cookie = 0x1122334455667788ull, second = 1000000000ull;
	/* 2026-11-30T00:00:00Z is 1795996800, and 4004985600 since 1900. */
	const struct {
		const char *name;
		uint8_t first, stratum;
		uint64_t cookie;
		uint32_t received, sent;
		int result;
		uint64_t seconds;
	} rows[] = {
		{ "an answer", 0x24, 2, cookie, 4004985600u, 4004985600u, 0, 1795996800 },
		{ "of the next era", 0x24, 2, cookie, 100, 100, 0, 2085978596 },
		{ "to another question", 0x24, 2, cookie + 1, 4004985600u, 4004985600u, -EBADMSG, 0 },
		{ "a question itself", 0x23, 2, cookie, 4004985600u, 4004985600u, -EBADMSG, 0 },
		{ "leave me alone", 0x24, 0, cookie, 4004985600u, 4004985600u, -EAGAIN, 0 },
		{ "does not know", 0xe4, 2, cookie, 4004985600u, 4004985600u, -EAGAIN, 0 },
		{ "too far away", 0x24, 16, cookie, 4004985600u, 4004985600u, -EAGAIN, 0 },
		{ "no time in it", 0x24, 2, cookie, 0, 0, -EBADMSG, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t p[SNTP_BYTES] = { rows[i].first, rows[i].stratum };
		uint64_t ns = 0;

		row("%s", rows[i].name);
		for (int k = 0; k < 8; k++)
			p[24 + k] = (uint8_t)(rows[i].cookie >> (56 - 8 * k));
		for (int k = 0; k < 4; k++) {
			p[32 + k] = (uint8_t)(rows[i].received >> (24 - 8 * k));
			p[40 + k] = (uint8_t)(rows[i].sent >> (24 - 8 * k));
		}
		EQ_INT(sntp_read(str_n(p, sizeof(p)), cookie, 2 * second, &ns), rows[i].result);
		if (rows[i].result == 0)
			EQ_INT(ns, (rows[i].seconds + 1) * second); /* half of the way there and back */
		OK(sntp_read(str_n(p, sizeof(p) - 1), cookie, 0, &ns) == -EBADMSG);
	}
}

TEST(sntp_write)
{
	uint8_t p[SNTP_BYTES];

	sntp_write(p, 0x1122334455667788ull);
	EQ_INT(p[0], 0x23);
	EQ_INT(p[40], 0x11);
	EQ_INT(p[47], 0x88);
}

TEST(audit)
{
	static const struct {
		const char *name;
		uint16_t type;
		struct str text;
		const char *line;
	} rows[] = {
		{ "a known one", AUDIT_EXECVE, STR("audit(1.0:1): argc=1 a0=\"x\"\n"),
		  "EXECVE audit(1.0:1): argc=1 a0=\"x\"" },
		{ "an unknown one", 1999, STR("x"), "1999 x" },
		{ "with a line's end in it", AUDIT_SYSCALL, STR("a\nb\x1b[0m"), "SYSCALL a?b?[0m" },
		{ "with a NUL in it", AUDIT_SYSCALL, STR("a\0b"), "SYSCALL a" },
		{ "empty", AUDIT_SYSCALL, STR(""), "SYSCALL " },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = { 0 }, line = { 0 };
		/* The kernel's own length leaves the head out. */
		const struct {
			uint32_t n;
			uint16_t type, flags;
			uint32_t sequence, port;
		} head = { (uint32_t)rows[i].text.n, rows[i].type, 0, 0, 0 };
		struct audit_record r;
		struct str rest;

		row("%s", rows[i].name);
		buf_init(&b, 256);
		buf_init(&line, 256);
		buf_add(&b, &head, sizeof(head));
		buf_str(&b, rows[i].text);
		rest = buf_all(&b);
		EQ_INT(audit_next(&rest, &r), 1);
		audit_line(&line, &r);
		EQ_STR(buf_all(&line), str_c(rows[i].line));
		EQ_INT(audit_next(&rest, &r), 0);
		rest = str_n(b.p, 7);
		EQ_INT(audit_next(&rest, &r), -EBADMSG);
	}
}

TEST(audit_rules)
{
	auto_buf struct buf b = { 0 };
	size_t n = 0;

	buf_init(&b, 1u << 16);
	while (audit_rule(n, &b))
		n++;
	OK(n >= 4);
	OK(buf_finish(&b) == 0);
}
