/* build: feed files compiled into the database. See build.h. */
#include "scan/build.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/date.h"
#include "base/num.h"
#include "base/path.h"
#include "codec/sha256.h"
#include "scan/data.h"
#include "scan/feed-name.h"
#include "scan/pool.h"
#include "vuln/feed/compile.h"
#include "vuln/feed/wire.h"

#define FEED_FILE_BYTES_MAX (4ull << 30)
#define NO_FEED "of no format this program reads"

/* ---- in the worker ---- */

struct serve {
	int fd;
	int failure;
};

static void send_statements(void *ctx, struct str bytes)
{
	struct serve *s = ctx;

	if (!s->failure)
		s->failure = proto_send(s->fd, PROTO_STATEMENTS, bytes);
}

static int send_result(struct serve *s, const struct compile_result *result, const struct digest *digest, int status,
		       const struct err *e)
{
	struct buf b;
	int r;

	buf_init(&b, MSG_BYTES_MAX - 1);
	buf_varint(&b, (uint64_t)-status);
	buf_var_str(&b, str_c(status < 0 ? e->msg : ""));
	buf_var_str(&b, str_c(result->format));
	buf_var_str(&b, str_c(result->date));
	buf_varint(&b, result->documents);
	buf_varint(&b, result->failed);
	buf_add(&b, digest->byte, sizeof(digest->byte));
	r = proto_send(s->fd, PROTO_FEED_DONE, buf_all(&b));
	buf_done(&b);
	return r;
}

static int serve_feed(struct serve *s, struct str path, int fd)
{
	struct compile_result result = { 0 };
	struct mapping map = { 0 };
	struct digest digest = { 0 };
	struct wire_out out;
	struct err e = { 0 };
	int r = mapping_open(fd, &map, &e);

	if (r == 0) {
		sha256_of(str_n(map.p, map.n), &digest);
		wire_out_init(&out, s, send_statements);
		r = compile_file(path, str_n(map.p, map.n), &out.sink, &result, &e);
		wire_out_flush(&out);
		wire_out_done(&out);
		mapping_close(&map);
	}
	if (!s->failure)
		s->failure = send_result(s, &result, &digest, r, &e);
	return s->failure;
}

int build_serve(int fd, struct err *e)
{
	auto_free struct msg *m = xmalloc(sizeof(*m));
	struct serve s = { .fd = fd };
	int r = 0;

	while (r == 0) {
		r = proto_send(fd, PROTO_NEXT, STR("\1"));
		if (r < 0 || msg_recv(fd, m) <= 0)
			return 0; /* the parent has ended */
		if (m->kind != PROTO_FEED || m->fd_count != 1) {
			msg_done(m);
			return m->kind == PROTO_END ? 0 : err_set(e, -EBADMSG, "worker: bad feed job");
		}
		r = serve_feed(&s, m->payload, m->fds[0]);
		msg_done(m);
	}
	return r == -EPIPE ? 0 : r;
}

/* ---- in the parent ---- */

/* A feed file found. */
struct feed_file {
	size_t dir;
	char *path; /* below that directory */
	uint64_t size;
};

struct build {
	const struct build_options *options;
	VEC(struct feed_file) files;
	size_t next, finished;
	uint64_t bytes, bytes_done; /* of all files; of those finished: what progress is measured by */
	struct db_build *db;
	struct pool pool;
	struct wire_in in[POOL_WORKERS_MAX];
	struct feed_info feed[POOL_WORKERS_MAX];
	struct arena arena; /* feed_info texts */
	size_t current[POOL_WORKERS_MAX];
	bool busy[POOL_WORKERS_MAX];
	struct build_report *report;
	const char *failed_name, *ignored_name; /* the first by name of the report's */
};

static int add_file(struct build *b, size_t dir, const char *path, uint64_t size, struct err *e)
{
	struct feed_file *f;

	if (compile_ignores(str_c(path))) {
		b->report->ignored++;
		return 0;
	}
	if (b->files.n >= BUILD_FILES_MAX)
		return err_set(e, -E2BIG, "more than %u feed files", BUILD_FILES_MAX);
	f = vec_add(&b->files);
	f->dir = dir;
	f->path = xstrdup(str_c(path));
	f->size = size;
	b->bytes += size;
	return 0;
}

static int find_files(struct build *b, size_t dir, int fd, const char *path, unsigned int depth, struct err *e)
{
	DIR *d = depth > BUILD_DEPTH_MAX ? NULL : fdopendir(fd);
	int r = 0;

	if (!d) {
		fd_close(&fd);
		return 0;
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
		char name[PATH_BYTES_MAX];
		struct stat st;
		int n = snprintf(name, sizeof(name), "%s%s%s", path, *path ? "/" : "", ent->d_name);

		if (ent->d_name[0] == '.' || n < 0 || (size_t)n >= sizeof(name))
			continue;
		if (fstatat(dirfd(d), ent->d_name, &st, 0) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			r = add_file(b, dir, name, (uint64_t)st.st_size, e);
		else if (S_ISDIR(st.st_mode))
			r = find_files(b, dir, fd_open(dirfd(d), ent->d_name, O_RDONLY | O_DIRECTORY), name, depth + 1,
				       e);
	}
	closedir(d);
	return r;
}

/* The longest work first, so that no worker is left alone with it at the end; names settle the order of equals. */
static int larger_first(const void *va, const void *vb)
{
	const struct feed_file *a = va, *b = vb;

	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	if (a->dir != b->dir)
		return a->dir < b->dir ? -1 : 1;
	return strcmp(a->path, b->path);
}

static int find_all(struct build *b, struct err *e)
{
	for (size_t i = 0; i < b->options->dir_count; i++) {
		int fd = fd_open(b->options->dirs[i], ".", O_RDONLY | O_DIRECTORY);
		int r = find_files(b, i, fd, "", 0, e);

		if (r < 0)
			return r;
	}
	if (!b->files.n)
		return err_set(e, -ENOENT, "no feed files");
	qsort(b->files.v, b->files.n, sizeof(*b->files.v), larger_first);
	return 0;
}

static struct feed_info describe(struct build *b, const struct feed_file *f)
{
	struct feed_info info = { .name = arena_str(&b->arena, str_c(f->path)) };
	const struct build_origin *o = b->options->origin;

	if (o)
		o->ask(o->ctx, info.name, &info.source, &info.fetched, &info.failure);
	if (!info.source.n)
		info.source = arena_fmt(&b->arena, "%s/%s", b->options->names[f->dir], f->path);
	return info;
}

/* Of several files a message names one, the same one whichever worker was faster. */
static bool becomes_first(const char **first, const struct feed_file *f)
{
	if (*first && strcmp(*first, f->path) < 0)
		return false;
	*first = f->path;
	return true;
}

static void file_failed(struct build *b, const struct feed_file *f, struct str why)
{
	db_build_feed_failure(b->db, why);
	b->report->failed++;
	if (becomes_first(&b->failed_name, f))
		snprintf(b->report->first_failed, BUILD_NAMED_BYTES, "%s: " STR_FMT, f->path, STR_ARG(why));
}

static void file_ignored(struct build *b, const struct feed_file *f)
{
	b->report->ignored++;
	if (becomes_first(&b->ignored_name, f))
		snprintf(b->report->first_ignored, BUILD_NAMED_BYTES, "%s: " NO_FEED, f->path);
}

static void finish(struct build *b, const struct feed_file *f)
{
	b->finished++;
	b->bytes_done += f->size;
}

static int give_file(struct build *b, size_t worker, struct err *e)
{
	const struct feed_file *f = &b->files.v[b->next];
	auto_close int fd = fd_open(b->options->dirs[f->dir], f->path, O_RDONLY);

	b->current[worker] = b->next++;
	if (fd < 0 || f->size > FEED_FILE_BYTES_MAX) {
		/* It went away, or may not be read: named among the feeds as failed. */
		struct feed_info info = describe(b, f);

		db_build_feed(b->db, &info);
		file_failed(b, f, fd < 0 ? str_c(strerror(-fd)) : STR("larger than any feed"));
		finish(b, f);
		return 1;
	}
	b->feed[worker] = describe(b, f);
	wire_in_init(&b->in[worker], db_build_sink(b->db));
	b->busy[worker] = true;
	return pool_send(&b->pool, worker, PROTO_FEED, str_c(f->path), &fd, 1, e);
}

static int answer_next(struct build *b, size_t worker, struct err *e)
{
	int r = 1;

	while (r == 1 && b->next < b->files.n)
		r = give_file(b, worker, e);
	if (r == 1) {
		r = pool_send(&b->pool, worker, PROTO_END, STR(""), NULL, 0, e);
	}
	return r;
}

static int take_statements(struct build *b, size_t worker, struct str bytes, struct err *e)
{
	if (!b->busy[worker])
		return err_set(e, -EBADMSG, "a worker's answer is damaged");
	db_build_feed(b->db, &b->feed[worker]);
	return wire_in_add(&b->in[worker], bytes, e);
}

static void end_stream(struct build *b, size_t worker)
{
	wire_in_done(&b->in[worker]);
	b->busy[worker] = false;
}

static int take_done(struct build *b, size_t worker, struct str payload, struct err *e)
{
	struct rd in = rd_of(payload);
	uint64_t status = rd_varint(&in);
	struct str message = rd_var_str(&in), format = rd_var_str(&in), date = rd_var_str(&in);
	struct digest seal = { .set = true };
	const uint8_t *digest;
	int r;

	rd_varint(&in); /* documents */
	rd_varint(&in); /* failed ones: each was a warning */
	digest = rd_take(&in, DIGEST_BYTES);
	if (!rd_ok(&in) || !b->busy[worker])
		return err_set(e, -EBADMSG, "a worker's answer is damaged");
	r = wire_in_end(&b->in[worker], e);
	if (r < 0)
		return r;
	end_stream(b, worker);
	finish(b, &b->files.v[b->current[worker]]);
	if (status == 0 && !format.n && !b->options->origin) {
		file_ignored(b, &b->files.v[b->current[worker]]);
		return 0;
	}
	if (status == 0 && !format.n) {
		status = -EBADMSG;
		message = STR(NO_FEED);
	}
	b->report->files++;
	memcpy(seal.byte, digest, DIGEST_BYTES);
	db_build_feed(b->db, &b->feed[worker]);
	db_build_feed_digest(b->db, &seal);
	db_build_feed_date(b->db, date);
	db_build_feed_name(b->db, feed_name(&b->arena, format, b->feed[worker].name));
	if (status)
		file_failed(b, &b->files.v[b->current[worker]], message);
	return 0;
}

static int take_answer(struct build *b, size_t worker, uint8_t kind, struct str payload, struct err *e)
{
	progress_at(b->options->progress, STR("compiling feeds"), b->bytes_done, b->bytes);
	switch (kind) {
	case PROTO_NEXT:
		return answer_next(b, worker, e);
	case PROTO_STATEMENTS:
		return take_statements(b, worker, payload, e);
	case PROTO_FEED_DONE:
		return take_done(b, worker, payload, e);
	default:
		return err_set(e, -EBADMSG, "a worker's answer is damaged");
	}
}

/* With the name of the file whose worker died: one hostile feed must be found quickly. */
static int name_culprit(const struct build *b, size_t worker, int r, struct err *e)
{
	return worker < b->pool.n && b->busy[worker] ? err_wrap(e, r, "%s", b->files.v[b->current[worker]].path) : r;
}

static int compile_all(struct build *b, struct err *e)
{
	size_t worker = POOL_WORKERS_MAX;
	uint8_t kind;
	struct str payload;
	int r = pool_start(&b->pool, pool_size(b->files.n), "compile", e);

	while (r == 0 && (r = pool_answer(&b->pool, &worker, &kind, &payload, e)) > 0)
		r = take_answer(b, worker, kind, payload, e);
	if (r < 0)
		r = name_culprit(b, worker, r, e);
	for (size_t i = 0; i < POOL_WORKERS_MAX; i++)
		if (b->busy[i])
			end_stream(b, i);
	pool_stop(&b->pool);
	if (r == 0 && b->finished < b->files.n)
		r = err_set(e, -EIO, "a worker ended before all feeds were read");
	return r;
}

static int write_database(struct build *b, int data_dir, struct err *e)
{
	char built[DATE_TEXT_MAX];
	struct db *previous = NULL;
	int r;

	/* A damaged or older database is no reason not to write a new one: there is then nothing to compare with. */
	if (db_open(&previous, data_dir, DATA_DB_NAME, NULL) < 0)
		previous = NULL;
	date_time_text(b->options->now_s, built);
	progress_at(b->options->progress, STR("writing the database"), 0, 0);
	r = db_build_write(b->db, previous, str_c(built), data_dir, DATA_DB_NAME, e);
	db_free(previous);
	return r;
}

/* Nothing that could be read is no reason to throw away what there is. */
static int anything_read(const struct build *b, struct err *e)
{
	const struct build_report *r = b->report;

	if (!r->files)
		return err_set(e, -ENOENT, "no feed among %llu %s%s%s", (unsigned long long)r->ignored,
			       num_plural(r->ignored, "file", "files"), *r->first_ignored ? "; " : "",
			       r->first_ignored);
	if (r->failed == r->files)
		return err_set(e, -EBADMSG, "none of %llu feed %s could be read; %s", (unsigned long long)r->files,
			       num_plural(r->files, "file", "files"), r->first_failed);
	return 0;
}

int build_database(int data_dir, const struct build_options *options, struct build_report *ret, struct err *e)
{
	struct build b = { .options = options, .report = ret };
	int r;

	*ret = (struct build_report){ 0 };
	sha256_setup();
	b.db = db_build_new();
	r = find_all(&b, e);
	r = r < 0 ? r : compile_all(&b, e);
	r = r < 0 ? r : anything_read(&b, e);
	r = r < 0 ? r : write_database(&b, data_dir, e);
	db_build_free(b.db);
	for (size_t i = 0; i < b.files.n; i++)
		free(b.files.v[i].path);
	vec_done(&b.files);
	arena_done(&b.arena);
	return r;
}

static int check_answer(struct str payload, struct err *e)
{
	struct rd in = rd_of(payload);
	int status = -(int)rd_varint(&in);
	struct str message = rd_var_str(&in), format = rd_var_str(&in);

	if (!rd_ok(&in))
		return err_set(e, -EBADMSG, "a worker's answer is damaged");
	if (status < 0)
		return err_set(e, status, STR_FMT, STR_ARG(message));
	return format.n ? 0 : err_set(e, -EBADMSG, "what came is " NO_FEED);
}

int build_check(int fd, struct str path, struct err *e)
{
	struct pool pool;
	size_t worker;
	uint8_t kind;
	struct str payload;
	bool given = false;
	int r = pool_start(&pool, 1, "compile", e);

	if (r < 0)
		return r;
	while ((r = pool_answer(&pool, &worker, &kind, &payload, e)) > 0) {
		if (kind == PROTO_FEED_DONE) {
			r = check_answer(payload, e);
			break;
		}
		if (kind == PROTO_NEXT && !given) {
			given = true;
			r = msg_send(pool.worker[worker].fd, PROTO_FEED, path, &fd, 1);
			if (r < 0) {
				err_errno(e, r, "worker");
				break;
			}
		}
	}
	pool_stop(&pool);
	return r;
}
