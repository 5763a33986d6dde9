/* podrules: which packets reach pods, and what becomes of the node's ports that they publish. See podnet.h. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "node/agent/podnet.h"
#include "node/nft.h"

#define NODE_TABLE "yagura"	/* the first process's, inet: it leaves pods_forward and pods_in to us */
#define OWN_TABLE "yagura_pods" /* ip: addresses */
#define PODS_NETWORK 0x0ad60000u
#define PODS_PREFIX 16u
#define LOOPBACK 0x7f000000u

typedef void port_fn(struct nft *n, const char *chain, const struct podnet_pod *p, const struct pod_port *port);

static void each_port(struct nft *n, const char *chain, const struct podnet_pod *pods, size_t count, port_fn *each)
{
	for (size_t i = 0; i < count; i++)
		for (size_t c = 0; c < pods[i].pod->container_count; c++)
			for (size_t k = 0; k < pods[i].pod->containers[c].port_count; k++)
				if (pods[i].pod->containers[c].ports[k].host)
					each(n, chain, &pods[i], &pods[i].pod->containers[c].ports[k]);
}

static void turn(struct nft *n, const char *chain, const struct podnet_pod *p, const struct pod_port *port)
{
	nft_rule(n, chain);
	if (port->address)
		nft_ipv4(n, false, port->address, 32);
	nft_local(n);
	nft_proto_port(n, port->udp ? IPPROTO_UDP : IPPROTO_TCP, (uint16_t)port->host);
	nft_dnat(n, podnet_address_of(p->pair), (uint16_t)port->container);
}

/* Published ports lead to pods; what pods send elsewhere, and what the node sends them from its loopback, goes under
 * the node's address. */
static void address_rules(struct nft *n, const struct podnet_pod *pods, size_t count)
{
	nft_table(n, NFPROTO_IPV4, OWN_TABLE);
	nft_chain(n, "arrive", &(struct nft_hook){ "nat", NF_INET_PRE_ROUTING, -100, NF_ACCEPT });
	nft_chain(n, "local", &(struct nft_hook){ "nat", NF_INET_LOCAL_OUT, -100, NF_ACCEPT });
	nft_chain(n, "leave", &(struct nft_hook){ "nat", NF_INET_POST_ROUTING, 100, NF_ACCEPT });
	nft_chain_flush(n, "arrive");
	nft_chain_flush(n, "local");
	nft_chain_flush(n, "leave");
	each_port(n, "arrive", pods, count, turn);
	each_port(n, "local", pods, count, turn);
	nft_rule(n, "leave");
	nft_ipv4(n, true, LOOPBACK, 8);
	nft_ipv4(n, false, PODS_NETWORK, PODS_PREFIX);
	nft_masquerade(n);
	for (size_t i = 0; i < count; i++) {
		nft_rule(n, "leave");
		nft_ipv4(n, true, podnet_address_of(pods[i].pair), 32);
		nft_masquerade(n);
	}
}

/* What is passed on to a pod: only what was turned there; from a pod: everything. To the node itself a pod has nothing
 * to say: pods_in stays empty. */
static void pass_rules(struct nft *n, const struct podnet_pod *pods, size_t count)
{
	nft_table(n, NFPROTO_INET, NODE_TABLE);
	nft_chain(n, "pods_in", NULL);
	nft_chain(n, "pods_forward", NULL);
	nft_chain_flush(n, "pods_in");
	nft_chain_flush(n, "pods_forward");
	if (!count)
		return;
	nft_rule(n, "pods_forward");
	nft_ct_dnat(n);
	nft_verdict(n, NF_ACCEPT, NULL);
	/* Pods reach each other by what they publish alone. */
	nft_rule(n, "pods_forward");
	nft_ipv4(n, false, PODS_NETWORK, PODS_PREFIX);
	nft_verdict(n, NF_DROP, NULL);
	for (size_t i = 0; i < count; i++) {
		char name[PODNET_INTERFACE_MAX];

		snprintf(name, sizeof(name), "yp%u", pods[i].pair);
		nft_rule(n, "pods_forward");
		nft_interface(n, true, name);
		nft_ipv4(n, true, podnet_address_of(pods[i].pair), 32);
		nft_verdict(n, NF_ACCEPT, NULL);
	}
}

int podnet_rules(const struct podnet_pod *pods, size_t n, struct err *e)
{
	struct nft batch;
	int r;

	nft_begin(&batch);
	pass_rules(&batch, pods, n);
	address_rules(&batch, pods, n);
	r = nft_commit(&batch, e);
	return r < 0 ? err_wrap(e, r, "pods") : 0;
}
