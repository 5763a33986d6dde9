/* audit: messages of the kernel's audit, written and read. No socket. Documents: linux/audit.h, audit.rules(7). */
#ifndef NODE_INIT_AUDIT_H
#define NODE_INIT_AUDIT_H

#include "base/buf.h"

#define AUDIT_TEXT_MAX 8970 /* bytes of a record: linux/audit.h, MAX_AUDIT_MESSAGE_LENGTH */

/* The rules of a node, by number; the payload of AUDIT_ADD_RULE. False behind the last. */
bool audit_rule(size_t i, struct buf *b);

/* The payload of AUDIT_SET for these members of struct audit_status (AUDIT_STATUS_...). */
struct audit_wish {
	uint32_t mask, enabled, pid, rate, backlog, failure;
};
void audit_wish_write(struct buf *b, const struct audit_wish *w);

/* One netlink message of a datagram: 1, 0 at its end, -EBADMSG. */
struct audit_record {
	uint16_t type;
	struct str text;
};
int audit_next(struct str *rest, struct audit_record *ret) must_check;

/* The record as a line for the log: its name (or number), then its text; controls are replaced. */
void audit_line(struct buf *b, const struct audit_record *r);

#endif
