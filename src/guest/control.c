/* control: messages to a monitor. See control.h. */
#include "guest/control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "guest/frame.h"

#define BACKLOG 16
#define CONNECT_TRIES 500 /* of 10 ms: `start` returns when the monitor is executed, before it listens */

static const struct {
	size_t min, max; /* bytes of payload */
} kinds[CONTROL_KINDS] = {
	[CONTROL_EXEC] = { 0, 4 },
	[CONTROL_SIGNAL] = { 1, 1 },
	[CONTROL_WINDOW] = { 4, 4 },
	[CONTROL_ENDED] = { 1, 1 },
	[CONTROL_FAILED] = { 1, 1 + FRAME_TEXT_MAX },
	[CONTROL_LIMIT] = { 16, 16 },
	[CONTROL_ASK] = { 0, 0 },
	[CONTROL_FIGURES] = { FIGURES_BYTES, FIGURES_BYTES },
};

int control_parse(struct str bytes, enum control_kind *ret_kind, struct str *ret_payload)
{
	struct str payload = str_from(bytes, 1);
	uint8_t kind = bytes.n ? (uint8_t)bytes.p[0] : 0;

	if (!kind || kind >= CONTROL_KINDS || payload.n < kinds[kind].min || payload.n > kinds[kind].max ||
	    (kind == CONTROL_EXEC && payload.n % 4))
		return -EBADMSG;
	*ret_kind = (enum control_kind)kind;
	*ret_payload = payload;
	return 0;
}

int control_listen(struct err *e)
{
	static const struct sockaddr_un address = { AF_UNIX, CONTROL_PATH };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(CONTROL_PATH, 0600) < 0 || listen(fd, BACKLOG) < 0)
		return err_errno(e, -errno, CONTROL_PATH);
	return take_fd(&fd);
}

static int connect_soon(int fd, const struct sockaddr_un *address)
{
	const struct timespec pause = { 0, 10000000 };
	int r = -1;

	for (int i = 0; i < CONNECT_TRIES && r < 0; i++) {
		r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
		if (r < 0 && errno != ENOENT && errno != ECONNREFUSED)
			return r;
		if (r < 0)
			nanosleep(&pause, NULL);
	}
	return r;
}

int control_connect(const char *path, pid_t pid, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect_soon(fd, &address) < 0)
		return err_errno(e, -errno, "the container's monitor does not answer");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid != pid)
		return err_set(e, -EPERM, "what answers is not the container's monitor");
	return take_fd(&fd);
}

int control_send(int fd, enum control_kind kind, struct str payload, const int *fds)
{
	char bytes[CONTROL_BYTES_MAX] = { (char)kind };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec v = { bytes, 1 + str_head(payload, sizeof(bytes) - 1).n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (payload.n)
		memcpy(bytes + 1, payload.p, v.iov_len - 1);
	if (fds) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head = (struct cmsghdr){ CMSG_LEN(CONTROL_FDS * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), fds, CONTROL_FDS * sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void take_fds(struct msghdr *m, struct control *ret)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < CONTROL_FDS)
				ret->fds[n++] = fd;
			else
				close(fd);
		}
	}
}

int control_receive(int fd, struct control *ret)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
	} control;
	struct iovec v = { ret->bytes, sizeof(ret->bytes) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	int r;

	for (size_t i = 0; i < CONTROL_FDS; i++)
		ret->fds[i] = -1;
	if (n <= 0)
		return n < 0 ? -errno : 0;
	take_fds(&m, ret);
	r = m.msg_flags & MSG_TRUNC ? -EBADMSG : control_parse(str_n(ret->bytes, (size_t)n), &ret->kind, &ret->payload);
	for (size_t i = 0; i < CONTROL_FDS && r < 0; i++)
		fd_close(&ret->fds[i]);
	return r < 0 ? r : 1;
}
