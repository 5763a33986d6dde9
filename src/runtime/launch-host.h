/* launch-host: what of the host's mounts a container must not keep. */
#ifndef RUNTIME_LAUNCH_HOST_H
#define RUNTIME_LAUNCH_HOST_H

#include "runtime/config.h"

/* Where a whole procfs or sysfs is mounted, by the text of a mountinfo file. Without pivot_root(2) (--no-pivot) they
 * would stay in the container's mount namespace below its root, and while the kernel finds one of them there, a user
 * namespace made inside may mount a new one without the masks. */
void launch_kernel_mounts_parse(struct str mountinfo, struct arena *a, struct strings *ret);
/* Of our own mount namespace. */
int launch_kernel_mounts(struct arena *a, struct strings *ret, struct err *e) must_check;

#endif
