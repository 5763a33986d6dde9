/* Opens a database and looks 5,000 packages up, all their statements read: db-bench FILE. Prints wall milliseconds. */
#include <fcntl.h>
#include <time.h>

#include "vuln/db.h"

#define LOOKUPS 5000u
#define MISSES_IN_TEN 4u
#define ROUNDS 7

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
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

static size_t look_up(const struct db *d, const struct wanted *w)
{
	size_t statements = 0;

	for (size_t i = 0; i < LOOKUPS; i++) {
		struct db_statement s;
		struct db_key k;

		if (db_find(d, w[i].ns, w[i].name, &k) != 1)
			continue;
		for (uint32_t n = 0; n < k.count; n++)
			statements += db_statement(d, k.first + n, &s) == 0;
	}
	return statements;
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "vulnerabilities.db";
	struct arena a = { 0 };
	struct wanted *w = NULL;
	struct err e = { 0 };

	for (int round = 0; round < ROUNDS; round++) {
		struct db *d = NULL;
		double t = now_ms(), opened;
		size_t n = 0;

		if (db_open(&d, AT_FDCWD, file, &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			return 3;
		}
		opened = now_ms();
		if (w)
			n = look_up(d, w);
		if (w)
			printf("open %.3f ms, %u lookups %.3f ms, together %.3f ms, %zu statements read\n", opened - t,
			       LOOKUPS, now_ms() - opened, now_ms() - t, n);
		else
			printf("%.1f MB, %zu keys, %zu statements, %zu vulnerabilities\n",
			       (double)db_size_bytes(d) / 1e6, db_key_count(d), db_statement_count(d),
			       db_vuln_count(d));
		if (!w)
			w = choose(d, &a);
		db_free(d);
	}
	arena_done(&a);
	return 0;
}
