/* inventory-bench: layer files read by the scanner's own workers with every analyzer, then merged; no cache, no
 * database.
 *
 * usage: inventory-bench LAYER...      prints packages by type and what it cost (CPU seconds of all processes, wall,
 * peak RSS) */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "codec/sha256.h"
#include "inventory/analyzer.h"
#include "scan/layers.h"
#include "scan/merge.h"
#include "scan/work.h"

struct files {
	int *fd;
};

static int open_file(void *ctx, size_t task, bool *ret_positioned, uint64_t *ret_offset, uint64_t *ret_size,
		     struct err *e)
{
	struct files *f = ctx;
	struct stat st;

	if (fstat(f->fd[task], &st) < 0)
		return err_errno(e, -errno, "layer");
	*ret_positioned = true;
	*ret_offset = 0;
	*ret_size = (uint64_t)st.st_size;
	return fcntl(f->fd[task], F_DUPFD_CLOEXEC, 3);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void print_cost(double wall)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	printf("%.2f CPU-s, %.2f s wall, peak RSS %.1f MB here, %.1f MB in the largest worker\n",
	       seconds(self.ru_utime) + seconds(self.ru_stime) + seconds(children.ru_utime) +
		       seconds(children.ru_stime),
	       wall, (double)self.ru_maxrss / 1024, (double)children.ru_maxrss / 1024);
}

static void print_packages(const struct inventory *inv)
{
	size_t count[PKG_TYPE_COUNT] = { 0 };

	for (size_t i = 0; i < inv->packages.n; i++)
		count[inv->packages.v[i].p.type]++;
	printf(STR_FMT ":", STR_ARG(inv->os_ns));
	for (unsigned int t = 0; t < PKG_TYPE_COUNT; t++)
		if (count[t])
			printf(" %zu %s", count[t], pkg_type_row(t)->name);
	printf(", %zu not assessed\n", inv->notes.n);
}

int main(int argc, char **argv)
{
	size_t n = (size_t)argc - 1;
	struct layer_task *task = xcalloc(n, sizeof(*task));
	const struct record **record = xcalloc(n, sizeof(*record));
	struct files files = { xcalloc(n, sizeof(int)) };
	struct layer_opener opener = { &files, open_file };
	struct inventory inv = { 0 };
	struct merge *merge = NULL;
	struct timespec from, to;
	struct err e = { 0 };
	int r;

	if (argc > 2 && strcmp(argv[1], WORKER_ARG) == 0)
		return work_main(argv[2]);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (size_t i = 0; i < n; i++) {
		struct stat st;

		files.fd[i] = open(argv[i + 1], O_RDONLY | O_CLOEXEC);
		if (files.fd[i] < 0 || fstat(files.fd[i], &st) < 0) {
			fprintf(stderr, "%s: %s\n", argv[i + 1], strerror(errno));
			return 3;
		}
		task[i].size_bytes = (uint64_t)st.st_size;
		task[i].analyzers = analyzer_count < 64 ? (1ull << analyzer_count) - 1 : UINT64_MAX;
		task[i].names = STR("");
		record[i] = &task[i].record;
	}
	r = layers_run(task, n, &opener, NULL, &e);
	for (size_t i = 0; i < n && r == 0; i++)
		if (task[i].end.status < 0)
			r = err_set(&e, task[i].end.status, "%s: %s", argv[i + 1], task[i].end_message);
	r = r < 0 ? r : merge_open(&merge, record, n, &e);
	r = r < 0 ? r : merge_inventory(merge, true, &inv, &e);
	if (r < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 3;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_packages(&inv);
	print_cost((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	return 0;
}
