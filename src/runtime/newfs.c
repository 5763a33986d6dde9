/* newfs: fsopen(2) and what follows. See newfs.h. */
#include "runtime/newfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>

#include "base/fd.h"

int newfs_open(const char *type)
{
	int fd = fsopen(type, FSOPEN_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int newfs_set(int fs, const char *key, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

int newfs_flag(int fs, const char *key)
{
	return fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0) < 0 ? -errno : 0;
}

int newfs_set_fd(int fs, const char *key, int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return newfs_set(fs, key, path);
}

int newfs_mount(int fs, uint64_t attributes)
{
	int fd;

	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attributes);
	return fd < 0 ? -errno : fd;
}

int newfs_make(const char *type, const struct newfs_option *options, uint64_t attributes)
{
	auto_close int fs = newfs_open(type);
	int r = fs < 0 ? fs : 0;

	for (const struct newfs_option *o = options; r >= 0 && o->key; o++)
		r = o->value ? newfs_set(fs, o->key, o->value) : newfs_flag(fs, o->key);
	return r < 0 ? r : newfs_mount(fs, attributes);
}

int newfs_place(int mount, const char *target)
{
	return move_mount(mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

int newfs_bind(int dir_fd, const char *path, uint64_t attributes, const char *target)
{
	struct mount_attr attr = { .attr_set = attributes };
	auto_close int mount =
		open_tree(dir_fd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH));

	if (mount < 0 || mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return newfs_place(mount, target);
}
