/* events: what a container uses, as the JSON that `events` of runc prints (docs/runtime-cli.md). */
#ifndef RUNTIME_EVENTS_H
#define RUNTIME_EVENTS_H

#include "base/buf.h"
#include "runtime/cgroup.h"

#define EVENTS_BYTES_MAX (1u << 20) /* of one line */

/* One line, {"type":"stats",...}. What the host does not have is 0, or left out where runc leaves it out. The
 * interfaces are those of the process's network namespace, as it counts them; null with the host's. */
int events_stats(const struct cgroup *c, const char *id, pid_t pid, struct buf *ret, struct err *e) must_check;

/* io.stat (v2) and blkio.throttle.io_* (v1) as entries {"major":..,"minor":..,"op":..,"value":..}: `field` is "rbytes"
 * and the like for the first, NULL for the second; `op` the name in the answer. Lines of another form are passed over.
 * Text of the kernel, but the parser takes anything. */
void events_io_v2(struct str text, const char *field, const char *op, struct buf *b, bool *more);
void events_io_v1(struct str text, struct buf *b, bool *more);
/* cpuset's lists, "0-2,5", as [0,1,2,5]: at most EVENTS_LIST_MAX of them. */
#define EVENTS_LIST_MAX 8192
void events_list(struct str text, struct buf *b);
/* cpuacct.usage_all, "cpu user system" and a line a processor: one column of it, as an array. */
void events_percpu(struct str text, unsigned int column, struct buf *b);
/* /proc/PID/net/dev as an array of interfaces. */
void events_net(struct str text, struct buf *b);

#endif
