/* rootfs: an image's layers mounted over each other, read-only: what a container of the image begins with.
 *
 * Mounts are made in the caller's mount namespace; a caller that wants them to go with it makes one of its own first
 * (rootfs_own_mounts()). On a kernel that mounts EROFS only from block devices (before 6.12) each layer takes a loop
 * device, which the kernel gives back with the mount.
 *
 * Documents: Linux Documentation/filesystems/overlayfs.rst, erofs.rst; mount_setattr(2), fsopen(2). */
#ifndef RUNTIME_ROOTFS_H
#define RUNTIME_ROOTFS_H

#include "base/err.h"

#define ROOTFS_LAYERS_MAX 500 /* that overlayfs lays over each other (OVL_MAX_STACK) */

/* This process gets a mount namespace of its own; what it mounts is seen nowhere else and ends with it and its
 * children. */
int rootfs_own_mounts(struct err *e) must_check;

struct rootfs {
	const int *layers; /* EROFS images open for reading, lowest first */
	size_t n;
	const char *work;   /* a directory of the caller's: a mount point for each layer is made in it */
	const char *target; /* where the whole is to be seen: an empty directory */
	int userns;	    /* ids are shown as this user namespace maps them; -1: as they are */
};
/* On failure nothing stays mounted. -E2BIG: more layers than the kernel takes. */
int rootfs_mount(const struct rootfs *r, struct err *e) must_check;
/* A directory of the host as root file system, read-only like layers. */
int rootfs_bind(const char *directory, const char *target, struct err *e) must_check;
/* Takes all of it away again; safe to call for what is not there. */
void rootfs_unmount(const struct rootfs *r);

#endif
