/* disk: how much a container may write, and how fast.
 *
 * The writable layer is an ext4 file system in a sparse file of its own: it ends where the limit ends, has its own
 * number of inodes, and is a block device of its own, so that a rate can be held for it alone. The file has no name
 * (O_TMPFILE), the device is given back with the last mount (AUTOCLEAR), and the mount is in nobody's tree until the
 * container's: what is killed at any step leaves nothing.
 *
 * Rates: cgroup v2's io.max in the container's group knows who wrote a page. v1 does not: its rule is set for the
 * layer's device in the root group, which every write reaches, written back pages too. That rule outlives the device's
 * use and has to be taken away again: disk_unthrottle() with the container, disk_reap() for what was killed.
 *
 * Documents: loop(4), fsopen(2); cgroup-v2.rst ("IO Interface Files"), cgroup-v1/blkio-controller.rst. */
#ifndef RUNTIME_DISK_H
#define RUNTIME_DISK_H

#include "runtime/cgroup.h"

#define DISK_DIR "/var/lib/yagura/layers" /* where the files without names are; an option may name another */
#define DISK_SIZE_MIN (8ull << 20)
#define DISK_STACK_MAX 8    /* file systems on file systems followed to their device */
#define DISK_LOOPS_MAX 4096 /* loop devices looked through for leftovers */

struct disk_want {
	uint64_t size_bytes, inodes; /* inodes 0: one for 16 KiB */
	uint32_t uid, gid;	     /* that own its root: the container's root */
};
struct disk_layer {
	int mount;		     /* a mount nobody sees; owned */
	unsigned int major, minor;   /* of its device */
	uint64_t inodes, size_bytes; /* as the file system says */
};
/* -ENOTSUP when the size or the number of inodes for it is too small; the message says which. */
int disk_layer_make(const char *dir, const struct disk_want *w, struct disk_layer *ret, struct err *e) must_check;

/* The whole disk beneath an open file or directory: partitions lead to their disk, overlayfs to what its upper
 * directory lies on. -ENOTSUP saying why there is none (tmpfs, network, btrfs). */
int disk_beneath(int fd, unsigned int *ret_major, unsigned int *ret_minor, struct err *e) must_check;

struct disk_rates {
	uint64_t read_bps, write_bps, read_iops, write_iops; /* 0: none */
};
/* Adds the rates for one device to `resources` (v2, or v1 for direct I/O alone). */
void disk_rates_to_config(const struct disk_rates *rates, unsigned int major, unsigned int minor, struct arena *a,
			  struct oci_resources *r);
/* v1: the root group's rules for a device that is ours alone. All four are written: what an earlier user of the device
 * left is gone. */
int disk_throttle(const struct cgroup_host *h, const struct disk_rates *rates, unsigned int major, unsigned int minor,
		  struct err *e) must_check;
void disk_unthrottle(const struct cgroup_host *h, unsigned int major, unsigned int minor);
/* The rule in force: 0 for none. -ENOENT where there is no v1 blkio controller. */
int disk_throttled(const struct cgroup_host *h, unsigned int major, unsigned int minor,
		   struct disk_rates *ret) must_check;
/* Takes away the rules for loop devices that nothing is bound to. */
void disk_reap(const struct cgroup_host *h);

#endif
