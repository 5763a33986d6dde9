/* tree: a directory looked through for evidence. See tree.h. */
#include "scan/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "inventory/analyzer.h"
#include "scan/pool.h"

#define FILES_AT_ONCE 48 /* descriptors in one message; below MSG_FDS_MAX */
#define PATHS_AT_ONCE_BYTES (32u << 10)
#define ELF_MAGIC "\177ELF"
#define PROGRESS_EVERY 4096

struct tree {
	int root_fd;
	bool host;
	dev_t root_dev;
	const struct progress *progress;
	struct pool pool;
	struct record *record;
	uint64_t programs; /* analyzers that want executables */
	uint64_t entries;
	/* the message being filled */
	struct buf paths;
	int fds[FILES_AT_ONCE];
	size_t n;
	bool worker_asked; /* it waits for a message */
	struct buf given;  /* the paths of the last message, for messages */
	size_t given_count;
};

/* One hostile file must be found quickly: it is among those of the last message. */
static int name_culprit(const struct tree *t, int r, struct err *e)
{
	struct rd in = rd_of(buf_all(&t->given));
	struct str path = rd_var_str(&in);

	if (!path.n)
		return r;
	return t->given_count > 1
		       ? err_wrap(e, r, STR_FMT " or one of the next %zu files", STR_ARG(path), t->given_count - 1)
		       : err_wrap(e, r, STR_FMT, STR_ARG(path));
}

static int take_answers(struct tree *t, struct err *e)
{
	while (!t->worker_asked) {
		size_t worker;
		uint8_t kind;
		struct str payload;
		struct rd in;
		int r = pool_answer(&t->pool, &worker, &kind, &payload, e);

		if (r < 0)
			return name_culprit(t, r, e);
		if (r == 0)
			return err_set(e, -EIO, "the worker ended too early");
		in = rd_of(payload);
		if (kind == PROTO_NEXT) {
			t->worker_asked = true;
		} else if (kind == PROTO_EVIDENCE) {
			if (rd_varint(&in) || !record_evidence_read(t->record, &in, UINT64_MAX))
				return err_set(e, -EBADMSG, "a worker's answer is damaged");
		} else if (kind == PROTO_TREE) {
			rd_varint(&in);
			uint8_t part = rd_u8(&in);

			if (!rd_ok(&in) || part != TREE_NOTES)
				return err_set(e, -EBADMSG, "a worker's answer is damaged");
			record_tree_add(t->record, part, rd_str(&in, rd_left(&in)));
		}
	}
	return 0;
}

static int flush_files(struct tree *t, struct err *e)
{
	int r;

	if (!t->n)
		return 0;
	r = take_answers(t, e);
	if (r == 0) {
		r = pool_send(&t->pool, 0, PROTO_FILES, buf_all(&t->paths), t->fds, t->n, e);
		t->worker_asked = false;
		buf_clear(&t->given);
		buf_str(&t->given, buf_all(&t->paths));
		t->given_count = t->n;
	}
	while (t->n)
		fd_close(&t->fds[--t->n]);
	buf_clear(&t->paths);
	return r;
}

static int submit(struct tree *t, int fd, struct str path, const struct stat *st, uint64_t candidates, struct err *e)
{
	buf_var_str(&t->paths, path);
	buf_varint(&t->paths, (uint64_t)st->st_size);
	buf_varint(&t->paths, st->st_mode & 07777);
	buf_le64(&t->paths, candidates);
	t->fds[t->n++] = fd;
	return t->n == FILES_AT_ONCE || t->paths.n > PATHS_AT_ONCE_BYTES ? flush_files(t, e) : 0;
}

static void note_file(struct tree *t, struct str path, const char *what, int error)
{
	char reason[128];
	struct buf b;

	snprintf(reason, sizeof(reason), "%s: %s", what, strerror(-error));
	buf_init(&b, 2 * PATH_BYTES_MAX);
	buf_var_str(&b, path);
	buf_var_str(&b, str_c(reason));
	record_tree_add(t->record, TREE_NOTES, buf_all(&b));
	buf_done(&b);
}

/* Fixed paths: "/etc/os-release", opened through whatever links the tree has. */
static int try_path(struct tree *t, struct str path, uint64_t candidates, struct err *e)
{
	auto_close int fd = fd_open_inside(t->root_fd, path, O_RDONLY);
	struct stat st;

	if (fd < 0) {
		if (fd != -ENOENT && fd != -ENOTDIR && fd != -ENXIO && fd != -ELOOP)
			note_file(t, path, "cannot be opened", fd);
		return 0;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return submit(t, take_fd(&fd), path, &st, candidates, e);
}

/* Patterns such as "/var/lib/dpkg/info/" + "*.list", or "/var/lib/pacman/local/" + "*" + "/desc". */
static int try_glob(struct tree *t, struct str pattern, uint64_t candidates, struct err *e)
{
	struct str head = path_dir(str_head(pattern, (size_t)str_find(pattern, '*')));
	struct str tail = str_from(pattern, head.n + 1);
	struct str below;
	bool deeper = str_split(tail, '/', &tail, &below);
	int fd = fd_open_inside(t->root_fd, head, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;

	if (!d) {
		fd_close(&fd);
		return 0;
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
		char path[PATH_BYTES_MAX + 256];
		int n;

		if (ent->d_name[0] == '.' || !str_glob(tail, str_c(ent->d_name)))
			continue;
		n = snprintf(path, sizeof(path), STR_FMT "/%s" STR_FMT STR_FMT, STR_ARG(head), ent->d_name,
			     STR_ARG(deeper ? STR("/") : STR("")), STR_ARG(deeper ? below : STR("")));
		if (n > 0 && (size_t)n < PATH_BYTES_MAX)
			r = try_path(t, str_n(path, (size_t)n), candidates, e);
	}
	closedir(d);
	return r;
}

static int scan_fixed(struct tree *t, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < analyzer_count && r == 0; i++) {
		for (size_t k = 0; k < ANALYZER_PATTERNS_MAX && analyzers[i].patterns[k] && r == 0; k++) {
			struct str pattern = str_c(analyzers[i].patterns[k]);

			if (pattern.p[0] != '/')
				continue;
			pattern = str_from(pattern, 1);
			r = str_find(pattern, '*') < 0 ? try_path(t, pattern, 1ull << i, e)
						       : try_glob(t, pattern, 1ull << i, e);
		}
	}
	return r;
}

/* Analyzers that find their files by name, anywhere: the bits of fixed paths are served already. */
static uint64_t fixed_bits(void)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < analyzer_count; i++)
		if (analyzers[i].patterns[0] && analyzers[i].patterns[0][0] == '/')
			bits |= 1ull << i;
	return bits;
}

static bool is_program(int fd)
{
	char head[4];

	return fd_pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       memcmp(head, ELF_MAGIC, sizeof(head)) == 0;
}

static int scan_file(struct tree *t, int dir_fd, const char *name, struct str path, uint64_t by_name, struct err *e)
{
	uint64_t candidates = by_name;
	auto_close int fd = -1;
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (!candidates && !(st.st_mode & 0111))
		return 0;
	fd = fd_open(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		if (fd != -ENOENT && candidates)
			note_file(t, path, "cannot be opened", fd);
		return 0;
	}
	/* The name may stand for something else by now. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if ((st.st_mode & 0111) && is_program(fd))
		candidates |= t->programs;
	return candidates ? submit(t, take_fd(&fd), path, &st, candidates, e) : 0;
}

/* File systems that hold no installed software, or somebody else's. */
static bool is_foreign_mount(int fd)
{
	static const unsigned long skip[] = {
		PROC_SUPER_MAGIC,
		SYSFS_MAGIC,
		CGROUP_SUPER_MAGIC,
		CGROUP2_SUPER_MAGIC,
		DEVPTS_SUPER_MAGIC,
		DEBUGFS_MAGIC,
		TRACEFS_MAGIC,
		SECURITYFS_MAGIC,
		BPF_FS_MAGIC,
		NFS_SUPER_MAGIC,
		SMB_SUPER_MAGIC,
		0xFF534D42,
		0xFE534D42,
		0x65735546,
		0x00C36400,
		/* cifs, smb2, FUSE, ceph: not in linux/magic.h of all releases */
		AUTOFS_SUPER_MAGIC,
		EFIVARFS_MAGIC,
		PSTOREFS_MAGIC,
		SELINUX_MAGIC,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(skip); i++)
		if ((unsigned long)fs.f_type == skip[i])
			return true;
	return false;
}

/* Stores of container engines: what lies there is other systems' files. */
static bool is_container_store(struct str path)
{
	static const struct str stores[] = {
		STR("var/lib/docker"),	STR("var/lib/containerd"), STR("var/lib/containers/storage"),
		STR("var/lib/kubelet"), STR("run/containerd"),	   STR("var/lib/lxc"),
		STR("var/lib/lxd"),	STR("var/lib/machines"),   STR("var/snap"),
	};

	for (size_t i = 0; i < ARRAY_LEN(stores); i++)
		if (str_eq(path, stores[i]))
			return true;
	return false;
}

static bool enter_dir(struct tree *t, int fd, struct str path, dev_t *dev)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if (st.st_dev != *dev && is_foreign_mount(fd))
		return false;
	*dev = st.st_dev;
	return !(t->host && is_container_store(path));
}

static int scan_dir(struct tree *t, int dir_fd, char *path, size_t n, dev_t dev, unsigned int depth, struct err *e);

static int scan_entry(struct tree *t, int dir_fd, const struct dirent *ent, char *path, size_t n, dev_t dev,
		      unsigned int depth, struct err *e)
{
	static uint64_t fixed;
	size_t name_n = strlen(ent->d_name);
	unsigned char type = ent->d_type;
	int fd;

	if (n + 1 + name_n > PATH_BYTES_MAX - 1) {
		note_file(t, str_n(path, n), "a name below is too long", -ENAMETOOLONG);
		return 0;
	}
	if (n)
		path[n++] = '/';
	memcpy(path + n, ent->d_name, name_n + 1);
	n += name_n;
	if (type == DT_UNKNOWN) {
		struct stat st;

		if (fstatat(dir_fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_LNK;
	}
	if (type == DT_REG) {
		if (!fixed)
			fixed = fixed_bits();
		return scan_file(t, dir_fd, ent->d_name, str_n(path, n), analyzers_for_path(str_n(path, n)) & ~fixed,
				 e);
	}
	if (type != DT_DIR)
		return 0;
	fd = fd_open(dir_fd, ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0) {
		if (fd != -ENOENT)
			note_file(t, str_n(path, n), "cannot be opened", fd);
		return 0;
	}
	return scan_dir(t, fd, path, n, dev, depth + 1, e);
}

/* Takes the descriptor. `path` has room for PATH_BYTES_MAX bytes, the first n are this directory's. */
static int scan_dir(struct tree *t, int dir_fd, char *path, size_t n, dev_t dev, unsigned int depth, struct err *e)
{
	DIR *d = NULL;
	int r = 0;

	if (depth > TREE_DEPTH_MAX)
		note_file(t, str_n(path, n), "nested too deeply", -ELOOP);
	else if (enter_dir(t, dir_fd, str_n(path, n), &dev))
		d = fdopendir(dir_fd);
	if (!d) {
		close(dir_fd);
		return 0;
	}
	for (struct dirent *ent; errno = 0, r == 0 && (ent = readdir(d));) {
		if (ent->d_name[0] == '.' && (!ent->d_name[1] || (ent->d_name[1] == '.' && !ent->d_name[2])))
			continue;
		if (++t->entries > TREE_ENTRIES_MAX)
			r = err_set(e, -E2BIG, "more than %u files", TREE_ENTRIES_MAX);
		if (t->entries % PROGRESS_EVERY == 0)
			progress_at(t->progress, STR("reading files"), t->entries, 0);
		if (r == 0)
			r = scan_entry(t, dirfd(d), ent, path, n, dev, depth, e);
	}
	if (r == 0 && errno)
		note_file(t, str_n(path, n), "cannot be listed to its end", -errno);
	closedir(d);
	return r;
}

static int scan_all(struct tree *t, struct err *e)
{
	char path[PATH_BYTES_MAX];
	struct stat st;
	int fd, r = scan_fixed(t, e);

	if (r < 0)
		return r;
	fd = fd_open(t->root_fd, ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "cannot open the directory");
	r = scan_dir(t, fd, path, 0, st.st_dev, 0, e);
	r = r < 0 ? r : flush_files(t, e);
	return r < 0 ? r : take_answers(t, e);
}

int tree_scan(int root_fd, bool host, const struct progress *progress, struct record *ret, struct err *e)
{
	struct tree t = { .root_fd = root_fd, .host = host, .progress = progress, .record = ret };
	int r = pool_start(&t.pool, 1, "scan", e);

	record_init(ret);
	buf_init(&t.paths, MSG_BYTES_MAX - 1);
	buf_init(&t.given, MSG_BYTES_MAX - 1);
	for (size_t i = 0; i < analyzer_count; i++)
		t.programs |= (uint64_t)analyzers[i].executables << i;
	r = r < 0 ? r : scan_all(&t, e);
	while (t.n)
		fd_close(&t.fds[--t.n]);
	pool_stop(&t.pool);
	buf_done(&t.paths);
	buf_done(&t.given);
	return r < 0 ? r : record_seal(ret, UINT64_MAX, e);
}
