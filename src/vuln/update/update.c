/* update: brings the feed files of the data directory up to date. See update.h. */
#include "vuln/update/update.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/fd.h"
#include "base/path.h"
#include "fetch/http.h"
#include "vuln/db.h"

#define STATE_BYTES_MAX (64u << 10)
#define DATABASE_BYTES_MAX (1ull << 30) /* imported or exported */
#define RETRIES 3

/* -------- state files: "name value" lines -------- */

static const struct {
	const char *name;
	size_t offset;
} FIELDS[] = {
	{ "file", offsetof(struct update_state, file) },
	{ "url", offsetof(struct update_state, url) },
	{ "etag", offsetof(struct update_state, etag) },
	{ "modified", offsetof(struct update_state, modified) },
	{ "fetched", offsetof(struct update_state, fetched) },
	{ "checked", offsetof(struct update_state, checked) },
	{ "failed", offsetof(struct update_state, failed) },
	{ "failure", offsetof(struct update_state, failure) },
	{ "part-etag", offsetof(struct update_state, part_etag) },
	{ "part-modified", offsetof(struct update_state, part_modified) },
};

static struct str *state_field(struct update_state *s, size_t i)
{
	return (struct str *)(void *)((char *)s + FIELDS[i].offset);
}

static void state_read(int dir_fd, const char *name, struct arena *a, struct update_state *ret)
{
	auto_buf struct buf b = { 0 };
	struct str text, line, word, value;

	*ret = (struct update_state){ 0 };
	if (file_read(dir_fd, name, STATE_BYTES_MAX, &b, NULL) < 0)
		return;
	text = arena_str(a, buf_all(&b));
	while (str_cut(&text, '\n', &line))
		for (size_t i = 0; str_split(line, ' ', &word, &value) && i < ARRAY_LEN(FIELDS); i++)
			if (str_is(word, FIELDS[i].name))
				*state_field(ret, i) = arena_str(a, value); /* NUL behind it: headers are C strings */
}

void update_state_read(int dir_fd, const struct update_feed *feed, struct arena *a, struct update_state *ret)
{
	state_read(dir_fd, feed->state.p, a, ret);
}

/* "feeds/NAME/FILE" has its state in "state/NAME_FILE", "mirror/FILE" in "state/mirror_FILE". */
static struct str state_name(struct arena *a, struct str file)
{
	struct str below = str_starts(file, STR("feeds/")) ? str_from(file, strlen("feeds/")) : file;
	struct str name, rest;

	if (!str_split(below, '/', &name, &rest))
		return STR_NONE;
	return arena_fmt(a, "state/" STR_FMT "_" STR_FMT, STR_ARG(name), STR_ARG(rest));
}

void update_state_of(int dir_fd, struct str file, struct arena *a, struct update_state *ret)
{
	struct str name = state_name(a, file);

	*ret = (struct update_state){ 0 };
	if (name.n)
		state_read(dir_fd, name.p, a, ret);
}

static int state_write(int dir_fd, const struct update_feed *feed, struct update_state *s, struct err *e)
{
	auto_buf struct buf b;

	buf_init(&b, STATE_BYTES_MAX);
	for (size_t i = 0; i < ARRAY_LEN(FIELDS); i++)
		if (state_field(s, i)->n && str_find(*state_field(s, i), '\n') < 0)
			buf_fmt(&b, "%s " STR_FMT "\n", FIELDS[i].name, STR_ARG(*state_field(s, i)));
	return buf_finish(&b) < 0 ? err_set(e, -E2BIG, "state")
				  : file_write(dir_fd, feed->state.p, buf_all(&b), false, e);
}

/* -------- one file -------- */

struct update {
	int dir_fd;
	const struct update_options *o;
	const struct progress *progress;
	char now[DATE_TEXT_MAX];
	struct arena arena;
};

struct fetch {
	struct update *u;
	struct update_result *result;
	struct update_state state;
	struct str part; /* "state/....part" */
	struct str host; /* scheme, host and port */
	int fd;
	uint64_t had, got, total;
	bool tried, unreachable;
};

static void fetch_prepare(struct fetch *f, struct update *u, struct update_result *result)
{
	const struct update_feed *feed = result->feed;
	ptrdiff_t at = str_find_str(feed->url, STR("://"));
	size_t end = at < 0 ? feed->url.n : (size_t)at + 3;

	*f = (struct fetch){ .u = u, .result = result, .fd = -1 };
	while (end < feed->url.n && feed->url.p[end] != '/')
		end++;
	f->host = str_head(feed->url, end);
	f->part = arena_fmt(&u->arena, STR_FMT ".part", STR_ARG(feed->state));
	update_state_read(u->dir_fd, feed, &u->arena, &f->state);
	/* What was known of another URL says nothing about this one. */
	if (!str_eq(f->state.url, feed->url))
		f->state = (struct update_state){ .fetched = f->state.fetched };
	f->state.url = feed->url;
	f->state.file = feed->file;
	if (faccessat(u->dir_fd, feed->file.p, F_OK, 0) < 0)
		f->state.etag = f->state.modified = f->state.fetched = STR_NONE;
}

/* A conditional request, or the rest of what had begun to arrive. */
static struct http_request fetch_request(struct fetch *f)
{
	struct http_request q = { .url = f->result->feed->url.p,
				  .ca_file = f->u->o->ca_file,
				  .size_max = UPDATE_FILE_BYTES_MAX,
				  .connect_ms = UPDATE_CONNECT_MS,
				  .retries = RETRIES };
	struct stat st;
	bool part = (f->state.part_etag.n || f->state.part_modified.n) &&
		    fstatat(f->u->dir_fd, f->part.p, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0;

	q.etag = part ? f->state.part_etag.p : f->state.etag.p;
	q.last_modified = part ? f->state.part_modified.p : f->state.modified.p;
	if (part)
		q.resume_from = f->had = (uint64_t)st.st_size;
	return q;
}

static int fetch_start(void *ctx, const struct http_answer *a)
{
	struct fetch *f = ctx;
	int flags = O_WRONLY | O_CREAT | (a->status == 206 ? O_APPEND : O_TRUNC);

	if (a->status != 206)
		f->had = 0;
	f->fd = fd_open(f->u->dir_fd, f->part.p, flags);
	f->state.part_etag = arena_str(&f->u->arena, http_header(a, "etag"));
	f->state.part_modified = arena_str(&f->u->arena, http_header(a, "last-modified"));
	if (f->fd < 0)
		return f->fd;
	/* Now, so that the rest can be asked for also after a kill. */
	return state_write(f->u->dir_fd, f->result->feed, &f->state, NULL);
}

static int fetch_body(void *ctx, const void *p, size_t n)
{
	struct fetch *f = ctx;

	f->got += n;
	progress_at(f->u->progress, f->result->feed->name, f->had + f->got, 0);
	return fd_write(f->fd, p, n);
}

/* A page of somebody else's with status 200 must not cost us the feed. */
static int fetch_check(struct fetch *f, struct err *e)
{
	auto_close int fd = -1;
	int r;

	if (!f->u->o->check)
		return 0;
	fd = fd_open(f->u->dir_fd, f->part.p, O_RDONLY);
	if (fd < 0)
		return err_errno(e, fd, "%s", f->part.p);
	r = f->u->o->check(fd, f->result->feed->file, e);
	if (r < 0) {
		unlinkat(f->u->dir_fd, f->part.p, 0);
		f->state.part_etag = f->state.part_modified = STR_NONE;
	}
	return r;
}

/* All of it is here: it takes the place of the one before. */
static int fetch_install(struct fetch *f, struct err *e)
{
	const struct update_feed *feed = f->result->feed;
	int r = fetch_check(f, e);

	if (r < 0)
		return r;
	r = fsync(f->fd) < 0 ? -errno : 0;
	if (r == 0 && renameat(f->u->dir_fd, f->part.p, f->u->dir_fd, feed->file.p) < 0)
		r = -errno;
	if (r < 0)
		return err_errno(e, r, "cannot put %s in place", feed->file.p);
	f->state.etag = f->state.part_etag;
	f->state.modified = f->state.part_modified;
	f->state.part_etag = f->state.part_modified = STR_NONE;
	f->state.fetched = f->state.checked = str_c(f->u->now);
	return 0;
}

static int fetch_judge(struct fetch *f, int result, const struct http_answer *a, struct err *e)
{
	if (result < 0)
		return result;
	if (a->status == 304) {
		f->result->outcome = UPDATE_UNCHANGED;
		f->state.checked = str_c(f->u->now);
		/* The beginning of another answer, of an update that was killed: the server has gone back. */
		unlinkat(f->u->dir_fd, f->part.p, 0);
		f->state.part_etag = f->state.part_modified = STR_NONE;
		return 0;
	}
	if (a->status == 200 || a->status == 206)
		return f->fd >= 0 ? fetch_install(f, e) : err_set(e, -EIO, "an answer without a body");
	/* What had arrived is of no use to this server any more (416) or cannot be had now. */
	if (a->status == 416)
		f->state.part_etag = f->state.part_modified = STR_NONE;
	return err_set(e, a->status == 404 || a->status == 410 ? -ENOENT : -EIO, "the server answered with status %u",
		       a->status);
}

static void fetch_done(struct http_job *job, int result, struct http_answer *a, const struct err *e)
{
	struct fetch *f = job->ctx;
	struct update_result *res = f->result;
	struct err ignored;
	int r;

	if (result < 0)
		res->err = *e;
	f->unreachable = result == -EHOSTUNREACH || result == -ECONNREFUSED || (result == -ETIMEDOUT && !f->got);
	res->outcome = UPDATE_NEW;
	res->bytes = f->got;
	r = fetch_judge(f, result, a, &res->err);
	f->state.failed = r < 0 ? str_c(f->u->now) : STR_NONE;
	f->state.failure = r < 0 ? str_c(res->err.msg) : STR_NONE;
	if (r < 0)
		res->outcome = UPDATE_FAILED;
	fd_close(&f->fd);
	r = state_write(f->u->dir_fd, res->feed, &f->state, &ignored);
	if (r < 0 && res->outcome != UPDATE_FAILED) {
		res->err = ignored;
		res->outcome = UPDATE_FAILED;
	}
}

/* -------- all of them -------- */

static const struct fetch *first_of_host(const struct fetch *all, const struct fetch *f)
{
	const struct fetch *t = all;

	while (!str_eq(t->host, f->host))
		t++;
	return t;
}

/* A file of a host that did not answer: the reason is the same, and no time is spent. */
static void fetch_unreached(struct fetch *f, const struct fetch *first)
{
	struct http_job job = { .ctx = f };
	struct http_answer none = { 0 };

	fetch_done(&job, first->result->err.code, &none, &first->result->err);
}

static int round_run(struct fetch *all, size_t n, bool firsts, struct err *e)
{
	struct http_job *jobs = xcalloc(n + 1, sizeof(*jobs));
	size_t count = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		const struct fetch *first = first_of_host(all, &all[i]);

		if ((first == &all[i]) != firsts)
			continue;
		if (first->unreachable) {
			fetch_unreached(&all[i], first);
			continue;
		}
		jobs[count].request = fetch_request(&all[i]);
		jobs[count].sink = (struct http_sink){ .ctx = &all[i], .start = fetch_start, .body = fetch_body };
		jobs[count++].ctx = &all[i];
	}
	r = http_many(jobs, count, firsts ? HTTP_PARALLEL_MAX : UPDATE_PARALLEL, fetch_done, e);
	free(jobs);
	return r;
}

static int feeds_run(struct update *u, struct update_report *ret, struct err *e)
{
	struct fetch *all = xcalloc(ret->count + 1, sizeof(*all));
	char dir[PATH_BYTES_MAX];
	int r = 0;

	for (size_t i = 0; i < ret->count && r == 0; i++) {
		struct str path = path_dir(ret->feeds[i].feed->file);

		snprintf(dir, sizeof(dir), STR_FMT, STR_ARG(path));
		r = dir_make(u->dir_fd, dir);
		fetch_prepare(&all[i], u, &ret->feeds[i]);
	}
	if (r == 0)
		r = dir_make(u->dir_fd, "state");
	if (r < 0)
		err_errno(e, r, "cannot make the directories of the feeds");
	if (r == 0)
		r = round_run(all, ret->count, true, e);
	if (r == 0)
		r = round_run(all, ret->count, false, e);
	free(all);
	return r;
}

/* -------- what stands in a directory -------- */

#define NAMES_MAX 10000 /* of state files, far more than there are feeds */

struct names {
	VEC(struct str) name; /* in the arena */
	struct arena arena;
};

static int by_name(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void names_of(int dir_fd, const char *path, struct names *ret)
{
	int fd = fd_open(dir_fd, path, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	*ret = (struct names){ 0 };
	if (!d && fd >= 0)
		close(fd);
	if (!d)
		return;
	for (struct dirent *entry; ret->name.n < NAMES_MAX && (entry = readdir(d));)
		vec_push(&ret->name, arena_str(&ret->arena, str_c(entry->d_name)));
	closedir(d);
	if (ret->name.n)
		qsort(ret->name.v, ret->name.n, sizeof(*ret->name.v), by_name);
}

static void names_done(struct names *n)
{
	vec_done(&n->name);
	arena_done(&n->arena);
}

void update_failures(int dir_fd, struct arena *a, void (*take)(void *ctx, const struct update_state *state), void *ctx)
{
	struct names names;

	names_of(dir_fd, "state", &names);
	for (size_t i = 0; i < names.name.n; i++) {
		struct update_state s;

		if (str_ends(names.name.v[i], STR(".part")))
			continue;
		state_read(dir_fd, arena_fmt(a, "state/" STR_FMT, STR_ARG(names.name.v[i])).p, a, &s);
		if (s.file.n && str_find(s.file, '/') >= 0 && s.failure.n)
			take(ctx, &s);
	}
	names_done(&names);
}

/* -------- the lock -------- */

/* file_write() of a process that was killed; whoever holds the lock is alone here. */
static void sweep(int dir_fd, const char *path)
{
	struct names names;

	names_of(dir_fd, path, &names);
	for (size_t i = 0; i < names.name.n; i++) {
		struct str name = names.name.v[i];

		if (str_find_str(name, STR(".tmp-")) >= 0)
			unlinkat(dir_fd, arena_fmt(&names.arena, "%s/" STR_FMT, path, STR_ARG(name)).p, 0);
	}
	names_done(&names);
}

int update_lock(int dir_fd, bool wait, int *ret_fd, struct err *e)
{
	static const char *const written_to[] = { ".", "state", "mirror" };
	auto_close int fd = fd_open(dir_fd, "update.lock", O_RDWR | O_CREAT);
	int r;

	if (fd < 0)
		return err_errno(e, fd, "cannot open update.lock");
	do {
		r = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EWOULDBLOCK)
		return err_set(e, -EBUSY, "another update is running; --wait waits for its end");
	if (r < 0)
		return err_errno(e, -errno, "cannot lock update.lock");
	for (size_t i = 0; i < ARRAY_LEN(written_to); i++)
		sweep(dir_fd, written_to[i]);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* State, and parts, of files that are fetched no more: nobody will ask for their rest. */
static void forget_others(struct update *u, const struct update_config *config)
{
	struct names names;

	names_of(u->dir_fd, "state", &names);
	for (size_t i = 0; i < names.name.n; i++) {
		struct str name = names.name.v[i];
		struct str path = arena_fmt(&names.arena, "state/" STR_FMT, STR_ARG(name));
		struct str owner = str_ends(path, STR(".part")) ? str_head(path, path.n - strlen(".part")) : path;
		bool known = name.p[0] == '.' || str_starts(name, STR("mirror_"));

		for (size_t k = 0; k < config->feeds.n && !known; k++)
			known = str_eq(config->feeds.v[k].state, owner);
		if (!known)
			unlinkat(u->dir_fd, path.p, 0);
	}
	names_done(&names);
}

/* -------- the mirror -------- */

/* A suite that failed is named by `db status` like any other file. */
static void mirror_note(struct update *u, const struct mirror_result *suite)
{
	struct update_feed feed = { .name = STR("mirror") };
	struct update_state s;

	feed.file = arena_fmt(&u->arena, "mirror/%s.tsv", suite->suite);
	feed.state = state_name(&u->arena, feed.file);
	update_state_read(u->dir_fd, &feed, &u->arena, &s);
	s.file = feed.file;
	s.checked = suite->status < 0 ? s.checked : str_c(u->now);
	s.fetched = suite->status < 0 || suite->unchanged ? s.fetched : str_c(u->now);
	s.failed = suite->status < 0 ? str_c(u->now) : STR_NONE;
	s.failure = suite->status < 0 ? str_c(suite->err.msg) : STR_NONE;
	if (state_write(u->dir_fd, &feed, &s, NULL) < 0)
		return; /* the next update says the same */
}

static void mirror_run(struct update *u, struct update_report *ret)
{
	struct mirror_options o = u->o->mirror;

	o.now = (int64_t)u->o->now_s;
	if (!o.connect_ms)
		o.connect_ms = UPDATE_CONNECT_MS;
	ret->mirror_status = mirror_update(u->dir_fd, &o, u->progress, &ret->mirror, &ret->mirror_err);
	for (size_t i = 0; i < ret->mirror.count; i++)
		mirror_note(u, &ret->mirror.suite[i]);
}

void update_report_done(struct update_report *r)
{
	free(take_ptr(r->feeds));
	mirror_results_done(&r->mirror);
}

int update_run(int dir_fd, const struct update_config *config, const struct update_options *options,
	       const struct progress *progress, struct update_report *ret, struct err *e)
{
	struct update u = { .dir_fd = dir_fd, .o = options, .progress = progress };
	bool mirror = !options->only || str_is(str_c(options->only), "mirror");
	int r;

	*ret = (struct update_report){ .feeds = xcalloc(config->feeds.n + 1, sizeof(*ret->feeds)) };
	date_time_text(options->now_s, u.now);
	for (size_t i = 0; i < config->feeds.n; i++)
		if (!options->only || str_is(config->feeds.v[i].name, options->only))
			ret->feeds[ret->count++].feed = &config->feeds.v[i];
	if (!options->only)
		forget_others(&u, config);
	if (!ret->count && !mirror)
		r = err_set(e, -ENOENT, "there is no feed \"%s\" in the configuration", options->only);
	else
		r = feeds_run(&u, ret, e);
	if (r == 0 && !options->no_mirror && mirror)
		mirror_run(&u, ret);
	arena_done(&u.arena);
	if (r < 0)
		update_report_done(ret);
	return r;
}

/* -------- export and import -------- */

static int database_copy(int from_dir, const char *from, int to_dir, const char *to, struct err *e)
{
	auto_buf struct buf b = { 0 };
	struct db *db = NULL;
	int r = file_read(from_dir, from, DATABASE_BYTES_MAX, &b, e);

	if (r < 0)
		return r;
	r = db_open_bytes(&db, buf_all(&b), e);
	if (r == 0)
		r = db_verify(db, e);
	db_free(db);
	return r < 0 ? err_wrap(e, r, "%s", from) : file_write(to_dir, to, buf_all(&b), true, e);
}

int update_export(int dir_fd, const char *name, const char *to, struct err *e)
{
	return database_copy(dir_fd, name, AT_FDCWD, to, e);
}

int update_import(int dir_fd, const char *name, const char *from, struct err *e)
{
	return database_copy(AT_FDCWD, from, dir_fd, name, e);
}
