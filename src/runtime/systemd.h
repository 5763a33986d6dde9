/* systemd: a container's control group made by systemd, as a transient scope (--systemd-cgroup).
 *
 * The few messages that takes are written by hand (runtime/dbus.h) when they are asked for: a library would be loaded
 * at every start of every container, and hold more than the whole of this program. The bus is the system's
 * ($DBUS_SYSTEM_BUS_ADDRESS, /run/dbus/system_bus_socket), of a user without rights the user's own
 * ($DBUS_SESSION_BUS_ADDRESS, $XDG_RUNTIME_DIR/bus). Documents: org.freedesktop.systemd1(5), docs.systemd.io's
 * "Control Group APIs and Delegation". */
#ifndef RUNTIME_SYSTEMD_H
#define RUNTIME_SYSTEMD_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

#define SYSTEMD_TIMEOUT_MS 30000 /* for one job */

struct cgroup_plan;

struct systemd_unit {
	struct str slice, name; /* "a-b.slice", "x.scope" */
	bool user;		/* of the user's own manager */
	bool oom_group;		/* all of it ends when it is out of memory; a systemd before 253 cannot be told */
};
/* Ends when the scope is there and holds the process. -ENOENT, -ECONNREFUSED: there is no bus; the message names its
 * path. */
int systemd_start(const struct systemd_unit *u, pid_t pid, struct err *e) must_check;
/* What systemd writes itself when it next looks at the unit (a reload of its units is enough): as ours, so that it
 * takes nothing back. What is not in the plan stays. */
int systemd_set(const struct systemd_unit *u, const struct cgroup_plan *p, struct err *e) must_check;
/* Forgets the unit; one that is not there (any more), or no bus, is no error. */
int systemd_stop(const struct systemd_unit *u, struct err *e) must_check;

#endif
