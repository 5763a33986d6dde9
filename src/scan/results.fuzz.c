/* Fuzz target of results: what is read lies inside the input, and is written as it was read. The first byte chooses
 * between an inventory and a verdict. */
#include "scan/results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A verdict belongs to a database: here one of two feeds. */
static const struct db *some_db(void)
{
	static struct buf bytes;
	static struct db *db;
	struct feed_info feed = { .name = STR("a") };
	struct db_build *b;

	if (db)
		return db;
	b = db_build_new();
	db_build_feed(b, &feed);
	feed.name = STR("b");
	db_build_feed(b, &feed);
	if (db_build_bytes(b, NULL, STR("2026"), &bytes, NULL) < 0 || db_open_bytes(&db, buf_all(&bytes), NULL) < 0)
		abort();
	db_build_free(b);
	return db;
}

static void touch(struct str s)
{
	static volatile char sum;

	for (size_t i = 0; i < s.n; i++)
		sum = (char)(sum + s.p[i]);
}

/* Numbers have several spellings and flags unused bits: what is written is read and written alike. */
static void fixed_point(void (*write)(struct buf *b, const void *of), const void *of, const void *again)
{
	auto_buf struct buf a, b;

	buf_init(&a, RESULTS_BYTES_MAX);
	buf_init(&b, RESULTS_BYTES_MAX);
	write(&a, of);
	write(&b, again);
	if (!str_eq(buf_all(&a), buf_all(&b)))
		abort();
}

static void write_inventory(struct buf *b, const void *of)
{
	results_inventory_write(b, of);
}

static void write_verdict(struct buf *b, const void *of)
{
	results_verdict_write(b, of);
}

static void fuzz_inventory(struct str input)
{
	struct inventory inv = { 0 }, again = { 0 };
	auto_buf struct buf b;

	buf_init(&b, RESULTS_BYTES_MAX);
	if (results_inventory_read(input, &inv) == 0) {
		for (size_t i = 0; i < inv.packages.n; i++) {
			touch(inv.packages.v[i].p.name);
			touch(inv.packages.v[i].path);
		}
		results_inventory_write(&b, &inv);
		if (results_inventory_read(buf_all(&b), &again) < 0)
			abort();
		fixed_point(write_inventory, &inv, &again);
	}
	inventory_done(&again);
	inventory_done(&inv);
}

static void fuzz_verdict(struct str input)
{
	struct inv_package packages[3] = { 0 };
	struct inventory inv = { .packages = { packages, 3, 3 } }, other = { .packages = { packages, 3, 3 } };
	struct verdict v = { .inventory = &inv }, again = { .inventory = &other };
	auto_buf struct buf b;

	buf_init(&b, RESULTS_BYTES_MAX);
	if (results_verdict_read(input, some_db(), &inv, &v) == 0) {
		for (size_t i = 0; i < v.findings.n; i++) {
			touch(v.findings.v[i].id);
			for (size_t k = 0; k < v.findings.v[i].alias_count; k++)
				touch(v.findings.v[i].aliases[k]);
		}
		results_verdict_write(&b, &v);
		if (results_verdict_read(buf_all(&b), some_db(), &other, &again) < 0)
			abort();
		fixed_point(write_verdict, &v, &again);
	}
	verdict_done(&again);
	verdict_done(&v);
	vec_done(&inv.notes);
	vec_done(&other.notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_n(data, size);

	if (size && data[0] & 1)
		fuzz_verdict(str_from(input, 1));
	else if (size)
		fuzz_inventory(str_from(input, 1));
	return 0;
}
