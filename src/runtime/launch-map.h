/* launch-map: the id maps of a new user namespace, written from outside. */
#ifndef RUNTIME_LAUNCH_MAP_H
#define RUNTIME_LAUNCH_MAP_H

#include "runtime/config.h"

/* By ourselves where we may; else (rootless) by newuidmap and newgidmap, which know what /etc/subuid grants. A single
 * range that maps ourselves needs neither. */
int launch_map(pid_t pid, const struct oci_mappings *uids, const struct oci_mappings *gids, bool rootless,
	       struct err *e) must_check;

/* A user namespace with these maps and nothing in it, for id-mapped mounts: its descriptor. */
int launch_map_open(const struct oci_mappings *uids, const struct oci_mappings *gids, struct err *e) must_check;

/* Runs `work` in a process that is root of a new user namespace with these maps, and of nothing else; without rights by
 * newuidmap and newgidmap. Its error is ours. */
int launch_map_run(const struct oci_mappings *uids, const struct oci_mappings *gids,
		   int (*work)(void *ctx, struct err *e), void *ctx, struct err *e) must_check;

#endif
