/* Fuzz target of the small readers of foreign text in base: dates, numbers, paths, patterns. The input is cut at its
 * first line feed into two texts. */
#include "base/date.h"
#include "base/num.h"
#include "base/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_date(struct str s)
{
	char text[DATE_TEXT_MAX];
	uint64_t seconds, again;

	if (date_parse(s, &seconds) && (!date_parse(str_c(date_time_text(seconds, text)), &again) || again != seconds))
		abort();
}

static bool is_normal(struct str path)
{
	char room[PATH_BYTES_MAX];
	struct str same;

	return path.n > PATH_BYTES_MAX || (path_normal(path, room, &same) == 0 && str_eq(path, same));
}

static void check_path(struct str a, struct str b)
{
	auto_arena struct arena arena = { 0 };
	char room[PATH_BYTES_MAX];
	struct str normal;

	if (path_normal(a, room, &normal) < 0)
		return;
	if (!is_normal(normal) || !path_under(normal, path_dir(normal)))
		abort();
	path_hash_merged(normal);
	if (str_find(b, 0) < 0 && !is_normal(path_resolve(&arena, normal, b)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str a = str_n(data, size), b = STR("");
	uint64_t v;

	str_split(a, '\n', &a, &b);
	check_date(a);
	check_path(a, b);
	/* A pattern is ours, but the name it is held against is not; both are bounded as names are. */
	if (str_glob(str_head(a, 64), str_head(b, PATH_BYTES_MAX)) && a.n == 0 && b.n)
		abort();
	if (num_u64(a, 10, &v) && !a.n)
		abort();
	return 0;
}
