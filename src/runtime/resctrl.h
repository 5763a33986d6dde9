/* resctrl: a container's share of the last cache and of memory bandwidth (linux.intelRdt).
 *
 * The kernel's file system is asked: a group is a directory, its `schemata` the shares, its `tasks` who has them.
 * Documents: Linux Documentation/filesystems/resctrl.rst, runtime-spec config-linux.md "IntelRdt". */
#ifndef RUNTIME_RESCTRL_H
#define RUNTIME_RESCTRL_H

#include <sys/types.h>

#include "runtime/config.h"

#define RESCTRL_SCHEMATA_MAX 65536 /* bytes of one group's */

/* Where it is mounted: a directory's descriptor. -ENOTSUP: nowhere, by this machine's hardware or its kernel. */
int resctrl_open(int *ret, struct err *e) must_check;

struct resctrl_want {
	const char *group; /* linux.intelRdt.closID, or the container's id */
	bool shared;	   /* a closID: others may be in it, and it may be there already */
	struct strings schemata;
	const char *l3, *bandwidth; /* further lines, NULL: none */
	bool monitoring;	    /* a group of figures of its own, named by the id */
	const char *id;
};
/* Makes the group where it is missing, and sets what is asked; with a closID that is there, what it says must be the
 * same. *ret_made: it is ours to take away. */
int resctrl_make(int root, const struct resctrl_want *w, bool *ret_made, struct err *e) must_check;
int resctrl_join(int root, const struct resctrl_want *w, pid_t pid, struct err *e) must_check;
/* What is gone already is no error. */
void resctrl_remove(int root, const struct resctrl_want *w, bool made);

#endif
