/* auditd: rules that are locked, and the service that reads what they say. See node.h and docs/node.md. */
#include <fcntl.h>
#include <linux/audit.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "netlink/netlink.h"
#include "node/init/audit.h"
#include "node/init/node.h"

#define LOCKED 2	    /* `enabled`: no rule changes until the next boot */
#define RATE_PER_SECOND 500 /* a container that starts programs without end is not to fill the memory */
#define BACKLOG 256
#define FAILURE_SILENT 0 /* a record that is lost is counted, the node goes on */
#define RECEIVE_BYTES (1 << 20)

/* netlink.h's request has room for small messages: rules are larger. */
static int ask(int fd, uint16_t type, struct str payload, struct err *e)
{
	auto_buf struct buf b = { 0 };
	struct nlmsghdr h = { (uint32_t)(NLMSG_HDRLEN + payload.n), type, NLM_F_REQUEST | NLM_F_ACK, 1, 0 };
	char answer[256];
	int code = 0;

	buf_init(&b, 4096);
	buf_add(&b, &h, sizeof(h));
	buf_str(&b, payload);
	if (send(fd, b.p, b.n, 0) < 0)
		return err_errno(e, -errno, "audit");
	/* Only the answer to this one is of interest; a record may be before it. */
	for (int i = 0; i < 64; i++) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < (ssize_t)(NLMSG_HDRLEN + sizeof(code)))
			return err_errno(e, n < 0 ? -errno : -EBADMSG, "audit");
		memcpy(&h, answer, sizeof(h));
		if (h.nlmsg_type != NLMSG_ERROR)
			continue;
		memcpy(&code, answer + NLMSG_HDRLEN, sizeof(code));
		return code < 0 ? err_errno(e, code, "audit: message %u", type) : 0;
	}
	return err_set(e, -EIO, "audit: no answer");
}

static int set(int fd, const struct audit_wish *w, struct err *e)
{
	auto_buf struct buf b = { 0 };

	buf_init(&b, 256);
	audit_wish_write(&b, w);
	return ask(fd, AUDIT_SET, buf_all(&b), e);
}

int audit_lock(struct err *e)
{
	auto_close int fd = netlink_open_protocol(NETLINK_AUDIT, e);
	int r = fd < 0 ? fd
		       : set(fd,
			     &(struct audit_wish){ .mask = AUDIT_STATUS_ENABLED | AUDIT_STATUS_FAILURE |
							   AUDIT_STATUS_RATE_LIMIT | AUDIT_STATUS_BACKLOG_LIMIT,
						   .enabled = 1,
						   .failure = FAILURE_SILENT,
						   .rate = RATE_PER_SECOND,
						   .backlog = BACKLOG },
			     e);

	for (size_t i = 0; r == 0; i++) {
		auto_buf struct buf b = { 0 };

		buf_init(&b, 4096);
		if (!audit_rule(i, &b))
			break;
		r = ask(fd, AUDIT_ADD_RULE, buf_all(&b), e);
	}
	return r < 0 ? r : set(fd, &(struct audit_wish){ .mask = AUDIT_STATUS_ENABLED, .enabled = LOCKED }, e);
}

/* Its standard output is a log of its own, bounded as all are. */
int auditd_main(void)
{
	static char bytes[AUDIT_TEXT_MAX + 256];
	struct err e = { 0 };
	int fd = netlink_open_protocol(NETLINK_AUDIT, &e), size = RECEIVE_BYTES;

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (fd < 0 || set(fd, &(struct audit_wish){ .mask = AUDIT_STATUS_PID, .pid = (uint32_t)getpid() }, &e) < 0) {
		dprintf(2, "%s\n", e.msg);
		return 3;
	}
	for (;;) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		struct str rest = str_n(bytes, n > 0 ? (size_t)n : 0);
		auto_buf struct buf line = { 0 };
		struct audit_record r;

		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			return 3;
		buf_init(&line, 2 * AUDIT_TEXT_MAX);
		while (audit_next(&rest, &r) > 0) {
			if (r.type < AUDIT_FIRST_USER_MSG)
				continue; /* answers */
			audit_line(&line, &r);
			buf_char(&line, '\n');
		}
		if (line.n)
			(void)!fd_write(1, line.p, line.n);
	}
}
