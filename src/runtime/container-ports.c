/* container: the ports of one with a kernel of its own. See runtime/tier/tier.h.
 *
 * The annotation yagura.ports ("80,8443,53/udp") says them, and the configuration's network namespace is where they
 * are: who made it (an engine, `yagura run`) leads to it what is published. We listen there; the machine and its
 * monitor are in a namespace of their own, with nothing in it, and get no more than these sockets. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "runtime/container-part.h"

#define ANNOTATION "yagura.ports"
#define BACKLOG 128

static bool has_port(const struct tier_ports *p, uint16_t port, bool udp)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->port[i] == port && p->udp[i] == udp)
			return true;
	return false;
}

static int parse(struct str text, struct tier_ports *ret, struct err *e)
{
	for (struct str rest = text, word; str_cut(&rest, ',', &word);) {
		struct str number = str_trim(word), kind = STR("tcp");
		uint32_t port;
		bool udp;

		(void)str_split(number, '/', &number, &kind);
		udp = str_is(kind, "udp");
		if (!num_u32(number, &port) || !port || port > UINT16_MAX || !(udp || str_is(kind, "tcp")))
			return err_set(e, -EINVAL, "annotation " ANNOTATION ": \"" STR_FMT "\" is no port",
				       STR_ARG(word));
		if (has_port(ret, (uint16_t)port, udp))
			continue;
		if (ret->n == TIER_PORTS_MAX)
			return err_set(e, -E2BIG, "annotation " ANNOTATION ": more than %d ports", TIER_PORTS_MAX);
		ret->port[ret->n] = (uint16_t)port;
		ret->udp[ret->n++] = udp;
	}
	return 0;
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* An answer has to come from the address that was asked. */
static int say_where(int fd, int family)
{
	return family == AF_INET6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static int listen_at(const struct sockaddr *any, socklen_t size, bool udp)
{
	auto_close int fd = socket(any->sa_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -errno : udp ? say_where(fd, any->sa_family) : set(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (r == 0 && any->sa_family == AF_INET6)
		r = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (r == 0 && (bind(fd, any, size) < 0 || (!udp && listen(fd, BACKLOG) < 0)))
		r = -errno;
	return r < 0 ? r : take_fd(&fd);
}

/* Of both families where there are both. */
static int listen_on(uint16_t port, bool udp)
{
	const struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = listen_at((const struct sockaddr *)&any6, sizeof(any6), udp);

	return fd >= 0 ? fd : listen_at((const struct sockaddr *)&any4, sizeof(any4), udp);
}

static int listen_all(struct tier_ports *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		p->listener[i] = listen_on(p->port[i], p->udp[i]);
		if (p->listener[i] < 0)
			return err_errno(e, p->listener[i], "port %u%s", p->port[i], p->udp[i] ? "/udp" : "");
	}
	return 0;
}

void container_ports_close(struct tier_ports *p)
{
	for (size_t i = 0; i < p->n; i++)
		fd_close(&p->listener[i]);
}

int container_ports(struct container *c, struct tier_ports *ret, struct err *e)
{
	const char *words = oci_annotation(&c->config, ANNOTATION), *path = c->config.namespaces[NS_NETWORK].path;
	auto_close int own = -1, netns = -1;
	int r = 0;

	memset(ret->listener, -1, sizeof(ret->listener));
	if (!words && !path)
		return 0;
	if (!words || !path)
		return err_set(e, -ENOTSUP,
			       "tier %s: a guest has no network: nothing but the ports of the annotation " ANNOTATION
			       " leads into it, from a network namespace made outside",
			       c->state.tier);
	r = parse(str_c(words), ret, e);
	if (r < 0)
		return r;
	own = fd_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
	netns = fd_open(AT_FDCWD, path, O_RDONLY);
	if (own < 0 || netns < 0 || setns(netns, CLONE_NEWNET) < 0)
		return err_errno(e, own < 0 ? own : netns < 0 ? netns : -errno, "network namespace %s", path);
	r = listen_all(ret, e);
	/* Everything after this would act in the container's network: there is no going on. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	c->netns = path;
	return r < 0 ? err_wrap(e, r, "annotation " ANNOTATION) : 0;
}
