/* data: where the vulnerability data are kept. See data.h. */
#include "scan/data.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

int data_path(const char *path, char *room, size_t size)
{
	const char *own = getenv("YAGURA_DATA");
	const char *xdg = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	int n;

	if (path)
		n = snprintf(room, size, "%s", path);
	else if (own && *own)
		n = snprintf(room, size, "%s", own);
	else if (geteuid() == 0)
		n = snprintf(room, size, "/var/lib/yagura");
	else if (xdg && *xdg == '/')
		n = snprintf(room, size, "%s/yagura", xdg);
	else
		n = snprintf(room, size, "%s/.local/share/yagura", home && *home == '/' ? home : "");
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int data_open(const char *path, bool make, struct err *e)
{
	char room[PATH_MAX];
	int fd, r = data_path(path, room, sizeof(room));

	if (r < 0)
		return err_errno(e, r, "data directory");
	fd = fd_open(AT_FDCWD, room, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT && make) {
		r = dir_make(AT_FDCWD, room);
		fd = r < 0 ? r : fd_open(AT_FDCWD, room, O_RDONLY | O_DIRECTORY);
	}
	return fd < 0 ? err_errno(e, fd, "data directory %s", room) : fd;
}

int data_db_open(struct db **ret, const char *path, struct err *e)
{
	auto_close int dir = data_open(path, false, e);

	char room[PATH_MAX];
	int r;

	if (dir < 0)
		return dir;
	r = db_open(ret, dir, DATA_DB_NAME, e);
	if (r < 0 && r != -ENOENT && data_path(path, room, sizeof(room)) == 0)
		err_wrap(e, r, "data directory %s", room);
	return r;
}
