/* store: files kept by their digest. See store.h. */
#include "node/image/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "codec/sha256.h"
#include "fetch/http.h"

#define NAME_MAX_BYTES 128
#define RETRIES 3
#define READ_BYTES (256u << 10)

static void name_of(const struct digest *d, char name[NAME_MAX_BYTES])
{
	char text[DIGEST_TEXT_MAX];
	const char *hex = digest_text(d, text) + strlen("sha256:");

	snprintf(name, NAME_MAX_BYTES, "%.2s/%s", hex, hex + 2);
}

int store_open(int cache_dir, struct err *e)
{
	int fd, r = dir_make(cache_dir, "store");

	if (r < 0)
		return err_errno(e, r, "cannot make store/ in the cache");
	fd = fd_open(cache_dir, "store", O_RDONLY | O_DIRECTORY);
	return fd < 0 ? err_errno(e, fd, "store/ in the cache") : fd;
}

static bool file_is(int fd, const struct digest *d, uint64_t size)
{
	auto_free uint8_t *room = NULL;
	struct digest found;
	struct sha256 sha;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return false;
	room = xmalloc(READ_BYTES);
	sha256_init(&sha);
	while ((n = fd_read(fd, room, READ_BYTES)) > 0)
		sha256_add(&sha, room, (size_t)n);
	sha256_end(&sha, &found);
	return n == 0 && digest_eq(&found, d) && lseek(fd, 0, SEEK_SET) == 0;
}

int store_take(int store, const struct digest *d, uint64_t size)
{
	char name[NAME_MAX_BYTES];
	auto_close int fd = -1;

	name_of(d, name);
	fd = fd_open(store, name, O_RDONLY | O_NOFOLLOW);
	if (fd < 0)
		return -ENOENT;
	if (file_is(fd, d, size)) {
		futimens(fd, NULL); /* used: whoever prunes goes by it */
		return take_fd(&fd);
	}
	unlinkat(store, name, 0);
	return -ENOENT;
}

static int directory_make(int store, const char *name)
{
	char dir[3] = { name[0], name[1], 0 };

	return mkdirat(store, dir, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int store_put(int store, struct str bytes, const struct digest *d, struct err *e)
{
	char name[NAME_MAX_BYTES];
	int r;

	name_of(d, name);
	r = directory_make(store, name);
	return r < 0 ? err_errno(e, r, "the store") : file_write(store, name, bytes, false, e);
}

/* -------- fetching -------- */

struct fetching {
	int store;
	const struct progress *progress;
	size_t done, to_do;
	uint64_t bytes;
};

struct item {
	const struct store_want *want;
	struct fetching *all;
	int fd;
	char temporary[NAME_MAX_BYTES];
	struct sha256 sha;
	uint64_t got;
	bool have;
	struct err why;
};

static int item_start(void *ctx, const struct http_answer *a unused_arg)
{
	struct item *i = ctx;

	i->fd = openat(i->all->store, i->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return i->fd < 0 ? -errno : 0;
}

static int item_body(void *ctx, const void *p, size_t n)
{
	struct item *i = ctx;

	sha256_add(&i->sha, p, n);
	i->got += n;
	return fd_write(i->fd, p, n);
}

static int item_keep(struct item *i)
{
	char name[NAME_MAX_BYTES];
	int r;

	name_of(&i->want->digest, name);
	r = directory_make(i->all->store, name);
	/* No fsync: what a crash leaves is not what its name says, and is seen when it is taken. */
	if (r == 0 && renameat(i->all->store, i->temporary, i->all->store, name) < 0)
		r = -errno;
	return r;
}

static void item_done(struct http_job *job, int result, struct http_answer *a, const struct err *e)
{
	struct item *i = job->ctx;
	struct digest digest = { 0 };
	int r = result;

	sha256_end(&i->sha, &digest);
	if (r < 0)
		i->why = *e;
	else if (a->status != 200)
		r = err_set(&i->why, -ENOENT, "status %u", a->status);
	else if (i->got != i->want->size || !digest_eq(&digest, &i->want->digest))
		r = err_set(&i->why, -EBADMSG, "the file is not the one that was named");
	else if ((r = item_keep(i)) < 0)
		err_errno(&i->why, r, "keeping it");
	i->have = r == 0;
	if (r < 0)
		unlinkat(i->all->store, i->temporary, 0);
	i->all->bytes += i->have ? i->got : 0;
	fd_close(&i->fd);
	progress_at(i->all->progress, STR("packages"), ++i->all->done, i->all->to_do);
}

/* Asks the k-th place for all that is not there yet. */
static int round_fetch(struct fetching *f, struct item *items, size_t n, size_t k, struct err *e)
{
	struct http_job *jobs = xcalloc(n + 1, sizeof(*jobs));
	size_t count = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct item *t = &items[i];

		if (t->have || !t->want->url[k].n)
			continue;
		t->got = 0;
		sha256_init(&t->sha);
		snprintf(t->temporary, sizeof(t->temporary), "tmp-%d-%zu", (int)getpid(), i);
		jobs[count].request = (struct http_request){ .url = t->want->url[k].p,
							     .size_max = t->want->size,
							     .retries = RETRIES };
		jobs[count].sink = (struct http_sink){ .ctx = t, .start = item_start, .body = item_body };
		jobs[count++].ctx = t;
	}
	f->done = 0;
	f->to_do = count;
	r = http_many(jobs, count, STORE_PARALLEL, item_done, e);
	free(jobs);
	return r;
}

int store_fetch(int store, const struct store_want *wants, size_t n, const struct progress *progress,
		uint64_t *ret_bytes, struct err *e)
{
	struct fetching f = { .store = store, .progress = progress };
	struct item *items = xcalloc(n + 1, sizeof(*items));
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		auto_close int fd = store_take(store, &wants[i].digest, wants[i].size);

		items[i] = (struct item){ .want = &wants[i], .all = &f, .fd = -1, .have = fd >= 0 };
		if (wants[i].size > STORE_FILE_MAX)
			r = err_set(e, -E2BIG, STR_FMT ": more than %llu bytes", STR_ARG(wants[i].name),
				    STORE_FILE_MAX);
	}
	for (size_t k = 0; k < ARRAY_LEN(wants->url) && r == 0; k++)
		r = round_fetch(&f, items, n, k, e);
	for (size_t i = 0; i < n && r == 0; i++)
		if (!items[i].have)
			r = err_set(e, items[i].why.code ? items[i].why.code : -ENOENT, STR_FMT ": %s",
				    STR_ARG(wants[i].name), items[i].why.msg);
	free(items);
	*ret_bytes = f.bytes;
	return r;
}
