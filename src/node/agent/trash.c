/* trash: what pods leave on disk, removed aside. See trash.h. */
#include "node/agent/trash.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove.h"
#include "node/agent/child.h"

int trash_open(struct trash *t, const char *path, struct err *e)
{
	int r = dir_make(AT_FDCWD, path);

	*t = (struct trash){ .dir = -1, .some = true, .words = -1 };
	t->dir = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	return t->dir < 0 ? err_errno(e, t->dir, "%s", path) : 0;
}

void trash_close(struct trash *t)
{
	if (t->pid) {
		kill(t->pid, SIGKILL);
		child_end(t->pid, &t->words);
		t->pid = 0;
	}
	if (t->dir >= 0)
		fd_close(&t->dir);
}

void trash_put(struct trash *t, const char *path, const char *name)
{
	auto_close int from = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	char to[32];
	int r;

	if (from < 0)
		return;
	do { /* an earlier start's names may be there */
		snprintf(to, sizeof(to), "%u", t->count++);
		r = renameat2(from, name, t->dir, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
	} while (r == -EEXIST);
	if (r < 0 && r != -ENOENT)
		(void)!tree_remove(from, name);
	t->some |= r == 0;
}

/* By a descriptor of its own: where a reading has come to is the other's as well. */
static _Noreturn void empty(int dir)
{
	int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			(void)!tree_remove(dir, entry->d_name);
	_exit(0);
}

void trash_work(struct trash *t)
{
	struct pollfd ended = { t->words, POLLIN, 0 };
	pid_t pid;
	int fd;

	if (t->pid && poll(&ended, 1, 0) > 0) {
		child_end(t->pid, &t->words);
		t->pid = 0;
	}
	if (t->pid || !t->some)
		return;
	t->some = false;
	pid = child_fork(&t->dir, 1, &fd, NULL);
	if (pid == 0)
		empty(t->dir);
	if (pid < 0)
		return; /* at the next occasion, or start */
	t->pid = pid;
	t->words = fd;
}

int trash_fd(const struct trash *t)
{
	return t->pid ? t->words : -1;
}
