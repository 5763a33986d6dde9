/* nft: changes to the kernel's packet filter, written by hand as one transaction: all of it holds, or nothing.
 *
 *     struct nft n;
 *     nft_begin(&n);
 *     nft_table(&n, NFPROTO_INET, "demo");
 *     nft_chain(&n, "input", &(struct nft_hook){ "filter", NF_INET_LOCAL_IN, 0, NF_DROP });
 *     nft_rule(&n, "input");
 *     nft_proto_port(&n, IPPROTO_TCP, 443);
 *     nft_verdict(&n, NF_ACCEPT, NULL);
 *     r = nft_commit(&n, e);
 *
 * Calls go in this order: a table is the one of what follows, a rule takes the conditions and actions that follow it,
 * all of a rule's conditions have to hold. What is too long or has no place is remembered and told by nft_commit().
 * Addresses are in host order.
 *
 * The node's own table is `inet yagura` (src/node/firewall.h); pods have chains of their own in it and a table for
 * their addresses. Documents: linux/netfilter/nf_tables.h, netlink(7). */
#ifndef NODE_NFT_H
#define NODE_NFT_H

#include "base/buf.h"

#define NFT_BATCH_MAX (256u << 10)

struct nft {
	struct buf b;
	uint8_t family;
	const char *table;			 /* borrowed */
	uint32_t messages;			 /* that the kernel answers */
	size_t message, expressions, expression; /* where the open ones begin; 0: none */
};

struct nft_hook {
	const char *type; /* "filter", "nat" */
	uint32_t hook;	  /* NF_INET_... */
	int32_t priority;
	uint32_t policy; /* NF_ACCEPT, NF_DROP */
};

void nft_begin(struct nft *n);
void nft_table(struct nft *n, uint8_t family, const char *name);	      /* makes it unless it is there */
void nft_table_delete(struct nft *n, uint8_t family, const char *name);	      /* it has to be there */
void nft_chain(struct nft *n, const char *name, const struct nft_hook *hook); /* hook NULL: one that is jumped to */
void nft_chain_flush(struct nft *n, const char *name);			      /* removes its rules */
void nft_rule(struct nft *n, const char *chain);

/* Conditions. */
void nft_interface(struct nft *n, bool in, const char *name); /* comes in / goes out there */
void nft_loopback(struct nft *n);			      /* comes in there */
#define NFT_CT_INVALID 1u
#define NFT_CT_ESTABLISHED 2u
#define NFT_CT_RELATED 4u
void nft_ct(struct nft *n, uint32_t any_of_states);
void nft_ct_dnat(struct nft *n);				     /* its connection's destination was changed */
void nft_protocol(struct nft *n, uint8_t protocol);		     /* of layer 4 */
void nft_proto_port(struct nft *n, uint8_t protocol, uint16_t port); /* destination */
void nft_icmp_type(struct nft *n, uint8_t protocol, uint8_t type);   /* IPPROTO_ICMP, IPPROTO_ICMPV6 */
void nft_ipv4(struct nft *n, bool source, uint32_t address, unsigned int prefix);
void nft_ipv6(struct nft *n, bool source, const uint8_t address[16], unsigned int prefix);
void nft_local(struct nft *n); /* the destination is an address of this machine */
void nft_limit(struct nft *n, uint64_t per_second, uint32_t burst);

/* Actions. */
void nft_verdict(struct nft *n, uint32_t verdict, const char *chain); /* NF_ACCEPT, NF_DROP; NFT_JUMP with a chain */
void nft_dnat(struct nft *n, uint32_t address, uint16_t port);	      /* in chains of type nat */
void nft_masquerade(struct nft *n);

/* Sends it and waits for the answers; frees. */
int nft_commit(struct nft *n, struct err *e) must_check;
void nft_done(struct nft *n); /* instead of a commit */

#endif
