/* resctrl, against directories that look like the kernel's. */
#include "runtime/resctrl.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tap.h"

static char place[] = "/tmp/yagura-resctrl-XXXXXX";
static int root = -1;

static void put(const char *path, const char *text)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	OK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static bool says(const char *path, const char *text)
{
	auto_buf struct buf b = { 0 };

	return file_read(root, path, 4096, &b, NULL) >= 0 && str_is(buf_all(&b), text);
}

/* A group as the kernel makes one, there before the container. */
static void begin(void)
{
	snprintf(place, sizeof(place), "/tmp/yagura-resctrl-XXXXXX");
	OK(mkdtemp(place));
	root = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	OK(mkdirat(root, "gold", 0755) == 0 && mkdirat(root, "gold/mon_groups", 0755) == 0);
	put("gold/schemata", "    L3:0=ff;1=ff\n    MB:0=100\n");
	put("gold/tasks", "");
}

static void end(void)
{
	static const char *const files[] = { "gold/schemata", "gold/tasks" }, *const dirs[] = { "gold/mon_groups/c",
												"gold/mon_groups",
												"gold", "c", "new" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlinkat(root, files[i], 0);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		unlinkat(root, dirs[i], AT_REMOVEDIR);
	close(root);
	OK(rmdir(place) == 0);
}

static const char *good[] = { "L3:0=ff;1=ff" }, *other[] = { "L3:0=f;1=ff" };

static const struct {
	const char *name;
	struct resctrl_want w;
	int want;
	const char *error;
} rows[] = {
	{ "a group that is there", { .group = "gold", .shared = true, .id = "c" }, 0, NULL },
	{ "and says the same", { .group = "gold", .shared = true, .schemata = { good, 1 }, .id = "c" }, 0, NULL },
	{ "by the older words",
	  { .group = "gold", .shared = true, .l3 = "L3:0=ff;1=ff", .bandwidth = "MB:0=100", .id = "c" },
	  0,
	  NULL },
	{ "and says something else",
	  { .group = "gold", .shared = true, .schemata = { other, 1 }, .id = "c" },
	  -EEXIST,
	  "do not say" },
	{ "that of another container", { .group = "gold", .id = "gold" }, -EEXIST, "already" },
	{ "a name that is none of a group", { .group = "info", .shared = true, .id = "c" }, -EBADMSG, "no name" },
	{ "a path", { .group = "../x", .shared = true, .id = "c" }, -EBADMSG, "no name" },
	{ "no such group", { .group = "new", .shared = true, .id = "c" }, -ENOENT, "there is no group new" },
	{ "figures of its own", { .group = "gold", .shared = true, .monitoring = true, .id = "c" }, 0, NULL },
};

TEST(make)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		bool made = false;

		begin();
		row("%s", rows[i].name);
		EQ_INT(resctrl_make(root, &rows[i].w, &made, &e), rows[i].want);
		if (rows[i].error)
			OK(str_find_str(str_c(e.msg), str_c(rows[i].error)) >= 0);
		OK(!made || rows[i].want < 0);
		OK(faccessat(root, "new", F_OK, 0) < 0);
		EQ_INT(faccessat(root, "gold/mon_groups/c", F_OK, 0) == 0, rows[i].w.monitoring);
		resctrl_remove(root, &rows[i].w, made && rows[i].want == 0);
		OK(faccessat(root, "gold", F_OK, 0) == 0 && faccessat(root, "gold/mon_groups/c", F_OK, 0) < 0);
		end();
	}
}

TEST(own)
{
	const struct resctrl_want w = { .group = "c", .id = "c" };
	struct err e = { 0 };
	bool made = false;

	begin();
	row("one of its own is made, and taken away");
	OK_ERR(resctrl_make(root, &w, &made, &e), &e);
	OK(made && faccessat(root, "c", F_OK, 0) == 0);
	resctrl_remove(root, &w, made);
	OK(faccessat(root, "c", F_OK, 0) < 0);
	end();
}

TEST(join)
{
	const struct resctrl_want w = { .group = "gold", .shared = true, .id = "c" },
				  nowhere = { .group = "c", .id = "c" };
	struct err e = { 0 };

	begin();
	OK_ERR(resctrl_join(root, &w, 123, &e), &e);
	OK(says("gold/tasks", "123"));
	EQ_INT(resctrl_join(root, &nowhere, 123, &e), -ENOENT);
	end();
}
