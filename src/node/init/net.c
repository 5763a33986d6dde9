/* net: the service that configures interfaces and sets the clock. See node.h and docs/node.md.
 *
 * It reads what anybody on the network sends, so it is a process of its own: no files, few system calls, and of
 * privileges those on interfaces, packet sockets and the clock. What it did it tells init (struct net_report). */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "netlink/netlink.h"
#include "node/init/dhcp.h"
#include "node/init/node.h"
#include "node/init/sntp.h"

#define REPORT_FD 3
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 32000
#define REQUEST_TRIES 4
#define RENEW_MIN_MS 60000
#define TIME_ANSWER_MS 2000
#define TIME_RETRY_MAX_MS (512u * 1000)
#define TIME_AGAIN_MS (1024u * 1000)
#define STEP_NS 500000000ll /* less is slewed */

enum step { ABSENT, SELECTING, REQUESTING, BOUND, RENEWING, STEADY };

struct interface {
	const char *name;
	bool dhcp;
	struct net_report wanted; /* static */
	enum step step;
	int index, fd;
	uint8_t mac[6];
	uint32_t transaction;
	unsigned int tries;
	uint64_t at_ms, began_ms, bound_ms; /* the next thing to do; the first question; the lease's begin */
	struct dhcp_lease lease;
};

struct clock_source {
	uint32_t servers[NET_SERVERS_MAX];
	size_t count, at;
	int fd;
	uint64_t cookie, asked_ns, at_ms, wait_ms;
	int64_t not_before_s;
};

struct net {
	const char *hostname;
	int netlink;
	struct interface v[SPEC_INTERFACES_MAX];
	size_t n;
	struct clock_source time;
};

static void report(const struct net_report *r)
{
	/* Smaller than a pipe's unit: whole or not at all. */
	(void)!write(REPORT_FD, r, sizeof(*r));
}

bool net_report_sound(const struct net_report *r)
{
	return r->source <= NET_TIME && memchr(r->interface, 0, sizeof(r->interface)) && r->prefix <= 32 &&
	       r->dns_count <= NET_SERVERS_MAX;
}

/* ---- arguments ---- */

const char *const *net_arguments(const struct spec *s, uint64_t not_before, struct arena *a)
{
	const char **v = arena_array(a, const char *, 5 + s->network_count + s->time_count);
	char ip[SPEC_IP4_TEXT_MAX], gateway[SPEC_IP4_TEXT_MAX];
	size_t n = 0;

	v[n++] = "/sbin/yagura-init";
	v[n++] = "net";
	v[n++] = s->hostname ? s->hostname : s->name;
	v[n++] = arena_fmt(a, "%llu", (unsigned long long)not_before).p;
	for (size_t i = 0; i < s->network_count; i++) {
		const struct spec_interface *f = &s->network[i];
		struct str word = arena_fmt(a, "%s,dhcp", f->interface);

		if (!f->dhcp)
			word = arena_fmt(a, "%s,%s/%u,%s", f->interface, spec_ip4_text(f->address.address, ip),
					 f->address.prefix, spec_ip4_text(f->gateway, gateway));
		for (size_t k = 0; !f->dhcp && k < f->dns_count; k++)
			word = arena_fmt(a, STR_FMT ",%s", STR_ARG(word), spec_ip4_text(f->dns[k], ip));
		v[n++] = word.p;
	}
	for (size_t i = 0; i < s->time_count; i++)
		v[n++] = arena_fmt(a, "time,%s", spec_ip4_text(s->time[i], ip)).p;
	return v;
}

/* They are init's own, so what is wrong with them is a fault of ours: such a word is left out. */
static void read_argument(struct net *n, const char *word)
{
	struct str rest = str_c(word), first, part;
	struct net_report w = { .source = NET_STATIC };
	struct spec_subnet subnet;
	struct interface *f;

	if (!str_cut(&rest, ',', &first) || !str_cut(&rest, ',', &part))
		return;
	if (str_is(first, "time")) {
		if (n->time.count < NET_SERVERS_MAX && spec_ip4(part, &n->time.servers[n->time.count]))
			n->time.count++;
		return;
	}
	if (first.n >= IFNAMSIZ || n->n == SPEC_INTERFACES_MAX)
		return;
	memcpy(w.interface, first.p, first.n);
	f = &n->v[n->n];
	*f = (struct interface){ .name = xstrdup(first), .fd = -1, .dhcp = str_is(part, "dhcp") };
	if (!f->dhcp) {
		if (!spec_ip4_subnet(part, &subnet))
			return;
		w.address = subnet.address;
		w.prefix = subnet.prefix;
		if (str_cut(&rest, ',', &part) && !spec_ip4(part, &w.gateway))
			return;
		while (w.dns_count < NET_SERVERS_MAX && str_cut(&rest, ',', &part))
			if (spec_ip4(part, &w.dns[w.dns_count]))
				w.dns_count++;
	}
	f->wanted = w;
	n->n++;
}

/* ---- interfaces, by netlink ---- */

static int read_link(void *arg, uint16_t type, const void *message, size_t size)
{
	struct interface *f = arg;
	struct ifinfomsg m;
	struct str mac;

	if (type != RTM_NEWLINK || size < sizeof(m))
		return 0;
	memcpy(&m, message, sizeof(m));
	f->index = m.ifi_index;
	if (netlink_find(str_from(str_n(message, size), NLMSG_ALIGN(sizeof(m))), IFLA_ADDRESS, &mac) && mac.n == 6)
		memcpy(f->mac, mac.p, 6);
	return 0;
}

static int find_link(struct net *n, struct interface *f)
{
	struct ifinfomsg m = { .ifi_family = AF_UNSPEC };
	struct netlink_request q;
	int r;

	netlink_begin(&q, RTM_GETLINK, 0, &m, sizeof(m));
	netlink_put_str(&q, IFLA_IFNAME, f->name);
	f->index = 0;
	r = netlink_talk(n->netlink, &q, read_link, f);
	return r < 0 ? r : f->index ? 0 : -ENODEV;
}

static int change_address(struct net *n, const struct net_report *w, int index, bool there)
{
	struct ifaddrmsg m = { .ifa_family = AF_INET,
			       .ifa_prefixlen = (uint8_t)w->prefix,
			       .ifa_index = (uint32_t)index };
	uint32_t be = htonl(w->address),
		 all = htonl(w->prefix < 31 ? w->address | (UINT32_MAX >> w->prefix) : w->address);
	struct netlink_request q;

	netlink_begin(&q, there ? RTM_NEWADDR : RTM_DELADDR, there ? NLM_F_CREATE | NLM_F_REPLACE : 0, &m, sizeof(m));
	netlink_put(&q, IFA_LOCAL, &be, sizeof(be));
	netlink_put(&q, IFA_ADDRESS, &be, sizeof(be));
	if (there && w->prefix < 31)
		netlink_put(&q, IFA_BROADCAST, &all, sizeof(all));
	return netlink_talk(n->netlink, &q, NULL, NULL);
}

static int set_route(struct net *n, const struct net_report *w, int index)
{
	struct rtmsg m = { .rtm_family = AF_INET,
			   .rtm_table = RT_TABLE_MAIN,
			   .rtm_protocol = w->source == NET_DHCP ? RTPROT_DHCP : RTPROT_STATIC,
			   .rtm_scope = RT_SCOPE_UNIVERSE,
			   .rtm_type = RTN_UNICAST };
	uint32_t be = htonl(w->gateway);
	struct netlink_request q;

	netlink_begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof(m));
	netlink_put(&q, RTA_GATEWAY, &be, sizeof(be));
	netlink_put_u32(&q, RTA_OIF, (uint32_t)index);
	return netlink_talk(n->netlink, &q, NULL, NULL);
}

static void apply(struct net *n, struct interface *f, const struct net_report *w)
{
	char text[SPEC_IP4_TEXT_MAX];
	int r = change_address(n, w, f->index, true);

	if (r == 0 && w->gateway)
		r = set_route(n, w, f->index);
	if (r < 0)
		dprintf(1, "%s: %s/%u: %s\n", f->name, spec_ip4_text(w->address, text), w->prefix, strerror(-r));
	else
		dprintf(1, "%s has %s/%u\n", f->name, spec_ip4_text(w->address, text), w->prefix);
	report(w);
	/* Now the servers of the time may be reached. */
	n->time.at_ms = clock_ms();
}

/* ---- DHCP ---- */

/* Of IPv4 only what is UDP to port 68, so that nothing else wakes us. */
static int open_packets(struct interface *f)
{
	static const struct sock_filter code[] = {
		{ BPF_LD | BPF_B | BPF_ABS, 0, 0, 9 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 17 },
		{ BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0 },
		{ BPF_LD | BPF_H | BPF_IND, 0, 0, 2 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 68 },
		{ BPF_RET | BPF_K, 0, 0, 65535 },
		{ BPF_RET | BPF_K, 0, 0, 0 },
	};
	const struct sock_fprog filter = { ARRAY_LEN(code), (struct sock_filter *)(uintptr_t)code };
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = f->index };

	fd_close(&f->fd);
	f->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->fd < 0 || setsockopt(f->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    bind(f->fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return 0;
}

static void send_ask(struct net *n, struct interface *f)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP),
				  .sll_ifindex = f->index,
				  .sll_halen = 6,
				  .sll_addr = { 255, 255, 255, 255, 255, 255 } };
	uint64_t seconds = (clock_ms() - f->began_ms) / 1000;
	struct dhcp_ask a = { .kind = f->step == SELECTING ? DHCP_DISCOVER : DHCP_REQUEST,
			      .transaction = f->transaction,
			      .seconds = seconds > UINT16_MAX ? UINT16_MAX : (uint16_t)seconds,
			      .hostname = n->hostname,
			      .destination = UINT32_MAX };
	auto_buf struct buf b = { 0 };

	memcpy(a.mac, f->mac, 6);
	if (f->step == REQUESTING) {
		a.requested = f->lease.address;
		a.server = f->lease.server;
	}
	if (f->step == RENEWING)
		a.own = f->lease.address;
	buf_init(&b, DHCP_PACKET_MAX);
	dhcp_write(&b, &a);
	(void)!sendto(f->fd, b.p, b.n, 0, (const struct sockaddr *)&to, sizeof(to));
}

static uint32_t chance(void)
{
	uint32_t v = 0;

	(void)!getrandom(&v, sizeof(v), 0);
	return v;
}

static void begin_selecting(struct net *n, struct interface *f)
{
	f->step = SELECTING;
	f->transaction = chance();
	f->began_ms = clock_ms();
	f->tries = 0;
	if (open_packets(f) < 0) {
		f->step = ABSENT;
		f->at_ms = clock_ms() + RETRY_MAX_MS;
		return;
	}
	send_ask(n, f);
	f->at_ms = clock_ms() + RETRY_MIN_MS;
}

static void take_lease(struct net *n, struct interface *f, const struct dhcp_lease *l)
{
	struct net_report w = { .source = NET_DHCP,
				.address = l->address,
				.prefix = l->prefix,
				.gateway = l->gateway,
				.dns_count = l->dns_count };
	bool same = f->step == RENEWING && l->address == f->lease.address && l->prefix == f->lease.prefix &&
		    l->gateway == f->lease.gateway;

	memcpy(w.interface, f->wanted.interface, sizeof(w.interface));
	memcpy(w.dns, l->dns, sizeof(l->dns));
	if (f->step == RENEWING && l->address != f->lease.address)
		(void)change_address(n, &f->wanted, f->index, false);
	f->lease = *l;
	f->wanted = w;
	f->step = BOUND;
	f->bound_ms = clock_ms();
	f->at_ms = f->bound_ms + (uint64_t)l->renew_s * 1000;
	fd_close(&f->fd);
	if (!same)
		apply(n, f, &w);
}

static void lose_lease(struct net *n, struct interface *f)
{
	struct net_report none = { .source = NET_NONE };

	memcpy(none.interface, f->wanted.interface, sizeof(none.interface));
	(void)change_address(n, &f->wanted, f->index, false);
	report(&none);
	dprintf(1, "%s has lost its address\n", f->name);
	begin_selecting(n, f);
}

static void hear(struct net *n, struct interface *f)
{
	uint8_t bytes[DHCP_PACKET_MAX];
	ssize_t size = recv(f->fd, bytes, sizeof(bytes), 0);
	enum dhcp_kind kind;
	struct dhcp_lease l;

	if (size <= 0 || dhcp_read(str_n(bytes, (size_t)size), f->mac, f->transaction, &kind, &l) != 1)
		return;
	if (f->step == SELECTING && kind == DHCP_OFFER) {
		f->lease = l;
		f->step = REQUESTING;
		f->tries = 0;
		send_ask(n, f);
		f->at_ms = clock_ms() + RETRY_MIN_MS;
	} else if ((f->step == REQUESTING || f->step == RENEWING) && kind == DHCP_ACK) {
		take_lease(n, f, &l);
	} else if (f->step == REQUESTING && kind == DHCP_NAK) {
		begin_selecting(n, f);
	} else if (f->step == RENEWING && kind == DHCP_NAK) {
		lose_lease(n, f);
	}
}

static void renew(struct net *n, struct interface *f)
{
	uint64_t now = clock_ms(), end = f->bound_ms + (uint64_t)f->lease.lease_s * 1000, wait;

	if (now >= end) {
		lose_lease(n, f);
		return;
	}
	if (f->step == BOUND) {
		f->step = RENEWING;
		f->transaction = chance();
		f->began_ms = now;
		if (open_packets(f) < 0)
			f->step = BOUND;
	}
	if (f->step == RENEWING)
		send_ask(n, f);
	wait = (end - now) / 2 < RENEW_MIN_MS ? RENEW_MIN_MS : (end - now) / 2;
	f->at_ms = now + wait < end ? now + wait : end;
}

/* What is due at f->at_ms. */
static void advance(struct net *n, struct interface *f)
{
	uint64_t wait = (uint64_t)RETRY_MIN_MS << (f->tries < 5 ? f->tries : 5);

	switch (f->step) {
	case ABSENT:
		f->at_ms = clock_ms() + RETRY_MIN_MS;
		if (find_link(n, f) < 0 || netlink_link_up(n->netlink, f->index) < 0)
			return;
		if (f->dhcp) {
			begin_selecting(n, f);
		} else {
			f->step = STEADY;
			f->at_ms = UINT64_MAX;
			apply(n, f, &f->wanted);
		}
		return;
	case SELECTING:
	case REQUESTING:
		if (f->step == REQUESTING && f->tries >= REQUEST_TRIES) {
			begin_selecting(n, f);
			return;
		}
		send_ask(n, f);
		f->tries++;
		/* So that machines that start together do not ask together. */
		f->at_ms = clock_ms() + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS) + chance() % 500;
		return;
	case BOUND:
	case RENEWING:
		renew(n, f);
		return;
	case STEADY:
		f->at_ms = UINT64_MAX;
		return;
	}
}

/* ---- time ---- */

static void time_later(struct clock_source *t)
{
	fd_close(&t->fd);
	t->at++;
	t->wait_ms = !t->wait_ms ? 2000 : t->wait_ms * 2 > TIME_RETRY_MAX_MS ? TIME_RETRY_MAX_MS : t->wait_ms * 2;
	t->at_ms = clock_ms() + t->wait_ms;
}

static void ask_time(struct clock_source *t)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(SNTP_PORT),
				 .sin_addr = { htonl(t->servers[t->at % t->count]) } };
	uint8_t packet[SNTP_BYTES];

	if (t->fd >= 0) { /* no answer came */
		time_later(t);
		return;
	}
	(void)!getrandom(&t->cookie, sizeof(t->cookie), 0);
	sntp_write(packet, t->cookie);
	t->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	t->asked_ns = clock_ns();
	if (t->fd < 0 || connect(t->fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
	    send(t->fd, packet, sizeof(packet), 0) < 0)
		time_later(t);
	else
		t->at_ms = clock_ms() + TIME_ANSWER_MS;
}

static int set_clock(int64_t ns, int64_t offset)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };
	struct timex slew = { .modes = ADJ_OFFSET_SINGLESHOT, .offset = offset / 1000 };

	if (offset > STEP_NS || offset < -STEP_NS)
		return clock_settime(CLOCK_REALTIME, &t) < 0 ? -errno : 0;
	return adjtimex(&slew) < 0 ? -errno : 0;
}

static void hear_time(struct clock_source *t)
{
	uint8_t packet[256];
	ssize_t n = recv(t->fd, packet, sizeof(packet), 0);
	uint64_t ns = 0;
	struct timespec own;
	struct net_report w = { .source = NET_TIME, .server = t->servers[t->at % t->count] };
	int r;

	/* One that is not the answer to our question is not waited out: its sender is the server's, connect() sees to
	 * it. */
	if (n < 0 || sntp_read(str_n(packet, (size_t)n), t->cookie, clock_ns() - t->asked_ns, &ns) < 0 ||
	    (int64_t)(ns / 1000000000) < t->not_before_s) {
		time_later(t);
		return;
	}
	(void)clock_gettime(CLOCK_REALTIME, &own);
	w.stepped_ns = (int64_t)ns - (own.tv_sec * 1000000000 + own.tv_nsec);
	r = set_clock((int64_t)ns, w.stepped_ns);
	if (r < 0)
		dprintf(1, "the clock cannot be set: %s\n", strerror(-r));
	else
		report(&w);
	fd_close(&t->fd);
	t->wait_ms = 0;
	t->at_ms = clock_ms() + TIME_AGAIN_MS;
}

/* ---- the loop ---- */

static void turn(struct net *n)
{
	struct pollfd p[SPEC_INTERFACES_MAX + 1];
	uint64_t now = clock_ms(), next = UINT64_MAX;

	for (size_t i = 0; i < n->n; i++) {
		if (now >= n->v[i].at_ms)
			advance(n, &n->v[i]);
		p[i] = (struct pollfd){ n->v[i].fd, POLLIN, 0 };
		next = n->v[i].at_ms < next ? n->v[i].at_ms : next;
	}
	if (n->time.count && now >= n->time.at_ms)
		ask_time(&n->time);
	p[n->n] = (struct pollfd){ n->time.fd, POLLIN, 0 };
	if (n->time.count && n->time.at_ms < next)
		next = n->time.at_ms;
	now = clock_ms();
	next = next <= now ? 0 : next - now;
	if (poll(p, n->n + 1, next > 3600000 ? 3600000 : (int)next) <= 0)
		return;
	for (size_t i = 0; i < n->n; i++)
		if (p[i].revents && n->v[i].fd >= 0)
			hear(n, &n->v[i]);
	if (p[n->n].revents && n->time.fd >= 0)
		hear_time(&n->time);
}

int net_main(char *const *argv)
{
	struct net *n = xcalloc(1, sizeof(*n));
	struct err e = { 0 };
	uint64_t not_before = 0;

	n->time.fd = -1;
	n->hostname = argv[0] ? argv[0] : "";
	if (argv[0] && argv[1] && num_u64(str_c(argv[1]), 10, &not_before))
		for (char *const *word = argv + 2; *word; word++)
			read_argument(n, *word);
	n->time.not_before_s = (int64_t)not_before;
	/* Nothing to reach a server by yet. */
	n->time.at_ms = n->n ? UINT64_MAX : 0;
	n->netlink = netlink_open(-1, &e);
	if (n->netlink < 0) {
		dprintf(2, "%s\n", e.msg);
		return 3;
	}
	for (;;)
		turn(n);
}
