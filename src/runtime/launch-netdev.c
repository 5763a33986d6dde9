/* launch-netdev: network devices of the host that move into a container. See launch-netdev.h. */
#include "runtime/launch-netdev.h"

#include <fcntl.h>
#include <net/if.h>

#include "base/fd.h"
#include "netlink/netlink.h"

struct address {
	struct ifaddrmsg head;
	uint8_t bytes[512]; /* its attributes, as they came */
	size_t n;
};
struct addresses {
	uint32_t index; /* of the device */
	size_t n;
	struct address v[NET_DEVICE_ADDRESSES_MAX];
};

static int take_address(void *arg, uint16_t type, const void *message, size_t n)
{
	struct addresses *all = arg;
	const struct ifaddrmsg *head = message;
	struct address *a;

	if (type != RTM_NEWADDR || n < sizeof(*head) || head->ifa_index != all->index)
		return 0;
	if (head->ifa_scope != RT_SCOPE_UNIVERSE || !(head->ifa_flags & IFA_F_PERMANENT))
		return 0;
	n -= NLMSG_ALIGN(sizeof(*head));
	if (all->n >= NET_DEVICE_ADDRESSES_MAX || n > sizeof(all->v->bytes))
		return -E2BIG;
	a = &all->v[all->n++];
	a->head = *head;
	a->n = n;
	memcpy(a->bytes, (const char *)message + NLMSG_ALIGN(sizeof(*head)), n);
	return 0;
}

static int find_addresses(int socket, struct addresses *all)
{
	const struct ifaddrmsg head = { .ifa_family = AF_UNSPEC };
	struct netlink_request q;

	netlink_begin(&q, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
	return netlink_talk(socket, &q, take_address, all);
}

static int move_device(int socket, int index, int netns, const char *name)
{
	const struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct netlink_request q;

	netlink_begin(&q, RTM_NEWLINK, 0, &head, sizeof(head));
	netlink_put_u32(&q, IFLA_NET_NS_FD, (uint32_t)netns);
	netlink_put_str(&q, IFLA_IFNAME, name);
	return netlink_talk(socket, &q, NULL, NULL);
}

static int add_address(int socket, uint32_t index, const struct address *a)
{
	static const uint16_t kept[] = { IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST };
	struct ifaddrmsg head = a->head;
	struct netlink_request q;

	head.ifa_index = index;
	netlink_begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		struct str value;

		if (netlink_find(str_n(a->bytes, a->n), kept[i], &value))
			netlink_put(&q, kept[i], value.p, value.n);
	}
	return netlink_talk(socket, &q, NULL, NULL);
}

/* Once it is inside. Addresses first: routes that come with them follow when it is up. */
static int settle(int inside, const char *name, const struct addresses *all)
{
	int index = netlink_link_index(inside, name), r = index < 0 ? index : 0;

	for (size_t i = 0; i < all->n && r >= 0; i++)
		r = add_address(inside, (uint32_t)index, &all->v[i]);
	return r < 0 ? r : netlink_link_up(inside, index);
}

static int bring(int outside, int inside, int netns, const struct oci_net_device *d, struct err *e)
{
	const char *name = d->new_name && *d->new_name ? d->new_name : d->name;
	auto_free struct addresses *all = xcalloc(1, sizeof(*all));
	int index, r;

	if (strlen(d->name) >= IFNAMSIZ || strlen(name) >= IFNAMSIZ)
		return err_set(e, -ENAMETOOLONG, "linux.netDevices (%s): the name", d->name);
	if (netlink_link_index(inside, name) >= 0)
		return err_set(e, -EEXIST, "linux.netDevices (%s): there is a %s inside already", d->name, name);
	index = netlink_link_index(outside, d->name);
	all->index = (uint32_t)index;
	r = index < 0 ? index : find_addresses(outside, all);
	if (r >= 0)
		r = move_device(outside, index, netns, name);
	if (r >= 0)
		r = settle(inside, name, all);
	return r < 0 ? err_errno(e, r, "linux.netDevices (%s)", d->name) : 0;
}

int launch_net_devices(const struct oci_config *c, pid_t pid, struct err *e)
{
	auto_close int netns = -1;
	auto_close int outside = -1;
	auto_close int inside = -1;
	char path[64];
	int r = 0;

	if (!c->net_device_count)
		return 0;
	if (!c->namespaces[NS_NETWORK].set)
		return err_set(e, -EBADMSG, "linux.netDevices: needs a network namespace");
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	netns = fd_open(AT_FDCWD, path, O_RDONLY);
	if (netns < 0)
		return err_errno(e, netns, "linux.netDevices: %s", path);
	outside = netlink_open(-1, e);
	if (outside < 0)
		return outside;
	inside = netlink_open(netns, e);
	if (inside < 0)
		return inside;
	for (size_t i = 0; i < c->net_device_count && r >= 0; i++)
		r = bring(outside, inside, netns, &c->net_devices[i], e);
	return r;
}
