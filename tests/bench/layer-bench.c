/* layer-bench: how fast layers are read when nobody wants their files.
 *
 *     layer-bench LANES FILE...      prints bytes, MB/s of plain bytes for each CPU second and for wall time, peak
 * memory */
#include <fcntl.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "base/num.h"
#include "layer/layer.h"

struct bench {
	char **name;
	int count, next;
	int fd[LAYER_LANES_MAX * 64];
	uint64_t blob_bytes, plain_bytes, entries;
	bool failed;
	struct layer_events events;
};

static int on_entry(void *ctx unused_arg, const struct tar_entry *t unused_arg, struct err *e unused_arg)
{
	return 0;
}

static int on_next(void *ctx, bool idle unused_arg, struct layer_input *ret, uint32_t *ret_id, struct err *e)
{
	struct bench *b = ctx;
	int fd;

	if (b->next == b->count || (size_t)b->next == ARRAY_LEN(b->fd))
		return 0;
	fd = fd_open(AT_FDCWD, b->name[b->next], O_RDONLY);
	if (fd < 0)
		return err_errno(e, fd, "%s", b->name[b->next]);
	b->fd[b->next] = fd;
	*ret_id = (uint32_t)b->next++;
	*ret = (struct layer_input){ .fd = fd, .events = &b->events };
	return 1;
}

static int on_done(void *ctx, uint32_t id, const struct layer_result *r, struct err *e unused_arg)
{
	struct bench *b = ctx;
	char text[DIGEST_TEXT_MAX];

	fd_close(&b->fd[id]);
	b->blob_bytes += r->blob_bytes;
	b->plain_bytes += r->plain_bytes;
	b->entries += r->entries;
	printf("%s %s %s %llu entries", b->name[id], codec_name(r->codec), digest_text(&r->diff_id, text),
	       (unsigned long long)r->entries);
	printf("%s%s\n", r->status ? " failed: " : "", r->status ? r->err.msg : "");
	b->failed |= r->status < 0;
	return 0;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct bench b = { .name = argv + 2, .count = argc - 2, .events = { .entry = on_entry } };
	struct layer_feed feed = { .ctx = &b, .next = on_next, .done = on_done };
	struct err e = { 0 };
	struct rusage used;
	uint32_t lanes;
	double start = wall(), cpu, took;

	b.events.ctx = &b;
	if (argc < 3 || !num_u32(str_c(argv[1]), &lanes)) {
		fprintf(stderr, "usage: layer-bench LANES FILE...\n");
		return 2;
	}
	sha256_setup();
	if (layers_read(&feed, lanes, &e) < 0) {
		fprintf(stderr, "layer-bench: %s\n", e.msg);
		return 3;
	}
	took = wall() - start;
	getrusage(RUSAGE_SELF, &used);
	cpu = seconds(used.ru_utime) + seconds(used.ru_stime);
	printf("%s, %u lanes: %llu -> %llu bytes, %llu entries; %.2f CPU-s, %.0f MB/CPU-s, %.2f s, %.0f MB/s, %ld "
	       "KiB\n",
	       sha256_implementation(), lanes, (unsigned long long)b.blob_bytes, (unsigned long long)b.plain_bytes,
	       (unsigned long long)b.entries, cpu, (double)b.plain_bytes / 1e6 / cpu, took,
	       (double)b.plain_bytes / 1e6 / took, used.ru_maxrss);
	return b.failed;
}
