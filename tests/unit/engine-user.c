/* Whom a process runs as. */
#include "engine/user.h"

#include "tap.h"

#define PASSWD                                                                                                     \
	"root:x:0:0:root:/root:/bin/sh\nweb:x:101:102::/:/bin/false\nbroken\n:x:7:7::/:\nbig:x:4294967296:0::/:\n" \
	"minus:x:-1:0::/:\nlast:x:4294967295:0::/:\nnobody:x:65534:65534::/:"
#define GROUP "root:x:0:\nwww:x:102:web\nlog:x:103:root,web\nother:x:104:website\n"

static const struct {
	const char *spec;
	int r;
	uint32_t uid, gid;
	size_t groups;
} rows[] = {
	{ "", 0, 0, 0, 1 },
	{ "0", 0, 0, 0, 1 },
	{ "web", 0, 101, 102, 1 },
	{ "101", 0, 101, 102, 1 },
	{ "web:log", 0, 101, 103, 0 },
	{ "web:5", 0, 101, 5, 0 },
	{ "1000", 0, 1000, 0, 0 },
	{ "1000:1000", 0, 1000, 1000, 0 },
	{ ":7", 0, 0, 7, 0 },
	{ "nobody", 0, 65534, 65534, 0 },
	{ "4294967294", 0, 4294967294u, 0, 0 },
	{ "nobody:", -EBADMSG, 0, 0, 0 },
	{ "missing", -ENOENT, 0, 0, 0 },
	{ "web:missing", -ENOENT, 0, 0, 0 },
	{ "big", -ENOENT, 0, 0, 0 },
	{ "minus", -ENOENT, 0, 0, 0 },
	{ "last", -ENOENT, 0, 0, 0 },
	{ "4294967295", -EBADMSG, 0, 0, 0 },
	{ "4294967296", -EBADMSG, 0, 0, 0 },
	{ "18446744073709551616", -EBADMSG, 0, 0, 0 },
	{ "-1", -EBADMSG, 0, 0, 0 },
	{ "1x", -EBADMSG, 0, 0, 0 },
	{ "0:4294967295", -EBADMSG, 0, 0, 0 },
	{ "0:-1", -EBADMSG, 0, 0, 0 },
};

TEST(users)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct user_ids u = { .uid = 77 };
		struct err e = { 0 };

		row("user \"%s\"", rows[i].spec);
		EQ_INT(user_resolve(str_c(rows[i].spec), STR(PASSWD), STR(GROUP), &u, &e), rows[i].r);
		EQ_INT(u.uid, rows[i].r < 0 ? 77 : rows[i].uid);
		if (rows[i].r < 0)
			continue;
		EQ_INT(u.gid, rows[i].gid);
		EQ_INT(u.group_count, rows[i].groups);
	}
}
