/* volume: directories, images and block devices as disks of a machine. See tier.h. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fs/ext4.h"
#include "runtime/tier/parts.h"

#define MADE_IMAGE "yagura-volume.ext4"

/* One guest writes, or any number read: two kernels that write to one file system destroy it. The lock lives as long as
 * a descriptor of it, and the monitor gets one. A block device must not be mounted here, either. */
static int hold(struct volumes *all, const struct volume *v, struct stat *ret, struct err *e)
{
	int fd = fd_open(AT_FDCWD, v->source, (v->writable ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY);
	auto_close int exclusive = -1;

	if (fd < 0 || fstat(fd, ret) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "volume %s", v->source);
	all->held[all->held_count++] = fd;
	if (!S_ISREG(ret->st_mode) && !S_ISBLK(ret->st_mode))
		return err_set(e, -EINVAL, "volume %s: neither an image nor a block device", v->source);
	if (flock(fd, (v->writable ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0)
		return err_set(e, -EBUSY, "volume %s: another container has it", v->source);
	if (!S_ISBLK(ret->st_mode))
		return 0;
	exclusive = fd_open(AT_FDCWD, v->source, O_RDONLY | O_EXCL);
	return exclusive < 0 ? err_errno(e, exclusive, "volume %s: the host uses it", v->source) : 0;
}

/* A file keeps its owner; to the machine, and to it alone, it looks as if it were its own. */
static void show_as_own(struct machine_build *m, const struct stat *st)
{
	struct oci_mount *mount = &m->mounts.v[m->mounts.n - 1];
	struct oci_mapping *ids = arena_array(m->arena, struct oci_mapping, 2);

	ids[0] = (struct oci_mapping){ st->st_uid, m->request->host_uid, 1 };
	ids[1] = (struct oci_mapping){ st->st_gid, m->request->host_gid, 1 };
	mount->uids = (struct oci_mappings){ &ids[0], 1 };
	mount->gids = (struct oci_mappings){ &ids[1], 1 };
}

/* A node of its own: that in /dev is others'. */
static int make_node(const struct machine_build *m, const struct volume *v, const char *name, const struct stat *st,
		     struct err *e)
{
	if (mknodat(m->dir, name, S_IFBLK | (v->writable ? 0600 : 0400), st->st_rdev) < 0 ||
	    fchownat(m->dir, name, m->request->host_uid, m->request->host_gid, 0) < 0)
		return err_errno(e, -errno, "volume %s", v->source);
	return 0;
}

/* ---- an image in the place of an empty directory ---- */

static int check_empty(int dir, const char *path, struct err *e)
{
	int again = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	int r = d ? 0 : err_errno(e, -errno, "volume %s", path);

	for (struct dirent *at; r == 0 && (at = readdir(d));)
		if (strcmp(at->d_name, ".") && strcmp(at->d_name, "..") && strcmp(at->d_name, MADE_IMAGE))
			r = err_set(e, -ENOTEMPTY,
				    "volume %s: a guest can have an image in an empty directory, and this one holds %s",
				    path, at->d_name);
	if (d)
		closedir(d);
	return r;
}

/* Who comes later finds it as the last one left it. One whose making was cut short is made again. */
static int make_image(int fd, uint64_t bytes, const struct stat *directory, struct err *e)
{
	struct ext4_make make = { .root_mode = directory->st_mode & 07777,
				  .root_uid = directory->st_uid,
				  .root_gid = directory->st_gid };
	struct ext4_probe p = { .state = EXT4_EMPTY };
	struct stat st;
	int r = 0;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, -EBUSY, "another container has it");
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, MADE_IMAGE " is no regular file");
	if (st.st_size)
		r = ext4_probe(fd, (uint64_t)st.st_size, &p, e);
	if (r < 0 || (p.state != EXT4_EMPTY && p.state != EXT4_CUT))
		return r;
	if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return err_errno(e, -errno, "%llu bytes", (unsigned long long)bytes);
	r = ext4_identify(&make);
	return r < 0 ? err_errno(e, r, "no random numbers") : ext4_make(fd, bytes, &make, e);
}

/* In the volume's directory; from then on the volume is the image. */
static int place_image(const struct machine_build *m, struct volume *v, struct err *e)
{
	auto_close int dir = fd_open(AT_FDCWD, v->source, O_RDONLY | O_DIRECTORY), fd = -1;
	struct stat st;
	int r;

	if (dir < 0 || fstat(dir, &st) < 0)
		return err_errno(e, dir < 0 ? dir : -errno, "volume %s", v->source);
	r = check_empty(dir, v->source, e);
	if (r < 0)
		return r;
	fd = openat(dir, MADE_IMAGE, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	r = fd < 0 ? err_errno(e, -errno, MADE_IMAGE) : make_image(fd, m->volumes.make_bytes, &st, e);
	if (r < 0)
		return err_wrap(e, r, "volume %s", v->source);
	v->source = arena_fmt(m->arena, "%s/" MADE_IMAGE, v->source).p;
	v->directory = false;
	return 0;
}

static int build(struct machine_build *m, size_t i, struct err *e)
{
	struct volume *v = &m->volumes.v[i];
	const char *name = arena_fmt(m->arena, VOLUME_NAME, i).p, *target = arena_fmt(m->arena, "/" VOLUME_PATH, i).p;
	const char *own = arena_fmt(m->arena, "%s/%s", m->request->dir, name).p;
	struct stat st;
	int r = v->directory && v->writable ? place_image(m, v, e) : 0;

	if (r < 0)
		return r;
	if (v->directory) {
		r = image_volume(m, v->source, name, e);
		return r < 0 ? r : machine_bind(m, own, target, false, e);
	}
	r = hold(&m->volumes, v, &st, e);
	if (r == 0 && S_ISBLK(st.st_mode)) {
		r = make_node(m, v, name, &st, e);
		return r < 0 ? r : machine_bind(m, own, target, true, e);
	}
	r = r < 0 ? r : machine_bind(m, v->source, target, v->writable, e);
	if (r == 0)
		show_as_own(m, &st);
	return r;
}

int volumes_build(struct machine_build *m, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->volumes.n && r == 0; i++)
		r = build(m, i, e);
	return r;
}

void volumes_release(struct volumes *v)
{
	for (size_t i = 0; i < v->held_count; i++)
		fd_close(&v->held[i]);
	v->held_count = 0;
}
