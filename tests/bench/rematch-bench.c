/* Matching 10,000 inventories of 1,900 packages again: all of it, and after 2,000 packages changed. Prints CPU-seconds.
 *
 * 300,000 distinct (name, version), six in ten of them of the 166,633 names that one million statements are about,
 * drawn by a fixed generator. Some 2,000 findings an inventory come of it. */
#include <time.h>

#include "vuln/rematch.h"

#define NAMES 166633u
#define NAMES_IN_USE (NAMES * 10 / 6)
#define DISTINCT 300000u
#define STATEMENTS 1000000u
#define INVENTORIES 10000u
#define PER_INVENTORY 1900u
#define CHANGED 2000u
#define ROUNDS 5 /* unless an argument says otherwise */

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 32) * below >> 32);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct str name_of(struct arena *a, uint32_t i)
{
	return arena_fmt(a, "libpackage-%u-dev", i * 2654435761u % 1000000007u);
}

/* Versions rise with v, which is below 10,000. */
static struct str version_of(struct arena *a, uint32_t v)
{
	return arena_fmt(a, "1:%u.%u.%u-1+deb12u%u", 1 + v / 1000, v / 100 % 10, v / 10 % 10, v % 10);
}

static struct db *make_db(uint32_t extra, const struct db *previous, struct buf *bytes)
{
	struct db_build *b = db_build_new();
	struct feed_info feed = { .name = STR("synthetic") };
	struct arena scratch = { 0 };
	struct db *d = NULL;
	struct err e = { 0 };
	double t = cpu_s();

	state = 88172645463325252u;
	db_build_feed(b, &feed);
	for (uint32_t i = 0; i < STATEMENTS + extra; i++) {
		struct adv_range r = { .fixed = version_of(&scratch, draw(8000)) };
		struct advisory a = {
			.id = arena_fmt(&scratch, "CVE-%u-%u", 2000 + draw(26), 1000 + draw(9000)),
			.ns = STR("debian:12"),
			.name = name_of(&scratch, i < STATEMENTS ? draw(NAMES) : i * 7919 % NAMES),
			.severity = (enum severity)(1 + draw(5)),
			.ranges = &r,
			.range_count = 1,
		};

		db_build_sink(b)->advisory(db_build_sink(b)->ctx, &a);
		arena_reset(&scratch);
	}
	double taken = cpu_s();
	if (db_build_bytes(b, previous, STR("2026"), bytes, &e) < 0 || db_open_bytes(&d, buf_all(bytes), &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(3);
	}
	printf("build: %u statements, taken in %.3f CPU-s (with making them up), written in %.3f, %.1f MB, %zu keys "
	       "changed\n",
	       STATEMENTS + extra, taken - t, cpu_s() - taken, (double)bytes->n / 1e6, db_changed_count(d));
	db_build_free(b);
	arena_done(&scratch);
	return d;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct rematch_inventory inventories[INVENTORIES];
	struct rematch_os os = { STR("debian:12"), false };
	struct rematch_package *packages = xcalloc(DISTINCT, sizeof(*packages));
	uint32_t *ids = xcalloc((size_t)INVENTORIES * PER_INVENTORY, sizeof(*ids));
	struct rematch_sum *sums = xcalloc(DISTINCT, sizeof(*sums));
	struct rematch_total *totals = xcalloc(INVENTORIES, sizeof(*totals)),
			     *again = xcalloc(INVENTORIES, sizeof(*again));
	bool *dirty = xcalloc(INVENTORIES, sizeof(*dirty));
	struct buf old_bytes = { 0 }, new_bytes = { 0 };
	struct db *old = make_db(0, NULL, &old_bytes), *fresh = make_db(CHANGED, old, &new_bytes);
	struct match_options options = { 0 };
	struct arena arena = { 0 };
	struct err e = { 0 };
	uint64_t findings = 0;
	int rounds = argc > 1 && argv[1][0] > '0' && argv[1][0] <= '9' ? 10 * (argv[1][0] - '0') : ROUNDS;
	double t, best = 1e9, best_delta = 1e9;
	int n = 0;

	for (uint32_t i = 0; i < DISTINCT; i++)
		packages[i] = (struct rematch_package){ .p = { .type = PKG_DEB,
							       .name = name_of(&arena, i % NAMES_IN_USE),
							       .version = version_of(&arena, 4000 + draw(6000)) } };
	for (uint32_t i = 0; i < INVENTORIES; i++) {
		uint32_t *own = ids + (size_t)i * PER_INVENTORY;

		for (uint32_t k = 0; k < PER_INVENTORY; k++)
			own[k] = draw(DISTINCT);
		qsort(own, PER_INVENTORY, sizeof(*own), compare_u32);
		inventories[i] = (struct rematch_inventory){ own, PER_INVENTORY };
	}
	struct rematch_set set = { &os, 1, packages, DISTINCT, inventories, INVENTORIES };
	t = cpu_s();
	struct rematch_index *x = rematch_index_new(&set);
	printf("index: %.3f CPU-s, once for a set\n", cpu_s() - t);
	for (int round = 0; round < rounds; round++) {
		t = cpu_s();
		if (rematch_full(old, &set, x, &options, sums, totals, &e) < 0)
			return 3;
		t = cpu_s() - t;
		best = t < best ? t : best;
		if (round == 0)
			for (size_t i = 0; i < INVENTORIES; i++)
				for (size_t s = 0; s < REMATCH_SEVERITIES; s++)
					findings += totals[i].findings[s];
		t = cpu_s();
		n = rematch_delta(fresh, &set, x, &options, sums, totals, dirty, &e);
		t = cpu_s() - t;
		best_delta = t < best_delta ? t : best_delta;
	}
	printf("full: %.3f CPU-s (best of %d), %llu findings\n", best, rounds, (unsigned long long)findings);
	printf("delta: %.5f CPU-s (best of %d, each after a full), %zu names changed, %d inventories dirty\n",
	       best_delta, rounds, db_changed_count(fresh), n);
	if (n < 0 || rematch_full(fresh, &set, x, &options, sums, again, &e) < 0 ||
	    memcmp(totals, again, INVENTORIES * sizeof(*totals)) != 0) {
		printf("delta and full do not agree\n");
		return 1;
	}
	return 0;
}
