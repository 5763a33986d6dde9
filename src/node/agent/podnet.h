/* podnet: the network of a pod: a namespace of its own with one pair of interfaces to the node, and what of the node's
 * ports leads into it.
 *
 * The node's side is called ypN, addresses are 10.214.0.0/16 in pairs. A namespace is held by its descriptor alone: it
 * goes with the agent and the pod's processes, and the interfaces with it. Rules of all pods are written anew as one
 * transaction whenever they change (node/nft.h): a table of our own for addresses, and the chains that the node's own
 * table leaves to pods (node/init/firewall.c). Everything else that comes to a pod is dropped; what it sends goes out
 * under the node's address. */
#ifndef NODE_AGENT_PODNET_H
#define NODE_AGENT_PODNET_H

#include "base/err.h"
#include "node/pod.h"

#define PODNET_PAIRS_MAX 16384u
#define PODNET_ADDRESS_MAX 16
#define PODNET_INTERFACE_MAX 16 /* bytes of an interface's name */

/* A new namespace, its descriptor. `pair` is below PODNET_PAIRS_MAX and no other pod's. */
int podnet_make(uint32_t pair, struct err *e) must_check;
char *podnet_address(uint32_t pair, char text[PODNET_ADDRESS_MAX]); /* the pod's own */

uint32_t podnet_address_of(uint32_t pair); /* host byte order */

struct podnet_pod {
	const struct pod *pod;
	uint32_t pair;
};
/* The rules for exactly these pods. */
int podnet_rules(const struct podnet_pod *pods, size_t n, struct err *e) must_check;

#endif
