/* remove: a directory of ours with all that is in it. See remove.h. */
#include "node/image/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 64u /* a root file system that was interrupted in the making is not deeper */

static void remove_below(int at, const char *name, unsigned int depth)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	for (struct dirent *t; d && (t = readdir(d));) {
		if (strcmp(t->d_name, ".") == 0 || strcmp(t->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, t->d_name, 0) < 0 && errno == EISDIR && depth < DEPTH_MAX)
			remove_below(fd, t->d_name, depth + 1);
	}
	if (d)
		closedir(d);
	unlinkat(at, name, AT_REMOVEDIR);
}

void directory_remove(int dir_fd, const char *name)
{
	remove_below(dir_fd, name, 0);
}
