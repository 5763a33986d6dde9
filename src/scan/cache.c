/* cache: what was learned of layers, kept between scans. See cache.h. */
#include "scan/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "codec/sha256.h"

#define NAME_BYTES_MAX 128
#define LINK_BYTES_MAX 512
/* A file changed within one tick of the clock that stamps it looks unchanged; 100 ms is far above any tick. */
#define FRESH_NS 100000000ull
/* A record's time is set again when it is used, but not more often than this. */
#define TOUCH_SECONDS 3600
#define RECORDS_MAX 10000000u
#define NAME_TRIES 100

#define RESULT_MAGIC "YGRESUL1"
#define RESULT_MAGIC_BYTES 8
#define RESULT_SEAL_BYTES 8
#define RESULT_HEAD_BYTES (RESULT_MAGIC_BYTES + RESULT_SEAL_BYTES + DIGEST_BYTES) /* and the stamp */

/* The last is filled by interned.c, the store by node/image/store.c. `heavy`: holds all that has a size worth a limit.
 */
static const struct {
	const char *name;
	bool heavy;
} folders[] = { { "layers", true }, { "results", true }, { "store", true },	  { "blobs", false },
		{ "files", false }, { "chains", false }, { "inventories", false } };

static int default_path(char *path, size_t size)
{
	const char *own = getenv("YAGURA_CACHE");
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	int n;

	if (own && *own)
		n = snprintf(path, size, "%s", own);
	else if (xdg && *xdg == '/')
		n = snprintf(path, size, "%s/yagura", xdg);
	else if (home && *home == '/')
		n = snprintf(path, size, "%s/.cache/yagura", home);
	else
		n = snprintf(path, size, "/var/cache/yagura");
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* What lies there is believed: only who runs this program may have put it there. */
static bool is_ours_alone(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & S_IWOTH))
		return false;
	/* Many systems give each user a group of his own and an umask of 002. */
	return !(st.st_mode & S_IWGRP) || st.st_gid == getegid();
}

/* A killed process may have had our number, in a container even always has. */
static bool gone(pid_t pid)
{
	return pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH);
}

/* What processes that are gone have left in tmp/. Names begin with the process's id; one that seems gone but runs where
 * its id cannot be seen only keeps one record less. */
static void sweep(const struct cache *c)
{
	int fd = fd_open(c->dir_fd, "tmp", O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *ent; (ent = readdir(d));) {
		struct str pid = str_c(ent->d_name);
		uint32_t id;

		pid = str_head(pid, str_find(pid, '-') < 0 ? pid.n : (size_t)str_find(pid, '-'));
		if (num_u32(pid, &id) && id && id <= INT_MAX && gone((pid_t)id))
			unlinkat(dirfd(d), ent->d_name, 0);
	}
	closedir(d);
}

int cache_open(struct cache *ret, const char *path, struct err *e)
{
	char buffer[PATH_MAX];
	int fd, r = 0;

	*ret = (struct cache){ .dir_fd = -1 };
	if (!path) {
		r = default_path(buffer, sizeof(buffer));
		path = buffer;
	}
	fd = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT) {
		r = dir_make(AT_FDCWD, path);
		fd = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	}
	if (fd < 0) {
		struct err why = { 0 };

		err_errno(&why, fd, "cache directory %s", path);
		return err_set(e, fd, "%s; name another with --cache", why.msg);
	}
	if (!is_ours_alone(fd)) {
		close(fd);
		return err_set(e, -EPERM,
			       "cache directory %s: others own it or may write to it; name another with --cache", path);
	}
	ret->dir_fd = fd;
	sweep(ret);
	return 0;
}

void cache_close(struct cache *c)
{
	fd_close(&c->dir_fd);
}

static void hex_of(const struct digest *d, char hex[DIGEST_TEXT_MAX])
{
	char text[DIGEST_TEXT_MAX];

	digest_text(d, text);
	snprintf(hex, DIGEST_TEXT_MAX, "%s", text + strlen("sha256:"));
}

static void layer_name(const struct digest *diff_id, uint64_t names_key, char name[NAME_BYTES_MAX])
{
	char hex[DIGEST_TEXT_MAX];

	hex_of(diff_id, hex);
	if (names_key)
		snprintf(name, NAME_BYTES_MAX, "layers/%.2s/%s+%016llx", hex, hex + 2, (unsigned long long)names_key);
	else
		snprintf(name, NAME_BYTES_MAX, "layers/%.2s/%s", hex, hex + 2);
}

/* Least recently used is told by the modification time, which we set ourselves. */
static void touch(int dir_fd, const char *name)
{
	struct timespec now;
	struct stat st;

	if (clock_gettime(CLOCK_REALTIME, &now) == 0 && fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.tv_sec - st.st_mtim.tv_sec > TOUCH_SECONDS)
		utimensat(dir_fd, name, NULL, AT_SYMLINK_NOFOLLOW);
}

int cache_layer_get(struct cache *c, const struct digest *diff_id, uint64_t names_key, struct record *ret)
{
	char name[NAME_BYTES_MAX];
	int r;

	if (c->dir_fd < 0 || !diff_id->set)
		return 0;
	layer_name(diff_id, names_key, name);
	r = record_read(ret, c->dir_fd, name, NULL);
	if (r == 0 && digest_eq(&ret->diff_id, diff_id)) {
		touch(c->dir_fd, name);
		return 1;
	}
	if (r == 0)
		record_done(ret);
	if (r != -ENOENT) {
		c->damaged++;
		unlinkat(c->dir_fd, name, 0);
	}
	return 0;
}

void cache_layer_touch(struct cache *c, const struct digest *diff_id)
{
	char name[NAME_BYTES_MAX];

	layer_name(diff_id, 0, name);
	touch(c->dir_fd, name);
}

static void temporary(char tmp[NAME_BYTES_MAX])
{
	static unsigned int counter;

	snprintf(tmp, NAME_BYTES_MAX, "tmp/%d-%u", (int)getpid(), counter++);
}

/* Gives what was made in tmp/ its name. The directory usually exists: it is only made when it does not work without. */
static void put_in_place(struct cache *c, const char *tmp, const char *name)
{
	char dir[NAME_BYTES_MAX];
	struct str path = path_dir(str_c(name));

	if (renameat(c->dir_fd, tmp, c->dir_fd, name) == 0)
		return;
	snprintf(dir, sizeof(dir), STR_FMT, STR_ARG(path));
	if (errno != ENOENT || dir_make(c->dir_fd, dir) < 0 || renameat(c->dir_fd, tmp, c->dir_fd, name) < 0)
		unlinkat(c->dir_fd, tmp, 0); /* a full disk is no reason to fail a scan */
}

void cache_layer_put(struct cache *c, const struct record *r, uint64_t names_key)
{
	char name[NAME_BYTES_MAX], tmp[NAME_BYTES_MAX];
	int k;

	if (c->dir_fd < 0)
		return;
	layer_name(&r->diff_id, names_key, name);
	temporary(tmp);
	k = record_write(r, c->dir_fd, tmp, NULL);
	if (k == -ENOENT && dir_make(c->dir_fd, "tmp") == 0)
		k = record_write(r, c->dir_fd, tmp, NULL);
	if (k == 0)
		put_in_place(c, tmp, name);
}

/* Small facts are symbolic links: one system call to read, atomic to make, nothing to parse. */
static bool link_get(struct cache *c, const char *name, char *target, size_t size)
{
	ssize_t n = c->dir_fd < 0 ? -1 : readlinkat(c->dir_fd, name, target, size - 1);

	if (n < 0)
		return false;
	target[n] = 0;
	return true;
}

/* Writes only what is news: a warm scan says of its image what the last one said. */
static void link_put(struct cache *c, const char *name, const char *target)
{
	char tmp[NAME_BYTES_MAX], there[LINK_BYTES_MAX];

	if (c->dir_fd < 0)
		return;
	if (link_get(c, name, there, sizeof(there)) && strcmp(there, target) == 0) {
		touch(c->dir_fd, name);
		return;
	}
	for (int i = 0;; i++) {
		temporary(tmp);
		if (symlinkat(target, c->dir_fd, tmp) == 0)
			break;
		if (i == NAME_TRIES || (errno != EEXIST && (errno != ENOENT || dir_make(c->dir_fd, "tmp") < 0)))
			return;
	}
	put_in_place(c, tmp, name);
}

static bool digest_link_get(struct cache *c, const char *name, struct digest *ret)
{
	char target[LINK_BYTES_MAX];

	return link_get(c, name, target, sizeof(target)) && digest_parse(str_c(target), ret);
}

static void digest_link_put(struct cache *c, const char *name, const struct digest *d)
{
	char target[DIGEST_TEXT_MAX];

	link_put(c, name, digest_text(d, target));
}

static void digest_name(const char *folder, const struct digest *d, char name[NAME_BYTES_MAX])
{
	char hex[DIGEST_TEXT_MAX];

	hex_of(d, hex);
	snprintf(name, NAME_BYTES_MAX, "%s/%s", folder, hex);
}

/* Against damage, not against enemies: nobody else may write here. */
static uint64_t result_seal(struct str stamp, struct str bytes)
{
	return str_hash(bytes, str_hash(stamp, bytes.n));
}

static bool open_result(struct str file, const struct digest *stamp, struct str *ret)
{
	struct rd in = rd_of(file);
	struct str magic = rd_str(&in, RESULT_MAGIC_BYTES);
	uint64_t seal = rd_le64(&in);
	struct str from = rd_str(&in, DIGEST_BYTES);

	*ret = rd_str(&in, rd_left(&in));
	return rd_ok(&in) && str_is(magic, RESULT_MAGIC) && memcmp(from.p, stamp->byte, DIGEST_BYTES) == 0 &&
	       result_seal(from, *ret) == seal;
}

bool cache_result_get(struct cache *c, const struct digest *name, const struct digest *stamp, struct mapping *ret_map,
		      struct str *ret)
{
	char file[NAME_BYTES_MAX];
	struct mapping map = { 0 };
	auto_close int fd = -1;

	if (c->dir_fd < 0 || !name->set)
		return false;
	digest_name("results", name, file);
	fd = fd_open(c->dir_fd, file, O_RDONLY | O_NOFOLLOW);
	if (fd < 0 || mapping_open(fd, &map, NULL) < 0)
		return false;
	if (!open_result(str_n(map.p, map.n), stamp, ret)) {
		mapping_close(&map);
		return false;
	}
	touch(c->dir_fd, file);
	*ret_map = map;
	return true;
}

void cache_result_put(struct cache *c, const struct digest *name, const struct digest *stamp, struct str bytes)
{
	struct str from = str_n(stamp->byte, DIGEST_BYTES);
	char file[NAME_BYTES_MAX], tmp[NAME_BYTES_MAX];
	auto_buf struct buf head;
	int r;

	buf_init(&head, RESULT_HEAD_BYTES);
	if (c->dir_fd < 0 || !name->set)
		return;
	buf_str(&head, STR(RESULT_MAGIC));
	buf_le64(&head, result_seal(from, bytes));
	buf_str(&head, from);
	digest_name("results", name, file);
	temporary(tmp);
	r = file_write_parts(c->dir_fd, tmp, (struct str[]){ buf_all(&head), bytes }, 2, false, NULL);
	if (r == -ENOENT && dir_make(c->dir_fd, "tmp") == 0)
		r = file_write_parts(c->dir_fd, tmp, (struct str[]){ buf_all(&head), bytes }, 2, false, NULL);
	if (r == 0)
		put_in_place(c, tmp, file);
}

bool cache_blob_get(struct cache *c, const struct digest *blob, struct digest *ret_diff_id)
{
	char name[NAME_BYTES_MAX];

	if (!blob->set)
		return false;
	digest_name("blobs", blob, name);
	return digest_link_get(c, name, ret_diff_id);
}

void cache_blob_put(struct cache *c, const struct digest *blob, const struct digest *diff_id)
{
	char name[NAME_BYTES_MAX];

	digest_name("blobs", blob, name);
	digest_link_put(c, name, diff_id);
}

/* Everything that changes when the file's content does, and cannot be set back without privilege (ctime). */
static void file_name(const struct stat *st, uint64_t offset, uint64_t size, char name[NAME_BYTES_MAX])
{
	uint64_t identity[] = {
		st->st_dev,
		st->st_ino,
		(uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec,
		offset,
		size,
	};
	struct digest d;

	sha256_of(str_n(identity, sizeof(identity)), &d);
	digest_name("files", &d, name);
}

bool cache_file_get(struct cache *c, const struct stat *st, uint64_t offset, uint64_t size, struct digest *ret)
{
	char name[NAME_BYTES_MAX];

	file_name(st, offset, size, name);
	return digest_link_get(c, name, ret);
}

static uint64_t ns_of(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void cache_file_put(struct cache *c, const struct stat *st, uint64_t offset, uint64_t size, uint64_t now_ns,
		    const struct digest *digest)
{
	char name[NAME_BYTES_MAX];

	if (ns_of(st->st_mtim) + FRESH_NS > now_ns || ns_of(st->st_ctim) + FRESH_NS > now_ns)
		return;
	file_name(st, offset, size, name);
	digest_link_put(c, name, digest);
}

bool cache_chain_get(struct cache *c, const struct digest *chain, char *name, size_t name_size)
{
	char file[NAME_BYTES_MAX];

	digest_name("chains", chain, file);
	return link_get(c, file, name, name_size);
}

void cache_chain_put(struct cache *c, const struct digest *chain, struct str name)
{
	char file[NAME_BYTES_MAX], target[LINK_BYTES_MAX];

	if (!name.n || name.n >= sizeof(target))
		return;
	memcpy(target, name.p, name.n);
	target[name.n] = 0;
	digest_name("chains", chain, file);
	link_put(c, file, target);
}

/* The name is below the cache's directory, and the visit's own. */
typedef int (*visit_fn)(struct cache *c, const struct aged *f, void *ctx);

static int visit_folder(struct cache *c, const char *folder, visit_fn visit, void *ctx)
{
	int fd = fd_open(c->dir_fd, folder, O_RDONLY | O_DIRECTORY);
	char name[NAME_BYTES_MAX];
	struct aged f = { .name = name };
	int r = 0;
	DIR *d;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -errno;
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
		struct stat st;
		int n = snprintf(name, sizeof(name), "%s/%s", folder, ent->d_name);

		if (ent->d_name[0] == '.' && (!ent->d_name[1] || ent->d_name[1] == '.'))
			continue;
		if (n < 0 || (size_t)n >= sizeof(name) || fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			/* layers/<2>/, store/<2>/: one level */
			if (str_find(str_c(folder), '/') < 0)
				r = visit_folder(c, name, visit, ctx);
			continue;
		}
		f.bytes = (uint64_t)st.st_size;
		f.used_s = (uint64_t)st.st_mtim.tv_sec;
		r = visit(c, &f, ctx);
	}
	closedir(d);
	return r;
}

static int add_figures(struct cache *c unused_arg, const struct aged *f, void *ctx)
{
	struct cache_figures *sum = ctx;

	switch (f->name[0]) {
	case 'l':
		sum->layers++;
		sum->layer_bytes += f->bytes;
		break;
	case 'r':
		sum->results++;
		break;
	case 's':
		sum->packages++;
		sum->package_bytes += f->bytes;
		break;
	case 'b':
		sum->blobs++;
		break;
	case 'f':
		sum->files++;
		break;
	case 'i':
		sum->inventories += !str_ends(str_c(f->name), STR("/packages"));
		break;
	default:
		sum->chains++;
	}
	return 0;
}

int cache_figures(struct cache *c, struct cache_figures *ret, struct err *e)
{
	*ret = (struct cache_figures){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		int r = visit_folder(c, folders[i].name, add_figures, ret);

		if (r < 0)
			return err_errno(e, r, "cache: %s", folders[i].name);
	}
	return 0;
}

struct prune {
	VEC(struct aged) records;
	struct arena names;
	struct aged_rule rule;
	struct cache_figures *removed;
	int failed; /* why the first that could not be removed is still there */
};

static void remove_file(struct cache *c, const struct aged *f, struct prune *p)
{
	if (unlinkat(c->dir_fd, f->name, 0) == 0)
		add_figures(c, f, p->removed);
	else if (errno != ENOENT && !p->failed) /* another process may have been quicker */
		p->failed = -errno;
}

static bool is_temporary(const struct aged *f)
{
	return str_find_str(str_c(f->name), STR(".tmp-")) >= 0 || str_starts(str_c(f->name), STR("store/tmp-"));
}

/* A temporary file an hour old belongs to nobody any more. */
static bool is_stale(const struct prune *p, const struct aged *f)
{
	uint64_t keep_s = p->rule.max_age_s;

	if (is_temporary(f) && keep_s > TOUCH_SECONDS)
		keep_s = TOUCH_SECONDS;
	return f->used_s + keep_s < p->rule.now_s;
}

static int gather_record(struct cache *c, const struct aged *f, void *ctx)
{
	struct prune *p = ctx;

	if (is_stale(p, f) || p->records.n >= RECORDS_MAX) {
		remove_file(c, f, p);
		return 0;
	}
	vec_push(&p->records, ((struct aged){ arena_fmt(&p->names, "%s", f->name).p, f->bytes, f->used_s }));
	return 0;
}

/* A blob link whose record is gone, and any other link past its age. */
static int drop_link(struct cache *c, const struct aged *f, void *ctx)
{
	struct prune *p = ctx;
	bool stale = is_stale(p, f);
	struct digest d;

	/* The numbers of packages mean the same as long as any image is known: they go when everything does. */
	if (str_is(str_c(f->name), "inventories/packages") && p->rule.max_age_s)
		return 0;
	if (f->name[0] == 'b' && !is_temporary(f) && digest_link_get(c, f->name, &d)) {
		char record[NAME_BYTES_MAX];

		layer_name(&d, 0, record);
		stale = faccessat(c->dir_fd, record, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
	}
	if (stale)
		remove_file(c, f, p);
	return 0;
}

int cache_prune(struct cache *c, const struct aged_rule *rule, struct cache_figures *ret_removed, struct err *e)
{
	struct prune p = { .rule = *rule, .removed = ret_removed };
	size_t go;
	int r = 0;

	*ret_removed = (struct cache_figures){ 0 };
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(folders); i++)
		r = folders[i].heavy ? visit_folder(c, folders[i].name, gather_record, &p) : 0;
	go = aged_first(p.records.v, p.records.n, rule);
	for (size_t i = 0; i < go; i++)
		remove_file(c, &p.records.v[i], &p);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(folders); i++)
		r = folders[i].heavy ? 0 : visit_folder(c, folders[i].name, drop_link, &p);
	vec_done(&p.records);
	arena_done(&p.names);
	if (r == 0 && p.failed)
		return err_errno(e, p.failed, "cache: what has to go cannot be removed");
	return r < 0 ? err_errno(e, r, "cache") : 0;
}
