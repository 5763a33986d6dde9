/* unpack: layers as file systems, written by confined workers. See unpack.h. */
#include "scan/unpack.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/erofs.h"
#include "layer/layer.h"
#include "scan/blob.h"
#include "scan/pool.h"

#define BLOCK_BYTES 4096u

/* -------- the parent -------- */

struct task_state {
	bool given, done, anew;
	size_t worker;
	uint64_t read_bytes;
};

struct unpack {
	struct image *img;
	const struct unpack_task *tasks;
	size_t n, left;
	struct task_state *state;
	struct layer_opener opener;
	const struct progress *progress;
	uint64_t total_bytes;
	struct pool pool;
};

static uint64_t task_bytes(const struct unpack *u, size_t i)
{
	return u->img->blobs.v[u->tasks[i].layer].size;
}

/* A further try of this worker's own layer, else the largest one left. */
static size_t choose(const struct unpack *u, size_t worker)
{
	size_t best = u->n;

	for (size_t i = 0; i < u->n; i++) {
		if (u->state[i].given && (u->state[i].done || u->state[i].worker != worker))
			continue;
		if (u->state[i].given)
			return i;
		if (best == u->n || task_bytes(u, i) > task_bytes(u, best))
			best = i;
	}
	return best;
}

static int give(struct unpack *u, size_t worker, struct err *e)
{
	struct layer_job job = { 0 };
	size_t i = choose(u, worker);
	auto_close int from = -1;
	auto_buf struct buf b;

	if (i == u->n)
		return pool_send(&u->pool, worker, PROTO_END, STR(""), NULL, 0, e);
	if (ftruncate(u->tasks[i].fd, 0) < 0)
		return err_errno(e, -errno, "layer %u", u->tasks[i].layer);
	from = u->opener.open(u->opener.ctx, i, &job.positioned, &job.offset, &job.size, e);
	if (from < 0)
		return from;
	u->state[i].given = true;
	u->state[i].worker = worker;
	job.id = (uint32_t)i;
	buf_init(&b, MSG_BYTES_MAX - 1);
	layer_job_write(&b, &job);
	return pool_send(&u->pool, worker, PROTO_LAYER, buf_all(&b), (int[]){ from, u->tasks[i].fd }, 2, e);
}

/* The last block is always begun, but holes at its end are not written. */
static int round_size(int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || ftruncate(fd, (st.st_size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES) < 0)
		return err_errno(e, -errno, "cannot write a layer's file system");
	return 0;
}

static int check_digests(const struct unpack *u, size_t i, const struct layer_end *end, struct err *e)
{
	const struct layer_info *info = &u->img->info.layers.v[u->tasks[i].layer];

	if (end->status < 0)
		return err_set(e, end->status, "layer %u: " STR_FMT, u->tasks[i].layer, STR_ARG(end->message));
	if (!info->diff_id.set || !digest_eq(&info->diff_id, &end->diff_id))
		return err_set(e, -EBADMSG, "layer %u has changed since it was looked at", u->tasks[i].layer);
	return 0;
}

static int take_done(struct unpack *u, size_t worker, struct str payload, struct err *e)
{
	struct layer_end end;
	struct task_state *s;
	int r;

	if (!layer_end_read(payload, &end) || end.id >= u->n)
		return err_set(e, -EBADMSG, "a worker's answer is damaged");
	s = &u->state[end.id];
	if (!s->given || s->done || s->worker != worker)
		return err_set(e, -EBADMSG, "a worker's answer is damaged");
	r = u->opener.ended(u->opener.ctx, end.id, e);
	if (r > 0 && !s->anew) {
		s->anew = true; /* the worker will ask, and get the same again */
		return 0;
	}
	r = r < 0 ? r : check_digests(u, end.id, &end, e);
	r = r < 0 ? r : round_size(u->tasks[end.id].fd, e);
	s->done = true;
	u->left--;
	return r;
}

static int take_progress(struct unpack *u, size_t worker, struct str payload, struct err *e)
{
	struct rd in = rd_of(payload);
	uint64_t id = rd_varint(&in), bytes = rd_varint(&in), sum = 0;

	if (!rd_ok(&in) || id >= u->n || u->state[id].worker != worker)
		return err_set(e, -EBADMSG, "a worker's answer is damaged");
	u->state[id].read_bytes = bytes;
	for (size_t i = 0; i < u->n; i++)
		sum += u->state[i].read_bytes;
	progress_at(u->progress, STR("storing layers"), sum, u->total_bytes);
	return 0;
}

static int take_answer(struct unpack *u, size_t worker, uint8_t kind, struct str payload, struct err *e)
{
	switch (kind) {
	case PROTO_NEXT:
		return give(u, worker, e);
	case PROTO_PROGRESS:
		return take_progress(u, worker, payload, e);
	case PROTO_DONE:
		return take_done(u, worker, payload, e);
	default:
		return err_set(e, -EBADMSG, "a worker's answer is damaged");
	}
}

static int run_pool(struct unpack *u, struct err *e)
{
	struct str payload;
	size_t worker;
	uint8_t kind;
	int r = pool_start(&u->pool, pool_size(u->n), "unpack", e);

	while (r == 0 && (r = pool_answer(&u->pool, &worker, &kind, &payload, e)) > 0)
		r = take_answer(u, worker, kind, payload, e);
	pool_stop(&u->pool);
	if (r == 0 && u->left)
		r = err_set(e, -EIO, "a worker ended before all layers were written");
	return r;
}

int unpack_layers(struct image *img, const struct unpack_task *tasks, size_t n, const struct progress *progress,
		  struct err *e)
{
	struct unpack u = { .img = img, .tasks = tasks, .n = n, .left = n, .progress = progress };
	auto_free uint32_t *layer = xcalloc(n, sizeof(*layer));
	struct blobs blobs;
	int r;

	u.state = xcalloc(n, sizeof(*u.state));
	for (size_t i = 0; i < n; i++) {
		layer[i] = tasks[i].layer;
		u.total_bytes += task_bytes(&u, i);
	}
	blobs_init(&blobs, img, layer);
	u.opener = blobs_opener(&blobs);
	r = run_pool(&u, e);
	blobs_done(&blobs);
	free(u.state);
	return r;
}

/* -------- the worker -------- */

struct unpack_worker {
	int socket, from, to;
	struct layer_job job;
	struct erofs *w;
	bool given;
	struct layer_result result;
};

static int sink_write(void *ctx, uint64_t offset, const void *p, size_t n, struct err *e)
{
	struct unpack_worker *k = ctx;

	for (const char *at = p; n;) {
		ssize_t r = pwrite(k->to, at, n, (off_t)offset);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return err_errno(e, r < 0 ? -errno : -EIO, "cannot write its file system");
		at += r;
		offset += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

static int on_entry(void *ctx, const struct tar_entry *t, struct err *e)
{
	return erofs_entry(((struct unpack_worker *)ctx)->w, t, e);
}

static int on_data(void *ctx, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	int r = erofs_data(((struct unpack_worker *)ctx)->w, offset, p, n, e);

	return r < 0 ? r : 1;
}

static int on_end(void *ctx, struct err *e)
{
	return erofs_end(((struct unpack_worker *)ctx)->w, e);
}

static void on_progress(void *ctx, uint64_t blob_bytes)
{
	struct unpack_worker *k = ctx;
	auto_buf struct buf b;

	buf_init(&b, MSG_BYTES_MAX);
	buf_varint(&b, k->job.id);
	buf_varint(&b, blob_bytes);
	if (proto_send(k->socket, PROTO_PROGRESS, buf_all(&b)) < 0)
		return; /* the parent is gone; the next answer finds out */
}

static int next_layer(void *ctx, bool idle unused_arg, struct layer_input *ret, uint32_t *ret_id,
		      struct err *e unused_arg)
{
	static struct layer_events events = {
		.entry = on_entry, .data = on_data, .end = on_end, .progress = on_progress
	};
	struct unpack_worker *k = ctx;

	if (k->given)
		return 0;
	k->given = true;
	events.ctx = k;
	*ret = (struct layer_input){ .fd = k->from,
				     .positioned = k->job.positioned,
				     .offset = k->job.offset,
				     .size = k->job.size,
				     .events = &events };
	*ret_id = 0;
	return 1;
}

static int layer_ended(void *ctx, uint32_t id unused_arg, const struct layer_result *result, struct err *e unused_arg)
{
	((struct unpack_worker *)ctx)->result = *result;
	return 0;
}

static int unpack_one(struct unpack_worker *k, struct err *e)
{
	struct layer_feed feed = { k, next_layer, layer_ended };
	struct erofs_sink sink = { k, sink_write };
	uint64_t bytes;
	int r;

	k->w = erofs_new(&sink);
	k->given = false;
	r = layers_read(&feed, 1, e);
	if (r == 0 && k->result.status == 0) {
		k->result.status = erofs_finish(k->w, &bytes, &k->result.err);
	}
	erofs_free(k->w);
	return r;
}

static int answer_done(const struct unpack_worker *k, struct err *e)
{
	struct layer_end end = {
		.id = k->job.id,
		.status = k->result.status,
		.message = str_c(k->result.status < 0 ? k->result.err.msg : ""),
		.blob = k->result.blob,
		.diff_id = k->result.diff_id,
	};
	auto_buf struct buf b;
	int r;

	buf_init(&b, MSG_BYTES_MAX);
	layer_end_write(&b, &end);
	r = proto_send(k->socket, PROTO_DONE, buf_all(&b));
	return r < 0 ? err_errno(e, r, "worker") : 0;
}

static int serve_one(struct unpack_worker *k, struct msg *m, struct err *e)
{
	int r = m->fd_count == 2 && layer_job_read(m->payload, &k->job) ? 0 : err_set(e, -EBADMSG, "worker: bad job");

	if (r < 0)
		return r;
	k->from = m->fds[0];
	k->to = m->fds[1];
	r = unpack_one(k, e);
	return r < 0 ? r : answer_done(k, e);
}

int unpack_serve(int fd, struct err *e)
{
	struct unpack_worker k = { .socket = fd };
	auto_free struct msg *m = xmalloc(sizeof(*m));
	int r = 0;

	while (r == 0) {
		const char idle = 1;

		r = proto_send(fd, PROTO_NEXT, str_n(&idle, 1));
		r = r < 0 ? r : msg_recv(fd, m);
		if (r <= 0)
			return err_set(e, -EPIPE, "worker: the scanner is gone");
		r = m->kind == PROTO_LAYER ? serve_one(&k, m, e) : 1;
		msg_done(m);
	}
	return r < 0 ? r : 0;
}
