/* store: layers kept as file systems. See store.h. */
#include "scan/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "scan/data.h"
#include "scan/unpack.h"

#define LAYERS "layers"
#define SUFFIX ".erofs"
#define NAME_BYTES_MAX (DIGEST_TEXT_MAX + sizeof(SUFFIX))

static int layers_open(const char *data_path, bool make, struct err *e)
{
	auto_close int data = data_open(data_path, make, e);
	int fd, r;

	if (data < 0)
		return data;
	r = make ? dir_make(data, STORE_DIR_NAME "/" LAYERS) : 0;
	fd = r < 0 ? r : fd_open(data, STORE_DIR_NAME "/" LAYERS, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? err_errno(e, fd, "store of layers") : fd;
}

/* "sha256-HEX.erofs": a digest's text has a ':' that options of overlayfs give another meaning. */
static void layer_name(const struct digest *diff_id, char name[NAME_BYTES_MAX])
{
	char text[DIGEST_TEXT_MAX];

	snprintf(name, NAME_BYTES_MAX, "sha256-%s" SUFFIX, digest_text(diff_id, text) + sizeof("sha256:") - 1);
}

/* A stored layer, locked so that nobody prunes it while it is in use. -ENOENT when it is not there (any more). */
static int layer_open(int dir, const char *name)
{
	auto_close int fd = fd_open(dir, name, O_RDONLY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 || fstat(fd, &st) < 0)
		return errno == EWOULDBLOCK ? -ENOENT : -errno;
	futimens(fd, NULL); /* used: store_prune() goes by it */
	return st.st_nlink ? take_fd(&fd) : -ENOENT;
}

static int publish(int dir, int fd, const char *name, struct err *e)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fchmod(fd, 0400) < 0 || fsync(fd) < 0)
		return err_errno(e, -errno, "store of layers");
	if (linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "store of layers: %s", name);
	return 0;
}

/* Nameless files until they are whole: a killed process leaves nothing. */
static int store_missing(int dir, struct image *img, const struct unpack_task *tasks, size_t n,
			 const struct progress *progress, struct err *e)
{
	int r = unpack_layers(img, tasks, n, progress, e);

	for (size_t i = 0; i < n && r == 0; i++) {
		char name[NAME_BYTES_MAX];

		layer_name(&img->info.layers.v[tasks[i].layer].diff_id, name);
		r = publish(dir, tasks[i].fd, name, e);
	}
	return r;
}

static bool is_repeated(const struct image *img, size_t layer)
{
	for (size_t i = 0; i < layer; i++)
		if (digest_eq(&img->info.layers.v[i].diff_id, &img->info.layers.v[layer].diff_id))
			return true;
	return false;
}

/* Opens what is there; what is not gets a task with a nameless file. */
static int look_up(int dir, struct image *img, int *fds, struct unpack_task *tasks, size_t *n, struct err *e)
{
	for (size_t i = 0; i < img->info.layers.n; i++) {
		char name[NAME_BYTES_MAX];

		layer_name(&img->info.layers.v[i].diff_id, name);
		if (fds[i] < 0)
			fds[i] = layer_open(dir, name);
		if (fds[i] >= 0 || is_repeated(img, i))
			continue;
		if (fds[i] != -ENOENT)
			return err_errno(e, fds[i], "store of layers: %s", name);
		tasks[*n].layer = (uint32_t)i;
		tasks[*n].fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (tasks[*n].fd < 0)
			return err_errno(e, -errno, "store of layers");
		(*n)++;
	}
	return 0;
}

static int open_all(int dir, struct image *img, int *fds, const struct progress *progress, struct err *e)
{
	auto_free struct unpack_task *tasks = xcalloc(img->info.layers.n, sizeof(*tasks));
	size_t n = 0;
	int r = look_up(dir, img, fds, tasks, &n, e);

	if (r == 0 && n)
		r = store_missing(dir, img, tasks, n, progress, e);
	for (size_t i = 0; i < n; i++)
		fd_close(&tasks[i].fd);
	return r;
}

int store_layers(const char *data_path, struct image *img, int *ret_fds, const struct progress *progress, struct err *e)
{
	auto_close int dir = layers_open(data_path, true, e);
	size_t n = img->info.layers.n;
	int r = dir < 0 ? dir : 0;

	for (size_t i = 0; i < n; i++)
		ret_fds[i] = -1;
	r = r < 0 ? r : open_all(dir, img, ret_fds, progress, e);
	for (size_t i = 0; i < n && r == 0; i++) {
		char name[NAME_BYTES_MAX];

		layer_name(&img->info.layers.v[i].diff_id, name);
		if (ret_fds[i] < 0)
			ret_fds[i] = layer_open(dir, name);
		if (ret_fds[i] < 0)
			r = err_errno(e, ret_fds[i], "store of layers: %s", name);
	}
	for (size_t i = 0; i < n && r < 0; i++)
		if (ret_fds[i] >= 0)
			fd_close(&ret_fds[i]);
	return r;
}

/* 1 and its size when it was removed; 0 when it is in use. */
static int prune_one(int dir, const char *name, uint64_t *bytes)
{
	auto_close int fd = fd_open(dir, name, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	if (unlinkat(dir, name, 0) < 0)
		return -errno;
	*bytes += (uint64_t)st.st_blocks * 512;
	return 1;
}

struct stored_layers {
	VEC(struct aged) v;
	struct arena names;
};

static int list_layers(int dir, struct stored_layers *ret)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *d;
	struct stat st;

	if (!list)
		return -errno;
	while ((d = readdir(list)))
		if (str_ends(str_c(d->d_name), STR(SUFFIX)) && fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			vec_push(&ret->v, ((struct aged){ arena_fmt(&ret->names, "%s", d->d_name).p,
							  (uint64_t)st.st_blocks * 512, (uint64_t)st.st_mtim.tv_sec }));
	closedir(list);
	return 0;
}

int store_prune(const char *data_path, const struct aged_rule *rule, uint64_t *ret_bytes, struct err *e)
{
	auto_close int dir = layers_open(data_path, false, e);
	struct stored_layers all = { 0 };
	int removed = 0, r;
	size_t go;

	*ret_bytes = 0;
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = list_layers(dir, &all);
	go = aged_first(all.v.v, all.v.n, rule);
	for (size_t i = 0; i < go && r >= 0; i++) {
		r = prune_one(dir, all.v.v[i].name, ret_bytes);
		removed += r > 0;
	}
	vec_done(&all.v);
	arena_done(&all.names);
	return r < 0 ? err_errno(e, r, "store of layers") : removed;
}
