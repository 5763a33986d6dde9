/* table: the analyzers, one row each, and the question which of them want a file. */
#include "inventory/analyzer.h"

#include "base/map.h"
#include "base/path.h"

const struct analyzer analyzers[] = {
	{ 0 },
};
const size_t analyzer_count = ARRAY_LEN(analyzers);

/* The patterns sorted by how they are looked up. Built at the first question, from the table alone. */
enum { KIND_PATH, KIND_NAME, KIND_ENDING, KIND_GLOB };

struct glob_row {
	struct str pattern;
	unsigned int analyzer;
};

static struct {
	bool ready;
	struct map paths, names, endings; /* text -> index into bits */
	VEC(uint64_t) bits;
	VEC(struct glob_row) globs;
	struct map links; /* every path on the way to a fixed path, itself included */
} index_;

static int kind_of(struct str pattern)
{
	if (pattern.p[0] == '/')
		return str_find(pattern, '*') < 0 ? KIND_PATH : KIND_GLOB;
	/* "*.jar": looked up by the ending from its last dot, so only such endings are allowed. */
	return pattern.p[0] == '*' ? KIND_ENDING : KIND_NAME;
}

static void index_bit(struct map *m, struct str key, unsigned int analyzer)
{
	bool added;
	uint32_t at = *map_put(m, key, (uint32_t)index_.bits.n, &added);

	if (added)
		vec_push(&index_.bits, 0);
	index_.bits.v[at] |= 1ull << analyzer;
}

static void index_links(struct str path)
{
	ptrdiff_t star = str_find(path, '*');

	if (star >= 0)
		path = path_dir(str_head(path, (size_t)star));
	for (; path.n; path = path_dir(path))
		map_put(&index_.links, path, 1, NULL);
}

static void index_pattern(struct str pattern, unsigned int analyzer)
{
	switch (kind_of(pattern)) {
	case KIND_PATH:
		index_bit(&index_.paths, str_from(pattern, 1), analyzer);
		index_links(str_from(pattern, 1));
		break;
	case KIND_GLOB:
		*vec_add(&index_.globs) = (struct glob_row){ str_from(pattern, 1), analyzer };
		index_links(str_from(pattern, 1));
		break;
	case KIND_ENDING:
		index_bit(&index_.endings, str_from(pattern, 1), analyzer);
		break;
	default:
		index_bit(&index_.names, pattern, analyzer);
	}
}

static void index_build(void)
{
	for (unsigned int i = 0; i < analyzer_count; i++)
		for (size_t k = 0; k < ANALYZER_PATTERNS_MAX && analyzers[i].patterns[k]; k++)
			index_pattern(str_c(analyzers[i].patterns[k]), i);
	index_.ready = true;
}

static uint64_t bits_of(const struct map *m, struct str key)
{
	const uint32_t *at = map_get(m, key);

	return at ? index_.bits.v[*at] : 0;
}

uint64_t analyzers_for_path(struct str path)
{
	struct str base = path_base(path);
	ptrdiff_t dot = str_rfind(base, '.');
	uint64_t bits;

	if (!index_.ready)
		index_build();
	bits = bits_of(&index_.paths, path) | bits_of(&index_.names, base);
	if (dot >= 0)
		bits |= bits_of(&index_.endings, str_from(base, (size_t)dot));
	for (size_t i = 0; i < index_.globs.n; i++)
		if (!(bits >> index_.globs.v[i].analyzer & 1) && str_glob(index_.globs.v[i].pattern, path))
			bits |= 1ull << index_.globs.v[i].analyzer;
	return bits;
}

bool analyzers_care_for_link(struct str path)
{
	if (!index_.ready)
		index_build();
	return map_get(&index_.links, path);
}
