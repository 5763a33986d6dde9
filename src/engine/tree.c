/* tree: layers unpacked for users without rights. See tree.h.
 *
 * A process in a user namespace with the ids does the work: it is root there, over files of the user and of the range,
 * and nothing else. Each layer is applied over what those below left, as overlayfs would show them; names are single
 * parts, looked up below directories that are held open, and no link is ever followed. */
#include "engine/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/map.h"
#include "base/num.h"
#include "layer/erofs-read.h"
#include "runtime/launch-map.h"

#define TREES "trees"

/* ---- ids ---- */

static bool range_of(const char *file, struct str name, struct subids *ret)
{
	auto_buf struct buf text = { 0 };

	return file_read(AT_FDCWD, file, SUBIDS_FILE_MAX, &text, NULL) >= 0 &&
	       subids_find(buf_all(&text), name, getuid(), ret);
}

void tree_ids_of_user(struct tree_ids *ret)
{
	const struct passwd *user = getpwuid(getuid());
	struct str name = user ? str_c(user->pw_name) : STR_NONE;
	struct subids u, g;

	*ret = (struct tree_ids){ .uids = { { 0, getuid(), 1 } }, .gids = { { 0, getgid(), 1 } }, .n = 1 };
	if (!range_of("/etc/subuid", name, &u) || !range_of("/etc/subgid", name, &g))
		return;
	ret->uids[1] = (struct oci_mapping){ 1, u.first, u.n };
	ret->gids[1] = (struct oci_mapping){ 1, g.first, g.n };
	ret->n = 2;
}

/* ---- unpacking ---- */

struct unpacking {
	struct str image;
	int root;	  /* directory of the tree */
	struct map names; /* inode of this layer that has several names -> index in paths */
	VEC(struct str) paths;
	struct arena arena;
	bool one_id; /* everything belongs to the user */
	struct err *e;
};

/* Whatever is there under the name goes; *bytes (may be NULL) grows by what it took. */
static int clear(int dir, const char *name, unsigned int depth, uint64_t *bytes)
{
	auto_close int fd = -1;
	struct dirent *d;
	struct stat st;
	DIR *list;
	int r = 0;

	if (bytes && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (S_ISDIR(st.st_mode) || st.st_nlink == 1))
		*bytes += (uint64_t)st.st_blocks * 512;
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR || depth == TREE_DEPTH_MAX)
		return -errno;
	fd = fd_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	list = fdopendir(dup(fd));
	if (!list)
		return -errno;
	while (r == 0 && (d = readdir(list)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = clear(fd, d->d_name, depth + 1, bytes);
	closedir(list);
	return r < 0 || unlinkat(dir, name, AT_REMOVEDIR) == 0 ? r : -errno;
}

static int clear_content(int fd)
{
	DIR *list = fdopendir(dup(fd));
	struct dirent *d;
	int r = list ? 0 : -errno;

	while (r == 0 && (d = readdir(list)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = clear(fd, d->d_name, 0, NULL);
	if (list)
		closedir(list);
	return r;
}

/* The owner first: a change of it takes set-user-ID bits and capabilities away. */
static int finish_file(const struct unpacking *u, int fd, const struct erofs_inode *i)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = i->mtime } };
	struct str rest = i->xattrs, name, value;
	const char *prefix;

	if (!u->one_id && fchown(fd, i->uid, i->gid) < 0)
		return -errno;
	while (erofs_xattr_next(&rest, &prefix, &name, &value)) {
		char text[512];

		/* overlayfs' own words are said by now */
		if (!prefix || !strcmp(prefix, "trusted.") ||
		    snprintf(text, sizeof(text), "%s" STR_FMT, prefix, STR_ARG(name)) >= (int)sizeof(text))
			continue;
		if (fsetxattr(fd, text, value.p, value.n, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM &&
		    errno != EINVAL)
			return -errno;
	}
	return fchmod(fd, i->mode) < 0 || futimens(fd, times) < 0 ? -errno : 0;
}

static int write_file(struct unpacking *u, int dir, const char *name, const struct erofs_inode *i)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : 0;

	for (uint64_t at = 0; r == 0 && at < i->size;) {
		struct str piece = erofs_bytes(u->image, i, at);

		r = piece.n ? fd_write(fd, piece.p, piece.n) : -EBADMSG;
		at += piece.n;
	}
	return r < 0 ? r : finish_file(u, fd, i);
}

static int write_link(struct unpacking *u, int dir, const char *name, const struct erofs_inode *i)
{
	if (symlinkat(arena_str(&u->arena, erofs_bytes(u->image, i, 0)).p, dir, name) < 0)
		return -errno;
	return !u->one_id && fchownat(dir, name, i->uid, i->gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int write_fifo(struct unpacking *u, int dir, const char *name, const struct erofs_inode *i)
{
	if (mknodat(dir, name, S_IFIFO | 0600, 0) < 0)
		return -errno;
	if (!u->one_id && fchownat(dir, name, i->uid, i->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return fchmodat(dir, name, i->mode, 0) < 0 ? -errno : 0;
}

/* A further name of a file of this layer: found by the first one, in directories that are no links. 1: it was one. */
static int link_again(struct unpacking *u, int dir, const char *name, const struct erofs_inode *i, struct str path)
{
	struct str key = str_n(&i->nid, sizeof(i->nid));
	uint32_t *at;
	bool added;

	if (i->kind == EROFS_DIR || i->links < 2)
		return 0;
	at = map_put(&u->names, arena_str(&u->arena, key), (uint32_t)u->paths.n, &added);
	if (!added) {
		struct str old = u->paths.v[*at], base = str_from(old, (size_t)(str_rfind(old, '/') + 1));
		auto_close int where = -1;

		where = base.n == old.n
				? fcntl(u->root, F_DUPFD_CLOEXEC, 3)
				: fd_open_inside(u->root, str_head(old, old.n - base.n - 1), O_RDONLY | O_DIRECTORY);
		if (where < 0)
			return where;
		return linkat(where, base.p, dir, name, 0) < 0 ? -errno : 1;
	}
	vec_push(&u->paths, arena_str(&u->arena, path));
	return 0;
}

static int apply_dir(struct unpacking *u, int fd, const struct erofs_inode *i, struct str path, unsigned int depth);

static bool is_opaque(const struct erofs_inode *i)
{
	struct str rest = i->xattrs, name, value;
	const char *prefix;

	while (erofs_xattr_next(&rest, &prefix, &name, &value))
		if (prefix && !strcmp(prefix, "trusted.") && str_is(name, "overlay.opaque"))
			return true;
	return false;
}

/* A directory that is there stays, with what is in it; anything else makes way. */
static int go_into(struct unpacking *u, int dir, const char *name, const struct erofs_inode *i, struct str path,
		   unsigned int depth)
{
	auto_close int fd = fd_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	int r;

	if (fd < 0) {
		r = clear(dir, name, 0, NULL);
		if (r == 0 && mkdirat(dir, name, 0700) < 0)
			r = -errno;
		fd = r < 0 ? r : fd_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	} else if (is_opaque(i)) {
		r = clear_content(fd);
		if (r < 0)
			return r;
	}
	return fd < 0 ? fd : apply_dir(u, fd, i, path, depth + 1);
}

static int apply_one(struct unpacking *u, int dir, const char *name, const struct erofs_inode *i, struct str path,
		     unsigned int depth)
{
	int r;

	if (i->kind == EROFS_DIR)
		return go_into(u, dir, name, i, path, depth);
	r = clear(dir, name, 0, NULL);
	if (r < 0 || i->kind == EROFS_CHAR || i->kind == EROFS_BLOCK) /* a whiteout, or a device */
		return r;
	r = link_again(u, dir, name, i, path);
	if (r)
		return r < 0 ? r : 0;
	return i->kind == EROFS_FILE   ? write_file(u, dir, name, i)
	       : i->kind == EROFS_LINK ? write_link(u, dir, name, i)
				       : write_fifo(u, dir, name, i);
}

static int apply_dir(struct unpacking *u, int fd, const struct erofs_inode *i, struct str path, unsigned int depth)
{
	uint64_t cursor = 0, nid;
	struct str name;
	int r;

	if (depth > TREE_DEPTH_MAX)
		return err_set(u->e, -E2BIG, "/" STR_FMT ": more than %d directories below each other", STR_ARG(path),
			       TREE_DEPTH_MAX);
	while ((r = erofs_next(u->image, i, &cursor, &name, &nid, u->e)) > 0) {
		struct str whole =
			arena_fmt(&u->arena, STR_FMT "%s" STR_FMT, STR_ARG(path), path.n ? "/" : "", STR_ARG(name));
		const char *base = whole.p + whole.n - name.n;
		struct erofs_inode inode;

		r = erofs_inode(u->image, nid, &inode, u->e);
		if (r < 0)
			return r;
		r = apply_one(u, fd, base, &inode, whole, depth);
		if (r < 0)
			return u->e->msg[0] ? r : err_errno(u->e, r, "/" STR_FMT, STR_ARG(whole));
	}
	if (r < 0)
		return r;
	r = finish_file(u, fd, i);
	return r < 0 ? err_errno(u->e, r, "/" STR_FMT, STR_ARG(path)) : 0;
}

static int apply_layer(int layer, int root, bool one_id, struct err *e)
{
	struct unpacking u = { .root = root, .one_id = one_id, .e = e };
	struct erofs_inode top;
	struct stat st;
	void *p;
	int r;

	if (fstat(layer, &st) < 0)
		return err_errno(e, -errno, "layer");
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, layer, 0);
	if (p == MAP_FAILED)
		return err_errno(e, -errno, "layer");
	u.image = str_n(p, (size_t)st.st_size);
	r = erofs_root(u.image, &top, e);
	if (r == 0 && top.kind != EROFS_DIR)
		r = err_set(e, -EBADMSG, "erofs: the root is no directory");
	if (r == 0)
		r = apply_dir(&u, root, &top, STR(""), 0);
	map_done(&u.names);
	vec_done(&u.paths);
	arena_done(&u.arena);
	munmap(p, (size_t)st.st_size);
	return r;
}

/* ---- as root of a user namespace ---- */

struct work {
	int store;
	const char *temporary;
	const int *layers;
	size_t n;
	bool one_id;
	uint64_t *bytes; /* of what is removed */
};

static int unpack(void *ctx, struct err *e)
{
	const struct work *w = ctx;
	auto_close int root = -1;
	int r = mkdirat(w->store, w->temporary, 0700) < 0 ? -errno : 0;

	root = r < 0 ? r : fd_open(w->store, w->temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (root < 0)
		return err_errno(e, root, "%s", w->temporary);
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		r = apply_layer(w->layers[i], root, w->one_id, e);
		if (r < 0)
			err_wrap(e, r, "layer %zu", i);
	}
	if (r == 0 && syncfs(root) < 0)
		r = err_errno(e, -errno, "%s", w->temporary);
	if (r < 0)
		(void)!clear(w->store, w->temporary, 0, NULL);
	return r;
}

/* Locked for as long as it is open. 0 when it is not there, or goes this moment. */
static int open_tree_named(int trees, const char *name, int *ret_lock)
{
	auto_close int fd = fd_open(trees, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	struct stat own, there;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (flock(fd, LOCK_SH) < 0 || fstat(fd, &own) < 0)
		return -errno;
	if (fstatat(trees, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || there.st_ino != own.st_ino)
		return 0; /* it was pruned while we waited */
	*ret_lock = take_fd(&fd);
	return 1;
}

static int open_trees(int store_fd, struct err *e)
{
	int r = dir_make(store_fd, TREES), trees = r < 0 ? r : fd_open(store_fd, TREES, O_RDONLY | O_DIRECTORY);

	return trees < 0 ? err_errno(e, trees, "store of images: " TREES) : trees;
}

static int run_in_ids(const struct tree_ids *ids, int (*work)(void *ctx, struct err *e), struct work *w, struct err *e)
{
	struct oci_mapping u[2] = { ids->uids[0], ids->uids[1] }, g[2] = { ids->gids[0], ids->gids[1] };
	const struct oci_mappings uids = { u, ids->n }, gids = { g, ids->n };

	return launch_map_run(&uids, &gids, work, w, e);
}

int tree_get(int store_fd, const int *layers, size_t n, const struct tree_ids *ids, struct str digest,
	     char ret_name[TREE_NAME_BYTES], int *ret_lock, struct err *e)
{
	auto_close int trees = open_trees(store_fd, e);
	char name[TREE_NAME_BYTES], temporary[TREE_NAME_BYTES + 16];
	struct work w = { trees, temporary, layers, n, ids->n == 1, NULL };
	int r = 0;

	if (trees < 0)
		return trees;
	snprintf(name, sizeof(name), "sha256-" STR_FMT "%s", STR_ARG(str_head(digest, 64)), w.one_id ? "-1" : "");
	snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
	snprintf(ret_name, TREE_NAME_BYTES, "%s", name);
	while ((r = open_tree_named(trees, name, ret_lock)) == 0) {
		r = run_in_ids(ids, unpack, &w, e);
		if (r < 0)
			return err_wrap(e, r, "unpacking the image");
		/* Two commands at once: one of them wins, the other's tree goes when trees are pruned. */
		if (renameat(trees, temporary, trees, name) < 0 && errno != EEXIST && errno != ENOTEMPTY)
			return err_errno(e, -errno, "store of images: %s", name);
		if (fsync(trees) < 0)
			return err_errno(e, -errno, "store of images");
	}
	return r < 0 ? err_errno(e, r, "store of images: %s", name) : 0;
}

/* ---- pruning ---- */

static int remove_tree(void *ctx, struct err *e)
{
	const struct work *w = ctx;
	int r = clear(w->store, w->temporary, 0, w->bytes);

	return r < 0 ? err_errno(e, r, "store of images: %s", w->temporary) : 0;
}

/* A temporary name ends in the number of the process that made it. */
static bool is_abandoned(const char *name)
{
	struct str all = str_c(name);
	uint32_t pid;

	return name[0] == '.' && num_u32(str_from(all, (size_t)(str_rfind(all, '.') + 1)), &pid) && pid <= INT32_MAX &&
	       kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* Out of the way first, so that nobody finds half of it: 1 when `temporary` is to go. */
static int set_aside(int trees, const char *name, char *temporary, size_t size)
{
	auto_close int fd = -1;

	if (is_abandoned(name)) {
		snprintf(temporary, size, "%s", name);
		return 1;
	}
	if (name[0] == '.')
		return 0;
	fd = fd_open(trees, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	snprintf(temporary, size, ".%s.%d", name, (int)getpid());
	return renameat(trees, name, trees, temporary) < 0 ? -errno : 1;
}

static int prune_all(int trees, DIR *list, const struct tree_ids *ids, uint64_t *bytes, struct err *e)
{
	int removed = 0;

	for (struct dirent *d; (d = readdir(list));) {
		char temporary[sizeof(d->d_name) + 16];
		struct work w = { .store = trees, .temporary = temporary, .bytes = bytes };
		int r = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0
				? 0
				: set_aside(trees, d->d_name, temporary, sizeof(temporary));

		if (r < 0)
			return err_errno(e, r, "store of images: %s", d->d_name);
		removed += r;
		if (r > 0)
			r = run_in_ids(ids, remove_tree, &w, e);
		if (r < 0)
			return r;
	}
	return removed;
}

int trees_prune(int store_fd, const struct tree_ids *ids, uint64_t *ret_bytes, struct err *e)
{
	auto_close int trees = open_trees(store_fd, e);
	/* Another process counts: it may go where we may not. */
	uint64_t *bytes = mmap(NULL, sizeof(*bytes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	DIR *list = trees < 0 ? NULL : fdopendir(dup(trees));
	int r = trees;

	if (trees >= 0)
		r = bytes == MAP_FAILED || !list ? err_errno(e, -errno, "store of images: " TREES)
						 : prune_all(trees, list, ids, bytes, e);
	*ret_bytes = bytes == MAP_FAILED ? 0 : *bytes;
	if (bytes != MAP_FAILED)
		munmap(bytes, sizeof(*bytes));
	if (list)
		closedir(list);
	return r;
}
