/* aged: too old, then too much; sorted by use. */
#include "scan/aged.h"

#include "tap.h"

static const struct {
	const char *name;
	struct aged_rule rule;
	size_t go;
} rows[] = {
	{ "all are young and few", { 1000, 1000, 1000 }, 0 },
	{ "as old as is allowed", { 1000, 900, 1000 }, 0 },
	{ "one is too old", { 1001, 900, 1000 }, 1 },
	{ "all are", { 5000, 10, 1000 }, 3 },
	{ "as many bytes as are allowed", { 1000, 1000, 60 }, 0 },
	{ "one byte too many", { 1000, 1000, 59 }, 1 },
	{ "the first are not enough", { 1000, 1000, 29 }, 3 },
	{ "nothing may stay", { 1000, 1000, 0 }, 3 },
	{ "too old, and then too many", { 1001, 900, 49 }, 2 },
};

TEST(first)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct aged v[] = { { "c", 30, 300 }, { "a", 10, 100 }, { "b", 20, 200 } };

		row("%s", rows[i].name);
		EQ_INT(aged_first(v, ARRAY_LEN(v), &rows[i].rule), rows[i].go);
		EQ_Z(v[0].name, "a");
		EQ_Z(v[2].name, "c");
	}
	EQ_INT(aged_first(NULL, 0, &rows[0].rule), 0);
}
