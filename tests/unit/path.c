/* path: cleaning of foreign names, and hashes that do not see the /usr merge. */
#include "base/path.h"

#include "tap.h"

static const struct {
	const char *name, *want; /* NULL: refused */
} normal[] = {
	{ "usr/bin/x", "usr/bin/x" },
	{ "/usr/bin/x", "usr/bin/x" },
	{ "./usr//bin/./x/", "usr/bin/x" },
	{ "", "" },
	{ "/", "" },
	{ ".", "" },
	{ "./", "" },
	{ "a", "a" },
	{ "a/", "a" },
	{ "a/.", "a" },
	{ "a/..", NULL },
	{ "..", NULL },
	{ "../a", NULL },
	{ "a/../b", NULL },
	{ "...", "..." },
	{ "a/.../b", "a/.../b" },
	{ ".a/..b/.c.", ".a/..b/.c." },
	{ "a./b..", "a./b.." },
};

TEST(normal)
{
	for (size_t i = 0; i < ARRAY_LEN(normal); i++) {
		char out[PATH_BYTES_MAX];
		struct str got = STR_NONE;
		int r = path_normal(str_c(normal[i].name), out, &got);

		row("'%s'", normal[i].name);
		EQ_INT(r, normal[i].want ? 0 : -EBADMSG);
		if (normal[i].want)
			EQ_STR(got, str_c(normal[i].want));
	}
}

TEST(normal_nul)
{
	char out[PATH_BYTES_MAX];
	struct str got;

	EQ_INT(path_normal(STR("a\0b"), out, &got), -EBADMSG);
	EQ_INT(path_normal(STR("/a\0"), out, &got), -EBADMSG);
}

TEST(merged)
{
	OK(path_hash_merged(STR("bin/sh")) == path_hash(STR("usr/bin/sh")));
	OK(path_hash_merged(STR("lib64/ld.so")) == path_hash(STR("usr/lib64/ld.so")));
	OK(path_hash_merged(STR("usr/bin/sh")) == path_hash(STR("usr/bin/sh")));
	OK(path_hash_merged(STR("binary/x")) == path_hash(STR("binary/x")));
	OK(path_hash_merged(STR("")) == path_hash(STR("")));
}
