/* Compiles a directory of feeds into a database in one process: build-bench DIRECTORY FILE. Prints what each part cost.
 */
#include <fcntl.h>
#include <ftw.h>
#include <time.h>

#include "codec/sha256.h"
#include "vuln/db.h"
#include "vuln/feed/compile.h"

#define OPEN_DIRECTORIES 16

static struct db_build *builder;
static size_t root_length;
static uint64_t statements, records;
static double reading_s;

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count_advisory(void *ctx unused_arg, const struct advisory *a unused_arg)
{
	statements++;
}

static void count_vuln(void *ctx unused_arg, const struct vuln_info *v unused_arg)
{
	records++;
}

static void count_warning(void *ctx unused_arg, struct str what unused_arg)
{
}

static int compile(const char *path, const struct stat *st unused_arg, int kind, struct FTW *ftw unused_arg)
{
	static const struct feed_sink counting = { NULL, count_advisory, count_vuln, count_warning };
	struct str name = str_c(path + root_length);
	struct feed_info feed = { .name = name, .source = name };
	struct compile_result r = { 0 };
	struct mapping map = { 0 };
	struct err e = { 0 };
	auto_close int fd = -1;
	double t;

	if (kind != FTW_F || compile_ignores(name))
		return 0;
	fd = fd_open(AT_FDCWD, path, O_RDONLY);
	if (fd < 0 || mapping_open(fd, &map, &e) < 0)
		return 0;
	t = cpu_s();
	if (compile_file(name, str_n(map.p, map.n), &counting, &r, &e) < 0)
		r.format = NULL;
	reading_s += cpu_s() - t;
	if (r.format) {
		db_build_feed(builder, &feed);
		if (compile_file(name, str_n(map.p, map.n), db_build_sink(builder), &r, &e) < 0)
			printf("%s: %s\n", path, e.msg);
		db_build_feed_date(builder, str_c(r.date));
	}
	mapping_close(&map);
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	double t = cpu_s(), end;

	if (argc != 3) {
		fprintf(stderr, "usage: build-bench DIRECTORY FILE\n");
		return 2;
	}
	sha256_setup();
	builder = db_build_new();
	root_length = strlen(argv[1]) + 1;
	nftw(argv[1], compile, OPEN_DIRECTORIES, FTW_PHYS);
	end = cpu_s();
	printf("%llu statements, %llu records\n", (unsigned long long)statements, (unsigned long long)records);
	printf("reading alone %.3f CPU-s, keeping %.3f\n", reading_s, end - t - 2 * reading_s);
	t = cpu_s();
	if (db_build_write(builder, NULL, STR("2026-01-01T00:00:00Z"), AT_FDCWD, argv[2], &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 3;
	}
	printf("writing %.3f\n", cpu_s() - t);
	db_build_free(builder);
	return 0;
}
