/* feeds-bench: reads every feed of a directory with no database behind it, and says how fast.
 *
 * usage: feeds-bench [-w] [DIRECTORY]     -w: through wire.h, as between processes
 *
 * A line per file: format, documents, statements, what is known of ids, warnings, plain MB, CPU-seconds, MB/s. */
#include <fcntl.h>
#include <ftw.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "vuln/feed/compile.h"
#include "vuln/feed/wire.h"

static struct {
	bool wire;
	size_t root_length;
	uint64_t advisories, vulns, warnings, plain_bytes, ignored, failed, wire_bytes;
	double seconds;
} all;

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void no_advisory(unused_arg void *ctx, unused_arg const struct advisory *a)
{
}

static void no_vuln(unused_arg void *ctx, unused_arg const struct vuln_info *v)
{
}

static void say_warning(unused_arg void *ctx, struct str what)
{
	if (getenv("FEEDS_BENCH_WARNINGS"))
		fprintf(stderr, "  " STR_FMT "\n", STR_ARG(what));
}

static const struct feed_sink nowhere = { NULL, no_advisory, no_vuln, say_warning };

static void take_back(void *ctx, struct str bytes)
{
	struct err e = { 0 };

	all.wire_bytes += bytes.n;
	if (wire_in_add(ctx, bytes, &e) < 0) {
		fprintf(stderr, "feeds-bench: %s\n", e.msg);
		exit(3);
	}
}

static int read_through_wire(struct str path, struct str bytes, struct compile_result *ret, struct err *e)
{
	struct wire_in in;
	struct wire_out out;
	int r;

	wire_in_init(&in, &nowhere);
	wire_out_init(&out, &in, take_back);
	r = compile_file(path, bytes, &out.sink, ret, e);
	wire_out_flush(&out);
	if (r >= 0)
		r = wire_in_end(&in, e);
	wire_out_done(&out);
	wire_in_done(&in);
	return r;
}

static void read_feed(const char *path, int fd)
{
	auto_mapping struct mapping m = { 0 };
	struct compile_result x = { 0 };
	struct err e = { 0 };
	struct str name = str_from(str_c(path), all.root_length);
	double before = cpu_seconds(), seconds;
	int r = mapping_open(fd, &m, &e);

	if (r >= 0)
		r = all.wire ? read_through_wire(name, str_n(m.p, m.n), &x, &e)
			     : compile_file(name, str_n(m.p, m.n), &nowhere, &x, &e);
	seconds = cpu_seconds() - before;
	all.seconds += seconds;
	all.failed += r < 0;
	if (r < 0)
		printf("%s: %s\n", path, e.msg);
	if (r < 0 || !x.format) {
		all.ignored += r >= 0;
		return;
	}
	printf("%-14s %7llu docs %8llu statements %7llu ids %4llu warnings %7.1f MB %6.3f s %5.0f MB/s %s " STR_FMT
	       "\n",
	       x.format, (unsigned long long)x.documents, (unsigned long long)x.advisories, (unsigned long long)x.vulns,
	       (unsigned long long)x.warnings, (double)x.plain_bytes / 1e6, seconds,
	       (double)x.plain_bytes / 1e6 / (seconds > 0 ? seconds : 1), x.date, STR_ARG(name));
	all.advisories += x.advisories;
	all.vulns += x.vulns;
	all.warnings += x.warnings;
	all.plain_bytes += x.plain_bytes;
}

static int visit(const char *path, unused_arg const struct stat *st, int type, unused_arg struct FTW *where)
{
	auto_close int fd = -1;

	if (type != FTW_F || compile_ignores(str_from(str_c(path), all.root_length)))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		read_feed(path, fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct rusage u;
	const char *dir = "../shared/feeds";

	all.wire = argc > 1 && strcmp(argv[1], "-w") == 0;
	if (argc > 1 + all.wire)
		dir = argv[1 + all.wire];
	all.root_length = strlen(dir) + 1;
	if (nftw(dir, visit, 16, FTW_PHYS) < 0) {
		fprintf(stderr, "feeds-bench: cannot read %s\n", dir);
		return 3;
	}
	getrusage(RUSAGE_SELF, &u);
	printf("%llu statements, %llu ids, %llu warnings, %.1f MB plain, %llu files of no feed, %llu failed, %.2f "
	       "CPU-s, "
	       "%ld MB peak",
	       (unsigned long long)all.advisories, (unsigned long long)all.vulns, (unsigned long long)all.warnings,
	       (double)all.plain_bytes / 1e6, (unsigned long long)all.ignored, (unsigned long long)all.failed,
	       all.seconds, u.ru_maxrss / 1024);
	if (all.wire)
		printf(", %.1f MB of wire", (double)all.wire_bytes / 1e6);
	printf("\n");
	return 0;
}
