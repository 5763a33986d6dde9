/* tree: a directory removed with all that is in it. See tree.h. */
#include "node/agent/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

struct removal {
	int top; /* the directory itself */
	dev_t device;
	unsigned int moved; /* directories that were too deep, and are in the top one now */
};

static void move_up(struct removal *r, int dir, const char *name)
{
	char to[32];
	int moved;

	do {
		snprintf(to, sizeof(to), ".moved-%u", r->moved++);
		moved = renameat2(dir, name, r->top, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
	} while (moved == -EEXIST);
}

static void empty(struct removal *r, int dir, unsigned int depth)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (fd >= 0 && !d)
		close(fd);
	while (d && fstat(fd, &st) == 0 && st.st_dev == r->device && (entry = readdir(d))) {
		const char *name = entry->d_name;
		int below;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(fd, name, 0) == 0 || errno != EISDIR)
			continue;
		if (depth == TREE_DEPTH_MAX) {
			move_up(r, fd, name);
			continue;
		}
		below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			continue;
		empty(r, below, depth + 1);
		close(below);
		unlinkat(fd, name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

void tree_remove(int dir_fd, const char *name)
{
	auto_close int top = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct removal r = { .top = top };
	unsigned int before;
	struct stat st;

	if (top < 0 || fstat(top, &st) < 0) {
		unlinkat(dir_fd, name, 0);
		return;
	}
	r.device = st.st_dev;
	do {
		before = r.moved;
		empty(&r, top, 0);
	} while (r.moved != before);
	unlinkat(dir_fd, name, AT_REMOVEDIR);
}
