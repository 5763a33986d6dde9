/* layers: layers read by confined workers. See layers.h. */
#include "scan/layers.h"

#include "base/mem.h"
#include "scan/pool.h"

struct run {
	struct layer_task *tasks;
	size_t n, left;
	const struct layer_opener *opener;
	const struct progress *progress;
	struct pool pool;
	uint32_t *order;		 /* tasks, largest first */
	uint64_t load[POOL_WORKERS_MAX]; /* bytes given to a worker and not read yet */
	bool *again;			 /* a further pass over this layer waits for its worker to ask */
	uint64_t total_bytes;
	bool opener_failed; /* its error names the layer */
};

static int larger_first(const void *va, const void *vb, void *ctx)
{
	const struct layer_task *tasks = ctx;
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;

	if (tasks[a].size_bytes != tasks[b].size_bytes)
		return tasks[a].size_bytes > tasks[b].size_bytes ? -1 : 1;
	return (a > b) - (a < b);
}

static int send_job(struct run *run, size_t worker, size_t task, struct err *e)
{
	struct layer_task *t = &run->tasks[task];
	struct layer_job job = { .id = (uint32_t)task, .analyzers = t->analyzers, .names = t->names };
	auto_close int fd = run->opener->open(run->opener->ctx, task, &job.positioned, &job.offset, &job.size, e);
	auto_buf struct buf b;

	buf_init(&b, MSG_BYTES_MAX - 1);
	run->opener_failed = fd < 0;
	if (fd < 0)
		return fd;
	layer_job_write(&b, &job);
	if (buf_finish(&b) < 0)
		return err_set(e, -E2BIG, "too many links lead to evidence");
	return pool_send(&run->pool, worker, PROTO_LAYER, buf_all(&b), &fd, 1, e);
}

/* The task this worker is to have now: a further pass over one of its own layers, else the largest one left, unless the
 * worker is busy and another has less to do: that one will ask soon. */
static size_t choose(struct run *run, size_t worker, bool idle)
{
	size_t next = run->n;

	for (size_t i = 0; i < run->n; i++)
		if (run->again[i] && run->tasks[i].worker == worker)
			return i;
	for (size_t i = 0; i < run->n && next == run->n; i++)
		if (!run->tasks[run->order[i]].given)
			next = run->order[i];
	for (size_t w = 0; w < run->pool.n && !idle; w++)
		if (run->load[w] < run->load[worker])
			return run->n;
	return next;
}

static int answer_next(struct run *run, size_t worker, struct str payload, struct err *e)
{
	bool idle = payload.n == 1 && payload.p[0];
	size_t task = choose(run, worker, idle);

	if (task == run->n) {
		uint8_t kind = idle ? PROTO_END : PROTO_WAIT;

		return pool_send(&run->pool, worker, kind, STR(""), NULL, 0, e);
	}
	run->again[task] = false;
	run->tasks[task].given = true;
	run->tasks[task].worker = worker;
	run->load[worker] += run->tasks[task].size_bytes;
	return send_job(run, worker, task, e);
}

static struct layer_task *task_of(struct run *run, size_t worker, struct rd *in)
{
	uint64_t id = rd_varint(in);

	if (!rd_ok(in) || id >= run->n || !run->tasks[id].given || run->tasks[id].worker != worker ||
	    run->tasks[id].done)
		return NULL;
	return &run->tasks[id];
}

static bool take_tree(struct layer_task *t, struct rd *in)
{
	uint8_t part = rd_u8(in);
	struct str raw = rd_str(in, rd_left(in));

	if (!rd_ok(in) || part >= TREE_PARTS || (part <= TREE_DIRS && raw.n % 8))
		return false;
	record_tree_add(&t->record, part, raw);
	return true;
}

static void show_progress(struct run *run, struct layer_task *t, uint64_t bytes)
{
	uint64_t sum = 0;

	t->read_bytes = bytes < t->size_bytes ? bytes : t->size_bytes;
	for (size_t i = 0; i < run->n; i++)
		sum += run->tasks[i].read_bytes;
	progress_at(run->progress, STR("reading layers"), sum, run->total_bytes);
}

static int take_done(struct run *run, size_t worker, struct layer_task *t, struct str payload, struct err *e)
{
	struct layer_end end;
	int r = 0;

	if (!layer_end_read(payload, &end))
		return err_set(e, -EBADMSG, "a worker's answer is damaged");
	run->load[worker] -= t->size_bytes < run->load[worker] ? t->size_bytes : run->load[worker];
	snprintf(t->end_message, sizeof(t->end_message), STR_FMT, STR_ARG(end.message));
	end.message = str_c(t->end_message);
	t->end = end;
	if (run->opener->ended)
		r = run->opener->ended(run->opener->ctx, (size_t)(t - run->tasks), e);
	run->opener_failed = r < 0;
	if (r < 0)
		return r;
	if (r > 0 && !t->anew) {
		t->anew = true;
		record_done(&t->record);
		record_init(&t->record);
		run->again[t - run->tasks] = true;
		return 0;
	}
	r = 0;
	if (end.status == 0 && end.again) {
		run->again[t - run->tasks] = true;
		return 0;
	}
	t->done = true;
	run->left--;
	t->record.diff_id = end.diff_id;
	t->record.codec = end.codec;
	t->record.blob_bytes = end.blob_bytes;
	t->record.plain_bytes = end.plain_bytes;
	t->record.entries = end.entries;
	if (end.status == 0)
		r = t->end.status = record_seal(&t->record, t->analyzers, e);
	show_progress(run, t, t->size_bytes);
	return r;
}

static int take_answer(struct run *run, size_t worker, uint8_t kind, struct str payload, struct err *e)
{
	struct rd in = rd_of(payload);
	struct layer_task *t;

	if (kind == PROTO_NEXT)
		return answer_next(run, worker, payload, e);
	t = task_of(run, worker, &in);
	if (t && kind == PROTO_EVIDENCE && record_evidence_read(&t->record, &in, t->analyzers))
		return 0;
	if (t && kind == PROTO_TREE && take_tree(t, &in))
		return 0;
	if (t && kind == PROTO_DONE)
		return take_done(run, worker, t, payload, e);
	if (t && kind == PROTO_PROGRESS) {
		show_progress(run, t, rd_varint(&in));
		return 0;
	}
	return err_set(e, -EBADMSG, "a worker's answer is damaged");
}

static void run_begin(struct run *run)
{
	run->order = xcalloc(run->n, sizeof(*run->order));
	run->again = xcalloc(run->n, sizeof(*run->again));
	for (uint32_t i = 0; i < run->n; i++) {
		run->order[i] = i;
		run->total_bytes += run->tasks[i].size_bytes;
		record_init(&run->tasks[i].record);
	}
	qsort_r(run->order, run->n, sizeof(*run->order), larger_first, run->tasks);
}

/* One hostile layer must be found quickly: with the numbers of those the failed worker had in hand. */
static int name_culprits(const struct run *run, size_t worker, int r, struct err *e)
{
	char list[64] = "";
	size_t n = 0;

	for (size_t i = 0; i < run->n; i++) {
		const struct layer_task *t = &run->tasks[i];

		if (t->given && !t->done && t->worker == worker && n + 16 < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%u", n ? " or " : "", t->number);
	}
	return n ? err_wrap(e, r, "layer %s", list) : r;
}

int layers_run(struct layer_task *tasks, size_t n, const struct layer_opener *opener, const struct progress *progress,
	       struct err *e)
{
	struct run run = { .tasks = tasks, .n = n, .left = n, .opener = opener, .progress = progress };
	size_t worker = POOL_WORKERS_MAX;
	uint8_t kind;
	struct str payload;
	int r;

	run_begin(&run);
	r = pool_start(&run.pool, pool_size(n), "scan", e);
	while (r == 0 && (r = pool_answer(&run.pool, &worker, &kind, &payload, e)) > 0)
		r = take_answer(&run, worker, kind, payload, e);
	if (r < 0 && !run.opener_failed)
		r = name_culprits(&run, worker, r, e);
	pool_stop(&run.pool);
	if (r == 0 && run.left)
		r = err_set(e, -EIO, "a worker ended before all layers were read");
	free(run.order);
	free(run.again);
	return r;
}
