/* rootfs: layers mounted over each other. See rootfs.h. */
#include "runtime/rootfs.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "runtime/loop.h"
#include "runtime/newfs.h"

#define LAYER_ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV)
#define SOURCE_BYTES_MAX 64

/* Without "ro" a device is opened for writing, which dm-verity and read-only loop devices refuse (EACCES). */
static int erofs_from(const char *source)
{
	const struct newfs_option options[] = { { "source", source }, { "ro", NULL }, { NULL, NULL } };

	return newfs_make("erofs", options, LAYER_ATTRIBUTES);
}

/* From the file itself, or through a loop device where the kernel wants one. */
static int layer_mount(int image)
{
	char source[PATH_MAX], self[SOURCE_BYTES_MAX];
	auto_close int loop = -1;
	ssize_t n;
	int fd;

	/* By its name: what /proc/mounts tells is read by people. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", image);
	n = readlink(self, source, sizeof(source) - 1);
	if (n < 0)
		return -errno;
	source[n] = 0;
	fd = erofs_from(source);
	if (fd != -ENOTBLK)
		return fd;
	loop = loop_attach(image, true, source, sizeof(source));
	return loop < 0 ? loop : erofs_from(source);
}

static int layer_map(int mount, int userns)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };

	return mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int layer_path(const struct rootfs *r, size_t i, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/%zu", r->work, i);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int place_layer(const struct rootfs *r, size_t i, const char *path, struct err *e)
{
	auto_close int mount = layer_mount(r->layers[i]);
	int result = mount < 0 ? mount : 0;

	if (result == 0 && r->userns >= 0)
		result = layer_map(mount, r->userns);
	result = result < 0 ? result : newfs_place(mount, path);
	return result < 0 ? err_errno(e, result, "layer %zu cannot be mounted", i) : 0;
}

/* An option a layer; kernels before 6.8 know only one list of all, which must fit into the 255 bytes of an option's
 * value. */
static int overlay_layers(const struct rootfs *r, int fs)
{
	char path[PATH_MAX];
	auto_buf struct buf all;
	int result = 0;

	buf_init(&all, 255);
	for (size_t i = r->n; i-- > 0 && result == 0;) {
		result = layer_path(r, i, path);
		result = result < 0 ? result : newfs_set(fs, "lowerdir+", path);
		buf_fmt(&all, "%s%zu", all.n ? ":" : "", i);
	}
	if (result != -EINVAL)
		return result;
	buf_char(&all, 0);
	return buf_finish(&all) < 0 || chdir(r->work) < 0 ? -E2BIG : newfs_set(fs, "lowerdir", all.p);
}

static int overlay_mount(const struct rootfs *r, struct err *e)
{
	auto_close int fs = newfs_open("overlay");
	auto_close int mount = -1;
	int result = fs < 0 ? fs : newfs_set(fs, "source", "yagura");

	result = result < 0 ? result : overlay_layers(r, fs);
	mount = result < 0 ? result : newfs_mount(fs, LAYER_ATTRIBUTES);
	result = mount < 0 ? mount : newfs_place(mount, r->target);
	return result < 0 ? err_errno(e, result, "%zu layers cannot be laid over each other", r->n) : 0;
}

int rootfs_own_mounts(struct err *e)
{
	struct mount_attr attr = { .propagation = MS_SLAVE };

	if (unshare(CLONE_NEWNS) < 0)
		return err_errno(e, -errno, "cannot make a mount namespace");
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return err_errno(e, -errno, "cannot keep mounts to this process");
	return 0;
}

int rootfs_bind(const char *directory, const char *target, struct err *e)
{
	int r = newfs_bind(AT_FDCWD, directory, LAYER_ATTRIBUTES, target);

	return r < 0 ? err_errno(e, r, "%s", directory) : 0;
}

int rootfs_mount(const struct rootfs *r, struct err *e)
{
	int result = 0;

	if (!r->n || r->n > ROOTFS_LAYERS_MAX)
		return err_set(e, r->n ? -E2BIG : -EINVAL, "an image of %zu layers; it must have 1 to %d to be run",
			       r->n, ROOTFS_LAYERS_MAX);
	if (r->n == 1)
		return place_layer(r, 0, r->target, e);
	for (size_t i = 0; i < r->n && result == 0; i++) {
		char path[PATH_MAX];

		result = layer_path(r, i, path);
		if (result == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
			result = -errno;
		result = result < 0 ? err_errno(e, result, "%s", r->work) : place_layer(r, i, path, e);
	}
	result = result < 0 ? result : overlay_mount(r, e);
	if (result < 0)
		rootfs_unmount(r);
	return result;
}

void rootfs_unmount(const struct rootfs *r)
{
	char path[PATH_MAX];

	umount2(r->target, MNT_DETACH);
	for (size_t i = 0; i < r->n && r->n > 1; i++)
		if (layer_path(r, i, path) == 0) {
			umount2(path, MNT_DETACH);
			rmdir(path);
		}
}
