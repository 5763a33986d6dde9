/* project: layers by project quota. See project.h. */
#include "runtime/project.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "base/remove.h"
#include "runtime/sys.h"

#ifndef __NR_quotactl_fd
#define __NR_quotactl_fd 443
#endif
#define COMMAND(c) (((unsigned int)(c) << SUBCMDSHIFT) | PRJQUOTA)
#define PLACE "projects"
#define UNIT 1024u /* bytes of a limit's unit: QIF_DQBLKSIZE */
#define NAME_BYTES 32

static int open_place(const char *dir, bool make)
{
	auto_close int fd = fd_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
	int r = fd < 0 ? fd : make ? dir_make(fd, PLACE) : 0;

	return r < 0 ? r : fd_open(fd, PLACE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

bool project_is_there(const char *dir)
{
	struct fs_quota_statv state = { .qs_version = FS_QSTATV_VERSION1 };
	auto_close int fd = fd_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);

	return fd >= 0 && sys(__NR_quotactl_fd, fd, COMMAND(Q_XGETQSTATV), 0, &state) >= 0 &&
	       state.qs_flags & FS_QUOTA_PDQ_ENFD;
}

static int set_limits(int fd, uint32_t id, uint64_t bytes, uint64_t inodes)
{
	struct if_dqblk q = { .dqb_bhardlimit = bytes / UNIT,
			      .dqb_bsoftlimit = bytes / UNIT,
			      .dqb_ihardlimit = inodes,
			      .dqb_isoftlimit = inodes,
			      .dqb_valid = QIF_LIMITS };

	return (int)sys(__NR_quotactl_fd, fd, COMMAND(Q_SETQUOTA), id, &q);
}

static int get_limits(int fd, uint32_t id, uint64_t *ret_bytes, uint64_t *ret_inodes)
{
	struct if_dqblk q = { 0 };
	int r = (int)sys(__NR_quotactl_fd, fd, COMMAND(Q_GETQUOTA), id, &q);

	if (r < 0)
		return r;
	*ret_bytes = q.dqb_bhardlimit * UNIT;
	*ret_inodes = q.dqb_ihardlimit;
	return 0;
}

int project_limits(const char *dir, uint32_t id, uint64_t *ret_bytes, uint64_t *ret_inodes)
{
	auto_close int place = open_place(dir, false);

	return place < 0 ? place : get_limits(place, id, ret_bytes, ret_inodes);
}

static int path_of(int fd, char ret[PATH_BYTES_MAX])
{
	char self[32];
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, ret, PATH_BYTES_MAX - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	ret[n] = 0;
	return 0;
}

/* ---- making ---- */

/* The link is made or the number is another's: two commands never share one. */
static int take_number(int place, int state_fd, uint32_t *ret)
{
	char state[PATH_BYTES_MAX], name[NAME_BYTES];
	int r = path_of(state_fd, state);
	uint32_t first = r < 0 ? 0 : (uint32_t)str_hash(str_c(state), 0) % PROJECTS_MAX;

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < PROJECTS_MAX; i++) {
		uint32_t id = PROJECT_FIRST + (first + i) % PROJECTS_MAX;

		snprintf(name, sizeof(name), "%u.owner", id);
		if (symlinkat(state, place, name) == 0) {
			*ret = id;
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EMFILE;
}

/* All that is made below belongs to the project, too. */
static int give_to_project(int fd, uint32_t id)
{
	struct fsxattr x;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
		return -errno;
	x.fsx_projid = id;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(fd, FS_IOC_FSSETXATTR, &x) < 0 ? -errno : 0;
}

static int make_directory(int place, const struct disk_want *w, uint32_t id, struct err *e)
{
	uint64_t size = w->size_bytes / UNIT * UNIT, bytes = 0, inodes = 0;
	char name[NAME_BYTES];
	auto_close int fd = -1;
	int r;

	snprintf(name, sizeof(name), "%u", id);
	if (mkdirat(place, name, 0755) < 0)
		return err_errno(e, -errno, "limit disk.size: project %u", id);
	fd = fd_open(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	r = fd < 0 ? fd : give_to_project(fd, id);
	r = r < 0 ? r : set_limits(fd, id, size, w->inodes);
	r = r < 0 ? r : get_limits(fd, id, &bytes, &inodes);
	if (r == 0 && (bytes != size || inodes != w->inodes))
		r = -EIO;
	if (r == 0 && fchown(fd, w->uid, w->gid) < 0)
		r = -errno;
	return r < 0 ? err_errno(e, r, "limit disk.size: project quota %u", id) : take_fd(&fd);
}

/* A copy of the mount that shows nothing but the layer. */
static int show_alone(int fd)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME, .attr_clr = MOUNT_ATTR__ATIME };
	auto_close int mount = (int)sys(__NR_open_tree, fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r = mount < 0 ? mount : (int)sys(__NR_mount_setattr, mount, "", AT_EMPTY_PATH, &a, sizeof(a));

	return r < 0 ? r : take_fd(&mount);
}

int project_make(const char *dir, const struct disk_want *w, int state_fd, uint32_t *ret_id, struct disk_layer *ret,
		 struct err *e)
{
	auto_close int place = open_place(dir, true);
	auto_close int layer = -1, mount = -1;
	struct disk_layer l = { .size_bytes = w->size_bytes / UNIT * UNIT, .inodes = w->inodes };
	int r = place < 0 ? place : 0;

	if (w->size_bytes < DISK_SIZE_MIN)
		return err_set(e, -ENOTSUP, "limit disk.size: less than %llu bytes", DISK_SIZE_MIN);
	if (r == 0)
		project_reap(dir);
	r = r < 0 ? r : take_number(place, state_fd, ret_id);
	if (r < 0)
		return err_errno(e, r, "limit disk.size: %s/" PLACE, dir);
	layer = make_directory(place, w, *ret_id, e);
	if (layer < 0)
		return layer;
	r = disk_beneath(layer, &l.major, &l.minor, e);
	if (r < 0)
		return err_wrap(e, r, "limit disk.size");
	mount = show_alone(layer);
	if (mount < 0)
		return err_errno(e, mount, "limit disk.size: project %u", *ret_id);
	l.mount = take_fd(&mount);
	*ret = l;
	return 0;
}

/* ---- removing ---- */

static int remove_one(int place, uint32_t id)
{
	char name[NAME_BYTES];
	int r;

	snprintf(name, sizeof(name), "%u", id);
	r = tree_remove(place, name);
	r = r < 0 ? r : set_limits(place, id, 0, 0);
	snprintf(name, sizeof(name), "%u.owner", id); /* last: the number is free again */
	return r < 0 ? r : unlinkat(place, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* `state`: a state directory; NULL: any that is gone. */
static bool is_owned(int place, const char *link, const char *state)
{
	char owner[PATH_BYTES_MAX];
	struct stat st;
	ssize_t n;

	if (!state)
		return fstatat(place, link, &st, 0) < 0 && errno == ENOENT;
	n = readlinkat(place, link, owner, sizeof(owner));
	return n > 0 && n < (ssize_t)sizeof(owner) && str_is(str_n(owner, (size_t)n), state);
}

static int remove_owned(const char *dir, const char *state)
{
	auto_close int place = open_place(dir, false);
	DIR *list = place < 0 ? NULL : fdopendir(fcntl(place, F_DUPFD_CLOEXEC, 3));
	int r = place < 0 && place != -ENOENT ? place : 0;

	for (struct dirent *d; list && (d = readdir(list));) {
		struct str number = str_c(d->d_name);
		uint32_t id;
		int s = 0;

		if (str_ends(number, STR(".owner")) && num_u32(str_head(number, number.n - 6), &id) &&
		    is_owned(place, d->d_name, state))
			s = remove_one(place, id);
		r = r < 0 ? r : s;
	}
	if (list)
		closedir(list);
	return r;
}

int project_remove(const char *dir, int state_fd, struct err *e)
{
	char state[PATH_BYTES_MAX];
	int r = path_of(state_fd, state);

	r = r < 0 ? r : remove_owned(dir, state);
	return r < 0 ? err_errno(e, r, "%s/" PLACE, dir) : 0;
}

void project_reap(const char *dir)
{
	(void)!remove_owned(dir, NULL);
}
