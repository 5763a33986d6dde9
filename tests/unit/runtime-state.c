/* The runtime's memory of its containers: ids, directories, locks, what a kill leaves, and that a pid is not believed.
 */
#include "runtime/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/launch.h"
#include "tap.h"

static char root_path[] = "/tmp/yagura-state-XXXXXX";

static int fresh_root(void)
{
	struct err e = { 0 };
	int fd = -1;

	snprintf(root_path, sizeof(root_path), "/tmp/yagura-state-XXXXXX");
	OK(mkdtemp(root_path) != NULL);
	OK_ERR(state_root_open(root_path, false, &fd, &e), &e);
	return fd;
}

static void drop_root(int fd)
{
	close(fd);
	rmdir(root_path);
	unlinkat(AT_FDCWD, root_path, AT_REMOVEDIR);
}

TEST(ids)
{
	static const struct {
		const char *id;
		bool ok;
	} rows[] = {
		{ "a", true },
		{ "A_b-c.9+", true },
		{ "", false },
		{ ".", false },
		{ "..", false },
		{ ".busy", false },
		{ "a/b", false },
		{ "a b", false },
		{ "a\n", false },
		{ "a,b", false },
		{ "\xc3\xa9", false },
		{ "-a", true },
		{ "0123456789ab", true },
	};
	char longest[STATE_ID_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", *rows[i].id ? rows[i].id : "empty");
		EQ_INT(state_id_valid(str_c(rows[i].id)), rows[i].ok);
	}
	row("longest");
	memset(longest, 'x', sizeof(longest));
	OK(state_id_valid(str_n(longest, STATE_ID_MAX)));
	OK(!state_id_valid(str_n(longest, STATE_ID_MAX + 1)));
	OK(!state_id_valid(str_n("a\0b", 3)));
}

TEST(stat_lines)
{
	static const struct {
		const char *name, *text;
		bool ok;
		uint64_t start;
		char state;
	} rows[] = {
		{ "usual", "7 (sh) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 555 2 3", true, 555, 'S' },
		{ "a name with brackets", "7 (a) R 9 (b) Z 1 7 7 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 42 2 3", true, 42,
		  'Z' },
		{ "cut", "7 (sh) S 1 7 7 0 -1", false, 0, 0 },
		{ "no name", "7 S 1", false, 0, 0 },
		{ "empty", "", false, 0, 0 },
		{ "nothing behind the name", "7 (x)", false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct process_stat s = { 0 };

		row("%s", rows[i].name);
		EQ_INT(process_stat_parse(str_c(rows[i].text), &s), rows[i].ok);
		if (rows[i].ok) {
			EQ_INT(s.start_time, rows[i].start);
			EQ_INT(s.state, rows[i].state);
		}
	}
}

static struct key_value notes[] = { { "k\"ey", "v\nalue" }, { "empty", "" } };

static struct state example(void)
{
	return (struct state){
		.id = "c1",
		.phase = STATE_CREATED,
		.pid = getpid(),
		.created = "2026-11-30T12:00:00.000000001Z",
		.bundle = "/b",
		.rootfs = "/b/rootfs",
		.version = "1.3.0",
		.cgroup = "x/y",
		.owner = 7,
		.compat = true,
		.poststop = true,
		.annotations = notes,
		.annotation_count = 2,
	};
}

TEST(written_and_read)
{
	auto_arena struct arena a = { 0 };
	struct state s = example(), got = { 0 };
	struct err e = { 0 };
	int root = fresh_root(), dir = -1;

	OK_ERR(state_make(root, "c1", &dir, &e), &e);
	OK_ERR(state_write(dir, &s, &e), &e);
	OK_ERR(state_read(dir, &a, &got, &e), &e);
	EQ_Z(got.id, "c1");
	EQ_INT(got.phase, STATE_CREATED);
	EQ_INT(got.pid, getpid());
	EQ_Z(got.created, s.created);
	EQ_Z(got.bundle, "/b");
	EQ_Z(got.rootfs, "/b/rootfs");
	EQ_Z(got.version, "1.3.0");
	EQ_Z(got.cgroup, "x/y");
	OK(!got.tier && got.owner == 7 && got.compat && got.poststop && !got.poststart && !got.systemd);
	OK(got.annotation_count == 2);
	EQ_Z(got.annotations[0].key, "k\"ey");
	EQ_Z(got.annotations[0].value, "v\nalue");
	EQ_Z(got.annotations[1].value, "");
	OK_ERR(state_remove(root, "c1", dir, &e), &e);
	close(dir);
	unlinkat(root, ".busy", AT_REMOVEDIR);
	EQ_INT(unlinkat(AT_FDCWD, root_path, AT_REMOVEDIR), 0); /* nothing is left */
	drop_root(root);
}

TEST(bad_states)
{
#define REST "\"bundle\":\"/b\",\"rootfs\":\"/r\",\"created\":\"x\",\"ociVersion\":\"1.0.0\""
	static const struct {
		const char *name, *text, *message;
	} rows[] = {
		{ "empty", "", "state.json: JSON: empty at byte 0" },
		{ "nothing", "{}", "state.json: id, bundle, rootfs, created or ociVersion is missing" },
		{ "no id", "{" REST "}", "state.json: id, bundle, rootfs, created or ociVersion is missing" },
		{ "an id that leads away", "{\"id\":\"../x\"," REST "}",
		  "state.json: id, bundle, rootfs, created or ociVersion is missing" },
		{ "a negative pid", "{\"id\":\"a\",\"pid\":-1," REST "}",
		  "state.json: pid: -1: must be a whole number from 0 to 4194304" },
		{ "a large pid", "{\"id\":\"a\",\"pid\":4194305," REST "}",
		  "state.json: pid: 4194305: must be a whole number from 0 to 4194304" },
		{ "an unknown phase", "{\"id\":\"a\",\"phase\":\"x\"," REST "}",
		  "state.json: phase: \"x\" is not known" },
		{ "a relative bundle", "{\"id\":\"a\",\"bundle\":\"b\"}",
		  "state.json: bundle: \"b\" is no absolute path" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		struct state s;
		struct err e = { 0 };

		row("%s", rows[i].name);
		EQ_INT(state_parse(str_c(rows[i].text), &a, &s, &e), -EBADMSG);
		EQ_Z(e.msg, rows[i].message);
	}
}

TEST(one_container_one_maker)
{
	struct err e = { 0 };
	int root = fresh_root(), dir = -1, other = -1;

	OK_ERR(state_make(root, "c1", &dir, &e), &e);
	EQ_INT(state_make(root, "c1", &other, &e), -EEXIST);
	EQ_Z(e.msg, "container with given ID already exists: \"c1\"");
	EQ_INT(state_open(root, "c2", false, &other, &e), -ENOENT);
	EQ_Z(e.msg, "container does not exist: \"c2\"");
	OK_ERR(state_remove(root, "c1", dir, &e), &e);
	close(dir);
	unlinkat(root, ".busy", AT_REMOVEDIR);
	drop_root(root);
}

struct seen {
	int n, root;
	bool removing;
	char id[STATE_ID_MAX + 1];
};

static void saw(void *arg, const struct state_found *f)
{
	struct seen *s = arg;
	struct err e = { 0 };

	s->n++;
	s->removing = f->removing;
	snprintf(s->id, sizeof(s->id), "%s", f->id);
	OK_ERR(state_remove(s->root, f->id, f->dir_fd, &e), &e);
}

TEST(what_a_kill_leaves)
{
	struct err e = { 0 };
	struct seen s = { .root = fresh_root() };
	int dir = -1;

	OK_ERR(state_make(s.root, "c1", &dir, &e), &e);
	OK_ERR(state_sweep(s.root, saw, &s, &e), &e);
	EQ_INT(s.n, 0); /* its maker is at work: the lock is held */
	close(dir);	/* as a kill does */
	OK_ERR(state_sweep(s.root, saw, &s, &e), &e);
	EQ_INT(s.n, 1);
	OK(!s.removing);
	EQ_Z(s.id, "c1");
	OK_ERR(state_make(s.root, "c1", &dir, &e), &e);
	state_settle(s.root, "c1");
	close(dir);
	OK_ERR(state_sweep(s.root, saw, &s, &e), &e);
	EQ_INT(s.n, 1); /* whole: not looked at */
	OK_ERR(state_open(s.root, "c1", true, &dir, &e), &e);
	OK_ERR(state_unsettle(s.root, "c1", &e), &e);
	close(dir);
	OK_ERR(state_sweep(s.root, saw, &s, &e), &e);
	EQ_INT(s.n, 2);
	OK(s.removing);
	unlinkat(s.root, ".busy", AT_REMOVEDIR);
	drop_root(s.root);
}

TEST(listed_in_order)
{
	static const char *const ids[] = { "b", "c", "a" };
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	int root = fresh_root(), dir;
	const char **got;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		OK_ERR(state_make(root, ids[i], &dir, &e), &e);
		close(dir);
	}
	OK_ERR(state_list(root, &a, &got, &n, &e), &e);
	EQ_INT(n, 3);
	EQ_Z(got[0], "a");
	EQ_Z(got[2], "c");
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		OK_ERR(state_open(root, ids[i], true, &dir, &e), &e);
		OK_ERR(state_remove(root, ids[i], dir, &e), &e);
		close(dir);
	}
	unlinkat(root, ".busy", AT_REMOVEDIR);
	drop_root(root);
}

TEST(a_root_of_others)
{
	struct err e = { 0 };
	int root = fresh_root(), fd = -1;

	OK(chmod(root_path, 0770) == 0);
	EQ_INT(state_root_open(root_path, true, &fd, &e), -EPERM);
	OK(strstr(e.msg, "others may write there"));
	EQ_INT(state_root_open("/nonexistent/x", false, &fd, &e), -ENOENT);
	drop_root(root);
}

static pid_t child_that_waits(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

TEST(processes)
{
	struct state s = example();
	struct process_stat now;
	struct err e = { 0 };
	int root = fresh_root(), dir = -1, fd;

	OK_ERR(state_make(root, "c1", &dir, &e), &e);
	s.pid = child_that_waits();
	OK(process_stat(s.pid, &now) == 0);
	EQ_INT(now.parent, getpid());
	s.start_time = now.start_time;
	EQ_INT(state_status(&s, dir), STATUS_RUNNING);
	OK(mknodat(dir, LAUNCH_START, S_IFIFO | 0600, 0) == 0);
	EQ_INT(state_status(&s, dir), STATUS_CREATED);
	fd = state_pidfd(&s);
	OK(fd >= 0);
	close(fd);
	s.start_time++; /* the pid was used again */
	EQ_INT(state_pidfd(&s), -ESRCH);
	EQ_INT(state_status(&s, dir), STATUS_STOPPED);
	s.start_time--;
	kill(s.pid, SIGKILL);
	for (int i = 0; i < 5000 && process_stat(s.pid, &now) == 0 && now.state != 'Z'; i++)
		usleep(1000);
	EQ_INT(state_pidfd(&s), -ESRCH); /* a zombie */
	EQ_INT(state_status(&s, dir), STATUS_STOPPED);
	waitpid(s.pid, NULL, 0);
	EQ_INT(state_pidfd(&s), -ESRCH);
	s.phase = STATE_CREATING;
	EQ_INT(state_status(&s, dir), STATUS_CREATING);
	OK_ERR(state_remove(root, "c1", dir, &e), &e);
	close(dir);
	unlinkat(root, ".busy", AT_REMOVEDIR);
	drop_root(root);
}
