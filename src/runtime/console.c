/* console: terminals. See console.h. */
#include "runtime/console.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

#define NAME_BYTES_MAX 4096 /* of the terminal's name that comes with it; it is not used */

/* A path longer than a socket's address is reached from its directory. */
static int address_of(const char *path, struct sockaddr_un *ret, int *ret_dir)
{
	const char *slash = strrchr(path, '/');
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s", path);
	if (n < (int)sizeof(ret->sun_path) || !slash)
		return n < (int)sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
	auto_free char *dir = xstrdup(str_n(path, (size_t)(slash - path) + 1));

	*ret_dir = fd_open(AT_FDCWD, dir, O_PATH | O_DIRECTORY);
	if (*ret_dir < 0)
		return *ret_dir;
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", *ret_dir, slash + 1);
	return n < (int)sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
}

int console_connect(const char *path, int *ret, struct err *e)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir = -1;
	struct sockaddr_un a;
	int r = fd < 0 ? -errno : address_of(path, &a, &dir);

	if (r >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		r = -errno;
	if (r < 0)
		return err_errno(e, r, "console socket %s", path);
	*ret = take_fd(&fd);
	return 0;
}

int console_for(const struct oci_process *p, const char *path, int *own, int *ret, struct err *e)
{
	int pair[2], r;

	if (!p->terminal && path)
		return err_set(e, -EINVAL, "a console socket was given, but process.terminal is not set");
	if (p->terminal && !path && !own)
		return err_set(e, -EINVAL, "process.terminal is set: use --console-socket");
	if (path || !p->terminal)
		return path ? console_connect(path, ret, e) : 0;
	r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
	if (r < 0)
		return err_errno(e, -errno, "console socket");
	*own = pair[0];
	*ret = pair[1];
	return 0;
}

int console_receive(int socket, int *ret, struct err *e)
{
	char name[NAME_BYTES_MAX];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec v = { name, sizeof(name) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	const struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return err_set(e, n < 0 ? -errno : -EBADMSG, "no terminal came from the container");
	memcpy(ret, CMSG_DATA(c), sizeof(*ret));
	return 0;
}

bool console_raw(struct console_mode *m)
{
	struct termios now;

	_Static_assert(sizeof(now) <= sizeof(m->kept), "room for the mode");
	m->set = false;
	if (tcgetattr(STDIN_FILENO, &now) < 0)
		return false;
	memcpy(m->kept, &now, sizeof(now));
	cfmakeraw(&now);
	m->set = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
	return m->set;
}

void console_restore(struct console_mode *m)
{
	struct termios before;

	if (!m->set)
		return;
	memcpy(&before, m->kept, sizeof(before));
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	m->set = false;
}

void console_resize(int terminal)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(terminal, TIOCSWINSZ, &size);
}
