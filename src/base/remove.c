/* remove: see remove.h. */
#include "base/remove.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#define NAME_BYTES 32

struct removal {
	int top; /* the directory itself */
	dev_t device;
	unsigned int names; /* tried for directories that are too deep */
	bool moved;	    /* one is in the top directory now */
	int failed;	    /* the first error */
};

static void fail(struct removal *r, int error)
{
	if (!r->failed && error != -ENOENT)
		r->failed = error;
}

/* To a name that nothing has: whoever made the tree may have taken any of them. */
static int move_up(struct removal *r, int dir, const char *from)
{
	char name[NAME_BYTES];
	int s;

	do {
		snprintf(name, sizeof(name), ".moved-%u", r->names++);
		s = renameat2(dir, from, r->top, name, RENAME_NOREPLACE) < 0 ? -errno : 0;
	} while (s == -EEXIST && r->names);
	r->moved |= s == 0;
	return s;
}

static void empty(struct removal *r, int dir, unsigned int depth);

static void remove_entry(struct removal *r, int dir, const char *name, unsigned int depth)
{
	auto_close int below = -1;

	if (unlinkat(dir, name, 0) == 0)
		return;
	if (errno != EISDIR) {
		fail(r, -errno);
		return;
	}
	if (depth == REMOVE_DEPTH) {
		fail(r, move_up(r, dir, name));
		return;
	}
	below = fd_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (below >= 0)
		empty(r, below, depth + 1);
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0)
		fail(r, -errno);
}

static void empty(struct removal *r, int dir, unsigned int depth)
{
	int fd = fd_open(dir, ".", O_RDONLY | O_DIRECTORY);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct stat st;

	if (!list) {
		fail(r, fd < 0 ? fd : -errno);
		fd_close(&fd);
		return;
	}
	if (fstat(fd, &st) == 0 && st.st_dev == r->device)
		for (struct dirent *d; (d = readdir(list));)
			if (!str_is(str_c(d->d_name), ".") && !str_is(str_c(d->d_name), ".."))
				remove_entry(r, fd, d->d_name, depth);
	closedir(list);
}

int tree_remove(int dir_fd, const char *name)
{
	auto_close int top = fd_open(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	struct removal r = { .top = top };
	struct stat st;

	if (top < 0 || fstat(top, &st) < 0)
		return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	r.device = st.st_dev;
	do {
		r.moved = false;
		r.failed = 0;
		empty(&r, top, 0);
	} while (r.moved);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return r.failed ? r.failed : -errno;
}
