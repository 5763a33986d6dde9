/* depot: the node's images. See depot.h. */
#include "node/agent/depot.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/verity.h"

static int sub_open(int dir, const char *name, struct err *e)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_errno(e, -errno, "images: %s", name) : fd;
}

int depot_open(const char *data_path, const char *fixed_path, struct depot *ret, struct err *e)
{
	struct depot d = { -1, -1 };
	int r = dir_make(AT_FDCWD, data_path);

	d.data = r < 0 ? r : fd_open(AT_FDCWD, data_path, O_RDONLY | O_DIRECTORY);
	r = d.data < 0 ? d.data : dir_make(d.data, "layers");
	r = r < 0 ? r : dir_make(d.data, "records");
	if (r < 0)
		return err_errno(e, r, "images: %s", data_path);
	d.fixed = fd_open(AT_FDCWD, fixed_path, O_RDONLY | O_DIRECTORY);
	if (d.fixed < 0)
		d.fixed = -1;
	*ret = d;
	return 0;
}

void depot_close(struct depot *d)
{
	if (d->data >= 0)
		fd_close(&d->data);
	if (d->fixed >= 0)
		fd_close(&d->fixed);
}

/* ---- layers ---- */

int depot_layer(const struct depot *d, const struct digest *root, bool *ret_fixed)
{
	char path[STORED_PATH_MAX];
	int fd = -ENOENT;

	stored_layer_path(root, path);
	if (d->fixed >= 0)
		fd = fd_open(d->fixed, path, O_RDONLY | O_NOFOLLOW);
	*ret_fixed = fd >= 0;
	return fd >= 0 ? fd : fd_open(d->data, path, O_RDONLY | O_NOFOLLOW);
}

int depot_begin(struct depot *d, struct str root_hex, uint64_t bytes, struct intake *ret, struct err *e)
{
	struct intake in = { .fd = -1, .want = bytes };
	int there, r;
	bool fixed;

	if (!digest_parse_hex(root_hex, &in.root))
		return err_set(e, -EBADMSG, "a layer's name is the root hash of its tree: 64 hexadecimal digits");
	if (!bytes || bytes % VERITY_BLOCK || bytes > STORED_LAYER_BYTES_MAX)
		return err_set(e, -EBADMSG, "a layer's length is a multiple of %u", VERITY_BLOCK);
	there = depot_layer(d, &in.root, &fixed);
	if (there >= 0) {
		fd_close(&there);
		return 1;
	}
	in.fd = openat(d->data, "layers", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (in.fd < 0)
		return err_errno(e, -errno, "images: a new layer");
	/* A full disk is told before the upload, and not at its end. */
	r = fallocate(in.fd, 0, 0, (off_t)(bytes + verity_tree_bytes(bytes))) < 0 ? -errno : 0;
	if (r < 0 && r != -EOPNOTSUPP) {
		fd_close(&in.fd);
		return err_errno(e, r, "images: a new layer");
	}
	*ret = in;
	return 0;
}

int depot_add(struct intake *in, struct str piece, struct err *e)
{
	int r;

	if (piece.n > in->want - in->have)
		return err_set(e, -EBADMSG, "more bytes than were said");
	r = fd_write(in->fd, piece.p, piece.n);
	if (r < 0)
		return err_errno(e, r, "images: a new layer");
	in->have += piece.n;
	return 0;
}

void depot_drop(struct intake *in)
{
	if (in->fd >= 0)
		fd_close(&in->fd);
}

static int publish(struct depot *d, struct intake *in, struct err *e)
{
	auto_close int dir = sub_open(d->data, "layers", e);
	char self[64], path[STORED_PATH_MAX];

	if (dir < 0)
		return dir;
	stored_layer_path(&in->root, path);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", in->fd);
	if (fchmod(in->fd, 0400) < 0 || fsync(in->fd) < 0)
		return err_errno(e, -errno, "images: %s", path);
	if (linkat(AT_FDCWD, self, d->data, path, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "images: %s", path);
	return fsync(dir) < 0 ? err_errno(e, -errno, "images: %s", path) : 0;
}

int depot_finish(struct depot *d, struct intake *in, struct err *e)
{
	struct digest root;
	int r = 0;

	if (in->have != in->want)
		r = err_set(e, -EBADMSG, "fewer bytes than were said");
	r = r < 0 ? r : verity_write(in->fd, in->want, in->want, &stored_salt, &root, e);
	if (r == 0 && !digest_eq(&root, &in->root))
		r = err_set(e, -EBADMSG, "the layer is not what its name says");
	r = r < 0 ? r : publish(d, in, e);
	depot_drop(in);
	return r;
}

/* ---- records ---- */

static int read_record(int dir, const char *path, struct arena *a, struct stored *ret, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = file_read(dir, path, STORED_BYTES_MAX, &text, e);

	return r < 0 ? r : stored_parse(arena_str(a, buf_all(&text)), a, ret, e);
}

int depot_record(const struct depot *d, struct str name, struct arena *a, struct stored *ret, struct err *e)
{
	char path[STORED_PATH_MAX];
	int r = -ENOENT;

	if (!stored_name_ok(name))
		return err_set(e, -ENOENT, "no name of an image");
	stored_path(name, path);
	if (d->fixed >= 0)
		r = read_record(d->fixed, path, a, ret, e);
	r = r == -ENOENT ? read_record(d->data, path, a, ret, e) : r;
	if (r == 0 && !str_is(name, ret->name))
		return err_set(e, -EBADMSG, "image " STR_FMT ": its record is of another", STR_ARG(name));
	return r == -ENOENT ? err_set(e, r, "there is no image " STR_FMT, STR_ARG(name)) : r;
}

static int check_layers(const struct depot *d, const struct stored *r, struct err *e)
{
	for (size_t i = 0; i < r->layer_count; i++) {
		char text[DIGEST_TEXT_MAX];
		bool fixed;
		auto_close int fd = depot_layer(d, &r->layers[i].root, &fixed);
		struct stat st;

		digest_text(&r->layers[i].root, text);
		if (fd < 0)
			return err_set(e, -ENOENT, "layer %zu (%s) is not here", i, text);
		if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < r->layers[i].bytes)
			return err_set(e, -EBADMSG, "layer %zu (%s) is not that long", i, text);
	}
	return 0;
}

static bool is_fixed(const struct depot *d, const char *path)
{
	return d->fixed >= 0 && faccessat(d->fixed, path, F_OK, 0) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_record(const struct dirent *entry)
{
	return str_ends(str_c(entry->d_name), STR(".json")) && entry->d_name[0] != '.';
}

/* What comes behind DEPOT_RECORDS_MAX would not be looked at, and its layers would seem to be nobody's. */
static int check_count(const struct depot *d, const char *path, struct err *e)
{
	struct dirent **names = NULL;
	int n = faccessat(d->data, path, F_OK, 0) == 0 ? 0 : scandirat(d->data, "records", &names, is_record, by_name);

	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	if (n < 0)
		return err_errno(e, -errno, "images: records");
	return n >= (int)DEPOT_RECORDS_MAX ? err_set(e, -E2BIG, "there are %u images already", DEPOT_RECORDS_MAX) : 0;
}

int depot_put(struct depot *d, struct str name, struct str json, struct err *e)
{
	auto_arena struct arena a = { 0 };
	char path[STORED_PATH_MAX];
	struct stored r;
	struct out out;
	int result = stored_parse(json, &a, &r, e);

	if (result < 0)
		return result;
	if (!str_is(name, r.name))
		return err_set(e, -EBADMSG, "name: the record is of \"%s\"", r.name);
	stored_path(name, path);
	if (is_fixed(d, path))
		return err_set(e, -EEXIST, "%s is an image of the specification", r.name);
	result = check_count(d, path, e);
	result = result < 0 ? result : check_layers(d, &r, e);
	if (result < 0)
		return result;
	out_init(&out, -1);
	stored_write(&r, &out);
	result = file_write(d->data, path, buf_all(&out.b), true, e);
	(void)!out_finish(&out);
	return result;
}

struct walk {
	const struct depot *d;
	void (*each)(void *, const struct stored *, bool);
	void *arg;
};

static int walk_one(int dir, bool fixed, const struct walk *w, struct err *e)
{
	struct dirent **names = NULL;
	int n = scandirat(dir, "records", &names, is_record, by_name);

	if (n < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "images: records");
	for (int i = 0; i < n; i++) {
		auto_arena struct arena a = { 0 };
		char path[STORED_PATH_MAX + 256];
		struct stored r;

		snprintf(path, sizeof(path), "records/%s", names[i]->d_name);
		/* A damaged one is nobody's image: the others are still told of. */
		if (i < (int)DEPOT_RECORDS_MAX && read_record(dir, path, &a, &r, NULL) == 0)
			w->each(w->arg, &r, fixed);
		free(names[i]);
	}
	free(names);
	return 0;
}

int depot_each(const struct depot *d, void (*each)(void *arg, const struct stored *r, bool fixed), void *arg,
	       struct err *e)
{
	const struct walk w = { d, each, arg };
	int r = d->fixed >= 0 ? walk_one(d->fixed, true, &w, e) : 0;

	return r < 0 ? r : walk_one(d->data, false, &w, e);
}

/* ---- what nobody names ---- */

struct roots {
	VEC(struct digest) v;
};

static void collect(void *arg, const struct stored *r, bool fixed unused_arg)
{
	struct roots *all = arg;

	for (size_t i = 0; i < r->layer_count; i++)
		vec_push(&all->v, r->layers[i].root);
}

static bool is_among(const struct digest *d, const struct roots *all)
{
	for (size_t i = 0; i < all->v.n; i++)
		if (digest_eq(&all->v.v[i], d))
			return true;
	return false;
}

static bool is_new(int dir, const char *file)
{
	struct stat st;

	return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime + DEPOT_UPLOAD_MAX_S > time(NULL);
}

/* `own`: of the image that has been deleted; NULL: new ones go as well. */
static bool may_go(int dir, const char *file, const struct roots *named, const struct roots *own)
{
	struct digest d;

	if (!digest_parse_hex(str_c(file), &d) || is_among(&d, named))
		return false; /* none of ours, or in use */
	return !own || is_among(&d, own) || !is_new(dir, file);
}

/* A layer that is mounted lives on without its name. */
static int sweep(struct depot *d, const struct roots *own, struct err *e)
{
	struct roots named = { 0 };
	int r = depot_each(d, collect, &named, e);
	int fd = r < 0 ? r : sub_open(d->data, "layers", e);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (may_go(fd, entry->d_name, &named, own) && unlinkat(fd, entry->d_name, 0) < 0)
			r = err_errno(e, -errno, "images: %s", entry->d_name);
	if (dir)
		closedir(dir);
	vec_done(&named.v);
	return fd < 0 ? fd : r;
}

int depot_sweep(struct depot *d, struct err *e)
{
	return sweep(d, NULL, e);
}

int depot_delete(struct depot *d, struct str name, struct err *e)
{
	auto_arena struct arena a = { 0 };
	char path[STORED_PATH_MAX];
	struct roots own = { 0 };
	struct stored r;
	int result = depot_record(d, name, &a, &r, e);

	if (result < 0)
		return result;
	stored_path(name, path);
	if (is_fixed(d, path))
		return err_set(e, -EPERM, "%s is an image of the specification", r.name);
	result = file_remove(d->data, path);
	if (result < 0)
		return err_errno(e, result, "images: %s", r.name);
	collect(&own, &r, false);
	result = sweep(d, &own, e);
	vec_done(&own.v);
	return result;
}
