/* newfs: a file system mounted by fsopen(2), where nobody sees it: a descriptor. Each call returns a negative errno, so
 * that they can be written one below the other. */
#ifndef RUNTIME_NEWFS_H
#define RUNTIME_NEWFS_H

#include <stdint.h>

#include "base/attr.h"

int newfs_open(const char *type) must_check; /* the descriptor for the others; its caller's to close */
int newfs_set(int fs, const char *key, const char *value) must_check;
int newfs_flag(int fs, const char *key) must_check;
/* A directory by its descriptor. */
int newfs_set_fd(int fs, const char *key, int fd) must_check;
/* The mount itself; attributes are MOUNT_ATTR_... */
int newfs_mount(int fs, uint64_t attributes) must_check;

struct newfs_option {
	const char *key;   /* NULL ends a list */
	const char *value; /* NULL: a flag */
};
/* All of that in one. */
int newfs_make(const char *type, const struct newfs_option *options, uint64_t attributes) must_check;

int newfs_place(int mount, const char *target) must_check; /* attached there */
/* A copy of the mount at a path below dir_fd ("": of it itself) with these attributes too, at target. */
int newfs_bind(int dir_fd, const char *path, uint64_t attributes, const char *target) must_check;

#endif
