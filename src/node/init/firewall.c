/* firewall: what may come in. See node.h and docs/node.md.
 *
 * One table, `inet yagura`; its chains for what comes in and what is passed on drop what no rule accepts. pods_in and
 * pods_forward are empty and the agent's; what they do not accept is dropped like the rest. */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "node/init/node.h"
#include "node/nft.h"

#define TABLE "yagura"
#define PINGS 10u /* a second */
#define ICMP_ECHO 8
#define ICMP6_ECHO 128

static void accept_it(struct nft *n)
{
	nft_verdict(n, NF_ACCEPT, NULL);
}

static void icmp(struct nft *n, uint8_t protocol, uint8_t type, bool limited)
{
	nft_rule(n, "input");
	nft_icmp_type(n, protocol, type);
	if (limited)
		nft_limit(n, PINGS, PINGS);
	accept_it(n);
}

/* Of IPv6 what a neighbour needs to find us; nothing that makes us believe in routers. */
static void icmp_rules(struct nft *n)
{
	icmp(n, IPPROTO_ICMP, ICMP_ECHO, true);
	icmp(n, IPPROTO_ICMPV6, ICMP6_ECHO, true);
	for (uint8_t type = 1; type <= 4; type++) /* unreachable, too big, time, parameter */
		icmp(n, IPPROTO_ICMPV6, type, true);
	for (uint8_t type = 135; type <= 136; type++) /* neighbours asked for and told */
		icmp(n, IPPROTO_ICMPV6, type, false);
}

static void open_port(struct nft *n, uint8_t protocol, uint16_t port, const struct spec_subnet *from)
{
	nft_rule(n, "input");
	nft_proto_port(n, protocol, port);
	/* From anybody: by either protocol of the net. */
	if (from && from->prefix)
		nft_ipv4(n, true, from->address, from->prefix);
	accept_it(n);
}

int firewall_load(const struct spec *s, struct err *e)
{
	struct nft n;

	nft_begin(&n);
	nft_table(&n, NFPROTO_INET, TABLE);
	nft_chain(&n, "input", &(struct nft_hook){ "filter", NF_INET_LOCAL_IN, 0, NF_DROP });
	nft_chain(&n, "forward", &(struct nft_hook){ "filter", NF_INET_FORWARD, 0, NF_DROP });
	nft_chain(&n, "pods_in", NULL);
	nft_chain(&n, "pods_forward", NULL);
	nft_rule(&n, "input");
	nft_loopback(&n);
	accept_it(&n);
	nft_rule(&n, "input");
	nft_ct(&n, NFT_CT_ESTABLISHED | NFT_CT_RELATED);
	accept_it(&n);
	nft_rule(&n, "input");
	nft_ct(&n, NFT_CT_INVALID);
	nft_verdict(&n, NF_DROP, NULL);
	icmp_rules(&n);
	if (s->agent.tcp)
		open_port(&n, IPPROTO_TCP, (uint16_t)s->agent.tcp, NULL);
	for (size_t i = 0; i < s->firewall_count; i++)
		open_port(&n, s->firewall[i].proto == SPEC_TCP ? IPPROTO_TCP : IPPROTO_UDP,
			  (uint16_t)s->firewall[i].port, &s->firewall[i].from);
	nft_rule(&n, "input");
	nft_verdict(&n, (uint32_t)NFT_JUMP, "pods_in");
	nft_rule(&n, "forward");
	nft_ct(&n, NFT_CT_ESTABLISHED | NFT_CT_RELATED);
	accept_it(&n);
	nft_rule(&n, "forward");
	nft_verdict(&n, (uint32_t)NFT_JUMP, "pods_forward");
	return nft_commit(&n, e);
}
