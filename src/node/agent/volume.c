/* volume: the shared directories of a pod. See volume.h. */
#include "node/agent/volume.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "fs/ext4.h"
#include "runtime/loop.h"
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

/* A directory that is made if it is not there, and whose files belong to the pod's group. */
static int open_directory(const struct pod *p, const struct pod_volume *v, const char *dir, const char *name,
			  struct err *e)
{
	char path[PATH_MAX];
	auto_close int fd = -1;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
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

/* ---- of a size ---- */

_Static_assert(POD_DISK_SIZE_MIN >= EXT4_BYTES_MIN, "what a manifest may ask for can be made");

static int make_fs(int file, uint64_t bytes, struct err *e)
{
	struct ext4_make m = { .name = "volume", .root_mode = 0700 };
	int r = ext4_identify(&m);

	return r < 0 ? err_errno(e, r, "no random numbers") : ext4_make(file, bytes, &m, e);
}

/* What a power cut has left of its making is made anew; what is damaged goes with the pod. */
static int check_fs(int file, uint64_t bytes, struct err *e)
{
	struct ext4_probe probe;
	struct stat st;
	int r = fstat(file, &st) < 0 ? err_errno(e, -errno, "fstat") : 0;

	if (r == 0 && st.st_size && (uint64_t)st.st_size != bytes)
		return err_set(e, -EEXIST, "it is there with another size: delete the pod first");
	if (r == 0 && ftruncate(file, (off_t)bytes) < 0)
		r = err_errno(e, -errno, "ftruncate");
	r = r < 0 ? r : ext4_probe(file, bytes, &probe, e);
	if (r < 0 || probe.state == EXT4_SOUND)
		return r;
	if (probe.state == EXT4_EMPTY || probe.state == EXT4_CUT)
		return make_fs(file, bytes, e);
	return err_set(e, -EIO, "its file system is damaged");
}

static int mount_file(int file, const char *target, struct err *e)
{
	char device[64];
	const struct newfs_option options[] = { { "source", device }, { "discard", NULL }, { NULL, NULL } };
	auto_close int loop = loop_attach(file, false, device, sizeof(device));
	auto_close int mount =
		loop < 0 ? loop : newfs_make("ext4", options, ATTRIBUTES | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME);
	int r = mount < 0 ? mount : newfs_place(mount, target);

	return r < 0 ? err_errno(e, r, "its file system cannot be mounted") : 0;
}

/* A directory of it is what the pod gets: lost+found is none of its business. */
static int open_sized(const struct pod *p, const struct pod_volume *v, const char *dir, const char *target,
		      struct err *e)
{
	uint64_t bytes = v->size_bytes / 4096 * 4096;
	char path[PATH_MAX];
	auto_close int file = -1;
	int r = dir_make(AT_FDCWD, dir);

	if (r == 0 && snprintf(path, sizeof(path), "%s/%s.ext4", dir, v->name) >= (int)sizeof(path))
		r = -ENAMETOOLONG;
	file = r < 0 ? r : open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return err_errno(e, r < 0 ? r : -errno, "volume %s", v->name);
	r = check_fs(file, bytes, e);
	r = r < 0 ? r : mount_file(file, target, e);
	return r < 0 ? err_wrap(e, r, "volume %s", v->name) : open_directory(p, v, target, "volume", e);
}

/* ---- each kind ---- */

static int open_disk(const struct pod *p, const struct pod_volume *v, const char *target, const char *disk_path,
		     struct err *e)
{
	char dir[PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%s/%s", disk_path, p->name) >= (int)sizeof(dir))
		return err_errno(e, -ENAMETOOLONG, "volume %s", v->name);
	return v->size_bytes ? open_sized(p, v, dir, target, e) : open_directory(p, v, dir, v->name, e);
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
	fd = v->kind == POD_VOLUME_DISK ? open_disk(p, v, target, disk_path, e) : open_host(v, host_root, e);
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
		volumes_remove(p, run_path);
	return r;
}

void volumes_remove(const struct pod *p, const char *run_path)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < p->volume_count; i++)
		if (snprintf(path, sizeof(path), "%s/volumes/%s", run_path, p->volumes[i].name) < (int)sizeof(path))
			while (umount2(path, MNT_DETACH) == 0) /* one with a size is two mounts */
				;
}
