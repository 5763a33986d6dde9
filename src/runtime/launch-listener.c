/* launch-listener: the descriptor on which a process's system calls are asked about. See launch-listener.h. */
#include "runtime/launch-listener.h"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "runtime/launch-child.h"
#include "runtime/sys.h"

#define LISTENER_WAIT_US 20   /* loading takes some hundred */
#define LISTENER_WAITS 500000 /* ten seconds in all */
#define MESSAGE_BYTES_MAX (2u << 20)

/* No request has the number 0: a listener says ENOENT, everything else that it does not know the question. */
static bool is_listener(int fd)
{
	uint64_t id = 0;

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0 && errno == ENOENT;
}

static int take_listener(int pidfd, int number, struct err *e)
{
	for (int i = 0; i < LISTENER_WAITS; i++) {
		int fd = (int)sys(__NR_pidfd_getfd, pidfd, number, 0);

		if (fd >= 0 && is_listener(fd))
			return fd;
		if (fd < 0 && fd != -EBADF)
			return err_errno(e, fd, "linux.seccomp: the listener");
		fd_close(&fd);
		usleep(LISTENER_WAIT_US);
	}
	return err_set(e, -ETIMEDOUT, "linux.seccomp: the process never loaded its filter");
}

static int connect_agent(const char *path, struct err *e)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(to.sun_path))
		return err_set(e, -ENAMETOOLONG, "linux.seccomp.listenerPath: %s", path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return err_errno(e, -errno, "linux.seccomp.listenerPath: failed to connect with seccomp agent: %s",
				 path);
	return take_fd(&fd);
}

/* `state` is an object of its own already. */
static void message(const struct oci_config *c, pid_t pid, struct str state, struct buf *b)
{
	const char *metadata = c->seccomp.listener_metadata;

	buf_fmt(b, "{\"ociVersion\":\"%s\",\"fds\":[\"seccompFd\"],\"pid\":%d", c->version, (int)pid);
	if (metadata) {
		buf_str(b, STR(",\"metadata\":"));
		json_quote(b, str_c(metadata));
	}
	buf_str(b, STR(",\"state\":"));
	buf_str(b, state);
	buf_char(b, '}');
}

int launch_pass_listener(const struct oci_config *c, pid_t pid, int pidfd, int number, struct str state, struct err *e)
{
	auto_buf struct buf b = { 0 };
	auto_close int listener = -1;
	auto_close int agent = -1;
	int r;

	if (!c->seccomp.listener_path)
		return err_set(e, -EBADMSG, "linux.seccomp.listenerPath: missing, SCMP_ACT_NOTIFY needs it");
	agent = connect_agent(c->seccomp.listener_path, e);
	if (agent < 0)
		return agent;
	listener = take_listener(pidfd, number, e);
	if (listener < 0)
		return listener;
	buf_init(&b, MESSAGE_BYTES_MAX);
	message(c, pid, state, &b);
	r = buf_finish(&b);
	if (r >= 0)
		r = launch_send(agent, buf_all(&b), &listener, 1);
	return r < 0 ? err_errno(e, r, "linux.seccomp.listenerPath: %s", c->seccomp.listener_path) : 0;
}

int launch_watch_listener(int pidfd, int number, const struct launch_watch *w, struct err *e)
{
	int listener = take_listener(pidfd, number, e);

	return listener < 0 ? listener : w->taken(w->arg, listener, e);
}
