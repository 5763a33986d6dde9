/* pasta: a container's network without rights. See pasta.h. */
#include "engine/pasta.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/run.h"

#define READY_MS 10000
#define LOOK_MS 10
#define ARGS_MAX (16 + 2 * NET_PORTS_MAX)
#define ROUTES_MAX 65536 /* bytes of /proc/PID/net/route */

/* "127.0.0.1/8080:80" */
static const char *port_text(struct arena *a, const struct net_port *p)
{
	uint32_t n = p->address;

	if (!n)
		return arena_fmt(a, "%u:%u", p->host, p->container).p;
	return arena_fmt(a, "%u.%u.%u.%u/%u:%u", n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255, p->host, p->container)
		.p;
}

static void add_ports(struct arena *a, const struct net_ports *ports, bool udp, const char **argv, size_t *n)
{
	bool any = false;

	for (size_t i = 0; i < ports->v.n; i++) {
		if (ports->v.v[i].udp != udp)
			continue;
		argv[(*n)++] = udp ? "-u" : "-t";
		argv[(*n)++] = port_text(a, &ports->v.v[i]);
		any = true;
	}
	if (any)
		return;
	argv[(*n)++] = udp ? "-u" : "-t";
	argv[(*n)++] = "none";
}

/* The way out is the last thing it makes. */
static bool is_ready(pid_t pid)
{
	auto_buf struct buf text = { 0 };
	char path[48];
	struct str rest;

	snprintf(path, sizeof(path), "/proc/%d/net/route", pid);
	if (file_read(AT_FDCWD, path, ROUTES_MAX, &text, NULL) < 0)
		return false;
	rest = buf_all(&text);
	for (struct str line, name; str_cut(&rest, '\n', &line);)
		if (str_cut(&line, '\t', &name) && str_starts(line, STR("00000000\t")))
			return true;
	return false;
}

static int wait_until_ready(pid_t pasta, pid_t pid, int words, struct err *e)
{
	for (unsigned int ms = 0; ms < READY_MS; ms += LOOK_MS) {
		char text[256];
		int status;
		ssize_t n;

		if (is_ready(pid))
			return 0;
		if (run_ended(pasta, &status)) {
			n = fd_pread(words, text, sizeof(text), 0);
			return err_set(e, -EIO, "network: pasta ended with %d: " STR_FMT, status,
				       STR_ARG(str_trim(str_n(text, n > 0 ? (size_t)n : 0))));
		}
		poll(NULL, 0, LOOK_MS);
	}
	run_stop(pasta);
	return err_set(e, -ETIMEDOUT, "network: pasta: no network after %d s", READY_MS / 1000);
}

int pasta_start(pid_t pid, const struct net_ports *ports, pid_t *ret_pid, struct err *e)
{
	/* Nothing of the host's own is reached: no gateway that stands for it, no ports out to its loopback. */
	static const char *const fixed[] = { "pasta", "-f",   "-q", "--config-net", "--no-map-gw",
					     "-T",    "none", "-U", "none" };
	auto_arena struct arena a = { 0 };
	auto_close int words = memfd_create("yagura-pasta", MFD_CLOEXEC);
	const int fds[] = { -1, -1, words };
	const char **argv = arena_array(&a, const char *, ARGS_MAX);
	const struct run run = { .argv = argv, .fds = fds, .fd_count = ARRAY_LEN(fds) };
	size_t n = 0;
	pid_t pasta;
	int r;

	for (; n < ARRAY_LEN(fixed); n++)
		argv[n] = fixed[n];
	add_ports(&a, ports, false, argv, &n);
	add_ports(&a, ports, true, argv, &n);
	argv[n++] = arena_fmt(&a, "%d", (int)pid).p;
	argv[n] = NULL;
	r = words < 0 ? err_errno(e, -errno, "network: pasta") : run_start(&run, &pasta, e);
	r = r < 0 ? r : wait_until_ready(pasta, pid, words, e);
	if (r == 0)
		*ret_pid = pasta;
	return r;
}

void pasta_stop(pid_t pid)
{
	if (pid > 0)
		run_stop(pid);
}
