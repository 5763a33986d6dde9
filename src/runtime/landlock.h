/* landlock: what a strict container may reach in its own tree: the LSM that is always there, also where the host has no
 * AppArmor or SELinux. Computed outside, entered by stage 2 after the switch of root.
 *
 * Everything may be read and executed (what must not be executed is mounted noexec); written only where something is
 * mounted writable, or everywhere when the root is; device nodes are made nowhere; ioctls reach devices below /dev
 * only. Abstract sockets of others are out of reach with the host's network namespace. In a domain of Landlock no mount
 * can be made or changed, whatever the capabilities.
 *
 * Document: Linux Documentation/userspace-api/landlock.rst, include/uapi/linux/landlock.h. */
#ifndef RUNTIME_LANDLOCK_H
#define RUNTIME_LANDLOCK_H

#include "runtime/config.h"

#define LANDLOCK_ABI_MIN 1 /* below: the kernel has none, and a strict container does not start */

struct landlock_rule {
	const char *path; /* inside the container; one that is not there is passed over */
	uint64_t rights;  /* LANDLOCK_ACCESS_FS_... left below it */
};
struct landlock {
	uint64_t fs, net, scoped; /* handled: what no rule leaves is refused */
	struct landlock_rule *rules;
	size_t n;
};

/* The kernel's version of the interface, 0: none. */
int landlock_version(void);

/* For a kernel of that version. */
void landlock_rules(const struct oci_config *c, int version, struct arena *a, struct landlock *ret);

#endif
