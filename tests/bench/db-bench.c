/* Opens a database, looks 5,000 packages up and reads all that is said of them: db-bench FILE. Prints milliseconds of
 * CPU and wall time. */
#include <fcntl.h>
#include <time.h>

#include "vuln/db.h"

#define LOOKUPS 5000u
#define MISSES_IN_TEN 4u
#define ROUNDS 7

struct moment {
	double cpu_ms, wall_ms;
};

static struct moment now(void)
{
	struct timespec cpu, wall;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	clock_gettime(CLOCK_MONOTONIC, &wall);
	return (struct moment){ (double)cpu.tv_sec * 1e3 + (double)cpu.tv_nsec / 1e6,
				(double)wall.tv_sec * 1e3 + (double)wall.tv_nsec / 1e6 };
}

static void print_since(const char *what, struct moment t)
{
	struct moment end = now();

	printf("%s %.3f CPU %.3f wall; ", what, end.cpu_ms - t.cpu_ms, end.wall_ms - t.wall_ms);
}

struct wanted {
	struct str ns, name;
};

/* Every so-many-th key, and some names that are not there. */
static struct wanted *choose(const struct db *d, struct arena *a)
{
	struct wanted *w = arena_array(a, struct wanted, LOOKUPS);
	size_t keys = db_key_count(d);

	for (size_t i = 0; i < LOOKUPS && keys; i++) {
		struct db_key k = { 0 };

		if (db_key_at(d, i * 7919 % keys, &k) < 0)
			continue;
		w[i].ns = arena_str(a, k.ns);
		w[i].name = i % 10 < MISSES_IN_TEN ? arena_fmt(a, STR_FMT "-not-there", STR_ARG(k.name))
						   : arena_str(a, k.name);
	}
	return w;
}

static size_t look_up(const struct db *d, const struct wanted *w, bool read)
{
	size_t n = 0;

	for (size_t i = 0; i < LOOKUPS; i++) {
		struct db_statement s;
		struct db_key k;

		if (db_find(d, w[i].ns, w[i].name, &k) != 1)
			continue;
		n += !read;
		for (uint32_t at = 0; read && at < k.count; at++)
			n += db_statement(d, k.first + at, &s) == 0;
	}
	return n;
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "vulnerabilities.db";
	struct arena a = { 0 };
	struct wanted *w = NULL;
	struct err e = { 0 };

	for (int round = 0; round < ROUNDS; round++) {
		struct moment t = now();
		struct db *d = NULL;

		if (db_open(&d, AT_FDCWD, file, &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			return 3;
		}
		if (w) {
			size_t found = look_up(d, w, false);

			print_since("open and look up", t);
			t = now();
			size_t statements = look_up(d, w, true);
			print_since("again and read", t);
			printf("%zu of %u found, %zu statements\n", found, LOOKUPS, statements);
		} else {
			printf("%.1f MB, %zu keys, %zu statements, %zu vulnerabilities; milliseconds:\n",
			       (double)db_size_bytes(d) / 1e6, db_key_count(d), db_statement_count(d),
			       db_vuln_count(d));
			w = choose(d, &a);
		}
		db_free(d);
	}
	arena_done(&a);
	return 0;
}
