/* podnet: a pod's network by netlink. See podnet.h; the rules are in podrules.c. */
#include "node/agent/podnet.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include "base/fd.h"
#include "netlink/netlink.h"

#define FIRST_ADDRESS 0x0ad60000u /* 10.214.0.0 */
#define PREFIX 30

static uint32_t address_of(uint32_t pair, uint32_t which)
{
	return FIRST_ADDRESS + pair * 4 + which;
}

uint32_t podnet_address_of(uint32_t pair)
{
	return address_of(pair, 2);
}

char *podnet_address(uint32_t pair, char text[PODNET_ADDRESS_MAX])
{
	struct in_addr a = { .s_addr = htonl(address_of(pair, 2)) };

	(void)inet_ntop(AF_INET, &a, text, PODNET_ADDRESS_MAX);
	return text;
}

static void host_name(uint32_t pair, char name[IF_NAMESIZE])
{
	snprintf(name, IF_NAMESIZE, "yp%u", pair);
}

/* A network namespace with nothing in it. */
static int new_namespace(struct err *e)
{
	auto_close int own = fd_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
	int fd;

	if (own < 0)
		return err_errno(e, own, "pod: our network namespace");
	if (unshare(CLONE_NEWNET) < 0)
		return err_errno(e, -errno, "pod: a network namespace");
	fd = fd_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
	/* Everything after this would act in the pod's network: there is no going on. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	return fd < 0 ? err_errno(e, fd, "pod: a network namespace") : fd;
}

static int make_pair(int socket, uint32_t pair, int netns)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct netlink_request q;
	char name[IF_NAMESIZE];
	size_t info, data, peer;

	host_name(pair, name);
	netlink_begin(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
	netlink_put_str(&q, IFLA_IFNAME, name);
	info = netlink_nest(&q, IFLA_LINKINFO);
	netlink_put_str(&q, IFLA_INFO_KIND, "veth");
	data = netlink_nest(&q, IFLA_INFO_DATA);
	peer = netlink_nest(&q, VETH_INFO_PEER);
	/* The peer's own header stands in front of its attributes. */
	memcpy(q.bytes + q.n, &link, sizeof(link));
	q.n += NLMSG_ALIGN(sizeof(link));
	netlink_put_str(&q, IFLA_IFNAME, "eth0");
	netlink_put_u32(&q, IFLA_NET_NS_FD, (uint32_t)netns);
	netlink_nest_end(&q, peer);
	netlink_nest_end(&q, data);
	netlink_nest_end(&q, info);
	return netlink_talk(socket, &q, NULL, NULL);
}

static int add_address(int socket, int index, uint32_t address)
{
	struct ifaddrmsg head = { .ifa_family = AF_INET, .ifa_prefixlen = PREFIX, .ifa_index = (uint32_t)index };
	struct netlink_request q;
	uint32_t a = htonl(address);

	netlink_begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	netlink_put_u32(&q, IFA_LOCAL, a);
	netlink_put_u32(&q, IFA_ADDRESS, a);
	return netlink_talk(socket, &q, NULL, NULL);
}

static int add_default_route(int socket, uint32_t gateway)
{
	struct rtmsg head = { .rtm_family = AF_INET,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_STATIC,
			      .rtm_scope = RT_SCOPE_UNIVERSE,
			      .rtm_type = RTN_UNICAST };
	struct netlink_request q;

	netlink_begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	netlink_put_u32(&q, RTA_GATEWAY, htonl(gateway));
	return netlink_talk(socket, &q, NULL, NULL);
}

static int bring_up(int socket, const char *name, uint32_t address)
{
	int index = netlink_link_index(socket, name);
	int r = index < 0 ? index : address ? add_address(socket, index, address) : 0;

	return r < 0 ? r : netlink_link_up(socket, index);
}

static int make_inside(int netns, uint32_t pair, struct err *e)
{
	auto_close int socket = netlink_open(netns, e);
	int r;

	if (socket < 0)
		return socket;
	r = bring_up(socket, "lo", 0);
	r = r < 0 ? r : bring_up(socket, "eth0", address_of(pair, 2));
	r = r < 0 ? r : add_default_route(socket, address_of(pair, 1));
	return r < 0 ? err_errno(e, r, "pod: its network") : 0;
}

/* Connections from the node's own 127.0.0.0/8 may be turned to this interface. */
static void allow_loopback(uint32_t pair)
{
	char name[IF_NAMESIZE], path[80];
	int fd;

	host_name(pair, name);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/route_localnet", name);
	fd = fd_open(AT_FDCWD, path, O_WRONLY);
	if (fd < 0)
		return; /* /proc/sys may be read-only: then a published port is not on 127.0.0.1 */
	(void)!fd_write(fd, "1", 1);
	close(fd);
}

int podnet_make(uint32_t pair, struct err *e)
{
	auto_close int netns = new_namespace(e);
	auto_close int socket = netns < 0 ? -1 : netlink_open(-1, e);
	char name[IF_NAMESIZE];
	int r;

	if (netns < 0 || socket < 0)
		return netns < 0 ? netns : socket;
	host_name(pair, name);
	r = make_pair(socket, pair, netns);
	r = r < 0 ? r : bring_up(socket, name, address_of(pair, 1));
	if (r < 0)
		return err_errno(e, r, "pod: interface %s", name);
	allow_loopback(pair);
	r = make_inside(netns, pair, e);
	return r < 0 ? r : take_fd(&netns);
}
