/* net: how fast a container may receive and send.
 *
 * In a network namespace of its own: at the host's end of each veth of it, where the container cannot reach even with
 * every capability in its namespace. What goes in is queued by a token bucket there (tbf); what comes out is led
 * through an intermediate device (ifb) with another. A pod's containers share a namespace: who finds the same limit
 * there shares it. In the host's namespace: a token bucket in BPF on the container's v2 group, which drops (it cannot
 * queue).
 *
 * Interfaces that have no end on the host (macvlan, a device moved in) cannot be limited from outside: an error.
 * Documents: tc-tbf(8), tc-u32(8), tc-mirred(8), bpf-helpers(7). */
#ifndef RUNTIME_NET_H
#define RUNTIME_NET_H

#include "runtime/cgroup.h"

#define NET_LINKS_MAX 16    /* limited of one container */
#define NET_LATENCY_MS 25   /* a packet may wait in the queue so long, then it is dropped */
#define NET_BURST_MIN 65536 /* bytes: a whole segment of the sender's, which veth passes on in one piece */
#define NET_BURST_MS 20	    /* of the rate, where that is more */
#define NET_NAME_MAX 16	    /* IFNAMSIZ */

struct net_link {
	uint32_t host_index; /* the host's end */
	char host_name[NET_NAME_MAX];
	char ifb_name[NET_NAME_MAX]; /* "": nothing is led anywhere */
	bool shared;		     /* another container of the namespace made it */
};
struct net_record {
	struct net_link v[NET_LINKS_MAX];
	size_t n;
	bool in_group; /* BPF on the cgroup instead */
};

/* Whether the network namespace at a path is another one than ours. */
int net_is_own(const char *path, bool *ret, struct err *e) must_check;

/* Limits every interface of the network namespace at a path; bits a second, 0: none. `id` names the container (for ifb
 * names). What was made is in *ret also on failure, for net_undo(). */
int net_limit(const char *path, const char *id, uint64_t in_bps, uint64_t out_bps, struct net_record *ret,
	      struct err *e) must_check;
/* The same by BPF on the container's v2 group. */
int net_limit_group(const struct cgroup *c, uint64_t in_bps, uint64_t out_bps, struct err *e) must_check;

/* What is in force, bits a second: the loosest of all links, 0 for none. */
int net_read(const struct net_record *r, uint64_t *ret_in, uint64_t *ret_out, struct err *e) must_check;
int net_read_group(const struct cgroup *c, uint64_t *ret_in, uint64_t *ret_out, struct err *e) must_check;

/* Takes away what is not shared; what is gone already is no error. */
void net_undo(const struct net_record *r);
/* The intermediate devices of a container of which no record tells: their names come from its id. */
void net_undo_id(const char *id);

#endif
