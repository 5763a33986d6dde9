/* net: token buckets at the host's end of a container's interfaces. See net.h. */
#include "runtime/net.h"

#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netlink/netlink.h"

#define TBF_HANDLE TC_H_MAKE(0x79610000u, 0) /* ours is known by it */
#define IFB_PREFIX "yg"
#define LINKS_SEEN_MAX 1024 /* of one namespace */

/* -- links -- */

struct link {
	uint32_t index, peer, mtu;
	uint32_t nsid; /* of the namespace in which `peer` is a number */
	bool has_peer, has_nsid, loopback;
	char name[NET_NAME_MAX], kind[NET_NAME_MAX];
};
struct links {
	VEC(struct link) v;
};

static void copy_text(char to[NET_NAME_MAX], struct str s)
{
	size_t n = s.n && !s.p[s.n - 1] ? s.n - 1 : s.n;

	n = n < NET_NAME_MAX - 1 ? n : NET_NAME_MAX - 1;
	if (n)
		memcpy(to, s.p, n);
	to[n] = 0;
}

static int read_link(void *arg, uint16_t type, const void *message, size_t n)
{
	struct links *all = arg;
	struct ifinfomsg m;
	struct str attributes, s, info;
	struct link *l;

	if (type != RTM_NEWLINK || n < sizeof(m))
		return 0;
	if (all->v.n >= LINKS_SEEN_MAX)
		return -E2BIG;
	memcpy(&m, message, sizeof(m));
	attributes = str_from(str_n(message, n), NLMSG_ALIGN(sizeof(m)));
	l = vec_add(&all->v);
	l->index = (uint32_t)m.ifi_index;
	l->loopback = m.ifi_type == ARPHRD_LOOPBACK;
	l->has_peer = netlink_find_u32(attributes, IFLA_LINK, &l->peer);
	l->has_nsid = netlink_find_u32(attributes, IFLA_LINK_NETNSID, &l->nsid);
	(void)!netlink_find_u32(attributes, IFLA_MTU, &l->mtu);
	if (netlink_find(attributes, IFLA_IFNAME, &s))
		copy_text(l->name, s);
	if (netlink_find(attributes, IFLA_LINKINFO, &info) && netlink_find(info, IFLA_INFO_KIND, &s))
		copy_text(l->kind, s);
	return 0;
}

/* All links of a namespace, or the one of an index. */
static int get_links(int sock, uint32_t index, struct links *ret)
{
	struct ifinfomsg m = { .ifi_index = (int)index };
	struct netlink_request r;

	netlink_begin(&r, RTM_GETLINK, index ? 0 : NLM_F_DUMP, &m, sizeof(m));
	return netlink_talk(sock, &r, read_link, ret);
}

static int read_nsid(void *arg, uint16_t type, const void *message, size_t n)
{
	uint32_t *id = arg;

	if (type == RTM_NEWNSID)
		(void)!netlink_find_u32(str_from(str_n(message, n), NLMSG_ALIGN(sizeof(struct rtgenmsg))), NETNSA_NSID,
					id);
	return 0;
}

/* What the container's namespace calls ours; UINT32_MAX when it knows no name for it. */
static uint32_t our_nsid(int sock)
{
	auto_close int own = fd_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
	struct rtgenmsg m = { 0 };
	struct netlink_request r;
	uint32_t id = UINT32_MAX;

	netlink_begin(&r, RTM_GETNSID, 0, &m, sizeof(m));
	netlink_put_u32(&r, NETNSA_FD, (uint32_t)own);
	return own < 0 || netlink_talk(sock, &r, read_nsid, &id) < 0 ? UINT32_MAX : id;
}

/* Devices whose packets leave through another device of the same namespace, or nowhere. */
static bool leads_nowhere(const struct link *l)
{
	static const char *const kinds[] = { "sit",	  "ip6tnl",    "ipip", "gre",	"gretap",   "erspan", "ip6gre",
					     "ip6gretap", "vti",       "vti6", "dummy", "ifb",	    "bridge", "vxlan",
					     "geneve",	  "wireguard", "bond", "team",	"ip6erspan" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(l->kind, kinds[i]))
			return true;
	return l->loopback;
}

/* -- token buckets -- */

static uint32_t burst_of(uint64_t bytes_per_s, uint32_t mtu)
{
	uint64_t burst = bytes_per_s * NET_BURST_MS / 1000;

	if (burst < NET_BURST_MIN)
		burst = NET_BURST_MIN;
	if (burst < 2ull * mtu)
		burst = 2ull * mtu;
	return burst > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)burst;
}

static int add_tbf(int sock, uint32_t index, uint32_t mtu, uint64_t bits)
{
	uint64_t rate = bits / 8, queue = rate * NET_LATENCY_MS / 1000;
	uint32_t burst = burst_of(rate, mtu);
	struct tcmsg m = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)index, .tcm_handle = TBF_HANDLE, .tcm_parent = TC_H_ROOT
	};
	struct tc_tbf_qopt q = { .rate.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate,
				 .rate.linklayer = TC_LINKLAYER_ETHERNET };
	struct netlink_request r;
	size_t nest;

	queue += burst;
	q.limit = queue > UINT32_MAX ? UINT32_MAX : (uint32_t)queue;
	netlink_begin(&r, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	netlink_put_str(&r, TCA_KIND, "tbf");
	nest = netlink_nest(&r, TCA_OPTIONS);
	netlink_put(&r, TCA_TBF_PARMS, &q, sizeof(q));
	netlink_put_u32(&r, TCA_TBF_BURST, burst);
	if (rate > UINT32_MAX)
		netlink_put(&r, TCA_TBF_RATE64, &rate, sizeof(rate));
	netlink_nest_end(&r, nest);
	return netlink_talk(sock, &r, NULL, NULL);
}

struct queue {
	uint32_t index;
	uint64_t bits; /* of our tbf, 0: it is not there */
	bool other;    /* something else with a handle is at the root */
	bool ingress;
};

static int read_queue(void *arg, uint16_t type, const void *message, size_t n)
{
	struct queue *q = arg;
	struct tc_tbf_qopt parms;
	struct str attributes, options, s;
	struct tcmsg m;
	uint64_t rate;

	if (type != RTM_NEWQDISC || n < sizeof(m))
		return 0;
	memcpy(&m, message, sizeof(m));
	if ((uint32_t)m.tcm_ifindex != q->index)
		return 0;
	if (m.tcm_parent == TC_H_INGRESS)
		q->ingress = true;
	if (m.tcm_parent != TC_H_ROOT)
		return 0;
	if (m.tcm_handle != TBF_HANDLE) {
		q->other = m.tcm_handle != 0;
		return 0;
	}
	attributes = str_from(str_n(message, n), NLMSG_ALIGN(sizeof(m)));
	if (!netlink_find(attributes, TCA_OPTIONS, &options) || !netlink_find(options, TCA_TBF_PARMS, &s) ||
	    s.n < sizeof(parms))
		return 0;
	memcpy(&parms, s.p, sizeof(parms));
	rate = parms.rate.rate;
	if (netlink_find(options, TCA_TBF_RATE64, &s) && s.n == sizeof(rate))
		memcpy(&rate, s.p, sizeof(rate));
	q->bits = rate * 8;
	return 0;
}

static int get_queue(int sock, uint32_t index, struct queue *ret)
{
	struct tcmsg m = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)index };
	struct netlink_request r;

	*ret = (struct queue){ .index = index };
	netlink_begin(&r, RTM_GETQDISC, NLM_F_DUMP, &m, sizeof(m));
	return netlink_talk(sock, &r, read_queue, ret);
}

/* A bucket of ours, or one that is there with the same rate. *ret_shared tells. */
static int bucket(int sock, uint32_t index, uint32_t mtu, uint64_t bits, const char *name, bool *ret_shared,
		  struct err *e)
{
	int r = add_tbf(sock, index, mtu, bits);
	struct queue q = { 0 };

	*ret_shared = false;
	if (r == 0)
		return 0;
	if (r != -EEXIST || get_queue(sock, index, &q) < 0)
		return err_errno(e, r, "limit net: no token bucket on %s", name);
	if (!q.bits)
		return err_set(e, -EEXIST, "limit net: %s has a queue of another program", name);
	if (q.bits != bits / 8 * 8)
		return err_set(e, -EEXIST, "limit net: %s is limited to %llu bits a second already", name,
			       (unsigned long long)q.bits);
	*ret_shared = true;
	return 0;
}

/* -- what comes out of the container -- */

static int add_ifb(int sock, const char *name, uint32_t mtu)
{
	struct ifinfomsg m = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct netlink_request r;
	size_t info;

	netlink_begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	netlink_put_str(&r, IFLA_IFNAME, name);
	netlink_put_u32(&r, IFLA_MTU, mtu ? mtu : 1500);
	netlink_put_u32(&r, IFLA_TXQLEN, 1000);
	info = netlink_nest(&r, IFLA_LINKINFO);
	netlink_put_str(&r, IFLA_INFO_KIND, "ifb");
	netlink_nest_end(&r, info);
	return netlink_talk(sock, &r, NULL, NULL);
}

static int add_ingress(int sock, uint32_t index)
{
	struct tcmsg m = { .tcm_family = AF_UNSPEC,
			   .tcm_ifindex = (int)index,
			   .tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0),
			   .tcm_parent = TC_H_INGRESS };
	struct netlink_request r;

	netlink_begin(&r, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	netlink_put_str(&r, TCA_KIND, "ingress");
	return netlink_talk(sock, &r, NULL, NULL);
}

/* Everything that arrives at `index` goes out of `to`: u32 with a mask of nothing, mirred. */
static int redirect(int sock, uint32_t index, uint32_t to)
{
	struct tcmsg m = { .tcm_family = AF_UNSPEC,
			   .tcm_ifindex = (int)index,
			   .tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0),
			   .tcm_info = TC_H_MAKE(1u << 16, (uint32_t)__builtin_bswap16(ETH_P_ALL)) };
	struct tc_mirred mirred = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = to };
	struct tc_u32_sel sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 };
	char all[sizeof(sel) + sizeof(struct tc_u32_key)] = { 0 }; /* a mask of nothing */
	struct netlink_request r;
	size_t options, actions, one, parms;

	memcpy(all, &sel, sizeof(sel));
	netlink_begin(&r, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	netlink_put_str(&r, TCA_KIND, "u32");
	options = netlink_nest(&r, TCA_OPTIONS);
	netlink_put(&r, TCA_U32_SEL, all, sizeof(all));
	actions = netlink_nest(&r, TCA_U32_ACT);
	one = netlink_nest(&r, 1);
	netlink_put_str(&r, TCA_ACT_KIND, "mirred");
	parms = netlink_nest(&r, TCA_ACT_OPTIONS);
	netlink_put(&r, TCA_MIRRED_PARMS, &mirred, sizeof(mirred));
	netlink_nest_end(&r, parms);
	netlink_nest_end(&r, one);
	netlink_nest_end(&r, actions);
	netlink_nest_end(&r, options);
	return netlink_talk(sock, &r, NULL, NULL);
}

/* Which device the redirection on a link leads to. */
static int read_target(void *arg, uint16_t type, const void *message, size_t n)
{
	uint32_t *target = arg;
	struct tc_mirred mirred;
	struct str s;

	if (type != RTM_NEWTFILTER || n < sizeof(struct tcmsg))
		return 0;
	s = str_from(str_n(message, n), NLMSG_ALIGN(sizeof(struct tcmsg)));
	if (netlink_find(s, TCA_OPTIONS, &s) && netlink_find(s, TCA_U32_ACT, &s) && netlink_find(s, 1, &s) &&
	    netlink_find(s, TCA_ACT_OPTIONS, &s) && netlink_find(s, TCA_MIRRED_PARMS, &s) && s.n >= sizeof(mirred)) {
		memcpy(&mirred, s.p, sizeof(mirred));
		if (mirred.eaction == TCA_EGRESS_REDIR)
			*target = mirred.ifindex;
	}
	return 0;
}

static uint32_t redirected_to(int sock, uint32_t index)
{
	struct tcmsg m = { .tcm_family = AF_UNSPEC,
			   .tcm_ifindex = (int)index,
			   .tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0) };
	struct netlink_request r;
	uint32_t target = 0;

	netlink_begin(&r, RTM_GETTFILTER, NLM_F_DUMP, &m, sizeof(m));
	return netlink_talk(sock, &r, read_target, &target) < 0 ? 0 : target;
}

static int del_link(int sock, const char *name)
{
	struct ifinfomsg m = { 0 };
	struct netlink_request r;

	netlink_begin(&r, RTM_DELLINK, 0, &m, sizeof(m));
	netlink_put_str(&r, IFLA_IFNAME, name);
	return netlink_talk(sock, &r, NULL, NULL);
}

static int del_queue(int sock, uint32_t index, uint32_t handle, uint32_t parent)
{
	struct tcmsg m = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)index, .tcm_handle = handle, .tcm_parent = parent
	};
	struct netlink_request r;

	netlink_begin(&r, RTM_DELQDISC, 0, &m, sizeof(m));
	return netlink_talk(sock, &r, NULL, NULL);
}

/* The ifb that a link's packets are led to already, when its bucket has our rate. */
static bool shared_way_out(int sock, uint32_t index, uint64_t bits)
{
	uint32_t target = redirected_to(sock, index);
	struct queue q;

	return target && get_queue(sock, target, &q) == 0 && q.bits == bits / 8 * 8;
}

static int limit_out(int sock, const struct link *host, uint64_t bits, struct net_link *rec, struct err *e)
{
	uint32_t ifb;
	bool shared;
	int r;

	if (shared_way_out(sock, host->index, bits)) {
		rec->ifb_name[0] = 0;
		rec->shared = true;
		return 0;
	}
	r = add_ifb(sock, rec->ifb_name, host->mtu);
	if (r < 0)
		return err_errno(e, r, "limit net.out: no intermediate device");
	ifb = if_nametoindex(rec->ifb_name);
	r = ifb ? bucket(sock, ifb, host->mtu, bits, rec->ifb_name, &shared, e) : err_errno(e, -errno, "limit net.out");
	if (r < 0)
		return r;
	r = add_ingress(sock, host->index);
	if (r == -EEXIST)
		return err_set(e, r, "limit net.out: %s has an ingress queue of another program", host->name);
	if (r == 0)
		r = redirect(sock, host->index, ifb);
	return r < 0 ? err_errno(e, r, "limit net.out: packets of %s cannot be led", host->name) : 0;
}

/* -- all links -- */

/* Our end of a container's veth. */
static int host_end(int sock, const struct link *inside, uint32_t nsid, struct link *ret, struct err *e)
{
	struct links found = { 0 };
	int r;

	if (strcmp(inside->kind, "veth") || !inside->has_peer || !inside->has_nsid || inside->nsid != nsid)
		return err_set(e, -ENOTSUP, "limit net: %s (%s) has no end in this network namespace", inside->name,
			       inside->kind[0] ? inside->kind : "a device of its own");
	r = get_links(sock, inside->peer, &found);
	if (r == 0 && (found.v.n != 1 || strcmp(found.v.v[0].kind, "veth") || found.v.v[0].peer != inside->index))
		r = -ENODEV;
	if (r == 0)
		*ret = found.v.v[0];
	vec_done(&found.v);
	return r < 0 ? err_errno(e, r, "limit net: the host's end of %s", inside->name) : 0;
}

static void ifb_name(const char *id, size_t number, char ret[NET_NAME_MAX])
{
	snprintf(ret, NET_NAME_MAX, IFB_PREFIX "%08x%zx", (uint32_t)str_hash(str_c(id), 0), number);
}

static int limit_link(int sock, const struct link *host, const char *id, uint64_t in, uint64_t out,
		      struct net_record *rec, struct err *e)
{
	struct net_link *l = &rec->v[rec->n];
	bool shared = false;
	int r = 0;

	*l = (struct net_link){ .host_index = host->index };
	snprintf(l->host_name, sizeof(l->host_name), "%s", host->name);
	if (in)
		r = bucket(sock, host->index, host->mtu, in, host->name, &shared, e);
	if (r < 0)
		return r;
	l->shared = shared;
	if (out)
		ifb_name(id, rec->n, l->ifb_name);
	rec->n++;
	return out ? limit_out(sock, host, out, l, e) : 0;
}

static int limit_all(int sock, int inside_sock, const char *id, uint64_t in, uint64_t out, struct net_record *rec,
		     struct err *e)
{
	struct links links = { 0 };
	int r = get_links(inside_sock, 0, &links);
	uint32_t nsid = our_nsid(inside_sock); /* the kernel gives us a number when it first lists what leads to us */

	if (r < 0)
		err_errno(e, r, "limit net: the container's interfaces");
	for (size_t i = 0; r == 0 && i < links.v.n; i++) {
		struct link host;

		if (leads_nowhere(&links.v.v[i]))
			continue;
		if (rec->n >= NET_LINKS_MAX)
			r = err_set(e, -E2BIG, "limit net: more than %d interfaces", NET_LINKS_MAX);
		else
			r = host_end(sock, &links.v.v[i], nsid, &host, e);
		if (r == 0)
			r = limit_link(sock, &host, id, in, out, rec, e);
	}
	vec_done(&links.v);
	return r;
}

int net_is_own(const char *path, bool *ret, struct err *e)
{
	struct stat own, its;

	if (stat("/proc/self/ns/net", &own) < 0 || stat(path, &its) < 0)
		return err_errno(e, -errno, "limit net: %s", path);
	*ret = own.st_ino != its.st_ino || own.st_dev != its.st_dev;
	return 0;
}

int net_limit(const char *path, const char *id, uint64_t in_bps, uint64_t out_bps, struct net_record *ret,
	      struct err *e)
{
	auto_close int ns = -1, sock = -1, inside = -1;

	*ret = (struct net_record){ 0 };
	ns = fd_open(AT_FDCWD, path, O_RDONLY);
	if (ns < 0)
		return err_errno(e, ns, "limit net: %s", path);
	sock = netlink_open(-1, e);
	inside = sock < 0 ? sock : netlink_open(ns, e);
	if (inside < 0)
		return err_wrap(e, inside, "limit net");
	return limit_all(sock, inside, id, in_bps, out_bps, ret, e);
}

int net_read(const struct net_record *r, uint64_t *ret_in, uint64_t *ret_out, struct err *e)
{
	auto_close int sock = netlink_open(-1, e);
	uint64_t in = 0, out = 0;

	if (sock < 0)
		return sock;
	for (size_t i = 0; i < r->n; i++) {
		struct queue q, way_out = { 0 };
		uint32_t ifb = redirected_to(sock, r->v[i].host_index);
		int s = get_queue(sock, r->v[i].host_index, &q);

		if (s == 0 && ifb)
			s = get_queue(sock, ifb, &way_out);
		if (s < 0)
			return err_errno(e, s, "limit net: %s", r->v[i].host_name);
		/* One link without a bucket is no limit at all. */
		in = i && (!in || !q.bits) ? 0 : q.bits > in ? q.bits : in;
		out = i && (!out || !way_out.bits) ? 0 : way_out.bits > out ? way_out.bits : out;
	}
	*ret_in = in;
	*ret_out = out;
	return 0;
}

void net_undo(const struct net_record *r)
{
	auto_close int sock = r->n ? netlink_open(-1, NULL) : -1;

	for (size_t i = 0; sock >= 0 && i < r->n; i++) {
		const struct net_link *l = &r->v[i];
		char now[IF_NAMESIZE];

		if (l->ifb_name[0])
			(void)!del_link(sock, l->ifb_name);
		/* The number may be another link's by now. */
		if (l->shared || !if_indextoname(l->host_index, now) || strcmp(now, l->host_name))
			continue;
		(void)!del_queue(sock, l->host_index, TBF_HANDLE, TC_H_ROOT);
		if (l->ifb_name[0])
			(void)!del_queue(sock, l->host_index, TC_H_MAKE(TC_H_INGRESS, 0), TC_H_INGRESS);
	}
}

void net_undo_id(const char *id)
{
	auto_close int sock = netlink_open(-1, NULL);

	for (size_t i = 0; sock >= 0 && i < NET_LINKS_MAX; i++) {
		char name[NET_NAME_MAX];

		ifb_name(id, i, name);
		if (del_link(sock, name) < 0)
			return; /* they were made in this order */
	}
}
