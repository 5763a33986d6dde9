/* dm: a file as a block device whose every block is checked before it is used: a loop device, and dm-verity on it.
 *
 * The device-mapper is spoken to by its ioctls. The device is marked for removal as soon as it is open: it goes with
 * its last user, also when every process here is killed. Source: linux/dm-ioctl.h, Linux
 * Documentation/admin-guide/device-mapper/verity.rst. */
#ifndef NODE_AGENT_DM_H
#define NODE_AGENT_DM_H

#include "base/digest.h"
#include "base/err.h"

/* Whether this kernel has a device-mapper. */
bool dm_available(void);

/* The device over `file`, which has data and, behind it, the tree: an open descriptor that keeps it. `name` is unique
 * among the devices there are. A block that differs from its hash cannot be read (EIO). */
int dm_verity_open(const char *name, int file, uint64_t data_bytes, const struct digest *salt,
		   const struct digest *root, struct err *e) must_check;

#endif
