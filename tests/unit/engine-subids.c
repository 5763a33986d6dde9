/* /etc/subuid: the row of a user. */
#include "engine/subids.h"

#include "tap.h"

static const struct {
	const char *name, *text;
	uint32_t first, n; /* n 0: none */
} rows[] = {
	{ "by name", "root:1:2\nmike:100000:65536\n", 100000, 65536 },
	{ "by number", "1000:200000:5\n", 200000, 5 },
	{ "the first of two", "mike:7:1\nmike:9:1\n", 7, 1 },
	{ "without a line break", "mike:7:1", 7, 1 },
	{ "another's", "mik:7:1\nmikey:8:1\n", 0, 0 },
	{ "none granted", "mike:7:0\n", 0, 0 },
	{ "from 0 on: root's", "mike:0:10\n", 0, 0 },
	{ "past the end", "mike:4294967290:10\n", 0, 0 },
	{ "no row", "mike:7\nmike:x:1\nmike:7:-1\n:::\n\n", 0, 0 },
	{ "a good one behind bad ones", "mike:7\nmike:8:1\n", 8, 1 },
};

TEST(find)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct subids s = { 0 };

		row("%s", rows[i].name);
		EQ_INT(subids_find(str_c(rows[i].text), STR("mike"), 1000, &s), rows[i].n != 0);
		EQ_INT(s.first, rows[i].first);
		EQ_INT(s.n, rows[i].n);
	}
}
