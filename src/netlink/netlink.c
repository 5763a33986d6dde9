/* netlink: requests and answers. See netlink.h. */
#include "netlink/netlink.h"

#include <assert.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define ANSWER_BYTES 32768 /* the kernel's largest dump message */

int netlink_open_protocol(int protocol, struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	return fd < 0 ? err_errno(e, -errno, "netlink") : fd;
}

int netlink_open(int netns, struct err *e)
{
	auto_close int own = -1;
	int fd;

	if (netns < 0)
		return netlink_open_protocol(NETLINK_ROUTE, e);
	own = fd_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
	if (own < 0)
		return err_errno(e, own, "netlink: our network namespace");
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_errno(e, -errno, "netlink: cannot enter the container's network namespace");
	fd = netlink_open_protocol(NETLINK_ROUTE, e);
	/* Everything after this would act in the container's network: there is no going on. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	return fd;
}

static struct nlmsghdr *header_of(struct netlink_request *r)
{
	return (struct nlmsghdr *)(void *)r->bytes;
}

static void *room(struct netlink_request *r, size_t n)
{
	void *p = r->bytes + r->n;
	size_t padded = NLMSG_ALIGN(n);

	assert(padded <= sizeof(r->bytes) - r->n);
	memset(p, 0, padded);
	r->n += padded;
	return p;
}

void netlink_begin(struct netlink_request *r, uint16_t type, uint16_t flags, const void *header, size_t n)
{
	struct nlmsghdr *h;

	r->n = 0;
	h = room(r, sizeof(*h));
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	memcpy(room(r, n), header, n);
}

void netlink_put(struct netlink_request *r, uint16_t attribute, const void *p, size_t n)
{
	struct nlattr *a = room(r, NLA_HDRLEN + n);

	a->nla_type = attribute;
	a->nla_len = (uint16_t)(NLA_HDRLEN + n);
	if (n)
		memcpy((char *)a + NLA_HDRLEN, p, n);
}

void netlink_put_u32(struct netlink_request *r, uint16_t attribute, uint32_t v)
{
	netlink_put(r, attribute, &v, sizeof(v));
}

void netlink_put_str(struct netlink_request *r, uint16_t attribute, const char *z)
{
	netlink_put(r, attribute, z, strlen(z) + 1);
}

size_t netlink_nest(struct netlink_request *r, uint16_t attribute)
{
	size_t at = r->n;

	netlink_put(r, attribute, NULL, 0);
	return at;
}

void netlink_nest_end(struct netlink_request *r, size_t nest)
{
	struct nlattr *a = (struct nlattr *)(void *)(r->bytes + nest);

	a->nla_len = (uint16_t)(r->n - nest);
}

/* One datagram of the answer: 1 when there is more to come, 0 at the end, the kernel's errno. */
static int read_messages(const char *p, size_t n, int (*each)(void *, uint16_t, const void *, size_t), void *arg)
{
	while (n >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		const char *body = p + NLMSG_HDRLEN;
		size_t step;
		int code, r;

		memcpy(&h, p, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > n)
			return -EBADMSG;
		if (h.nlmsg_type == NLMSG_ERROR || h.nlmsg_type == NLMSG_DONE) {
			if (h.nlmsg_len < NLMSG_HDRLEN + sizeof(code))
				return h.nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
			memcpy(&code, body, sizeof(code));
			return code < 0 ? code : 0;
		}
		r = each && h.nlmsg_type >= NLMSG_MIN_TYPE ? each(arg, h.nlmsg_type, body, h.nlmsg_len - NLMSG_HDRLEN)
							   : 0;
		if (r < 0)
			return r;
		step = NLMSG_ALIGN(h.nlmsg_len);
		p += step < n ? step : n;
		n -= step < n ? step : n;
	}
	return 1;
}

int netlink_talk(int socket, struct netlink_request *r,
		 int (*each)(void *arg, uint16_t type, const void *message, size_t n), void *arg)
{
	auto_free char *answer = xmalloc(ANSWER_BYTES);
	int more = 1;

	header_of(r)->nlmsg_len = (uint32_t)r->n;
	if (send(socket, r->bytes, r->n, 0) < 0)
		return -errno;
	while (more == 1) {
		ssize_t n = recv(socket, answer, ANSWER_BYTES, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		more = read_messages(answer, (size_t)n, each, arg);
	}
	return more;
}

bool netlink_find(struct str attributes, uint16_t attribute, struct str *ret)
{
	while (attributes.n >= NLA_HDRLEN) {
		struct nlattr a;

		memcpy(&a, attributes.p, sizeof(a));
		if (a.nla_len < NLA_HDRLEN || a.nla_len > attributes.n)
			return false;
		if ((a.nla_type & NLA_TYPE_MASK) == attribute) {
			*ret = str_n(attributes.p + NLA_HDRLEN, a.nla_len - NLA_HDRLEN);
			return true;
		}
		attributes = str_from(attributes, NLA_ALIGN(a.nla_len));
	}
	return false;
}

bool netlink_find_u32(struct str attributes, uint16_t attribute, uint32_t *ret)
{
	struct str s;

	if (!netlink_find(attributes, attribute, &s) || s.n < sizeof(*ret))
		return false;
	memcpy(ret, s.p, sizeof(*ret));
	return true;
}

static int take_index(void *arg, uint16_t type, const void *message, size_t n)
{
	struct ifinfomsg link;

	if (type == RTM_NEWLINK && n >= sizeof(link)) {
		memcpy(&link, message, sizeof(link));
		*(int *)arg = link.ifi_index;
	}
	return 0;
}

int netlink_link_index(int socket, const char *name)
{
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct netlink_request q;
	int index = 0, r;

	netlink_begin(&q, RTM_GETLINK, 0, &link, sizeof(link));
	netlink_put_str(&q, IFLA_IFNAME, name);
	r = netlink_talk(socket, &q, take_index, &index);
	return r < 0 ? r : index ? index : -ENODEV;
}

int netlink_link_up(int socket, int index)
{
	const struct ifinfomsg link = {
		.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP
	};
	struct netlink_request q;

	netlink_begin(&q, RTM_NEWLINK, 0, &link, sizeof(link));
	return netlink_talk(socket, &q, NULL, NULL);
}
