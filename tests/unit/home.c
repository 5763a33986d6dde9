/* home: the home directory in a user database. */
#include "runtime/home.h"

#include "tap.h"

struct home_row {
	const char *name, *passwd;
	uint32_t uid;
	const char *home; /* NULL: none */
};
static const struct home_row rows[] = {
	{ "root", "root:x:0:0:root:/root:/bin/sh\n", 0, "/root" },
	{ "second line", "root:x:0:0::/root:\nu:x:1000:1000::/home/u:/bin/sh", 1000, "/home/u" },
	{ "first of two", "a:x:5:5::/a:\nb:x:5:5::/b:\n", 5, "/a" },
	{ "no shell", "a:x:5:5::/a", 5, "/a" },
	{ "not there", "root:x:0:0::/root:\n", 7, NULL },
	{ "number with a tail", "a:x:5x:5::/a:\n", 5, NULL },
	{ "no number", "a:x::5::/a:\n", 0, NULL },
	{ "beyond 32 bits", "a:x:4294967296:5::/a:\n", 0, NULL },
	{ "relative", "a:x:5:5::a/b:\n", 5, NULL },
	{ "empty home, then a good one", "a:x:5:5:::\nb:x:5:5::/b:\n", 5, "/b" },
	{ "control character", "a:x:5:5::/a\tb:\n", 5, NULL },
	{ "short", "a:x:5", 5, NULL },
	{ "empty", "", 0, NULL },
};

TEST(find)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str home = STR_NONE;

		row("%s", rows[i].name);
		EQ_INT(home_find(str_c(rows[i].passwd), rows[i].uid, &home), rows[i].home != NULL);
		EQ_STR(home, str_c(rows[i].home));
	}
}
