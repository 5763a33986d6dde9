/* project: a writable layer of limited size as a directory of a project quota, where the file system has them
 * (ext4 with the feature `project`, mounted with prjquota; xfs with prjquota).
 *
 *     DIR/projects/N          the layer; N is the project, its files and number of inodes the kernel counts
 *     DIR/projects/N.owner    a link to the container's state directory, made first: it takes the number
 *
 * It takes no device and no mount of ext4's, but files of it have names: project_reap() removes those whose state is
 * gone. Who owns a file may give it to another project (FS_IOC_FSSETXATTR) unless it is in a user namespace: only such
 * containers get one. Documents: quotactl(2), ext4(5) (prjquota), linux/dqblk_xfs.h, linux/fs.h (struct fsxattr). */
#ifndef RUNTIME_PROJECT_H
#define RUNTIME_PROJECT_H

#include "runtime/disk.h"

#define PROJECT_FIRST 0x59470000u /* numbers that nobody writes into /etc/projects */
#define PROJECTS_MAX 65536u

/* Whether project quotas are enforced on the file system of this directory. */
bool project_is_there(const char *dir);

/* state_fd: the container's state directory, its owner. ret: as of a layer with a device; the device is the disk
 * beneath. What was made on failure is for project_remove(). */
int project_make(const char *dir, const struct disk_want *w, int state_fd, uint32_t *ret_id, struct disk_layer *ret,
		 struct err *e) must_check;
/* What is in force. */
int project_limits(const char *dir, uint32_t id, uint64_t *ret_bytes, uint64_t *ret_inodes) must_check;
/* Files and limits of the container whose state directory this is; without any it is no error. */
int project_remove(const char *dir, int state_fd, struct err *e) must_check;
/* Of those whose state directory is gone. */
void project_reap(const char *dir);

#endif
