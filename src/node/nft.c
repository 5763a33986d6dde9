/* nft: see nft.h. All numbers of nf_tables are big-endian. */
#include "node/nft.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "netlink/netlink.h"

#define IFNAME_MAX 16
#define NAME_MAX_BYTES 128
#define ANSWER_BYTES 32768
#define SEQUENCE 1u /* of the first message */
#define IPV4_SOURCE 12u
#define IPV4_DESTINATION 16u
#define IPV6_SOURCE 8u
#define IPV6_DESTINATION 24u
#define PORT_DESTINATION 2u

static void align(struct nft *n)
{
	buf_add(&n->b, "\0\0\0", -n->b.n & 3);
}

static void put(struct nft *n, uint16_t attribute, const void *p, size_t size)
{
	struct nlattr a = { (uint16_t)(NLA_HDRLEN + size), attribute };

	buf_add(&n->b, &a, sizeof(a));
	buf_add(&n->b, p, size);
	align(n);
}

static void put_be32(struct nft *n, uint16_t attribute, uint32_t v)
{
	v = __builtin_bswap32(v);
	put(n, attribute, &v, sizeof(v));
}

static void put_be64(struct nft *n, uint16_t attribute, uint64_t v)
{
	v = __builtin_bswap64(v);
	put(n, attribute, &v, sizeof(v));
}

static void put_name(struct nft *n, uint16_t attribute, const char *name)
{
	if (strlen(name) >= NAME_MAX_BYTES)
		n->b.full = true;
	else
		put(n, attribute, name, strlen(name) + 1);
}

static size_t nest(struct nft *n, uint16_t attribute)
{
	size_t at = n->b.n;

	put(n, attribute | NLA_F_NESTED, NULL, 0);
	return at;
}

static void nest_end(struct nft *n, size_t at)
{
	uint16_t size = (uint16_t)(n->b.n - at);

	if (n->b.n - at > UINT16_MAX)
		n->b.full = true;
	if (!n->b.full)
		memcpy(n->b.p + at, &size, sizeof(size));
}

static void put_data(struct nft *n, uint16_t attribute, const void *p, size_t size)
{
	size_t at = nest(n, attribute);

	put(n, NFTA_DATA_VALUE, p, size);
	nest_end(n, at);
}

static void message_end(struct nft *n)
{
	uint32_t size;

	if (n->expressions)
		nest_end(n, n->expressions);
	size = (uint32_t)(n->b.n - n->message);
	if (n->message != SIZE_MAX && !n->b.full)
		memcpy(n->b.p + n->message, &size, sizeof(size));
	n->message = SIZE_MAX;
	n->expressions = 0;
}

static void message(struct nft *n, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
	struct nlmsghdr h = { 0, type, NLM_F_REQUEST | flags, SEQUENCE + n->messages, 0 };
	struct nfgenmsg g = { family, NFNETLINK_V0, __builtin_bswap16(resource) };

	message_end(n);
	n->message = n->b.n;
	buf_add(&n->b, &h, sizeof(h));
	buf_add(&n->b, &g, sizeof(g));
}

static void change(struct nft *n, uint16_t type, uint16_t flags)
{
	n->messages++;
	message(n, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_ACK | flags, n->family, 0);
}

void nft_begin(struct nft *n)
{
	*n = (struct nft){ .message = SIZE_MAX };
	buf_init(&n->b, NFT_BATCH_MAX);
	message(n, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

void nft_table(struct nft *n, uint8_t family, const char *name)
{
	n->family = family;
	n->table = name;
	change(n, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_name(n, NFTA_TABLE_NAME, name);
}

void nft_table_delete(struct nft *n, uint8_t family, const char *name)
{
	n->family = family;
	change(n, NFT_MSG_DELTABLE, 0);
	put_name(n, NFTA_TABLE_NAME, name);
}

void nft_chain(struct nft *n, const char *name, const struct nft_hook *hook)
{
	change(n, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	put_name(n, NFTA_CHAIN_TABLE, n->table);
	put_name(n, NFTA_CHAIN_NAME, name);
	if (hook) {
		size_t at = nest(n, NFTA_CHAIN_HOOK);

		put_be32(n, NFTA_HOOK_HOOKNUM, hook->hook);
		put_be32(n, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
		nest_end(n, at);
		put_be32(n, NFTA_CHAIN_POLICY, hook->policy);
		put_name(n, NFTA_CHAIN_TYPE, hook->type);
	}
}

void nft_chain_flush(struct nft *n, const char *name)
{
	change(n, NFT_MSG_DELRULE, 0);
	put_name(n, NFTA_RULE_TABLE, n->table);
	put_name(n, NFTA_RULE_CHAIN, name);
}

void nft_rule(struct nft *n, const char *chain)
{
	change(n, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	put_name(n, NFTA_RULE_TABLE, n->table);
	put_name(n, NFTA_RULE_CHAIN, chain);
	n->expressions = nest(n, NFTA_RULE_EXPRESSIONS);
}

/* ---- expressions: each is an element with a name and its own attributes ---- */

struct expression {
	size_t element, data;
};

static struct expression expression(struct nft *n, const char *name)
{
	struct expression x = { nest(n, NFTA_LIST_ELEM), 0 };

	put_name(n, NFTA_EXPR_NAME, name);
	x.data = nest(n, NFTA_EXPR_DATA);
	return x;
}

static void expression_end(struct nft *n, struct expression x)
{
	nest_end(n, x.data);
	nest_end(n, x.element);
}

static void load_meta(struct nft *n, uint32_t key)
{
	struct expression x = expression(n, "meta");

	put_be32(n, NFTA_META_KEY, key);
	put_be32(n, NFTA_META_DREG, NFT_REG_1);
	expression_end(n, x);
}

static void load_payload(struct nft *n, uint32_t base, uint32_t offset, uint32_t size)
{
	struct expression x = expression(n, "payload");

	put_be32(n, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_be32(n, NFTA_PAYLOAD_BASE, base);
	put_be32(n, NFTA_PAYLOAD_OFFSET, offset);
	put_be32(n, NFTA_PAYLOAD_LEN, size);
	expression_end(n, x);
}

static void load_ct(struct nft *n, uint32_t key)
{
	struct expression x = expression(n, "ct");

	put_be32(n, NFTA_CT_KEY, key);
	put_be32(n, NFTA_CT_DREG, NFT_REG_1);
	expression_end(n, x);
}

static void compare(struct nft *n, uint32_t op, const void *p, size_t size)
{
	struct expression x = expression(n, "cmp");

	put_be32(n, NFTA_CMP_SREG, NFT_REG_1);
	put_be32(n, NFTA_CMP_OP, op);
	put_data(n, NFTA_CMP_DATA, p, size);
	expression_end(n, x);
}

static void mask(struct nft *n, const void *p, size_t size)
{
	static const uint8_t zero[16];
	struct expression x = expression(n, "bitwise");

	put_be32(n, NFTA_BITWISE_SREG, NFT_REG_1);
	put_be32(n, NFTA_BITWISE_DREG, NFT_REG_1);
	put_be32(n, NFTA_BITWISE_LEN, (uint32_t)size);
	put_data(n, NFTA_BITWISE_MASK, p, size);
	put_data(n, NFTA_BITWISE_XOR, zero, size);
	expression_end(n, x);
}

static void load_value(struct nft *n, uint32_t reg, const void *p, size_t size)
{
	struct expression x = expression(n, "immediate");

	put_be32(n, NFTA_IMMEDIATE_DREG, reg);
	put_data(n, NFTA_IMMEDIATE_DATA, p, size);
	expression_end(n, x);
}

void nft_interface(struct nft *n, bool in, const char *name)
{
	char padded[IFNAME_MAX] = { 0 };

	if (strlen(name) >= IFNAME_MAX) {
		n->b.full = true;
		return;
	}
	memcpy(padded, name, strlen(name));
	load_meta(n, in ? NFT_META_IIFNAME : NFT_META_OIFNAME);
	compare(n, NFT_CMP_EQ, padded, sizeof(padded));
}

void nft_loopback(struct nft *n)
{
	nft_interface(n, true, "lo");
}

static void any_bit(struct nft *n, uint32_t bits)
{
	const uint32_t zero = 0;

	mask(n, &bits, sizeof(bits)); /* in the order of the machine: so the kernel keeps it */
	compare(n, NFT_CMP_NEQ, &zero, sizeof(zero));
}

void nft_ct(struct nft *n, uint32_t any_of_states)
{
	load_ct(n, NFT_CT_STATE);
	any_bit(n, any_of_states);
}

void nft_ct_dnat(struct nft *n)
{
	load_ct(n, NFT_CT_STATUS);
	any_bit(n, IPS_DST_NAT);
}

void nft_protocol(struct nft *n, uint8_t protocol)
{
	load_meta(n, NFT_META_L4PROTO);
	compare(n, NFT_CMP_EQ, &protocol, 1);
}

void nft_proto_port(struct nft *n, uint8_t protocol, uint16_t port)
{
	uint16_t be = __builtin_bswap16(port);

	nft_protocol(n, protocol);
	load_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, PORT_DESTINATION, sizeof(be));
	compare(n, NFT_CMP_EQ, &be, sizeof(be));
}

void nft_icmp_type(struct nft *n, uint8_t protocol, uint8_t type)
{
	nft_protocol(n, protocol);
	load_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	compare(n, NFT_CMP_EQ, &type, 1);
}

static void address(struct nft *n, uint8_t family, uint32_t offset, const uint8_t *p, size_t size, unsigned int prefix)
{
	uint8_t bits[16] = { 0 }, wanted[16];

	for (unsigned int i = 0; i < size * 8 && i < prefix; i++)
		bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
	for (size_t i = 0; i < size; i++)
		wanted[i] = p[i] & bits[i];
	if (n->family == NFPROTO_INET) {
		load_meta(n, NFT_META_NFPROTO);
		compare(n, NFT_CMP_EQ, &family, 1);
	}
	if (!prefix)
		return;
	load_payload(n, NFT_PAYLOAD_NETWORK_HEADER, offset, (uint32_t)size);
	if (prefix < size * 8)
		mask(n, bits, size);
	compare(n, NFT_CMP_EQ, wanted, size);
}

void nft_ipv4(struct nft *n, bool source, uint32_t a, unsigned int prefix)
{
	uint32_t be = __builtin_bswap32(a);
	uint8_t p[4];

	memcpy(p, &be, sizeof(p));
	address(n, NFPROTO_IPV4, source ? IPV4_SOURCE : IPV4_DESTINATION, p, sizeof(p), prefix);
}

void nft_ipv6(struct nft *n, bool source, const uint8_t a[16], unsigned int prefix)
{
	address(n, NFPROTO_IPV6, source ? IPV6_SOURCE : IPV6_DESTINATION, a, 16, prefix);
}

void nft_local(struct nft *n)
{
	const uint32_t local = RTN_LOCAL;
	struct expression x = expression(n, "fib");

	put_be32(n, NFTA_FIB_DREG, NFT_REG_1);
	put_be32(n, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_be32(n, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	expression_end(n, x);
	compare(n, NFT_CMP_EQ, &local, sizeof(local));
}

void nft_limit(struct nft *n, uint64_t per_second, uint32_t burst)
{
	struct expression x = expression(n, "limit");

	put_be64(n, NFTA_LIMIT_RATE, per_second);
	put_be64(n, NFTA_LIMIT_UNIT, 1);
	put_be32(n, NFTA_LIMIT_BURST, burst);
	put_be32(n, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	put_be32(n, NFTA_LIMIT_FLAGS, 0);
	expression_end(n, x);
}

void nft_verdict(struct nft *n, uint32_t verdict, const char *chain)
{
	struct expression x = expression(n, "immediate");
	size_t data, inner;

	put_be32(n, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nest(n, NFTA_IMMEDIATE_DATA);
	inner = nest(n, NFTA_DATA_VERDICT);
	put_be32(n, NFTA_VERDICT_CODE, verdict);
	if (chain)
		put_name(n, NFTA_VERDICT_CHAIN, chain);
	nest_end(n, inner);
	nest_end(n, data);
	expression_end(n, x);
}

void nft_dnat(struct nft *n, uint32_t a, uint16_t port)
{
	uint32_t be = __builtin_bswap32(a);
	uint16_t be_port = __builtin_bswap16(port);
	struct expression x;

	load_value(n, NFT_REG_1, &be, sizeof(be));
	load_value(n, NFT_REG_2, &be_port, sizeof(be_port));
	x = expression(n, "nat");
	put_be32(n, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put_be32(n, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	put_be32(n, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	put_be32(n, NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
	expression_end(n, x);
}

void nft_masquerade(struct nft *n)
{
	expression_end(n, expression(n, "masq"));
}

/* ---- sending ---- */

/* One datagram of answers: how many it had, or the first error with the number of the message it is for. */
static int count_answers(struct str answer, uint32_t *ret_message)
{
	int count = 0;

	while (answer.n >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		int code;

		memcpy(&h, answer.p, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > answer.n)
			return -EBADMSG;
		if (h.nlmsg_type == NLMSG_ERROR) {
			if (h.nlmsg_len < NLMSG_HDRLEN + sizeof(code))
				return -EBADMSG;
			memcpy(&code, answer.p + NLMSG_HDRLEN, sizeof(code));
			*ret_message = h.nlmsg_seq - SEQUENCE;
			if (code < 0)
				return code;
			count++;
		}
		answer = str_from(answer, NLMSG_ALIGN(h.nlmsg_len));
	}
	return count;
}

static int send_all(const struct nft *n, struct err *e)
{
	auto_close int fd = netlink_open_protocol(NETLINK_NETFILTER, e);
	auto_free char *answer = xmalloc(ANSWER_BYTES);
	const int size = (int)NFT_BATCH_MAX;
	uint32_t at = 0;

	if (fd < 0)
		return fd;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (send(fd, n->b.p, n->b.n, 0) < 0)
		return err_errno(e, -errno, "packet filter");
	for (uint32_t heard = 0; heard < n->messages;) {
		ssize_t got = recv(fd, answer, ANSWER_BYTES, 0);
		int r = got < 0 ? -errno : count_answers(str_n(answer, (size_t)got), &at);

		if (r == -EINTR)
			continue;
		if (r < 0)
			return err_errno(e, r, "packet filter: change %u of %u", at, n->messages);
		heard += (uint32_t)r;
	}
	return 0;
}

int nft_commit(struct nft *n, struct err *e)
{
	int r;

	message(n, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	message_end(n);
	r = buf_finish(&n->b);
	if (r < 0)
		err_set(e, r, "packet filter: too many rules, or too long a name");
	r = r < 0 ? r : send_all(n, e);
	nft_done(n);
	return r;
}

void nft_done(struct nft *n)
{
	buf_done(&n->b);
}
