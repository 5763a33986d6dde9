/* Unit tests of inventory/run and inventory/file: who gets which bytes, and what becomes of a failure. */
#include "facts_text.h"

#define PATH "usr/lib/node_modules/a/package.json"
#define TEXT "{\"name\": \"a\", \"version\": \"1.0.0\", \"license\": \"MIT\"}"

static uint64_t bit(const char *analyzer)
{
	return 1ull << analyzer_named(str_c(analyzer));
}

TEST(ranges)
{
	struct file f;

	file_init(&f, STR("x"), 100, 0, 50);
	OK(!file_at(&f, 10, 20));
	OK(f.wanting && !f.refused);
	OK(!file_at(&f, 90, 11));
	OK(!f.refused);
	EQ_INT(f.ranges.n, 1);
	OK(!file_at(&f, 0, 31));
	OK(f.refused);
	EQ_INT(file_wanted_from(&f), 10);
	file_put(&f, 0, (const uint8_t *)"0123456789ABCDEF", 16);
	EQ_INT(file_wanted_from(&f), 16);
	file_put(&f, 17, (const uint8_t *)"a gap is not filled", 19);
	EQ_INT(file_wanted_from(&f), 16);
	file_put(&f, 12, (const uint8_t *)"CDEFGHIJKLMNOPQRSTUV", 20);
	EQ_INT(file_wanted_from(&f), UINT64_MAX);
	OK(file_at(&f, 10, 20));
	EQ_STR(str_n(file_at(&f, 15, 5), 5), STR("FGHIJ"));
	OK(file_at(&f, 40, 0));
	EQ_INT(f.ranges.n, 1);
	/* the next analyzer of the same file may hold less than is held already */
	f.held_max = 10;
	f.refused = false;
	OK(!file_at(&f, 60, 1));
	OK(f.refused);
	file_done(&f);
}

TEST(several_analyzers_of_one_file)
{
	struct inventory_run run;
	struct str text = STR(TEXT);

	inventory_run_start(&run, STR(PATH), text.n, 0644, bit("npm") | bit("composer"));
	EQ_INT(run.parts.n, 2);
	EQ_INT(inventory_run_wanted_from(&run), 0);
	inventory_run_feed(&run, 0, (const uint8_t *)text.p, 10);
	EQ_INT(inventory_run_wanted_from(&run), 10);
	inventory_run_feed(&run, 10, (const uint8_t *)text.p + 10, text.n - 10);
	EQ_INT(inventory_run_wanted_from(&run), UINT64_MAX);
	for (size_t i = 0; i < run.parts.n; i++) {
		OK(run.parts.v[i].finished);
		EQ_INT(run.parts.v[i].error.code, 0);
		EQ_INT(run.parts.v[i].facts.packages, run.parts.v[i].analyzer == analyzer_named(STR("npm")));
	}
	inventory_run_done(&run);
}

TEST(a_file_that_is_cut_short)
{
	struct inventory_run run;
	auto_buf struct buf got = { 0 };

	inventory_run_start(&run, STR(PATH), 100, 0644, bit("npm"));
	inventory_run_feed(&run, 0, (const uint8_t *)"{}", 2);
	inventory_run_finish(&run);
	EQ_INT(run.parts.v[0].error.code, -EBADMSG);
	facts_text(&run.parts.v[0].facts, &got);
	EQ_STR(buf_all(&got), STR("note: not assessed: the file is cut short\n"));
	inventory_run_done(&run);
}

TEST(a_file_that_is_too_large)
{
	struct inventory_run run;
	auto_buf struct buf got = { 0 };

	inventory_run_start(&run, STR(PATH), 1ull << 50, 0644, bit("npm"));
	EQ_INT(inventory_run_wanted_from(&run), UINT64_MAX);
	EQ_INT(run.parts.v[0].error.code, -E2BIG);
	facts_text(&run.parts.v[0].facts, &got);
	EQ_STR(buf_all(&got), STR("note: not assessed: a file of 1.1 PB is too large\n"));
	inventory_run_done(&run);
}

TEST(no_candidates)
{
	struct inventory_run run;

	inventory_run_start(&run, STR("x"), 10, 0644, 0);
	EQ_INT(inventory_run_wanted_from(&run), UINT64_MAX);
	inventory_run_feed(&run, 0, (const uint8_t *)"x", 1);
	inventory_run_finish(&run);
	EQ_INT(run.parts.n, 0);
	inventory_run_done(&run);
}

TEST(names)
{
	EQ_INT(analyzer_named(STR("nobody")), analyzer_count);
	OK(analyzer_named(STR("npm")) < analyzer_count);
}
