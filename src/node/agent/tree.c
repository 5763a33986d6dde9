/* tree: a directory removed with all that is in it. See tree.h. */
#include "node/agent/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static void remove_below(int dir_fd, const char *name, dev_t device, unsigned int depth)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	struct stat st;

	if (fd >= 0 && !dir)
		close(fd);
	if (!dir)
		return;
	while (fstat(fd, &st) == 0 && st.st_dev == device && (d = readdir(dir))) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || unlinkat(fd, d->d_name, 0) == 0)
			continue;
		if (errno == EISDIR && depth < TREE_DEPTH_MAX)
			remove_below(fd, d->d_name, device, depth + 1);
	}
	closedir(dir);
	unlinkat(dir_fd, name, AT_REMOVEDIR);
}

void tree_remove(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		remove_below(dir_fd, name, st.st_dev, 0);
	else
		unlinkat(dir_fd, name, 0);
}
