/* listen: sockets. See listen.h. */
#include "node/agent/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define TRIES_MAX 50
#define TRY_AGAIN_MS 100

/* The half that spoke for an agent that was killed has the address until it has ended, too. */
static int bind_patiently(int fd, const void *address, socklen_t n)
{
	for (int tries = 0; bind(fd, address, n) < 0; tries++) {
		if (errno != EADDRINUSE || tries == TRIES_MAX)
			return -errno;
		poll(NULL, 0, TRY_AGAIN_MS);
	}
	return 0;
}

static int listen_at(int family, const void *address, socklen_t n, const char *what, struct err *e)
{
	auto_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, r;

	if (fd < 0 || (family == AF_INET && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0))
		return err_errno(e, -errno, "cannot listen on %s", what);
	r = bind_patiently(fd, address, n);
	if (r == 0 && listen(fd, LISTEN_BACKLOG) < 0)
		r = -errno;
	return r < 0 ? err_errno(e, r, "cannot listen on %s", what) : take_fd(&fd);
}

int listen_unix(const char *path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return err_errno(e, -ENAMETOOLONG, "%s", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	unlink(path);
	mask = umask(0177);
	fd = listen_at(AF_UNIX, &a, sizeof(a), path, e);
	umask(mask);
	return fd;
}

int listen_vsock(unsigned int port, struct err *e)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port };
	char what[32];

	snprintf(what, sizeof(what), "vsock port %u", port);
	return listen_at(AF_VSOCK, &a, sizeof(a), what, e);
}

int listen_tcp(const char *address, unsigned int port, struct err *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	char what[64];

	snprintf(what, sizeof(what), "%s:%u", address, port);
	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		return err_set(e, -EINVAL, "%s is no IPv4 address", address);
	return listen_at(AF_INET, &a, sizeof(a), what, e);
}
