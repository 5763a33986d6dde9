/* net: a container's network by ip and nft. See net.h. */
#include "engine/net.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "sandbox/run.h"

#define PROGRAM_TIMEOUT_MS 20000
#define TEXT_MAX (64u << 10)
#define FIRST_ADDRESS 0x0ad50000u /* 10.213.0.0 */

/* ---- ports ---- */

static bool port_of(struct str text, uint16_t *ret)
{
	uint32_t v;

	if (!num_u32(text, &v) || !v || v > UINT16_MAX)
		return false;
	*ret = (uint16_t)v;
	return true;
}

static bool address_of(struct str text, uint32_t *ret)
{
	uint32_t all = 0, one, parts = 0;

	for (struct str part; str_cut(&text, '.', &part); parts++) {
		if (parts == 4 || part.n > 3 || !num_u32(part, &one) || one > 255)
			return false;
		all = all << 8 | one;
	}
	*ret = all;
	return parts == 4;
}

int net_port_parse(struct str text, struct net_port *ret, struct err *e)
{
	struct net_port p = { 0 };
	struct str rest = text, kind = STR("tcp"), host, container, address;
	ptrdiff_t colon;
	bool good = true;

	(void)str_split(text, '/', &rest, &kind);
	p.udp = str_is(kind, "udp");
	colon = str_rfind(rest, ':');
	container = colon < 0 ? rest : str_from(rest, (size_t)colon + 1);
	host = colon < 0 ? rest : str_head(rest, (size_t)colon);
	if (str_split(host, ':', &address, &host))
		good = address_of(address, &p.address);
	if (!good || !port_of(host, &p.host) || !port_of(container, &p.container) || !(p.udp || str_is(kind, "tcp")))
		return err_set(e, -EINVAL, "\"" STR_FMT "\" is no port: [IP:]HOST:CONTAINER[/tcp|/udp]", STR_ARG(text));
	*ret = p;
	return 0;
}

/* ---- programs ---- */

/* A program with a text on its standard input and its complaints as our reason. */
static int run_with(const char *const *argv, struct str input, struct err *e)
{
	auto_close int in = memfd_create("yagura-net", MFD_CLOEXEC);
	auto_close int out = memfd_create("yagura-net", MFD_CLOEXEC);
	struct run run = {
		.argv = argv, .fds = (int[]){ in, -1, out }, .fd_count = 3, .timeout_ms = PROGRAM_TIMEOUT_MS
	};
	char why[256];
	int status, r;
	ssize_t n;

	if (in < 0 || out < 0 || fd_write(in, input.p, input.n) < 0 || lseek(in, 0, SEEK_SET) < 0)
		return err_errno(e, -errno, "cannot run %s", argv[0]);
	r = run_program(&run, &status, e);
	if (r < 0 || status == 0)
		return r;
	n = fd_pread(out, why, sizeof(why), 0);
	return err_set(e, -EIO, "network: %s: " STR_FMT, argv[0], STR_ARG(str_trim(str_n(why, n < 0 ? 0 : (size_t)n))));
}

static void host_name(uint32_t pair, char name[IF_NAMESIZE])
{
	snprintf(name, IF_NAMESIZE, "yg%u", pair);
}

void net_path(const char *id, char path[NET_PATH_MAX])
{
	snprintf(path, NET_PATH_MAX, "/run/netns/yagura-%s", id);
}

static void address_text(uint32_t pair, uint32_t which, char text[16])
{
	uint32_t a = FIRST_ADDRESS + pair * 4 + which;

	snprintf(text, 16, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

/* ---- making ---- */

static int make_host_side(const char *id, uint32_t pair, struct err *e)
{
	const char *const argv[] = { "ip", "-batch", "-", NULL };
	char name[IF_NAMESIZE], address[16], text[512];

	host_name(pair, name);
	address_text(pair, 1, address);
	snprintf(text, sizeof(text),
		 "link add %s type veth peer name eth0 netns yagura-%s\n"
		 "addr add %s/30 dev %s\n"
		 "link set %s up\n",
		 name, id, address, name, name);
	return run_with(argv, str_c(text), e);
}

static int make_inside(const char *id, uint32_t pair, struct err *e)
{
	char name[NET_PATH_MAX], inside[16], host[16], text[512];
	const char *const argv[] = { "ip", "-n", name, "-batch", "-", NULL };

	snprintf(name, sizeof(name), "yagura-%s", id);
	address_text(pair, 2, inside);
	address_text(pair, 1, host);
	snprintf(text, sizeof(text),
		 "link set lo up\n"
		 "addr add %s/30 dev eth0\n"
		 "link set eth0 up\n"
		 "route add default via %s\n",
		 inside, host);
	return run_with(argv, str_c(text), e);
}

static void add_dnat(struct buf *b, const struct net_ports *ports, const char *inside)
{
	for (size_t i = 0; i < ports->v.n; i++) {
		const struct net_port *p = &ports->v.v[i];
		uint32_t a = p->address;

		buf_fmt(b, "fib daddr type local ");
		if (a)
			buf_fmt(b, "ip daddr %u.%u.%u.%u ", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
		buf_fmt(b, "%s dport %u dnat to %s:%u;\n", p->udp ? "udp" : "tcp", p->host, inside, p->container);
	}
}

/* Only what was published comes in: the answers to what the container began, and connections that our own rule turned
 * to it. To the host itself it has nothing to say. */
static int make_rules(const char *id, uint32_t pair, const struct net_ports *ports, struct err *e)
{
	const char *const argv[] = { "nft", "-f", "-", NULL };
	char name[IF_NAMESIZE], inside[16];
	auto_buf struct buf b;

	buf_init(&b, TEXT_MAX);
	host_name(pair, name);
	address_text(pair, 2, inside);
	buf_fmt(&b, "table ip yagura_%s {\nchain arrive {\ntype nat hook prerouting priority -100;\n", id);
	add_dnat(&b, ports, inside);
	buf_fmt(&b, "}\nchain local {\ntype nat hook output priority -100;\n");
	add_dnat(&b, ports, inside);
	buf_fmt(&b,
		"}\nchain leave {\ntype nat hook postrouting priority 100;\n"
		"ip daddr %s ip saddr 127.0.0.0/8 masquerade;\n"
		"ip saddr %s oifname != \"%s\" masquerade;\n}\n",
		inside, inside, name);
	buf_fmt(&b,
		"chain pass {\ntype filter hook forward priority 0;\n"
		"oifname \"%s\" ct status dnat accept;\noifname \"%s\" ct state established,related accept;\n"
		"oifname \"%s\" drop;\n}\n",
		name, name, name);
	buf_fmt(&b,
		"chain host {\ntype filter hook input priority 0;\n"
		"iifname \"%s\" ct state established,related accept;\niifname \"%s\" drop;\n}\n",
		name, name);
	buf_fmt(&b,
		"chain direct {\ntype filter hook output priority 0;\n"
		"oifname \"%s\" ct status dnat accept;\noifname \"%s\" ct state established,related accept;\n"
		"oifname \"%s\" drop;\n}\n}\n",
		name, name, name);
	return buf_finish(&b) < 0 ? err_set(e, -E2BIG, "too many ports") : run_with(argv, buf_all(&b), e);
}

/* Connections from the host's own 127.0.0.0/8 may be turned to this interface. */
static int allow_loopback(uint32_t pair, struct err *e)
{
	char name[IF_NAMESIZE], path[80];
	int fd, r;

	host_name(pair, name);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/route_localnet", name);
	fd = fd_open(AT_FDCWD, path, O_WRONLY);
	r = fd < 0 ? fd : fd_write(fd, "1", 1);
	if (fd >= 0)
		close(fd);
	return r < 0 ? err_errno(e, r, "%s", path) : 0;
}

static uint32_t free_pair(void)
{
	char name[IF_NAMESIZE];
	uint32_t pair = 0;

	for (; pair < NET_PAIRS_MAX; pair++) {
		host_name(pair, name);
		if (!if_nametoindex(name))
			break;
	}
	return pair;
}

/* Another command may take the same pair at the same moment: then the kernel refuses the second interface, and the next
 * is tried. */
static int make_pair(const char *id, uint32_t *ret_pair, struct err *e)
{
	int r = -EIO;

	for (int tries = 0; tries < 8; tries++) {
		*ret_pair = free_pair();
		if (*ret_pair == NET_PAIRS_MAX)
			return err_set(e, -E2BIG, "network: all %d pairs of addresses are taken", NET_PAIRS_MAX);
		r = make_host_side(id, *ret_pair, e);
		if (r == 0)
			return 0;
	}
	return r;
}

int net_make(const char *id, const struct net_ports *ports, struct err *e)
{
	char name[NET_PATH_MAX];
	const char *const add[] = { "ip", "netns", "add", name, NULL };
	uint32_t pair = 0;
	int r;

	snprintf(name, sizeof(name), "yagura-%s", id);
	r = run_with(add, STR(""), e);
	r = r < 0 ? r : make_pair(id, &pair, e);
	r = r < 0 ? r : make_inside(id, pair, e);
	r = r < 0 ? r : allow_loopback(pair, e);
	r = r < 0 ? r : make_rules(id, pair, ports, e);
	if (r < 0)
		net_remove(id);
	return r;
}

void net_remove(const char *id)
{
	char name[NET_PATH_MAX], table[NET_PATH_MAX];
	const char *const remove[] = { "ip", "netns", "delete", name, NULL };
	const char *const forget[] = { "nft", "delete", "table", "ip", table, NULL };

	snprintf(name, sizeof(name), "yagura-%s", id);
	snprintf(table, sizeof(table), "yagura_%s", id);
	/* Of what is not there nobody needs to hear. The pair of interfaces goes with the namespace. */
	(void)!run_with(forget, STR(""), NULL);
	(void)!run_with(remove, STR(""), NULL);
}
