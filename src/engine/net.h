/* net: the network of a container that `yagura run` starts: a namespace of its own with one pair of interfaces to the
 * host, into which nothing comes but what was published.
 *
 * `ip` and `nft` do the work. The host's side is called ygN, addresses are 10.213.0.0/16 in pairs; N is the lowest that
 * no interface has. Rules stand in a table of the container's own, so that taking it away takes all of them. From the
 * container nothing reaches the host itself; outward it reaches what the host forwards (net.ipv4.ip_forward is the
 * administrator's). */
#ifndef ENGINE_NET_H
#define ENGINE_NET_H

#include "base/err.h"
#include "base/mem.h"

#define NET_PORTS_MAX 256
#define NET_PAIRS_MAX 16384 /* /30 networks in 10.213.0.0/16 */

struct net_port {
	uint16_t host, container;
	bool udp;
	uint32_t address; /* of the host, host byte order; 0: any */
};
struct net_ports {
	VEC(struct net_port) v;
};

/* "[IP:]HOST:CONTAINER[/tcp|/udp]" or "PORT". */
int net_port_parse(struct str text, struct net_port *ret, struct err *e) must_check;

/* Where a container's namespace is: /run/netns/yagura-ID. */
#define NET_PATH_MAX 64
void net_path(const char *id, char path[NET_PATH_MAX]);

/* Makes it; on failure nothing of it is left. -ENOENT when `ip` or `nft` is not installed. */
int net_make(const char *id, const struct net_ports *ports, struct err *e) must_check;
/* Takes it away; safe to call for what is not there, as after a crash. */
void net_remove(const char *id);

#endif
