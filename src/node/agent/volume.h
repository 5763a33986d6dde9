/* volume: what the containers of a pod share: directories that are mounted below the pod's own, in the agent's mount
 * namespace, before the first container starts.
 *
 * A disk volume is a directory of the data partition, removed with the pod; with a size it is an ext4 file system in a
 * sparse file there, of that size with its own tables and journal. One in memory is a tmpfs with its size; hostPath is
 * a directory that must be there, reached without following a link. None has set-user-id programs or devices, and where
 * the data partition lies, none can be executed from. */
#ifndef NODE_AGENT_VOLUME_H
#define NODE_AGENT_VOLUME_H

#include "base/err.h"
#include "node/pod.h"

#define VOLUME_MEMORY_DEFAULT (64ull << 20) /* bytes of a volume in memory that says no size */

/* All of them below run_path/volumes; disk volumes lie in disk_path/POD. On failure nothing stays. */
int volumes_make(const struct pod *p, const char *run_path, const char *disk_path, const char *host_root,
		 struct err *e) must_check;
/* What is on disk stays, in disk_path/POD. */
void volumes_remove(const struct pod *p, const char *run_path);

#endif
