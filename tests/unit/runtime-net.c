/* net: what a container in a network namespace of its own may receive and send, asked of the kernel and tried with
 * packets; what is shared, refused and undone. Everything happens in namespaces of the test's own. */
#include "runtime/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/run.h"
#include "tap.h"

#define MBIT 1000000ull

static int program(const char *const *argv)
{
	struct run r = { argv, NULL, 0, 10000 };
	int status = -1;

	return run_program(&r, &status, NULL) < 0 ? -1 : status;
}
#define RUN(...) EQ_INT(program((const char *const[]){ __VA_ARGS__, NULL }), 0)

#define FIRST_MS 10000
#define SILENCE_MS 500

/* A process in a namespace of its own, with which we share a veth: y0 (here, 10.9.8.1) and y1 (there, 10.9.8.2). */
struct box {
	pid_t pid;
	char number[16];
	int go; /* a byte sent here lets it send */
};

static void send_udp(const char *to, unsigned int packets);

static void child(int go)
{
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(go, &c, 1) == 1)
		send_udp("10.9.8.1", 400);
	_exit(0);
}

static bool box_make(struct box *b, bool own)
{
	int pipes[2], ready[2];
	char c;

	row("%s", geteuid() ? "as a user" : "as root");
	if (geteuid()) {
		tap_skip("needs root");
		return false;
	}
	/* Our own "host" is a namespace too: nothing of the machine's network is touched. */
	OK(unshare(CLONE_NEWNET) == 0);
	OK(pipe2(pipes, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	b->pid = fork();
	if (!b->pid) {
		close(pipes[1]);
		if (own && unshare(CLONE_NEWNET) < 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		child(pipes[0]);
	}
	close(pipes[0]);
	close(ready[1]);
	b->go = pipes[1];
	OK(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	snprintf(b->number, sizeof(b->number), "%d", b->pid);
	RUN("ip", "link", "set", "lo", "up");
	return true;
}

static void box_wire(struct box *b)
{
	RUN("ip", "link", "add", "y0", "type", "veth", "peer", "name", "y1", "netns", b->number);
	RUN("ip", "addr", "add", "10.9.8.1/24", "dev", "y0");
	RUN("ip", "link", "set", "y0", "up");
	RUN("nsenter", "-t", b->number, "-n", "ip", "addr", "add", "10.9.8.2/24", "dev", "y1");
	RUN("nsenter", "-t", b->number, "-n", "ip", "link", "set", "y1", "up");
}

static void box_done(struct box *b)
{
	close(b->go);
	kill(b->pid, SIGKILL);
	waitpid(b->pid, NULL, 0);
}

static void send_udp(const char *to, unsigned int packets)
{
	static char bytes[1400];
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(4000) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, to, &a.sin_addr);
	for (unsigned int i = 0; i < packets; i++)
		(void)!sendto(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&a, sizeof(a));
	close(fd);
}

/* Packets that arrive until there is silence; the first may be long in coming from a sender that waits for a CPU. */
static unsigned int receive(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	char bytes[2000];
	unsigned int n = 0;

	while (poll(&p, 1, n ? SILENCE_MS : FIRST_MS) == 1 && recv(fd, bytes, sizeof(bytes), 0) > 0)
		n++;
	return n;
}

static int listener(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(4000), .sin_addr.s_addr = htonl(INADDR_ANY) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	OK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

static const char *netns(const struct box *b)
{
	static char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", b->pid);
	return path;
}

static bool has_link(const char *name)
{
	return if_nametoindex(name) != 0;
}

TEST(limited)
{
	struct net_record rec = { 0 }, again = { 0 };
	uint64_t in = 0, out = 0;
	struct err e = { 0 };
	unsigned int free_count, held;
	struct box b;
	bool own = false;
	int fd;

	if (!box_make(&b, true))
		return;
	box_wire(&b);
	OK_ERR(net_is_own(netns(&b), &own, &e), &e);
	OK(own);
	fd = listener();
	OK(write(b.go, "x", 1) == 1);
	free_count = receive(fd);
	OK(free_count > 300);

	OK_ERR(net_limit(netns(&b), "box", 2 * MBIT, 1 * MBIT, &rec, &e), &e);
	EQ_INT(rec.n, 1);
	EQ_Z(rec.v[0].host_name, "y0");
	OK(has_link(rec.v[0].ifb_name));
	OK_ERR(net_read(&rec, &in, &out, &e), &e);
	EQ_INT(in, 2 * MBIT);
	EQ_INT(out, 1 * MBIT);
	/* 560 KB at once: the burst and the queue pass, about 69 KB; the rest is dropped */
	OK(write(b.go, "x", 1) == 1);
	held = receive(fd);
	OK(held > 10 && held < 120);

	OK_ERR(net_limit(netns(&b), "second", 2 * MBIT, 1 * MBIT, &again, &e), &e);
	OK(again.v[0].shared);
	net_undo(&again);
	OK_ERR(net_read(&rec, &in, &out, &e), &e);
	EQ_INT(in, 2 * MBIT);
	EQ_INT(out, 1 * MBIT);
	EQ_INT(net_limit(netns(&b), "third", 3 * MBIT, 0, &again, &e), -EEXIST);
	OK(str_find_str(str_c(e.msg), STR("limited to 2000000")) >= 0);

	net_undo(&rec);
	OK(!has_link(rec.v[0].ifb_name));
	OK_ERR(net_read(&rec, &in, &out, &e), &e);
	EQ_INT(in, 0);
	EQ_INT(out, 0);
	OK(write(b.go, "x", 1) == 1);
	OK(receive(fd) > 300);
	close(fd);
	box_done(&b);
}

/* A rate that does not fit in 32 bits of bytes. */
TEST(fast)
{
	struct net_record rec = { 0 };
	uint64_t in = 0, out = 0;
	struct err e = { 0 };
	struct box b;

	if (!box_make(&b, true))
		return;
	box_wire(&b);
	OK_ERR(net_limit(netns(&b), "box", 100000 * MBIT, 0, &rec, &e), &e);
	OK_ERR(net_read(&rec, &in, &out, &e), &e);
	EQ_INT(in, 100000 * MBIT);
	EQ_INT(out, 0);
	net_undo(&rec);
	box_done(&b);
}

TEST(alone)
{
	struct net_record rec = { 0 };
	struct err e = { 0 };
	struct box b;

	if (!box_make(&b, true))
		return;
	OK_ERR(net_limit(netns(&b), "box", MBIT, MBIT, &rec, &e), &e);
	EQ_INT(rec.n, 0);
	box_done(&b);
}

TEST(no_host_end)
{
	struct net_record rec = { 0 };
	struct err e = { 0 };
	struct box b;

	if (!box_make(&b, true))
		return;
	box_wire(&b);
	/* both ends inside: its other end is nobody's on the host */
	RUN("nsenter", "-t", b.number, "-n", "ip", "link", "add", "z0", "type", "veth", "peer", "name", "z1");
	EQ_INT(net_limit(netns(&b), "box", MBIT, MBIT, &rec, &e), -ENOTSUP);
	OK(str_find_str(str_c(e.msg), STR("has no end in this network namespace")) >= 0);
	net_undo(&rec);
	OK(!has_link("yg"));
	box_done(&b);
}

/* In the host's network: by the container's group. */
TEST(group)
{
	static char id[32];
	struct cgroup_host h = { 0 };
	struct cgroup c = { 0 };
	uint64_t in = 0, out = 0;
	struct err e = { 0 };
	struct box b;
	bool own = true;
	unsigned int held;
	int fd;

	if (!box_make(&b, false))
		return;
	RUN("ip", "addr", "add", "10.9.8.1/24", "dev", "lo");
	OK_ERR(net_is_own(netns(&b), &own, &e), &e);
	OK(!own);
	snprintf(id, sizeof(id), "net-%d", getpid());
	OK_ERR(cgroup_host(&h, &e), &e);
	OK_ERR(cgroup_init(&c, &h, NULL, id, false, false, &e), &e);
	OK_ERR(cgroup_make(&c, &e), &e);
	if (cgroup_dir(&c, CG_UNIFIED, NULL) < 0) {
		EQ_INT(net_limit_group(&c, MBIT, MBIT, &e), -ENOTSUP);
	} else {
		OK_ERR(cgroup_join(&c, b.pid, false, &e), &e);
		fd = listener();
		OK(write(b.go, "x", 1) == 1);
		OK(receive(fd) > 300);
		OK_ERR(net_limit_group(&c, 3 * MBIT, 1 * MBIT, &e), &e);
		OK_ERR(net_read_group(&c, &in, &out, &e), &e);
		EQ_INT(in, 3 * MBIT);
		EQ_INT(out, 1 * MBIT);
		OK(write(b.go, "x", 1) == 1);
		held = receive(fd);
		OK(held > 10 && held < 120);
		close(fd);
	}
	OK_ERR(cgroup_kill(&c, SIGKILL, &e), &e);
	box_done(&b);
	OK_ERR(cgroup_remove(&c, &e), &e);
	cgroup_host_done(&h);
}
