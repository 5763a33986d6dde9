/* A layer from standard input as an EROFS image on standard output, which must be a fresh file: for erofs.sh. */
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/erofs.h"
#include "layer/layer.h"

struct job {
	struct erofs *w;
	bool given, wanted;
	struct layer_result result;
};

static int put(void *ctx, uint64_t offset, const void *p, size_t n, struct err *e)
{
	(void)ctx;
	return pwrite(STDOUT_FILENO, p, n, (off_t)offset) == (ssize_t)n ? 0 : err_errno(e, -errno, "write");
}

static int entry(void *ctx, const struct tar_entry *t, struct err *e)
{
	return erofs_entry(((struct job *)ctx)->w, t, e);
}

static int data(void *ctx, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	int r = erofs_data(((struct job *)ctx)->w, offset, p, n, e);

	return r < 0 ? r : 1;
}

static int end(void *ctx, struct err *e)
{
	return erofs_end(((struct job *)ctx)->w, e);
}

static struct layer_events events = { .entry = entry, .data = data, .end = end };

static int next(void *ctx, bool idle, struct layer_input *ret, uint32_t *ret_id, struct err *e)
{
	struct job *job = ctx;

	(void)idle;
	(void)e;
	if (job->given)
		return 0;
	job->given = true;
	events.ctx = job;
	*ret = (struct layer_input){ .fd = STDIN_FILENO, .events = &events };
	*ret_id = 0;
	return 1;
}

static int done(void *ctx, uint32_t id, const struct layer_result *result, struct err *e)
{
	(void)id;
	(void)e;
	((struct job *)ctx)->result = *result;
	return 0;
}

int main(void)
{
	struct erofs_sink sink = { NULL, put };
	struct job job = { .w = erofs_new(&sink) };
	struct layer_feed feed = { &job, next, done };
	struct err e = { 0 };
	uint64_t bytes = 0;
	int r;

	sha256_setup();
	r = layers_read(&feed, 1, &e);
	if (r == 0 && job.result.status < 0) {
		r = job.result.status;
		e = job.result.err;
	}
	r = r < 0 ? r : erofs_finish(job.w, &bytes, &e);
	if (r == 0 && ftruncate(STDOUT_FILENO, (off_t)bytes) < 0)
		r = err_errno(&e, -errno, "ftruncate");
	erofs_free(job.w);
	if (r < 0)
		fprintf(stderr, "%s\n", e.msg);
	return r < 0;
}
