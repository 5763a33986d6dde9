/* resctrl: groups of the kernel's resource control. See resctrl.h. */
#include "runtime/resctrl.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define PLACE "/sys/fs/resctrl"
#define MONITORS "mon_groups"

int resctrl_open(int *ret, struct err *e)
{
	int fd = fd_open(AT_FDCWD, PLACE, O_RDONLY | O_DIRECTORY);

	if (fd >= 0 && faccessat(fd, "schemata", F_OK, 0) < 0)
		fd_close(&fd);
	if (fd < 0)
		return err_set(e, -ENOTSUP,
			       "linux.intelRdt: no resctrl file system is mounted at " PLACE
			       " (the processor or the kernel has none, or nobody mounted it)");
	*ret = fd;
	return 0;
}

/* One part of a path, and none of the kernel's own. */
static int check_name(const char *name, struct err *e)
{
	static const char *const own[] = { ".", "..", "info", "mon_data", MONITORS };
	bool bad = !*name || strchr(name, '/');

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		bad |= !strcmp(name, own[i]);
	return bad ? err_set(e, -EBADMSG, "linux.intelRdt.closID: \"%s\" is no name of a group", name) : 0;
}

static int write_line(int group, const char *line, struct err *e)
{
	auto_close int fd = fd_open(group, "schemata", O_WRONLY);
	auto_buf struct buf text = { 0 };
	int r;

	buf_init(&text, RESCTRL_SCHEMATA_MAX);
	buf_fmt(&text, "%s\n", line);
	r = fd < 0 ? fd : buf_finish(&text);
	r = r < 0 ? r : fd_write(fd, text.p, text.n);
	return r < 0 ? err_errno(e, r, "linux.intelRdt: schemata '%s'", line) : 0;
}

/* What a group that others made says must be what is asked: it is theirs to say. */
static int line_holds(int group, const char *line, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct str rest;
	int r = file_read(group, "schemata", RESCTRL_SCHEMATA_MAX, &text, e);

	if (r < 0)
		return err_wrap(e, r, "linux.intelRdt");
	rest = buf_all(&text);
	for (struct str l; str_cut(&rest, '\n', &l);)
		if (str_eq(str_trim(l), str_trim(str_c(line))))
			return 0;
	return err_set(e, -EEXIST, "linux.intelRdt: the group is there already, and its schemata do not say '%s'",
		       line);
}

static int each_line(const struct resctrl_want *w, int group, bool made, struct err *e)
{
	int (*const act)(int, const char *, struct err *) = made ? write_line : line_holds;
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->schemata.n; i++)
		r = act(group, w->schemata.v[i], e);
	if (r == 0 && w->l3)
		r = act(group, w->l3, e);
	return r == 0 && w->bandwidth ? act(group, w->bandwidth, e) : r;
}

static bool asks_shares(const struct resctrl_want *w)
{
	return w->schemata.n || w->l3 || w->bandwidth;
}

static int make_monitor(int group, const struct resctrl_want *w, struct err *e)
{
	auto_close int monitors = w->monitoring ? fd_open(group, MONITORS, O_RDONLY | O_DIRECTORY) : -1;

	if (!w->monitoring)
		return 0;
	if (monitors < 0 || (mkdirat(monitors, w->id, 0755) < 0 && errno != EEXIST))
		return err_errno(e, monitors < 0 ? monitors : -errno, "linux.intelRdt: a group of figures");
	return 0;
}

int resctrl_make(int root, const struct resctrl_want *w, bool *ret_made, struct err *e)
{
	auto_close int group = -1;
	bool made;
	int r = check_name(w->group, e);

	if (r < 0)
		return r;
	made = mkdirat(root, w->group, 0755) == 0;
	if (!made && errno != EEXIST)
		return err_errno(e, -errno, "linux.intelRdt: group %s", w->group);
	if (!made && !w->shared)
		return err_set(e, -EEXIST, "linux.intelRdt: there is a group %s already", w->group);
	*ret_made = made;
	group = fd_open(root, w->group, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	r = group < 0 ? err_errno(e, group, "linux.intelRdt: group %s", w->group) : 0;
	/* runtime-spec: a closID without shares means a group that is there */
	if (r == 0 && made && w->shared && !asks_shares(w))
		r = err_set(e, -ENOENT, "linux.intelRdt.closID: there is no group %s", w->group);
	if (r == 0)
		r = each_line(w, group, made, e);
	if (r == 0)
		r = make_monitor(group, w, e);
	if (r < 0)
		resctrl_remove(root, w, made);
	return r;
}

static int write_task(int dir, const char *path, pid_t pid)
{
	auto_close int fd = fd_open(dir, path, O_WRONLY);
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return fd < 0 ? fd : fd_write(fd, text, strlen(text));
}

int resctrl_join(int root, const struct resctrl_want *w, pid_t pid, struct err *e)
{
	auto_arena struct arena a = { 0 };
	int r = write_task(root, arena_fmt(&a, "%s/tasks", w->group).p, pid);

	if (r >= 0 && w->monitoring)
		r = write_task(root, arena_fmt(&a, "%s/" MONITORS "/%s/tasks", w->group, w->id).p, pid);
	return r < 0 ? err_errno(e, r, "linux.intelRdt: process %d cannot join %s", (int)pid, w->group) : 0;
}

void resctrl_remove(int root, const struct resctrl_want *w, bool made)
{
	auto_arena struct arena a = { 0 };

	if (w->monitoring)
		(void)!unlinkat(root, arena_fmt(&a, "%s/" MONITORS "/%s", w->group, w->id).p, AT_REMOVEDIR);
	if (made)
		(void)!unlinkat(root, w->group, AT_REMOVEDIR);
}
