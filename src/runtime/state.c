/* state: what the runtime remembers of its containers. See state.h. */
#include "runtime/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "base/decode.h"
#include "runtime/launch.h"

#define BUSY ".busy"
#define STATE_NEW STATE_FILE ".new"
#define STATE_FILE "state.json"
#define ROOT_DEFAULT "/run/yagura-run"
#define ROOT_BELOW_XDG "yagura-run" /* of a user's own $XDG_RUNTIME_DIR */
#define BUSY_NAME_MAX (STATE_ID_MAX + sizeof(BUSY "/~"))
#define STAT_BYTES_MAX 1024 /* of /proc/PID/stat: 52 numbers and a name of 15 bytes */
#define PID_MAX (1 << 22)   /* the kernel's own limit */
#define LOCK_STEP_MS 5
#define OPEN_TRIES 100 /* a directory removed and made again between being opened and being locked */

#define ROW(member_name, reader, field, ...)                                                          \
	{                                                                                             \
		.name = member_name, .read = reader, .at = offsetof(struct state, field), __VA_ARGS__ \
	}

static const char *const status_names[] = { "creating", "created", "running", "paused", "stopped" };

const char *status_name(enum status s)
{
	return status_names[s];
}

bool state_id_valid(struct str id)
{
	if (!id.n || id.n > STATE_ID_MAX || *id.p == '.')
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (!is_alpha(id.p[i]) && !is_digit(id.p[i]) && !(id.p[i] && strchr("_+-.@", id.p[i])))
			return false;
	return true;
}

/* ---- the root ---- */

static int default_root(char path[PATH_BYTES_MAX], struct err *e)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	int n;

	if (geteuid() == 0) {
		snprintf(path, PATH_BYTES_MAX, "%s", ROOT_DEFAULT);
		return 0;
	}
	if (!own || *own != '/')
		return err_set(e, -EINVAL, "there is no $XDG_RUNTIME_DIR for the containers' state: name a --root");
	n = snprintf(path, PATH_BYTES_MAX, "%s/%s", own, ROOT_BELOW_XDG);
	return n < PATH_BYTES_MAX ? 0 : err_set(e, -ENAMETOOLONG, "$XDG_RUNTIME_DIR is too long");
}

/* Nobody else may write there: what stands in it decides which processes are signalled. */
static int check_place(int fd, const char *path, struct err *e)
{
	struct stat st, top;

	if (fstat(fd, &st) < 0 || stat("/", &top) < 0)
		return err_errno(e, -errno, "%s", path);
	if (st.st_dev == top.st_dev && st.st_ino == top.st_ino)
		return err_set(e, -EINVAL, "--root %s: not in the root directory itself", path);
	if (st.st_uid != geteuid())
		return err_set(e, -EPERM, "%s: belongs to user %u, not to %u", path, st.st_uid, geteuid());
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, -EPERM, "%s: others may write there (mode %03o)", path, st.st_mode & 0777);
	return 0;
}

int state_root_open(const char *path, bool make, int *ret, struct err *e)
{
	char own[PATH_BYTES_MAX];
	auto_close int fd = -1;
	int r;

	if (!path) {
		r = default_root(own, e);
		if (r < 0)
			return r;
		path = own;
	}
	fd = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT && make) {
		r = dir_make(AT_FDCWD, path);
		if (r < 0)
			return err_errno(e, r, "cannot make %s", path);
		fd = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	}
	if (fd < 0)
		return err_errno(e, fd, "%s", path);
	r = check_place(fd, path, e);
	if (r >= 0)
		*ret = take_fd(&fd);
	return r;
}

/* ---- locks ---- */

static int lock(int fd, bool wait)
{
	struct timespec step = { 0, LOCK_STEP_MS * 1000000L };

	for (unsigned int ms = 0;; ms += LOCK_STEP_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (!wait || ms >= STATE_LOCK_WAIT_MS)
			return -EBUSY;
		nanosleep(&step, NULL);
	}
}

/* True when the name still stands for the directory that was locked. */
static bool still_named(int root_fd, const char *id, int dir_fd)
{
	struct stat named, open;

	return fstatat(root_fd, id, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(dir_fd, &open) == 0 &&
	       named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

static int open_dir(int root_fd, const char *id)
{
	return fd_open(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

static int open_locked(int root_fd, const char *id, bool wait)
{
	for (unsigned int i = 0; i < OPEN_TRIES; i++) {
		auto_close int fd = open_dir(root_fd, id);
		int r = fd < 0 ? fd : lock(fd, wait);

		if (r < 0)
			return r;
		if (still_named(root_fd, id, fd))
			return take_fd(&fd);
	}
	return -EBUSY;
}

static int open_failed(int r, const char *id, struct err *e)
{
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return err_set(e, -ENOENT, "container does not exist: \"%s\"", id);
	if (r == -EBUSY)
		return err_set(e, r, "container \"%s\" is busy: another command works on it", id);
	return err_errno(e, r, "state of container \"%s\"", id);
}

int state_open(int root_fd, const char *id, bool with_lock, int *ret_dir, struct err *e)
{
	int fd = with_lock ? open_locked(root_fd, id, true) : open_dir(root_fd, id);

	if (fd < 0)
		return open_failed(fd, id, e);
	*ret_dir = fd;
	return 0;
}

int state_lock(int root_fd, const char *id, int dir_fd, struct err *e)
{
	int r = lock(dir_fd, true);

	if (r >= 0 && !still_named(root_fd, id, dir_fd))
		r = -ENOENT;
	return r < 0 ? open_failed(r, id, e) : 0;
}

/* ---- .busy ---- */

static void busy_name(char name[BUSY_NAME_MAX], const char *id, bool removing)
{
	snprintf(name, BUSY_NAME_MAX, BUSY "/%s%s", id, removing ? "~" : "");
}

static int make_busy(int root_fd, const char *id, bool removing)
{
	char name[BUSY_NAME_MAX];
	int r;

	busy_name(name, id, removing);
	r = mknodat(root_fd, name, S_IFREG | 0600, 0) < 0 ? -errno : 0;
	if (r != -ENOENT)
		return r;
	if (mkdirat(root_fd, BUSY, 0700) < 0 && errno != EEXIST)
		return -errno;
	return mknodat(root_fd, name, S_IFREG | 0600, 0) < 0 ? -errno : 0;
}

static void drop_busy(int root_fd, const char *id, bool removing)
{
	char name[BUSY_NAME_MAX];

	busy_name(name, id, removing);
	(void)unlinkat(root_fd, name, 0); /* one that stays is looked at by the next sweep, and found whole or gone */
}

void state_settle(int root_fd, const char *id)
{
	drop_busy(root_fd, id, false);
}

/* A further name of its state does as well as a file of its own, and costs less. */
static int link_busy(int root_fd, const char *id)
{
	char from[STATE_ID_MAX + sizeof("/" STATE_FILE)], to[BUSY_NAME_MAX];

	snprintf(from, sizeof(from), "%s/" STATE_FILE, id);
	busy_name(to, id, true);
	return linkat(root_fd, from, root_fd, to, 0) < 0 ? -errno : 0;
}

int state_unsettle(int root_fd, const char *id, struct err *e)
{
	int r = link_busy(root_fd, id);

	if (r < 0 && r != -EEXIST)
		r = make_busy(root_fd, id, true);
	return r < 0 && r != -EEXIST ? err_errno(e, r, "state of container \"%s\"", id) : 0;
}

int state_make(int root_fd, const char *id, int *ret_dir, struct err *e)
{
	int busy = make_busy(root_fd, id, false), fd, r = 0;

	if (busy < 0 && busy != -EEXIST)
		return err_errno(e, busy, "state of container \"%s\"", id);
	if (mkdirat(root_fd, id, 0700) < 0)
		r = -errno;
	fd = r < 0 ? r : open_locked(root_fd, id, false);
	if (fd >= 0) {
		*ret_dir = fd;
		return 0;
	}
	if (busy >= 0)
		state_settle(root_fd, id);
	if (fd == -EEXIST)
		return err_set(e, fd, "container with given ID already exists: \"%s\"", id);
	return open_failed(fd, id, e);
}

static void remove_files(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *ent; (ent = readdir(d));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			(void)unlinkat(dir_fd, ent->d_name, 0); /* rmdir says what is left */
	closedir(d);
}

int state_remove(int root_fd, const char *id, int dir_fd, struct err *e)
{
	static const char *const usual[] = { STATE_FILE, "config.json", "limits.json" };

	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		(void)unlinkat(dir_fd, usual[i], 0);
	if (unlinkat(root_fd, id, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		remove_files(dir_fd);
		if (unlinkat(root_fd, id, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return err_errno(e, -errno, "state of container \"%s\"", id);
	}
	drop_busy(root_fd, id, true);
	state_settle(root_fd, id);
	return 0;
}

/* ---- all of them ---- */

static int each(int root_fd, const char *dir, int (*one)(void *arg, const char *id), void *arg, struct err *e)
{
	int fd = openat(root_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	DIR *d;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "the containers' state");
	d = fdopendir(fd);
	if (!d) {
		fd_close(&fd);
		return err_errno(e, -ENOMEM, "the containers' state");
	}
	for (struct dirent *ent; r >= 0 && (ent = readdir(d));)
		r = one(arg, ent->d_name);
	closedir(d);
	return r;
}

struct sweep {
	int root_fd;
	void (*found)(void *arg, const struct state_found *f);
	void *arg;
};

static int sweep_one(void *arg, const char *name)
{
	const struct sweep *s = arg;
	bool removing = str_ends(str_c(name), STR("~"));
	auto_free char *id = xstrdup(str_head(str_c(name), strlen(name) - removing));
	auto_close int fd = -1;

	if (!state_id_valid(str_c(id)))
		return 0;
	fd = open_locked(s->root_fd, id, false);
	if (fd >= 0)
		s->found(s->arg, &(struct state_found){ id, fd, removing });
	else if (fd == -ENOENT)
		drop_busy(s->root_fd, id, removing);
	return 0;
}

int state_sweep(int root_fd, void (*found)(void *arg, const struct state_found *f), void *arg, struct err *e)
{
	struct sweep s = { root_fd, found, arg };

	return each(root_fd, BUSY, sweep_one, &s, e);
}

struct listing {
	struct arena *arena;
	VEC(const char *) ids;
	struct err *e;
};

static int list_one(void *arg, const char *id)
{
	struct listing *l = arg;

	if (!state_id_valid(str_c(id)))
		return 0;
	if (l->ids.n == STATE_CONTAINERS_MAX)
		return err_set(l->e, -E2BIG, "there are more than %d containers", STATE_CONTAINERS_MAX);
	vec_push(&l->ids, arena_str(l->arena, str_c(id)).p);
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int state_list(int root_fd, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
	struct listing l = { .arena = a, .e = e };
	int r = each(root_fd, ".", list_one, &l, e);

	if (r >= 0) {
		*ret = arena_array(a, const char *, l.ids.n + 1);
		*ret_n = l.ids.n;
		if (l.ids.n) {
			qsort(l.ids.v, l.ids.n, sizeof(*l.ids.v), compare_ids);
			memcpy(*ret, l.ids.v, l.ids.n * sizeof(*l.ids.v));
		}
	}
	vec_done(&l.ids);
	return r;
}

/* ---- state.json ---- */

static const char *const phase_names[] = { "creating", "created" };

static int read_phase(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	static const struct decode_word words[] = { { "creating", STATE_CREATING },
						    { "created", STATE_CREATED },
						    { NULL, 0 } };
	int64_t value;
	int r = decode_word_value(d, words, &value);

	if (r >= 0)
		*(enum state_phase *)to = (enum state_phase)value;
	return r;
}

static int read_annotation(struct decode *d, const struct decode_member *m, void *to)
{
	return decode_text_as_is(d, m, &((struct key_value *)to)->value);
}

static const struct decode_list annotation_map = {
	.size = sizeof(struct key_value),
	.max = CONFIG_MAP_MAX,
	.read = read_annotation,
	.key_at = offsetof(struct key_value, key),
};

static const struct decode_member state_members[] = {
	ROW("id", decode_string, id, .max = STATE_ID_MAX),
	ROW("phase", read_phase, phase),
	ROW("pid", decode_i32, pid, .max = PID_MAX),
	ROW("startTime", decode_u64, start_time),
	ROW("created", decode_string, created, .max = STATE_CREATED_MAX),
	ROW("bundle", decode_path, bundle, .max = PATH_BYTES_MAX),
	ROW("rootfs", decode_path, rootfs, .max = 2 * PATH_BYTES_MAX),
	ROW("ociVersion", decode_string, version),
	ROW("cgroup", decode_string, cgroup, .max = PATH_BYTES_MAX),
	ROW("tier", decode_string, tier, .max = STATE_ID_MAX),
	ROW("owner", decode_u32, owner),
	ROW("systemd", decode_bool, systemd),
	ROW("rootless", decode_bool, rootless),
	ROW("compat", decode_bool, compat),
	ROW("watched", decode_bool, watched),
	ROW("poststart", decode_bool, poststart),
	ROW("poststop", decode_bool, poststop),
	ROW("annotations", decode_map, annotations, .list = &annotation_map),
	{ .name = NULL },
};

int state_parse(struct str text, struct arena *a, struct state *ret, struct err *e)
{
	static const struct decode_member whole = { .read = decode_object, .members = state_members };
	struct state s = { 0 };
	int r;

	if (text.n > STATE_BYTES_MAX)
		return err_set(e, -E2BIG, "%s is longer than %u MiB", STATE_FILE, STATE_BYTES_MAX >> 20);
	r = decode_text(text, "", a, &whole, &s, NULL, e);
	if (r < 0)
		return err_wrap(e, r, STATE_FILE);
	if (!s.id || !state_id_valid(str_c(s.id)) || !s.bundle || !s.rootfs || !s.created || !s.version)
		return err_set(e, -EBADMSG, "%s: id, bundle, rootfs, created or ociVersion is missing", STATE_FILE);
	*ret = s;
	return 0;
}

int state_read(int dir_fd, struct arena *a, struct state *ret, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int r = file_read(dir_fd, STATE_FILE, STATE_BYTES_MAX, &b, e);

	return r < 0 ? r : state_parse(buf_all(&b), a, ret, e);
}

static void put_text(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	buf_fmt(b, ",\n\"%s\":", key);
	json_quote(b, str_c(value));
}

static void put_true(struct buf *b, const char *key, bool value)
{
	if (value)
		buf_fmt(b, ",\n\"%s\":true", key);
}

static void put_annotations(struct buf *b, const struct state *s)
{
	buf_str(b, STR(",\n\"annotations\":{"));
	for (size_t i = 0; i < s->annotation_count; i++) {
		buf_str(b, i ? STR(",\n") : STR("\n"));
		json_quote(b, str_c(s->annotations[i].key));
		buf_char(b, ':');
		json_quote(b, str_c(s->annotations[i].value));
	}
	buf_str(b, STR("}}\n"));
}

static void put_state(struct buf *b, const struct state *s)
{
	buf_str(b, STR("{\"id\":"));
	json_quote(b, str_c(s->id));
	buf_fmt(b, ",\n\"phase\":\"%s\",\n\"pid\":%d,\n\"startTime\":%llu,\n\"owner\":%u", phase_names[s->phase],
		s->pid, (unsigned long long)s->start_time, s->owner);
	put_text(b, "created", s->created);
	put_text(b, "bundle", s->bundle);
	put_text(b, "rootfs", s->rootfs);
	put_text(b, "ociVersion", s->version);
	put_text(b, "cgroup", s->cgroup);
	put_text(b, "tier", s->tier);
	put_true(b, "systemd", s->systemd);
	put_true(b, "rootless", s->rootless);
	put_true(b, "compat", s->compat);
	put_true(b, "watched", s->watched);
	put_true(b, "poststart", s->poststart);
	put_true(b, "poststop", s->poststop);
	put_annotations(b, s);
}

static int state_text(const struct state *s, struct buf *b, struct err *e)
{
	buf_init(b, STATE_BYTES_MAX);
	put_state(b, s);
	if (buf_finish(b) < 0)
		return err_set(e, -E2BIG, "the state of container \"%s\" is longer than %u MiB", s->id,
			       STATE_BYTES_MAX >> 20);
	return 0;
}

/* Whoever reads finds the old one or the new one. An exchange where the file system has it: over what a rename replaces
 * ext4 writes the new one to the disk first. */
static int replace(int dir_fd, struct str bytes, struct err *e)
{
	int r;

	if (unlinkat(dir_fd, STATE_NEW, 0) == 0)
		errno = 0; /* of a command that was killed */
	r = state_file_new(dir_fd, STATE_NEW, bytes, e);
	if (r < 0)
		return r;
	if (renameat2(dir_fd, STATE_NEW, dir_fd, STATE_FILE, RENAME_EXCHANGE) == 0)
		return unlinkat(dir_fd, STATE_NEW, 0) < 0 ? err_errno(e, -errno, STATE_NEW) : 0;
	return renameat(dir_fd, STATE_NEW, dir_fd, STATE_FILE) < 0 ? err_errno(e, -errno, STATE_FILE) : 0;
}

int state_write(int dir_fd, const struct state *s, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int r = state_text(s, &b, e);

	if (r >= 0)
		r = replace(dir_fd, buf_all(&b), e);
	return r < 0 ? err_wrap(e, r, "container \"%s\"", s->id) : 0;
}

int state_write_first(int dir_fd, const struct state *s, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int r = state_text(s, &b, e);

	return r < 0 ? r : state_file_new(dir_fd, STATE_FILE, buf_all(&b), e);
}

int state_file_new(int dir_fd, const char *name, struct str bytes, struct err *e)
{
	auto_close int fd = fd_open(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	int r = fd < 0 ? fd : fd_write(fd, bytes.p, bytes.n);

	return r < 0 ? err_errno(e, r, "cannot write %s of the state", name) : 0;
}

/* ---- processes ---- */

/* proc(5): "pid (comm) state ppid ... starttime(22)"; comm may hold anything, ')' too. */
bool process_stat_parse(struct str text, struct process_stat *ret)
{
	ptrdiff_t close = str_rfind(text, ')');
	struct str rest = close < 0 ? STR_NONE : str_from(text, (size_t)close + 2), field;
	uint32_t parent;

	if (!str_cut(&rest, ' ', &field) || field.n != 1)
		return false;
	ret->state = *field.p;
	if (!str_cut(&rest, ' ', &field) || !num_u32(field, &parent) || parent > PID_MAX)
		return false;
	ret->parent = (pid_t)parent;
	for (unsigned int i = 5; i <= 22; i++)
		if (!str_cut(&rest, ' ', &field))
			return false;
	return num_u64(field, 10, &ret->start_time);
}

int process_stat(pid_t pid, struct process_stat *ret)
{
	char name[32], text[STAT_BYTES_MAX];
	auto_close int fd = -1;
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	fd = fd_open(AT_FDCWD, name, O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return -errno;
	return process_stat_parse(str_n(text, (size_t)n), ret) ? 0 : -ESRCH;
}

int state_pidfd(const struct state *s)
{
	struct process_stat now;
	auto_close int fd = -1;
	int r;

	if (s->pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (fd < 0)
		return -errno;
	/* asked behind the open: from here on the descriptor stands for what is looked at */
	r = process_stat(s->pid, &now);
	if (r < 0)
		return r;
	if (now.start_time != s->start_time || now.state == 'Z' || now.state == 'X')
		return -ESRCH;
	return take_fd(&fd);
}

enum status state_status(const struct state *s, int dir_fd)
{
	struct process_stat now;

	if (s->phase == STATE_CREATING)
		return STATUS_CREATING;
	if (s->pid <= 0 || process_stat(s->pid, &now) < 0 || now.start_time != s->start_time || now.state == 'Z' ||
	    now.state == 'X')
		return STATUS_STOPPED;
	return faccessat(dir_fd, LAUNCH_START, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? STATUS_CREATED : STATUS_RUNNING;
}
