/* netlink: requests to the kernel written and answers read by hand: links, queues, filters, firewall, audit.
 *
 * A request is built in a fixed buffer; what does not fit is a bug of ours (assert). Answers come from the kernel and
 * are read with bounds all the same. Document: netlink(7), rtnetlink(7), linux/rtnetlink.h. */
#ifndef NETLINK_NETLINK_H
#define NETLINK_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/str.h"

#define NETLINK_REQUEST_MAX 2048

struct netlink_request {
	_Alignas(4) char bytes[NETLINK_REQUEST_MAX];
	size_t n;
};

/* A socket in the network namespace `netns` (a descriptor), or the caller's own (-1). */
int netlink_open(int netns, struct err *e) must_check;
/* A socket of another protocol (NETLINK_NETFILTER, NETLINK_AUDIT), in the caller's own network namespace. */
int netlink_open_protocol(int protocol, struct err *e) must_check;

/* A request with its fixed header (struct ifinfomsg, tcmsg), then attributes. */
void netlink_begin(struct netlink_request *r, uint16_t type, uint16_t flags, const void *header, size_t n);
void netlink_put(struct netlink_request *r, uint16_t attribute, const void *p, size_t n);
void netlink_put_u32(struct netlink_request *r, uint16_t attribute, uint32_t v);
void netlink_put_str(struct netlink_request *r, uint16_t attribute, const char *z); /* with its NUL */
size_t netlink_nest(struct netlink_request *r, uint16_t attribute);		    /* a handle for the end */
void netlink_nest_end(struct netlink_request *r, size_t nest);

/* Sends and waits for the kernel's word: 0 or its negative errno. Each message of an answer goes to `each` (may be
 * NULL), header and attributes behind it; a negative return ends the walk. */
int netlink_talk(int socket, struct netlink_request *r,
		 int (*each)(void *arg, uint16_t type, const void *message, size_t n), void *arg) must_check;

/* The payload of an attribute in a run of them; false when it is not there or the run is broken. */
bool netlink_find(struct str attributes, uint16_t attribute, struct str *ret);
bool netlink_find_u32(struct str attributes, uint16_t attribute, uint32_t *ret);

/* An interface of the socket's namespace: its index, -ENODEV when there is none of that name; and switched on. */
int netlink_link_index(int socket, const char *name) must_check;
int netlink_link_up(int socket, int index) must_check;

#endif
