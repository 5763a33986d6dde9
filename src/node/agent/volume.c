/* volume: the shared directories of a pod. See volume.h. */
#include "node/agent/volume.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/agent/tree.h"
#include "runtime/newfs.h"

#define ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static int mount_memory(uint64_t bytes, const struct pod *p, const char *target)
{
	char size[32], inodes[32], group[32];
	const struct newfs_option options[] = { { "size", size },
						{ "nr_inodes", inodes },
						{ "mode", p->fs_group.set ? "2775" : "0777" },
						{ p->fs_group.set ? "gid" : NULL, group },
						{ NULL, NULL } };
	auto_close int mount = -1;

	snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)(bytes / 4096 + 1));
	snprintf(group, sizeof(group), "%llu", (unsigned long long)p->fs_group.v);
	mount = newfs_make("tmpfs", options, ATTRIBUTES | MOUNT_ATTR_NOEXEC);
	return mount < 0 ? mount : newfs_place(mount, target);
}

static int open_disk(const struct pod *p, const struct pod_volume *v, const char *disk_path, struct err *e)
{
	char path[PATH_MAX];
	auto_close int fd = -1;
	int r;

	if (v->size_bytes)
		return err_set(e, -ENOTSUP, "volume %s: sizeLimit can be held for medium Memory only", v->name);
	if (snprintf(path, sizeof(path), "%s/%s/%s", disk_path, p->name, v->name) >= (int)sizeof(path))
		return err_errno(e, -ENAMETOOLONG, "volume %s", v->name);
	r = dir_make(AT_FDCWD, path);
	fd = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd >= 0 && p->fs_group.set && fchown(fd, (uid_t)-1, (gid_t)p->fs_group.v) < 0)
		r = -errno;
	if (fd >= 0 && r == 0 && fchmod(fd, p->fs_group.set ? 02775 : 0777) < 0)
		r = -errno;
	if (fd < 0 || r < 0)
		return err_errno(e, fd < 0 ? fd : r, "volume %s", v->name);
	return take_fd(&fd);
}

/* Each part by itself and no link: a pod that can write there must not lead another one elsewhere. */
static int open_host(const struct pod_volume *v, const char *host_root, struct err *e)
{
	struct str rest = str_from(str_c(v->path), sizeof(POD_HOST_ROOT)), part;
	auto_close int dir = fd_open(AT_FDCWD, host_root, O_RDONLY | O_DIRECTORY);

	while (dir >= 0 && str_cut(&rest, '/', &part)) {
		auto_free char *name = xstrdup(part);
		int next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (next < 0)
			return err_errno(e, -errno, "volume %s: %s", v->name, v->path);
		close(dir);
		dir = next;
	}
	return dir < 0 ? err_errno(e, dir, "volume %s", v->name) : take_fd(&dir);
}

static int make_one(const struct pod *p, const struct pod_volume *v, const char *target, const char *disk_path,
		    const char *host_root, struct err *e)
{
	auto_close int fd = -1;
	int r;

	if (v->kind == POD_VOLUME_MEMORY) {
		r = mount_memory(v->size_bytes ? v->size_bytes : VOLUME_MEMORY_DEFAULT, p, target);
		return r < 0 ? err_errno(e, r, "volume %s", v->name) : 0;
	}
	fd = v->kind == POD_VOLUME_DISK ? open_disk(p, v, disk_path, e) : open_host(v, host_root, e);
	if (fd < 0)
		return fd;
	r = newfs_bind(fd, "", ATTRIBUTES, target);
	return r < 0 ? err_errno(e, r, "volume %s", v->name) : 0;
}

int volumes_make(const struct pod *p, const char *run_path, const char *disk_path, const char *host_root, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < p->volume_count && r == 0; i++) {
		char target[PATH_MAX];

		if (snprintf(target, sizeof(target), "%s/volumes/%s", run_path, p->volumes[i].name) >=
		    (int)sizeof(target))
			return err_errno(e, -ENAMETOOLONG, "volume %s", p->volumes[i].name);
		r = dir_make(AT_FDCWD, target);
		r = r < 0 ? err_errno(e, r, "volume %s", p->volumes[i].name)
			  : make_one(p, &p->volumes[i], target, disk_path, host_root, e);
	}
	if (r < 0)
		volumes_remove(p, run_path, disk_path, false);
	return r;
}

void volumes_remove(const struct pod *p, const char *run_path, const char *disk_path, bool forget)
{
	char path[PATH_MAX];
	int dir;

	for (size_t i = 0; i < p->volume_count; i++)
		if (snprintf(path, sizeof(path), "%s/volumes/%s", run_path, p->volumes[i].name) < (int)sizeof(path))
			umount2(path, MNT_DETACH);
	dir = forget ? fd_open(AT_FDCWD, disk_path, O_RDONLY | O_DIRECTORY) : -1;
	if (dir >= 0) {
		tree_remove(dir, p->name);
		close(dir);
	}
}
